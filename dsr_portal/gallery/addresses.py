"""One written form per address, so that the same page is found and blocked however it is typed.

The form is what keyed hashes are made of; it is never shown and need not be fetchable.
"""

import posixpath
import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from django.utils.translation import gettext as _

from dsr_portal.core.errors import BadInput

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|dclid|msclkid|igshid|mc_[ce]id|yclid")
_LONGEST = 4096
# RFC 3986, section 3.3: what may stand in a path without being encoded.
_PATH_SAFE = "/:@!$&'()*+,;=-._~"


def canonical(url: str) -> str:
    """The one form of an http address: RFC 3986 section 6, scheme, "www." and tracking left out.

    Raises `BadInput` for anything that is no address of a page or picture.
    """
    text = url.strip()
    if not text or len(text) > _LONGEST or any(ord(letter) < 32 for letter in text):
        raise _refusal()
    if not _SCHEME.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refusal() from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise _refusal()
    where = _host(host)
    if port is not None and port not in _DEFAULT_PORTS.values():
        where += f":{port}"
    query = _query(parts.query)
    return where + _path(parts.path) + (f"?{query}" if query else "")


def _host(host: str) -> str:
    name = host.rstrip(".").lower()
    try:
        name = name.encode("idna").decode("ascii") if not name.isascii() else name
    except UnicodeError:
        raise _refusal() from None
    if (
        not name
        or not re.fullmatch(r"[a-z0-9.:_-]+", name)
        or ("." not in name and ":" not in name)
    ):
        raise _refusal()
    return name.removeprefix("www.")


def _path(path: str) -> str:
    clean = quote(
        unquote(path, errors="surrogateescape"), safe=_PATH_SAFE, errors="surrogateescape"
    )
    clean = posixpath.normpath(f"/{clean.lstrip('/')}")
    return "" if clean == "/" else clean


def _query(query: str) -> str:
    kept = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
        if not _TRACKING.fullmatch(name.lower())
    ]
    return urlencode(sorted(kept), errors="surrogateescape")


def _refusal() -> BadInput:
    return BadInput("bad_address", _("This is not the address of a page or picture (https://...)."))
