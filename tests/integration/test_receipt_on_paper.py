"""The receipt of who wrote by post, mail or phone, and a new code for who lost it (R12, T-10)."""

import json
from datetime import timedelta
from io import StringIO

import pypdfium2
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.models import Event
from dsr_portal.cases import confirmations, selectors, services
from dsr_portal.cases.models import Case, Receipt
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import senders
from dsr_portal.documents import services as documents
from dsr_portal.jobs.models import Effect
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.matching import sign_in as enter

pytestmark = [pytest.mark.django_db]
ADDRESS = {"name": "Mina Aalto", "postal": "Kade 7\n1011 AB Amsterdam"}


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


def by_letter(**more) -> Case:
    """A request a colleague entered from a letter."""
    more = {"channel": "post", "actor": support.OFFICER, "consents": (), **more}
    return support.opened(("access",), **more)


def text_of(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)


def url(name: str, case: Case) -> str:
    return reverse(f"desk:{name}", kwargs={"reference": case.reference})


def sign_in(case: Case, code: str):
    client = Client()
    page = reverse("public:status")
    return client.post(page, {"reference": case.reference, "code": code}).status_code == 302


# -- who never saw a receipt page ------------------------------------------------------------------


def test_the_confirmation_on_paper_has_the_code_and_the_receipts_words():
    """R12, R14, T-10: set from the receipt's row, for the letterbox, and an event each time."""
    case = by_letter(email="")
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **ADDRESS)
    assert confirmations.waits_for_paper(case)
    pdf = confirmations.print_confirmation(case_id=case.id, actor=support.OFFICER)
    assert documents.verify(pdf).intact
    text = text_of(pdf)
    said = services.receipt_text(case)
    for words in (services.receipt_code(case), said["lead"], "Mina Aalto", "Kade 7"):
        assert words in text
    event = Event.objects.get(type="receipt.printed")
    assert (event.actor_id, event.case_id) == (support.OFFICER.id, case.id)
    confirmations.record_handed(case_id=case.id, actor=support.OFFICER, how="post")
    row = Receipt.objects.get(case=case)
    assert (row.handed_by, row.handed_how, row.handed_counter) == (support.OFFICER.id, "post", 0)
    assert not confirmations.waits_for_paper(case)
    told = [line.sentence for line in selectors.public_view(case).told]
    assert "We gave you your receipt on paper." in told
    with pytest.raises(Conflict, match="already_handed"):
        confirmations.record_handed(case_id=case.id, actor=support.OFFICER, how="post")


def test_mails_never_speak_of_a_page_that_was_not_seen():
    """R12: where the code stands is said rightly, and the code is in no mail."""
    case = by_letter()
    delivery = support.delivered(case_decidable(case))
    mails = [senders.get("mail.receipt").render(case.id).text]
    mails.append(senders.get("mail.answer_ready").render(delivery.id).text)
    for text in mails:
        assert "receipt page" not in text
        assert services.receipt_code(case) not in text
    assert "confirmation on paper" in mails[0]
    own = support.opened()
    assert "on the receipt page" in senders.get("mail.receipt").render(own.id).text


def case_decidable(case: Case) -> Case:
    """Another person saw the original, and nobody who decides entered it."""
    Case.objects.filter(id=case.id).update(opener="S-9999", origin_confirmed_by="S-1002")
    case.refresh_from_db()
    return case


def test_an_address_stands_once_something_was_posted_to_it(monkeypatch):
    """R13: one person alone can't lead a letter with the code elsewhere."""
    case = by_letter()
    with pytest.raises(BadInput, match="no_postal"):
        confirmations.record_handed(case_id=case.id, actor=support.OFFICER, how="post")
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, name="", postal="Kade 9")
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **ADDRESS)
    assert selectors.contact_of(case)["postal"] == ADDRESS["postal"]
    assert selectors.contact_of(case)["email"] == "mina@example.org"
    assert Effect.objects.filter(kind="mail.paper_noted").count() == 2
    with pytest.raises(Conflict, match="paper_waits"):
        confirmations.record_handed(case_id=case.id, actor=support.SECOND, how="post")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=72, minutes=1))
    with pytest.raises(NotAllowed, match="wrote_it_down"):
        confirmations.record_handed(case_id=case.id, actor=support.OFFICER, how="post")
    confirmations.record_handed(case_id=case.id, actor=support.SECOND, how="post")
    with pytest.raises(Conflict, match="postal_stands"):
        confirmations.set_postal(case_id=case.id, actor=support.OFFICER, name="", postal="Else 1")
    for event in Event.objects.filter(case_id=case.id):
        assert "Kade" not in json.dumps(event.data)


def test_no_code_is_printed_for_who_saw_their_receipt():
    """R12: an officer can't take the code of a request that came by the website."""
    case = support.opened()
    with pytest.raises(Conflict, match="receipt_was_seen"):
        confirmations.print_confirmation(case_id=case.id, actor=support.OFFICER)
    regulator = support.Actor("R-1", "regulator", "staff")
    with pytest.raises(NotAllowed):
        confirmations.print_confirmation(case_id=by_letter().id, actor=regulator)


# -- a lost code -----------------------------------------------------------------------------------


def test_a_lost_code_is_renewed_after_a_check_and_the_old_one_is_dead(site):
    """R12: an officer records the check; counter + 1; the mailbox is told, without the code."""
    site("public")
    case = support.opened()
    old = services.receipt_code(case)
    assert sign_in(case, old)
    with pytest.raises(BadInput, match="compared_missing"):
        services.renew_code(case_id=case.id, actor=support.OFFICER, way="call", compared=" ")
    new = support.renewed(case)
    case.refresh_from_db()
    assert case.code_counter == 1
    assert new != old
    assert not sign_in(case, old)
    assert sign_in(case, new)
    event = Event.objects.get(type="case.code_renewed")
    assert (event.actor_id, event.data["counter"], event.data["way"]) == ("S-1001", 1, "call")
    effect = Effect.objects.get(kind="mail.code_renewed")
    mail = senders.get("mail.code_renewed").render(effect.subject_id)
    assert "If you did not ask for it" in mail.text
    assert new not in mail.text
    assert confirmations.waits_for_paper(case)
    pdf = confirmations.print_confirmation(case_id=case.id, actor=support.OFFICER)
    assert new in text_of(pdf)
    assert old not in text_of(pdf)


def test_a_closed_request_gets_no_new_code():
    """R12: with the contact's key the code is gone for good."""
    case = support.opened()
    services.withdraw(case_id=case.id, actor=support.person(case))
    with pytest.raises(Conflict, match="case_over"):
        support.renewed(case)


# -- desk and terminal -----------------------------------------------------------------------------


def test_the_desk_keeps_the_address_prints_and_renews(site):
    """R12: one page; each post does one thing, and what is wrong stands in its form."""
    site("desk")
    officer = staff("S-1")
    case = by_letter(actor=actor(officer), email="")
    client = enter(Client(), officer)
    shown = client.get(url("case", case)).content.decode()
    assert "confirmation not sent yet" in shown
    assert url("receipt", case) in shown
    page = url("receipt", case)
    empty = client.post(page, {"do": "postal", "postal-postal": ""})
    assert empty.status_code == 422
    kept = client.post(
        page, {"do": "postal", "postal-name": "Mina", "postal-postal": ADDRESS["postal"]}
    )
    assert kept.status_code == 302
    assert "Kade 7" in client.get(page).content.decode()
    answer = client.post(url("confirmation", case))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert services.receipt_code(case) in text_of(answer.content)
    assert services.receipt_code(case) not in client.get(page).content.decode()
    assert client.post(page, {"do": "handed", "handed-how": "post"}).status_code == 302
    assert "not sent yet" not in client.get(page).content.decode()
    sent = {"do": "renew", "renew-way": "visit", "renew-compared": ""}
    assert client.post(page, sent).status_code == 422
    sent["renew-compared"] = "Came to the desk with the letter."
    assert client.post(page, sent).status_code == 302
    case.refresh_from_db()
    assert case.code_counter == 1
    assert "not sent yet" in client.get(page).content.decode()


def test_the_command_does_what_the_page_does(tmp_path):
    """R20: as a named account, with the page's services; neither code nor address is printed."""
    officer = staff("S-1")
    case = by_letter(actor=actor(officer), email="")
    target = tmp_path / "confirmation.pdf"
    words = ["--as", "S-1", "--postal", "Kade 7", "--print", target, "--handed", "post", "--json"]
    shown = run("receipt", case.reference, *words)
    assert json.loads(shown)["how"] == "post"
    assert services.receipt_code(case) in text_of(target.read_bytes())
    assert services.receipt_code(case) not in shown
    assert "Kade" not in shown
    assert target.stat().st_mode & 0o077 == 0
    renew = ["--as", "S-1", "--renew-code", "visit"]
    with pytest.raises(CommandError, match="compared_missing"):
        run("receipt", case.reference, *renew)
    made = json.loads(run("receipt", case.reference, *renew, "--compared", "Letter.", "--json"))
    assert made["code_number"] == 1
    with pytest.raises(CommandError, match="cannot be written"):
        run("receipt", case.reference, "--as", "S-1", "--print", target)


def test_a_request_is_entered_with_its_address():
    """T-08: the letter's sender is known from the first moment."""
    staff("S-1")
    made = run(
        "open_case", "--as", "S-1", "--channel", "post", "--right", "access", "--json",
        "--name", "Mina Aalto", "--postal", "Kade 7",
    )  # fmt: skip
    case = Case.objects.get(reference=json.loads(made)["reference"])
    assert selectors.contact_of(case)["postal"] == "Kade 7"
    assert "Kade" not in made
    assert vault.read_json(case.contact_unit, "contact")["name"] == "Mina Aalto"


def run(*words) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()
