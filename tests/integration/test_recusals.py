"""Staff who are the data subject, or close to them, have nothing to do with a case (X-09, R19)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import (
    address_changes,
    alarms,
    codes,
    extensions,
    recusals,
    selectors,
    services,
)
from dsr_portal.cases.models import Alarm, Case, Escalation
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, PortalError
from dsr_portal.gallery.models import Hold, Record
from dsr_portal.jobs.services import run_due
from dsr_portal.matching import recusing
from dsr_portal.matching import selectors as matching_rows
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Decision
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import a_record, own_places
from tests.support.matching import (
    actor,
    drawn,
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
    row = Recusal.objects.get()
    by_hand = recusals.recuse(case_id=elsewhere.id, actor=actor(people["one"]))
    said = Event.objects.filter(type="case.recused").order_by("number")
    assert [(one.actor_id, one.actor_role, one.data) for one in said] == [
        ("S-1", "officer", {})
    ] * 2
    kept = ("staff_no", "lifted_by", "lifted_at", "field")
    assert [getattr(row, name) for name in kept] == [getattr(by_hand, name) for name in kept], (
        "no row says whose request it is"
    )


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


def moved(case: Case, to: str, monkeypatch: Any) -> None:
    """The person gives a new address at their page, and its 72 hours pass."""
    address_changes.ask_own(
        case_id=case.id, what="email", given={"email": to}, code=codes.receipt_code(case)
    )
    while run_due(queues=["light"]):
        pass
    before = clock.now
    monkeypatch.setattr(clock, "now", lambda: before() + timedelta(hours=73))
    assert address_changes.settle_due() == 1
    case.refresh_from_db()


def test_no_later_address_frees_anybody(people: dict[str, Staff], monkeypatch: Any) -> None:
    """Neither one of the person's nor one of the account; only a supervisor does."""
    case = support.opened(email=OWN)
    confirm(case)
    moved(case, "private@example.org", monkeypatch)
    Staff.objects.filter(staff_no="S-1").update(email="other@halden.example")
    assert case not in selectors.visible_to(Staff.objects.get(staff_no="S-1"))
    assert recusals.kept_away(case.id) == {"S-1"}


def test_an_account_that_came_later_is_written_down_too(people: dict[str, Staff]) -> None:
    case = support.opened(email="s-9@halden.example")
    confirm(case)
    staff("S-9")
    assert recusals.kept_away(case.id) == {"S-9"}
    recusing.free_parts()
    Staff.objects.filter(staff_no="S-9").update(email="other@halden.example")
    assert recusals.kept_away(case.id) == {"S-9"}


def test_a_new_address_that_never_answered_keeps_nobody_away(
    people: dict[str, Staff], monkeypatch: Any
) -> None:
    """72 hours prove no mailbox: else anybody could keep an officer from their request."""
    case = support.opened(email="mina@example.org")
    confirm(case)
    moved(case, OWN, monkeypatch)
    assert recusals.kept_away(case.id) == set()
    assert case in selectors.visible_to(people["one"])
    confirm(case)
    assert recusals.kept_away(case.id) == {"S-1"}


def test_a_supervisor_lifts_it_for_an_address_too(
    people: dict[str, Staff], monkeypatch: Any
) -> None:
    """And it stays lifted for that address; another that answers is looked at anew."""
    case = support.opened(email=OWN)
    confirm(case)
    (row,) = recusals.in_force(case)
    recusals.lift(
        case_id=case.id, recusal_id=row.id, actor=actor(people["chief"]), reason="A test mail."
    )
    confirm(case)
    recusing.free_parts()
    assert recusals.kept_away(case.id) == set()
    assert case in selectors.visible_to(people["one"])
    moved(case, "s-2@halden.example", monkeypatch)
    confirm(case)
    assert recusals.kept_away(case.id) == {"S-2"}


# -- what they had finished ---------------------------------------------------------------------


def test_what_they_finished_is_decided_anew_by_two_others(
    compared: Case, people: dict[str, Staff]
) -> None:
    """R19: their word is none of the two, however far the review came."""
    own = actor(people["one"])
    take(compared, own)
    say_all(compared, own, "not_same")
    confirm(compared)
    assert recusing.free_parts() == 1
    assert recusing.free_parts() == 0
    compared.refresh_from_db()
    review = review_of(compared)
    assert (compared.status, review.state, review.first_officer) == ("in_review", "first", None)
    assert not Decision.objects.filter(officer="S-1").exists()
    take(compared, actor(people["two"]))
    say_all(compared, actor(people["two"]), "same")
    second = drawn(compared, [actor(people["three"]), actor(people["chief"])])
    say_all(compared, second, "same")
    assert compared.status == "decided"
    found = matching_rows.outcome(compared.id)
    assert found is not None
    assert len(found.same) == 3


def test_what_was_decided_is_decided_anew_and_held_again(
    compared: Case, people: dict[str, Staff]
) -> None:
    """As second, too; what was let go as "not the same" is kept until the two others are done."""
    take(compared, actor(people["two"]))
    say_all(compared, actor(people["two"]), "not_same")
    number = review_of(compared).second_officer
    second = Actor(str(number), "officer", "staff")
    say_all(compared, second, "not_same")
    assert compared.status == "decided"
    assert not Hold.objects.filter(case_id=compared.id, until=None).exists()
    recusing.recuse(case_id=compared.id, actor=second)
    compared.refresh_from_db()
    assert compared.status == "in_review"
    assert matching_rows.outcome(compared.id) is None
    assert Hold.objects.filter(case_id=compared.id, until=None).count() == 3
    assert not Decision.objects.filter(officer=number).exists()
    take(compared, actor(people["two"]))
    assert [one.verdict for one in laid(compared, actor(people["two"]))] == ["", "", ""]


def test_a_disagreement_with_them_is_no_supervisors(
    compared: Case, people: dict[str, Staff]
) -> None:
    take(compared, actor(people["two"]))
    say_all(compared, actor(people["two"]), "same")
    second = Actor(str(review_of(compared).second_officer), "officer", "staff")
    say_all(compared, second, "not_same")
    assert review_of(compared).state == "supervisor"
    recusing.recuse(case_id=compared.id, actor=second)
    assert (review_of(compared).state, review_of(compared).supervisor) == ("first", None)


def test_what_they_proposed_waits_no_longer(people: dict[str, Staff]) -> None:
    case = support.opened()
    extensions.propose(
        case_id=case.id,
        actor=actor(people["one"]),
        reason="legal_question",
        months=1,
        words="There are many requests.",
    )
    recusing.recuse(case_id=case.id, actor=actor(people["one"]))
    assert [one.state for one in case.proposals.all()] == ["lapsed"]


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
    recusals.recuse(case_id=case.id, actor=actor(people["dpo"]))
    told_so.delete()
    alarms.raise_due()
    assert [row.to for row in told_so.all()] == ["D-1"], "never silent"


def test_who_is_not_trained_takes_themselves_off_too(
    people: dict[str, Staff], site: Any, client: Any
) -> None:
    """No page of it opens for them, and the press shows none."""
    site("desk")
    case = support.opened()
    Staff.objects.filter(staff_no="S-1").update(trained_until=None)
    browser = sign_in(client, Staff.objects.get(staff_no="S-1"))
    assert browser.post(page("recuse", case)).status_code == 302
    assert recusals.kept_away(case.id) == {"S-1"}
