"""The demo, started as `make demo` starts it, on free ports and in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support import migrated

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240
STOP_SECONDS = 40
_READY = "Start over"
# Parts of recognition that show in the memory map of a process that loaded them.
_NATIVE = re.compile(r"/(cv2|onnxruntime|tensorflow|onnx)/|hnswlib[^/]*\.so")


@dataclass(frozen=True, slots=True)
class Cast:
    """What the gallery holds of one of the people: source pages, and who was shown them."""

    photo: Path
    pages: set[str]
    recipients: set[str]


@dataclass(frozen=True, slots=True)
class Holding:
    """One record as it stands: its picture's name, its state, and what of it can be opened.

    `disclosed` is whether an answer gave it out; `files` are those its two units are sealed in.
    """

    path: str
    state: str
    disclosed: bool
    opens: bool
    template: bool
    files: list[str]


class DemoStack:
    """A running demo: its addresses, and what a test needs to ask of it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.public = f"http://127.0.0.1:{port}"
        self.desk = f"http://127.0.0.1:{port + 1}"
        self.oversight = f"http://127.0.0.1:{port + 2}"
        self.database = folder / "var" / "portal.sqlite3"
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path, *, cases: bool = True, port: int | None = None
    ) -> Iterator[DemoStack]:
        stack = cls(folder, port or free_ports())
        stack.start(cases=cases)
        try:
            yield stack
            # After everything people did: only a child of the heavy worker knows faces.
            assert stack.recognition_out_of_place() == []
        finally:
            stack.stop()

    # -- the process ----------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        """The variables that keep this demo in its folder; tests' own are left out."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DSR_", "PYTEST_")) and name != "DATABASE_URL"
        }
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.demo",
            "DEEPFACE_BACKEND_ENGINE": "onnx",
            "DSR_VAR": str(self.folder / "var"),
            "DSR_RING": f"{self.folder / 'ring-a'},{self.folder / 'ring-b'}",
            "DSR_LEDGER": f"{self.folder / 'ledger-a'},{self.folder / 'ledger-b'}",
            "DSR_WEIGHTS": str(ROOT / "var" / "weights"),
            "PORT": str(self.port),
            **more,
        }

    def start(self, *arguments: str, cases: bool = True, fresh: bool = False) -> float:
        """Start and wait until it says where it is; the seconds that took."""
        began = time.monotonic()
        command = [sys.executable, str(ROOT / "manage.py"), "demo", *arguments]
        if not cases:
            command.append("--without-cases")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not fresh and not self.database.exists():
            self.as_after_the_migrations()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment(FRESH="1" if fresh else ""),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while _READY not in self.said():
            if self.process.poll() is not None:
                raise AssertionError(f"the demo ended:\n{self.said()}")
            if time.monotonic() - began > START_SECONDS:
                self.stop()
                raise AssertionError(f"the demo did not start in time:\n{self.said()}")
            time.sleep(0.1)
        return time.monotonic() - began

    def as_after_the_migrations(self) -> None:
        """Lay down what a first start leaves that was stopped once its tables were there.

        A start from nothing is a test of its own (tests/worker/test_demo_start.py).
        """
        migrated.put(self.database)
        made = self.folder / "var" / "demo" / "state.json"
        made.parent.mkdir(mode=0o700)
        made.write_text("{}")

    def said(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C; the code it ended with. Kills it when it does not end."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"the demo did not stop:\n{self.said()}") from None

    def manage(self, *arguments: str, database: Path | None = None) -> Any:
        """What a command of this installation prints as JSON, whatever its exit code."""
        more = {} if database is None else {"DATABASE_URL": f"sqlite:///{database}"}
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            pass
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            raise AssertionError(f"{arguments}: {done.stdout}\n{done.stderr}") from None

    def processes(self) -> dict[int, str]:
        """Process number and command line of everything that works in this demo's folder."""
        found = {}
        mark = f"DSR_VAR={self.folder / 'var'}".encode()
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    environment = (place / "environ").read_bytes().split(b"\0")
                    command = (place / "cmdline").read_bytes()
                except OSError:
                    continue
                if mark in environment and command:
                    found[int(place.name)] = command.replace(b"\0", b" ").decode()
        return found

    def knows_faces(self) -> dict[int, str]:
        """Those of them that have loaded a recognition library (design, section 2)."""
        return {
            pid: command
            for pid, command in self.processes().items()
            if _NATIVE.search(_text(Path(f"/proc/{pid}/maps")))
        }

    def recognition_out_of_place(self) -> list[str]:
        """Command lines of sites, beat, light worker or parents that loaded one."""
        parents = set() if self.process is None else {self.process.pid}
        return [
            command
            for pid, command in self.knows_faces().items()
            if "probe,search" not in command or _parent_of(pid) in parents
        ]

    # -- what it holds --------------------------------------------------------------------------

    def one(self, query: str, *values: object) -> Any:
        with closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return connection.execute(query, values).fetchone()[0]

    def enrolled_faces(self) -> int:
        return int(
            self.one("SELECT COUNT(*) FROM recognition_template WHERE erased_change IS NULL")
        )

    def records_on_pages(self, pages: set[str]) -> int:
        """Records that are not erased, asked by the address of their page."""
        code = (
            "import json, sys\n"
            "from dsr_portal.gallery import selectors\n"
            "from dsr_portal.gallery.addresses import canonical\n"
            f"found = {{r.id for page in {sorted(pages)!r}"
            " for r in selectors.by_address(canonical(page)) if r.state != 'ERASED'}\n"
            "print(json.dumps(len(found)))\n"
        )
        return int(self.manage("shell", "-v", "0", "-c", code))

    def holdings(self) -> dict[str, Holding]:
        """Every record there ever was, by id."""
        rows = self.manage("shell", "-v", "0", "-c", _HOLDINGS)
        return {one: Holding(**row) for one, row in rows.items()}

    def cast(self, key: str) -> Cast:
        from dsr_portal.demo import cast

        person = cast.person(key)
        assert person is not None, key
        rows = manifest()
        images = {rows[name]["image_url"] for name in person.own}
        with cast.LOOKUPS.open(newline="") as log:
            seen = {row["recipient"] for row in csv.DictReader(log) if row["record"] in images}
        return Cast(person.photo, {rows[name]["page_url"] for name in person.own}, seen)

    # -- the demo's own pages -------------------------------------------------------------------

    def sign_in(self, page: Page, staff_no: str) -> None:
        """One click on the tour signs in a person of staff."""
        page.goto(f"{self.public}/demo/")
        page.locator(f"#staff form:has(input[value='{staff_no}']) button").click()
        page.wait_for_url(re.compile(f"^({self.desk}|{self.oversight})/"))

    def answer_links(self, page: Page, about: str) -> list[str]:
        """Links to answers in the mails to an address or about a reference, oldest first."""
        page.goto(f"{self.public}/demo/mail/")
        rows = page.locator("main tbody tr", has_text=about).locator("a")
        links: list[str] = []
        for address in [row.get_attribute("href") or "" for row in rows.all()][::-1]:
            page.goto(self.public + address)
            found = page.locator("main .card a[href*='/answer/']").all()
            links += [link.get_attribute("href") or "" for link in found]
        return links

    def forward(self, page: Page, by: str) -> None:
        """Press the forward clock: "hour", "day" or "fortnight"."""
        page.goto(f"{self.public}/demo/clock/")
        page.locator(f"button[name=by][value={by}]").click()
        page.wait_for_selector(".notice.done")


_HOLDINGS = """
import json
from dsr_portal.core.errors import PortalError
from dsr_portal.disclosure.models import AnswerRecord
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.recognition.models import Template
from dsr_portal.vault import files, services as vault
from dsr_portal.vault.models import Blob
given = set(AnswerRecord.objects.values_list("record_id", flat=True))
live = set(Template.objects.filter(erased_change=None).values_list("record_id", flat=True))
told = {}
for row in Record.objects.select_related("image"):
    units = [row.unit, row.image.unit]
    try:
        path = connector.current().facts(row.image_id).first.path.rsplit("/")[-1]
        picture = connector.current().picture(row.image_id)
        opens = bool(path and picture and vault.read(row.unit, "template"))
    except PortalError:
        path, opens = "", False
    sealed = Blob.objects.filter(unit__in=[one for one in units if one]).exclude(file="")
    told[str(row.id)] = {
        "path": path,
        "state": row.state.lower(),
        "disclosed": row.id in given,
        "opens": opens,
        "template": row.id in live,
        "files": [str(files.path_of(name)) for name in sealed.values_list("file", flat=True)],
    }
print(json.dumps(told))
"""


def manifest() -> dict[str, dict[str, str]]:
    """What the demo's gallery was collected with, by file name."""
    from dsr_portal.demo import cast

    with cast.MANIFEST.open(newline="") as rows:
        return {row["path"]: row for row in csv.DictReader(rows)}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # the process has ended meanwhile


def _parent_of(pid: int) -> int:
    _, _, after_name = _text(Path(f"/proc/{pid}/stat")).rpartition(")")
    return int(after_name.split()[1]) if after_name else 0


def free_ports() -> int:
    """The first of three ports in a row that nobody listens on.

    They are taken half a minute later. So each process looks in a place of its own, below the ports
    that the system gives to whoever calls somebody.
    """
    for attempt in range(50):
        first = 20_000 + (10 * os.getpid() + 3_330 * attempt) % 12_000
        if all(_is_free(first + offset) for offset in range(3)):
            return first
    raise AssertionError("no three free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
