"""No breach is closed before what it owes to persons has left (Art. 15, 34; O-07)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import deliveries, letters, messages, question_returns
from dsr_portal.cases import services as cases
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Delivery, Direction, Letter, LetterState
from dsr_portal.cases.paper_models import PaperReturn, ReturnStep
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import Breach
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, EffectState
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.travel import Travel

pytestmark = [pytest.mark.django_db, pytest.mark.db]
WORDS = {
    "nature": "Somebody else saw a picture of you.",
    "effects": "They may know the page it came from.",
    "measures": "We closed the link.",
}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Travel:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120
    return Travel(monkeypatch, "2026-09-11")


@pytest.fixture
def chief() -> Actor:
    return actor(staff("V-2001", Role.SUPERVISOR))


@pytest.fixture
def director() -> Actor:
    return actor(staff("L-9001", Role.DIRECTOR))


def work() -> None:
    for _round in range(5):
        if not jobs.run_due(queues=["light"]):
            return


def spare(breach: Breach, what: str, by: Actor, agreed_by: Actor) -> None:
    row = breaches.propose_spare(breach_id=breach.id, what=what, reason="No risk.", actor=by)
    breaches.agree_spare(decision_id=row.id, actor=agreed_by)


def settled(breach: Breach, chief: Actor, director: Actor) -> Breach:
    """All but what goes to persons is done."""
    breaches.describe(breach_id=breach.id, actor=chief, people=1, records=1, **WORDS)
    spare(breach, "authority", chief, director)
    return breach


def about(case: Case, chief: Actor, director: Actor) -> Breach:
    made = breaches.open_breach(
        kind="disclosed", aware_at=clock.now(), actor=chief, reference=case.reference
    )
    return settled(made, chief, director)


def tell(breach: Breach, case: Case, by: Actor) -> Letter:
    told = breaches.tell_person(breach_id=breach.id, reference=case.reference, actor=by, **WORDS)
    return told.letter


def refused(breach: Breach, by: Actor) -> str:
    with pytest.raises(Conflict) as told:
        breaches.close(breach_id=breach.id, actor=by)
    assert told.value.code == "breach_open"
    breach.refresh_from_db()
    assert breach.closed_at is None
    said = str(told.value.message)
    assert "mina@example.org" not in said
    return said


def answered_once_more(case: Case) -> Delivery:
    """Another answer leaves: made and approved elsewhere, here only its way out counts."""
    made = cases.make_delivery(
        case=case,
        kind="answer",
        actor=support.SECOND,
        parts=[
            cases.Part(
                name="answer.txt", media_type="text/plain", unit=case.file_unit, field="intake"
            )
        ],
    )
    cases.release_batch(actor=support.SECOND)
    made.refresh_from_db()
    return made


def test_the_letter_holds_the_closing_until_a_server_took_its_mail(
    chief: Actor, director: Actor
) -> None:
    """O-07, Art. 34: written is not sent, and a mail nobody took told nobody."""
    case = support.opened()
    breach = about(case, chief, director)
    letter = tell(breach, case, chief)
    assert f"{case.reference}: the letter about this breach is still" in refused(breach, chief)
    work()
    letter.refresh_from_db()
    assert letter.state == LetterState.SENT
    mail = Effect.objects.filter(kind="mail.letter", subject_id=letter.delivery_id)
    for state in (EffectState.PENDING, EffectState.FAILED):
        mail.update(state=state)
        assert f"{case.reference}: the mail about the letter" in refused(breach, chief)
    mail.update(state=EffectState.SENT)
    assert breaches.close(breach_id=breach.id, actor=chief).closed_by == chief.id


def test_on_paper_it_has_left_once_it_is_posted_and_stays_away(
    chief: Actor, director: Actor
) -> None:
    """O-07, L-09: a letter that the post brought back reached nobody."""
    case = support.opened(email="")
    vault.write_json(
        case.contact_unit, "contact", {"email": "", "name": "Mina", "postal": "Laan 1"}
    )
    breach = about(case, chief, director)
    letter = tell(breach, case, chief)
    work()
    assert "waits for the post" in refused(breach, chief)
    letters.record_posted(letter_id=letter.id, actor=support.OFFICER)
    assert [one.id for one in question_returns.under_way(case)] == [letter.id]
    question_returns.record_returned(
        case_id=case.id,
        letter_id=letter.id,
        actor=support.OFFICER,
        on=clock.today(),
        reason="moved",
    )
    said = refused(breach, chief)
    assert f"{case.reference}: the letter about this breach came back" in said
    assert "Laan" not in said
    letters.record_posted(letter_id=letter.id, actor=support.OFFICER)
    assert breaches.close(breach_id=breach.id, actor=chief).closed_at is not None


def test_who_was_shown_somebody_else_has_the_words_promised_and_another_answer_first(
    chief: Actor, director: Actor
) -> None:
    """O-07, Art. 15: a reason of Art. 34(3) spares the letter, never the answer."""
    case = support.opened()
    support.delivered(case)
    breach = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    settled(breach, chief, director)
    said = refused(breach, chief)
    assert "nobody wrote to this person yet" in said
    assert f"{case.reference}: the corrected answer has not left." in said
    spare(breach, "persons", chief, director)
    assert refused(breach, chief) == f"{case.reference}: the corrected answer has not left."
    breaches.answer_again(breach_id=breach.id, actor=chief)
    assert "the corrected answer has not left." in refused(breach, chief)
    case.refresh_from_db()
    right = answered_once_more(case)
    assert "the mail about the corrected answer" in refused(breach, chief)
    work()
    mail = Effect.objects.get(kind="mail.answer_ready", subject_id=right.id)
    assert mail.state == EffectState.SENT
    assert breaches.close(breach_id=breach.id, actor=chief).closed_at is not None


def test_a_corrected_answer_on_paper_has_left_once_it_is_posted_and_stays_away(
    chief: Actor, director: Actor
) -> None:
    """O-07, L-09: what came back is not in the hands of the person, until it is posted again."""
    case = support.opened()
    support.delivered(case)
    breach = breaches.report_wrong_person(case_id=case.id, actor=support.person(case))
    settled(breach, chief, director)
    with unit_of_work():
        messages.keep_message(case, Direction.OUT, "We look into it.", by=chief.id)
    tell(breach, support.opened(email="ada@example.org"), chief)
    work()
    assert refused(breach, chief) == f"{case.reference}: the corrected answer has not left."
    right = answered_once_more(case)
    Delivery.objects.filter(id=right.id).update(state="posted", expires_at=None)
    back = PaperReturn.objects.create(
        delivery=right,
        reason="moved",
        on=clock.today(),
        posted_on=clock.today(),
        field="post.1",
        noted_by="S-2002",
        noted_at=clock.now(),
    )
    assert "the corrected answer came back" in refused(breach, chief)
    back.step, back.settled_by, back.settled_at = ReturnStep.AGAIN, "S-2002", clock.now()
    back.save()
    assert breaches.close(breach_id=breach.id, actor=chief).closed_at is not None


def test_an_answer_that_is_made_anew_is_owed_too_until_the_request_is_taken_back(
    chief: Actor, director: Actor
) -> None:
    """O-07, C-09: what was taken back has no answer in its place; nobody is owed one who asks for
    none any more."""
    case = support.opened()
    support.delivered(case)
    breach = about(case, chief, director)
    spare(breach, "persons", chief, director)
    assert breaches.still_to_leave(breach) == []
    with unit_of_work():
        deliveries.take_back_answers(lock(case.id))
    assert "the corrected answer has not left." in refused(breach, chief)
    Case.objects.filter(id=case.id).update(withdrawn_at=clock.now())
    assert breaches.close(breach_id=breach.id, actor=chief).closed_at is not None


def test_the_page_lists_what_is_to_leave_with_links_and_has_no_button(
    chief: Actor, director: Actor, site: Any
) -> None:
    """O-07: each line leads to its request; a closing sent all the same says why not."""
    site("desk")
    case = support.opened()
    breach = about(case, chief, director)
    tell(breach, case, chief)
    browser = sign_in(Client(), staff("S-2002", Role.SUPERVISOR))
    page = reverse("desk:breach", kwargs={"breach_id": breach.id})
    close = reverse("desk:breach_close", kwargs={"breach_id": breach.id})
    shown = browser.get(page).content.decode()
    part = shown[shown.index("Still to leave") : shown.index('id="facts"')]
    link = reverse("desk:case", kwargs={"reference": case.reference})
    assert f'href="{link}"' in part
    assert "is still being made" in part
    assert close not in shown
    no = browser.post(close)
    assert no.status_code == 409
    assert case.reference in no.content.decode()
    work()
    shown = browser.get(page).content.decode()
    assert "Still to leave" not in shown
    assert close in shown
    assert browser.post(close).status_code == 302
    breach.refresh_from_db()
    assert breach.closed_by == "S-2002"
