"""Who wants paper gets paper: chosen, packed, posted by another, and never a link (law T-13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import (
    alarms,
    confirmations,
    deliveries,
    extensions,
    letters,
    paper,
    paper_packs,
    proposals,
)
from dsr_portal.cases import selectors as case_selectors
from dsr_portal.cases import services as cases
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.models import (
    Alarm,
    Case,
    Delivery,
    DeliveryState,
    Letter,
    LetterKind,
    LetterState,
    Status,
)
from dsr_portal.cases.paper_models import PaperNotice, PaperPack
from dsr_portal.compliance import breaches
from dsr_portal.compliance.evidence import completeness, told
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import Mail, senders
from dsr_portal.disclosure import services as disclosure
from dsr_portal.documents import services as documents
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import services as matching
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault
from tests.support import answers as support
from tests.support import cases as requests
from tests.support import erasure as lab
from tests.support.answers import text_of
from tests.support.matching import sign_in

HOME = {"name": "Mina Aalto", "postal": "Kade 7\n1011 AB Amsterdam"}
NUMBER = "RR 123 456 789 NL"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    lab.own_places(settings, tmp_path)
    settings.DSR_HOLD_MINUTES = 0
    support.without_detector(monkeypatch)
    holders.holder().drop()
    yield
    holders.holder().drop()


def on_paper(**more: Any) -> Case:
    """A request of the website whose answer goes on paper, decided and approved."""
    support.staff()
    return cases.open_case(
        channel="web",
        rights=("access",),
        contact=cases.Contact(**{**HOME, **more}),
        on_paper=True,
    ).case


def approved(case: Case) -> Delivery:
    """Something that two persons let leave; the batch has come."""
    requests.decided(case)
    parts = [a_letter(case)]
    with audit.unit_of_work():
        delivery = cases.make_delivery(case=case, kind="answer", parts=parts, actor=BY)
    cases.release_batch(actor=BY)
    delivery.refresh_from_db()
    case.refresh_from_db()
    return delivery


BY = support.SECOND


def a_letter(case: Case) -> cases.Part:
    made = documents.prepare_document(
        kind="answer",
        case_id=case.id,
        reference=case.reference,
        template="documents/letter.html",
        context={"short_answer": "We hold two pictures of you."},
        language="en",
        title="What we hold about you",
    )
    with audit.unit_of_work():
        document = made.save(actor=BY)
    return cases.Part("a.pdf", "application/pdf", document_id=document.id, size=document.size)


# -- end to end ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_case_on_paper_from_the_form_to_its_closing(
    monkeypatch: pytest.MonkeyPatch, site: Any
) -> None:
    """T-13, T-08, R6, R12: form, intake, letters, registered answer, erasure, certificate, end."""
    site("public")
    form = Client().get(reverse("public:paper_form")).content.decode()
    assert "I want the answer on paper, by registered post." in form
    assert "makes a face code from my photo" in form
    support.staff()
    shown = lab.picture(1)
    recognition.seal_shards()
    record = shown.records[0]

    # Intake: a colleague enters the letter; another one sees the original (R20).
    case = matching.enter_request(
        entered=matching.Entered(
            channel="post",
            rights=["access", "erasure"],
            received_at=arrival_of(clock.today() - timedelta(days=2)),
            photo=support.plain_picture((640, 480)),
            consent="Letter 17, signed",
            original=support.plain_picture(),
            words="Please tell me what you have and delete it.",
            on_paper=True,
            **HOME,
        ),
        actor=support.DPO,
    ).case
    assert case.due_on >= clock.today()
    cases.confirm_origin(case_id=case.id, actor=support.OFFICER)

    # The confirmation with the receipt code goes by post.
    receipt = text_of(confirmations.print_confirmation(case_id=case.id, actor=support.DPO))
    assert cases.receipt_code(case) in receipt
    assert "we post the answer to your address, registered" in receipt
    assert "Kade 7" in receipt
    confirmations.record_handed(case_id=case.id, actor=support.DPO, how="post")

    # Who asks is shown by post (R6); then a letter says that we need longer.
    def by_post(asked: Case) -> Case:
        return matching.record_identity(
            case_id=asked.id,
            actor=support.OFFICER,
            way="post_form",
            element="capture_data",
            compared="Signature and the photo with the name on its back.",
        )

    monkeypatch.setattr(support, "identified", by_post)
    case = support.searched(case, [record])
    assert case.identity_checks.get().way == "post_form"
    proposal = extensions.propose(
        case_id=case.id,
        actor=support.OFFICER,
        reason="legal_question",
        months=1,
        words="A court is asked about pictures like these. We wait for it.",
    )
    proposals.agree(proposal_id=proposal.id, actor=support.SECOND)
    lab.run_all()
    (letter,) = case.letters.all()
    assert letter.state == "to_post"
    said = text_of(documents.open_document(letter.document_id))
    assert "A court is asked about pictures like these." in said
    assert "Kade 7" in said
    letters.record_posted(letter_id=letter.id, actor=support.OFFICER)

    # Two persons decide; the answer is approved and waits for the post, not behind a link.
    case = support.decided(case, {record.id: "same"})
    answer = support.answered(case)
    disclosure.approve_answer(answer_id=answer.id, actor=support.SECOND)
    assert cases.release_batch(actor=support.SECOND) == 0
    case.refresh_from_db()
    (delivery,) = paper_packs.waiting(case)
    assert (case.status, case.delivered_at) == (Status.DECIDED, None)
    pack = text_of(paper_packs.print_pack(delivery_id=delivery.id, actor=support.OFFICER))
    for words in ("Mina Aalto", "Kade 7", "By registered post", "our answer to your request"):
        assert words in pack
    assert shown.page in pack.replace(" ", "")
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.SECOND, number=NUMBER)
    case.refresh_from_db()
    assert case.status == Status.DELIVERED
    assert clock.local_date(case.delivered_at) == clock.today()
    assert not case_selectors.open_deliveries(case)

    # Erasure, and the certificate as the letter that confirms it; both are read as they print.
    plan = erasure.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    assert Record.objects.get(id=record.id).state == Record.State.ERASED
    cases.release_batch(actor=support.SECOND)
    case.refresh_from_db()
    assert case.status == Status.CLOSED
    (certificate,) = paper_packs.waiting(case)
    pack = text_of(paper_packs.print_pack(delivery_id=certificate.id, actor=support.SECOND))
    assert "the certificate of erasure" in pack
    assert "Certificate of erasure" in pack
    paper_packs.record_posted(
        delivery_id=certificate.id, actor=support.OFFICER, number="RR1234567NL"
    )
    packs = paper_packs.posted(case)
    assert [paper_packs.number_of(one) for one in packs] == [NUMBER, "RR1234567NL"]

    # Nobody was ever given a link, and nothing of the post stands in the trail.
    for one in case.deliveries.all():
        with pytest.raises(cases.LinkClosed):
            cases.find_delivery(cases.link_token(one))
    assert not Effect.objects.filter(kind__startswith="mail.answer").exists()
    trail = str([event.data for event in Event.objects.filter(case_id=case.id)])
    assert "Kade" not in trail
    assert "RR" not in trail
    proofs = completeness(case, told(audit.export(case.id)))
    assert not [one for one in proofs if one.missing]
    assert audit.verify().ok

    # The end: after the time for it address and numbers are gone with their units.
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=61))
    cases.close_due()
    lab.run_all()
    case.refresh_from_db()
    assert case.status == Status.PURGED
    assert vault.unit_state(case.contact_unit) == vault.UnitState.SHREDDED
    assert vault.unit_state(case.file_unit) == vault.UnitState.SHREDDED


# -- the rules -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_person_packs_and_another_posts() -> None:
    """T-13: the service refuses one pair of hands, and so does the database."""
    case = on_paper()
    delivery = approved(case)
    with pytest.raises(Conflict, match="not_packed"):
        paper_packs.record_posted(delivery_id=delivery.id, actor=BY, number=NUMBER)
    paper_packs.print_pack(delivery_id=delivery.id, actor=BY)
    for wrong, error, code in (
        ({"actor": BY}, NotAllowed, "packed_it"),
        ({"number": "?"}, BadInput, "number_unfit"),
        ({"actor": Actor("D-3001", "dpo", "staff")}, NotAllowed, ""),
    ):
        with pytest.raises(error, match=code):
            paper_packs.record_posted(
                delivery_id=delivery.id, **{"actor": support.OFFICER, "number": NUMBER, **wrong}
            )
    with pytest.raises(IntegrityError), transaction.atomic():
        PaperPack.objects.update(posted_by=BY.id, posted_on=clock.today(), field="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        PaperPack.objects.update(posted_by="A-1001", posted_on=clock.today())
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.OFFICER, number=NUMBER)
    with pytest.raises(Conflict, match="not_to_post"):
        paper_packs.print_pack(delivery_id=delivery.id, actor=BY)
    pack = PaperPack.objects.get()
    with pytest.raises(BadInput, match="day_unfit"):
        paper_packs.record_arrived(
            delivery_id=delivery.id, actor=BY, on=clock.today() - timedelta(days=1)
        )
    paper_packs.record_arrived(delivery_id=delivery.id, actor=BY, on=clock.today())
    pack.refresh_from_db()
    delivery.refresh_from_db()
    assert pack.arrived_on == clock.today()
    assert delivery.first_opened_at is not None


@pytest.mark.django_db
def test_paper_needs_an_address_and_a_new_one_is_printed_anew() -> None:
    """T-13, R13: no wish without an address; what was printed for another address never leaves."""
    with pytest.raises(BadInput, match="no_postal"):
        on_paper(postal="")
    case = requests.opened(("access",), channel="post", actor=support.DPO, consents=(), email="")
    Case.objects.filter(id=case.id).update(origin_confirmed_by="A-1001")
    with pytest.raises(BadInput, match="no_postal"):
        paper.choose(case_id=case.id, actor=support.DPO)
    with pytest.raises(NotAllowed):
        paper.choose(case_id=case.id, actor=Actor("R-1", "regulator", "staff"))
    confirmations.set_postal(case_id=case.id, actor=support.DPO, **HOME)
    paper.choose(case_id=case.id, actor=support.DPO)
    case.refresh_from_db()
    delivery = approved(case)
    assert "Kade 7" in text_of(paper_packs.print_pack(delivery_id=delivery.id, actor=BY))
    confirmations.set_postal(case_id=case.id, actor=support.DPO, name="M", postal="Kade 8")
    with pytest.raises(Conflict, match="not_packed"):
        paper_packs.record_posted(delivery_id=delivery.id, actor=support.OFFICER, number=NUMBER)
    assert "Kade 8" in text_of(paper_packs.print_pack(delivery_id=delivery.id, actor=BY))
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.OFFICER, number=NUMBER)
    with pytest.raises(Conflict, match="postal_stands"):
        confirmations.set_postal(case_id=case.id, actor=support.DPO, name="M", postal="Kade 9")


@pytest.mark.django_db
def test_what_waits_for_the_post_is_told_and_a_person_may_change_their_mind(site: Any) -> None:
    """T-13, D-04: named persons hear of it; the page has the choice, and then the link opens."""
    case = on_paper()
    delivery = approved(case)
    assert (Alarm.LETTER, str(delivery.id)) in list(alarms.standing(case))
    site("public")
    person = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    assert person.post(reverse("public:status"), keys).status_code == 302
    page = person.get(reverse("public:case")).content.decode()
    assert "Open your answer" not in page
    assert "We write to you by registered post." in page
    paper_packs.print_pack(delivery_id=delivery.id, actor=BY)
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.OFFICER, number=NUMBER)
    page = person.get(reverse("public:case")).content.decode()
    assert "We posted it to you on" in page
    assert NUMBER not in page
    assert "Open your answer" not in page
    token = cases.link_token(delivery)
    with pytest.raises(cases.LinkClosed, match="link_unknown"):
        cases.open_delivery(token=token, code=keys["code"])
    assert person.post(reverse("public:on_paper"), {"do": "link"}).status_code == 302
    assert "Open your answer" in person.get(reverse("public:case")).content.decode()
    assert cases.open_delivery(token=token, code=keys["code"]).delivery_id == delivery.id
    assert person.post(reverse("public:on_paper"), {"do": "paper"}).status_code == 302
    assert paper.wanted(case)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.RELEASED


@pytest.mark.django_db
@pytest.mark.parametrize("before", [True, False])
def test_posted_and_said_to_show_somebody_else_it_opens_by_no_link(before: bool) -> None:
    """O-07, T-13: posted and then closed, no change of mind opens it; two who find nothing wrong
    leave it posted, or give the link that was chosen meanwhile."""
    case = on_paper()
    delivery = approved(case)
    paper_packs.print_pack(delivery_id=delivery.id, actor=BY)
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.OFFICER, number=NUMBER)
    person = Actor.person(case.id)
    keys = {"token": cases.link_token(delivery), "code": cases.receipt_code(case)}
    breaches.report_wrong_person(case_id=case.id, actor=person)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SUSPENDED
    if before:
        paper_packs.back_to_link(case_id=case.id, actor=person)
    with pytest.raises(cases.LinkClosed, match="link_suspended"):
        cases.open_delivery(**keys)
    deliveries.resume_answers(case_id=case.id, actor=BY)
    delivery.refresh_from_db()
    if before:
        assert cases.open_delivery(**keys).delivery_id == delivery.id
        return
    assert delivery.state == DeliveryState.POSTED
    with pytest.raises(cases.LinkClosed, match="link_unknown"):
        cases.open_delivery(**keys)


@pytest.mark.django_db
def test_the_website_offers_paper_and_the_draft_keeps_it() -> None:
    """T-13: the box counts only beside a postal address."""
    from dsr_portal.public.forms import ContactForm

    asked = {"how": "post", "postal": "Kade 7", "paper": "on", "language": "en"}
    form = ContactForm(asked)
    assert form.is_valid(), form.errors
    assert form.cleaned_data["paper"]


@pytest.mark.django_db
def test_the_desk_packs_and_posts_on_one_page(site: Any) -> None:
    """T-13: two officers on the page of the envelope; the opener may not print."""
    staff = support.staff()
    case = on_paper()
    delivery = approved(case)
    site("desk")
    first = sign_in(Client(), staff["A-1001"])
    second = sign_in(Client(), staff["A-1002"])
    at = reverse("desk:paper", kwargs={"reference": case.reference})
    assert "Print the pack" in first.get(at).content.decode()
    keys = {"reference": case.reference, "delivery_id": delivery.id}
    printed = first.post(reverse("desk:paper_print", kwargs=keys))
    assert printed.headers["Cache-Control"] == "no-store"
    assert "We hold two pictures of you." in text_of(printed.content)
    send = {f"{delivery.id}-number": NUMBER}
    assert first.post(reverse("desk:paper_posted", kwargs=keys), send).status_code == 422
    assert second.post(reverse("desk:paper_posted", kwargs=keys), send).status_code == 302
    shown = second.get(at).content.decode()
    assert NUMBER in shown
    day = {f"{delivery.id}-on": clock.today().isoformat()}
    assert second.post(reverse("desk:paper_arrived", kwargs=keys), day).status_code == 302
    assert "Handed over on" in second.get(at).content.decode()
    assert second.post(at, {"do": "link"}).status_code == 302
    assert not paper.wanted(case)


# -- a case with a mailbox (R13) -------------------------------------------------------------------


def by_mailbox(**more: Any) -> Case:
    """A request of the website that gave a mailbox."""
    support.staff()
    return cases.open_case(
        channel="web",
        rights=("access",),
        contact=cases.Contact(email="mina@example.org", **more),
    ).case


def noted() -> list[Mail]:
    """The mails about paper, as they are sent."""
    rows = Effect.objects.filter(kind="mail.paper_noted").order_by("created_at")
    return [senders.get("mail.paper_noted").render(row.subject_id) for row in rows]


def later(monkeypatch: pytest.MonkeyPatch, **by: int) -> None:
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**by))


@pytest.mark.django_db
def test_what_staff_write_down_about_paper_is_told_and_waits(
    monkeypatch: pytest.MonkeyPatch, site: Any
) -> None:
    """R12, R13, T-13: the mailbox is told, 72 hours pass, and who wrote it down has no part."""
    case = by_mailbox()
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, name="F", postal="Else 1")
    paper.choose(case_id=case.id, actor=support.SECOND)
    mails = noted()
    assert [mail.to for mail in mails] == ["mina@example.org"] * 2
    assert "A colleague wrote down a postal address" in mails[0].text
    assert "A colleague wrote down that you want our post" in mails[1].text
    for mail in mails:
        assert "Nothing leaves on paper before" in mail.text
        assert "call us or write to us at once" in mail.text
        assert "Else 1" not in mail.text
    delivery = approved(case)
    third = support.SUPERVISOR
    with pytest.raises(Conflict, match="paper_waits"):
        paper_packs.print_pack(delivery_id=delivery.id, actor=third)
    site("desk")
    at = reverse("desk:paper", kwargs={"reference": case.reference})
    browser = sign_in(Client(), support.staff()["A-1001"])
    assert "Nothing leaves on paper before" in browser.get(at).content.decode()
    later(monkeypatch, hours=71)
    with pytest.raises(Conflict, match="paper_waits"):
        paper_packs.print_pack(delivery_id=delivery.id, actor=third)
    later(monkeypatch, hours=1, minutes=1)
    for who in (support.OFFICER, support.SECOND):
        with pytest.raises(NotAllowed, match="wrote_it_down"):
            paper_packs.print_pack(delivery_id=delivery.id, actor=who)
    paper_packs.print_pack(delivery_id=delivery.id, actor=third)
    for who in (support.OFFICER, support.SECOND):
        with pytest.raises(NotAllowed, match="wrote_it_down"):
            paper_packs.record_posted(delivery_id=delivery.id, actor=who, number=NUMBER)
    case.refresh_from_db()
    assert case.delivered_at is None
    other = Actor("S-2002", "supervisor", "staff")
    paper_packs.record_posted(delivery_id=delivery.id, actor=other, number=NUMBER)
    case.refresh_from_db()
    assert case.delivered_at is not None


@pytest.mark.django_db
def test_a_letter_to_a_new_address_waits_as_the_answer_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R13: what a letter says is no less than what an answer says."""
    case = by_mailbox(**HOME)
    paper.choose(case_id=case.id, actor=support.OFFICER)
    letter = Letter.objects.create(
        case=case,
        kind=LetterKind.values[0],
        state=LetterState.TO_POST,
        unique_key="planted",
        field="letter.planted",
        written_by=BY.id,
        created_at=clock.now(),
    )
    with pytest.raises(Conflict, match="paper_waits"):
        letters.record_posted(letter_id=letter.id, actor=support.SECOND)
    later(monkeypatch, hours=72, minutes=1)
    with pytest.raises(NotAllowed, match="wrote_it_down"):
        letters.record_posted(letter_id=letter.id, actor=support.OFFICER)


@pytest.mark.django_db
def test_what_the_person_chose_with_the_code_needs_no_mail_and_no_wait(site: Any) -> None:
    """R13: only what others wrote down for them is told; one that ended holds nothing."""
    case = by_mailbox(**HOME)
    paper.choose(case_id=case.id, actor=support.OFFICER)
    assert len(noted()) == 1
    site("public")
    person = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    assert person.post(reverse("public:status"), keys).status_code == 302
    for choice in ("link", "paper"):
        assert person.post(reverse("public:on_paper"), {"do": choice}).status_code == 302
    assert paper.wanted(case)
    assert len(noted()) == 1
    delivery = approved(case)
    paper_packs.print_pack(delivery_id=delivery.id, actor=support.OFFICER)
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.SECOND, number=NUMBER)


@pytest.mark.django_db
def test_the_database_knows_who_wrote_it_down() -> None:
    """R13: no notice without a name."""
    case = by_mailbox()
    confirmations.set_postal(case_id=case.id, actor=support.OFFICER, **HOME)
    for wrong in ({"by": ""}, {"what": "other"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PaperNotice.objects.update(**wrong)
