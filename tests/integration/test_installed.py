"""Settings of the installation: each change is an event and asks a person why (law L-15)."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.compliance import report
from dsr_portal.core.errors import Conflict, NotAllowed, NotFound
from dsr_portal.policy import checks, installed
from tests.support.assessed import assessed
from tests.support.gallery import own_places
from tests.support.matching import actor, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def changed() -> list[dict[str, Any]]:
    rows = Event.objects.filter(type=installed.CHANGED).order_by("number")
    return [row.data for row in rows if row.data]


def test_the_first_look_asks_nobody_and_no_change_writes_nothing() -> None:
    assert installed.look() == 0
    assert {one["setting"] for one in changed()} == set(installed.WATCHED)
    assert installed.look() == 0
    assert len(changed()) == len(installed.WATCHED)
    assert installed.changes() == []
    assert checks.changes_are_explained(databases=["default"]) == []


def test_a_change_has_old_new_and_assessment_and_a_named_person_says_why(settings: Any) -> None:
    """L-15: calendar, period and words; words of the controller only by their hash."""
    assessed()
    installed.look()
    settings.DSR_CALENDAR, settings.DSR_PROOF_DAYS = "DE-BE", 3
    settings.DSR_RETENTION = "We keep the gallery for ten years."
    assert installed.look() == 3
    made = {one["setting"]: one for one in changed()[len(installed.WATCHED) :]}
    assert (made["calendar"]["old"], made["calendar"]["new"]) == ("NL", "DE-BE")
    assert (made["proof_days"]["old"], made["proof_days"]["new"]) == ("7", "3")
    assert made["retention_statement"]["new"] is None
    assert made["retention_statement"]["new_hash"] != made["retention_statement"]["old_hash"]
    assert {one["assessment"] for one in made.values()} == {1}
    one = next(one for one in installed.unexplained() if one.setting == "calendar")
    asked = checks.changes_are_explained(databases=["default"])
    assert len(asked) == 3
    assert any(f"--change {one.number} " in str(each.hint) for each in asked)
    chief = actor(staff("S-2001", Role.SUPERVISOR))
    with pytest.raises(NotAllowed):
        installed.explain(number=one.number, why="law", actor=actor(staff("A-1001")))
    with pytest.raises(NotFound):
        installed.explain(number=one.number + 1_000, why="law", actor=chief)
    installed.explain(number=one.number, why="law", actor=chief)
    with pytest.raises(Conflict):
        installed.explain(number=one.number, why="decision", actor=chief)
    assert len(installed.unexplained()) == 2
    rows = dict(report._installed())
    assert rows["Changed: calendar"].startswith("NL to DE-BE on ")
    assert rows["Changed: calendar"].endswith("why: the law asks for it (S-2001)")
    assert rows["Changed: proof_days"].endswith("why: nobody said")


def test_other_words_of_letters_are_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """L-15: texts, by one hash of all of them; back to the old words is a change as well."""
    monkeypatch.setitem(installed.WATCHED, "texts", lambda: "a" * 64)
    installed.look()
    monkeypatch.setitem(installed.WATCHED, "texts", lambda: "b" * 64)
    assert installed.look() == 1
    monkeypatch.setitem(installed.WATCHED, "texts", lambda: "a" * 64)
    assert installed.look() == 1
    assert [one.setting for one in installed.changes()] == ["texts", "texts"]


def test_nothing_secret_is_watched() -> None:
    """No address with a password, no place of a key: only what shapes the handling of requests."""
    for name in installed.WATCHED:
        assert not {"url", "ring", "key", "mail", "database", "broker"} & set(name.split("_")), name


def test_it_is_explained_on_the_command_line(settings: Any) -> None:
    chief = staff("S-2001", Role.SUPERVISOR)
    installed.look()
    settings.DSR_LINK_DAYS += 1
    installed.look()
    (one,) = installed.unexplained()
    out = StringIO()
    call_command("policy", "list", stdout=out)
    assert f"change {one.number}: link_days" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("policy", "explain", "--change", str(one.number), stdout=out)
    arguments = ["--as", chief.staff_no, "--change", str(one.number), "--why", "decision"]
    call_command("policy", "explain", *arguments, stdout=out)
    assert installed.unexplained() == []
