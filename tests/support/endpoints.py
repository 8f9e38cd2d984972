"""Real https servers on this machine, with a certificate authority made by the test (R33)."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """A certificate authority in a folder; `ca` is the file clients trust."""

    folder: Path
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        builder = _builder(self.name, self.name, self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), True
        )
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False
        )
        self.ca.write_bytes(_pem(builder.sign(self.key, hashes.SHA256())))

    def certify(self, *names: str) -> tuple[Path, Path]:
        """Certificate and key of a server with these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        builder = _builder(subject, self.name, key.public_key())
        alternatives = x509.SubjectAlternativeName([_san(name) for name in names])
        builder = builder.add_extension(alternatives, False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
        )
        stem = self.folder / names[0].replace(":", "_")
        chain, secret = stem.with_suffix(".crt"), stem.with_suffix(".key")
        chain.write_bytes(_pem(builder.sign(self.key, hashes.SHA256())))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return chain, secret


def _builder(subject: x509.Name, issuer: x509.Name, public: Any) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
    )


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Got:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """A recipient's server; `answer` is what it does with a request, and can be changed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: list[Got] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] = says(200)


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hangs(handler: BaseHTTPRequestHandler) -> None:
    """Says nothing for longer than anybody waits."""
    handler.server.stop.wait(30)  # type: ignore[attr-defined]  # set by `serving`


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: each read succeeds, the whole never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while not handler.server.stop.is_set():  # type: ignore[attr-defined]  # set by `serving`
        handler.wfile.write(b".")
        handler.wfile.flush()
        time.sleep(0.05)


def pours(handler: BaseHTTPRequestHandler) -> None:
    """More than is ever read, without saying how much."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(64):
        handler.wfile.write(b"x" * 65536)


@contextmanager
def serving(
    authority: Authority, *names: str, host: str = "localhost", version: Any = None
) -> Iterator[Endpoint]:
    """An https server on 127.0.0.1 whose certificate has these names ("localhost" if none)."""
    chain, key = authority.certify(*(names or ("localhost",)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    if version is not None:
        context.maximum_version = version

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server asks for this name
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            endpoint.got.append(Got(self.path, dict(self.headers.items()), body))
            try:
                endpoint.answer(self)
            except OSError:
                self.close_connection = True  # the other side went away, as it should

        def log_message(self, *_args: Any) -> None:
            """Tests look at `got`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        stop = threading.Event()

        def handle_error(self, *_args: Any) -> None:
            """A client that ends the handshake is what some tests are about."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            request.settimeout(10)
            secured = context.wrap_socket(request, server_side=True)
            super().finish_request(secured, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    endpoint = Endpoint(f"https://{host}:{server.server_address[1]}/notices")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield endpoint
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
