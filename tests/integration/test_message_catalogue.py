"""Every mail the portal can send, made and read back (rules R3, R10, R12; law T-02, T-11).

docs/messages.md is what the registry is; a kind of mail without a sample here fails the first test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.utils import translation

from dsr_portal.accounts import services as accounts
from dsr_portal.accounts.models import ProposalKind, Role, Staff, StaffProposal
from dsr_portal.cases import acting_invites, address_changes, codes, mandates, services
from dsr_portal.cases.acting_models import ActingLink, LinkPurpose
from dsr_portal.cases.address_models import AddressChange, ChangeState
from dsr_portal.cases.mandate_models import Batch
from dsr_portal.cases.models import Alarm, Case, Delivery, Escalation
from dsr_portal.cases.paper_models import NoticeOf, PaperNotice, PaperReturn
from dsr_portal.cases.texts import day_words
from dsr_portal.compliance import breaches, collection, director, order_alarms, orders
from dsr_portal.compliance.models import DirectorPage
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import Mail, MailAbout, Pace, Reader, mails, senders
from dsr_portal.gallery import channels, notices
from dsr_portal.gallery.models import Notice
from dsr_portal.jobs import mail as relay
from dsr_portal.jobs.management.commands.list_mails import markdown
from dsr_portal.matching import browsing, representing
from dsr_portal.matching.browsing_models import BrowsingAlarm
from tests.integration.test_recipients import shown
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.catalogue import LANGUAGES, english_left
from tests.support.gallery import own_places
from tests.support.matching import actor, staff
from tests.support.represented import invitation, sent_for_somebody

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "messages.md"
ADDRESS = re.compile(r"https?://\S+")
EMAIL = "mina-canary@example.org"

OUTCOMES = {
    "en": "found match matches hold held refuse refused erased deleted disclosed face",
    "nl": "gevonden treffer treffers geweigerd weigeren gewist verwijderd gezicht",
    "de": "gefunden treffer abgelehnt verweigert gelöscht gesicht",
}
"""Words that would tell how it ended, or what it is about, to who reads over a shoulder."""

AT_FILING = "mail.receipt"
"""Says what was asked, with articles and an authority's address, before anything was looked at."""

NUMBERS = {"mail.code": {"30"}, "mail.account_link": {"15"}, "mail.batch": {"1", "2"}}
"""Numbers of the fixed text, beside days, reference, phone and what a link has in it."""


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120


# -- one of each ----------------------------------------------------------------------------------


def _officer(number: str) -> Actor:
    found = Staff.objects.filter(staff_no=number).first()
    return actor(found or staff(number))


def _case(**more: Any) -> Case:
    return support.opened(email=EMAIL, **more)


def of_case(**more: Any) -> UUID:
    return _case(**more).id


def of_code(**more: Any) -> UUID:
    case = _case(**more)
    return services.send_mail_code(case_id=case.id, actor=support.person(case)).id


def of_delivery(**more: Any) -> UUID:
    return support.delivered(_case(**more)).id


def of_paper_notice(what: NoticeOf) -> Callable[..., UUID]:
    def made(**more: Any) -> UUID:
        case = _case(**more)
        row = PaperNotice.objects.create(case=case, what=what, by="S-1001", at=clock.now())
        return row.id

    return made


def of_return(**more: Any) -> UUID:
    delivery = support.delivered(_case(**more))
    row = PaperReturn.objects.create(
        delivery=delivery, reason="moved", on=clock.today(), posted_on=clock.today(), field="x",
        noted_by="S-1001", noted_at=clock.now(),
    )  # fmt: skip
    return row.id


def of_address_change(state: ChangeState) -> Callable[..., UUID]:
    def made(**more: Any) -> UUID:
        case = _case(**more)
        address_changes.ask_own(
            case_id=case.id,
            what="email",
            given={"email": "other@example.org"},
            code=codes.receipt_code(case),
        )
        AddressChange.objects.update(state=state)
        return AddressChange.objects.get().id

    return made


def _mandate(*, urgent: bool = False, language: str = "en", **more: Any) -> mandates.Mandate:
    case, mandate = sent_for_somebody(_officer("A-1001"), email=EMAIL, **more)
    Case.objects.filter(id=case.id).update(urgent=urgent, language=language)
    mandate.refresh_from_db()
    return mandate


def _accepted(**more: Any) -> mandates.Mandate:
    mandate = _mandate(**more)
    officer = _officer("A-1002")
    representing.accept(mandate_id=mandate.id, actor=officer, words="Signed, names her.")
    mandate.refresh_from_db()
    return mandate


def of_invitation(to: str) -> Callable[..., UUID]:
    return lambda **more: invitation(_mandate(**more).case, to).id


def of_mandate(**more: Any) -> UUID:
    return _accepted(**more).id


def of_represented_answer(**more: Any) -> UUID:
    mandate = _accepted(answer_to="both", **more)
    delivery = Delivery.objects.create(
        case=mandate.case, kind="answer", state="released", token_hash="0" * 64,
        approved_by="A-1002", approver_role="officer", created_at=clock.now(),
        released_at=clock.now(), expires_at=clock.now() + timedelta(days=14),
    )  # fmt: skip
    return delivery.id


def of_batch(**more: Any) -> UUID:
    mandate = _mandate(**more)
    batch = Batch.objects.create(
        made_by="A-1001", made_at=clock.now(), received_at=clock.now(), content_hash="1" * 64,
        lines=1, left_out=2,
    )  # fmt: skip
    mandates.Mandate.objects.filter(id=mandate.id).update(batch=batch, line=1)
    return batch.id


def of_account(purpose: LinkPurpose) -> Callable[..., UUID]:
    def made(**more: Any) -> UUID:
        mandate = _accepted(**more)
        account = acting_invites.invite(mandate_id=mandate.id, actor=_officer("A-1002"))
        ActingLink.objects.filter(account=account).update(purpose=purpose)
        return ActingLink.objects.get(account=account).id

    return made


def of_browsing(**_more: Any) -> UUID:
    staff("A-1003", Role.SUPERVISOR)
    row = BrowsingAlarm.objects.create(
        on=clock.today(), staff_no="A-9", opened=21, to="A-1003", raised_at=clock.now()
    )
    return row.id


def of_alarm(**more: Any) -> UUID:
    staff("A-1003", Role.SUPERVISOR)
    row = Escalation.objects.create(
        case=_case(**more), code=Alarm.DUE_3, about="x", to="A-1003", raised_at=clock.now()
    )
    return row.id


def of_proposal(**_more: Any) -> int:
    staff("D-1", Role.DPO)
    first, second = staff("V-1", Role.SUPERVISOR), staff("V-2", Role.SUPERVISOR)
    about = staff("A-9")
    made = accounts.propose_change(by=first, staff=about, kind=ProposalKind.DEACTIVATE)
    accounts.approve_staff(by=second, proposal=made)
    return StaffProposal.objects.get().pk


def of_lift(**_more: Any) -> UUID:
    staff("D-1", Role.DPO)
    first = actor(staff("V-1", Role.SUPERVISOR))
    stop = collection.stop(reason="order", actor=first)
    lift = collection.propose_lift(stop_id=stop.id, reason="Annulled by the court.", actor=first)
    return lift.id


def of_breach(**_more: Any) -> UUID:
    by = actor(staff("V-2001", Role.SUPERVISOR))
    return breaches.open_breach(kind="disclosed", aware_at=clock.now(), actor=by).id


def of_page(**_more: Any) -> UUID:
    staff("L-9001", Role.DIRECTOR)
    of_breach()
    director.serve_due()
    return DirectorPage.objects.latest("served_at").id


def of_order_alarm(**_more: Any) -> UUID:
    staff("L-9001", Role.DIRECTOR)
    order = orders.enter(
        served=orders.Served(
            authority_code="FR",
            reference="MED-7",
            basis="ban",
            served_on=clock.today(),
            due_on=clock.today(),
            owner="L-9001",
            document=b"order",
        ),
        actor=actor(staff("V-2001", Role.SUPERVISOR)),
    )
    order_alarms.raise_due()
    return order.alarms.get(to="L-9001").id


def of_notice(**_more: Any) -> UUID:
    record = lab.picture(1).records[0]
    recipient = shown(record, "Lumen Analytics")
    made = channels.propose(
        recipient_id=recipient.id,
        kind="MAIL",
        address="art19@lumen.example",
        actor=support.SUPERVISOR,
    )
    channels.approve(channel_id=made.id, actor=actor(staff("L-9002", Role.DIRECTOR)))
    case = lab.ready_case([record])
    notices.tell(
        record_ids=[record.id], case_id=case.id, ground="RECTIFICATION", actor=support.OFFICER
    )
    notices.release(still_waiting=[], actor=support.OFFICER)
    return Notice.objects.get(case_id=case.id).id


SAMPLES: dict[str, list[Callable[..., Any]]] = {
    "mail.receipt": [of_case],
    "mail.needs_you": [of_case],
    "mail.reminder": [of_case],
    "mail.wrote": [of_case],
    "mail.update": [of_case],
    "mail.code_renewed": [of_case],
    "mail.code": [of_code],
    "mail.letter": [of_delivery],
    "mail.answer_ready": [of_delivery],
    "mail.paper_noted": [of_paper_notice(NoticeOf.ADDRESS), of_paper_notice(NoticeOf.WISH)],
    "mail.address_asked": [of_address_change(ChangeState.WAITING)],
    "mail.address_changed": [of_address_change(ChangeState.DONE)],
    "mail.letter_back": [of_return],
    "mail.represented": [of_invitation("person")],
    "mail.mandate_ended_person": [of_mandate],
    "mail.representing": [of_invitation("representative")],
    "mail.mandate": [of_mandate],
    "mail.mandate_ended": [of_mandate],
    "mail.represented_answer": [of_represented_answer],
    "mail.batch": [of_batch],
    "mail.account_invited": [of_account(LinkPurpose.SET_UP)],
    "mail.account_link": [of_account(LinkPurpose.SIGN_IN)],
    "mail.alarm": [of_alarm],
    "mail.alarms": [of_alarm],
    browsing.MAIL: [of_browsing],
    accounts.NOTICE: [of_proposal],
    collection.LIFTED: [of_lift],
    breaches.OPENED: [of_breach],
    director.SERVED: [of_page],
    order_alarms.TOLD: [of_order_alarm],
    notices.MAIL: [of_notice],
}


def kinds(*readers: Reader) -> list[tuple[str, Callable[..., Any]]]:
    return [
        (name, made)
        for name, samples in SAMPLES.items()
        for made in samples
        if mails.get(name).to in readers
    ]


def rendered(name: str, subject_id: Any) -> Mail:
    """As a worker sends it: whose language is active there says nothing."""
    with translation.override("en"):
        return senders.get(name).render(subject_id)


def said(mail: Mail) -> str:
    return f"{mail.subject}\n{mail.text}"


def words(text: str) -> set[str]:
    plain = ADDRESS.sub(" ", text.casefold())
    return set(re.findall(r"[^\W\d_]+", plain))


# -- the page -------------------------------------------------------------------------------------


def test_the_page_lists_every_mail_and_each_has_a_sample(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Made from the registry the code runs on; no sender stands beside it."""
    call_command("list_mails", "--markdown")
    assert DOCUMENT.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "write it again: python manage.py list_mails --markdown > docs/messages.md"
    )
    ours = {name for name in senders if not name.startswith("testing.")}
    assert ours == set(mails) == set(SAMPLES)
    call_command("list_mails")
    assert capsys.readouterr().out.split() == sorted(ours)


def test_a_row_has_subject_trigger_action_and_neutral_variant() -> None:
    about = MailAbout(
        Reader.PERSON, translation.gettext_lazy("Your code for %(reference)s"), "asked", "enter it",
        Pace.AT_ONCE, 0,
    )  # fmt: skip
    assert markdown([("mail.code", about)]).splitlines()[-1] == (
        "| mail.code | the person | Your code for {reference} | asked | enter it | none | at once"
        " | quiet |"
    )


# -- what each says -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize(("name", "made"), kinds(Reader.PERSON, Reader.REPRESENTATIVE))
def test_each_mail_says_its_few_words_and_nothing_of_what_was_found(
    name: str, made: Callable[..., Any], language: str
) -> None:
    """R3, R12, T-02: no picture, count, outcome or code; the links it declares; its language."""
    about = mails.get(name)
    mail = rendered(name, made(language=language))
    case = Case.objects.latest("received_at")
    assert len(ADDRESS.findall(mail.text)) == about.links
    if name != AT_FILING:
        assert not words(said(mail)) & set(OUTCOMES[language].split())
        assert numbers_left(mail, case, language) <= NUMBERS.get(name, set())
    assert not words(mail.subject) & {"photo", "foto", "picture", "bild", "face", "clearview"}
    assert django_settings.DSR_CONTROLLER["name"] not in mail.subject
    for secret in never_said(case):
        assert secret not in said(mail)
    message = relay._message(case.id, mail, relay.Relay("relay.example", 465, True, "", ""))
    assert (message.get_content_type(), message.is_multipart()) == ("text/plain", False)
    if language != "en":
        body = said(mail).replace(django_settings.DSR_CONTROLLER["dpo"], "")
        assert english_left(body, language) == []
        with translation.override(language):
            assert str(about.subject) % {"reference": case.reference} == mail.subject
        with translation.override("en"):
            assert str(about.subject) % {"reference": case.reference} != mail.subject


def never_said(case: Case) -> set[str]:
    """The receipt code in both its forms, codes of others, and addresses of the person."""
    code = codes.receipt_code(case)
    own = {
        codes.representative_code(case, one) for one in case.mandates.values_list("id", flat=True)
    }
    return {code, code.replace("-", ""), *own, EMAIL, "Mina", "Lena Voss", "site.example/page"}


def numbers_left(mail: Mail, case: Case, language: str) -> set[str]:
    """Numbers that are no day, hour, mail code, reference, phone number or part of an address."""
    with translation.override(language):
        days = [day_words(clock.today() + timedelta(days=on)) for on in range(-40, 100)]
    text = ADDRESS.sub(" ", said(mail))
    controller = [str(one) for one in django_settings.DSR_CONTROLLER.values() if one]
    for known in sorted([case.reference, *days, *controller], key=len, reverse=True):
        text = text.replace(known, " ")
    text = re.sub(r"\b\d{2}:\d{2}\b|(?m:^\d{6}$)", " ", text)
    return set(re.findall(r"\d+", text))


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
@pytest.mark.parametrize(("name", "made"), kinds(Reader.PERSON))
def test_the_quiet_variant_is_one_link_and_names_nobody(
    name: str, made: Callable[..., Any], language: str
) -> None:
    """R10: whoever shares the mailbox learns that there is a page, and nothing more."""
    mail = rendered(name, made(language=language, urgent=True))
    case = Case.objects.latest("received_at")
    assert mail.subject == case.reference
    link = ADDRESS.findall(mail.text)
    assert len(link) == 1
    there = {"en": "There is something", "nl": "Hier is iets", "de": "Hier ist etwas"}
    lines = [one for one in mail.text.splitlines() if one.strip()]
    assert lines[0].startswith(there[language])
    assert lines[1] == link[0]
    rest = lines[2:]
    assert (name == "mail.code") == bool(rest)
    assert all(re.fullmatch(r"\d{6}", one) for one in rest)
    if language != "en":
        assert english_left(said(mail), language) == []
    for secret in never_said(case) | {django_settings.DSR_CONTROLLER["name"]}:
        assert secret not in said(mail)


def test_one_kind_is_the_same_for_everybody_whatever_was_found() -> None:
    """R3: the makers of mails know no search; two answers of other kinds make one text."""
    first, second = support.delivered(_case()), support.delivered(_case())
    Case.objects.filter(id=first.case_id).update(outcome="nothing_found")
    Case.objects.filter(id=second.case_id).update(outcome="disclosed")
    plain = []
    for one in (first, second):
        mail = rendered("mail.answer_ready", one.id)
        text = said(mail).replace(one.case.reference, "REF")
        plain.append(ADDRESS.sub("LINK", text))
    assert plain[0] == plain[1]


@pytest.mark.parametrize(("name", "made"), kinds(Reader.STAFF, Reader.RECIPIENT))
def test_mails_to_staff_and_recipients_name_no_person(name: str, made: Callable[..., Any]) -> None:
    """L-14, R16: where to look, and nothing of a person; a recipient gets their own numbers."""
    about = mails.get(name)
    mail = rendered(name, made())
    assert mail.to
    assert mail.to != EMAIL
    assert len(ADDRESS.findall(mail.text)) == about.links
    assert mail.subject
    for case in Case.objects.all():
        for secret in never_said(case):
            assert secret not in said(mail)


def test_the_look_sees_a_planted_count_code_and_outcome() -> None:
    """The canary: what the tests above would see."""
    case = _case()
    bad = Mail(EMAIL, "x", f"We found 7 pictures. {codes.receipt_code(case)} https://x.example/9")
    assert numbers_left(bad, case, "en") >= {"7"}
    assert words(said(bad)) & set(OUTCOMES["en"].split()) == {"found"}
    assert any(secret in said(bad) for secret in never_said(case))
