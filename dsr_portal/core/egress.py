"""The one door to the outside: https to addresses two persons listed (rule R33).

The name is resolved once and the connection goes to exactly what was checked, so that a name that
answers differently a moment later (DNS rebinding) leads nowhere. Every answer of the resolver must
be a global unicast address, also one wrapped into an IPv6 address. A redirect is not followed, an
answer is read up to a limit, and one deadline covers it all. Processes that touch faces refuse.
"""

import http.client
import ipaddress
import socket
import ssl
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.core.errors import BadInput, NotAllowed, PortalError, Unavailable
from dsr_portal.core.registries import egress_lists
from dsr_portal.core.transactions import outside

DEADLINE_SECONDS = 20.0
"""For name, connection, TLS, request and answer together."""

MOST_SENT = 256 * 1024
MOST_READ = 64 * 1024
_LONGEST_ADDRESS = 500
_PIECE = 8192

FACE_QUEUES = ("probe", "search", "enrol", "reenrol")
"""Workers of these queues, and of groups of the search ("search.1"), hold faces in memory."""

_FACE_MODULES = ("onnxruntime", "tensorflow", "hnswlib", "deepface", "cv2")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_refused_for = ""


class Refused(NotAllowed):
    """Egress does not open this connection, whatever the other side would say."""


class Unreachable(Unavailable):
    """The other side did not answer as it must; trying again later may work."""


class BadAnswer(PortalError):
    """The other side answered what is not taken: a redirect, or too much."""

    http_status = 502


@dataclass(frozen=True, slots=True)
class Address:
    """A checked https address: what is connected to, and what is asked for there."""

    host: str
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; `body` is at most `MOST_READ` bytes."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


# -- which process ------------------------------------------------------------------------------


def refuse_in_this_process(kind: str) -> None:
    """From now on nothing leaves this process or its children; `kind` is what it does."""
    global _refused_for  # noqa: PLW0603 - a process is of one kind for its whole life
    _refused_for = kind


def kind_of_worker(queues: Iterable[str]) -> str:
    """The first queue that makes a worker one that touches faces; "" for the others."""
    return next((name for name in queues if name.split(".")[0] in FACE_QUEUES), "")


def touches_faces() -> str:
    """What makes this process one without egress: its kind, or a library it has loaded."""
    return _refused_for or next((name for name in _FACE_MODULES if name in sys.modules), "")


# -- which address ------------------------------------------------------------------------------


def parse(url: str) -> Address:
    """The parts of an address that can be listed; `BadInput` for every other."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise _no_address() from None
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or len(text) > _LONGEST_ADDRESS or parts.scheme != "https" or not host:
        raise _no_address()
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _no_address()
    target = parts.path or "/"
    return Address(host, port, f"{target}?{parts.query}" if parts.query else target)


def listed(url: str) -> bool:
    """Whether two persons put this very address on a list (each app has its own)."""
    return any(has(url) for _name, has in egress_lists.items())


def is_global_unicast(text: str) -> bool:
    """True for an address of the open internet, one machine, not wrapped around another kind."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if "%" in text:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.teredo is not None or address.is_site_local:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_global(inner)
    return _is_global(address)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_loopback
        and not address.is_link_local
    )


def _allowed(text: str) -> bool:
    return is_global_unicast(text) or (_for_tests() and ipaddress.ip_address(text).is_loopback)


def _for_tests() -> bool:
    """Tests name a certificate authority of their own: then this machine may be reached too."""
    if not settings.DSR_EGRESS_TEST_CA:
        return False
    if settings.DSR_PRODUCTION:
        raise Refused("egress_test_ca", "DSR_EGRESS_TEST_CA is set in production.")
    return True


# -- sending ------------------------------------------------------------------------------------


@outside("Calling another system")
def post(*, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a body to a listed address and return what came back, whatever its status below 300
    or above 399.

    Raises `Refused` (this process, this address), `Unreachable` (no name, no connection, no valid
    certificate, no answer in time) and `BadAnswer` (redirect, oversized).
    """
    if kind := touches_faces():
        raise Refused("egress_face_process", _no_egress(), kind=kind)
    address = parse(url)
    if not listed(url):
        raise Refused("egress_not_listed", _("Two persons have to list this address first."))
    if len(body) > MOST_SENT:
        raise BadInput("egress_too_large", _("This is too much for one call."), size=len(body))
    with _clock(DEADLINE_SECONDS) as timer, _connected(address, timer) as connection:
        return _exchange(connection, address, body, headers, timer)


class _Timer:
    """Closes the connection when the deadline passes: a side that drips bytes ends too."""

    def __init__(self, seconds: float) -> None:
        self.passed = threading.Event()
        self.seconds = seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._thread = threading.Timer(seconds, self._end)
        self._thread.daemon = True
        self._thread.start()

    def watch(self, opened: socket.socket) -> None:
        with self._lock:
            self._socket = opened
            late = self.passed.is_set()
        if late:
            raise _late()

    def _end(self) -> None:
        with self._lock:
            self.passed.set()
            if self._socket is not None:
                # A TLS socket's own shutdown would wait for the other side.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def stop(self) -> None:
        self._thread.cancel()


@contextmanager
def _clock(seconds: float) -> Iterator[_Timer]:
    timer = _Timer(seconds)
    try:
        yield timer
    except (OSError, http.client.HTTPException) as error:
        if timer.passed.is_set():
            raise _late() from error
        if isinstance(error, ssl.SSLError):
            raise Unreachable("egress_tls", _("The certificate is not valid.")) from error
        raise Unreachable("egress_no_answer", _("The other system does not answer.")) from error
    finally:
        timer.stop()


@contextmanager
def _connected(address: Address, timer: _Timer) -> Iterator[http.client.HTTPConnection]:
    places = _resolve(address, timer.seconds)
    for place in places:
        if not _allowed(place):
            raise Refused(
                "egress_private_address", _("This name leads to a machine that is not public.")
            )
    opened = _open(places, address.port, timer)
    secured = _context().wrap_socket(
        opened, server_hostname=address.host, do_handshake_on_connect=False
    )
    try:
        timer.watch(secured)
        secured.do_handshake()
        connection = http.client.HTTPConnection(address.host, address.port)
        connection.auto_open = 0
        connection.sock = secured
        yield connection
    finally:
        secured.close()


def _open(places: list[str], port: int, timer: _Timer) -> socket.socket:
    """A connection to the first of the checked addresses that takes one."""
    last: OSError | None = None
    for place in places:
        try:
            return socket.create_connection((place, port), timeout=timer.seconds)
        except OSError as error:
            last = error
            if timer.passed.is_set():
                break
    raise last or OSError("no address")


def _resolve(address: Address, seconds: float) -> list[str]:
    """The addresses of a name, asked once; a resolver that hangs is left behind."""
    found: list[str] = []
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failed.append(error)
            return
        found.extend(dict.fromkeys(str(row[4][0]) for row in rows))

    thread = threading.Thread(target=ask, name="egress-resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed or not found:
        raise Unreachable("egress_no_name", _("The name of the other system is not known."))
    return found


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=settings.DSR_EGRESS_TEST_CA if _for_tests() else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _exchange(
    connection: http.client.HTTPConnection,
    address: Address,
    body: bytes,
    headers: Mapping[str, str],
    timer: _Timer,
) -> Answer:
    # HTTPConnection would resolve again if it had to connect; it has its socket already.
    host = f"[{address.host}]" if ":" in address.host else address.host
    known = {"Host": host if address.port == 443 else f"{host}:{address.port}"}
    known["Connection"] = "close"
    connection.request("POST", address.target, body=body, headers={**known, **headers})
    answer = connection.getresponse()
    if 300 <= answer.status < 400:
        raise BadAnswer("egress_redirect", _("The other system sent us elsewhere."))
    data = _read(answer)
    if timer.passed.is_set():
        raise _late()
    return Answer(answer.status, data)


def _read(answer: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    while piece := answer.read(_PIECE):
        size += len(piece)
        if size > MOST_READ:
            raise BadAnswer("egress_oversized", _("The other system answered too much."))
        parts.append(piece)
    return b"".join(parts)


def _late() -> Unreachable:
    return Unreachable("egress_too_slow", _("The other system took too long."))


def _no_address() -> BadInput:
    return BadInput(
        "egress_bad_address", _("Give a full address like https://company.example/notices.")
    )


def _no_egress() -> str:
    return _("This process works with faces and calls nobody.")
