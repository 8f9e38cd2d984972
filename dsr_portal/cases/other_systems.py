"""Other systems of the controller: listed once, searched by people in each case (law A-17).

The portal searches what it holds. Archives, logs, mail about the person, processors and copies are
the controller's to search. No answer about data is made before an officer stated of each listed
system what it holds of this person; where none is listed, a director stated once that there are
none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.other_models import (
    NoOtherSystems,
    OtherSystem,
    SearchedOutcome,
    SearchedSystem,
    SystemKind,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.vault import services as vault

MAY_LIST = frozenset({Role.DPO, Role.SUPERVISOR, Role.DIRECTOR})
MAX_WORDS = 1500
_BEFORE = (Status.PURGED, Status.CLOSED)


@dataclass(frozen=True, slots=True)
class Line:
    """One system as it stands in a case; `outcome` is empty while nobody stated anything."""

    system: OtherSystem
    outcome: str = ""
    outcome_words: str = ""
    words: str = ""
    by: str = ""
    at: datetime | None = None


# -- the register ---------------------------------------------------------------------------------


def enter(*, name: str, kind: str, actor: Actor) -> OtherSystem:
    """List a system; every case whose answer is not made yet waits for it from now on.

    Raises `NotAllowed("systems_role")`, `BadInput` with system_name, system_kind.
    """
    _require(actor, MAY_LIST)
    plain = " ".join(name.split())
    if not plain or len(plain) > 120:
        raise BadInput("system_name", _("Write its name, in at most 120 characters."))
    if kind not in SystemKind.values:
        raise BadInput("system_kind", _("Choose among the choices."))
    with unit_of_work():
        NoOtherSystems.objects.filter(ended_at=None).update(ended_at=clock.now())
        row = OtherSystem.objects.create(
            name=plain, kind=kind, entered_by=actor.id, entered_at=clock.now()
        )
        record("systems.entered", actor=actor, subject_id=row.id, kind=row.kind)
    return row


def end(*, system_id: UUID, actor: Actor) -> OtherSystem:
    """It holds nothing of people any more, or is gone. Raises `Conflict("over_already")`."""
    _require(actor, MAY_LIST)
    with unit_of_work():
        row = OtherSystem.objects.select_for_update().filter(id=system_id).first()
        if row is None:
            raise NotFound("no_system", _("There is no such entry."))
        if row.ended_at is not None:
            raise Conflict("over_already", _("This has ended already."))
        row.ended_by, row.ended_at = actor.id, clock.now()
        row.save(update_fields=["ended_by", "ended_at"])
        record("systems.ended", actor=actor, subject_id=row.id, kind=row.kind)
    return row


def state_none(*, actor: Actor) -> NoOtherSystems:
    """A director states that no other system holds data about people, until one is entered."""
    _require(actor, frozenset({Role.DIRECTOR}))
    with unit_of_work():
        if listed():
            raise Conflict("systems_listed", _("Systems are listed. End them first."))
        row = none_stated()
        if row is None:
            row = NoOtherSystems.objects.create(stated_by=actor.id, stated_at=clock.now())
            record("systems.none_stated", actor=actor, subject_id=row.id)
    return row


def listed() -> list[OtherSystem]:
    return list(OtherSystem.objects.filter(ended_at=None).order_by("name", "entered_at"))


def register() -> list[OtherSystem]:
    """Those of today first."""
    rows = OtherSystem.objects.order_by("name", "entered_at")
    return sorted(rows, key=lambda one: one.ended_at is not None)


def none_stated() -> NoOtherSystems | None:
    return NoOtherSystems.objects.filter(ended_at=None).order_by("-stated_at").first()


# -- a case ---------------------------------------------------------------------------------------


def state(
    *, case_id: UUID, system_id: UUID, outcome: str, words: str = "", actor: Actor
) -> SearchedSystem:
    """An officer states what one system holds of this person; said again, the newest counts.

    Raises `BadInput` with searched_outcome, words_missing, words_too_long; `NotFound("no_system")`;
    `Conflict("case_over")`.
    """
    require_reviewer(actor)
    if outcome not in SearchedOutcome.values:
        raise BadInput("searched_outcome", _("Choose one of the answers."))
    plain = words.strip()
    if outcome != SearchedOutcome.NOTHING and not plain:
        raise BadInput("words_missing", _("Write what it holds, or why it can hold nothing."))
    if len(plain) > MAX_WORDS:
        raise BadInput(
            "words_too_long",
            _("This text is too long. We take up to %(limit)s characters.") % {"limit": MAX_WORDS},
        )
    with unit_of_work():
        case = lock(case_id)
        if case.status in _BEFORE or case.withdrawn_at is not None:
            raise Conflict("case_over", _("This request is closed."))
        system = OtherSystem.objects.filter(id=system_id, ended_at=None).first()
        if system is None:
            raise NotFound("no_system", _("There is no such entry."))
        field = ""
        if plain:
            field = f"searched.{clock.now():%Y%m%d%H%M%S%f}"
            vault.write_small(case.file_unit, field, plain.encode())
        row, _new = SearchedSystem.objects.update_or_create(
            case=case,
            system=system,
            defaults={"outcome": outcome, "field": field, "by": actor.id, "at": clock.now()},
        )
        record(
            "systems.searched",
            actor=actor,
            case_id=case.id,
            subject_id=system.id,
            outcome=row.outcome,
        )
    return row


def require_stated(case: Case) -> None:
    """Raises `Conflict`: systems_not_listed, or systems_not_searched while one is not stated."""
    problem = why_not(case)
    if problem is not None:
        raise problem


def why_not(case: Case) -> Conflict | None:
    systems = listed()
    if not systems and none_stated() is None:
        return Conflict(
            "systems_not_listed",
            _("List the controller's other systems first, or a director states there are none."),
        )
    known = set(case.searched.values_list("system_id", flat=True))
    left = [one.name for one in systems if one.id not in known]
    if left:
        return Conflict(
            "systems_not_searched",
            _("State first what these hold of the person: %(names)s.") % {"names": ", ".join(left)},
        )
    return None


def lines(case: Case) -> list[Line]:
    """Every system listed now or stated in this case; outside a transaction, for the words."""
    stated = {row.system_id: row for row in case.searched.select_related("system")}
    systems = listed()
    known = {one.id for one in systems}
    past = [row.system for row in stated.values() if row.system_id not in known]
    return [_line(case, one, stated.get(one.id)) for one in [*systems, *past]]


def _line(case: Case, system: OtherSystem, row: SearchedSystem | None) -> Line:
    if row is None:
        return Line(system)
    kept = row.field and vault.has(case.file_unit, row.field)
    return Line(
        system=system,
        outcome=row.outcome,
        outcome_words=str(row.get_outcome_display()),
        words=vault.read(case.file_unit, row.field).decode() if kept else "",
        by=row.by,
        at=row.at,
    )


def unstated(rows: Sequence[Line]) -> list[Line]:
    return [one for one in rows if not one.outcome]


def _require(actor: Actor, roles: frozenset[Role]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("systems_role", _("Your role does not include this."))
