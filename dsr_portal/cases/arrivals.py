"""An earlier day of arrival, where the first one was written down wrong (law D-05).

`received_at` never changes and nothing makes a request arrive later. That it reached us on an
earlier day one person proposes with a reason and another agrees to; the month counts from there at
once, and the person is told. The day itself stands beside the first one, in the trail too.
"""

from datetime import date
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import clocks, messages, proposals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Direction, Extension, Proposal, ProposalKind
from dsr_portal.cases.states import OVER
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.law.deadlines import APPLIES_FROM


def propose(*, case_id: UUID, actor: Actor, arrived: date, words: str) -> Proposal:
    """Say that it arrived on an earlier day, and how that is known.

    Raises `BadInput` with arrived_not_earlier, received_before_the_law, arrival_reason; `Conflict`
    with case_over, period_anew, proposed_already.
    """
    require_reviewer(actor)
    said = messages.words_of(words, code="arrival_reason")
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        _require_earlier(case, arrived)
        return proposals.propose(
            case=case,
            kind=ProposalKind.ARRIVAL,
            actor=actor,
            codes={"arrived": arrived.isoformat()},
            words=said,
        )


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of an earlier day; None where one may be proposed."""
    if case.status in OVER or case.withdrawn_at is not None:
        return Conflict("case_over", _("This request is answered or closed."))
    if case.clock_from is not None:
        return Conflict(
            "period_anew", _("The month began anew when the person came back: it counts from then.")
        )
    return None


def _require_open(case: Case) -> None:
    problem = why_not(case)
    if problem is not None:
        raise problem


def _require_earlier(case: Case, arrived: date) -> None:
    if arrived < APPLIES_FROM:
        raise BadInput(
            "received_before_the_law",
            _("A request can't have arrived before 25 May 2018. Look at the year again."),
        )
    if arrived >= case.arrived_on:
        raise BadInput(
            "arrived_not_earlier",
            _("It counts from %(day)s. Only an earlier day can be written down.")
            % {"day": day_words(case.arrived_on)},
        )


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_open(case)
    _require_earlier(case, date.fromisoformat(proposal.codes["arrived"]))


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    before = case.arrived_on
    case.corrected_on = date.fromisoformat(proposal.codes["arrived"])
    # Together with the dates that follow from it: one that lies before the other is refused.
    counted = clocks.clock_of(case)
    case.due_unrolled, case.due_on = counted.due.unrolled, counted.due.legal
    case.save(update_fields=["corrected_on", "due_unrolled", "due_on"])
    record(
        "case.arrived_earlier",
        actor=actor,
        case_id=case.id,
        subject_id=proposal.id,
        was=before,
        arrived=case.corrected_on,
        due_on=case.due_on,
    )
    _void_if_told_late(case, actor)
    with translation.override(case.language):
        said = _(
            "Your request reached us on %(arrived)s, earlier than we wrote to you. Our time to "
            "answer counts from that day: you hear from us by %(due)s at the latest."
        ) % {"arrived": day_words(case.corrected_on), "due": day_words(case.due_unrolled)}
    messages.keep_message(case, Direction.OUT, said, by=actor.id)
    messages.queue_wrote(case)


def _void_if_told_late(case: Case, actor: Actor) -> None:
    """More time counts only where its letter left inside the first month (law D-06)."""
    extension = Extension.objects.filter(case=case, void=False).exclude(told_on=None).first()
    if extension is None:
        return
    first = clocks.clock_of(case, today=extension.told_on).first
    if not first.is_late(extension.told_on or clock.today()):
        return
    extension.void, extension.told_on = True, None
    extension.save(update_fields=["void", "told_on"])
    case.extension = extension
    record("extension.void", actor=actor, case_id=case.id, subject_id=extension.id)
    clocks.keep(case, actor=actor, why="arrived_earlier")


HANDLER = proposals.Handler(agreed=_agreed, check=_check)
