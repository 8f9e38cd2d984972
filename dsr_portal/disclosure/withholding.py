"""Holding back one record at a time, by two persons: from the answer (Art. 15(4)) or from the
erasure (Art. 17(3)). A partial answer is a partial refusal and says so (law R-02, E-03, A-21).
"""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import letters, proposals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    HeldBack,
    Proposal,
    ProposalKind,
    ProposalState,
    Status,
    Withheld,
)
from dsr_portal.cases.selectors import held_back
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.disclosure.models import OUT_OF_FORCE, Answer
from dsr_portal.law.articles import WITHHOLDING, Exemption
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.services import require_reviewer

LONGEST_DAYS = 366
"""An exemption names its last day within a year; longer needs a new decision (law E-03)."""

_WHAT: dict[str, HeldBack] = {
    ProposalKind.WITHHOLD: HeldBack.ANSWER,
    ProposalKind.EXEMPT: HeldBack.ERASURE,
    ProposalKind.TEMPLATE: HeldBack.TEMPLATE,
}


def withhold(*, case_id: UUID, actor: Actor, record_id: UUID, ground: str, facts: str) -> Proposal:
    """Propose to hold one record back from the answer; the others are disclosed.

    Raises `BadInput` with no_such_ground, no_such_record and those of the words; `Conflict` with
    not_decided, answer_exists, nothing_left (A-21: never the whole answer), withheld_already.
    """
    require_reviewer(actor)
    if ground not in list(WITHHOLDING):
        raise BadInput("no_such_ground", _("Choose the ground."))
    with unit_of_work():
        case = lock(case_id)
        _require_item(case, record_id, HeldBack.ANSWER)
        _require_something_left(case)
        return proposals.propose(
            case=case,
            kind=ProposalKind.WITHHOLD,
            actor=actor,
            codes={"record": str(record_id), "refusal": str(ground)},
            words=letters.own_words(facts, case, code="facts_missing"),
        )


def withhold_template(
    *, case_id: UUID, actor: Actor, record_id: UUID, ground: str, facts: str
) -> Proposal:
    """Propose to hold the face code of one record back; picture and facts are disclosed (A-04).

    Raises as `withhold` does, and `Conflict("withheld_already")` where the picture is not shown.
    """
    require_reviewer(actor)
    if ground not in list(WITHHOLDING):
        raise BadInput("no_such_ground", _("Choose the ground."))
    with unit_of_work():
        case = lock(case_id)
        _require_shown(case, record_id)
        return proposals.propose(
            case=case,
            kind=ProposalKind.TEMPLATE,
            actor=actor,
            codes={"record": str(record_id), "refusal": str(ground)},
            words=letters.own_words(facts, case, code="facts_missing"),
        )


def _require_shown(case: Case, record_id: UUID) -> None:
    _require_item(case, record_id, HeldBack.TEMPLATE)
    if record_id in held_back(case.id, HeldBack.ANSWER):
        raise Conflict("withheld_already", _("This picture is held back already."))


def exempt(
    *,
    case_id: UUID,
    actor: Actor,
    record_id: UUID,
    ground: str,
    facts: str,
    until: date | None,
) -> Proposal:
    """Propose to keep one record although erasure was asked: locked, out of search, until a day.

    Raises `BadInput` with no_such_ground, no_such_record, until_missing, until_far and those of
    the words; `Conflict` with not_decided, answer_exists, withheld_already.
    """
    require_reviewer(actor)
    if ground not in list(Exemption):
        raise BadInput("no_such_ground", _("Choose the ground."))
    today = clock.today()
    if until is None or until <= today:
        raise BadInput("until_missing", _("Name the last day on which it is needed."))
    if (until - today).days > LONGEST_DAYS:
        raise BadInput("until_far", _("Name a day within a year. After it, decide anew."))
    with unit_of_work():
        case = lock(case_id)
        _require_item(case, record_id, HeldBack.ERASURE)
        return proposals.propose(
            case=case,
            kind=ProposalKind.EXEMPT,
            actor=actor,
            codes={
                "record": str(record_id),
                "exemption": str(ground),
                "until": until.isoformat(),
            },
            words=letters.own_words(facts, case, code="facts_missing"),
        )


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of holding something back now; None where it may be proposed."""
    if case.status != Status.DECIDED or matching.outcome(case.id) is None:
        return Conflict("not_decided", _("Two persons have not decided yet."))
    if Answer.objects.filter(case=case).exclude(state__in=OUT_OF_FORCE).exists():
        return Conflict("answer_exists", _("The answer is already being made."))
    return None


def waits(case: Case) -> bool:
    """Whether a proposal to hold something back is open: no answer is made before it is settled."""
    return case.proposals.filter(kind__in=_WHAT, state=ProposalState.WAITING).exists()


def _require_item(case: Case, record_id: UUID, what: HeldBack) -> None:
    problem = why_not(case)
    if problem is not None:
        raise problem
    outcome = matching.held_now(case.id)
    if outcome is None or record_id not in outcome.same:
        raise BadInput("no_such_record", _("Choose one of the confirmed pictures."))
    if record_id in held_back(case.id, what):
        raise Conflict("withheld_already", _("This picture is held back already."))


def _require_something_left(case: Case) -> None:
    outcome = matching.held_now(case.id)
    shown = set(outcome.same) - set(held_back(case.id, HeldBack.ANSWER)) if outcome else set()
    if len(shown) <= 1:
        raise Conflict(
            "nothing_left",
            _("These grounds never carry a refusal of everything: one picture stays in."),
        )


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    what, record_id = _WHAT[proposal.kind], UUID(proposal.codes["record"])
    if what == HeldBack.TEMPLATE:
        _require_shown(case, record_id)
    else:
        _require_item(case, record_id, what)
    if what == HeldBack.ANSWER:
        _require_something_left(case)


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    what, codes = _WHAT[proposal.kind], proposal.codes
    erased = what == HeldBack.ERASURE
    row = Withheld.objects.create(
        case=case,
        proposal=proposal,
        record_id=UUID(codes["record"]),
        what=what,
        ground=codes["exemption"] if erased else codes["refusal"],
        until=date.fromisoformat(codes["until"]) if erased else None,
        agreed_by=actor.id,
        at=clock.now(),
    )
    record(
        "record.withheld",
        actor=actor,
        case_id=case.id,
        subject_id=row.record_id,
        what=row.what,
        ground=row.ground,
        until=row.until,
    )


HANDLER = proposals.Handler(agreed=_agreed, check=_check)
