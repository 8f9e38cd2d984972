"""An answer that left, with a picture in it that was put aside later, is made anew without it (law
C-09; A-01, R3, R4, R13, R19)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import alarms, deliveries, lateness, paper_packs
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Alarm, Case, DeliveryState, Escalation, Outcome, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.disclosure import anew, asides
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.gallery import putting_aside
from dsr_portal.gallery.models import PutAside, Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import asides as words
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import OFFICER, SECOND, SUPERVISOR, a_face, text_of
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

OTHER_SENIOR = Actor("S-2002", "supervisor", "staff")
CANARY = "https://pages.example/canary-of-the-picture"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def people(places: None) -> dict[str, Staff]:
    made = answers.staff()
    made["S-2002"] = staff("S-2002", Role.SUPERVISOR)
    return made


@pytest.fixture
def faces(people: dict[str, Staff]) -> list[Record]:
    """Two pictures of the person; the first is planted with a page and bytes one can look for."""
    planted = answers.plain_picture(colour="crimson")
    return [
        a_face(seed=1, page_url=CANARY, picture=planted),
        a_face(seed=2, page_url="https://pages.example/2"),
    ]


@pytest.fixture
def case(faces: list[Record]) -> Case:
    return answers.released(answers.answered(answers.found(*faces)))


def put_aside(case: Case, record: Record, *, confirm: bool = True) -> PutAside:
    """Pressed by an officer; two supervisors say whose it is, another than who pressed what."""
    row = putting_aside.put_aside(
        image_id=record.image_id, case_id=case.id, kind=PutAside.Kind.ABUSE, actor=OFFICER
    )
    for senior in (SUPERVISOR, OTHER_SENIOR):
        for candidate in words.to_say(row, senior):
            words.say(candidate_id=candidate.id, verdict="same", actor=senior)
    if confirm:
        asides.confirm(put_aside_id=row.id, kind=PutAside.Kind.ABUSE, actor=SUPERVISOR)
    return row


def everything_in(answer: Answer) -> bytes:
    """Letter as text, and each file of the package and of its unit, one after the other."""
    assert answer.document_id is not None
    assert answer.package_unit is not None
    text = text_of(documents.open_document(answer.document_id)).encode()
    package = vault.read(answer.package_unit, disclosure.PACKAGE_FIELD)
    files = b"".join(name.encode() + body for name, body in answers.unzipped(package).items())
    shown = answer.records.values_list("ordinal", flat=True)
    pictures = [vault.read(answer.package_unit, disclosure.picture_field(one)) for one in shown]
    return text + files + b"".join(pictures)


def made(answer: Answer) -> Answer:
    jobs.run_due(queues=["probe"])
    answer.refresh_from_db()
    return answer


def test_a_supervisor_has_it_made_anew_and_the_picture_is_nowhere_in_it(
    site: Any, client: Any, people: dict[str, Staff], faces: list[Record], case: Case
) -> None:
    """C-09, A-01, R3, R13: the old link ends for good, every gate is passed again, the person is
    told and gets a link that the same code opens; the closed files stay until their own end."""
    before = Answer.objects.get(case=case)
    old_link = deliveries.link_token(case.deliveries.get(kind="answer"))
    held = everything_in(before)
    canaries = [CANARY.encode(), str(faces[0].id).encode()]
    planted = vault.read(before.package_unit, disclosure.picture_field(1))
    canaries.append(planted)
    assert all(one in held for one in canaries), "the canary is in the answer that left"
    row = put_aside(case, faces[0])
    alarms.raise_due()
    told = Escalation.objects.filter(case=case, code=Alarm.ANSWER_CLOSED, settled_at=None)
    assert told.exists()
    code = cases.receipt_code(case)

    site("desk")
    desk = sign_in(client, people["S-2002"])
    page = reverse("desk:aside", kwargs={"put_aside_id": row.id})
    assert "Make the answer anew without it" in desk.get(page).content.decode()
    assert desk.post(page, {"do": "anew", "case": str(case.id)}).status_code == 302
    case.refresh_from_db()
    before.refresh_from_db()
    assert (case.status, case.delivered_at, case.outcome) == (Status.DECIDED, None, "")
    assert before.state == AnswerState.REPLACED
    assert lateness.owed(case) == "answer"
    with pytest.raises(deliveries.LinkClosed):
        deliveries.find_delivery(old_link)
    said = messages_of(case)
    assert "make it anew without that picture" in said
    assert Effect.objects.filter(kind="mail.wrote", subject_id=case.id).count() == 1
    alarms.raise_due()
    assert not told.exists()
    assert "Make the answer anew without it" not in desk.get(page).content.decode()

    after = made(Answer.objects.get(case=case, state=AnswerState.QUEUED))
    assert after.state == AnswerState.READY
    assert not any(one in everything_in(after) for one in canaries)
    assert b"https://pages.example/2" in everything_in(after)
    assert list(after.records.values_list("record_id", flat=True)) == [faces[1].id]
    assert not case.deliveries.filter(state=DeliveryState.RELEASED).exists(), "not approved yet"
    disclosure.approve_answer(answer_id=after.id, actor=SECOND)
    cases.release_batch(actor=SECOND)
    case.refresh_from_db()
    assert (case.status, case.outcome) == (Status.DELIVERED, Outcome.PARTLY_REFUSED)
    new = case.deliveries.get(kind="answer", state=DeliveryState.RELEASED)
    grant = deliveries.open_delivery(token=deliveries.link_token(new), code=code)
    assert grant.delivery_id == new.id
    assert Effect.objects.filter(kind="mail.answer_ready", subject_id=new.id).count() == 1
    with pytest.raises(deliveries.LinkClosed):
        deliveries.find_delivery(old_link)
    assert before.package_unit is not None
    assert vault.unit_state(before.package_unit) == vault.UnitState.LIVE
    types = set(events_for_case(case.id).values_list("type", flat=True))
    assert types >= {"answer.replaced", "case.answer_anew"}
    for senior in (SUPERVISOR, OTHER_SENIOR):
        asides.lower(put_aside_id=row.id, reason="No child.", actor=senior)
    with pytest.raises(Conflict, match="not_closed"):
        anew.make_anew(case_id=case.id, actor=SUPERVISOR)


def messages_of(case: Case) -> str:
    rows = case.messages.filter(direction="out").order_by("at")
    return " ".join(vault.read(case.file_unit, one.field).decode() for one in rows)


def test_it_takes_a_supervisor_and_two_who_stand_behind_the_cover(
    people: dict[str, Staff], faces: list[Record], case: Case
) -> None:
    """C-09, R19: nothing closed, nobody confirmed, no officer; refused, it changes nothing."""
    with pytest.raises(Conflict, match="not_closed"):
        anew.make_anew(case_id=case.id, actor=SUPERVISOR)
    row = put_aside(case, faces[0], confirm=False)
    with pytest.raises(NotAllowed):
        anew.make_anew(case_id=case.id, actor=OFFICER)
    with pytest.raises(Conflict, match="not_confirmed"):
        anew.make_anew(case_id=case.id, actor=SUPERVISOR)
    assert Answer.objects.get(case=case).state == AnswerState.APPROVED
    asides.confirm(put_aside_id=row.id, kind=PutAside.Kind.ABUSE, actor=SUPERVISOR)
    Case.objects.filter(id=case.id).update(status=Status.ERASING)
    with pytest.raises(Conflict, match="not_delivered"):
        anew.make_anew(case_id=case.id, actor=SUPERVISOR)
    assert Answer.objects.get(case=case).state == AnswerState.APPROVED


def test_a_new_link_of_the_person_ends_with_the_answer_it_opened(
    people: dict[str, Staff], faces: list[Record], case: Case
) -> None:
    """R13: whatever link was made since, none of the closed answer opens again on release."""
    renewed = cases.renew_deliveries(case=case, actor=Actor.person(case.id))[0]
    row = put_aside(case, faces[0])
    made(anew.make_anew(case_id=case.id, actor=SUPERVISOR))
    for senior in (SUPERVISOR, OTHER_SENIOR):
        asides.release(put_aside_id=row.id, reason="A bathing suit.", actor=senior)
    with pytest.raises(deliveries.LinkClosed) as closed:
        deliveries.find_delivery(deliveries.link_token(renewed))
    assert closed.value.code == "link_over"


def test_a_letter_that_came_back_and_waits_for_the_post_again_ends_with_its_answer(
    people: dict[str, Staff], faces: list[Record], case: Case
) -> None:
    """C-09, T-13, E-08: nobody posts what is closed, and no recipient waits for it to leave."""
    old = case.deliveries.get(kind="answer")
    with unit_of_work():
        deliveries.to_the_post(old, actor=OFFICER)
    row = put_aside(case, faces[0])
    made(anew.make_anew(case_id=case.id, actor=SUPERVISOR))
    old.refresh_from_db()
    assert old.state == DeliveryState.TAKEN_BACK
    assert paper_packs.waiting(case) == []
    for senior in (SUPERVISOR, OTHER_SENIOR):
        asides.release(put_aside_id=row.id, reason="A bathing suit.", actor=senior)
    with pytest.raises(Conflict, match="not_to_post"):
        paper_packs.print_pack(delivery_id=old.id, actor=SECOND)


def test_two_supervisors_at_once_make_one_answer_and_tell_the_person_once(
    people: dict[str, Staff], faces: list[Record], case: Case
) -> None:
    """C-09: the second finds nothing closed; one message, one mail, one new answer."""
    put_aside(case, faces[0])
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def press(actor: Actor) -> None:
        start.wait()
        try:
            anew.make_anew(case_id=case.id, actor=actor)
            outcomes.append("made")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(one,)) for one in (SUPERVISOR, OTHER_SENIOR)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "not_closed"]
    assert Answer.objects.filter(case=case, state=AnswerState.QUEUED).count() == 1
    assert case.messages.filter(direction="out").count() == 1
    assert events_for_case(case.id).filter(type="case.answer_anew").count() == 1
