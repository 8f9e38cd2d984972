"""Rights, articles and grounds by the words people and officers read. Pure data (law T-09)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Right(StrEnum):
    """What a person can ask for. One request may ask for several."""

    ACCESS = "access"
    ERASURE = "erasure"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    RECTIFICATION = "rectification"
    PORTABILITY = "portability"


@dataclass(frozen=True, slots=True)
class RightFacts:
    """`label` is for lists, `wish` completes "You asked us to …", `explains` is for choosing."""

    article: str
    label: Any
    wish: Any
    explains: Any


RIGHTS: dict[Right, RightFacts] = {
    Right.ACCESS: RightFacts(
        "Art. 15",
        _("Access"),
        _("tell you what we hold about you and send you a copy"),
        _("Find out which pictures of you we hold, where they came from and who was shown them."),
    ),
    Right.ERASURE: RightFacts(
        "Art. 17",
        _("Erasure"),
        _("delete what we hold about you"),
        _("Have your pictures and their face codes deleted."),
    ),
    Right.OBJECTION: RightFacts(
        "Art. 21",
        _("Objection"),
        _("stop using your data"),
        _("Tell us to stop using your pictures, now and later."),
    ),
    Right.RESTRICTION: RightFacts(
        "Art. 18",
        _("Restriction"),
        _("lock your data, so that nobody can use them"),
        _("Have your pictures locked, for example to keep them as evidence."),
    ),
    Right.RECTIFICATION: RightFacts(
        "Art. 16",
        _("Correction"),
        _("correct what we hold about you"),
        _("Have something wrong put right, for example a name in a caption."),
    ),
    Right.PORTABILITY: RightFacts(
        "Art. 20",
        _("Portability"),
        _("hand over your data in a form that machines can read"),
        _("Get what you gave us yourself in a form that machines can read."),
    ),
}


def label(right: Right | str) -> Any:
    return RIGHTS[Right(right)].label


_CITED = re.compile(r"Art\. (\d+)(?:\((\d+)\))?(?:\(([a-z])\))?")


def cited(article: str) -> str:
    """An article of this module with its law, as the language of the reader cites it.

    "Art. 17(3)(e)" is "Art. 17(3)(e) GDPR", and "Art. 17 Abs. 3 Buchst. e DSGVO" in German.
    """
    found = _CITED.fullmatch(article)
    if found is None:
        raise ValueError(f"no single article: {article}")
    number, paragraph, letter = found.groups()
    parts = {"number": number, "paragraph": paragraph, "letter": letter}
    if letter:
        return gettext("Art. %(number)s(%(paragraph)s)(%(letter)s) GDPR") % parts
    if paragraph:
        return gettext("Art. %(number)s(%(paragraph)s) GDPR") % parts
    return gettext("Art. %(number)s GDPR") % parts


def article(right: Right | str) -> str:
    """The article with its law: "Art. 15 GDPR"."""
    return f"{RIGHTS[Right(right)].article} GDPR"


def choices() -> list[tuple[str, Any]]:
    """Pairs for forms and models, in the order people are asked."""
    return [(right.value, facts.label) for right, facts in RIGHTS.items()]


class ExtensionReason(StrEnum):
    """The only reasons for more time (Art. 12(3); law D-06): never staff, holidays or backlog."""

    MANY_FACES = "many_faces"
    MANY_RECORDS = "many_records"
    LEGAL_QUESTION = "legal_question"
    SEVERAL_REQUESTS = "several_requests"


EXTENSION_REASONS: dict[ExtensionReason, Any] = {
    ExtensionReason.MANY_FACES: _(
        "Your pictures show many other people, whose faces we must cover one by one."
    ),
    ExtensionReason.MANY_RECORDS: _("There are very many records to check."),
    ExtensionReason.LEGAL_QUESTION: _("Your request raises a legal question we must settle first."),
    ExtensionReason.SEVERAL_REQUESTS: _("You sent us several requests that we must answer."),
}


class RefusalGround(StrEnum):
    """Grounds of a full or partial "no" (Art. 12(4); law R-01 to R-04, A-21)."""

    OTHERS_RIGHTS = "others_rights"
    LEGAL_CLAIMS = "legal_claims"
    LEGAL_DUTY = "legal_duty"
    TRADE_SECRET = "trade_secret"  # noqa: S105 - a ground, not a secret
    CANNOT_IDENTIFY = "cannot_identify"
    UNFOUNDED = "unfounded"
    EXCESSIVE = "excessive"


@dataclass(frozen=True, slots=True)
class GroundFacts:
    """`partial_only`: the ground never carries a refusal of everything."""

    article: str
    text: Any
    partial_only: bool = False


REFUSAL_GROUNDS: dict[RefusalGround, GroundFacts] = {
    RefusalGround.OTHERS_RIGHTS: GroundFacts(
        "Art. 15(4)", _("It would harm the rights of other people."), partial_only=True
    ),
    RefusalGround.LEGAL_CLAIMS: GroundFacts(
        "Art. 17(3)(e)", _("We need the data for a legal claim.")
    ),
    RefusalGround.LEGAL_DUTY: GroundFacts("Art. 17(3)(b)", _("A law obliges us to keep the data.")),
    RefusalGround.TRADE_SECRET: GroundFacts(
        "Art. 15(4)", _("It would give away a trade secret."), partial_only=True
    ),
    RefusalGround.CANNOT_IDENTIFY: GroundFacts(
        "Art. 11(2)", _("We cannot tell which data are yours.")
    ),
    RefusalGround.UNFOUNDED: GroundFacts(
        "Art. 12(5)", _("The request is clearly unfounded, and we can show it.")
    ),
    RefusalGround.EXCESSIVE: GroundFacts(
        "Art. 12(5)", _("The request is abusive, and we can show it.")
    ),
}


class Exemption(StrEnum):
    """Art. 17(3): why one record is kept although erasure was asked (law E-03); none by default."""

    EXPRESSION = "expression"
    LEGAL_DUTY = "legal_duty"
    PUBLIC_HEALTH = "public_health"
    ARCHIVE = "archive"
    LEGAL_CLAIMS = "legal_claims"


EXEMPTIONS: dict[Exemption, GroundFacts] = {
    Exemption.EXPRESSION: GroundFacts(
        "Art. 17(3)(a)", _("It is needed for freedom of expression and information.")
    ),
    Exemption.LEGAL_DUTY: GroundFacts("Art. 17(3)(b)", _("A law obliges us to keep it.")),
    Exemption.PUBLIC_HEALTH: GroundFacts("Art. 17(3)(c)", _("It is needed for public health.")),
    Exemption.ARCHIVE: GroundFacts(
        "Art. 17(3)(d)", _("It is needed for an archive, for science or for statistics.")
    ),
    Exemption.LEGAL_CLAIMS: GroundFacts("Art. 17(3)(e)", _("It is needed for a legal claim.")),
}


class ErasureGround(StrEnum):
    """Why an erasure is owed (Art. 17(1)(a)-(f); law E-02), or an authority's order, which needs
    no request of the person (C-46/23)."""

    NO_LONGER_NEEDED = "no_longer_needed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OBJECTION = "objection"
    UNLAWFUL = "unlawful"
    LEGAL_DUTY = "legal_duty"
    CHILD_SERVICE = "child_service"
    ORDER = "order"


ERASURE_GROUNDS: dict[ErasureGround, GroundFacts] = {
    ErasureGround.NO_LONGER_NEEDED: GroundFacts(
        "Art. 17(1)(a)", _("The data are no longer needed for what they were collected for.")
    ),
    ErasureGround.CONSENT_WITHDRAWN: GroundFacts(
        "Art. 17(1)(b)", _("The use rested on consent, and the consent was taken back.")
    ),
    ErasureGround.OBJECTION: GroundFacts(
        "Art. 17(1)(c)", _("There is an objection to the use, and no stronger reason against it.")
    ),
    ErasureGround.UNLAWFUL: GroundFacts("Art. 17(1)(d)", _("The data were used unlawfully.")),
    ErasureGround.LEGAL_DUTY: GroundFacts(
        "Art. 17(1)(e)", _("A law obliges us to delete the data.")
    ),
    ErasureGround.CHILD_SERVICE: GroundFacts(
        "Art. 17(1)(f)", _("The data were collected when a child used an online service.")
    ),
    ErasureGround.ORDER: GroundFacts(
        "Art. 58(2)(g)", _("A data protection authority ordered us to delete the data.")
    ),
}


class CorrectionGround(StrEnum):
    """Why something said to be wrong is left as it is (Art. 16, 5(1)(d); law E-01, R-01)."""

    RIGHT_AS_IT_IS = "right_as_it_is"
    AS_PUBLISHED = "as_published"
    CANNOT_TELL = "cannot_tell"
    SAME_PERSON = "same_person"


CORRECTION_GROUNDS: dict[CorrectionGround, GroundFacts] = {
    CorrectionGround.RIGHT_AS_IT_IS: GroundFacts(
        "Art. 16", _("We checked it, and what stands there is right.")
    ),
    CorrectionGround.AS_PUBLISHED: GroundFacts(
        "Art. 5(1)(d)", _("It says what the page said when the picture was collected.")
    ),
    CorrectionGround.CANNOT_TELL: GroundFacts("Art. 16", _("We could not find out what is right.")),
    CorrectionGround.SAME_PERSON: GroundFacts(
        "Art. 16", _("Two people looked again and take it for a picture of you.")
    ),
}

WITHHOLDING = frozenset({RefusalGround.OTHERS_RIGHTS, RefusalGround.TRADE_SECRET})
"""Grounds on which one item of an access answer can be held back (Art. 15(4))."""

ABUSE = frozenset({RefusalGround.UNFOUNDED, RefusalGround.EXCESSIVE})
"""Grounds of a full refusal (Art. 12(5)): only with evidence, and two persons who agree."""
