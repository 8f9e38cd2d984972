"""A question's letter that the post brought back: it never reached anybody (law D-07, D-08).

So the clock did not stand, nobody was reminded, and the letter waits for the post again: with the
day it is posted anew all of that counts from there. A date that was missed meanwhile stays missed
(D-09).
"""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import asking, clocks
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Ask, Case, Letter, LetterState
from dsr_portal.cases.paper_models import ReturnReason
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict


def under_way(case: Case) -> list[Letter]:
    """Letters of the question that waits for an answer, which somebody put in the post."""
    ask = asking.unanswered(case)
    if ask is None:
        return []
    wanted = [one for one in (ask.letter_id, ask.reminder_id) if one is not None]
    rows = Letter.objects.filter(id__in=wanted, state=LetterState.SENT).exclude(posted_by="")
    return list(rows.order_by("sent_at"))


def record_returned(*, case_id: UUID, letter_id: UUID, actor: Actor, on: date, reason: str) -> Case:
    """The post brought a question or its reminder back: it waits for the post once more.

    With the question its reminder does too, which went to the same address. Raises `NotAllowed`;
    `BadInput` with day_unfit, no_such_reason; `Conflict("not_under_way")`.
    """
    require_reviewer(actor)
    if reason not in ReturnReason.values:
        raise BadInput("no_such_reason", _("Choose one of the reasons."))
    with unit_of_work():
        case = lock(case_id)
        ask = asking.unanswered(case)
        letters = under_way(case)
        letter = next((one for one in letters if one.id == letter_id), None)
        if ask is None or letter is None or letter.sent_at is None:
            raise Conflict("not_under_way", _("This letter is not under way."))
        if not clock.local_date(letter.sent_at) <= on <= clock.today():
            raise BadInput("day_unfit", _("Choose a day since it was posted, up to today."))
        whole = letter.id == ask.letter_id
        for one in letters if whole else [letter]:
            _back(one)
        ask.reminded_at = None
        ask.save(update_fields=["reminded_at"])
        record(
            "letter.returned",
            actor=actor,
            case_id=case.id,
            subject_id=letter.id,
            kind=letter.kind,
            reason=reason,
            on=on,
        )
        if whole:
            _clock_did_not_stand(case, ask, actor)
    return case


def _back(letter: Letter) -> None:
    row = Letter.objects.select_for_update().get(id=letter.id)
    row.state, row.sent_at, row.posted_by = LetterState.TO_POST, None, ""
    row.save(update_fields=["state", "sent_at", "posted_by"])


def _clock_did_not_stand(case: Case, ask: Ask, actor: Actor) -> None:
    """Whoever asked for the pause asked for it once it is read: it begins when posted again."""
    standing = case.pauses.select_for_update().filter(ask=ask, until_on=None)
    for pause in standing.exclude(from_on=None):
        pause.from_on = None
        pause.save(update_fields=["from_on"])
        record("clock.resumed", actor=actor, case_id=case.id, subject_id=pause.id, days=0)
        clocks.keep(case, actor=actor, why="returned")
