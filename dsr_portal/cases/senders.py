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
from django.utils.translation import gettext as _

from dsr_portal.cases import codes, receipts
from dsr_portal.cases.models import Case, Delivery, MailCode
from dsr_portal.cases.texts import day_words
from dsr_portal.core import links
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


def _mail(case: Case, subject: str, template: str, context: dict[str, Any]) -> Mail:
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


def code(mail_code_id: UUID) -> Mail:
    sent = MailCode.objects.select_related("case").filter(id=mail_code_id).first()
    if sent is None:
        raise NotFound("no_mail_code")
    with translation.override(sent.case.language):
        subject = _("Your code for %(reference)s") % {"reference": sent.case.reference}
    return _mail(sent.case, subject, "mail/code.txt", {"code": codes.mail_code(sent)})


senders.register("mail.receipt", CaseMail(receipt))
senders.register("mail.needs_you", CaseMail(needs_you))
senders.register("mail.answer_ready", CaseMail(answer_ready))
senders.register("mail.code", CaseMail(code))
