"""Rights, articles and grounds by the words people and officers read. Pure data (law T-09)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

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


def article(right: Right | str) -> str:
    """The article with its law: "Art. 15 GDPR"."""
    return f"{RIGHTS[Right(right)].article} GDPR"


def choices() -> list[tuple[str, Any]]:
    """Pairs for forms and models, in the order people are asked."""
    return [(right.value, facts.label) for right, facts in RIGHTS.items()]


ARTICLES: dict[str, Any] = {
    "Art. 7(3)": _("Withdrawing consent is as easy as giving it"),
    "Art. 9": _("Special categories of data, such as face codes"),
    "Art. 11(2)": _("When we cannot tell which data are yours"),
    "Art. 12(2)": _("Making it easy to use your rights"),
    "Art. 12(3)": _("One month to answer"),
    "Art. 12(4)": _("A refusal has reasons and ways to complain"),
    "Art. 12(5)": _("Free of charge"),
    "Art. 12(6)": _("Checking who asks, only where there is a doubt"),
    "Art. 15": _("Access to your data"),
    "Art. 15(4)": _("Protecting other people in the same data"),
    "Art. 16": _("Correction of wrong data"),
    "Art. 17": _("Erasure"),
    "Art. 17(2)": _("Telling others about an erasure"),
    "Art. 18": _("Restriction: locked, not used"),
    "Art. 18(3)": _("Telling you before a restriction ends"),
    "Art. 19": _("Telling those who got the data"),
    "Art. 20": _("Data in a form that machines can read"),
    "Art. 21": _("Objection"),
    "Art. 22": _("No decision by a machine alone"),
    "Art. 33": _("Telling the authority about a breach"),
    "Art. 34": _("Telling you about a breach"),
    "Art. 58": _("Orders of an authority"),
    "Art. 77": _("Complaint to an authority"),
    "Art. 79": _("Going to court against us"),
    "Art. 82": _("Compensation"),
}


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
