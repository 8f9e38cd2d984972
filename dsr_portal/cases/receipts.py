"""The receipt: written once with the case; page, PDF and mail are made from its row (R14, T-10).

Its text says what was asked, when, the due date, what happens next, whom to ask and where to
complain. The receipt code is no part of it: page and PDF fill it in when they are made, a mail
never has it (R12).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import formats, translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import Head
from dsr_portal.cases import child_texts
from dsr_portal.cases.codes import receipt_code
from dsr_portal.cases.models import Case, Receipt, RightCode, WayKind
from dsr_portal.cases.texts import day_words, rights_words
from dsr_portal.core import links
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.law import authorities, remedies
from dsr_portal.vault import services as vault

FIELD = "receipt"
CODE_SECTION = "code"
SHEET = statements.to_person(
    "receipt",
    *(statements.FACTS, statements.CODE, "next", "need", "contact"),
    law="Art. 12(2), 12(3); rule R12, R14, D-04",
)


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What the text is made from."""

    reference: str
    language: str
    country: str
    received_at: datetime
    received_on: date
    due_on: date
    due_unrolled: date
    rights: Sequence[str]
    ways: Sequence[str]
    has_email: bool
    urgent: bool
    head: Head
    on_paper: bool = False
    """Whether the answer goes by registered post (T-13)."""
    by_staff: bool = False
    """Whether staff entered the request: then nobody saw a receipt page."""
    age_band: str = ""
    """With one, the child version stands first (law T-03)."""


def compose(facts: ReceiptFacts) -> dict[str, Any]:
    """The whole text as plain data, in the language of the case."""
    with translation.override(facts.language):
        return {
            "version": 1,
            "language": facts.language,
            "reference": facts.reference,
            "title": _("We have your request"),
            "lead": _("We received it on %(day)s. We answer by %(due)s at the latest.")
            % {"day": day_words(facts.received_on), "due": day_words(facts.due_on)},
            "facts": _facts(facts),
            "sections": _sections(facts),
            "complaint": list(_remedies(facts.country).paragraphs),
            "head": {"number": facts.head.number, "hash": facts.head.hash},
        }


def _facts(facts: ReceiptFacts) -> list[list[str]]:
    local = facts.received_at.astimezone(ZoneInfo(settings.TIME_ZONE))
    clock_words = f"{day_words(facts.received_on)}, {formats.time_format(local, 'H:i')}"
    return [
        [_("Reference"), facts.reference],
        [_("Received"), f"{clock_words} ({settings.TIME_ZONE})"],
        [_("You asked"), "; ".join(rights_words(facts.rights))],
        [_("We answer by"), day_words(facts.due_on)],
    ]


def _sections(facts: ReceiptFacts) -> list[dict[str, Any]]:
    simple = {
        "key": "simple",
        "heading": _("In simple words"),
        "paragraphs": child_texts.of_receipt(facts.age_band),
    }
    return [
        *([simple] if facts.age_band else []),
        {
            "key": CODE_SECTION,
            "heading": _("Your receipt code"),
            "paragraphs": [
                _code_words(by_staff=facts.by_staff),
            ],
        },
        {"key": "next", "heading": _("What happens next"), "paragraphs": _next(facts)},
        {"key": "need", "heading": _("What we may need from you"), "paragraphs": _need(facts)},
        {"key": "contact", "heading": _("Whom you can ask"), "paragraphs": _contact(facts)},
    ]


def _code_words(*, by_staff: bool) -> str:
    if by_staff:
        return _(
            "The code opens your answer and this request's page. It stands in the confirmation on"
            " paper that we post or hand to you. We never send it by e-mail and never ask for it"
            " by phone."
        )
    return _(
        "The code opens your answer and this request's page. It is on the receipt page and in its"
        " PDF. We never send it by e-mail and never ask for it by phone."
    )


def _next(facts: ReceiptFacts) -> list[str]:
    paragraphs = []
    if facts.urgent:
        paragraphs.append(
            _(
                "You told us that someone may use these pictures to find or hurt you. We look at"
                " your request first, and today on working days."
            )
        )
    if WayKind.SELFIE in facts.ways:
        paragraphs.append(
            _(
                "We check that your photo can be used. Once we know it is you, we compare it with"
                " the pictures we hold. Two people decide; no computer does."
            )
        )
    else:
        paragraphs.append(
            _("A person looks for you with what you gave us. Two people decide; no computer does.")
        )
    if RightCode.ERASURE in facts.rights and RightCode.ACCESS in facts.rights:
        paragraphs.append(
            _(
                "You get the answer first. Then we delete, 14 days later or when you say so, and"
                " always before the date above."
            )
        )
    elif RightCode.ERASURE in facts.rights:
        paragraphs.append(
            _("Before anything is deleted we tell you the day, and you may look first.")
        )
    if facts.on_paper:
        paragraphs.append(
            _("You chose paper: we post the answer to your address, registered. No link opens it.")
        )
    if facts.has_email:
        paragraphs.append(_("We write to your e-mail address when we need you or have the answer."))
    else:
        paragraphs.append(
            _(
                "You gave no e-mail address. Look at %(address)s with your reference and your"
                " receipt code."
            )
            % {"address": links.url_for("public", "public:status")}
        )
    return paragraphs


def _need(facts: ReceiptFacts) -> list[str]:
    return [
        _(
            "Before we send pictures to anyone, we check that they are of that person. It takes"
            " about a minute."
        ),
        _(
            "You choose how: a video or phone call, three photos, a visit or by post. You don't"
            " need a smartphone or an identity document."
        ),
    ]


def _contact(facts: ReceiptFacts) -> list[str]:
    controller = settings.DSR_CONTROLLER
    return [
        _("%(name)s, %(address)s. E-mail %(email)s, phone %(phone)s.") % controller,
        _("Our data protection officer: %(dpo)s.") % controller,
    ]


def _remedies(country: str) -> remedies.Remedies:
    home = settings.DSR_CONTROLLER["country"]
    return remedies.for_country(
        country or None,
        establishment_in_eu=authorities.in_eu(home),
        overrides=getattr(settings, "DSR_AUTHORITIES", None),
    )


def receipt_text(case: Case) -> dict[str, Any]:
    """The receipt's text as it was written with the case."""
    receipt = Receipt.objects.get(case=case)
    text: dict[str, Any] = vault.read_json(receipt.unit, receipt.field)
    return text


def as_pdf(case: Case) -> bytes:
    """The receipt with its code as a signed PDF, made now and not kept (R12, R14)."""
    text = receipt_text(case)
    sections = [
        {
            "id": section["key"],
            "heading": section["heading"],
            "text": "\n\n".join(section["paragraphs"]),
        }
        for section in text["sections"]
        if section["key"] != CODE_SECTION
    ]
    contact = vault.read_json(case.contact_unit, "contact")
    to = "\n".join(part for part in (contact.get("name"), contact.get("postal")) if part)
    return documents.render_signed(
        template="documents/receipt.html",
        context={
            "to": to if contact.get("postal") else "",
            "short_answer": text["lead"],
            "facts": text["facts"],
            "sections": sections,
            "code": receipt_code(case),
        },
        language=text["language"],
        title=text["title"],
        kind=documents.Kind.RECEIPT,
        reference=case.reference,
        country=case.country or None,
        head=Head(text["head"]["number"], text["head"]["hash"]),
        sheet=SHEET,
        also=[one["key"] for one in text["sections"] if one["key"] == statements.SIMPLE],
    )


def as_mail(text: dict[str, Any], *, link: str) -> str:
    """The plain text of the receipt mail: everything but the code (R12)."""
    with translation.override(text["language"]):
        blocks = [text["lead"]]
        blocks.append("\n".join(f"{label}: {value}" for label, value in text["facts"]))
        for section in text["sections"]:
            blocks.append("\n".join([section["heading"], *section["paragraphs"]]))
        blocks.append("\n".join([_("The page of your request:"), link]))
        blocks.append("\n\n".join([_("If you do not agree"), *text["complaint"]]))
    body = "\n\n".join(blocks) + "\n"
    said = {one["key"]: one["paragraphs"] for one in text["sections"]}
    statements.refuse_words(
        body,
        SHEET,
        {
            statements.ANSWER: [text["lead"]],
            statements.FACTS: [value for _label, value in text["facts"]],
            "complaint": text["complaint"],
            "page": [link],
            **{name: said.get(name, ()) for name in ("next", "need", "contact")},
        },
    )
    return body
