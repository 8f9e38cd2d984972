"""What of the demo is made already: a small file beside the database, so that a second start is
quick and an interrupted one goes on. Without it a database is not the demo's and is left alone."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Max

from dsr_portal.audit.models import Event
from dsr_portal.core import clock

# What FRESH=1 removes below DSR_VAR; weights and the log of the set-up stay.
_MADE_HERE = ("vault", "index", "broker", "demo", "static", "import.lock")
_LOGS = "demo-*.log"
# Processes remember the clock's offset for a second, and computers correct theirs by a little.
_CLOCK_SLACK = timedelta(minutes=1)


class NotADemo(RuntimeError):
    """The folder holds an installation that is not a demo."""


class AheadOfClock(RuntimeError):
    """The demo's newest event, `newest`, is dated after what its clock says, `now`."""

    def __init__(self, newest: datetime, now: datetime) -> None:
        super().__init__(f"{newest.isoformat()} is after {now.isoformat()}")
        self.newest, self.now = newest, now


def home() -> Path:
    return Path(settings.DSR_VAR) / "demo"


def logs() -> Path:
    return Path(settings.DSR_VAR) / "log"


class State:
    """The file's contents: cast imported, ready cases by name, what is being made, all finished."""

    def __init__(self) -> None:
        self.path = home() / "state.json"
        self.data: dict[str, Any] = {"cast": False, "made": {}, "making": "", "finished": False}
        if self.path.is_file():
            self.data.update(json.loads(self.path.read_text()))

    def save(self) -> None:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.data))
        fresh.rename(self.path)

    @property
    def exists(self) -> bool:
        return self.path.is_file()

    @property
    def made(self) -> dict[str, UUID]:
        return {name: UUID(value) for name, value in self.data["made"].items()}

    def note(self, name: str, case_id: UUID) -> None:
        self.data["made"][name] = str(case_id)
        self.save()

    @contextmanager
    def making(self, name: str) -> Iterator[None]:
        """What is stopped in the middle can't be gone on with: the next start sees it by this."""
        self.data["making"] = name
        self.save()
        yield
        self.data["making"] = ""
        self.save()

    @property
    def broken_off(self) -> bool:
        """Whether the last start was stopped in the middle of a ready case, before any visitor."""
        return bool(self.data["making"])

    def set(self, name: str) -> None:
        self.data[name] = True
        self.save()


def refuse_foreign() -> None:
    """A database that no demo made is never touched: `NotADemo`."""
    if State().exists:
        return
    if connection.vendor != "sqlite":
        if connection.introspection.table_names():
            raise NotADemo(str(connection.settings_dict["NAME"]))
    elif Path(connection.settings_dict["NAME"]).exists():
        raise NotADemo(str(connection.settings_dict["NAME"]))


def refuse_future() -> None:
    """A demo whose trail is ahead of its clock is not gone on with: `AheadOfClock`.

    It was made while the clock began on another day (DSR_DEMO_BACK), or the machine's clock was
    set back since. Its hold windows, links and due dates would wait for days that were already.
    """
    newest, now = Event.objects.aggregate(at=Max("at"))["at"], clock.now()
    if newest is not None and newest > now + _CLOCK_SLACK:
        raise AheadOfClock(newest, now)


def remove_all() -> None:
    """Start over: database, vault, index, broker, ring and ledger of this demo (FRESH=1)."""
    refuse_foreign()
    var = Path(settings.DSR_VAR)
    database = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor == "sqlite":
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()
    for name in _MADE_HERE:
        _remove(var / name)
    for path in logs().glob(_LOGS):
        path.unlink()
    for place in (*settings.DSR_RING, *settings.DSR_LEDGER):
        _remove(Path(place))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_mb() -> int:
    """Megabytes of everything the demo wrote."""
    var = Path(settings.DSR_VAR)
    places = [var / name for name in _MADE_HERE]
    places += [Path(place) for place in (*settings.DSR_RING, *settings.DSR_LEDGER)]
    places += list(var.glob("portal.sqlite3*"))
    total = sum(_bytes(place) for place in places)
    return max(1, round(total / 1_000_000))


def _bytes(place: Path) -> int:
    if place.is_dir():
        return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return place.stat().st_size if place.is_file() else 0
