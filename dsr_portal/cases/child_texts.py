"""The child version: the same facts in words a child of twelve reads alone (law T-03, rec. 58).

It stands beside the full text and leaves out no right. `tests/unit/test_law_child_texts.py` asks
for short sentences, short words and nothing a lawyer says.
"""

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.child_models import AgeBand
from dsr_portal.cases.public_status import Word

STATUS: dict[str, Promise] = {
    Word.RECEIVED: _("We have your request. A person reads it. You do not have to do anything."),
    Word.CHECKING: _("We are working on it. Two people look. No computer decides."),
    Word.NEEDS_YOU: _("We have a question for you. It is on this page. You can ask us back."),
    Word.ANSWER_READY: _("Our answer is here. You can read it with somebody you trust."),
    Word.DELETING: _("We are deleting now. We tell you when it is done."),
    Word.DONE: _("This is finished. You can ask us again at any time. It costs nothing."),
}
"""By the public word of a request; the same whatever was found (R3)."""

ANY_LETTER: tuple[Promise, ...] = (
    _("This letter is about what you asked us."),
    _("If a part of it is hard to read, call us. A person explains it to you."),
    _("You can show it to somebody you trust."),
    _("You can complain about us. It costs nothing."),
)

LETTERS: dict[str, tuple[Promise, ...]] = {
    "extension": (
        _("We need more time. The letter says until when."),
        _("That is our fault, not yours. You have to do nothing."),
        _("You do not have to wait for us. You can complain now. It costs nothing."),
    ),
    "late": (
        _("We are late. We are sorry."),
        _("The letter says who helps you, and the new day."),
        _("You can complain now. It costs nothing."),
    ),
    "refusal": (
        _("We say no to your request. The letter says why."),
        _("You are not in trouble. You can ask us again."),
        _("If you think we are wrong, tell us. You can complain too. It costs nothing."),
    ),
    "rectification": (
        _("You told us that something is wrong. The letter says what we did."),
        _("If you think we are wrong, tell us. You can have your own words put there."),
        _("You can complain about us. It costs nothing."),
    ),
    "exemption": (
        _("We keep one picture of you longer. The letter says why and until when."),
        _("It stays locked. We show it to nobody."),
        _("If you think we are wrong, tell us. You can complain too. It costs nothing."),
    ),
    "need_info": (
        _("We need something from you. Without it we can't look for your pictures."),
        _("The letter shows what you can choose. You do not have to send a photo."),
        _("You can call us. A person helps you. You did nothing wrong."),
        _("You can complain about us. It costs nothing."),
    ),
    "identity_doubt": (
        _("We do not know yet if it is you who asks. Nobody else may get your pictures."),
        _("The letter shows what you can choose. You do not have to send a photo."),
        _("You can call us. A person helps you. You did nothing wrong."),
        _("You can complain about us. It costs nothing."),
    ),
    "ask_reminder": (
        _("We asked you for something. We did not hear from you yet."),
        _("The letter shows what you can choose. You do not have to send a photo."),
        _("You can call us. A person helps you. You did nothing wrong."),
        _("You can complain about us. It costs nothing."),
    ),
    "wish_extension": (
        _("We need more time for one thing you asked. The letter says until when."),
        _("That is our fault, not yours. You have to do nothing."),
        _("You do not have to wait for us. You can complain now. It costs nothing."),
    ),
    "wish_ask": (
        _("We have one question about what you asked us later."),
        _("You can choose how you answer. You did nothing wrong."),
        _("You can call us. A person helps you."),
        _("You can complain about us. It costs nothing."),
    ),
    "photo": (
        _("We can't use the photo you sent. The letter says why."),
        _("You can send another one. You do not have to. The letter shows other ways."),
        _("You can call us. A person helps you. You did nothing wrong."),
        _("You can complain about us. It costs nothing."),
    ),
    "objection": (
        _("You told us to stop using your pictures. We stop."),
        _("You have to do nothing more."),
        _("You can complain about us. It costs nothing."),
    ),
}
"""By the kind of a letter beside the answer; one that is not here has `ANY_LETTER`."""

ANSWERS: dict[str, tuple[Promise, ...]] = {
    "disclosure": (
        _("Yes, we have pictures of you. They are in this answer."),
        _("They can show things that are not nice. Look at them with somebody you trust."),
        _("It says who saw them. You can tell us to delete them."),
        _("You did nothing wrong. You can complain about us. It costs nothing."),
    ),
    "nothing_found": (
        _("We did not find a picture of you."),
        _("That does not mean for sure that there is none."),
        _("You can tell us a page where you saw one. Then we look again."),
        _("You can complain about us. It costs nothing."),
    ),
    "neutral": (
        _("We did what you asked."),
        _("This letter does not say if we have pictures of you."),
        _("You can ask us for that too. A person tells you how."),
        _("You can complain about us. It costs nothing."),
    ),
    "named_page": (
        _("We looked at the page or picture you named."),
        _("This letter does not say if we have a picture from there."),
        _("You can tell us more at any time. You do not have to send a photo."),
        _("You can complain about us. It costs nothing."),
    ),
    "not_identified": (
        _("We do not know yet which pictures are yours. So we can't send any."),
        _("You can tell us more at any time. You do not have to send a photo."),
        _("Call us. A person helps you."),
        _("You can complain about us. It costs nothing."),
    ),
}
"""By the kind of an answer; said only where the answer itself says it."""

KEPT = _(
    "Did you send a photo? We delete it %(days)s days after this answer. We delete what you wrote "
    "%(days)s days later."
)
_KEEP = _("Keep the code. Show it only to somebody you trust.")
_ASK = _("If something is hard, ask us. You can bring somebody you trust.")
RECEIPT: dict[str, tuple[Promise, ...]] = {
    AgeBand.UNDER_16: (
        _("We have your request. You did it right."),
        _("First a person talks with you. No computer looks for your face before."),
        _("You do not have to tell us when you were born."),
        _ASK,
        _KEEP,
    ),
    AgeBand.UNDER_18: (
        _("We have your request. You did it right."),
        _("You have the same rights as an adult."),
        _ASK,
        _KEEP,
    ),
}
"""By what the person said about their age; under 16 a person comes first (law C-02)."""


def of_receipt(age_band: str) -> list[str]:
    return _in_language(RECEIPT.get(age_band, ()))


def of_letter(kind: str) -> list[str]:
    return _in_language(LETTERS.get(kind, ANY_LETTER))


def of_answer(kind: str, *, days: int) -> list[str]:
    """With how long the photo and what they wrote are kept: shorter than an adult's (law C-02)."""
    kept = str(KEPT) % {"days": days}
    return [*_in_language(ANSWERS.get(kind, ANY_LETTER)), kept]


def _in_language(lines: Sequence[Promise]) -> list[str]:
    return [str(line) for line in lines]
