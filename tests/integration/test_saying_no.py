"""Saying no to a part of the answer or of the erasure, or to a request (law R-01 to R-04)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit import services as audit
from dsr_portal.cases import letters, proposals, refusals
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import (
    Case,
    Outcome,
    Proposal,
    RightCode,
    Status,
    Withheld,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure import withholding
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.law.articles import ABUSE, EXEMPTIONS, REFUSAL_GROUNDS, WITHHOLDING
from tests.support import answers
from tests.support import cases as support
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, a_face, found, text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)

FACTS = "The picture shows a child at a school gate. Its address would tell where the child is."
ABUSIVE = {
    "ground": "excessive",
    "facts": "The same text came forty times within an hour, with a bill for each.",
    "aim": "The sender wrote that the requests stop once the bill is paid.",
}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120
    answers.without_detector(monkeypatch)


def agreed(proposal: Proposal, *people: Actor) -> Proposal:
    for one in people:
        proposals.agree(proposal_id=proposal.id, actor=one)
    proposal.refresh_from_db()
    return proposal


def hold_back(case: Case, record: Record, **more: Any) -> Proposal:
    how = {"ground": "others_rights", "facts": FACTS, **more}
    return withholding.withhold(case_id=case.id, actor=OFFICER, record_id=record.id, **how)


def keep(case: Case, record: Record, **more: Any) -> Proposal:
    how = {
        "ground": "legal_claims",
        "facts": "A court asked for this picture.",
        "until": clock.today() + timedelta(days=90),
        **more,
    }
    return withholding.exempt(case_id=case.id, actor=OFFICER, record_id=record.id, **how)


def letter_of(answer: Any) -> str:
    return text_of(documents.open_document(answer.document_id))


# -- a part of the answer ------------------------------------------------------------------------


def test_a_partial_answer_says_one_of_five_and_why() -> None:
    """R-02, R-01: withhold 1 of 5: named as partial refusal, ground, facts, complaint, court."""
    records = [a_face(seed=number) for number in range(1, 6)]
    case = found(*records)
    agreed(hold_back(case, records[2]), SECOND)
    answer = answers.answered(case)
    assert answer.state == "ready", answer.error_code
    assert set(answer.records.values_list("record_id", flat=True)) == {
        one.id for one in records if one != records[2]
    }
    text = letter_of(answer)
    for words in (
        "This is a partial answer: we show 4 of 5 pictures, and refuse the rest.",
        "We refuse a part: 1 of 5 pictures are not shown.",
        "Not shown (Art. 15(4) GDPR): It would harm the rights of other people.",
        "The picture shows a child at a school gate.",
        "complain to a data protection authority",
        "go to court",
    ):
        assert words in text, words
    case = answers.released(answer)
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.PARTLY_REFUSED)
    assert audit.verify().ok


def test_without_anything_held_back_no_answer_speaks_of_a_refusal() -> None:
    """R-02: the words stand only where they are true."""
    case = found(a_face())
    answer = answers.answered(case)
    text = letter_of(answer)
    assert "partial answer" not in text
    assert "refuse" not in text
    assert answers.released(answer).outcome == Outcome.DISCLOSED


def test_the_grounds_of_a_part_never_refuse_everything() -> None:
    """A-21: with one picture nothing can be held back, with two only one; no blanket."""
    records = [a_face(seed=1), a_face(seed=2)]
    case = found(*records)
    for ground in WITHHOLDING:
        assert REFUSAL_GROUNDS[ground].partial_only
    first = hold_back(case, records[0], ground="trade_secret")
    agreed(first, SECOND)
    with pytest.raises(Conflict, match="nothing_left"):
        hold_back(case, records[1])
    with pytest.raises(BadInput, match="no_such_ground"):
        hold_back(case, records[1], ground="legal_duty")
    with pytest.raises(BadInput, match="no_such_record"):
        withholding.withhold(
            case_id=case.id, actor=OFFICER, record_id=new_id(), ground="others_rights", facts=FACTS
        )


def test_one_person_alone_holds_nothing_back_and_no_answer_is_made_meanwhile() -> None:
    """R-02, G-01: the proposer may not agree; while it waits the answer waits too."""
    records = [a_face(seed=1), a_face(seed=2)]
    case = found(*records)
    proposal = hold_back(case, records[0])
    with pytest.raises(NotAllowed, match="second_person"):
        proposals.agree(proposal_id=proposal.id, actor=OFFICER)
    with pytest.raises(Conflict, match="proposal_waits"):
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    proposals.turn_down(proposal_id=proposal.id, actor=SECOND)
    assert not Withheld.objects.exists()
    answer = answers.answered(case)
    assert answer.records.count() == 2
    with pytest.raises(Conflict, match="answer_exists"):
        hold_back(case, records[0])


# -- a part of the erasure -----------------------------------------------------------------------


def test_an_exemption_keeps_one_record_until_a_day_and_the_rest_is_erased() -> None:
    """E-03: item, ground, facts, period, second person; locked; the plan leaves it out."""
    records = [a_face(seed=1), a_face(seed=2)]
    case = found(*records)
    until = clock.today() + timedelta(days=90)
    agreed(keep(case, records[0], until=until), SECOND)
    answer = answers.answered(case)
    text = letter_of(answer)
    assert f"Not deleted until {until.day} {until:%B %Y}, but locked (Art. 17(3)(e) GDPR)." in text
    assert "Picture: 1." in text
    assert "It is needed for a legal claim. A court asked for this picture." in text
    case = answers.released(answer)
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    assert list(plan.records.values_list("record_id", flat=True)) == [records[1].id]
    assert gallery.restricted([records[0].id]) == {records[0].id}
    erasure.stop_plan(plan_id=plan.id, actor=OFFICER)
    cases.close(case_id=case.id, actor=OFFICER)
    assert gallery.restricted([one.id for one in records]) == {records[0].id}, "kept, but locked"


def test_an_exemption_needs_item_ground_facts_and_a_day_of_its_own() -> None:
    """E-03: default none, a blanket one is refused; the database has no row without a day."""
    records = [a_face(seed=1), a_face(seed=2)]
    case = found(*records)
    assert not Withheld.objects.exists()
    today = clock.today()
    for wrong, code in (
        ({"ground": "others_rights"}, "no_such_ground"),
        ({"facts": " "}, "facts_missing"),
        ({"until": None}, "until_missing"),
        ({"until": today}, "until_missing"),
        ({"until": today + timedelta(days=400)}, "until_far"),
    ):
        with pytest.raises(BadInput) as refused:
            keep(case, records[0], **wrong)
        assert refused.value.code == code
    proposal = keep(case, records[0])
    with pytest.raises(Conflict, match="proposed_already"):
        keep(case, records[1])
    agreed(proposal, SECOND)
    row = Withheld.objects.get()
    for change in ({"until": None}, {"what": "answer"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Withheld.objects.filter(id=row.id).update(**change)
    with pytest.raises(Conflict, match="withheld_already"):
        keep(case, records[0])
    assert len(EXEMPTIONS) == 5


# -- a whole request -----------------------------------------------------------------------------


@pytest.fixture
def people() -> dict[str, Any]:
    return {
        "first": staff("A-1001"),
        "second": staff("A-1002"),
        "chief": staff("S-2001", Role.SUPERVISOR),
    }


@pytest.mark.parametrize("part", ["ground", "facts", "given", "cure", "rights"])
def test_a_refusal_without_one_of_its_parts_is_not_made(
    part: str, travel: Travel, people: Any
) -> None:
    """R-01: generation fails if any of the parts is empty."""
    case = support.opened()
    spec = letters.kinds.get("refusal")
    facts = {"ground": "excessive", "words": ["One.", "Two."], "by": ["A"]}
    whole = spec.compose(case, facts)
    assert letters.missing(spec, whole) == []
    emptied = [
        {**one, "text": "", "points": [], "rows": []} if one["id"] == part else one
        for one in whole.sections
    ]
    without = letters.Body(whole.short, whole.rows, emptied)
    assert letters.missing(spec, without) == [f"missing: {part}"]
    with pytest.raises(letters.LetterIncomplete):
        letters.refuse(letters.missing(spec, without))


def test_no_refusal_without_evidence_late_or_by_a_machine(travel: Travel, people: Any) -> None:
    """R-04, R-03: both elements, the month, no rule engine, and no fee anywhere."""
    case = support.opened()
    for wrong, code in (
        ({"facts": " "}, "facts_missing"),
        ({"aim": ""}, "aim_missing"),
        ({"ground": "cannot_identify"}, "no_such_ground"),
        ({"ground": "trade_secret"}, "no_such_ground"),
    ):
        with pytest.raises(BadInput) as refused:
            refusals.propose(case_id=case.id, actor=OFFICER, **{**ABUSIVE, **wrong})
        assert refused.value.code == code
    for machine in (Actor.system("rules"), Actor.operator(), Actor("w", "officer", "system")):
        with pytest.raises(NotAllowed):
            refusals.propose(case_id=case.id, actor=machine, **ABUSIVE)
    travel.to("2026-10-13")
    with pytest.raises(Conflict, match="refusal_late"):
        refusals.propose(case_id=case.id, actor=OFFICER, **ABUSIVE)
    assert {str(one) for one in ABUSE} == {"unfounded", "excessive"}


def test_once_the_work_has_begun_a_request_is_answered(travel: Travel, people: Any) -> None:
    """R-04: no refusal of a request that was searched; the waiting proposal can't be agreed to."""
    case = support.opened()
    proposal = refusals.propose(case_id=case.id, actor=OFFICER, **ABUSIVE)
    agreed(proposal, SECOND)
    support.identified(case)
    cases.advance(case=case, action="start_search", actor=support.MACHINE)
    with pytest.raises(Conflict, match="refuse_state"):
        proposals.agree(proposal_id=proposal.id, actor=SUPERVISOR)


def test_nothing_in_the_program_asks_for_money() -> None:
    """R-03: no model field, form field or setting speaks of a fee or a payment."""
    from django.apps import apps

    from dsr_portal.desk import forms as desk_forms
    from dsr_portal.public import forms as public_forms

    words = ("fee", "payment", "price", "invoice", "amount")

    def asks(name: str) -> bool:
        return any(part in words for part in name.lower().split("_"))

    assert asks("fee_paid"), "the look finds what it looks for"
    fields = [f.name for model in apps.get_models() for f in model._meta.get_fields()]
    for module in (desk_forms, public_forms):
        for form in vars(module).values():
            fields += list(getattr(form, "base_fields", ()))
    # What an authority's order may cost the controller; nobody who asks pays it.
    fields.remove("penalty_amount")
    assert [name for name in fields if asks(name)] == []


def test_by_pages_one_picture_is_held_back(site: Any, client: Any) -> None:
    """R-02, E-03 at the desk: wrong input is said; the colleague sees ground, day and facts."""
    site("desk")
    records = [a_face(seed=1, page_url="https://a.example/one"), a_face(seed=2)]
    case = found(*records)
    people = answers.staff()
    first = sign_in(client, people["A-1001"])
    address = reverse("desk:exempt", kwargs={"reference": case.reference})
    page = first.get(address).content.decode()
    assert "https://a.example/one" in page
    sent = {"record_id": str(records[0].id), "ground": "legal_claims", "facts": FACTS}
    assert first.post(address, {**sent, "until": ""}).status_code == 422
    until = clock.today() + timedelta(days=30)
    done = first.post(address, {**sent, "until": until.isoformat()}, follow=True)
    assert "Waits for another person" in done.content.decode()
    second = sign_in(client, people["A-1002"])
    shown = second.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "It is needed for a legal claim." in shown
    assert "school gate" in shown
    proposal = Proposal.objects.get()
    settle = {"reference": case.reference, "proposal_id": proposal.id}
    second.post(reverse("desk:settle", kwargs=settle), {"do": "agree"})
    assert Withheld.objects.get().until == until
    assert case.rights.filter(right=RightCode.ERASURE).exists()
    refuse = reverse("desk:refuse", kwargs={"reference": case.reference})
    assert "work on the answer has begun" in second.get(refuse).content.decode()
