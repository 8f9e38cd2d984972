"""The answer told by phone, beside the written one (Art. 12(1) sentence 3; law T-12)."""

import json

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import phone
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.phone_models import CallCheck, CallEnd, PhoneCall
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.gallery.models import Record
from dsr_portal.matching import own_data
from dsr_portal.matching.models import Verdict
from dsr_portal.vault import services as vault
from tests.support import answers
from tests.support.answers import DPO, OFFICER, a_face
from tests.support.gallery import own_places
from tests.support.matching import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "+31 20 555 01 77"
TOLD = {"end": CallEnd.TOLD, "told": ["answer", "rights"]}


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def people(places):
    return answers.staff()


def asked(case, *, when="After six"):
    code = cases.receipt_code(case)
    phone.ask(case_id=case.id, number=NUMBER, when=when, code=code, actor=Actor.person(case.id))
    return case


def left(found=True, seed=1):
    """A case whose written answer left, with a picture or without."""
    record = a_face(seed=seed)
    verdicts = {record.id: Verdict.SAME if found else Verdict.NOT_SAME}
    case = answers.released(answers.answered(answers.found(record, verdicts=verdicts)))
    assert case.status == Status.DELIVERED
    return asked(case)


def call(case, **given):
    given = {"check": CallCheck.CODE, "code": cases.receipt_code(case)} | TOLD | given
    return phone.log_call(case_id=case.id, actor=OFFICER, **given)


# -- the wish -----------------------------------------------------------------------------------


def test_the_wish_stands_on_the_task_list(site, client, people):
    """T-12: asked on the page of the request; a flag in the queue and on the case."""
    case = answers.requested()
    site("public")
    client.post(
        reverse("public:status"),
        {"reference": case.reference, "code": cases.receipt_code(case)},
    )
    page = reverse("public:by_phone")
    assert client.get(page).status_code == 200
    assert client.post(page, {"number": "ring me"}).status_code == 422
    assert not phone.wanted(case)
    given = {"number": NUMBER, "when": "After six", "code": cases.receipt_code(case)}
    assert client.post(page, given).status_code == 302
    assert "You asked us to call you" in client.get(reverse("public:case")).content.decode()
    assert NUMBER not in client.get(reverse("public:case")).content.decode()
    site("desk")
    desk = sign_in(client, people["A-1001"])
    assert "tell by phone" in desk.get(reverse("desk:queue")).content.decode()
    body = desk.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "Answer by phone" in body
    assert NUMBER not in body
    own = desk.get(reverse("desk:phone", kwargs={"reference": case.reference})).content.decode()
    assert NUMBER in own
    assert "After six" in own
    site("public")
    client.logout()
    phone.end_wish(case_id=case.id, actor=Actor.person(case.id))
    assert phone.number_of(case) == ("", "")
    assert case.id not in phone.wishes()


def test_number_and_times_lie_in_the_vault_alone(people):
    """T-12: no column, event or mail has the number; it goes with the addresses."""
    case = asked(answers.requested())
    assert phone.number_of(case) == (NUMBER, "After six")
    asked(case, when="Never at noon")
    assert phone.number_of(case)[1] == "Never at noon"
    rows = [str(event.data) for event in events_for_case(case.id)]
    rows += [str(vars(case.phone_wish)), *(str(one.body) for one in mail.outbox)]
    assert not any("555" in one for one in rows)
    assert any("555" in str(vault.read_json(case.contact_unit, case.phone_wish.field)) for _ in "1")


def test_a_number_is_kept_only_as_long_as_it_serves(people):
    """T-12: replaced or ended, nothing of it is left in the vault."""
    case = asked(answers.requested())
    first = case.phone_wish.field
    phone.ask(case_id=case.id, number="+31 20 555 09 99", actor=DPO)
    case.phone_wish.refresh_from_db()
    assert not vault.has(case.contact_unit, first)
    assert phone.number_of(case) == ("+31 20 555 09 99", "")
    phone.end_wish(case_id=case.id, actor=Actor.person(case.id))
    assert not [one for one in vault.fields(case.contact_unit) if one.startswith("phone.")]


def test_a_number_takes_the_code_again_and_five_wrong_ones_close_the_page(site, client, people):
    """R12: as for every contact; a page left open leads no call elsewhere."""
    case = asked(answers.requested())
    site("public")
    client.post(
        reverse("public:status"),
        {"reference": case.reference, "code": cases.receipt_code(case)},
    )
    page = reverse("public:by_phone")
    assert client.post(page, {"number": "+31 20 555 09 99"}).status_code == 422
    wrong = {"number": "+31 20 555 09 99", "code": "0000-0000-0000-0000"}
    for _time in range(4):
        assert client.post(page, wrong).status_code == 422
    assert client.post(page, wrong)["Location"] == reverse("public:status")
    assert phone.number_of(case)[0] == NUMBER


def test_the_number_goes_along_with_what_they_gave_us(people):
    """T-12, E-10: Art. 20 GDPR covers it like the addresses."""
    case = asked(answers.requested())
    told = json.loads(own_data.as_json(case))
    assert told["contact"]["call"] == {"number": NUMBER, "when": "After six"}
    phone.end_wish(case_id=case.id, actor=Actor.person(case.id))
    assert json.loads(own_data.as_json(case))["contact"]["call"] is None


def test_who_may_ask_and_when(people):
    """T-12: the person or who enters requests; a request that is over takes none."""
    case = answers.requested()
    for actor in (Actor.person(a_face().id), Actor.system("x")):
        with pytest.raises(NotAllowed):
            phone.ask(case_id=case.id, number=NUMBER, actor=actor)
    for number in ("", "12", "call me", "1" * 60):
        with pytest.raises(BadInput):
            phone.ask(case_id=case.id, number=number, actor=DPO)
    phone.ask(case_id=case.id, number=NUMBER, actor=DPO)
    assert case.phone_wish.chosen_by == "D-3001"
    Case.objects.filter(id=case.id).update(status=Status.CLOSED)
    with pytest.raises(Conflict):
        phone.ask(case_id=case.id, number=NUMBER, actor=DPO)


# -- the call -----------------------------------------------------------------------------------


def test_nothing_is_told_before_the_level_and_the_written_answer(people):
    """T-12: identity by other means first; then the written copy; then the call."""
    case = asked(answers.requested())
    with pytest.raises(NotAllowed) as early:
        call(case)
    assert early.value.code == "level_not_met"
    case = asked(answers.found(a_face(seed=2)))
    with pytest.raises(Conflict) as unwritten:
        call(case)
    assert unwritten.value.code == "nothing_written"
    assert not PhoneCall.objects.exists()
    case = left(seed=3)
    Case.objects.filter(id=case.id).update(level=1)
    with pytest.raises(NotAllowed) as lapsed:
        call(Case.objects.get(id=case.id))
    assert lapsed.value.code == "level_not_met"


def test_a_call_says_who_when_what_and_which_check(people):
    """T-12: parts of the approved answer, and the check; no delivery follows from it."""
    case = left()
    before = list(case.deliveries.values())
    record = Record.objects.get()
    for given, code in (
        ({"check": ""}, "check_missing"),
        ({"told": []}, "told_missing"),
        ({"told": ["a secret"]}, "told_missing"),
        ({"end": CallEnd.NOT_SURE}, "told_nothing"),
        ({"end": "odd"}, "no_such_end"),
    ):
        with pytest.raises(BadInput) as refused:
            call(case, **given)
        assert refused.value.code == code
    with pytest.raises(NotAllowed) as wrong:
        call(case, code="0000-0000-0000-0000")
    assert wrong.value.code == "wrong_code"
    with pytest.raises(NotAllowed):
        phone.log_call(case_id=case.id, actor=DPO, check=CallCheck.VIDEO, **TOLD)
    assert phone.waits(case)
    call(case, end=CallEnd.NOT_REACHED, told=[], check="")
    assert phone.waits(case)
    made = call(case, words="They want it deleted.")
    assert not phone.waits(case)
    assert (made.by, made.check_made, made.told) == ("A-1001", "code", ["answer", "rights"])
    assert made.delivery == case.deliveries.get(kind="answer")
    assert vault.read(case.file_unit, made.field) == b"They want it deleted."
    event = events_for_case(case.id).filter(type="phone.called").last()
    assert event.data == {"end": "told", "check": "code", "told": ["answer", "rights"]}
    assert list(case.deliveries.values()) == before, "the written answer alone counts"
    assert Record.objects.get(id=record.id).state == record.state
    with pytest.raises(IntegrityError), transaction.atomic():
        PhoneCall.objects.filter(id=made.id).update(check_made="")


def test_outside_it_is_the_same_with_and_without_a_find(site, client, people):
    """T-12, R3: the person reads that they were called and when, never what about."""
    seen = []
    for seed, found in enumerate((True, False), start=1):
        case = left(found, seed)
        call(case)
        site("public")
        client.post(
            reverse("public:status"),
            {"reference": case.reference, "code": cases.receipt_code(case)},
        )
        lines = client.get(reverse("public:case")).content.decode().splitlines()
        seen.append([line.strip() for line in lines if "call" in line.lower()])
        client.post(reverse("public:leave"))
    assert seen[0] == seen[1]
    assert any("We called you on" in line for line in seen[0])


def test_the_desk_writes_the_call_down(site, client, people):
    """T-12: the page of the officer, its refusals and its list."""
    site("desk")
    case = left()
    desk = sign_in(client, people["A-1001"])
    page = reverse("desk:phone", kwargs={"reference": case.reference})
    body = desk.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "call now" in body
    assert desk.post(page, {"do": "call", "end": "told"}).status_code == 422
    given = {"do": "call", "end": "told", "check": "video", "told": ["answer", "search"]}
    assert desk.post(page, given).status_code == 302
    assert "the short answer, what was compared" in desk.get(page).content.decode()
    assert desk.post(page, {"do": "ask", "number": "0"}).status_code == 422
    assert desk.post(page, {"do": "end"}).status_code == 302
    assert not phone.wanted(case)
    dpo = sign_in(client, people["D-3001"])
    assert dpo.post(page, given).status_code in {403, 422}
    assert PhoneCall.objects.count() == 1
