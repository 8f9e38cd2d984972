"""Which of our questions something that came answers (law D-07, D-08).

A request can have several open at once: its own, and one about each wish that was added. Words
that name a question end that one alone, words about something else end none. Where they name none
and a wish's question is open, a person of staff says which it is; what then goes on goes on from
the day the words reached us. Only where no wish was asked about do words end the request's own
question by themselves, as a photo or a page does, which is what that one asks for.
"""

from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import asking, wish_clocks
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Direction, Message, RightCode
from dsr_portal.cases.texts import rights_words
from dsr_portal.cases.wish_models import WishPause
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotFound
from dsr_portal.vault import services as vault

REQUEST = "request"
NONE = "none"
UNSORTED = "unsorted"
_WISH = "wish:"
CODES = (REQUEST, NONE, UNSORTED, *(f"{_WISH}{right}" for right in RightCode.values))

FLAG = "answer_unsorted"
"""Flag for officers."""


def open_questions(case: Case) -> dict[str, str]:
    """Code and words of each question that waits for the person."""
    asked = {}
    if asking.unanswered(case) is not None:
        asked[REQUEST] = _("Our question about the whole request")
    for right in _wishes(case):
        (wish,) = rights_words([right])
        asked[f"{_WISH}{right}"] = _("Our question about: %(wish)s") % {"wish": wish}
    return asked


def to_choose(case: Case) -> dict[str, str]:
    """What words can be about, where that has to be said; nothing where no wish was asked about."""
    if not _wishes(case):
        return {}
    return {**open_questions(case), NONE: _("Something else")}


def _wishes(case: Case) -> list[str]:
    rows = WishPause.objects.filter(right__case=case, until_on=None).order_by("right__added_at")
    return list(rows.values_list("right__right", flat=True))


def require_open(case: Case, answers: str) -> None:
    """`BadInput("no_such_question")` for a question that is not open."""
    if answers and answers != NONE and answers not in open_questions(case):
        raise BadInput("no_such_question", _("This question is not open. Choose again."))


def take(case: Case, *, answers: str, words: bool, actor: Actor, on: date | None = None) -> str:
    """End what it answers, in the caller's unit of work under the case's lock; what to note beside
    the words. `on` is the day it reached us, where that is not today."""
    asked_about_wish = bool(_wishes(case))
    if answers:
        _end(case, answers, actor, on)
        return answers
    if words and asked_about_wish:
        raise_flag(case_id=case.id, code=FLAG, actor=actor)
        return UNSORTED
    asking.end_waiting(case, actor, on=on)
    return ""


def _end(case: Case, answers: str, actor: Actor, on: date | None) -> None:
    if answers == REQUEST:
        asking.end_waiting(case, actor, on=on)
    elif answers.startswith(_WISH):
        right = answers.removeprefix(_WISH)
        wish_clocks.resume(case, actor=actor, rights=[right], on=on)


# -- a person of staff says it --------------------------------------------------------------------


def unsorted(case: Case) -> QuerySet[Message]:
    """Words of the person of which nobody said yet which question they answer."""
    rows = case.messages.filter(direction=Direction.IN, answers=UNSORTED)
    return rows.order_by("at", "id")


def find(case: Case, message_id: UUID) -> Message:
    row = unsorted(case).filter(id=message_id).first()
    if row is None:
        raise NotFound("no_message", _("There is no such message, or somebody sorted it."))
    return row


def words_of(row: Message) -> str:
    """What they wrote; outside a transaction."""
    return vault.read(row.case.file_unit, row.field).decode()


def sort(*, case_id: UUID, message_id: UUID, actor: Actor, answers: str) -> Message:
    """Say which question it answers; what stood still goes on from the day the words reached us.

    Raises `NotAllowed`; `NotFound("no_message")`; `BadInput` with no_such_question, say_which.
    """
    require_reviewer(actor)
    if not answers:
        raise BadInput("say_which", _("Say which question it answers, or that it is none."))
    with unit_of_work():
        case = lock(case_id)
        row = find(case, message_id)
        require_open(case, answers)
        row.answers = answers
        row.save(update_fields=["answers"])
        record("message.sorted", actor=actor, case_id=case.id, subject_id=row.id, answers=answers)
        _end(case, answers, actor, clock.local_date(row.at))
        if not unsorted(case).exists():
            case.flags.filter(code=FLAG).delete()
    return row
