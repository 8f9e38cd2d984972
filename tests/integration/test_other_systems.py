"""The controller's other systems are searched by people before an answer (law A-17)."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Staff
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import found_files, other_systems, reopening, standing_answers
from dsr_portal.cases import services as cases
from dsr_portal.cases.other_models import FoundFile, SearchedSystem
from dsr_portal.compliance import report
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.desk.next_step import next_step
from dsr_portal.disclosure import reopened, validator
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob
from tests.support import answers
from tests.support.answers import DPO, OFFICER, a_face, text_of
from tests.support.assessed import DIRECTOR
from tests.support.gallery import own_places
from tests.support.matching import sign_in
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)
    answers.staff()


def letter(answer: Any) -> str:
    assert answer.document_id is not None, answer.error_code
    return text_of(documents.open_document(answer.document_id))


def test_no_answer_is_made_before_each_listed_system_is_stated() -> None:
    """A-17: a missing result blocks; then answer, report and trail say what was searched."""
    case = answers.found(a_face())
    archive = other_systems.enter(name="Old archive", kind="archive", actor=DPO)
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    other_systems.state(case_id=case.id, system_id=archive.id, outcome="nothing", actor=OFFICER)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "systems_not_searched"
    assert "Mailboxes" in str(waits.value.message)
    assert "archive" not in str(waits.value.message)
    assert next_step(case, OFFICER).page == "desk:searched"
    for outcome in ("found", "not_here"):
        with pytest.raises(BadInput):
            other_systems.state(
                case_id=case.id, system_id=mail.id, outcome=outcome, words=" ", actor=OFFICER
            )
    words = "Two mails of 3 May 2025 name you as the person in the picture."
    other_systems.state(
        case_id=case.id, system_id=mail.id, outcome="found", words=words, actor=OFFICER
    )
    assert next_step(case, OFFICER).form == "answer"
    text = letter(answers.answered(case))
    for part in ("Old archive", "Searched, nothing found", "Mailboxes", words):
        assert part in text
    told = report._systems(case)
    assert [name for name, _words in told["rows"]] == [
        "Mailboxes (E-mail about the person)",
        "Old archive (Archive)",
    ]
    assert words not in json.dumps(told["rows"])
    seen = Event.objects.filter(type="systems.searched").order_by("number")
    assert [one.data["outcome"] for one in seen] == ["nothing", "found"]
    assert all(words not in json.dumps(one.data) for one in seen)
    other_systems.end(system_id=mail.id, actor=DPO)
    assert [one.system.name for one in other_systems.lines(case)] == ["Old archive", "Mailboxes"]


def test_with_none_listed_a_director_states_it_once() -> None:
    """A-17: nothing said is no statement; a system that is listed later ends it."""
    case = answers.found(a_face())
    archive = other_systems.enter(name="Old archive", kind="archive", actor=DPO)
    with pytest.raises(Conflict):
        other_systems.state_none(actor=DIRECTOR)
    other_systems.end(system_id=archive.id, actor=DPO)
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "systems_not_listed"
    assert "no director stated" in report._systems(case)["text"]
    for nobody in (OFFICER, DPO, Actor.operator()):
        with pytest.raises(NotAllowed):
            other_systems.state_none(actor=nobody)
    stated = other_systems.state_none(actor=DIRECTOR)
    assert other_systems.state_none(actor=DIRECTOR) == stated
    assert "a director of" in letter(answers.answered(case))
    assert DIRECTOR.id in report._systems(case)["text"]
    other_systems.enter(name="Log store", kind="logs", actor=DPO)
    assert other_systems.none_stated() is None


def test_the_pages_list_and_state(site: Any) -> None:
    """A-17: one line a system; a wrong line keeps what was written."""
    case = answers.found(a_face())
    site("desk")
    chief = sign_in(Client(), Staff.objects.get(staff_no="S-2001"))
    desk = sign_in(Client(), Staff.objects.get(staff_no="A-1001"))
    act, register = reverse("desk:other_systems_act"), reverse("desk:other_systems")
    assert chief.post(act, {"name": "", "kind": "logs"}).status_code == 422
    assert chief.post(act, {"name": "Log store", "kind": "logs"}).status_code == 302
    assert b"Log store" in chief.get(register).content
    system = other_systems.listed()[0]
    page = reverse("desk:searched", kwargs={"reference": case.reference})
    wrong = desk.post(page, {"system": system.id, "outcome": "not_here", "words": ""})
    assert wrong.status_code == 422
    assert not SearchedSystem.objects.exists()
    said = {"system": system.id, "outcome": "not_here", "words": "It began in 2026."}
    assert desk.post(page, said).status_code == 302
    assert b"It began in 2026." in desk.get(page).content
    assert desk.post(page, {**said, "system": "x"}).status_code == 422
    assert chief.post(act, {"do": "end", "system": system.id}).status_code == 302
    assert other_systems.listed() == []


# -- standing answers -----------------------------------------------------------------------------

SUPERVISOR = answers.SUPERVISOR
WHY = "It opens doors by card number and has no picture, name or address."


def standing(days: int = 90) -> Any:
    """A listed system for which two persons decided that it can hold nothing of anybody."""
    doors = other_systems.enter(name="Door control", kind="other", actor=DPO)
    until = clock.today() + timedelta(days=days)
    row = standing_answers.propose(system_id=doors.id, reason=WHY, until=until, actor=DPO)
    return standing_answers.agree(standing_id=row.id, actor=SUPERVISOR)


def test_a_standing_answer_takes_two_persons_a_reason_and_a_day() -> None:
    """A-17: nobody alone, no reason without words or with a big claim, no day beyond a year."""
    case = answers.found(a_face())
    doors = other_systems.enter(name="Door control", kind="other", actor=DPO)
    day = clock.today() + timedelta(days=90)
    propose = partial(standing_answers.propose, system_id=doors.id, actor=DPO)
    for reason, until in (
        ("  ", day),
        ("x" * 501, day),
        ("We searched everything and found no trace.", day),
        (WHY, clock.today()),
        (WHY, clock.today() + timedelta(days=367)),
    ):
        with pytest.raises(BadInput):
            propose(reason=reason, until=until)
    with pytest.raises(NotAllowed):
        standing_answers.propose(system_id=doors.id, reason=WHY, until=day, actor=OFFICER)
    row = propose(reason=WHY, until=day)
    with pytest.raises(NotAllowed, match="another person"):
        standing_answers.agree(standing_id=row.id, actor=DPO)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row).objects.filter(id=row.id).update(agreed_by=DPO.id, agreed_at=clock.now())
    with pytest.raises(Conflict) as waits:
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert waits.value.code == "systems_not_searched", "a proposal answers for nobody"
    standing_answers.agree(standing_id=row.id, actor=SUPERVISOR)
    assert other_systems.why_not(case) is None


def test_a_standing_answer_speaks_in_each_case_and_every_paper_says_so() -> None:
    """A-17: recorded in the case, told in answer, report and trail; never as a search."""
    case = answers.found(a_face())
    row = standing()
    assert next_step(case, OFFICER).form == "answer"
    text = letter(answers.answered(case))
    for part in ("Door control", WHY, "Not searched for you", "Two of our people decided"):
        assert part in text
    kept = SearchedSystem.objects.get(case=case)
    assert (kept.outcome, kept.standing_id) == ("not_here", row.id)
    told = dict(report._systems(case)["rows"])["Door control (Another system)"]
    assert told.startswith("not searched: a standing answer of D-3001 and S-2001")
    seen = Event.objects.get(type="systems.answered_by_standing", case_id=case.id)
    assert seen.data["standing"] == str(row.id)
    assert WHY not in json.dumps(seen.data)


def test_what_an_officer_states_counts_before_a_standing_answer() -> None:
    """A-17: who looked anyway and found something is heard."""
    case = answers.found(a_face())
    row = standing()
    words = "Your picture stands in the list of visitors."
    other_systems.state(
        case_id=case.id, system_id=row.system_id, outcome="found", words=words, actor=OFFICER
    )
    text = letter(answers.answered(case))
    assert words in text
    assert "Another system of ours holds data about you" in text
    assert "Not searched for you" not in text
    assert not Event.objects.filter(type="systems.answered_by_standing").exists()


def test_a_standing_answer_ends_on_its_day_or_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A-17: afterwards an officer states it again; what it said in earlier cases stays said."""
    travel = Travel(monkeypatch, "2026-09-10")
    answers.staff()
    earlier = answers.found(a_face())
    row = standing(days=10)
    answers.answered(earlier)
    later = answers.decided(answers.searched(answers.requested(), []), {})
    travel.to("2026-09-20")
    assert other_systems.why_not(later) is None, "on its day it speaks still"
    travel.to("2026-09-21")
    waits = other_systems.why_not(later)
    assert waits is not None
    assert waits.code == "systems_not_searched"
    assert other_systems.why_not(earlier) is None
    assert standing_answers.to_settle()[row.system_id] == row, "the register shows it is over"
    again = standing_answers.propose(
        system_id=row.system_id, reason=WHY, until=date(2026, 12, 1), actor=DPO
    )
    standing_answers.agree(standing_id=again.id, actor=SUPERVISOR)
    row.refresh_from_db()
    assert row.ended_by == SUPERVISOR.id, "one in force at a time"
    assert other_systems.why_not(later) is None
    standing_answers.end(standing_id=again.id, actor=DPO)
    assert other_systems.why_not(later) is not None


def test_a_standing_answer_that_ended_speaks_in_no_answer_made_after_it() -> None:
    """A-17, C-09: also where it had spoken for an answer that was set aside or is made anew."""
    case = answers.found(a_face())
    row = standing()
    disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    Answer.objects.filter(case=case).update(state=AnswerState.SET_ASIDE)
    standing_answers.end(standing_id=row.id, actor=DPO)
    with pytest.raises(Conflict, match="Door control"):
        disclosure.prepare_answer(case_id=case.id, actor=OFFICER)
    assert next_step(case, OFFICER).page == "desk:searched"
    again = standing_answers.propose(
        system_id=row.system_id,
        reason="It was looked at again.",
        until=clock.today() + timedelta(days=30),
        actor=DPO,
    )
    standing_answers.agree(standing_id=again.id, actor=SUPERVISOR)
    text = letter(answers.answered(case))
    assert "It was looked at again." in text
    assert WHY not in text


def test_a_request_that_is_opened_again_is_searched_for_again_in_each_system() -> None:
    """A-17, O-03, O-07: what was stated for the first answer is none for the second."""
    case = answers.released(answers.answered(answers.found(a_face())))
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    say = partial(other_systems.state, case_id=case.id, system_id=mail.id, actor=OFFICER)
    say(outcome="found", words="One mail of May.")
    assert other_systems.why_not(case) is None
    with unit_of_work():
        reopening.open_again(cases.lock(case.id), actor=SUPERVISOR)
        reopened.set_aside(case_id=case.id, actor=SUPERVISOR)
    case.refresh_from_db()
    waits = other_systems.why_not(case)
    assert waits is not None
    assert waits.code == "systems_not_searched"
    row = standing_answers.propose(
        system_id=mail.id, reason=WHY, until=clock.today() + timedelta(days=9), actor=DPO
    )
    standing_answers.agree(standing_id=row.id, actor=SUPERVISOR)
    assert other_systems.why_not(case) is not None, "who looked and found something is heard"
    say(outcome="nothing")
    assert other_systems.why_not(case) is None


# -- files ----------------------------------------------------------------------------------------

CANARY = b"From: keeper\nTo: you\n\nThe canary sings in the mailbox of May.\n"


def holding(case: Any, words: str = "One mail of May.") -> Any:
    """A listed mailbox in which an officer found something of this person."""
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    other_systems.state(
        case_id=case.id, system_id=mail.id, outcome="found", words=words, actor=OFFICER
    )
    return mail


def attach(case: Any, system: Any, data: bytes = CANARY, **said: str) -> Any:
    given = {"what": "A mail of 3 May", "others": "nobody", **said}
    return found_files.attach(
        case_id=case.id, system_id=system.id, data=data, actor=OFFICER, **given
    )


def test_a_found_file_goes_with_the_answer_under_its_own_line_and_checksum() -> None:
    """A-17: sealed here, in the package as it was found, listed and hashed; gone with the case."""
    case = answers.found(a_face())
    mail = holding(case)
    kept = attach(case, mail)
    photo = attach(case, mail, answers.plain_picture(), what="A scan", others="covered")
    assert (kept.media, photo.media) == ("txt", "jpg")
    assert all(CANARY not in one.read_bytes() for one in vault_files())
    assert CANARY not in b"".join(bytes(one.inline or b"") for one in Blob.objects.all())
    answer = answers.answered(case)
    text = letter(answer)
    assert answer.package_unit is not None
    files = answers.unzipped(vault.read(answer.package_unit, disclosure.PACKAGE_FIELD))
    assert files["other-systems/file-1.txt"] == CANARY
    sums = files["SHA256SUMS"].decode()
    data = json.loads(files["data.json"])
    for number, name in ((1, "other-systems/file-1.txt"), (2, "other-systems/file-2.jpg")):
        digest = hashlib.sha256(files[name]).hexdigest()
        assert f"{digest}  {name}" in sums
        assert data["other_files"][number - 1]["sha256"] == digest
        assert name in text.replace(" ", "")
        assert digest in text.replace(" ", "")
    assert "A mail of 3 May" in text
    assert "2 files" in dict(report._systems(case)["rows"])["Mailboxes (E-mail about the person)"]
    seen = [one.data for one in Event.objects.filter(type="systems.file_added").order_by("number")]
    assert [one["others"] for one in seen] == ["nobody", "covered"]
    assert "3 May" not in json.dumps(seen)
    looked = partial(
        validator.missing_in_files,
        kind=answer.kind,
        pdf=documents.open_document(answer.document_id),
        zipped=vault.read(answer.package_unit, disclosure.PACKAGE_FIELD),
        record_ids=list(answer.records.values_list("record_id", flat=True)),
    )
    assert looked(found_files=2) == []
    assert looked(found_files=3) == ["package: files of other systems"], "A-19: one is missing"

    with pytest.raises(Conflict) as late:
        attach(case, mail)
    assert late.value.code == "answer_made"
    with pytest.raises(Conflict):
        found_files.take_away(case_id=case.id, file_id=kept.id, actor=OFFICER)
    with unit_of_work():
        cases.run_purgers(case_id=case.id, actor=OFFICER, reason="closed")
    assert not found_files.of_case(case).exists()
    assert vault.unit_state(kept.unit) != vault.UnitState.LIVE
    assert vault.unit_state(answer.package_unit) == vault.UnitState.LIVE, "its own end"


def test_what_is_no_file_to_hand_out_is_refused() -> None:
    """A-17, A-20, R28: by content, by size, with a statement about others and after a find."""
    case = answers.found(a_face())
    mail = other_systems.enter(name="Mailboxes", kind="mail", actor=DPO)
    with pytest.raises(Conflict) as first:
        attach(case, mail)
    assert first.value.code == "found_first"
    other_systems.state(
        case_id=case.id, system_id=mail.id, outcome="found", words="A mail.", actor=OFFICER
    )
    for data, said, code in (
        (b"", {}, "file_missing"),
        (b"MZ\x90\x00\x03\x00", {}, "file_kind"),
        (b"%PDF-1.7 cut", {}, "file_kind"),
        (bytes(21 * 2**20), {}, "file_too_large"),
        (CANARY, {"others": ""}, "file_others"),
        (CANARY, {"what": " "}, "file_what"),
    ):
        with pytest.raises(BadInput) as refused:
            attach(case, mail, data, **said)
        assert refused.value.code == code
    assert not FoundFile.objects.exists()


def test_a_file_taken_away_is_in_no_answer_and_its_key_goes() -> None:
    """A-17, A-20: a wrong file can be taken back; so it is where nothing is held after all."""
    case = answers.found(a_face())
    mail = holding(case)
    wrong, other = attach(case, mail), attach(case, mail, CANARY + b"2")
    found_files.take_away(case_id=case.id, file_id=wrong.id, actor=OFFICER)
    assert vault.unit_state(wrong.unit) != vault.UnitState.LIVE
    assert list(found_files.of_case(case)) == [other]
    other_systems.state(case_id=case.id, system_id=mail.id, outcome="nothing", actor=OFFICER)
    assert vault.unit_state(other.unit) != vault.UnitState.LIVE
    answer = answers.answered(case)
    assert answer.package_unit is not None
    files = answers.unzipped(vault.read(answer.package_unit, disclosure.PACKAGE_FIELD))
    assert not [name for name in files if name.startswith("other-systems/")]


# -- listed too late ------------------------------------------------------------------------------


def test_a_system_listed_after_the_answer_flags_the_open_cases_it_missed() -> None:
    """A-17: an officer looks for them, too; one whose answer is to come simply waits for it."""
    one, other = a_face(), a_face(seed=2)
    answered, coming = answers.found(one), answers.found(other)
    letter(answers.answered(answered))
    late = other_systems.enter(name="Log store", kind="logs", actor=DPO)
    assert flags(answered) == [other_systems.LISTED_LATER]
    assert flags(coming) == []
    assert other_systems.why_not(coming) is not None
    other_systems.state(case_id=answered.id, system_id=late.id, outcome="nothing", actor=OFFICER)
    assert flags(answered) == [], "it was searched for them"


def flags(case: Any) -> list[str]:
    return list(case.flags.values_list("code", flat=True))


def vault_files() -> list[Path]:
    return [one for one in Path(django_settings.DSR_VAULT_DIR).rglob("*") if one.is_file()]


def test_the_pages_take_a_standing_answer_a_file_and_what_became_of_it(site: Any) -> None:
    """A-17: the second person agrees on the page; a file needs its statement."""
    case = answers.found(a_face())
    mail = holding(case)
    doors = other_systems.enter(name="Door control", kind="other", actor=DPO)
    site("desk")
    chief = sign_in(Client(), Staff.objects.get(staff_no="S-2001"))
    dpo = sign_in(Client(), Staff.objects.get(staff_no="D-3001"))
    desk = sign_in(Client(), Staff.objects.get(staff_no="A-1001"))
    act, register = reverse("desk:other_systems_act"), reverse("desk:other_systems")
    until = (clock.today() + timedelta(days=30)).isoformat()
    said = {"do": "propose", "system": doors.id, "reason": WHY, "until": until}
    assert chief.post(act, {**said, "until": "2020-01-01"}).status_code == 422
    assert chief.post(act, said).status_code == 302
    row = doors.standing.get()
    assert b'value="agree"' not in chief.get(register).content
    assert b'value="agree"' in dpo.get(register).content
    assert dpo.post(act, {"do": "agree", "standing": row.id}).status_code == 302
    page = reverse("desk:searched", kwargs={"reference": case.reference})
    assert WHY.encode() in desk.get(page).content
    sent = {"do": "file", "system": mail.id, "what": "A mail", "others": ""}
    upload = partial(SimpleUploadedFile, "mail.eml", CANARY)
    assert desk.post(page, {**sent, "upload": upload()}).status_code == 422
    assert desk.post(page, {**sent, "others": "nobody", "upload": upload()}).status_code == 302
    file = FoundFile.objects.get()
    assert b"A mail" in desk.get(page).content
    early = {"do": "erased", "system": mail.id, "erased": "deleted"}
    assert desk.post(page, early).status_code == 422, "E-11: the answer comes first"
    assert desk.post(page, {"do": "take", "file": file.id}).status_code == 302
    assert chief.post(act, {"do": "end_standing", "standing": row.id}).status_code == 302
