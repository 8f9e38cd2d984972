"""Small files kept twice, in two folders on two disks: written whole, one place after the other.

No Django in here: settings read the ring's secrets before Django starts.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
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
        return f"{place} belongs to another account (run: chown -R ACCOUNT {place})"
    if stat.S_IMODE(found.st_mode) & 0o077:
        return f"{place} is open to other accounts (run: chmod 700 {place})"
    return ""


def file_problems(place: Path) -> list[str]:
    """Say which files of a place others could read, or belong to somebody else."""
    problems = []
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # a file on its way to its name
        if not stat.S_ISREG(found.st_mode):
            problems.append(f"{path} is not a plain file")
        elif found.st_uid != os.geteuid():
            problems.append(f"{path} belongs to another account")
        elif stat.S_IMODE(found.st_mode) & 0o077:
            problems.append(f"{path} is open to other accounts (run: chmod 600 {path})")
    return problems


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
    except BaseException:
        clear_unfinished(path)
        raise
    finally:
        os.close(descriptor)
    old = _open_for_wiping(path) if wipe_old else None
    os.replace(new, path)
    sync_folder(path.parent)
    if old is not None:
        _wipe(old)


def clear_unfinished(path: Path) -> None:
    """Overwrite and unlink what a killed or refused `write_whole` of this file left behind.

    It may hold keys that were destroyed since. Call it as the place's one writer.
    """
    for left in path.parent.glob(f".{path.name}.*.new"):
        descriptor = _open_for_wiping(left)
        if descriptor is not None:
            _wipe(descriptor)
        left.unlink(missing_ok=True)


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


def read_wipeable(path: Path) -> bytearray:
    """The bytes of a file in memory that can be overwritten; no other copy is made here."""
    with path.open("rb", buffering=0) as file:
        data = bytearray(os.fstat(file.fileno()).st_size)
        view, got = memoryview(data), 0
        while got < len(data) and (count := file.readinto(view[got:])):
            got += count
        view.release()
        del data[got:]
    return data


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold a lock file without waiting; False when another process has it. A kill frees it."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
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
