"""`manage.py demo`, called by `make demo`: steps 5 to 7 of the seven, then it serves until Ctrl-C.

Import, erasure of the first ready case and everything else that loads the recognition engine run
in children of this command, so that its memory is given back and no process that held what was
erased is left (R30).
"""

import os
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.services import create_staff
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.exits import not_asked
from dsr_portal.demo import cast, processes, ready, state
from dsr_portal.demo.state import State
from dsr_portal.gallery import selectors as gallery
from dsr_portal.vault import places

STEPS = 7
PARTS = ("gallery", "cast", "cases", "fault")
STOPPED = 130
"""Exit code: Ctrl-C before everything ran, as shells have it."""


class Command(BaseCommand):
    help = (
        "Prepare and serve the demo on this machine: invented people, one browser. "
        "PORT=8000 places it, FRESH=1 starts over, Ctrl-C stops everything."
    )
    # Checks that read the database need one; they run after the migrations.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--prepare-only", action="store_true", help="make everything, start nothing"
        )
        parser.add_argument(
            "--without-cases", action="store_true", help="the gallery only, no ready cases"
        )
        parser.add_argument("--part", choices=PARTS, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DSR_DEMO or settings.DSR_PRODUCTION:
            raise not_asked("The demo runs with dsr_portal.settings.demo only (R35).")
        if options["part"]:
            self._part(options["part"])
            return
        self.began = getattr(settings, "DSR_DEMO_STARTED", 0) or time.time()
        # Not one of the ports: a second demo here would share the first one's database, or with
        # FRESH=1 remove it while it runs.
        with places.alone(Path(settings.DSR_VAR) / "demo.lock") as ours:
            if not ours:
                raise not_asked(
                    f"A demo runs in {settings.DSR_VAR} already; it was left as it is. Stop it "
                    "with Ctrl-C where it was started, or give this one folders of its own with "
                    "DSR_VAR, DSR_RING and DSR_LEDGER."
                )
            try:
                self._alone(options)
            except KeyboardInterrupt:
                raise CommandError(
                    "Stopped before it was ready. Start again with the same command.",
                    returncode=STOPPED,
                ) from None

    def _alone(self, options: dict[str, Any]) -> None:
        self._refuse_taken_ports()
        if getattr(settings, "DSR_FRESH", False):
            self._start_over()
        elif State().broken_off:
            self.stdout.write("  The last start was stopped in the middle of a case: made anew.")
            self._start_over()
        try:
            state.refuse_foreign()
        except state.NotADemo as error:
            raise not_asked(
                f"{error} holds an installation that no demo made; nothing was touched. "
                "Choose another folder with DSR_VAR and another ring with DSR_RING."
            ) from error
        self._prepare(cases=not options["without_cases"])
        if options["prepare_only"]:
            return
        self._serve()

    # -- starting over --------------------------------------------------------------------------

    def _start_over(self) -> None:
        try:
            state.remove_all()
        except state.NotADemo as error:
            raise not_asked(
                f"FRESH=1 removes only what a demo made, and {error} is none."
            ) from error
        connection.close()
        # The key of this process lay in the ring that is gone: begin again with a new one.
        sys.stdout.flush()
        os.execv("/usr/bin/env", ["env", "FRESH=", sys.executable, *sys.argv])  # noqa: S606 - no shell

    def _refuse_taken_ports(self) -> None:
        taken = processes.taken_ports()
        if taken:
            numbers = ", ".join(str(port) for port in taken)
            said = f"Port {numbers} is" if len(taken) == 1 else f"Ports {numbers} are"
            raise not_asked(
                f"{said} in use. Stop what listens there, or choose others: "
                f"make demo PORT={processes.port_of('public') + 100}"
            )

    # -- 5 and 6 --------------------------------------------------------------------------------

    def _prepare(self, *, cases: bool) -> None:
        made = State()
        with self._step(5, "database, keys, staff") as done:
            done.append(self._foundations(made))
        with self._step(6, "people and cases") as done:
            if not cases and not made.data["cast"]:
                self._run_part("gallery")
                clock.catch_up()
            elif cases and not made.data["finished"]:
                self._run_part("cast")
                self._run_part("cases")
            done.append(self._counts())

    def _foundations(self, made: State) -> str:
        """Migrations, key ring, signing identity, staff: makes what is missing."""
        if not made.exists:
            made.save()
        connection.ensure_connection()
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting or not made.data.get("ring"):
            call_command("ring", "init", stdout=_Silent())
            call_command("migrate", interactive=False, verbosity=0)
            call_command("ring", "init", stdout=_Silent())
            made.set("ring")
        self._refuse_another_clock()
        self.check()
        for member in cast.STAFF:
            if not Staff.objects.filter(staff_no=member.staff_no).exists():
                create_staff(
                    actor=Actor.operator(),
                    staff_no=member.staff_no,
                    display_name=member.name,
                    email=member.email,
                    role=member.role,
                    authority_code=member.authority,
                    trained_until=clock.today().replace(year=clock.today().year + 5, day=1),
                )
        ready.approve_assessment()
        return f"{len(waiting)} migrations, {len(cast.STAFF)} accounts" if waiting else "there"

    def _refuse_another_clock(self) -> None:
        try:
            state.refuse_future()
        except state.AheadOfClock as error:
            raise not_asked(
                f"This demo was made on another clock. The newest event in it is dated "
                f"{error.newest:%-d %B %Y, %H:%M}, but its clock says "
                f"{error.now:%-d %B %Y, %H:%M} (UTC): the demo's clock began on another day when "
                "it was made, or the clock of this machine was set back. Waiting times and due "
                "dates would be wrong, so nothing was started and nothing removed. "
                "Start over with: make demo FRESH=1"
            ) from error

    def _run_part(self, name: str, *more: str) -> None:
        """One of this command's own parts in a process of its own; its end is shown on failure.

        `more` are further variables of its environment.
        """
        log = state.logs() / f"demo-{name}.log"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("wb") as output:
            command = [sys.executable, str(Path(settings.ROOT) / "manage.py"), "demo"]
            done = subprocess.run(
                ["/usr/bin/env", "DEEPFACE_BACKEND_ENGINE=onnx", *more, *command, "--part", name],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
            raise not_asked(f"{name} could not be prepared. End of {log}:\n{end}")

    def _counts(self) -> str:
        coverage = gallery.coverage()
        return (
            f"{coverage.pictures} pictures, {coverage.faces} faces, "
            f"{Case.objects.count()} cases, {state.size_mb()} MB"
        )

    def _part(self, name: str) -> None:
        made = State()
        if name == "fault":
            ready.stop_search()
        elif name == "cases":
            self._cases(made)
        else:
            self._import(made)
            if name == "cast":
                self._first_cases(made)

    def _first_cases(self, made: State) -> None:
        for name, make in ((ready.PURGED, ready.purged), (ready.ERASED, ready.erased)):
            if name not in made.made:
                with made.making(name):
                    made.note(name, make().id)

    def _import(self, made: State) -> None:
        if made.data["cast"]:
            return
        call_command(
            "import_gallery",
            cast.GALLERY,
            manifest=cast.MANIFEST,
            source=cast.SOURCE,
            legal_basis=cast.LEGAL_BASIS,
        )
        if not gallery.lookup_coverage():
            call_command(
                "record_lookups",
                cast.LOOKUPS,
                system=cast.LOOKUP_SYSTEM,
                covers_from=cast.LOOKUPS_FROM,
                covers_to=cast.LOOKUPS_TO,
            )
        ready.run_jobs()
        made.set("cast")

    def _cases(self, made: State) -> None:
        """Every ready case that is not made yet; a start stopped between two goes on here."""
        if "certified" not in made.data:
            with made.making(ready.ERASED):
                ready.certified(Case.objects.get(id=made.made[ready.ERASED]))
                made.set("certified")
        for name, make, after in ready.MADE:
            if name in made.made:
                continue
            began = time.monotonic()
            with made.making(name):
                case = make()
                if name == ready.STOPPED:
                    # Weights looked for where none are: a worker that was set up wrongly.
                    self._run_part("fault", f"DSR_WEIGHTS={state.home() / 'no-weights'}")
                clock.forward(after)
                made.note(name, case.id)
            self.stdout.write(f"{name}: {time.monotonic() - began:.1f} s")
        if not made.data["finished"]:
            # Before what must not age: an approval waits for the batch, a hold window runs.
            with made.making("last touches"):
                clock.catch_up()
                ready.last_touches(made.made)
                made.set("finished")

    # -- 7 --------------------------------------------------------------------------------------

    def _serve(self) -> None:
        running = processes.Running(self.stdout.write)
        connection.close()
        try:
            with processes.stopping(running):
                with self._step(7, "processes") as done:
                    running.start()
                    done.append(f"{len(running.children)} running")
                if not running.asked_to_stop:
                    self._say_where()
                running.watch()
        except processes.Died as error:
            raise not_asked(str(error)) from error
        self.stdout.write("\nStopped. Start again with the same command; FRESH=1 starts over.")

    def _say_where(self) -> None:
        url = settings.DSR_URLS
        took = time.time() - self.began
        self.stdout.write(
            f"\n  Ready after {took:.0f} s. Everything here is invented; nothing leaves this "
            "machine.\n\n"
            f"  The tour        {url['public']}/demo/\n"
            f"  Public site     {url['public']}/\n"
            f"  Desk            {url['desk']}/  (sign in from the tour)\n"
            f"  Oversight       {url['oversight']}/\n\n"
            f"  Stop            Ctrl-C\n"
            f"  Start over      make demo FRESH=1\n"
            f"  Other ports     make demo PORT=9000\n"
            f"  Logs            {state.logs()}\n"
        )
        self.stdout.flush()

    @contextmanager
    def _step(self, number: int, name: str) -> Iterator[list[str]]:
        """One line per step: number, what, result, seconds."""
        began = time.monotonic()
        words: list[str] = []
        self.stdout.write(f"  {number}/{STEPS}  {name:<22}", ending="")
        self.stdout.flush()
        try:
            yield words
        except BaseException:
            self.stdout.write("stopped")
            raise
        self.stdout.write(f"{', '.join(words)} ({time.monotonic() - began:.0f} s)")


class _Silent:
    """Takes what another command says; it is in the log of the trail already."""

    def write(self, _text: str) -> int:
        return 0

    def flush(self) -> None:
        return None
