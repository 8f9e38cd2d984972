"""Mails of a case. Address and text are opened from the vault when a mail is sent (design 2).

One text per kind, whatever was found (R3). No mail ever carries the receipt code (R12). Each kind
stands below with what the catalogue of messages says of it (docs/messages.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.models import Staff
from dsr_portal.cases import (
    acting,
    address_waits,
    codes,
    invitations,
    mail_ends,
    mandates,
    paper_notices,
    receipts,
)
from dsr_portal.cases.acting_models import ActingLink
from dsr_portal.cases.address_models import AddressChange, ChangeState
from dsr_portal.cases.mandate_models import Invitation, Mandate
from dsr_portal.cases.models import Case, Delivery, Escalation, MailCode
from dsr_portal.cases.paper_models import NoticeOf, PaperNotice, PaperReturn
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock, links
from dsr_portal.core.errors import NotFound
from dsr_portal.core.registries import (
    Mail,
    MailAbout,
    Pace,
    Reader,
    Sender,
    register_mail,
    send_ends,
)
from dsr_portal.vault import services as vault

Facts = dict[str, Any]


def _address(case: Case) -> str:
    address = str(vault.read_json(case.contact_unit, "contact").get("email", ""))
    if not address:
        raise NotFound("no_address")
    return address


def _text(template: str, case: Case, facts: Facts) -> str:
    return render_to_string(
        template,
        {
            "reference": case.reference,
            "controller": settings.DSR_CONTROLLER,
            "status_link": links.url_for("public", "public:status"),
            **facts,
        },
    )


def _filled(about: MailAbout, template: str, case: Case, facts: Facts, *, to: str) -> Mail:
    """Subject and text in the language of the case."""
    with translation.override(case.language):
        subject = str(about.subject) % {"reference": case.reference}
        text = _text(template, case, facts)
    return Mail(to=to, subject=subject, text=text)


@dataclass(frozen=True, slots=True)
class ToPerson:
    """A mail to the person in their language; of an urgent request the quiet one instead (R10)."""

    about: MailAbout
    template: str
    open: Callable[[UUID], tuple[Case, Facts]]
    """The case, and what the text says beside its reference."""

    def render(self, subject_id: UUID) -> Mail:
        case, facts = self.open(subject_id)
        if case.urgent:
            return _quiet(case, facts)
        return _filled(self.about, self.template, case, facts, to=_address(case))


def _quiet(case: Case, facts: Facts) -> Mail:
    """The mail of an urgent request: no name of ours, no word of what it is about (R10).

    Whoever else reads this mailbox learns that there is a page, and nothing more.
    """
    shown = {
        "link": facts.get("link") or links.url_for("public", "public:status"),
        "code": facts.get("code", ""),
    }
    with translation.override(case.language):
        text = render_to_string("mail/quiet.txt", shown)
    return Mail(to=_address(case), subject=case.reference, text=text)


@dataclass(frozen=True, slots=True)
class ReceiptMail:
    """Made from the row of the receipt, as its page and its PDF are (R14)."""

    about: MailAbout

    def render(self, subject_id: UUID) -> Mail:
        case = _case(subject_id)
        if case.urgent:
            return _quiet(case, {})
        text = receipts.receipt_text(case)
        with translation.override(case.language):
            subject = str(self.about.subject) % {"reference": case.reference}
            body = receipts.as_mail(text, link=links.url_for("public", "public:status"))
        return Mail(to=_address(case), subject=subject, text=body)


@dataclass(frozen=True, slots=True)
class ToRepresentative:
    """A mail to who acts for the person; it never has the person's address or link (R11)."""

    about: MailAbout
    template: str
    open: Callable[[UUID], tuple[Mandate, Facts]]

    def render(self, subject_id: UUID) -> Mail:
        mandate, facts = self.open(subject_id)
        who = mandates.who_acts(mandate)
        if not who.email:
            raise NotFound("no_address")
        return _filled(self.about, self.template, mandate.case, facts, to=who.email)


@dataclass(frozen=True, slots=True)
class ToAccount:
    """A link to an account of who acts for others; it names no request and no person."""

    about: MailAbout
    template: str
    page: str

    def render(self, subject_id: UUID) -> Mail:
        found = ActingLink.objects.select_related("account").filter(id=subject_id, ended_at=None)
        row = found.first()
        if row is None:
            raise NotFound("no_link")
        who = acting.holder(row.account)
        token = codes.acting_token(unit=row.account.unit, link_id=row.id)
        link = links.url_for("public", self.page, token=token)
        with translation.override(who["language"]):
            subject = str(self.about.subject)
            text = render_to_string(
                self.template, {"link": link, "controller": settings.DSR_CONTROLLER}
            )
        return Mail(to=who["email"], subject=subject, text=text)


@dataclass(frozen=True, slots=True)
class AlarmMail:
    """To a named person of staff: which case, and what is due; nothing about the person."""

    about: MailAbout

    def render(self, subject_id: UUID) -> Mail:
        row, person = _alarmed(subject_id)
        words = {"reference": row.case.reference, "what": row.get_code_display()}
        return Mail(
            to=person.email,
            subject=str(self.about.subject) % words,
            text=_(
                "Case %(reference)s needs you: %(what)s.\n"
                "It is due on %(due)s. Open it at the desk: %(desk)s\n"
            )
            % {
                **words,
                # Before rolling: nothing is planned on the roll (law D-04).
                "due": day_words(row.case.due_unrolled),
                "desk": links.url_for("desk", "desk:case", reference=row.case.reference),
            },
        )


@dataclass(frozen=True, slots=True)
class AlarmsMail:
    """To a person with many alarms in one day: where they are, instead of a mail for each."""

    about: MailAbout

    def render(self, subject_id: UUID) -> Mail:
        _row, person = _alarmed(subject_id)
        return Mail(
            to=person.email,
            subject=str(self.about.subject),
            text=_(
                "More cases need you today than we write of one by one.\n"
                "All of them are in your queue at the desk, the most pressing first: %(desk)s\n"
            )
            % {"desk": links.url_for("desk", "desk:queue")},
        )


def _alarmed(escalation_id: UUID) -> tuple[Escalation, Staff]:
    row = Escalation.objects.select_related("case").filter(id=escalation_id).first()
    person = Staff.objects.filter(staff_no=row.to, is_active=True).first() if row else None
    if row is None or person is None:
        raise NotFound("no_escalation")
    return row, person


# -- what a mail says, by the id of what it is about ----------------------------------------------


def _case(case_id: UUID) -> Case:
    case = Case.objects.filter(id=case_id).first()
    if case is None:
        raise NotFound("no_case")
    return case


def _of_case(case_id: UUID) -> tuple[Case, Facts]:
    return _case(case_id), {}


def _of_update(case_id: UUID) -> tuple[Case, Facts]:
    """That we work on it and by when, never how it stands (T-11, R3)."""
    case = _case(case_id)
    return case, {"due": case.due_on}


def _of_paper_notice(notice_id: UUID) -> tuple[Case, Facts]:
    """That staff wrote down something about paper, never what address (R3, R13)."""
    row = PaperNotice.objects.select_related("case").filter(id=notice_id).first()
    if row is None:
        raise NotFound("no_notice")
    until = row.at + paper_notices.WAIT
    return row.case, {
        "address": row.what == NoticeOf.ADDRESS,
        "day": clock.local_date(until),
        "hour": f"{localtime(until):%H:%M}",
    }


def _of_asked_change(change_id: UUID) -> tuple[Case, Facts]:
    """To the old mailbox, never what address (R13); nothing to tell once it was settled."""
    row = _change(change_id, ChangeState.WAITING)
    token = codes.address_token(contact_unit=row.case.contact_unit, change_id=row.id)
    until = address_waits.ends_at(row)
    return row.case, {
        "link": links.url_for("public", "public:object_address", token=token),
        "day": clock.local_date(until),
        "hour": f"{localtime(until):%H:%M}",
    }


def _of_done_change(change_id: UUID) -> tuple[Case, Facts]:
    return _change(change_id, ChangeState.DONE).case, {}


def _change(change_id: UUID, state: ChangeState) -> AddressChange:
    found = AddressChange.objects.select_related("case").filter(id=change_id, state=state).first()
    if found is None:
        raise NotFound("no_change")
    return found


def _of_return(return_id: UUID) -> tuple[Case, Facts]:
    found = PaperReturn.objects.select_related("delivery__case").filter(id=return_id).first()
    if found is None:
        raise NotFound("no_return")
    return found.delivery.case, {}


def _of_delivery(delivery_id: UUID) -> tuple[Case, Facts]:
    delivery = _released(delivery_id)
    return delivery.case, _link_and_end(delivery)


def _of_mail_code(mail_code_id: UUID) -> tuple[Case, Facts]:
    sent = MailCode.objects.select_related("case").filter(id=mail_code_id).first()
    if sent is None:
        raise NotFound("no_mail_code")
    return sent.case, {"code": codes.mail_code(sent)}


def _of_invitation(invitation_id: UUID) -> tuple[Case, Facts]:
    row = _invitation(invitation_id)
    return row.case, {"link": _invitation_link(row)}


def _of_ended_mandate(mandate_id: UUID) -> tuple[Case, Facts]:
    return _mandate(mandate_id).case, {}


def _of_own_invitation(invitation_id: UUID) -> tuple[Mandate, Facts]:
    row = _invitation(invitation_id)
    return row.mandate, {"link": _invitation_link(row), "received": row.case.arrived_on}


def _of_mandate(mandate_id: UUID) -> tuple[Mandate, Facts]:
    return _mandate(mandate_id), {}


def _of_delivery_to_representative(delivery_id: UUID) -> tuple[Mandate, Facts]:
    """Only where the mandate says that the answer is theirs to read."""
    delivery = _released(delivery_id)
    mandate = mandates.standing(delivery.case)
    if mandate is None or not mandates.may_read_answer(mandate):
        raise NotFound("no_mandate")
    return mandate, _link_and_end(delivery)


def _of_batch(batch_id: UUID) -> tuple[Mandate, Facts]:
    """Every reference of a list and its date, and nothing about anybody (R11)."""
    rows = list(
        Mandate.objects.filter(batch=batch_id).select_related("case", "batch").order_by("line")
    )
    if not rows or rows[0].batch is None:
        raise NotFound("no_batch")
    return rows[0], {
        "received": clock.local_date(rows[0].batch.received_at),
        "lines": [
            {"line": row.line, "reference": row.case.reference, "due": row.case.due_on}
            for row in rows
        ],
        "left_out": rows[0].batch.left_out,
    }


def _released(delivery_id: UUID) -> Delivery:
    delivery = Delivery.objects.select_related("case").filter(id=delivery_id).first()
    if delivery is None or delivery.expires_at is None:
        raise NotFound("no_delivery")
    return delivery


def _link_and_end(delivery: Delivery) -> Facts:
    token = codes.delivery_token(contact_unit=delivery.case.contact_unit, delivery_id=delivery.id)
    until = delivery.expires_at.date() if delivery.expires_at else None
    return {"link": links.url_for("public", "public:answer", token=token), "until": until}


def _mandate(mandate_id: UUID) -> Mandate:
    row = Mandate.objects.select_related("case").filter(id=mandate_id).first()
    if row is None:
        raise NotFound("no_mandate")
    return row


def _invitation(invitation_id: UUID) -> Invitation:
    row = (
        Invitation.objects.select_related("case", "mandate__case")
        .filter(id=invitation_id, ended_at=None, opened_at=None)
        .first()
    )
    if row is None:
        raise NotFound("no_invitation")
    return row


def _invitation_link(row: Invitation) -> str:
    return links.url_for("public", "public:invitation", token=invitations.token_of(row))


# -- every mail of a case --------------------------------------------------------------------------

_ACTS_FOR = gettext_lazy("You act for somebody: %(reference)s")


def _template(name: str) -> str:
    return f"mail/{name.removeprefix('mail.')}.txt"


def _register(name: str, sender: Sender, about: MailAbout) -> None:
    """A kind of mail, and who learns of it when it does not arrive."""
    register_mail(name, sender, about)
    send_ends.register(name, mail_ends.MailEnd(about.to))


def _person(
    name: str,
    opened: Callable[[UUID], tuple[Case, Facts]],
    *,
    subject: Promise,
    when: str,
    action: str,
    pace: Pace = Pace.AT_ONCE,
    links: int = 1,
) -> None:
    about = MailAbout(Reader.PERSON, subject, when, action, pace, links)
    _register(name, ToPerson(about, _template(name), opened), about)


def _representative(
    name: str,
    opened: Callable[[UUID], tuple[Mandate, Facts]],
    *,
    when: str,
    action: str,
    pace: Pace = Pace.AT_ONCE,
    links: int = 1,
) -> None:
    about = MailAbout(Reader.REPRESENTATIVE, _ACTS_FOR, when, action, pace, links)
    _register(name, ToRepresentative(about, _template(name), opened), about)


def _account(name: str, page: str, *, subject: Promise, when: str, action: str) -> None:
    about = MailAbout(Reader.REPRESENTATIVE, subject, when, action)
    _register(name, ToAccount(about, _template(name), page), about)


_RECEIPT = MailAbout(
    Reader.PERSON,
    gettext_lazy("We have your request %(reference)s"),
    "a request was opened, by whatever channel",
    "keep it; open the page of the request",
    links=2,
)
_register("mail.receipt", ReceiptMail(_RECEIPT), _RECEIPT)
_person(
    "mail.code",
    _of_mail_code,
    subject=gettext_lazy("Your code for %(reference)s"),
    when="the person asked to confirm their mailbox",
    action="enter the six digits on the page of the request",
    links=0,
)
_person(
    "mail.needs_you",
    _of_case,
    subject=gettext_lazy("We need something from you: %(reference)s"),
    when="an officer or a check of the photo asks for something",
    action="open the page of the request",
)
_person(
    "mail.reminder",
    _of_case,
    subject=gettext_lazy("We still need something from you: %(reference)s"),
    when="what we asked for did not come",
    action="open the page of the request",
    pace=Pace.SCHEDULE,
)
_person(
    "mail.wrote",
    _of_case,
    subject=gettext_lazy("We wrote to you: %(reference)s"),
    when="words that need no answer stand on the page",
    action="open the page of the request",
)
_person(
    "mail.update",
    _of_update,
    subject=gettext_lazy("Your request %(reference)s this week"),
    when="an open request is being worked on",
    action="none needed; open the page of the request",
    pace=Pace.WEEKLY,
)
_person(
    "mail.letter",
    _of_delivery,
    subject=gettext_lazy("A letter from us: %(reference)s"),
    when="a letter beside the answer was made ([letters](letters.md))",
    action="open the letter, with the receipt code",
)
_person(
    "mail.answer_ready",
    _of_delivery,
    subject=gettext_lazy("Your answer is ready: %(reference)s"),
    when="an answer, a certificate or a letter in its place was released",
    action="open it, with the receipt code",
    pace=Pace.DAILY,
)
_person(
    "mail.code_renewed",
    _of_case,
    subject=gettext_lazy("Your receipt code was changed: %(reference)s"),
    when="an officer made a new receipt code after a check",
    action="call or write if you did not ask for it",
    links=0,
)
_person(
    "mail.paper_noted",
    _of_paper_notice,
    subject=gettext_lazy("How we write to you: %(reference)s"),
    when="staff wrote down a postal address or the wish for paper",
    action="call or write if you did not ask for it",
    links=0,
)
_person(
    "mail.letter_back",
    _of_return,
    subject=gettext_lazy("Our letter came back: %(reference)s"),
    when="an officer noted that a registered letter came back",
    action="open the page of the request and check the address",
)
_person(
    "mail.address_asked",
    _of_asked_change,
    subject=gettext_lazy("A new address for your request %(reference)s"),
    when="a new address was given; to the old mailbox",
    action="stop it with one click if it was not you",
)
_person(
    "mail.address_changed",
    _of_done_change,
    subject=gettext_lazy("We write to you here: %(reference)s"),
    when="the 72 hours of a new e-mail address are over; to the new mailbox",
    action="none needed; open the page of the request",
    pace=Pace.SCHEDULE,
)
_person(
    "mail.represented",
    _of_invitation,
    subject=gettext_lazy("A request in your name: %(reference)s"),
    when="somebody sent a request in the person's name",
    action="open the person's own link and say yes or no",
)
_person(
    "mail.mandate_ended_person",
    _of_ended_mandate,
    subject=gettext_lazy("Nobody acts for you any more: %(reference)s"),
    when="a mandate ended",
    action="open the page of the request if it was not you",
)
_representative(
    "mail.representing",
    _of_own_invitation,
    when="a request for somebody else was opened",
    action="open the own link, which shows the own code",
)
_representative(
    "mail.batch",
    _of_batch,
    when="a list of requests was taken",
    action="none needed; keep the references",
    links=0,
)
_representative(
    "mail.mandate",
    _of_mandate,
    when="something about the mandate stands on the page of who acts",
    action="open the page of the request",
)
_representative(
    "mail.mandate_ended",
    _of_mandate,
    when="the person ended the mandate",
    action="none: it ends here",
    links=0,
)
_representative(
    "mail.represented_answer",
    _of_delivery_to_representative,
    when="something was released and the mandate says that who acts may read it",
    action="open it, with the own code",
    pace=Pace.DAILY,
)
_account(
    "mail.account_invited",
    "public:acting_set_up",
    subject=gettext_lazy("Your account for requests of others"),
    when="a representative was first written down or asked for an account",
    action="open the link and set up the account",
)
_account(
    "mail.account_link",
    "public:acting_link",
    subject=gettext_lazy("Your link to sign in"),
    when="somebody asked for a link to sign in to an account there is",
    action="open the link, with the code of the app",
)
_ALARM = MailAbout(
    Reader.STAFF,
    gettext_lazy("%(what)s: %(reference)s"),
    "an alarm of a case ([desk](desk.md)), to the persons it names",
    "open the case at the desk",
    Pace.SCHEDULE,
)
_register("mail.alarm", AlarmMail(_ALARM), _ALARM)
_ALARMS = MailAbout(
    Reader.STAFF,
    gettext_lazy("Many cases need you today"),
    "a person has more alarms in one day than get a mail of their own",
    "open the queue at the desk",
    Pace.SCHEDULE,
)
_register("mail.alarms", AlarmsMail(_ALARMS), _ALARMS)
