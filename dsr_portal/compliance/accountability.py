"""The register of accountable persons, and that no decision stands without one (G-01, L-16; R24).

A director names who answers for a kind of decision and who stands in; that person agrees, with a
date from which and until when. Nothing is decided by it: it says who is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.compliance.accountable_models import Accountable, Duty
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound

MAY_BE_NAMED = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DIRECTOR})
"""The data protection officer advises and answers for no decision (law G-02)."""

DECISIONS: dict[Duty, tuple[str, ...]] = {
    Duty.MATCHES: ("decision.made", "review.decided"),
    Duty.ANSWERS: ("answer.approved", "proposal.agreed", "page.decided"),
    Duty.ERASURE: ("erasure.planned",),
    Duty.SETTINGS: ("policy.approved", "assessment.approved"),
    Duty.AUTHORITIES: ("order.complied", "breach.spare_agreed", "breach.closed"),
}
"""Events that are decisions, by who answers for them."""


class Decision(Protocol):
    """An event as the trail or an export of it has it."""

    @property
    def type(self) -> str: ...
    @property
    def actor_id(self) -> str: ...
    @property
    def actor_kind(self) -> str: ...
    @property
    def data(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One duty as the register shows it today."""

    duty: Duty
    first: list[Accountable]
    deputies: list[Accountable]
    vacant: bool


# -- naming --------------------------------------------------------------------------------------


def name(
    *, duty: str, staff_no: str, stands_in: bool, from_on: date, until_on: date | None, actor: Actor
) -> Accountable:
    """A director names a person; it counts once that person agreed.

    Raises `NotAllowed`, `BadInput` with no_such_duty, nobody_to_name, period_backwards;
    `Conflict("named_already")` where somebody else is the first person then.
    """
    if not actor.is_human_staff or actor.role != Role.DIRECTOR:
        raise NotAllowed("director_names", _("A director names who is accountable."))
    if duty not in Duty.values:
        raise BadInput("no_such_duty", _("Choose among the choices."))
    if from_on < clock.today() or (until_on is not None and until_on < from_on):
        raise BadInput("period_backwards", _("The period begins today or later, and ends after."))
    if not Staff.objects.filter(staff_no=staff_no, is_active=True, role__in=MAY_BE_NAMED).exists():
        raise BadInput("nobody_to_name", _("Name an officer, a supervisor or a director."))
    with unit_of_work():
        if not stands_in and _overlapping(duty, from_on, until_on).exists():
            raise Conflict(
                "named_already", _("Somebody is named for that time. End that first, or a deputy.")
            )
        row = Accountable.objects.create(
            duty=duty,
            staff_no=staff_no,
            stands_in=stands_in,
            from_on=from_on,
            until_on=until_on,
            named_by=actor.id,
            named_at=clock.now(),
        )
        _record("accountable.named", row, actor)
    return row


def _overlapping(duty: str, from_on: date, until_on: date | None) -> QuerySet[Accountable]:
    rows = Accountable.objects.select_for_update().filter(duty=duty, stands_in=False)
    rows = rows.filter(Q(until_on=None) | Q(until_on__gte=from_on))
    return rows if until_on is None else rows.filter(from_on__lte=until_on)


def agree(*, row_id: UUID, actor: Actor) -> Accountable:
    """The named person agrees; where a director named themselves, another director or a
    supervisor does."""
    with unit_of_work():
        row = _locked(row_id)
        if row.agreed_by:
            raise Conflict("agreed_already", _("This was agreed to already."))
        own = row.staff_no == row.named_by
        others = {Role.DIRECTOR, Role.SUPERVISOR} if own else set()
        if actor.id == row.named_by or not (actor.id == row.staff_no or actor.role in others):
            raise NotAllowed("not_yours_to_agree", _("The person who is named agrees."))
        if not actor.is_human_staff:
            raise NotAllowed("not_yours_to_agree", _("The person who is named agrees."))
        row.agreed_by, row.agreed_at = actor.id, clock.now()
        row.save(update_fields=["agreed_by", "agreed_at"])
        _record("accountable.agreed", row, actor)
    return row


def end(*, row_id: UUID, actor: Actor) -> Accountable:
    """From tomorrow on another one answers; a director or the person themselves ends it."""
    with unit_of_work():
        row = _locked(row_id)
        mine = actor.is_human_staff and (actor.role == Role.DIRECTOR or actor.id == row.staff_no)
        if not mine:
            raise NotAllowed("director_names", _("A director names who is accountable."))
        if row.until_on is not None and row.until_on <= clock.today():
            raise Conflict("over_already", _("This has ended already."))
        row.until_on = max(clock.today(), row.from_on)
        row.save(update_fields=["until_on"])
        _record("accountable.ended", row, actor)
    return row


def _locked(row_id: UUID) -> Accountable:
    row = Accountable.objects.select_for_update().filter(id=row_id).first()
    if row is None:
        raise NotFound("nobody_named", _("There is no such entry."))
    return row


def _record(event: str, row: Accountable, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        subject_id=row.id,
        duty=row.duty,
        who=row.staff_no,
        stands_in=row.stands_in,
        from_on=row.from_on,
        until_on=row.until_on,
    )


# -- reading -------------------------------------------------------------------------------------


def in_force(day: date, duty: str = "") -> QuerySet[Accountable]:
    """Who answered on a day, agreed to by two; an entry nobody agreed to counts for nobody."""
    rows = Accountable.objects.exclude(agreed_by="").filter(from_on__lte=day)
    rows = rows.filter(Q(until_on=None) | Q(until_on__gte=day))
    return (rows.filter(duty=duty) if duty else rows).order_by("duty", "stands_in", "from_on")


def register() -> list[Line]:
    """Every duty with who answers today; vacant where nobody named can sign in any more."""
    today = clock.today()
    active = set(
        Staff.objects.filter(is_active=True, role__in=MAY_BE_NAMED).values_list(
            "staff_no", flat=True
        )
    )
    lines = []
    for duty in Duty:
        rows = list(in_force(today, duty))
        lines.append(
            Line(
                duty,
                [one for one in rows if not one.stands_in],
                [one for one in rows if one.stands_in],
                vacant=not any(one.staff_no in active for one in rows),
            )
        )
    return lines


def vacant() -> list[Duty]:
    return [line.duty for line in register() if line.vacant]


def waiting() -> list[Accountable]:
    """Entries nobody agreed to yet."""
    return list(Accountable.objects.filter(agreed_by="").order_by("named_at"))


def history() -> list[Accountable]:
    """The whole register, the newest first: who it was at any time."""
    return list(Accountable.objects.exclude(agreed_by="").order_by("-from_on", "duty"))


def duty_of(event_type: str) -> Duty | None:
    return next((duty for duty, types in DECISIONS.items() if event_type in types), None)


def answered_for(event_type: str, day: date) -> list[Accountable]:
    """Who answered on that day for a decision of this type."""
    duty = duty_of(event_type)
    return [] if duty is None else list(in_force(day, duty))


# -- no decision without a named human ---------------------------------------------------------


def orphans(events: Iterable[Event] | None = None) -> list[Event]:
    """Decisions in the trail that no person with an account stands behind (law G-01, P-12).

    What the data subject orders is planned in the name of the person of staff in its payload.
    """
    if events is None:
        types = [one for many in DECISIONS.values() for one in many]
        events = Event.objects.filter(type__in=types).order_by("number")
    known = set(Staff.objects.values_list("staff_no", flat=True))
    return [one for one in events if not _ended(one) and stands_behind(one) not in known]


def _ended(event: Event) -> bool:
    """Whether the name was in a payload that came to its end (L-23): who it was can't be read."""
    return event.type == "erasure.planned" and event.data is None


def stands_behind(event: Decision) -> str:
    """The staff number of the person whose decision an event is, "" where it is nobody's."""
    if event.type == "erasure.planned":
        return str((event.data or {}).get("approver", ""))
    return event.actor_id if event.actor_kind == "staff" else ""
