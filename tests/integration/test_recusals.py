"""Staff who are the data subject, or close to them, have nothing to do with a case (X-09, R19)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import alarms, codes, recusals, selectors, services
from dsr_portal.cases.models import Alarm, Case, Escalation
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, PortalError
from dsr_portal.gallery.models import Record
from dsr_portal.matching import recusing
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Decision
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    event_types_of,
    hits,
    laid,
    review_of,
    say,
    say_all,
    searched,
    sign_in,
    staff,
    take,
    told,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

OWN = "s-1@halden.example"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def people() -> dict[str, Staff]:
    numbers = {"one": "S-1", "two": "S-2", "three": "S-3"}
    found = {name: staff(number) for name, number in numbers.items()}
    return found | {"chief": staff("V-1", Role.SUPERVISOR), "dpo": staff("D-1", Role.DPO)}


def confirm(case: Case) -> None:
    sent = services.send_mail_code(case_id=case.id, actor=support.person(case))
    services.confirm_mail_code(
        case_id=case.id, code=codes.mail_code(sent), actor=support.person(case)
    )


def page(name: str, case: Case, **more: Any) -> str:
    return reverse(f"desk:{name}", kwargs={"reference": case.reference, **more})


@pytest.fixture
def compared(monkeypatch: Any, people: dict[str, Staff]) -> Case:
    """A case of S-1, whose search found three pictures; nobody knows yet whose it is."""
    found: list[Record] = [a_record() for _one in range(3)]
    told(monkeypatch).hits = hits([record.id for record in found])
    return searched(actor(people["two"]), email=" S-1@Halden.example")


# -- by itself ----------------------------------------------------------------------------------


def test_an_address_counts_from_the_moment_it_answers(people: dict[str, Staff]) -> None:
    """Anybody can type an officer's address; only the one whose mailbox it is confirms it."""
    case, elsewhere = support.opened(email=OWN), support.opened(email="")
    assert set(selectors.visible_to(people["one"])) == {case, elsewhere}
    confirm(case)
    assert set(selectors.visible_to(people["one"])) == {elsewhere}
    assert set(selectors.visible_to(people["two"])) == {case, elsewhere}
    assert not Recusal.objects.exists(), "no row says whose request it is"


def test_every_step_is_refused_in_plain_words(
    compared: Case, people: dict[str, Staff], caplog: Any
) -> None:
    """The service layer refuses, whatever the page; and no event says who tried what."""
    confirm(compared)
    own, before = actor(people["one"]), Event.objects.count()
    steps = (
        lambda: services.assign(case_id=compared.id, to="S-2", actor=own),
        lambda: services.send_message(case_id=compared.id, actor=own, text="Hello."),
        lambda: services.renew_code(case_id=compared.id, actor=own, way="call", compared="Face."),
        lambda: matching.take_review(review_id=review_of(compared).id, actor=own),
        lambda: services.assign(case_id=compared.id, to="S-1", actor=actor(people["chief"])),
    )
    with caplog.at_level(logging.DEBUG):
        for step in steps:
            with pytest.raises(NotAllowed) as refused:
                step()
            assert refused.value.code == "recused"
        with pytest.raises(NotAllowed, match="colleague works on it"):
            selectors.case_for(people["one"], compared.reference)
    assert OWN not in caplog.text.lower()
    assert Event.objects.count() == before
    assert review_of(compared).first_officer is None


def test_any_event_of_the_case_in_their_name_is_refused(people: dict[str, Staff]) -> None:
    """A service written tomorrow is refused too: its step is an event of the case."""
    case = support.opened(email=OWN)
    confirm(case)
    with pytest.raises(NotAllowed), audit.unit_of_work():
        audit.record("case.viewed", actor=actor(people["one"]), case_id=case.id)
    with audit.unit_of_work():
        audit.record("case.viewed", actor=actor(people["two"]), case_id=case.id)
        # What they had decided is still done in their name (a letter that leaves, a release).
        audit.record("case.viewed", actor=Actor.decided_by("S-1", "officer"), case_id=case.id)
    assert event_types_of(case).count("case.viewed") == 2


def test_pages_commands_and_pictures_are_closed(
    compared: Case, people: dict[str, Staff], site: Any, client: Any
) -> None:
    site("desk")
    probe = compared.probes.get()
    browser = sign_in(client, people["one"])
    picture = page("probe_picture", compared, probe_id=probe.id)
    assert browser.get(picture).status_code == 200
    confirm(compared)
    for closed in (page("case", compared), page("receipt", compared), picture):
        answer = browser.get(closed)
        assert answer.status_code == 403
        assert "You can&#x27;t work on this request" in answer.content.decode()
    assert compared.reference not in browser.get(reverse("desk:queue")).content.decode()
    with pytest.raises((CommandError, PortalError)):
        call_command("receipt", compared.reference, "--as", "S-1")


def test_what_was_laid_before_them_is_given_back(compared: Case, people: dict[str, Staff]) -> None:
    """Their address is confirmed after they began: what they said about pictures counts no more."""
    own, other = actor(people["one"]), actor(people["two"])
    take(compared, own)
    say(laid(compared, own)[0], own, "same")
    confirm(compared)
    with pytest.raises(NotAllowed):
        say(laid(compared, own)[1], own, "same")
    assert recusing.free_parts() == 1
    assert recusing.free_parts() == 0
    assert not Decision.objects.filter(officer="S-1").exists()
    assert "review.freed" in event_types_of(compared)
    take(compared, other)
    assert [one.verdict for one in laid(compared, other)] == ["", "", ""]


def test_they_are_never_drawn_as_second(compared: Case, people: dict[str, Staff]) -> None:
    """S-1's address and S-3's word leave no officer: the supervisor is drawn."""
    confirm(compared)
    recusing.recuse(case_id=compared.id, actor=actor(people["three"]))
    take(compared, actor(people["two"]))
    say_all(compared, actor(people["two"]), "same")
    assert review_of(compared).second_officer == "V-1"


def test_a_second_who_says_so_is_drawn_anew(compared: Case, people: dict[str, Staff]) -> None:
    take(compared, actor(people["two"]))
    say_all(compared, actor(people["two"]), "same")
    second = review_of(compared).second_officer
    assert second in {"S-1", "S-3"}
    recusing.recuse(case_id=compared.id, actor=Actor(str(second), "officer", "staff"))
    other = review_of(compared).second_officer
    assert other == ({"S-1", "S-3"} - {second}).pop()
    assert set(Decision.objects.filter(position="second").values_list("officer", flat=True)) == {
        other
    }


# -- by hand ------------------------------------------------------------------------------------


def test_one_press_takes_them_off_and_says_not_which(
    people: dict[str, Staff], site: Any, client: Any
) -> None:
    site("desk")
    case = support.opened()
    services.assign(case_id=case.id, to="S-1", actor=actor(people["two"]))
    browser = sign_in(client, people["one"])
    assert "This is me or somebody I know" in browser.get(page("case", case)).content.decode()
    done = browser.post(page("recuse", case), follow=True)
    assert "A colleague does." in done.content.decode()
    assert browser.get(page("case", case)).status_code == 403
    case.refresh_from_db()
    assert case.assignee == ""
    event = Event.objects.get(case_id=case.id, type="case.recused")
    assert event.actor_id == "S-1"
    assert event.payload.body in ("{}", {})


def test_only_another_person_a_supervisor_lifts_it_with_a_reason(
    people: dict[str, Staff], site: Any, client: Any
) -> None:
    site("desk")
    case = support.opened()
    row = recusals.recuse(case_id=case.id, actor=actor(people["one"]))
    chief = sign_in(client, people["chief"])
    assert page("recusals", case) in chief.get(page("case", case)).content.decode()
    asked = {"who": str(row.id), "reason": ""}
    assert chief.post(page("recusals", case), asked).status_code == 422
    words = "The name was alike, not the person."
    done = chief.post(page("recusals", case), asked | {"reason": words}, follow=True)
    assert "They may work on it again." in done.content.decode()
    assert selectors.case_for(people["one"], case.reference) == case
    row.refresh_from_db()
    assert vault.read(case.file_unit, row.field).decode() == words
    own = recusals.recuse(case_id=case.id, actor=actor(people["chief"]))
    lifting = {"case_id": case.id, "recusal_id": own.id, "reason": "No."}
    with pytest.raises(NotAllowed, match="second person"):
        recusals.lift(actor=actor(people["chief"]), **lifting)
    with pytest.raises(NotAllowed, match="supervisor"):
        recusals.lift(actor=actor(people["two"]), **lifting)
    with pytest.raises(IntegrityError), transaction.atomic():
        Recusal.objects.filter(id=own.id).update(lifted_by="V-1", lifted_at=own.at)


# -- when nobody is left ------------------------------------------------------------------------


def test_supervisors_are_told_when_too_few_are_left(people: dict[str, Staff]) -> None:
    """R19: two persons are needed; and nobody is told of a case they must not work on."""
    case = support.opened()
    for name in ("one", "two"):
        recusals.recuse(case_id=case.id, actor=actor(people[name]))
    alarms.raise_due()
    told_so = Escalation.objects.filter(case=case, code=Alarm.NOBODY_LEFT)
    assert not told_so.exists()
    recusals.recuse(case_id=case.id, actor=actor(people["three"]))
    alarms.raise_due()
    assert [row.to for row in told_so] == ["V-1"]
    assert [row.code for row in alarms.mine("V-1")] == [Alarm.NOBODY_LEFT]
    recusals.recuse(case_id=case.id, actor=actor(people["chief"]))
    assert alarms.mine("V-1") == []
    told_so.delete()
    alarms.raise_due()
    assert [row.to for row in told_so.all()] == ["D-1"]
