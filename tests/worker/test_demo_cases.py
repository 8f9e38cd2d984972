"""The demo with its ready cases: every state stands, and cards come true at the desk (R35; 1c)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dsr_portal.demo import cast, ready
from tests.e2e.support import ROOT, DemoStack

# What stands in the queue after a first start: name of the ready case -> status.
READY = {
    "closed, erased, certificate": "closed",
    "delivered": "delivered",
    "nothing found, delivered": "delivered",
    "erasing, in the hold window": "erasing",
    "waits for the daily batch": "decided",
    "waits for approval": "decided",
    "second decision": "second_review",
    "first decision, a look-alike": "in_review",
    "needs a photo": "needs_info",
    "identity, urgent": "identity",
    "received by letter": "received",
}
CASES = """
import json
from dsr_portal.cases.models import Case
from dsr_portal.demo.state import State
rows = {name: Case.objects.get(id=one) for name, one in State().made.items()}
print(json.dumps({name: [case.status, case.outcome] for name, case in rows.items()}))
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
    """Everything `make demo` makes on its first start, without the processes."""
    stack = DemoStack(tmp_path_factory.mktemp("demo"), 1)
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
    """Made by the services: two of them by the second person's drawing, one erased and checked."""
    assert set(READY) == {ready.ERASED, *(name for name, _, _ in ready.MADE)}
    assert {name: status for name, (status, _outcome) in at_first.items()} == READY
    assert len(at_first) == 11
    verdict = prepared.manage("verify_audit", "--json")
    assert verdict["ok"], verdict
    assert verdict["events"] > 100


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
    assert told(prepared, CASES).keys() == at_first.keys()
