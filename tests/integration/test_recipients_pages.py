"""Recipients on the pages: the desk acts, the person reads who was told (Art. 19, R3, R16, R19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dsr_portal.accounts.models import Role
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case
from dsr_portal.core import egress
from dsr_portal.gallery import notices, selectors
from dsr_portal.gallery.models import ConnectedSystem, Notice, Recipient, RecipientChannel
from dsr_portal.jobs import services as jobs
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.own_places(settings, tmp_path)
    monkeypatch.setattr(egress, "_FACE_MODULES", ())


def told_case(record: Any) -> Case:
    """A delivered case whose recipients are to be told of a correction."""
    case = lab.ready_case([record])
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RECTIFICATION", actor=support.OFFICER
    )
    return case


def at(number: str, role: str) -> Client:
    return sign_in(Client(), staff(number, role))


def post(browser: Client, path: str, **data: str) -> str:
    answer = browser.post(path, data, follow=True)
    assert answer.status_code in (200, 422), answer.content
    return answer.content.decode()


def test_a_notice_leads_each_reader_to_a_page_they_may_open(site: Any) -> None:
    """G-02: officers to the published copies; the DPO and a director to the case, and no form."""
    record = lab.picture(1).records[0]
    lab.seen_by(record, "Poster & Sons")
    case = told_case(record)
    cases.release_batch(actor=support.SECOND)
    site("desk")
    copies, plain = f"/cases/{case.reference}/copies/", f"/cases/{case.reference}/"
    for number, role, link in (
        ("O-1", Role.OFFICER, copies),
        ("D-1", Role.DPO, plain),
        ("B-2", Role.DIRECTOR, plain),
    ):
        reader = at(number, role)
        page = reader.get("/recipients/").content.decode()
        assert f'href="{link}"' in page, role
        assert ("Can't be told" in page or "Can&#x27;t be told" in page) is (role == Role.OFFICER)
        assert reader.get(link).status_code in (200, 302), role


def test_a_letter_goes_through_the_desk_from_address_to_answer(site: Any) -> None:
    """Two persons list the address; one posts the letter and writes the answer down."""
    record = lab.picture(1).records[0]
    lab.seen_by(record, "Poster & Sons")
    case = told_case(record)
    cases.release_batch(actor=support.SECOND)
    site("desk")
    boss, other = at("B-1", Role.SUPERVISOR), at("B-2", Role.DIRECTOR)
    officer = at("O-1", Role.OFFICER)
    page = officer.get("/recipients/").content.decode()
    assert "Poster &amp; Sons" in page
    assert "no address is listed for this recipient" in page
    recipient = Recipient.objects.get()
    address = f"/recipients/{recipient.id}/address/"
    bad = post(boss, address, kind="CALL", address="http://plain.example/")
    assert "Give a full address" in bad
    post(boss, address, kind="LETTER", address="Poststraat 1")
    channel = RecipientChannel.objects.get()
    decide = f"/recipients/addresses/{channel.id}/"
    assert boss.post(decide, {"do": "approve"}).status_code == 403
    assert officer.post(decide, {"do": "approve"}).status_code == 403
    post(other, decide, do="approve")
    jobs.run_due(queues=["light"])
    page = officer.get("/recipients/").content.decode()
    notice = Notice.objects.get()
    letter = officer.get(f"/cases/{case.reference}/documents/{notice.letter_id}/")
    assert letter.content.startswith(b"%PDF")
    assert 'value="posted"' in page
    post(officer, f"/recipients/notices/{notice.id}/", do="posted")
    page = post(officer, f"/recipients/notices/{notice.id}/", do="done")
    notice.refresh_from_db()
    assert (notice.state, notice.answered_by) == ("DONE", "O-1")
    assert "Nothing waits." in page
    assert "Poster &amp; Sons" in officer.get(f"/cases/{case.reference}/copies/").content.decode()


def test_not_telling_is_proposed_and_agreed_on_the_page(site: Any) -> None:
    record = lab.picture(1).records[0]
    lab.seen_by(record, "Gone Ltd")
    told_case(record)
    cases.release_batch(actor=support.SECOND)
    site("desk")
    boss, other = at("B-1", Role.SUPERVISOR), at("B-2", Role.DIRECTOR)
    path = f"/recipients/notices/{Notice.objects.get().id}/"
    assert "Write why" in post(boss, path, do="excuse", reason="")
    page = post(boss, path, do="excuse", reason="Dissolved in 2024.")
    assert 'value="agree"' not in page
    assert "Dissolved in 2024." in page
    assert 'value="agree"' in other.get("/recipients/").content.decode()
    post(other, path, do="agree")
    assert Notice.objects.get().state == "EXCUSED"


def test_a_system_gets_its_token_once_on_the_page_of_the_second_person(site: Any) -> None:
    """R20: it lies in no message and no session."""
    site("desk")
    boss, other = at("B-1", Role.SUPERVISOR), at("B-2", Role.DIRECTOR)
    post(boss, "/recipients/systems/", name="Search product")
    row = ConnectedSystem.objects.get()
    path = f"/recipients/systems/{row.id}/"
    assert boss.post(path, {"do": "approve"}).status_code == 403
    page = other.post(path, {"do": "approve"})
    assert page.status_code == 200
    assert "dsr_" in page.content.decode()
    for browser in (boss, other):
        assert "dsr_" not in browser.get("/recipients/").content.decode().replace("dsr_desk", "")
    assert "dsr_" not in str(list(other.session.items()))
    post(boss, path, do="end")
    row.refresh_from_db()
    assert row.state == "ENDED"


def test_a_published_copy_is_written_down_and_settled_in_its_own_case_only(site: Any) -> None:
    case = lab.ready_case([lab.picture(1).records[0]])
    another = lab.ready_case([lab.picture(2).records[0]])
    site("desk")
    officer = at("O-1", Role.OFFICER)
    page = f"/cases/{case.reference}/copies/"
    assert "Search Ltd" in post(officer, page, controller="Search Ltd", address="https://x.example")
    (copy,) = selectors.copies_of(case.id)
    wrong = officer.post(f"/cases/{another.reference}/copies/{copy.id}/", {"result": "DONE"})
    assert wrong.status_code == 404
    assert "Write what you did" in post(officer, f"{page}{copy.id}/", result="REFUSED")
    assert "removed" in post(officer, f"{page}{copy.id}/", result="DONE")


def test_mail_that_waits_is_said_at_the_desk(site: Any, settings: Any) -> None:
    site("desk")
    officer = at("O-1", Role.OFFICER)
    settings.DSR_DEMO = False
    support.opened()
    jobs.run_due(queues=["light"])
    assert "1 mail waits" in officer.get("/recipients/").content.decode()


def test_the_person_reads_who_was_told_once_the_notices_left(site: Any) -> None:
    """R3: before the batch the page of a hit and of no hit are the same; R16: with the logs."""
    record = lab.picture(1).records[0]
    lab.seen_by(record, "Lumen Analytics")
    case = lab.ready_case([record])
    plain = lab.ready_case([lab.picture(2).records[0]])
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RECTIFICATION", actor=support.OFFICER
    )

    def page(of: Case) -> str:
        browser = Client()
        code = cases.receipt_code(of)
        answer = browser.post("/status/", {"reference": of.reference, "code": code}, follow=True)
        assert answer.status_code == 200
        return answer.content.decode()

    site("public")
    assert "Who we told" not in page(case)
    cases.release_batch(actor=support.SECOND)
    text = page(case)
    assert "Who we told" in text
    # R2: that somebody was told of their pictures says that there are some.
    Case.objects.filter(id=case.id).update(level=1)
    assert "Who we told" not in page(case)
    assert "Lumen Analytics (NL): waits: no address is listed for this recipient" in text
    assert "search (" in text
    assert "Who we told" not in page(plain)
