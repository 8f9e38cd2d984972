"""Maildirs for tests: real folders, messages as a mail server lays them down."""

import os
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from dsr_portal.core import clock

OWN = "mx.halden.example"


def maildir(folder: Path) -> Path:
    box = folder / "Maildir"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    return box


def received(at: datetime, host: str = OWN) -> str:
    return f"from somewhere.example by {host} with ESMTPS id 1; {format_datetime(at)}"


def message(
    text: str = "Take my face down and tell me what you have.",
    *,
    sender: str = "Mina Doe <mina@example.org>",
    subject: str = "My pictures",
    at: datetime | None = None,
    **headers: str,
) -> EmailMessage:
    """A message as our server took it; `at` is when, a Date of its own stays out of it."""
    made = EmailMessage()
    made["Received"] = received(at or clock.now())
    made["From"] = sender
    made["To"] = "privacy@halden.example"
    made["Subject"] = subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def put(box: Path, data: Any, *, name: str = "", folder: str = "new", laid: Any = None) -> Path:
    """Lay a message down under a name like a mail server's; `laid` is the file's time."""
    number = len(list(box.rglob("*")))
    path = box / folder / (name or f"{1_700_000_000 + number}.M{number}P1.halden")
    path.write_bytes(data if isinstance(data, bytes) else data.as_bytes())
    moment = (laid or clock.now()).timestamp()
    os.utime(path, (moment, moment))
    return path


def left(box: Path) -> list[Path]:
    """What still waits."""
    return [path for name in ("new", "cur") for path in (box / name).iterdir()]


def done(box: Path) -> list[Path]:
    place = box / ".dsr-done" / "cur"
    return list(place.iterdir()) if place.is_dir() else []
