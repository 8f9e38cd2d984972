"""Runs the confined children that meet bytes from outside (rule R28).

A child is started by exec with an empty environment and no inherited descriptors, and is called
by protocol (see `biometrics/decode.py`), never by import. What it answers is checked as if it
came from outside: a decoder that was taken over can return wrong pixels, nothing else.
"""

import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import require_outside_transaction

DECODER = ("biometrics.decode",)
_CAGE = "dsr_portal.vault.cage"
INSPECTOR = ("dsr_portal.documents.inspect",)
PER_CHILD = 500
"""Pictures of an import one child decodes; an outside upload gets a fresh one."""

START_SECONDS = 30.0
PICTURE_SECONDS = 40.0
MAX_SIDE = 4096
MAX_BYTES = 32 * 1024 * 1024
"""Of one gallery picture; what a person sends is limited by DSR_MAX_UPLOAD."""
MAX_PIXELS = 64_000_000
_MAX_HEADER = 64 * 1024
MAX_METADATA = 1024 * 1024
_LENGTH = struct.Struct(">I")
_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "HEIC", "AVIF", "GIF"})

MESSAGES = {
    "empty": _("The file is empty. Please choose the picture again."),
    "too_many_bytes": _(
        "The file is too large: at most %(megabytes)s MB can be sent. A normal photo from a phone "
        "is smaller. Please choose another one or a smaller version of it."
    ),
    "too_many_pixels": _(
        "The picture has too many pixels (more than 64 million). Please send a smaller version, "
        "for example a screenshot of it."
    ),
    "not_a_picture": _(
        "This file is not a picture, whatever its name says. Please choose a photo (JPEG, PNG, "
        "WEBP or HEIC)."
    ),
    "format_not_allowed": _(
        "We can't read this kind of file. Please save the picture as JPEG or PNG and send it again."
    ),
    "truncated": _(
        "A part of the picture is missing or damaged, often because it was not copied to the end. "
        "Please send it again from where it was taken."
    ),
    "decoder_died": _(
        "The picture could not be read. Please save it as JPEG or PNG and send it again."
    ),
    "timeout": _(
        "Reading the picture took too long. Please save it as JPEG or PNG and send it again."
    ),
}


def refusal(code: str) -> str:
    """What a refusal code says to a person, in the language active now."""
    text = str(MESSAGES.get(code, MESSAGES["decoder_died"]))
    return text % {"megabytes": settings.DSR_MAX_UPLOAD // 2**20} if "%(" in text else text


class PictureRefused(BadInput):
    """A picture that is not used: what, why and what to do, in plain words."""

    def __init__(self, code: str, **context: Any) -> None:
        code = code if code in MESSAGES else "decoder_died"
        super().__init__(code, lazy(refusal, str)(code), **context)


class ChildFailed(Exception):
    """The child died, answered nonsense ("decoder_died") or was too slow ("timeout")."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels: RGB rows of 8 bits, upright, without metadata. Sizes are in pixels."""

    rgb: bytes
    width: int
    height: int
    format: str
    original_width: int
    original_height: int
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Metadata:
    """What stands in a file beside its pixels: block, name and text of each entry (law A-02).

    `unreadable` names blocks that could not be read, `previews` counts small pictures inside the
    file, `cut` entries that were shortened or left out because there were too many.
    """

    entries: tuple[tuple[str, str, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    previews: int = 0
    cut: int = 0


UNREAD = Metadata(unreadable=("file",))


# -- pictures -----------------------------------------------------------------------------------


def decode_picture(data: bytes, *, max_side: int = MAX_SIDE) -> Picture:
    """Decode one outside upload in a fresh child; `PictureRefused` says why not."""
    require_outside_transaction("Decoding a picture")
    if len(data) > settings.DSR_MAX_UPLOAD:
        raise PictureRefused("too_many_bytes", size=len(data))
    with picture_session(per_child=1) as session:
        return session.decode(data, max_side=max_side)


@contextmanager
def picture_session(*, per_child: int = PER_CHILD) -> Iterator["PictureSession"]:
    """Decode many pictures of one import, a child per so many; the child ends with the block."""
    require_outside_transaction("Decoding pictures")
    session = PictureSession(per_child)
    try:
        yield session
    finally:
        session.close()


class PictureSession:
    """A decoder that is replaced after `per_child` pictures, and when it died or hung."""

    def __init__(self, per_child: int) -> None:
        self._per_child = per_child
        self._child: Child | None = None
        self._used = 0
        self.started = 0
        """How many children this session has used."""

    def start(self) -> None:
        """Begin a child now, so that the first picture does not wait for it.

        One that can't begin is told with the picture that needs it.
        """
        try:
            self._begin()
        except ChildFailed:
            self.close()

    def decode(self, data: bytes, *, max_side: int = MAX_SIDE) -> Picture:
        if not data:
            raise PictureRefused("empty")
        if len(data) > MAX_BYTES:
            raise PictureRefused("too_many_bytes", size=len(data))
        try:
            header, rgb = self._next().ask(
                {"op": "decode", "max_side": max_side, "max_pixels": MAX_PIXELS},
                data,
                seconds=PICTURE_SECONDS,
                most=3 * max_side * max_side,
            )
            return _picture(header, rgb, max_side)
        except ChildFailed as error:
            self.close()
            raise PictureRefused(error.code) from error

    def metadata(self, data: bytes) -> "Metadata":
        """What a camera or a program wrote into a file; one that can't be read at all says so."""
        if not data or len(data) > MAX_BYTES:
            return UNREAD
        try:
            header, body = self._next().ask(
                {"op": "metadata"}, data, seconds=PICTURE_SECONDS, most=MAX_METADATA
            )
            return _metadata(header, body)
        except ChildFailed:
            self.close()
            return UNREAD

    def _next(self) -> "Child":
        """The child for one more file, a new one where the last has read its number."""
        if self._child is not None and self._used >= self._per_child:
            self.close()
        child = self._begin()
        self._used += 1
        return child

    def _begin(self) -> "Child":
        if self._child is None:
            self._child, self._used = Child(DECODER), 0
            self.started += 1
        return self._child

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def _picture(header: Mapping[str, Any], rgb: bytes, max_side: int) -> Picture:
    if header.get("ok") is False:
        raise PictureRefused(str(header.get("code")))
    numbers = [
        header.get(name)
        for name in ("width", "height", "original_width", "original_height", "frames")
    ]
    if header.get("ok") is not True or header.get("format") not in _FORMATS:
        raise ChildFailed("decoder_died")
    if not all(type(number) is int and 0 < number <= MAX_PIXELS for number in numbers):
        raise ChildFailed("decoder_died")
    width, height, original_width, original_height, frames = (int(str(n)) for n in numbers)
    if max(width, height) > max_side or len(rgb) != 3 * width * height:
        raise ChildFailed("decoder_died")
    return Picture(
        rgb, width, height, str(header["format"]), original_width, original_height, frames
    )


def _metadata(header: Mapping[str, Any], body: bytes) -> Metadata:
    """The child's answer, looked at as if it came from outside."""
    if header.get("ok") is not True:
        return UNREAD
    try:
        told = json.loads(body)
        entries = tuple((str(block), str(name), str(text)) for block, name, text in told["entries"])
        return Metadata(
            entries=entries,
            unreadable=tuple(str(one) for one in told["unreadable"]),
            previews=max(0, int(told["previews"])),
            cut=max(0, int(told["cut"])),
        )
    except (ValueError, KeyError, TypeError):
        raise ChildFailed("decoder_died") from None


# -- children -----------------------------------------------------------------------------------


def run_child(
    argv: Sequence[str],
    request: Mapping[str, Any],
    data: bytes = b"",
    *,
    seconds: float = PICTURE_SECONDS,
    most: int = 256 * 1024 * 1024,
) -> tuple[dict[str, Any], bytes]:
    """Ask a fresh child one thing: `argv` is the module to run and its arguments.

    Returns header and bytes as the child sent them, of at most `most` bytes. `ChildFailed` when
    it died, answered nonsense or took too long.
    """
    require_outside_transaction("Running a confined child")
    with Child(argv) as child:
        return child.ask(request, data, seconds=seconds, most=most)


def run_piped(
    argv: Sequence[str],
    data: bytes,
    *,
    seconds: float = PICTURE_SECONDS,
    most: int = 1024 * 1024,
) -> bytes:
    """Run a module in the cage with a file on its standard input; return what it wrote.

    `argv` is the module and its arguments (`INSPECTOR` and fingerprints for a PDF). `ChildFailed`
    when it ended with an error, wrote more than `most` bytes or took too long.
    """
    require_outside_transaction("Running a confined child")
    process = _start([_CAGE, *argv])
    try:
        out, _ = process.communicate(data, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ChildFailed("timeout") from None
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0 or len(out) > most:
        raise ChildFailed("decoder_died")
    return bytes(out)


def _start(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    # No preexec_fn: the parent has threads. The child limits itself before it reads.
    return subprocess.Popen(
        [sys.executable, "-s", "-B", "-m", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd=settings.ROOT,
        close_fds=True,
        start_new_session=True,
        bufsize=0,
    )


class Child:
    """One confined process and its two pipes, every wait of which has an end."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = _start(argv)
        if self._process.stdin is None or self._process.stdout is None:
            raise ChildFailed("decoder_died")
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        try:
            hello, _ = self._receive(time.monotonic() + START_SECONDS, most=0)
        except ChildFailed:
            self.close()
            raise
        self.confined: dict[str, Any] = hello.get("confined", {})

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(
        self, request: Mapping[str, Any], data: bytes, *, seconds: float, most: int
    ) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + seconds
        text = json.dumps({**request, "size": len(data)}).encode()
        self._send(_LENGTH.pack(len(text)) + text, deadline)
        self._send(data, deadline)
        return self._receive(deadline, most=most)

    def close(self) -> None:
        """End the process: nothing it still does is of use."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._in, view[: 1 << 20]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise ChildFailed("decoder_died") from None

    def _receive(self, deadline: float, *, most: int) -> tuple[dict[str, Any], bytes]:
        length = _LENGTH.unpack(self._read(_LENGTH.size, deadline))[0]
        if length > _MAX_HEADER:
            raise ChildFailed("decoder_died")
        try:
            header = json.loads(self._read(length, deadline))
            size = header["size"]
        except (ValueError, KeyError, TypeError):
            raise ChildFailed("decoder_died") from None
        if type(size) is not int or not 0 <= size <= most:
            raise ChildFailed("decoder_died")
        return header, self._read(size, deadline)

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        at = 0
        while at < count:
            self._wait(self._out, select.POLLIN, deadline)
            try:
                got = os.readv(self._out, [view[at : at + (1 << 20)]])
            except BlockingIOError:
                continue
            if not got:
                raise ChildFailed("decoder_died")
            at += got
        return bytes(data)

    def _wait(self, descriptor: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise ChildFailed("timeout")
