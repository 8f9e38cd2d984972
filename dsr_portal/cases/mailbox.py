"""A Maildir as it lies on disk: what waits in it, and what was taken.

A mail program that somebody reads the mailbox with moves messages from `new` to `cur`; both are
looked at, or such a message would be lost. What was taken goes to `.dsr-done`, after the commit
only, and is removed from there 14 days later: until then a restored backup can have it again.
"""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from django.utils.translation import gettext as _

from dsr_portal.core.clock import real_now
from dsr_portal.core.errors import BadInput

DONE = ".dsr-done"
MAIL_ORIGINAL, MAIL_READING = "original", "reading"
"""Fields of the vault unit of a message: its bytes, and what could be read of them."""
KEEP_DONE = timedelta(days=14)
_CHUNK = 1024 * 1024


def require_maildir(folder: Path) -> None:
    """Raise `BadInput("no_maildir")` for a folder that is none."""
    if not all((folder / name).is_dir() for name in ("new", "cur")):
        raise BadInput(
            "no_maildir",
            _("%(folder)s is no Maildir: it has no folders named new and cur.")
            % {"folder": folder},
        )


def waiting(folder: Path) -> list[Path]:
    """Messages in the order they came, as their names tell it."""
    found = [path for name in ("new", "cur") for path in (folder / name).iterdir()]
    return sorted((path for path in found if _is_message(path)), key=lambda path: path.name)


def _is_message(path: Path) -> bool:
    """A file of the mailbox itself: no link to something else, no hidden file."""
    try:
        return not path.name.startswith(".") and stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a message, piece by piece; a link put in its place is not followed."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while piece := file.read(_CHUNK):
            yield piece


def digest(path: Path) -> bytes:
    summed = sha256()
    for piece in chunks(path):
        summed.update(piece)
    return summed.digest()


def beginning(path: Path, most: int) -> bytes:
    """At most so many bytes from the front."""
    kept = bytearray()
    for piece in chunks(path):
        kept += piece[: most - len(kept)]
        if len(kept) >= most:
            break
    return bytes(kept)


def laid_down(path: Path) -> datetime:
    """When the file came into the mailbox: the earlier of its own time and that in its name."""
    times = [path.lstat().st_mtime]
    first = path.name.partition(".")[0]
    if first.isascii() and first.isdigit() and 9 <= len(first) <= 10:
        times.append(int(first))
    return datetime.fromtimestamp(min(times), tz=UTC)


def mark_done(folder: Path, path: Path) -> None:
    """Move a message that was taken and committed out of the way."""
    for name in ("", "new", "tmp", "cur"):
        (folder / DONE / name).mkdir(mode=0o700, exist_ok=True)
    base = path.name.partition(":")[0]
    target = folder / DONE / "cur" / f"{base}:2,S"
    os.replace(path, target)
    moved = real_now().timestamp()
    os.utime(target, (moved, moved), follow_symlinks=False)


def sweep_done(folder: Path) -> int:
    """Remove what was taken long enough ago; how many files."""
    place = folder / DONE / "cur"
    if not place.is_dir():
        return 0
    before = (real_now() - KEEP_DONE).timestamp()
    old = [path for path in place.iterdir() if path.lstat().st_mtime < before]
    for path in old:
        path.unlink()
    return len(old)
