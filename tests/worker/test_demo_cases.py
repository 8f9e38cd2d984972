"""The demo with its ready cases: every state stands, and cards come true at the desk (R35; 1c)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dsr_portal.cases.models import Status
from dsr_portal.core.registries import job_kinds
from dsr_portal.demo import cast, ready
from tests.e2e.support import ROOT, DemoStack

# What stands in the queue after a first start: name of the ready case -> status.
READY = {
    "taken back, purged a month later": "purged",
    "closed, erased, certificate": "closed",
    "delivered": "delivered",
    "nothing found, delivered": "delivered",
    "erasing, in the hold window": "erasing",
    "waits for the daily batch": "decided",
    "waits for approval": "decided",
    "taken back": "closed",
    "searching, stopped by a fault": "searching",
    "second decision": "second_review",
    "first decision, a look-alike": "in_review",
    "needs a photo": "needs_info",
    "identity, urgent": "identity",
    "received by letter": "received",
}
CASES = """
import json
from dsr_portal.audit.models import Event
from dsr_portal.cases import services
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.demo import ready
from dsr_portal.demo.state import State
from dsr_portal.matching.models import Probe
from dsr_portal.vault import services as vault
rows = {name: Case.objects.get(id=one) for name, one in State().made.items()}
ahead = (clock.now() - clock.real_now()).total_seconds()
cases = {name: [case.status, case.outcome] for name, case in rows.items()}
# What is left of the one that was purged, and that its month passed before today.
case = rows[ready.PURGED]
units = [case.contact_unit, case.file_unit, Probe.objects.get(case=case).unit]
purged = {
    "units": [str(vault.unit_state(one)) for one in units],
    "kept": case.purged_at - case.withdrawn_at > services.KEEP_EACH,
    "by": Event.objects.get(case_id=case.id, type="case.purged").actor_kind,
}
print(json.dumps({"cases": cases, "clock_ahead": ahead, "purged": purged}))
"""
# How the search stopped, and that it goes on once an officer starts it again where a model is.
STOPPED = """
import json
from dsr_portal.cases.models import Case
from dsr_portal.demo import cast, ready
from dsr_portal.demo.state import State
from dsr_portal.jobs.models import Job
from dsr_portal.matching import selectors, stopped
case = Case.objects.get(id=State().made[ready.STOPPED])
(job,) = stopped.stopped_jobs(case.id)
told = {"error": job.error_code, "attempts": job.attempts}
told["flags"] = [flag.code for flag in case.flags.all()]
stopped.start_again(case_id=case.id, actor=ready.act(cast.OFFICER))
ready.run_jobs()
case.refresh_from_db()
search = selectors.latest_search(case.id)
told |= {"status": case.status, "whole": search.compared == search.enrolled > 0}
told["over_threshold"] = case.candidates.exclude(band="below").count()
print(json.dumps(told))
"""
# The desk's own services, for each card: filed, identified, decided by two persons.
CARDS = """
import json
from pathlib import PurePath
from dsr_portal.cases.models import RightCode
from dsr_portal.demo import cast, ready
from dsr_portal.gallery import connector
from dsr_portal.gallery.models import Record
from dsr_portal.matching import selectors
told = {}
for person in cast.CARDS:
    if not person.usable:
        case = ready.file(person)
        case.refresh_from_db()
        told[person.key] = [case.status]
        continue
    case = ready.to_decided(person, rights=(RightCode.ACCESS,))
    case.refresh_from_db()
    same = Record.objects.filter(id__in=selectors.outcome(case.id).same)
    paths = [connector.current().facts(record.image_id).first.path for record in same]
    told[person.key] = [case.status, *sorted(PurePath(path).name for path in paths)]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, weights_home: Path) -> DemoStack:
    """Everything `make demo` makes on its first start once tables are there, without processes."""
    stack = DemoStack(tmp_path_factory.mktemp("demo"), 1)
    stack.as_after_the_migrations()
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--prepare-only"],
        cwd=ROOT,
        env=stack.environment(PORT="18700"),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return stack


@pytest.fixture(scope="module")
def at_first(prepared: DemoStack) -> dict[str, Any]:
    """How the ready cases stood before a test moved the clock, whichever test comes first."""
    return told(prepared, CASES)


def told(stack: DemoStack, code: str) -> dict[str, Any]:
    return dict(stack.manage("shell", "-v", "0", "-c", code))


@pytest.mark.timeout(400)
def test_a_case_stands_ready_in_every_state(prepared: DemoStack, at_first: dict[str, Any]) -> None:
    """R35: every status there is, made by the services; one is erased and checked."""
    assert set(READY) == {ready.PURGED, ready.ERASED, *(name for name, _, _ in ready.MADE)}
    cases = at_first["cases"]
    assert {name: status for name, (status, _outcome) in cases.items()} == READY
    assert set(READY.values()) == set(Status.values)
    assert abs(at_first["clock_ahead"]) < 5, "the visitor's day is today"
    assert cases["taken back"] == ["closed", "withdrawn"]
    verdict = prepared.manage("verify_audit", "--json")
    assert verdict["ok"], verdict
    assert verdict["events"] > 100


@pytest.mark.timeout(400)
def test_the_purged_case_kept_its_month_and_nothing_of_the_person(
    at_first: dict[str, Any],
) -> None:
    """P-06: the schedule purged it; address, file and photo can't be opened any more."""
    assert at_first["purged"] == {"units": ["shredded"] * 3, "kept": True, "by": "system"}


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("at_first")
def test_the_stopped_search_goes_on_when_an_officer_starts_it_again(prepared: DemoStack) -> None:
    """It gave up as a worker without a model does. Whoever asks was erased: nothing is found."""
    assert told(prepared, STOPPED) == {
        "error": "weights_missing",
        "attempts": job_kinds.get("matching.search").max_attempts,
        "flags": ["work_stopped"],
        "status": "in_review",
        "whole": True,
        "over_threshold": 0,
    }


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("at_first")
def test_each_card_comes_true_at_the_desk(prepared: DemoStack) -> None:
    """Whom the card names is confirmed by two persons; look-alikes are told apart."""
    outcomes = told(prepared, CARDS)
    assert outcomes == {
        person.key: ["decided", *sorted(person.own)] if person.usable else ["needs_info"]
        for person in cast.CARDS
    }
    assert outcomes[cast.NORA.key] == outcomes[cast.ILSE.key] == ["decided"]


@pytest.mark.timeout(400)
def test_a_second_preparation_makes_nothing_anew(
    prepared: DemoStack, at_first: dict[str, Any]
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--prepare-only"],
        cwd=ROOT,
        env=prepared.environment(PORT="18700"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "5/7  database, keys, staff there" in done.stdout
    assert told(prepared, CASES)["cases"].keys() == at_first["cases"].keys()
