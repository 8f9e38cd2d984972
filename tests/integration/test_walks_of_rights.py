"""Rights beside access and erasure, walked from the form to closing, each letter read back.

Objection, restriction, correction, taking along; and the two ways in which a request is not
answered: refused as abusive by two, and nobody could tell who asks. docs/walks.md has the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from dsr_portal.audit import services as audit
from dsr_portal.cases import (
    asking_again,
    evidence_locks,
    objections,
    proposals,
    refusals,
    unnamed_corrections,
)
from dsr_portal.cases import services as cases
from dsr_portal.cases.correction_models import Correction
from dsr_portal.cases.models import (
    Case,
    DeliveryState,
    EvidenceLock,
    Outcome,
    RightCode,
    Status,
)
from dsr_portal.compliance import breach_notices, breaches
from dsr_portal.compliance.models import Breach
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.disclosure import correcting, unidentified
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.law import deadlines
from dsr_portal.matching import selectors as matching_rows
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Verdict
from tests.integration.test_languages import words_of
from tests.support import answers
from tests.support.answers import DPO, OFFICER, SECOND, SUPERVISOR, a_face
from tests.support.letters import LIVES, every_document, faults
from tests.support.walked import (
    answered,
    asked,
    begun,
    closed,
    decided_about,
    looked_up,
    opened,
    told,
)

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "https://fair.example/2021/canal"


@pytest.fixture(autouse=True)
def places(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, site: Any
) -> Iterator[None]:
    begun(settings, tmp_path, monkeypatch)
    site("public")
    with translation.override("en"):
        yield


def later(monkeypatch: pytest.MonkeyPatch, **how: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**how))


def sent(language: str, *rights: str, pages: str = "") -> Case:
    """Asked on the website in its five steps, by e-mail, with at most a page to look up."""
    browser = Client(headers={"accept-language": language})
    contact = {"how": "email", "email": "mina@example.org", "language": language}
    steps: dict[str, dict[str, Any]] = {
        "wish": {"rights": rights},
        "way": {"pages": pages, "account": "", "other": ""},
        "contact": {**contact, "country": LIVES[language]},
        "check": {},
    }
    for name, given in steps.items():
        assert browser.post(reverse(f"public:{name}"), given).status_code == 302, name
    return Case.objects.latest("received_at")


def page_of(case: Case) -> Client:
    """A browser on the page of the request, by reference and receipt code."""
    browser = Client(headers={"accept-language": "en"})
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    assert browser.post(reverse("public:status"), keys).status_code == 302
    return browser


def shown(case: Case) -> str:
    """What the page of the request says now."""
    return words_of(page_of(case).get(reverse("public:case")))


def closed_by_schedule(case: Case, monkeypatch: pytest.MonkeyPatch) -> str:
    """Thirty days on; what the page says then."""
    later(monkeypatch, days=31)
    assert cases.close_due() + erasure.close_without_records() == 1
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    assert audit.verify().ok
    return shown(case)


def state_of(record: Record) -> str:
    return Record.objects.values_list("state", flat=True).get(id=record.id)


# -- no further use: objection, restriction --------------------------------------------------------


def test_an_objection_known_by_one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-09, R2, R3, in English: locked for good, and neither letter tells or promises what the
    other leaves out."""
    one = {"way": "call", "element": "", "compared": "Face on the call and in the photo."}
    monkeypatch.setattr(
        answers,
        "identified",
        lambda case: matching.record_identity(case_id=case.id, actor=OFFICER, **one),
    )
    mine, other = a_face(seed=1), a_face(seed=2)
    case = asked("en", RightCode.OBJECTION)
    case = decided_about(case, [mine, other], [Verdict.SAME, Verdict.NOT_SAME])
    case, _answer, text = answered(case)
    assert case.outcome == Outcome.NEUTRAL
    assert "You asked Stop using my pictures" in text
    assert "The lock stays after your request ends." in text
    assert objections.tell_due() == 1
    assert objections.tell_due() == 0
    text = told(case, "objection")
    assert "You told us to stop using your pictures. We stop." in text
    assert "Art. 21(1) GDPR). We name none." in text
    assert "What we can say about that stands in our answer." in text
    assert "That is in our answer" not in text, "a neutral answer does not say it"
    page = closed_by_schedule(case, monkeypatch)
    assert "Your request is not." not in page, "of a request that is closed"
    assert gallery.restricted([mine.id, other.id]) == {mine.id}
    assert state_of(mine) == Record.State.RESTRICTED


def test_a_restriction_and_its_lifting(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-08, Art. 18(3), in Dutch: locked, given an end, told before it, in use again."""
    mine = a_face(page_url=PAGE)
    case = sent("nl", RightCode.ACCESS, RightCode.RESTRICTION, pages=PAGE)
    case, _answer, text = answered(looked_up(case, OFFICER))
    assert case.outcome == Outcome.DISCLOSED
    assert "De vergrendeling blijft nadat uw verzoek is afgelopen." in text
    page_of(case).post(reverse("public:evidence_lock"), {"years": "1"})
    assert "We delete none of it before." in closed_by_schedule(case, monkeypatch)
    assert state_of(mine) == Record.State.RESTRICTED
    later(monkeypatch, days=325)
    assert evidence_locks.announce_due() == 1
    text = told(case, "lock_ends")
    assert "is bijna voorbij" in text
    assert "is voorbij." not in text, "it leaves two weeks before"
    assert "weer gebruiken wat we voor u hadden vergrendeld" in text
    with pytest.raises(Conflict, match="lock_too_early"):
        evidence_locks.lift(case_id=case.id, actor=OFFICER)
    later(monkeypatch, days=15)
    evidence_locks.lift(case_id=case.id, actor=OFFICER)
    assert state_of(mine) == Record.State.HELD
    assert "The lock ended." in shown(case)
    later(monkeypatch, days=31)
    assert cases.close_due() == 1
    case.refresh_from_db()
    assert case.status == Status.PURGED


def test_who_asks_to_delete_and_to_keep_locked_loses_no_evidence() -> None:
    """Art. 18(1)(c), E-08: both chosen in the form, the lock comes first, with an end."""
    a_face(page_url=PAGE)
    case = sent("en", RightCode.ERASURE, RightCode.RESTRICTION, pages=PAGE)
    row = EvidenceLock.objects.get(case=case)
    assert row.until == deadlines.add_months(clock.today(), 36)
    case = looked_up(case, OFFICER)
    with pytest.raises(Conflict, match="kept_as_evidence"):
        erasure.start_erasure(case_id=case.id, actor=SECOND)
    assert "We delete none of it before. Keep it longer or end it" in shown(case)


# -- what is wrong in a picture --------------------------------------------------------------------


def test_one_picture_shows_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-01, O-07, in German: the answer closes, two take it out, the person is told by two letters
    and gets another answer, without it."""
    mine, other = (a_face(seed=seed, page_url=PAGE) for seed in (1, 2))
    case = sent("de", RightCode.ACCESS, pages=PAGE)
    case, _answer, _text = answered(looked_up(case, OFFICER))
    browser = page_of(case)
    browser.post(reverse("public:correct"), {"place": "2.0", "what": "not_me"})
    assert case.deliveries.get(kind="answer").state == DeliveryState.SUSPENDED
    page = shown(case)
    assert "We closed your answer, because a picture in it may show somebody else." in page
    assert "Your answer is here." not in page
    row = Correction.objects.get()
    assert row.record_id == other.id
    proposal = correcting.propose(correction_id=row.id, actor=OFFICER, how="left")
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    text = told(case, "rectification")
    for words in (
        "„Es zeigt jemand anderen und nicht mich.“ Herausgenommen: Es zeigt jemand anderen.",
        "Wir schulden Ihnen noch eine Antwort ohne dieses Bild",
        "ist durch diesen Antrag nicht mehr gesperrt",
    ):
        assert words in text, words
    assert "neben das Bild" not in text, "it is nobody's picture to write beside but another's"
    outcome = matching_rows.outcome(case.id)
    assert outcome is not None
    assert (outcome.same, other.id in outcome.not_same) == ((mine.id,), True)
    assert "We answer this by" not in shown(case), "it was answered"

    breach = Breach.objects.get(case=case)
    owed = breach_notices.still_to_leave(breach, {"no_breach"})
    assert [one.words for one in owed] == ["the corrected answer has not left."]
    said = {
        "nature": "Wir haben Ihnen ein Bild eines anderen Menschen gezeigt.",
        "effects": "Über Sie hat niemand etwas erfahren.",
        "measures": "Die Antwort ist geschlossen. Löschen Sie das Bild bitte.",
    }
    breaches.describe(breach_id=breach.id, actor=DPO, people=1, records=1, **said)
    breaches.tell_person(breach_id=breach.id, reference=case.reference, actor=DPO, **said)
    assert said["nature"] in told(case, "breach")
    assert not gallery.restricted([other.id])

    breaches.answer_again(breach_id=breach.id, actor=SUPERVISOR)
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    case, answer, text = answered(looked_up(case, OFFICER, but=[other]))
    assert "1 Bild mit Ihrem Gesicht" in text
    assert list(answer.records.values_list("record_id", flat=True)) == [mine.id]
    closed_by_schedule(case, monkeypatch)
    assert (state_of(mine), state_of(other)) == (Record.State.HELD, Record.State.HELD)
    states = case.deliveries.filter(kind="answer").order_by("created_at")
    assert states.first().state == DeliveryState.SUSPENDED


def test_a_wrong_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-01, Art. 16, 19, in Dutch: asked without naming it, told how, named, put right, told."""
    record = a_face(caption="Mina Okoye, gezocht", page_url=PAGE)
    answers.shown_to(record, answers.a_log(), "Lumen Analytics", "NL")
    case = asked("nl", RightCode.ACCESS, RightCode.RECTIFICATION)
    case, _answer, _text = answered(decided_about(case, [record], [Verdict.SAME]))
    later(monkeypatch, days=3, hours=1)
    assert unnamed_corrections.tell_due() == 1
    assert "Zo laat u ons weten wat er niet klopt" in told(case, "name_correction")
    right = {"place": "1.0", "what": "caption", "right": "Mina op de kermis"}
    page_of(case).post(reverse("public:correct"), right)
    assert state_of(record) == Record.State.RESTRICTED
    row = Correction.objects.get()
    correcting.correct(
        correction_id=row.id, actor=OFFICER, column="caption", value="Mina op de kermis"
    )
    text = told(case, "rectification")
    for words in (
        "‘Het bijschrift klopt niet.’ Gecorrigeerd. Er staat nu: Mina op de kermis",
        "Lumen Analytics (NL)",
        "naast de afbeelding",
    ):
        assert words in text, words
    assert "The caption is wrong. Corrected." in closed_by_schedule(case, monkeypatch)
    assert state_of(record) == Record.State.HELD


# -- taking along ----------------------------------------------------------------------------------


def test_portability() -> None:
    """E-10, in English: why collected pictures are not in it; it brings the rest."""
    a_face(page_url=PAGE)
    case = sent("en", RightCode.PORTABILITY, pages=PAGE)
    case, _answer, text = answered(looked_up(case, OFFICER))
    assert "Taking your data along" in text
    assert "you did not give them to us" in text
    own = case.deliveries.get().parts.get(media_type="application/json")
    given = json.loads(b"".join(cases.fetch(part=own, actor=Actor.person(case.id))))
    assert [one["words"] for one in given["ways"]] == [PAGE]
    case = closed(case)
    assert page_of(case).get(reverse("public:own_data")).status_code == 200, "until it is destroyed"


# -- not answered ----------------------------------------------------------------------------------


def test_refused_as_abusive_by_two_more_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-01, R-04, Art. 12(5), in German: evidence, officer and supervisor, a letter that says until
    when it is kept."""
    case = sent("de", RightCode.ACCESS, pages=PAGE)
    proposal = refusals.propose(
        case_id=case.id,
        actor=OFFICER,
        ground="excessive",
        facts="Derselbe Text kam vierzig Mal in einer Stunde, jedes Mal mit einer Rechnung.",
        aim="Im letzten stand: Es hört auf, wenn wir zahlen.",
    )
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    for who, why in (
        (SECOND, "agreed_already"),
        (Actor("A-1003", "officer", "staff"), "supervisor_needed"),
    ):
        with pytest.raises(NotAllowed, match=why):
            proposals.agree(proposal_id=proposal.id, actor=who)
    proposals.agree(proposal_id=proposal.id, actor=SUPERVISOR)
    text = told(case, "refusal")
    for words in (
        "(Art. 12 Abs. 5 DSGVO)",
        "vierzig Mal in einer Stunde",
        "Es hört auf, wenn wir zahlen.",
        "60 Tage",
        "Nadia Roth, Jonas Weer, Ida Holm",
    ):
        assert words in text, words
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.REFUSED)
    closed_by_schedule(case, monkeypatch)
    assert "Open our letter" not in shown(case)
    later(monkeypatch, days=31)
    assert cases.close_due() == 1
    case.refresh_from_db()
    assert case.status == Status.PURGED, "60 days after it left, as the letter says"


def test_not_identified_after_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """T-07, D-08, N-07, in Dutch: asked, reminded, asked about something new by two, and only
    then told why we can't go on; nothing was looked at."""
    case = sent("nl", RightCode.ACCESS, RightCode.ERASURE)
    cases.ask_to_identify(
        case_id=case.id,
        actor=OFFICER,
        missing=["nothing_to_look_up"],
        means=["photo", "named"],
        text="U gaf ons niets waarmee we kunnen zoeken.",
    )
    assert "We hebben iets van u nodig" in told(case, "need_info")
    later(monkeypatch, days=8)
    assert cases.remind_due() == 1
    assert "we hebben nog geen antwoord" in told(case, "ask_reminder")
    page_of(case).post(reverse("public:message"), {"message-text": "Ik heb geen foto."})
    case.refresh_from_db()
    assert case.status == Status.RECEIVED
    proposal = asking_again.propose(
        case_id=case.id,
        actor=OFFICER,
        missing=["no_way_taken"],
        means=["call", "visit"],
        text="Wilt u ons bellen of langskomen?",
        new_fact="They wrote that they have no photo.",
    )
    proposals.agree(proposal_id=proposal.id, actor=SECOND)
    assert "Wilt u ons bellen of langskomen?" in told(case, "identity_doubt")
    later(monkeypatch, days=8)
    assert cases.remind_due() == 1
    told(case, "ask_reminder")
    later(monkeypatch, days=8)
    with every_document() as made:
        answer = unidentified.propose(
            case_id=case.id, actor=OFFICER, reasons=["no_way_taken"], why="Two letters, no answer."
        )
        jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    assert answer.state == AnswerState.READY, answer.error_code
    disclosure.approve_answer(answer_id=answer.id, actor=SECOND)
    cases.release_batch(actor=SECOND)
    (read,) = made
    assert faults(read, case) == []
    assert opened(case.deliveries.get(kind="letter")) == read.pdf
    assert "We hebben niet gekeken naar wat we bewaren." in read.text
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.NOT_IDENTIFIED)
    page = closed_by_schedule(case, monkeypatch)
    assert "We can't tell yet which pictures are yours" in page
