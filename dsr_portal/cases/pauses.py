"""Stopping the clock of a case while a question to the person is open, and nothing else (D-07).

It stands from the day the question's letter was sent, for who is written to on paper from the day
somebody put it in the post. No pause without a recorded question that was sent; none for internal
work, other people's faces, a withdrawn consent or a photo that cannot be used. A question that
came late needs another person.
"""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record
from dsr_portal.cases import proposals
from dsr_portal.cases.clocks import clock_of, keep
from dsr_portal.cases.models import (
    Ask,
    Case,
    Missing,
    Pause,
    PauseGround,
    Proposal,
    ProposalKind,
    ProposalState,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.law import deadlines

_LETTERS = Actor.system("letters")


def stop_clock(case: Case, ask: Ask, *, actor: Actor) -> Pause:
    """Have the clock stopped once the question's letter leaves, or propose it where that is late.

    Runs in the unit of work that asks. Raises `Conflict("clock_over")` once the period has ended:
    what is late stays late (law D-09).
    """
    counted = clock_of(case)
    if counted.late:
        raise Conflict(
            "clock_over", _("The date has passed, so a question no longer stops the clock.")
        )
    about_request = set(ask.missing) == {Missing.WHICH_MEANT}
    pause = Pause.objects.create(
        case=case,
        ask=ask,
        ground=PauseGround.SPECIFYING if about_request else PauseGround.IDENTITY,
        by=actor.id,
    )
    if not in_time(case):
        _propose(pause, case, actor)
    return pause


def _propose(pause: Pause, case: Case, actor: Actor) -> None:
    proposals.propose(
        case=case,
        kind=ProposalKind.PAUSE,
        actor=actor,
        codes={"pause": str(pause.id), "ground": pause.ground},
    )


def question_sent(ask: Ask, case: Case) -> None:
    """The letter left: from today the clock stands, or another person has to agree to that.

    A letter that lay too long before somebody posted it came late, and after the last day it
    stops nothing (law D-07, D-09). Runs in the unit of work that sends.
    """
    found = Pause.objects.select_for_update().filter(ask=ask, from_on=None, until_on=None)
    pause = found.first()
    if pause is None:
        return
    if clock_of(case).late:
        pause.until_on = clock.today()
        pause.save(update_fields=["until_on"])
        proposals.lapse(case, actor=_LETTERS, kinds=(ProposalKind.PAUSE,))
    elif pause.agreed_by or in_time(case):
        _begin(pause, case, _LETTERS)
    elif not case.proposals.filter(kind=ProposalKind.PAUSE, state=ProposalState.WAITING).exists():
        _propose(pause, case, Actor.decided_by(pause.by, "officer"))


def in_time(case: Case) -> bool:
    """Whether a question sent today still counts as asked without undue delay."""
    counted = clock_of(case)
    return deadlines.asked_without_delay(counted.counts_from, counted.today, case.calendar)


def end_pauses(case: Case, *, actor: Actor, on: date | None = None) -> bool:
    """What was asked for came, or is not needed any more: the clock runs again from today, or from
    the day it reached us (`on`).

    Runs in the caller's unit of work, under the case's lock; whether a pause was open.
    """
    came_on = on or clock.today()
    standing = list(case.pauses.select_for_update().filter(until_on=None))
    for pause in standing:
        pause.until_on = max(came_on, pause.from_on) if pause.from_on else came_on
        pause.save(update_fields=["until_on"])
        if pause.from_on is not None:
            record(
                "clock.resumed",
                actor=actor,
                case_id=case.id,
                subject_id=pause.id,
                days=(pause.until_on - pause.from_on).days,
            )
    if standing:
        proposals.lapse(case, actor=actor, kinds=(ProposalKind.PAUSE,))
        keep(case, actor=actor, why="resumed")
    return bool(standing)


def _begin(pause: Pause, case: Case, actor: Actor) -> None:
    pause.from_on = clock.today()
    pause.save(update_fields=["from_on", "agreed_by"])
    record("clock.paused", actor=actor, case_id=case.id, subject_id=pause.id, ground=pause.ground)


def _of(proposal: Proposal) -> Pause:
    return Pause.objects.select_for_update().get(id=UUID(proposal.codes["pause"]))


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    if _of(proposal).until_on is not None or clock_of(case).late:
        raise Conflict("clock_over", _("There is no open question, or the date has passed."))


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    """The clock stands still from the day the second person agreed, never from before, and not
    before the letter left."""
    pause = _of(proposal)
    pause.agreed_by = actor.id
    if pause.ask.sent_at is None:
        pause.save(update_fields=["agreed_by"])
    else:
        _begin(pause, case, actor)


HANDLER = proposals.Handler(agreed=_agreed, check=_check)
