"""What the database refuses by itself: steps that do not exist, whatever a program tries (R1)."""

from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction

from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.states import TRANSITIONS
from dsr_portal.core import checks, clock, guards
from dsr_portal.gallery.models import Record
from dsr_portal.gallery.states import ARROWS
from tests.support import cases as support
from tests.support.gallery import a_record, own_places
from tests.support.unguarded import unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.db]
STEPS = {(str(before), str(arrow.target)) for (before, _do), arrow in TRANSITIONS.items()}
ARRIVES = {(str(before), str(after)) for (before, _do), after in ARROWS.items()}


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def refused(rows, **values):
    try:
        with transaction.atomic():
            rows.update(**values)
    except IntegrityError as error:
        return "no step leads" in str(error)
    return False


def test_the_database_takes_exactly_the_steps_of_a_case():
    """R1: each pair of states, those of the table and after a restore the end, and no other."""
    case = support.opened()
    rows = Case.objects.filter(id=case.id)
    moments = {name: clock.now() for name in ("delivered_at", "purged_at", "closed_at")}
    wrong = []
    for before, after in product(Status.values, Status.values):
        if after in {before, Status.NEEDS_INFO}:
            continue  # waiting has a guard of its own: test_asking
        with unguarded():
            rows.update(status=before, **moments)
        allowed = (before, after) in STEPS or after == Status.PURGED
        if refused(rows, status=after) is allowed:
            wrong.append((before, after))
    assert wrong == []
    assert ("received", "erasing") not in STEPS
    assert ("purged", "received") not in STEPS


def test_the_database_takes_exactly_the_steps_of_a_record():
    """R1: what is erased stays erased; nothing erased but by the two steps, or after a restore."""
    rows = Record.objects.filter(id=a_record().id)
    wrong = []
    for before, after in product(Record.State.values, Record.State.values):
        if before == after:
            continue
        with unguarded():
            rows.update(state=before)
        allowed = (before, after) in ARRIVES or after == Record.State.ERASED
        if refused(rows, state=after) is allowed:
            wrong.append((before, after))
    assert wrong == []
    assert not [after for before, after in ARRIVES if before == Record.State.ERASED != after]


def test_a_guard_that_is_gone_is_named_before_the_start():
    """A migration that failed leaves them out on SQLite; the next good one makes them again."""
    assert guards.missing(connection) == []
    assert checks.guards_are_there(databases=["default"]) == []
    with unguarded():
        gone = guards.missing(connection)
        found = checks.guards_are_there(databases=["default"])
    assert {"cases_steps", "gallery_record_steps", "disclosure_record_not_aside"} <= set(gone)
    assert len(found) == len(gone)
    assert all(one.is_serious() for one in found)
    assert "cases_steps" in str(found)
    assert checks.guards_are_there() == []
