"""Cases that are not one's own work open with a reason and are counted; pictures say who looked
(law X-09, L-14)."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import services
from dsr_portal.cases.models import Alarm, Case, Escalation
from dsr_portal.core import clock
from dsr_portal.core.registries import senders
from dsr_portal.desk import marking
from dsr_portal.desk.next_step import next_step
from dsr_portal.gallery.models import Record
from dsr_portal.matching import browsing
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.browsing_models import BreakGlass, BrowsingAlarm
from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.vault import services as vault
from dsr_portal.vault.pictures import encode_jpeg
from tests.support import cases as support
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    event_types_of,
    hits,
    searched,
    sign_in,
    staff,
    take,
    told,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SAID = {"why": "check", "words": "The weekly check of five cases."}


@pytest.fixture(autouse=True)
def at_the_desk(settings: Any, tmp_path: Any, site: Any) -> None:
    own_places(settings, tmp_path)
    site("desk")


@pytest.fixture
def people() -> dict[str, Staff]:
    return {
        "one": staff("S-1"),
        "two": staff("S-2"),
        "chief": staff("V-1", Role.SUPERVISOR),
        "dpo": staff("D-1", Role.DPO),
    }


@pytest.fixture
def taken(monkeypatch: Any, people: dict[str, Staff]) -> Case:
    """A case that S-1 compares in; its photo is a grey picture."""
    record: Record = a_record()
    told(monkeypatch).hits = hits([record.id])
    case = searched(actor(people["one"]), picture=grey())
    take(case, actor(people["one"]))
    return case


def grey(width: int = 320, height: int = 240) -> bytes:
    return encode_jpeg(bytes([128]) * (3 * width * height), width, height)


def page(name: str, case: Case | None = None, **more: Any) -> str:
    return reverse(f"desk:{name}", kwargs={"reference": case.reference, **more} if case else None)


def as_(client: Any, person: Staff) -> Any:
    return sign_in(client, person, says_why=False)


# -- with a reason ------------------------------------------------------------------------------


def test_ones_own_queue_opens_without_a_click(
    client: Any, people: dict[str, Staff], taken: Case
) -> None:
    """What nobody has waits for whoever decides; what was laid before one is one's own."""
    waits = support.opened()
    for case in (waits, taken):
        assert as_(client, people["one"]).get(page("case", case)).status_code == 200
    assert as_(client, people["two"]).get(page("case", waits)).status_code == 200
    assert not BreakGlass.objects.exists()


def test_a_case_of_others_opens_once_a_day_with_a_reason(
    client: Any, people: dict[str, Staff], taken: Case, monkeypatch: Any
) -> None:
    probe = taken.probes.get()
    browser = as_(client, people["two"])
    for closed in (
        page("case", taken),
        page("receipt", taken),
        page("probe_picture", taken, probe_id=probe.id),
    ):
        assert browser.get(closed).url == page("why", taken)
    assert browser.post(page("message", taken), {"text": "Hello."}).url == page("why", taken)
    assert "message.sent" not in event_types_of(taken)
    with pytest.raises(CommandError, match="not your work"):
        call_command("case", taken.reference, "--as", "S-2")
    asked = browser.get(page("why", taken)).content.decode()
    assert "mina@example.org" not in asked
    assert browser.post(page("why", taken), SAID | {"words": " "}).status_code == 422
    assert browser.post(page("why", taken), SAID).url == page("case", taken)
    assert browser.get(page("case", taken)).status_code == 200
    event = Event.objects.get(case_id=taken.id, type="case.opened_not_own")
    assert (event.actor_id, event.data) == ("S-2", {"why": "check"})
    row = BreakGlass.objects.get()
    assert vault.read(taken.file_unit, row.field).decode() == SAID["words"]
    monkeypatch.setattr(clock, "today", lambda: row.on + timedelta(days=1))
    assert browser.get(page("case", taken)).url == page("why", taken)


def test_who_decides_nothing_says_why_and_acting_makes_it_ones_own(
    client: Any, people: dict[str, Staff]
) -> None:
    case = support.opened()
    assert as_(client, people["dpo"]).get(page("case", case)).url == page("why", case)
    services.assign(case_id=case.id, to="S-1", actor=actor(people["chief"]))
    assert as_(client, people["chief"]).get(page("case", case)).status_code == 200
    assert as_(client, people["two"]).get(page("case", case)).status_code == 302


def test_an_officer_without_a_case_searches_nothing(
    client: Any, people: dict[str, Staff], taken: Case
) -> None:
    """X-09, R20: a search belongs to a case one works on; the queue finds no person."""
    browser = as_(client, people["two"])
    for name in ("look_up", "again", "photos"):
        assert browser.post(page(name, taken)).url == page("why", taken)
    for typed in ("Mina", "mina@", "a.example"):
        found = browser.get(page("queue"), {"q": typed}).content.decode()
        assert taken.reference not in found
    assert taken.reference in browser.get(page("queue"), {"q": taken.reference}).content.decode()
    assert taken.searches.count() == 1


# -- the list and the count ---------------------------------------------------------------------


def test_supervisor_and_dpo_read_who_opened_what_and_why(
    client: Any, people: dict[str, Staff], taken: Case
) -> None:
    browsing.say_why(case_id=taken.id, actor=actor(people["two"]), **SAID)
    as_(client, people["two"]).get(page("case", taken))
    for reader in ("chief", "dpo"):
        seen = as_(client, people[reader]).get(page("openings")).content.decode()
        for words in ("S-2: 1", taken.reference, SAID["words"], "I check how it was handled"):
            assert words in seen
    assert as_(client, people["one"]).get(page("openings")).status_code == 403
    vault.shred_now([taken.file_unit], "the case is purged")
    left = as_(client, people["chief"]).get(page("openings"))
    assert left.status_code == 200
    assert SAID["words"] not in left.content.decode()


def test_many_cases_not_ones_own_are_told_the_day_after(
    client: Any, people: dict[str, Staff], monkeypatch: Any
) -> None:
    """A plain count over a setting; what was acted in does not count, nor does the own limit."""
    monkeypatch.setattr(browsing.policy, "current", lambda name: 2)
    looked = [support.opened(email=f"{number}@example.org") for number in range(4)]
    for case in looked:
        as_(client, people["two"]).get(page("case", case))
        as_(client, people["one"]).get(page("case", case))
    for case in looked[:2]:
        services.send_message(case_id=case.id, actor=actor(people["one"]), text="A question.")
    today = clock.today()
    assert browsing.not_own_on(today) == {"S-1": 2, "S-2": 4}
    assert browsing.tell_due() == 0
    monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=1))
    assert browsing.tell_due() == 2
    assert browsing.tell_due() == 0
    rows = BrowsingAlarm.objects.order_by("to")
    assert [(row.staff_no, row.opened, row.to) for row in rows] == [
        ("S-2", 4, "D-1"),
        ("S-2", 4, "V-1"),
    ]
    mail = senders.get(browsing.MAIL).render(rows[0].id)
    assert (mail.to, "S-2 opened 4 cases" in mail.text) == ("d-1@halden.example", True)
    assert looked[0].reference not in mail.text
    assert "S-2 opened 4 cases" in as_(client, people["chief"]).get(page("queue")).content.decode()
    assert "S-2 opened" not in as_(client, people["two"]).get(page("queue")).content.decode()


def test_ones_own_is_measured_when_one_looked(
    client: Any, people: dict[str, Staff], taken: Case, monkeypatch: Any
) -> None:
    """An alarm settled since was one's work; a step after the reason, or on a later day, makes
    nothing of what was looked at one's own."""
    alarmed, waiting = support.opened(), support.opened(email="j@example.org")
    chief, today = actor(people["chief"]), clock.today()
    raised = {"code": Alarm.NOBODY_LEFT, "to": "V-1", "raised_at": clock.now()}
    alarm = Escalation.objects.create(case=alarmed, **raised)
    browsing.say_why(case_id=taken.id, actor=chief, **SAID)
    for case in (alarmed, waiting, taken):
        assert as_(client, people["chief"]).get(page("case", case)).status_code == 200
    assert browsing.not_own_on(today) == {"V-1": 2}
    Escalation.objects.filter(id=alarm.id).update(settled_at=clock.now())
    Escalation.objects.create(case=waiting, **raised | {"raised_at": clock.now()})
    assert browsing.not_own_on(today) == {"V-1": 2}
    services.send_message(case_id=taken.id, actor=chief, text="A question.")
    assert browsing.not_own_on(today) == {"V-1": 2}
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    services.send_message(case_id=waiting.id, actor=chief, text="A question.")
    assert browsing.not_own_on(today) == {"V-1": 2}


def test_what_waits_for_nobody_opens_with_a_reason_though_nobody_has_the_case(
    client: Any, people: dict[str, Staff], taken: Case, monkeypatch: Any
) -> None:
    """`why` says of such a case that it waits for nobody: also a step that could be done is none
    of theirs."""
    Case.objects.filter(id=taken.id).update(assignee="")
    browser = as_(client, people["two"])
    assert browser.get(page("case", taken)).url == page("why", taken)
    delivered = support.opened(email="j@example.org")
    support.delivered(delivered)
    found = matching.MatchOutcome(same=(uuid4(),), inconclusive=(), not_same=())
    monkeypatch.setattr(matching, "outcome", lambda _case_id: found)
    assert next_step(delivered, actor(people["two"])).button == "Start the erasure"
    assert browser.get(page("case", delivered)).url == page("why", delivered)


def test_the_limit_is_a_setting_two_persons_change() -> None:
    assert DEFINITIONS[browsing.LIMIT].start() == 20


# -- the mark -----------------------------------------------------------------------------------


def read_mark(before: bytes, after: bytes, among: list[str]) -> str:
    """Which of the words stand on the picture: those whose drawing leaves the least difference."""
    seen = pixels(after)
    assert not np.array_equal(seen, pixels(before))
    with_each = {one: np.abs(pixels(marking.written_on(before, one)) - seen).sum() for one in among}
    return min(with_each, key=lambda one: float(with_each[one]))


def pixels(data: bytes) -> Any:
    with Image.open(BytesIO(data)) as picture:
        return np.asarray(picture.convert("L"), dtype=np.int32)


def test_a_picture_says_who_looked_and_when(
    client: Any, people: dict[str, Staff], taken: Case, monkeypatch: Any
) -> None:
    """It is drawn when served; what the vault holds, and hands to the person, has no mark."""
    probe = taken.probes.get()
    kept = vault.read(probe.unit, "picture")
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    served = as_(client, people["one"]).get(page("probe_picture", taken, probe_id=probe.id)).content
    own = marking.words("S-1")
    assert own.startswith("S-1 ")
    later = f"{own[:-2]}{(int(own[-2:]) + 7) % 60:02}"
    assert read_mark(kept, served, [marking.words("S-2"), later, own]) == own
    assert vault.read(probe.unit, "picture") == kept
    middle = np.abs(pixels(served) - pixels(kept))[40:-40]
    assert middle.max() <= 3, "the face in the middle is left alone"


def test_a_small_crop_has_its_mark_on_two_lines() -> None:
    small = grey(112, 112)
    assert marking.marked(small, "S-1001") != small


def test_nothing_that_leaves_goes_through_the_mark() -> None:
    """Only the desk draws it: no room below or beside it imports the drawing."""
    wanted = re.compile(r"written_on|desk\.marking|import marking")
    room = Path(marking.__file__).parent.parent
    found = {
        str(path.relative_to(room))
        for path in room.rglob("*.py")
        if wanted.search(path.read_text("utf-8"))
    }
    assert found == {
        "desk/comparing.py",
        "desk/marking.py",
        "vault/pictures.py",
    }
