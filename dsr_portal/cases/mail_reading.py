"""What a message says, as far as it can be read; nothing a sender can write makes this fail.

The older policy of the standard library (`compat32`) takes the message apart: the newer one looks
deeper into headers and fails on more of the broken ones. Everything is bounded: `READ_MOST`
bytes are looked at, `MOST_PARTS` parts, `MOST_WORDS` characters of text. What is beyond stays in
the original, and `trouble` says so. No part is opened: a picture is named, never decoded (R28).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from dsr_portal.core import references

READ_MOST = 8 * 1024 * 1024
"""Bytes of a message that are taken apart: text comes first, attachments after it."""
HEADERS_MOST = 256 * 1024
HEADER_LINE = 2000
PASSED_ON = timedelta(days=5)
"""How long a mail server keeps trying to pass a message on (RFC 5321, 4.5.4.1)."""
MOST_PARTS = 60
MOST_WORDS = 20_000
MOST_NAME = 100
UNKNOWN_KIND = "application/octet-stream"

# What the standard library is known to raise on bytes that are no message.
_UNREADABLE = (
    MessageError,
    RecursionError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
)
_REFERENCE = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{3}[- ]?[0-9A-Za-z]{4}(?![0-9A-Za-z])")
_OUR_ID = re.compile(
    r"<([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@[^<>\s]{1,255}>"
)
_FAILED = re.compile(rb"^Action:[ \t]*failed\b", re.IGNORECASE | re.MULTILINE)
_RETURNED = re.compile(rb"^Message-ID:\s{0,4}(<[^<>\s]{1,300}>)", re.IGNORECASE | re.MULTILINE)
_BY_HOST = re.compile(r"\bby\s+([A-Za-z0-9._-]{1,255})", re.IGNORECASE)
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "blockquote", "table"})


@dataclass(frozen=True, slots=True)
class Part:
    """Something attached. `number` finds it in the original again."""

    number: int
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ReadMail:
    """One message. `sender` is an address or empty, `arrived` what our own server wrote."""

    sender: str
    name: str
    subject: str
    words: str
    arrived: datetime | None
    named: tuple[str, ...]
    answers: tuple[UUID, ...]
    parts: tuple[Part, ...] = ()
    trouble: tuple[str, ...] = ()
    automatic: bool = False
    """A machine wrote it (RFC 3834): nothing is sent back by a machine."""

    bounced: tuple[UUID, ...] = ()
    """Ids of mails of ours that this report says were not delivered, for good (RFC 3464)."""

    def as_json(self) -> dict[str, Any]:
        """What an officer reads beside the original; kept in the vault with it."""
        return {
            "sender": self.sender,
            "name": self.name,
            "subject": self.subject,
            "words": self.words,
            "parts": [[one.number, one.name, one.media_type, one.size] for one in self.parts],
        }


def read_mail(data: bytes, *, whole: bool = True, own_hosts: Collection[str] = ()) -> ReadMail:
    """Read the bytes of a message; `whole` is False where these are only its beginning."""
    trouble = [] if whole else ["cut"]
    headers = _Headers(data)
    body = _Body()
    try:
        body.read(BytesParser(policy=policy.compat32).parsebytes(data))
    except _UNREADABLE:
        trouble.append("unreadable")
        body = _Body(plain=[_decoded(data.partition(b"\n\n")[2] or data, "utf-8")])
    sender, name = headers.sender()
    if not sender:
        trouble.append("no_sender")
    if body.more:
        trouble.append("many_parts")
    words = clean(body.words())
    if len(words) > MOST_WORDS:
        trouble.append("long")
    subject = clean(headers.text("subject"))
    return ReadMail(
        sender=sender,
        name=clean(name)[:MOST_NAME],
        subject=subject[:200],
        words=words[:MOST_WORDS],
        arrived=headers.arrived(own_hosts),
        named=tuple(_references(subject)),
        answers=tuple(headers.answers()),
        parts=tuple(body.parts),
        trouble=tuple(trouble),
        automatic=headers.automatic(),
        bounced=_bounced(headers, data),
    )


def clean(text: str) -> str:
    """Text a page and a database take: no NUL, no control characters, no lone surrogates."""
    kept = (
        letter if letter.isprintable() or letter in "\n\t" else " "
        for letter in text.replace("\r\n", "\n").replace("\r", "\n")
    )
    return "".join(kept).strip()


def _references(subject: str) -> list[str]:
    """Case references in the subject, in their one written form; the check character holds."""
    found = (references.normalise(one) for one in _REFERENCE.findall(subject))
    return list(dict.fromkeys(one for one in found if one))[:5]


def _bounced(headers: "_Headers", data: bytes) -> tuple[UUID, ...]:
    """A report that delivery failed names the mail it is about in the part it gives back. That it
    is only late is no failure."""
    kind = next(headers.raw("content-type"), "").lower()
    if not kind.startswith("multipart/report") or "delivery-status" not in kind:
        return ()
    body = data[:HEADERS_MOST].partition(b"\n\n")[2] or data[:HEADERS_MOST]
    if not _FAILED.search(body):
        return ()
    returned = (one.decode("ascii", "replace").lower() for one in _RETURNED.findall(body)[:5])
    return tuple(UUID(found[1]) for one in returned if (found := _OUR_ID.fullmatch(one)))


class _Headers:
    """The head of a message, read on its own: it stays readable where the body is not."""

    def __init__(self, data: bytes) -> None:
        head = re.split(rb"\r?\n\r?\n", data[:HEADERS_MOST], maxsplit=1)[0]
        try:
            parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(head)
            self._rows = [(name.lower(), str(value)) for name, value in parsed.raw_items()]
        except _UNREADABLE:
            self._rows = []

    def raw(self, name: str) -> Iterator[str]:
        """Values of a header as they came, the topmost first."""
        for found, value in self._rows:
            if found == name:
                joined = " ".join(value.split())[:HEADER_LINE]
                yield _decoded(joined.encode("ascii", "surrogateescape"), "utf-8")

    def text(self, name: str) -> str:
        return _words_of(next(self.raw(name), ""))

    def sender(self) -> tuple[str, str]:
        """Address and name of the first author; an address that is none counts as none."""
        try:
            found = getaddresses([next(self.raw("from"), "")])
            name, address = found[0] if found else ("", "")
            validate_email(address)
        except (ValidationError, *_UNREADABLE):
            return "", ""
        return address, _words_of(name)

    def automatic(self) -> bool:
        """Auto-Submitted says so, or the envelope took no answer (RFC 3834, RFC 5321 4.5.5)."""
        said = self.text("auto-submitted").partition(";")[0].strip().lower()
        return said not in {"", "no"} or self.text("return-path").replace(" ", "") == "<>"

    def answers(self) -> Iterator[UUID]:
        """Ids in the form of those our own mails carry, the nearest first."""
        for name in ("in-reply-to", "references"):
            for value in self.raw(name):
                for one in reversed(_OUR_ID.findall(value.lower())):
                    yield UUID(one)

    def arrived(self, own_hosts: Collection[str]) -> datetime | None:
        """When our own server took it: the topmost Received line, which a sender can't write.

        Where several servers of ours pass it on, `own_hosts` names them, and the lowest line of
        theirs counts; each is believed once, for the lines below it are the sender's. A sender who
        writes a line as one of ours gains no more than the time a server tries to pass mail on.
        """
        lines = list(self.raw("received"))
        if not own_hosts:
            return _moment(lines[0]) if lines else None
        ours = {one.lower() for one in own_hosts}
        arrived = None
        for line in lines:
            by = _BY_HOST.search(line)
            if by is None or by[1].lower() not in ours:
                break
            ours.discard(by[1].lower())
            moment = _moment(line)
            if arrived is not None and moment is not None and arrived - moment > PASSED_ON:
                break
            arrived = moment or arrived
        return arrived


def _moment(line: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(line.rpartition(";")[2].strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except _UNREADABLE:
        return None


@dataclass(slots=True)
class _Body:
    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    more: bool = False

    def read(self, message: Message) -> None:
        for number, part in enumerate(leaves(message)):
            if number >= MOST_PARTS:
                self.more = True
                return
            self._take(number, part)

    def _take(self, number: int, part: Message) -> None:
        kind, name, attached = _label(part)
        if kind in {"text/plain", "text/html"} and not attached:
            text = _decoded(payload(part)[: 4 * MOST_WORDS], charset_of(part))
            (self.plain if kind == "text/plain" else self.html).append(text)
            return
        self.parts.append(Part(number, name, kind, len(payload(part))))

    def words(self) -> str:
        if any(one.strip() for one in self.plain):
            return "\n\n".join(self.plain)
        return "\n\n".join(_text_of_html(one) for one in self.html)


def leaves(message: Message) -> Iterator[Message]:
    """Parts that hold something, in order, without recursion; a forwarded message is one of them
    only by what it holds itself."""
    waiting: list[Any] = [message]
    while waiting:
        one = waiting.pop()
        inner = one.get_payload() if one.is_multipart() else None
        if isinstance(inner, list):
            waiting += reversed(inner)
        else:
            yield one


def _label(part: Message) -> tuple[str, str, bool]:
    """Kind and name of a part, and whether it was attached rather than written."""
    try:
        kind = clean(part.get_content_type())[:MOST_NAME]
        name = clean(_words_of(str(part.get_filename() or "")))[:MOST_NAME]
        return kind, name, bool(name) or part.get_content_disposition() == "attachment"
    except _UNREADABLE:
        return UNKNOWN_KIND, "", True


def payload(part: Message) -> bytes:
    """The bytes of a part with its transfer encoding undone; nothing where that can't be done."""
    try:
        found = part.get_payload(decode=True)
    except _UNREADABLE:
        return b""
    return found if isinstance(found, bytes) else b""


def charset_of(part: Message) -> str:
    try:
        return str(part.get_content_charset() or "utf-8")
    except _UNREADABLE:
        return "utf-8"


def _decoded(data: bytes, charset: str) -> str:
    """Bytes as text: by the charset that is named; where nobody knows it, by the most usual."""
    try:
        return data.decode(charset, "replace")
    except _UNREADABLE:
        return data.decode("utf-8", "replace")


def _words_of(raw: str) -> str:
    """A header's text with its encoded words undone, or as it stands."""
    try:
        pieces = decode_header(raw)
    except _UNREADABLE:
        return raw
    return "".join(
        _decoded(one, charset or "ascii") if isinstance(one, bytes) else one
        for one, charset in pieces
    )


class _Text(HTMLParser):
    """Words of a page without its marks; nothing in it is run, fetched or followed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT and not self._silent:
            self._silent = tag
        elif tag in _BREAKS:
            self.pieces.append("\n")
        if tag == "body":
            self._silent = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(" ".join(data.split()) + " " if data.strip() else "")


def _text_of_html(html: str) -> str:
    reader = _Text()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, *_UNREADABLE):
        return re.sub(r"<[^<>]{0,2000}>", " ", html)
    text = "".join(reader.pieces)
    return re.sub(r"\s*\n\s*", "\n", text) or re.sub(r"<[^<>]{0,2000}>", " ", html)
