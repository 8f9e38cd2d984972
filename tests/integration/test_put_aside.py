"""Child sexual abuse images and intimate images among what is found (law C-09; rules R1, R19)."""

import ast
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import alarms, closed_answers, deliveries, recusals
from dsr_portal.cases import services as cases
from dsr_portal.cases.messages import keep_message
from dsr_portal.cases.models import Alarm, Direction, Escalation, Outcome, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.disclosure import asides as put_asides
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerRecord, AnswerState
from dsr_portal.disclosure.pictures import covered_pictures
from dsr_portal.documents import services as documents
from dsr_portal.erasure import freed
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import Plan, PlanState, WaitCode
from dsr_portal.gallery import connector, covers, putting_aside
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import PutAside, Record
from dsr_portal.matching import asides
from dsr_portal.matching import selectors as matching
from dsr_portal.matching import services as matching_services
from dsr_portal.matching.models import Decision, Position, Review, ReviewState, Verdict
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, a_face, text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

ABUSE, INTIMATE = PutAside.Kind.ABUSE, PutAside.Kind.INTIMATE
OTHER_SENIOR = Actor("S-2002", "supervisor", "staff")
ROOT = Path(__file__).parents[2] / "dsr_portal"


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def people(places):
    made = answers.staff()
    made["S-2002"] = staff("S-2002", Role.SUPERVISOR)
    return made


@pytest.fixture
def faces(people):
    return [a_face(seed=seed, page_url=f"https://pages.example/{seed}") for seed in (1, 2)]


@pytest.fixture
def case(faces):
    return answers.searched(answers.requested(), faces)


def review_of(case):
    return Review.objects.get(case=case)


def rows_of(case, record, position=Position.FIRST):
    return Decision.objects.get(review__case=case, candidate__record=record, position=position)


def say(decision, actor, verdict):
    matching_services.say_preliminary(decision_id=decision.id, actor=actor, verdict=verdict)
    matching_services.decide(decision_id=decision.id, actor=actor, verdict=verdict)


def pressed(case, record, *, kind=ABUSE, confirmed=True):
    """The first officer takes the case, decides about all and then presses the button."""
    matching_services.take_review(review_id=review_of(case).id, actor=OFFICER)
    for decision in matching.own_decisions(review_of(case), OFFICER):
        if confirmed or decision.candidate.record_id != record.id:
            say(decision, OFFICER, Verdict.SAME)
    row = rows_of(case, record)
    return put_asides.put_aside(case_id=case.id, decision_id=row.id, kind=kind, actor=OFFICER)


def finish(case):
    """Both officers pass on what is theirs to decide."""
    matching_services.finish(review_id=review_of(case).id, actor=OFFICER)
    second = Actor(review_of(case).second_officer, "officer", "staff")
    for decision in matching.own_decisions(review_of(case), second):
        say(decision, second, Verdict.SAME)
    matching_services.finish(review_id=review_of(case).id, actor=second)
    case.refresh_from_db()


def judged(case, row, kind=None, verdict=Verdict.SAME, actor=SUPERVISOR):
    """A senior officer looked: what it is and whose."""
    for candidate in asides.to_say(row, actor):
        asides.say(candidate_id=candidate.id, verdict=verdict, actor=actor)
    if kind is not None:
        put_asides.confirm(put_aside_id=row.id, kind=kind, actor=actor)


def letter_and_data(answer):
    text = text_of(documents.open_document(answer.document_id))
    files = answers.unzipped(vault.read(answer.package_unit, disclosure.PACKAGE_FIELD))
    return text, files


# -- one press ----------------------------------------------------------------------------------


def test_from_one_press_on_nobody_but_seniors_sees_it(site, client, people, case, faces):
    """C-09: pages of who pressed, of the second person, of a supervisor outside its page."""
    site("desk")
    aside = faces[0]
    matching_services.take_review(review_id=review_of(case).id, actor=OFFICER)
    decision = rows_of(case, aside)
    address = {"reference": case.reference, "decision_id": decision.id}
    shown = reverse("desk:face_picture", kwargs=address)
    browser = sign_in(client, people["A-1001"])
    for more in ("", "?show=whole"):
        assert browser.get(shown + more).status_code == 200, "the canary: it was to be seen"
    pressed_at = reverse("desk:put_aside", kwargs=address)
    assert browser.post(pressed_at, {"kind": ""}).status_code == 302
    assert not PutAside.objects.exists(), "without a kind nothing happens"
    page = browser.post(pressed_at, {"kind": ABUSE}, follow=True).content.decode()
    assert "1 picture of this request was put aside" in page
    for more in ("", "?show=whole"):
        assert browser.get(shown + more).status_code == 404
    for name in ("compare", "groups", "case"):
        body = browser.get(reverse(f"desk:{name}", kwargs={"reference": case.reference}))
        assert str(decision.id) not in body.content.decode(), name
    say(rows_of(case, faces[1]), OFFICER, Verdict.SAME)
    matching_services.finish(review_id=review_of(case).id, actor=OFFICER)
    second = people[review_of(case).second_officer]
    browser = sign_in(client, second)
    page = browser.get(reverse("desk:compare", kwargs={"reference": case.reference}))
    assert "1 picture of this request was put aside" in page.content.decode()
    assert not rows_of_position(case, aside, Position.SECOND)
    browser = sign_in(client, people["S-2001"])
    assert browser.get(shown + "?show=whole").status_code == 404


def rows_of_position(case, record, position):
    rows = Decision.objects.filter(review__case=case, candidate__record=record, position=position)
    return rows.exists()


def test_every_way_a_picture_leaves_is_shut(people, faces, case):
    """C-09: the picture, its cut-out, the answer's covered copy; the database refuses it, too."""
    aside, other = faces
    row = pressed(case, aside)
    held = connector.current()
    doors = (
        lambda: held.picture(aside.image_id),
        lambda: held.face(aside.id).crop(),
        lambda: covered_pictures([Record.objects.get(id=aside.id)]),
    )
    for door in doors:
        with pytest.raises(NotAllowed) as refused:
            door()
        assert refused.value.code == "put_aside"
    assert held.picture(other.image_id)
    finish(case)
    judged(case, row, ABUSE)
    answer = answers.answered(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        AnswerRecord.objects.create(answer=answer, record=aside, ordinal=9)
    assert [one.record_id for one in answer.records.all()] == [other.id]


def test_only_what_shows_nothing_to_anybody_reads_past_the_cover():
    """C-09: `unseen` is for programs that cover, compare, erase or make templates anew."""
    callers = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"unseen", "unseen_crop"}
    }
    assert callers == {
        "erasure/duplicates.py",
        "erasure/kit.py",
        "erasure/steps.py",
        "erasure/verification.py",
        "gallery/connector.py",
        "gallery/reenrolling.py",
    }


def test_it_is_locked_at_once_whoever_it_shows(people, faces, case):
    """C-09, R1: also what nobody decided; the end of the case does not unlock it."""
    aside, other = faces
    assert gallery.restricted([aside.id, other.id]) == set()
    row = pressed(case, aside, confirmed=False)
    assert aside.id in gallery.restricted([aside.id])
    gallery.restrict(record_ids=[aside.id], case_id=case.id, actor=OFFICER, reason="asked")
    gallery.lift_restriction(
        record_ids=[aside.id], case_id=case.id, actor=OFFICER, reason="case_over"
    )
    assert Record.objects.get(id=aside.id).state == Record.State.RESTRICTED
    judged(case, row, ABUSE, Verdict.NOT_SAME)
    assert aside.id in gallery.restricted([aside.id])


def test_who_may_press_and_what(people, faces, case):
    row = rows_of_after_taking(case, faces[0])
    for actor, error in ((answers.DPO, NotAllowed), (SECOND, NotFound)):
        with pytest.raises(error):
            put_asides.put_aside(case_id=case.id, decision_id=row.id, kind=ABUSE, actor=actor)
    with pytest.raises(BadInput):
        put_asides.put_aside(case_id=case.id, decision_id=row.id, kind="ODD", actor=OFFICER)
    first = put_asides.put_aside(case_id=case.id, decision_id=row.id, kind=ABUSE, actor=OFFICER)
    again = putting_aside.put_aside(
        image_id=faces[0].image_id, case_id=case.id, kind=INTIMATE, actor=OFFICER
    )
    assert again.id == first.id
    assert PutAside.objects.get().kind == ABUSE


def rows_of_after_taking(case, record):
    matching_services.take_review(review_id=review_of(case).id, actor=OFFICER)
    return rows_of(case, record)


# -- the review goes on -------------------------------------------------------------------------


def test_the_other_review_goes_on_without_it_and_blind(people, faces, case):
    """C-09, R19: the second person decides the rest, and the trail tells them nothing of it."""
    aside, other = faces
    pressed(case, aside)
    matching_services.finish(review_id=review_of(case).id, actor=OFFICER)
    second = Actor(review_of(case).second_officer, "officer", "staff")
    laid = [one.candidate.record_id for one in matching.own_decisions(review_of(case), second)]
    assert laid == [other.id]
    told = {event.type for event in matching.events_for(case.id, second)}
    assert not {one for one in told if one.startswith("picture.")}
    assert asides.count(review_of(case)) == 1
    for decision in matching.own_decisions(review_of(case), second):
        say(decision, second, Verdict.SAME)
    matching_services.finish(review_id=review_of(case).id, actor=second)
    assert review_of(case).state == ReviewState.DONE
    assert matching.outcome(case.id).same == (other.id,)


def test_whose_it_is_takes_two_persons_who_saw_it(people, faces, case):
    """C-09, R19: the officer's decision before and a senior officer's word; one alone is open."""
    aside, _other = faces
    row = pressed(case, aside)
    finish(case)
    assert matching.outcome(case.id).inconclusive == (aside.id,)
    judged(case, row, ABUSE)
    assert matching.outcome(case.id).aside == (aside.id,)
    assert matching.outcome(case.id).inconclusive == ()
    (candidate,) = asides.open_candidates(row)
    with pytest.raises(Conflict):
        asides.say(candidate_id=candidate.id, verdict=Verdict.SAME, actor=SUPERVISOR)
    asides.say(candidate_id=candidate.id, verdict=Verdict.NOT_SAME, actor=OTHER_SENIOR)
    assert matching.outcome(case.id).inconclusive == (aside.id,), "they see it differently"


def test_who_entered_the_request_or_is_not_trained_says_nothing_about_whose_it_is(
    people, faces, case
):
    """C-09, R19, P-17: as in the review; who may not say it is not asked."""
    row = pressed(case, faces[0], kind=INTIMATE)
    (candidate,) = asides.open_candidates(row)
    said = {"candidate_id": candidate.id, "verdict": Verdict.NOT_SAME}
    type(case).objects.filter(id=case.id).update(opener="S-2001")
    assert asides.to_say(row, SUPERVISOR) == []
    with pytest.raises(NotAllowed) as barred:
        asides.say(**said, actor=SUPERVISOR)
    assert barred.value.code == "opener_barred"
    Staff.objects.filter(staff_no="S-2002").update(trained_until=date(2020, 1, 1))
    with pytest.raises(NotAllowed) as untrained:
        asides.say(**said, actor=OTHER_SENIOR)
    assert untrained.value.code == "training"
    Staff.objects.filter(staff_no="S-2002").update(trained_until=date(2030, 1, 1))
    asides.say(**said, actor=OTHER_SENIOR)


# -- the answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ABUSE, INTIMATE])
@pytest.mark.parametrize(
    ("second", "answer_kind"),
    [("same", "disclosure"), ("not_same", "disclosure"), ("inconclusive", "disclosure")],
)
def test_one_word_is_no_answer_and_never_nothing_found(people, places, kind, second, answer_kind):
    """C-09, R17, R19: put aside at a first view; it waits for two persons, whatever it shows."""
    aside = a_face(seed=1, page_url="https://pages.example/1")
    case = answers.searched(answers.requested(), [aside])
    row = pressed(case, aside, kind=kind, confirmed=False)
    finish(case)
    judged(case, row, kind)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "put_aside_waits"
    judged(case, row, verdict=Verdict(second), actor=OTHER_SENIOR)
    answer = answers.answered(case)
    assert (answer.kind, answer.state) == (answer_kind, AnswerState.READY)
    text = text_of(documents.open_document(answer.document_id))
    assert "did not find" not in text
    sure = second == "same"
    assert ("can’t say for sure" in text or "can't say for sure" in text) is not sure
    assert ("may show you or someone else" in text) is not sure


def test_two_who_say_that_it_shows_somebody_else_make_it_nothing_found(people, places):
    """C-09: the only way in which a picture put aside is none of the person's."""
    aside = a_face(seed=1, page_url="https://pages.example/1")
    case = answers.searched(answers.requested(), [aside])
    row = pressed(case, aside, confirmed=False)
    finish(case)
    for senior in (SUPERVISOR, OTHER_SENIOR):
        judged(case, row, verdict=Verdict.NOT_SAME, actor=senior)
    put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=SUPERVISOR)
    assert answers.answered(case).kind == "nothing_found"


def test_the_answer_waits_for_a_senior_and_then_only_counts(people, faces, case):
    """C-09: no picture, address, id or face code of it in letter or package; a count in words."""
    aside, _other = faces
    row = pressed(case, aside)
    finish(case)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "put_aside_waits"
    judged(case, row, ABUSE)
    answer = answers.answered(case)
    assert answer.state == AnswerState.READY
    text, files = letter_and_data(answer)
    assert "we show 1 of 2 pictures" in text
    assert "We do not show 1 more picture of you, because the law does not let us" in text
    assert "abuse" not in text.lower()
    whole = text + files["data.json"].decode()
    assert str(aside.id) not in whole
    assert "pages.example/1" not in whole
    assert "pages.example/2" in whole
    assert "pictures/record-2.jpg" not in files
    answers.released(answer)
    case.refresh_from_db()
    assert case.outcome == Outcome.PARTLY_REFUSED


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "Van u laten wij nog 1 beeld niet zien"),
        ("de", "1 weiteres Bild von Ihnen zeigen wir nicht"),
    ],
)
def test_the_sentence_in_other_languages(people, faces, case, language, words):
    """C-09: the count alone, in the person's language."""
    row = pressed(case, faces[0])
    finish(case)
    judged(case, row, ABUSE)
    type(case).objects.filter(id=case.id).update(language=language)
    case.refresh_from_db()
    text, _files = letter_and_data(answers.answered(case))
    assert words in text


def test_a_case_with_nothing_else_says_that_there_is_something(people, places):
    """C-09: never "nothing found" where a picture is put aside."""
    aside = a_face(seed=1, page_url="https://pages.example/1")
    case = answers.searched(answers.requested(), [aside])
    row = pressed(case, aside)
    finish(case)
    judged(case, row, ABUSE)
    answer = answers.answered(case)
    text, _files = letter_and_data(answer)
    assert answer.kind == "disclosure"
    assert "we show 0 of 1 pictures" in text
    assert "did not find" not in text


def test_an_intimate_picture_is_told_in_words_and_never_shown(people, faces, case):
    """C-09: where it was found and its face code, no picture; the person can have it erased."""
    aside, _other = faces
    row = pressed(case, aside, kind=INTIMATE)
    finish(case)
    judged(case, row, INTIMATE)
    answer = answers.answered(case)
    text, files = letter_and_data(answer)
    assert "something very private" in text
    assert "https://pages.example/1" in text
    assert "2 pictures with your face" in text
    assert sorted(name for name in files if name.endswith(".jpg")) == [
        "faces/record-1.jpg",
        "pictures/record-1.jpg",
    ]
    private = answers_data(files)["private_records"]
    assert [one["id"] for one in private] == [str(aside.id)]
    assert len(private[0]["template"]) == 128
    answers.released(answer)
    case.refresh_from_db()
    assert case.outcome == Outcome.DISCLOSED
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    assert plan.state == PlanState.HOLD
    assert aside.id in plan.records.values_list("record_id", flat=True)
    erasure.hold_is_over(plan)
    assert Record.objects.get(id=aside.id).state == Record.State.ERASING


def answers_data(files):
    return json.loads(files["data.json"])


def test_it_is_shown_to_the_person_by_a_senior_and_noted(people, faces, case):
    """C-09: on their wish, at a visit or in a call; abuse never."""
    row = pressed(case, faces[0], kind=INTIMATE)
    judged(case, row, INTIMATE)
    with pytest.raises(BadInput):
        putting_aside.shown_to_person(put_aside_id=row.id, way="mail", actor=SUPERVISOR)
    with pytest.raises(NotAllowed):
        putting_aside.shown_to_person(put_aside_id=row.id, way="visit", actor=OFFICER)
    putting_aside.shown_to_person(put_aside_id=row.id, way="visit", actor=SUPERVISOR)
    assert events_for_case(case.id).filter(type="picture.aside_shown").count() == 1


def test_an_answer_that_did_not_leave_is_made_anew_without_it(people, faces):
    """C-09: found in another request after this answer was made, or approved."""
    for step in ("ready", "approved"):
        case = answers.found(*faces)
        answer = answers.answered(case)
        if step == "approved":
            disclosure.approve_answer(answer_id=answer.id, actor=SECOND)
        later = answers.searched(answers.requested(), [faces[0]])
        row = pressed(later, faces[0])
        answer.refresh_from_db()
        assert answer.state == AnswerState.SET_ASIDE
        assert cases.release_batch(actor=SECOND) == 0
        with pytest.raises((NotAllowed, vault.Shredded)):
            documents.open_document(answer.document_id)
        judged(case, row, ABUSE)
        anew = answers.answered(case)
        assert anew.state == AnswerState.READY
        assert str(faces[0].id) not in letter_and_data(anew)[1]["data.json"].decode()
        PutAside.objects.all().delete()


@pytest.mark.parametrize("step", ["ready", "left"])
def test_it_is_put_aside_also_where_it_is_in_their_own_answer(people, faces, step):
    """X-09, R3: a refusal would leave it open, and tell them what their answer contains."""
    case = answers.found(*faces)
    answer = answers.answered(case)
    if step == "left":
        answers.released(answer)
    recusals.recuse(case_id=case.id, actor=OFFICER)
    recusals.recuse(case_id=case.id, actor=SUPERVISOR)
    row = pressed(answers.searched(answers.requested(), [faces[0]]), faces[0])
    assert row.state == PutAside.State.SEEN
    put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=SUPERVISOR)
    answer.refresh_from_db()
    assert answer.state == (AnswerState.SET_ASIDE if step == "ready" else AnswerState.APPROVED)
    assert case.flags.filter(code=closed_answers.FLAG).exists() == (step == "left")


def test_the_database_lets_no_answer_with_it_be_approved(people, faces):
    """C-09: beside the services, which set it aside before."""
    answer = answers.answered(answers.found(*faces))
    PutAside.objects.create(
        image=faces[0].image,
        case_id=answer.case_id,
        kind=ABUSE,
        found_by="A-1001",
        found_at=answer.frozen_at,
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.filter(id=answer.id).update(state=AnswerState.APPROVED)


def test_an_answer_that_left_closes_and_opens_again_when_it_is_released(people, faces):
    """C-09: link, parts, letter and print are shut at once, and stay while it is put aside."""
    case = answers.released(answers.answered(answers.found(*faces)))
    answer = Answer.objects.get(case=case)
    delivery = case.deliveries.get(kind="answer")
    token = deliveries.link_token(delivery)
    assert deliveries.find_delivery(token)
    later = answers.searched(answers.requested(), [faces[0]])
    row = pressed(later, faces[0])
    with pytest.raises(deliveries.LinkClosed) as closed:
        deliveries.find_delivery(token)
    assert closed.value.code == "link_put_aside"
    for part in delivery.parts.all():
        with pytest.raises(NotAllowed):
            deliveries.fetch(part=part, actor=Actor.person(case.id))
    with pytest.raises(NotAllowed):
        documents.open_document(answer.document_id)
    assert put_asides.hidden_documents(case.id) == [answer.document_id]
    for senior in (SUPERVISOR, OTHER_SENIOR):
        judged(case, row, actor=senior)
        put_asides.release(put_aside_id=row.id, reason="A bathing suit.", actor=senior)
    assert deliveries.find_delivery(token)
    assert documents.open_document(answer.document_id)
    second = putting_aside.put_aside(
        image_id=faces[1].image_id, case_id=later.id, kind=ABUSE, actor=OFFICER
    )
    judged(case, second, ABUSE)
    with pytest.raises(deliveries.LinkClosed):
        deliveries.find_delivery(token)


def test_one_word_about_abuse_destroys_nobodys_answer(site, client, people, faces):
    """C-09, R4: it closes; supervisors are told to write to that person, and their page says it."""
    case = answers.released(answers.answered(answers.found(*faces)))
    answer = Answer.objects.get(case=case)
    token = deliveries.link_token(case.deliveries.get(kind="answer"))
    later = answers.searched(answers.requested(), [faces[0]])
    row = pressed(later, faces[0])
    judged(case, row, ABUSE)
    kept = Answer.objects.get(id=answer.id).package_unit
    assert kept is not None
    assert vault.unit_state(kept) == vault.UnitState.LIVE
    with pytest.raises(deliveries.LinkClosed) as closed:
        deliveries.find_delivery(token)
    assert closed.value.code == "link_put_aside"
    site("public")
    page = client.get(reverse("public:answer", kwargs={"token": token})).content.decode()
    assert "one picture in it that we may not hand out" in page
    assert "We will write to you again." in page
    assert "as the answer said" not in page
    assert case.flags.filter(code=closed_answers.FLAG).exists()
    alarms.raise_due()
    told = Escalation.objects.filter(case=case, code=Alarm.ANSWER_CLOSED, settled_at=None)
    assert set(told.values_list("to", flat=True)) == {"S-2001", "S-2002"}
    with unit_of_work():
        keep_message(case, Direction.OUT, "We write to you about your answer.", by="S-2001")
    alarms.raise_due()
    assert not told.exists()


def test_who_put_it_aside_does_not_confirm_it(people, faces, case):
    """C-09: two persons, whatever it is; the database says so, too."""
    row = putting_aside.put_aside(
        image_id=faces[0].image_id, case_id=case.id, kind=INTIMATE, actor=SUPERVISOR
    )
    with pytest.raises(NotAllowed) as own:
        put_asides.confirm(put_aside_id=row.id, kind=INTIMATE, actor=SUPERVISOR)
    assert own.value.code == "put_it_aside"
    with pytest.raises(IntegrityError), transaction.atomic():
        PutAside.objects.filter(id=row.id).update(state="CONFIRMED", confirmed_by="S-2001")
    put_asides.confirm(put_aside_id=row.id, kind=INTIMATE, actor=OTHER_SENIOR)
    put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=SUPERVISOR)
    row.refresh_from_db()
    assert (row.kind, row.state, row.confirmed_by) == (ABUSE, "SEEN", ""), "opened anew, not shut"
    with pytest.raises(NotAllowed):
        put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=SUPERVISOR)
    put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=OTHER_SENIOR)


def test_that_it_is_less_takes_two_and_a_reason_that_it_is_worse_takes_one(people, faces, case):
    """C-09: evidence is not erased, and no page address handed out, on one person's word."""
    row = pressed(case, faces[0])
    with pytest.raises(Conflict) as alone:
        put_asides.confirm(put_aside_id=row.id, kind=INTIMATE, actor=SUPERVISOR)
    assert alone.value.code == "lower_it"
    with pytest.raises(BadInput):
        put_asides.lower(put_aside_id=row.id, reason=" ", actor=SUPERVISOR)
    for _twice in range(2):
        put_asides.lower(put_aside_id=row.id, reason="Grown up.", actor=SUPERVISOR)
    row.refresh_from_db()
    assert (row.kind, row.state) == (ABUSE, "SEEN")
    for change in ({}, {"lower_by": "S-2001", "lowered_by": "S-2001"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PutAside.objects.filter(id=row.id).update(kind=INTIMATE, **change)
    with pytest.raises(NotAllowed):
        put_asides.lower(put_aside_id=row.id, reason="Grown up.", actor=OFFICER)
    put_asides.lower(put_aside_id=row.id, reason="", actor=OTHER_SENIOR)
    row.refresh_from_db()
    assert (row.kind, row.state, row.lowered_by) == (INTIMATE, "CONFIRMED", "S-2002")
    put_asides.confirm(put_aside_id=row.id, kind=ABUSE, actor=SUPERVISOR)
    row.refresh_from_db()
    assert (row.kind, row.state, row.lower_by, row.lowered_by) == (ABUSE, "CONFIRMED", "", "")
    with pytest.raises(Conflict):
        put_asides.confirm(put_aside_id=row.id, kind=INTIMATE, actor=OTHER_SENIOR)


def test_worse_and_less_by_pages(site, client, people, faces, case):
    """C-09: the buttons of both ways."""
    site("desk")
    row = pressed(case, faces[0], kind=INTIMATE)
    page_of = reverse("desk:aside", kwargs={"put_aside_id": row.id})
    browser = sign_in(client, people["S-2001"])
    assert "It is worse" in browser.get(page_of).content.decode()
    browser.post(page_of, {"do": "confirm", "confirm-kind": ABUSE})
    for number, reason in (("S-2001", "Grown up."), ("S-2002", "")):
        browser = sign_in(client, people[number])
        assert "no abuse of a child" in browser.get(page_of).content.decode()
        sent = browser.post(page_of, {"do": "lower", "lower-reason": reason})
        assert sent.status_code == 302
    row.refresh_from_db()
    assert (row.kind, row.lower_by, row.lowered_by) == (INTIMATE, "S-2001", "S-2002")


# -- what seniors decide ------------------------------------------------------------------------


def test_released_by_two_with_a_reason_and_never_by_one(people, faces, case):
    """C-09: the same person twice is one; the database says so, too."""
    aside, _other = faces
    row = pressed(case, aside, confirmed=False)
    with pytest.raises(Conflict) as first:
        put_asides.release(put_aside_id=row.id, reason="A statue.", actor=SUPERVISOR)
    assert first.value.code == "say_first"
    judged(case, row)
    with pytest.raises(BadInput):
        put_asides.release(put_aside_id=row.id, reason=" ", actor=SUPERVISOR)
    for _twice in range(2):
        put_asides.release(put_aside_id=row.id, reason="A statue.", actor=SUPERVISOR)
    assert covers.is_covered(aside.image_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        PutAside.objects.filter(id=row.id).update(state="RELEASED", released_by="S-2001")
    with pytest.raises(NotAllowed):
        put_asides.release(put_aside_id=row.id, reason="", actor=OFFICER)
    judged(case, row, actor=OTHER_SENIOR)
    put_asides.release(put_aside_id=row.id, reason="", actor=OTHER_SENIOR)
    assert connector.current().picture(aside.image_id)
    assert Record.objects.get(id=aside.id).state == Record.State.RESTRICTED, "two said: theirs"
    finish(case)
    assert set(matching.outcome(case.id).same) == {aside.id, faces[1].id}
    assert len(matching.own_decisions(review_of(case), OFFICER)) == 0


def test_abuse_is_kept_until_another_senior_writes_down_their_word(people, faces, case):
    """C-09: reported to whom, when, reference; erased only on a word of its own, by two persons."""
    aside, other = faces
    row = pressed(case, aside)
    finish(case)
    judged(case, row, ABUSE)
    answers.released(answers.answered(case))
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    assert [one.record_id for one in plan.records.all()] == [other.id]
    with pytest.raises(Conflict):
        gallery.require_free(record_ids=[aside.id], case_id=case.id)
    with pytest.raises(Conflict) as early:
        putting_aside.free(put_aside_id=row.id, reference="VIK 3", actor=OTHER_SENIOR)
    assert early.value.code == "not_reported"
    tomorrow = date.today() + timedelta(days=365 * 20)
    for told in ({"told_to": "PRESS"}, {"told_on": tomorrow}, {"told_on": None}, {"reference": ""}):
        given = {"told_to": "POLICE", "told_on": date(2026, 1, 2), "reference": "VIK 2"} | told
        with pytest.raises(BadInput):
            putting_aside.report(put_aside_id=row.id, actor=SUPERVISOR, **given)
    putting_aside.report(
        put_aside_id=row.id,
        told_to="POLICE",
        told_on=date(2020, 1, 2),
        reference=" VIK  2 ",
        actor=SUPERVISOR,
    )
    assert PutAside.objects.get().told_reference == "VIK 2"
    with pytest.raises(NotAllowed) as same:
        putting_aside.free(put_aside_id=row.id, reference="VIK 3", actor=SUPERVISOR)
    assert same.value.code == "confirmed_it"
    assert freed.start_due() == 0
    putting_aside.free(put_aside_id=row.id, reference="VIK 3", actor=OTHER_SENIOR)
    erasure.stop_plan(plan_id=plan.id, actor=OFFICER)
    assert freed.start_due() == 1
    own = Plan.objects.get(own=True)
    assert [one.record_id for one in own.records.all()] == [aside.id]
    assert (own.requested_by, own.approver) == ("S-2001", "S-2002")
    erasure.hold_is_over(own)
    assert Record.objects.get(id=aside.id).state == Record.State.ERASING
    assert Record.objects.get(id=other.id).state != Record.State.ERASING
    with pytest.raises(Conflict):
        put_asides.release(put_aside_id=row.id, reason="No.", actor=SUPERVISOR)


def test_an_erasure_waits_until_a_senior_looked(people, faces):
    """C-09: put aside while the hold window runs; the case stands where it stood."""
    case = answers.released(answers.answered(answers.found(*faces)))
    plan = erasure.start_erasure(case_id=case.id, actor=OFFICER)
    putting_aside.put_aside(
        image_id=faces[0].image_id, case_id=case.id, kind=INTIMATE, actor=OFFICER
    )
    with unit_of_work():
        erasure.hold_is_over(plan)
    plan.refresh_from_db()
    assert (plan.state, plan.waits_for) == (PlanState.WAITING, WaitCode.PUT_ASIDE)
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    judged(case, PutAside.objects.get(), INTIMATE)
    assert erasure.resume_waiting() == 1
    plan.refresh_from_db()
    assert (plan.state, plan.records.count()) == (PlanState.HOLD, 2), "three who saw it agree"


# -- pages --------------------------------------------------------------------------------------


def test_only_supervisors_look_and_each_look_is_in_the_trail(site, client, people, faces, case):
    """C-09: the pages of senior officers; nobody else gets past the door."""
    site("desk")
    row = pressed(case, faces[0])
    of = {"put_aside_id": row.id}
    for number in ("A-1001", "D-3001"):
        browser = sign_in(client, people[number])
        for name, kwargs in (("asides", {}), ("aside", of), ("aside_picture", of)):
            assert browser.get(reverse(f"desk:{name}", kwargs=kwargs)).status_code == 403
    browser = sign_in(client, people["S-2001"])
    assert str(row.id) in browser.get(reverse("desk:asides")).content.decode()
    seen = events_for_case(case.id).filter(type="picture.aside_seen")
    page = browser.get(reverse("desk:aside", kwargs=of)).content.decode()
    assert seen.count() == 0, "nothing is shown before Show is pressed"
    assert case.reference in page
    picture = browser.get(reverse("desk:aside_picture", kwargs=of))
    assert picture["Content-Type"] == "image/jpeg"
    assert "no-store" in picture["Cache-Control"]
    assert [one.actor_id for one in seen] == ["S-2001"]
    (candidate,) = asides.open_candidates(row)
    page_of = reverse("desk:aside", kwargs=of)
    browser.post(page_of, {"do": "say", "candidate": candidate.id, "verdict": "same"})
    assert browser.post(page_of, {"do": "confirm"}).status_code == 422
    assert browser.post(page_of, {"do": "confirm", "confirm-kind": ABUSE}).status_code == 302
    told = {"report-told_to": "HOTLINE", "report-told_on": "2020-01-02", "report-reference": "H 1"}
    assert browser.post(page_of, {"do": "report", **told}).status_code == 302
    assert browser.post(page_of, {"do": "free", "free-reference": "H 2"}).status_code in {302, 422}
    row.refresh_from_db()
    assert (row.state, row.told_reference, row.freed_by) == ("CONFIRMED", "H 1", "")
    assert "another supervisor says this" in browser.get(page_of).content.decode()


def test_supervisors_are_told_and_who_has_the_case_is_not(people, faces, case):
    """C-09, R19: the alarm names no picture and reaches nobody who may still compare."""
    row = pressed(case, faces[0], kind=INTIMATE)
    type(case).objects.filter(id=case.id).update(assignee="A-1002")
    alarms.raise_due()
    told = Escalation.objects.filter(code=Alarm.PUT_ASIDE, settled_at=None)
    assert set(told.values_list("to", flat=True)) == {"S-2001", "S-2002"}
    judged(case, row, INTIMATE)
    alarms.raise_due()
    assert not told.exists()


def test_a_picture_covered_for_a_neighbour_stays_put_aside(people, faces, case):
    """C-09: the covered picture that takes its place shows the rest of it."""
    aside, _other = faces
    row = pressed(case, aside, kind=INTIMATE)
    judged(case, row, INTIMATE)
    fresh = connector.current().replace_picture(
        image_id=aside.image_id,
        picture=answers.plain_picture(colour="red"),
        width=320,
        height=240,
        actor=OFFICER,
    )
    assert covers.is_covered(fresh)
