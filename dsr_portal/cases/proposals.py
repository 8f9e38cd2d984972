"""What takes two persons: proposed with reasons by one, agreed to or turned down by another.

One way for all of them, so that no kind can forget the second person. A handler says what an
agreed proposal does, in the same unit of work. Lock order: case, then proposal.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Agreement,
    Case,
    Proposal,
    ProposalKind,
    ProposalState,
    Status,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import Registry
from dsr_portal.vault import services as vault

Act = Callable[[Proposal, Case, Actor], None]


def _nothing(proposal: Proposal, case: Case, actor: Actor) -> None:
    """A kind for which turning down leaves nothing to undo."""


@dataclass(frozen=True, slots=True)
class Handler:
    """`agreed` makes it happen, `dropped` clears up; `check` refuses what no longer fits."""

    agreed: Act
    dropped: Act = _nothing
    check: Act = _nothing
    needed: int = 1
    needs_supervisor: bool = False


handlers: Registry[Handler] = Registry("kind of proposal")


def propose(
    *,
    case: Case,
    kind: ProposalKind,
    actor: Actor,
    codes: Mapping[str, Any] | None = None,
    words: str = "",
    one_for: str = "",
) -> Proposal:
    """Write a proposal down in the caller's unit of work, under the case's lock.

    `one_for` names a code: one of the kind may wait for each value of it, else one in all. Raises
    `Conflict("proposed_already")`.
    """
    handler = handlers.get(kind)
    same = {f"codes__{one_for}": (codes or {})[one_for]} if one_for else {}
    if case.proposals.filter(kind=kind, state=ProposalState.WAITING, **same).exists():
        raise Conflict("proposed_already", _("This was proposed and waits for another person."))
    proposal = Proposal(
        id=new_id(),
        case=case,
        kind=kind,
        proposed_by=actor.id,
        proposed_at=clock.now(),
        codes=dict(codes or {}),
        needed=handler.needed,
    )
    if words:
        proposal.field = f"proposal.{proposal.id}"
        vault.write_small(case.file_unit, proposal.field, words.encode())
    proposal.save(force_insert=True)
    record(
        "proposal.made",
        actor=actor,
        case_id=case.id,
        subject_id=proposal.id,
        kind=str(kind),
        needed=proposal.needed,
    )
    return proposal


def agree(*, proposal_id: UUID, actor: Actor) -> Proposal:
    """Another person says yes; with the last one that is needed it happens.

    Raises `NotAllowed` with second_person, opener_barred, agreed_already, supervisor_needed;
    `Conflict("proposal_over")`, and what the kind itself refuses.
    """
    require_reviewer(actor)
    with unit_of_work():
        proposal, case = _waiting(proposal_id)
        handler = handlers.get(proposal.kind)
        _require_another(proposal, case, actor)
        handler.check(proposal, case, actor)
        given = list(proposal.agreements.values_list("by", "role"))
        left = proposal.needed - len(given) - 1
        supervised = "supervisor" in {actor.role, *(role for _by, role in given)}
        if left == 0 and handler.needs_supervisor and not supervised:
            raise NotAllowed("supervisor_needed", _("One of those who agree is a supervisor."))
        Agreement.objects.create(
            proposal=proposal,
            proposed_by=proposal.proposed_by,
            by=actor.id,
            role=actor.role,
            at=clock.now(),
        )
        record(
            "proposal.agreed",
            actor=actor,
            case_id=case.id,
            subject_id=proposal.id,
            kind=proposal.kind,
            left=left,
        )
        if left == 0:
            _settle(proposal, ProposalState.AGREED)
            handler.agreed(proposal, case, actor)
    return proposal


def _require_another(proposal: Proposal, case: Case, actor: Actor) -> None:
    if proposal.proposed_by == actor.id:
        raise NotAllowed("second_person", _("You proposed this, so another person decides."))
    if case.opener and case.opener == actor.id:
        raise NotAllowed("opener_barred", _("You entered this request, so another person decides."))
    if proposal.agreements.filter(by=actor.id).exists():
        raise NotAllowed("agreed_already", _("You agreed already; one more person is needed."))


def turn_down(*, proposal_id: UUID, actor: Actor) -> Proposal:
    """A person says no, or who proposed it takes it back: nothing happens."""
    require_reviewer(actor)
    with unit_of_work():
        proposal, case = _waiting(proposal_id)
        _drop(proposal, case, actor, ProposalState.TURNED_DOWN)
    return proposal


def lapse(
    case: Case,
    *,
    actor: Actor,
    kinds: tuple[ProposalKind, ...],
    codes: Mapping[str, Any] | None = None,
) -> None:
    """What a proposal was about is over; runs in the caller's unit of work.

    With `codes`, only what was proposed with these.
    """
    about = {f"codes__{name}": value for name, value in (codes or {}).items()}
    standing = case.proposals.select_for_update().filter(
        kind__in=kinds, state=ProposalState.WAITING, **about
    )
    for proposal in standing:
        _drop(proposal, case, actor, ProposalState.LAPSED)


def lapse_of(case: Case, officers: Collection[str], *, actor: Actor) -> None:
    """What waits and rests on the word of people who must not work on the case (X-09)."""
    theirs = Q(proposed_by__in=officers) | Q(
        id__in=Agreement.objects.filter(by__in=officers).values("proposal")
    )
    for proposal in case.proposals.select_for_update().filter(theirs, state=ProposalState.WAITING):
        _drop(proposal, case, actor, ProposalState.LAPSED)


def lapse_all(case: Case, *, actor: Actor) -> None:
    """The file goes, and with it the words of whatever waits: it waits no longer (law L-23)."""
    lapse(case, actor=actor, kinds=tuple(ProposalKind))


def words_of(proposal: Proposal) -> str:
    """What was written with it, "" once the file is gone; outside a transaction."""
    if not proposal.field or proposal.case.status == Status.PURGED:
        return ""
    return vault.read(proposal.case.file_unit, proposal.field).decode()


def waiting_in(case: Case) -> list[Proposal]:
    """What another person can still decide about; nothing of a case whose file is gone."""
    if case.status == Status.PURGED:
        return []
    rows = case.proposals.filter(state=ProposalState.WAITING).order_by("proposed_at")
    return list(rows.prefetch_related("agreements"))


def _waiting(proposal_id: UUID) -> tuple[Proposal, Case]:
    found = Proposal.objects.filter(id=proposal_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    case = lock(found)
    proposal = Proposal.objects.select_for_update().get(id=proposal_id)
    if proposal.state != ProposalState.WAITING:
        raise Conflict("proposal_over", _("This was settled already."))
    return proposal, case


def _drop(proposal: Proposal, case: Case, actor: Actor, state: ProposalState) -> None:
    _settle(proposal, state)
    record(
        "proposal.dropped",
        actor=actor,
        case_id=case.id,
        subject_id=proposal.id,
        kind=proposal.kind,
        how=str(state),
    )
    handlers.get(proposal.kind).dropped(proposal, case, actor)


def _settle(proposal: Proposal, state: ProposalState) -> None:
    proposal.state, proposal.settled_at = state, clock.now()
    proposal.save(update_fields=["state", "settled_at"])
