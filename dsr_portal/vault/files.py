"""Sealed files of blobs above 4 KiB: random names in fan-out folders under DSR_VAULT_DIR."""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from dsr_portal.vault import places

_NAME = re.compile(r"[0-9a-f]{32}\Z")


def root() -> Path:
    return Path(settings.DSR_VAULT_DIR)


def path_of(name: str) -> Path:
    if not _NAME.match(name):
        raise ValueError("no name of a vault file")
    return root() / name[:2] / name[2:4] / name


def write(parts: Iterable[bytes]) -> str:
    """Write already sealed bytes to a new file, synced with its folder; return its name."""
    name = secrets.token_hex(16)
    path = path_of(name)
    make_folders(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, places.FILE_MODE)
    try:
        for part in parts:
            places.write_all(descriptor, part)
        os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    places.sync_folder(path.parent)
    return name


def open_named(name: str) -> BinaryIO:
    return path_of(name).open("rb")


def remove(name: str) -> None:
    """Unlink a file and sync its folder; nothing happens when it is gone already."""
    path = path_of(name)
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        places.sync_folder(path.parent)


def names_older_than(seconds: float) -> Iterator[str]:
    """Names of files last written more than so many seconds of real time ago."""
    before = time.time() - seconds
    for path in root().glob("??/??/*"):
        try:
            old = path.stat().st_mtime < before
        except FileNotFoundError:
            continue
        if old and _NAME.match(path.name):
            yield path.name


def make_folders(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=places.FOLDER_MODE, exist_ok=True)
        places.sync_folder(each.parent)
