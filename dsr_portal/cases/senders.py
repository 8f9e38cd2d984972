"""Mails of a case. Address and text are opened from the vault when a mail is sent (design 2).

One text per kind, whatever was found (R3). No mail ever carries the receipt code (R12).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.models import Staff
from dsr_portal.cases import acting, codes, invitations, mandates, paper_notices, receipts
from dsr_portal.cases.acting_models import ActingLink
from dsr_portal.cases.models import Case, Delivery, Escalation, Invitation, MailCode, Mandate
from dsr_portal.cases.paper_models import NoticeOf, PaperNotice
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock, links
from dsr_portal.core.errors import NotFound
from dsr_portal.core.registries import Mail, senders
from dsr_portal.vault import services as vault


@dataclass(frozen=True, slots=True)
class CaseMail:
    """A sender made from a function of the subject's id."""

    make: Callable[[UUID], Mail]

    def render(self, subject_id: UUID) -> Mail:
        return self.make(subject_id)


def _case(case_id: UUID) -> Case:
    case = Case.objects.filter(id=case_id).first()
    if case is None:
        raise NotFound("no_case")
    return case


def _address(case: Case) -> str:
    address = str(vault.read_json(case.contact_unit, "contact").get("email", ""))
    if not address:
        raise NotFound("no_address")
    return address


def _quiet(case: Case, *, link: str, code: str = "") -> Mail:
    """The mail of an urgent request: no name of ours, no word of what it is about (R10).

    Whoever else reads this mailbox learns that there is a page, and nothing more.
    """
    with translation.override(case.language):
        text = render_to_string("mail/quiet.txt", {"link": link, "code": code})
    return Mail(to=_address(case), subject=case.reference, text=text)


def _mail(case: Case, subject: str, template: str, context: dict[str, Any]) -> Mail:
    if case.urgent:
        link = str(context.get("link") or links.url_for("public", "public:status"))
        return _quiet(case, link=link, code=str(context.get("code", "")))
    with translation.override(case.language):
        text = render_to_string(
            template,
            {
                "reference": case.reference,
                "controller": settings.DSR_CONTROLLER,
                "status_link": links.url_for("public", "public:status"),
                **context,
            },
        )
    return Mail(to=_address(case), subject=subject, text=text)


def receipt(case_id: UUID) -> Mail:
    case = _case(case_id)
    if case.urgent:
        return _quiet(case, link=links.url_for("public", "public:status"))
    text = receipts.receipt_text(case)
    with translation.override(case.language):
        subject = _("We have your request %(reference)s") % {"reference": case.reference}
        body = receipts.as_mail(text, link=links.url_for("public", "public:status"))
    return Mail(to=_address(case), subject=subject, text=body)


def needs_you(case_id: UUID) -> Mail:
    case = _case(case_id)
    with translation.override(case.language):
        subject = _("We need something from you: %(reference)s") % {"reference": case.reference}
    return _mail(case, subject, "mail/needs_you.txt", {})


def wrote(case_id: UUID) -> Mail:
    case = _case(case_id)
    with translation.override(case.language):
        subject = _("We wrote to you: %(reference)s") % {"reference": case.reference}
    return _mail(case, subject, "mail/wrote.txt", {})


def code_renewed(case_id: UUID) -> Mail:
    """Tells of a new receipt code, in case it was not the person who asked (R12)."""
    case = _case(case_id)
    with translation.override(case.language):
        subject = _("Your receipt code was changed: %(reference)s") % {"reference": case.reference}
    return _mail(case, subject, "mail/code_renewed.txt", {})


def paper_noted(notice_id: UUID) -> Mail:
    """Tells that staff wrote down something about paper, never what address (R3, R13)."""
    row = PaperNotice.objects.select_related("case").filter(id=notice_id).first()
    if row is None:
        raise NotFound("no_notice")
    case = row.case
    until = row.at + paper_notices.WAIT
    with translation.override(case.language):
        subject = _("How we write to you: %(reference)s") % {"reference": case.reference}
        words = {
            "address": row.what == NoticeOf.ADDRESS,
            "day": day_words(clock.local_date(until)),
            "hour": f"{localtime(until):%H:%M}",
        }
    return _mail(case, subject, "mail/paper_noted.txt", words)


def answer_ready(delivery_id: UUID) -> Mail:
    delivery = Delivery.objects.select_related("case").filter(id=delivery_id).first()
    if delivery is None or delivery.expires_at is None:
        raise NotFound("no_delivery")
    case = delivery.case
    token = codes.delivery_token(contact_unit=case.contact_unit, delivery_id=delivery.id)
    with translation.override(case.language):
        subject = _("Your answer is ready: %(reference)s") % {"reference": case.reference}
        until = day_words(delivery.expires_at.date())
    return _mail(
        case,
        subject,
        "mail/answer_ready.txt",
        {"link": links.url_for("public", "public:answer", token=token), "until": until},
    )


def letter(delivery_id: UUID) -> Mail:
    """A letter on the way: the same few words whatever it says (R3)."""
    delivery = Delivery.objects.select_related("case").filter(id=delivery_id).first()
    if delivery is None or delivery.expires_at is None:
        raise NotFound("no_delivery")
    case = delivery.case
    token = codes.delivery_token(contact_unit=case.contact_unit, delivery_id=delivery.id)
    with translation.override(case.language):
        subject = _("A letter from us: %(reference)s") % {"reference": case.reference}
        until = day_words(delivery.expires_at.date())
    return _mail(
        case,
        subject,
        "mail/letter.txt",
        {"link": links.url_for("public", "public:answer", token=token), "until": until},
    )


def reminder(case_id: UUID) -> Mail:
    case = _case(case_id)
    with translation.override(case.language):
        subject = _("We still need something from you: %(reference)s") % {
            "reference": case.reference
        }
    return _mail(case, subject, "mail/reminder.txt", {})


def update(case_id: UUID) -> Mail:
    """The word of the week: that we work on it and by when, never how it stands (T-11, R3)."""
    case = _case(case_id)
    with translation.override(case.language):
        subject = _("Your request %(reference)s this week") % {"reference": case.reference}
        due = day_words(case.due_on)
    return _mail(case, subject, "mail/update.txt", {"due": due})


def alarm(escalation_id: UUID) -> Mail:
    """To a named person of staff: which case, and what is due; nothing about the person."""
    row = Escalation.objects.select_related("case").filter(id=escalation_id).first()
    person = Staff.objects.filter(staff_no=row.to, is_active=True).first() if row else None
    if row is None or person is None:
        raise NotFound("no_escalation")
    words = {"reference": row.case.reference, "what": row.get_code_display()}
    return Mail(
        to=person.email,
        subject=_("%(what)s: %(reference)s") % words,
        text=_(
            "Case %(reference)s needs you: %(what)s.\n"
            "It is due on %(due)s. Open it at the desk: %(desk)s\n"
        )
        % {
            **words,
            "due": day_words(row.case.due_on),
            "desk": links.url_for("desk", "desk:case", reference=row.case.reference),
        },
    )


def code(mail_code_id: UUID) -> Mail:
    sent = MailCode.objects.select_related("case").filter(id=mail_code_id).first()
    if sent is None:
        raise NotFound("no_mail_code")
    with translation.override(sent.case.language):
        subject = _("Your code for %(reference)s") % {"reference": sent.case.reference}
    return _mail(sent.case, subject, "mail/code.txt", {"code": codes.mail_code(sent)})


# -- somebody acts for the person (R11) ------------------------------------------------------------


def represented(invitation_id: UUID) -> Mail:
    """To the person: somebody asks in their name, and a link of their own. It names nobody."""
    row = _invitation(invitation_id)
    with translation.override(row.case.language):
        subject = _("A request in your name: %(reference)s") % {"reference": row.case.reference}
    return _mail(row.case, subject, "mail/represented.txt", {"link": _invitation_link(row)})


def representing(invitation_id: UUID) -> Mail:
    """To who acts: that the request is here, its date, and a link of their own."""
    row = _invitation(invitation_id)
    return _to_representative(
        row.mandate,
        "mail/representing.txt",
        {"link": _invitation_link(row), "received": day_words(row.case.received_on)},
    )


def mandate_news(mandate_id: UUID) -> Mail:
    """To who acts: something about the mandate stands on their page, the same words for any."""
    return _to_representative(_mandate(mandate_id), "mail/mandate.txt", {})


def mandate_ended(mandate_id: UUID) -> Mail:
    """To who acted: their access ended."""
    return _to_representative(_mandate(mandate_id), "mail/mandate_ended.txt", {})


def mandate_ended_person(mandate_id: UUID) -> Mail:
    """To the person: nobody acts for them any more, in case it was not them who ended it."""
    case = _mandate(mandate_id).case
    with translation.override(case.language):
        subject = _("Nobody acts for you any more: %(reference)s") % {"reference": case.reference}
    return _mail(case, subject, "mail/mandate_ended_person.txt", {})


def represented_answer(delivery_id: UUID) -> Mail:
    """To who acts, where the mandate says that the answer is theirs to read."""
    delivery = Delivery.objects.select_related("case").filter(id=delivery_id).first()
    if delivery is None or delivery.expires_at is None:
        raise NotFound("no_delivery")
    mandate = mandates.standing(delivery.case)
    if mandate is None or not mandates.may_read_answer(mandate):
        raise NotFound("no_mandate")
    token = codes.delivery_token(contact_unit=delivery.case.contact_unit, delivery_id=delivery.id)
    return _to_representative(
        mandate,
        "mail/represented_answer.txt",
        {
            "link": links.url_for("public", "public:answer", token=token),
            "until": day_words(delivery.expires_at.date()),
        },
    )


def batch(batch_id: UUID) -> Mail:
    """One receipt for a list: every reference and its date, and nothing about anybody (R11)."""
    rows = list(
        Mandate.objects.filter(batch=batch_id).select_related("case", "batch").order_by("line")
    )
    if not rows or rows[0].batch is None:
        raise NotFound("no_batch")
    context = {
        "received": day_words(clock.local_date(rows[0].batch.received_at)),
        "lines": [
            {"line": row.line, "reference": row.case.reference, "due": day_words(row.case.due_on)}
            for row in rows
        ],
        "left_out": rows[0].batch.left_out,
    }
    return _to_representative(rows[0], "mail/batch.txt", context)


def _to_representative(mandate: Mandate, template: str, context: dict[str, Any]) -> Mail:
    case = mandate.case
    who = mandates.who_acts(mandate)
    if not who.email:
        raise NotFound("no_address")
    with translation.override(case.language):
        subject = _("You act for somebody: %(reference)s") % {"reference": case.reference}
        text = render_to_string(
            template,
            {
                "reference": case.reference,
                "controller": settings.DSR_CONTROLLER,
                "status_link": links.url_for("public", "public:status"),
                **context,
            },
        )
    return Mail(to=who.email, subject=subject, text=text)


def _mandate(mandate_id: UUID) -> Mandate:
    row = Mandate.objects.select_related("case").filter(id=mandate_id).first()
    if row is None:
        raise NotFound("no_mandate")
    return row


# -- accounts of who acts for others (R11) ---------------------------------------------------------


def account_invited(link_id: UUID) -> Mail:
    """To who acts: a link to set up an account. It names no request and no person."""
    return _to_account(
        link_id,
        "mail/account_invited.txt",
        "public:acting_set_up",
        gettext_lazy("Your account for requests of others"),
    )


def account_link(link_id: UUID) -> Mail:
    """To who acts: the link they asked for to sign in; it opens nothing without their app."""
    return _to_account(
        link_id, "mail/account_link.txt", "public:acting_link", gettext_lazy("Your link to sign in")
    )


def _to_account(link_id: UUID, template: str, page: str, subject: Any) -> Mail:
    row = ActingLink.objects.select_related("account").filter(id=link_id, ended_at=None).first()
    if row is None:
        raise NotFound("no_link")
    who = acting.holder(row.account)
    token = codes.acting_token(unit=row.account.unit, link_id=row.id)
    with translation.override(who["language"]):
        text = render_to_string(
            template,
            {
                "link": links.url_for("public", page, token=token),
                "controller": settings.DSR_CONTROLLER,
            },
        )
        return Mail(to=who["email"], subject=str(subject), text=text)


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


senders.register("mail.receipt", CaseMail(receipt))
senders.register("mail.needs_you", CaseMail(needs_you))
senders.register("mail.code_renewed", CaseMail(code_renewed))
senders.register("mail.paper_noted", CaseMail(paper_noted))
senders.register("mail.wrote", CaseMail(wrote))
senders.register("mail.answer_ready", CaseMail(answer_ready))
senders.register("mail.code", CaseMail(code))
senders.register("mail.letter", CaseMail(letter))
senders.register("mail.reminder", CaseMail(reminder))
senders.register("mail.update", CaseMail(update))
senders.register("mail.alarm", CaseMail(alarm))
senders.register("mail.represented", CaseMail(represented))
senders.register("mail.representing", CaseMail(representing))
senders.register("mail.batch", CaseMail(batch))
senders.register("mail.mandate", CaseMail(mandate_news))
senders.register("mail.mandate_ended", CaseMail(mandate_ended))
senders.register("mail.mandate_ended_person", CaseMail(mandate_ended_person))
senders.register("mail.represented_answer", CaseMail(represented_answer))
senders.register("mail.account_invited", CaseMail(account_invited))
senders.register("mail.account_link", CaseMail(account_link))
