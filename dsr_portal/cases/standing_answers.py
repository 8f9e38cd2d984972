"""Standing answers: what a system can hold of nobody, said once for every case (law A-17).

A system that by its nature holds nothing of a person who asks (the time clock of the doors, the
bookkeeping of suppliers) need not be searched in each case. Two persons decide that, with a reason
and a day on which it is looked at again; each case it answers keeps that it was answered so, and
its papers say so. After that day, or once it was ended, an officer states it by hand again.
"""

from datetime import date, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import answered
from dsr_portal.cases.models import Case
from dsr_portal.cases.other_models import (
    OtherSystem,
    SearchedOutcome,
    SearchedSystem,
    StandingAnswer,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.documents.claims import big_words

MAY_LIST = frozenset({Role.DPO, Role.SUPERVISOR, Role.DIRECTOR})
MOST_DAYS = 366
MAX_REASON = 500


def require_lister(actor: Actor) -> None:
    """Raises `NotAllowed("systems_role")` for whoever does not keep the register."""
    require_role(actor, MAY_LIST)


def require_role(actor: Actor, roles: frozenset[Role]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("systems_role", _("Your role does not include this."))


# -- two persons ----------------------------------------------------------------------------------


def propose(*, system_id: UUID, reason: str, until: date, actor: Actor) -> StandingAnswer:
    """Say why this system can hold nothing of anybody; nothing changes before another agrees.

    Raises `BadInput` with standing_reason, standing_claims, standing_until; `NotFound("no_system")`
    and `Conflict("proposed_already")`.
    """
    require_lister(actor)
    plain = " ".join(reason.split())
    if not plain or len(plain) > MAX_REASON:
        raise BadInput("standing_reason", _("Write why, in at most 500 characters."))
    # With a sentence about a search before it: the words are read beside a result (R15).
    if found := big_words(f"search. {plain}"):
        raise BadInput(
            "standing_claims",
            _('Leave out "%(word)s": no text beside a search says that.') % {"word": found[0].word},
        )
    today = clock.today()
    if not today < until <= today + timedelta(days=MOST_DAYS):
        raise BadInput(
            "standing_until", _("Choose a day after today, at most a year ahead, to look again.")
        )
    with unit_of_work():
        system = OtherSystem.objects.select_for_update().filter(id=system_id, ended_at=None).first()
        if system is None:
            raise NotFound("no_system", _("There is no such entry."))
        if system.standing.filter(agreed_at=None, ended_at=None).exists():
            raise Conflict("proposed_already", _("This was proposed already."))
        row = StandingAnswer.objects.create(
            system=system,
            reason=plain,
            until=until,
            proposed_by=actor.id,
            proposed_at=clock.now(),
        )
        record(
            "systems.standing_proposed",
            actor=actor,
            subject_id=row.id,
            kind=system.kind,
            until=until,
        )
    return row


def agree(*, standing_id: UUID, actor: Actor) -> StandingAnswer:
    """The second person: from now on it answers for cases; what stood before ends.

    Raises `NotAllowed("second_person")`; `Conflict` with no_proposal, standing_over.
    """
    require_lister(actor)
    with unit_of_work():
        row = _standing(standing_id)
        if row.agreed_at is not None:
            raise Conflict("no_proposal", _("This was agreed to already."))
        if row.proposed_by == actor.id:
            raise NotAllowed("second_person", _("You proposed this, so another person decides."))
        if row.until <= clock.today():
            raise Conflict("standing_over", _("Its day is over. Propose it with a later one."))
        for before in row.system.standing.filter(ended_at=None, agreed_at__isnull=False):
            _end(before, actor)
        row.agreed_by, row.agreed_at = actor.id, clock.now()
        row.save(update_fields=["agreed_by", "agreed_at"])
        record(
            "systems.standing_agreed",
            actor=actor,
            subject_id=row.id,
            kind=row.system.kind,
            until=row.until,
        )
    return row


def end(*, standing_id: UUID, actor: Actor) -> StandingAnswer:
    """It stands no longer, or what was proposed is turned down; one person is enough for that."""
    require_lister(actor)
    with unit_of_work():
        row = _standing(standing_id)
        _end(row, actor)
    return row


def end_all(system: OtherSystem, *, actor: Actor) -> None:
    """The system left the register; in the caller's unit of work."""
    for row in system.standing.select_for_update().filter(ended_at=None):
        _end(row, actor)


def _end(row: StandingAnswer, actor: Actor) -> None:
    row.ended_by, row.ended_at = actor.id, clock.now()
    row.save(update_fields=["ended_by", "ended_at"])
    record("systems.standing_ended", actor=actor, subject_id=row.id, kind=row.system.kind)


def _standing(standing_id: UUID) -> StandingAnswer:
    rows = StandingAnswer.objects.select_for_update(of=("self",)).select_related("system")
    row = rows.filter(id=standing_id).first()
    if row is None:
        raise NotFound("no_standing", _("There is no such entry."))
    if row.ended_at is not None:
        raise Conflict("over_already", _("This has ended already."))
    return row


# -- what stands ----------------------------------------------------------------------------------


def in_force() -> dict[UUID, StandingAnswer]:
    """By system, what two persons agreed to and whose day has not come."""
    rows = StandingAnswer.objects.filter(
        ended_at=None,
        agreed_at__isnull=False,
        until__gte=clock.today(),
        system__ended_at=None,
    )
    return {row.system_id: row for row in rows}


def to_settle() -> dict[UUID, StandingAnswer]:
    """By system, the newest that is proposed, in force or whose day is over."""
    rows = StandingAnswer.objects.filter(ended_at=None).order_by("proposed_at")
    return {row.system_id: row for row in rows}


def ended_in(case: Case) -> QuerySet[SearchedSystem]:
    """What standing answers said in this case that are not in force any more, and no answer that
    was made tells of: it counts no longer."""
    if case.id in answered.cases():
        return case.searched.none()
    current = [row.id for row in in_force().values()]
    return case.searched.filter(standing__isnull=False).exclude(standing__in=current)


def answer_for(case: Case, *, actor: Actor) -> int:
    """Write down, for each system nobody stated in this case, the standing answer; how many.

    In the caller's unit of work, under the case's lock. What an officer stated counts before it;
    what one said here that ended since is forgotten.
    """
    ended_in(case).delete()
    stated = set(case.searched.values_list("system_id", flat=True))
    spoken = 0
    for system_id, standing in sorted(in_force().items()):
        if system_id in stated:
            continue
        SearchedSystem.objects.create(
            case=case,
            system_id=system_id,
            outcome=SearchedOutcome.NOT_HERE,
            by=actor.id,
            at=clock.now(),
            standing=standing,
        )
        record(
            "systems.answered_by_standing",
            actor=actor,
            case_id=case.id,
            subject_id=system_id,
            standing=standing.id,
            until=standing.until,
        )
        spoken += 1
    return spoken
