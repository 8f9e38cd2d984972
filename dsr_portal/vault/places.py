"""Small files kept twice, in two folders on two disks: written whole, one place after the other.

No Django in here: settings read the ring's secrets before Django starts.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


class UnsafePlace(Exception):
    """A folder or file of a place can be read by others, or is not what it should be."""


def make_folder(place: Path) -> None:
    """Make the folder of one place, readable by this account only."""
    place.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    problem = folder_problem(place)
    if problem:
        raise UnsafePlace(problem)


def folder_problem(place: Path) -> str:
    """Say what is wrong with a place's folder, or "" when nothing is."""
    try:
        found = place.stat()
    except OSError as error:
        return f"{place} can't be read ({error.strerror})"
    if not stat.S_ISDIR(found.st_mode):
        return f"{place} is not a folder"
    if found.st_uid != os.geteuid():
        return f"{place} belongs to another account"
    if stat.S_IMODE(found.st_mode) & 0o077:
        return f"{place} is open to other accounts (chmod 700)"
    return ""


def write_whole(path: Path, data: bytes | bytearray, *, wipe_old: bool = False) -> None:
    """Replace a file by rename after fsync, so that a reader and a crash see old or new, whole.

    With `wipe_old` the blocks of the old file are overwritten. What the disk keeps elsewhere
    (copy-on-write, wear levelling) can't be seen from here and is never claimed.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    old = _open_for_wiping(path) if wipe_old else None
    os.replace(new, path)
    sync_folder(path.parent)
    if old is not None:
        _wipe(old)


def write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_for_wiping(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return None


def _wipe(descriptor: int) -> None:
    try:
        left = os.fstat(descriptor).st_size
        while left > 0:
            left -= os.write(descriptor, bytes(min(left, 1 << 20)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def one_writer(places: Sequence[Path]) -> Iterator[None]:
    """Hold the lock file of every place that is there: one writer at a time on this machine."""
    with ExitStack() as held:
        for place in places:
            if place.is_dir():
                descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
                held.callback(os.close, descriptor)
                flock(descriptor, LOCK_EX)
        yield
