"""Other systems of the controller: listed once, searched by people in each case (law A-17).

The portal searches what it holds. Archives, logs, mail about the person, processors and copies are
the controller's to search. No answer about data is made, and no erasure is confirmed, before it was
stated of each listed system what it holds of this person: by an officer, or by a standing answer of
two persons. Where none is listed, a director stated once that there are none. What was found and is
to be erased is deleted there by people, who say so before the erasure is confirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import answered, found_files, standing_answers
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.other_models import (
    FoundFile,
    NoOtherSystems,
    OtherSystem,
    SearchedOutcome,
    SearchedSystem,
    StandingAnswer,
    SystemKind,
    ThereErased,
)
from dsr_portal.cases.standing_answers import require_lister, require_role
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.vault import services as vault

MAX_WORDS = 1500
LISTED_LATER = "system_listed_later"
"""Flag for officers: a system was listed after this case's answer was made."""


@dataclass(frozen=True, slots=True)
class Line:
    """One system as it stands in a case; `outcome` is empty while nobody stated anything.

    `standing` is the standing answer that spoke for it, or will when the answer is made.
    """

    system: OtherSystem
    outcome: str = ""
    outcome_words: str = ""
    words: str = ""
    by: str = ""
    at: datetime | None = None
    standing: StandingAnswer | None = None
    erased: str = ""
    erased_words: str = ""
    erased_why: str = ""
    erased_by: str = ""
    erased_at: datetime | None = None
    files: Sequence[tuple[FoundFile, str]] = ()
    """Each with what the officer called it."""

    @property
    def waits_for_erasure(self) -> bool:
        """Whether something was found and nobody said what became of it there."""
        return self.outcome == SearchedOutcome.FOUND and not self.erased


# -- the register ---------------------------------------------------------------------------------


def enter(*, name: str, kind: str, actor: Actor) -> OtherSystem:
    """List a system; every case whose answer is not made yet waits for it from now on.

    Open cases whose answer is made are flagged: an officer searches it for them and writes.
    Raises `NotAllowed("systems_role")`, `BadInput` with system_name, system_kind.
    """
    require_lister(actor)
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
        for case_id in sorted(answered.cases()):
            raise_flag(case_id=case_id, code=LISTED_LATER, actor=actor)
    return row


def end(*, system_id: UUID, actor: Actor) -> OtherSystem:
    """It holds nothing of people any more, or is gone. Raises `Conflict("over_already")`."""
    require_lister(actor)
    with unit_of_work():
        row = OtherSystem.objects.select_for_update().filter(id=system_id).first()
        if row is None:
            raise NotFound("no_system", _("There is no such entry."))
        if row.ended_at is not None:
            raise Conflict("over_already", _("This has ended already."))
        row.ended_by, row.ended_at = actor.id, clock.now()
        row.save(update_fields=["ended_by", "ended_at"])
        standing_answers.end_all(row, actor=actor)
        record("systems.ended", actor=actor, subject_id=row.id, kind=row.kind)
    return row


def state_none(*, actor: Actor) -> NoOtherSystems:
    """A director states that no other system holds data about people, until one is entered."""
    require_role(actor, frozenset({Role.DIRECTOR}))
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

    What was found is taken back by another person once an answer told of it or an erasure runs
    (E-03). Raises `BadInput` with searched_outcome, words_missing, words_too_long;
    `NotFound("no_system")`, `NotAllowed("second_person")`, `Conflict("case_over")`.
    """
    require_reviewer(actor)
    if outcome not in SearchedOutcome.values:
        raise BadInput("searched_outcome", _("Choose one of the answers."))
    plain = words.strip()
    if outcome != SearchedOutcome.NOTHING and not plain:
        raise BadInput("words_missing", _("Write what it holds, or why it can hold nothing."))
    _require_length(plain)
    with unit_of_work():
        case = lock(case_id)
        answered.require_open(case)
        system = OtherSystem.objects.filter(id=system_id, ended_at=None).first()
        if system is None:
            raise NotFound("no_system", _("There is no such entry."))
        if outcome != SearchedOutcome.FOUND:
            _require_other_to_take_back(case, system, actor)
        row, _new = SearchedSystem.objects.update_or_create(
            case=case,
            system=system,
            defaults={
                "outcome": outcome,
                "field": _kept(case, "searched", plain),
                "by": actor.id,
                "at": clock.now(),
                "standing": None,
                # What was said of an earlier find says nothing about this one.
                "erased": "",
                "erased_field": "",
                "erased_by": "",
                "erased_at": None,
            },
        )
        if outcome != SearchedOutcome.FOUND:
            found_files.forget(row, actor=actor)
        record(
            "systems.searched",
            actor=actor,
            case_id=case.id,
            subject_id=system.id,
            outcome=row.outcome,
        )
        if why_not(case) is None:
            case.flags.filter(code=LISTED_LATER).delete()
    return row


def _require_other_to_take_back(case: Case, system: OtherSystem, actor: Actor) -> None:
    """Else one person alone would free a find from being deleted, or kept by two."""
    if case.status != Status.ERASING and case.id not in answered.cases():
        return
    finds = case.searched.filter(system=system, outcome=SearchedOutcome.FOUND)
    if finds.filter(by=actor.id).exists():
        raise NotAllowed(
            "second_person", _("You wrote down what was found, so another person takes it back.")
        )


def state_erased(
    *, case_id: UUID, system_id: UUID, erased: str, words: str = "", actor: Actor
) -> SearchedSystem:
    """An officer states what became of what was found in one system, where erasure was asked.

    That something is kept there needs a reason, and another person than who found it (E-03).
    Raises `BadInput` with there_erased, words_missing, words_too_long;
    `NotAllowed("second_person")`; `Conflict` with case_over, erasure_not_asked, answer_first
    (E-11), nothing_found_there.
    """
    require_reviewer(actor)
    if erased not in ThereErased.values:
        raise BadInput("there_erased", _("Choose one of the answers."))
    plain = words.strip()
    if erased == ThereErased.KEPT and not plain:
        raise BadInput("words_missing", _("Write why it is kept there, and until when."))
    _require_length(plain)
    with unit_of_work():
        case = lock(case_id)
        answered.require_open(case)
        answered.require_erasure_turn(case)
        row = case.searched.select_for_update().filter(system_id=system_id).first()
        if row is None or row.outcome != SearchedOutcome.FOUND:
            raise Conflict("nothing_found_there", _("Write down first what this system holds."))
        if erased == ThereErased.KEPT and row.by == actor.id:
            raise NotAllowed(
                "second_person", _("You wrote down what was found, so another person keeps it.")
            )
        row.erased, row.erased_field = erased, _kept(case, "there", plain)
        row.erased_by, row.erased_at = actor.id, clock.now()
        row.save(update_fields=["erased", "erased_field", "erased_by", "erased_at"])
        record(
            "systems.erased_there",
            actor=actor,
            case_id=case.id,
            subject_id=system_id,
            erased=row.erased,
        )
    return row


def _kept(case: Case, what: str, words: str) -> str:
    """The field of the case file that now holds these words; "" where there are none."""
    if not words:
        return ""
    field = f"{what}.{clock.now():%Y%m%d%H%M%S%f}"
    vault.write_small(case.file_unit, field, words.encode())
    return field


def _require_length(words: str) -> None:
    if len(words) > MAX_WORDS:
        raise BadInput(
            "words_too_long",
            _("This text is too long. We take up to %(limit)s characters.") % {"limit": MAX_WORDS},
        )


def require_stated(case: Case, *, actor: Actor) -> None:
    """Have standing answers speak where nobody did; then each system must be stated.

    In the caller's unit of work, under the case's lock. Raises `Conflict`: systems_not_listed, or
    systems_not_searched while one is not stated.
    """
    standing_answers.answer_for(case, actor=actor)
    problem = why_not(case)
    if problem is not None:
        raise problem


def why_not(case: Case) -> Conflict | None:
    """What is not stated yet, where no standing answer will speak for it."""
    systems = listed()
    if not systems and none_stated() is None:
        return Conflict(
            "systems_not_listed",
            _("List the controller's other systems first, or a director states there are none."),
        )
    counts = case.searched.exclude(id__in=standing_answers.ended_in(case))
    stated = set(counts.values_list("system_id", flat=True))
    known = stated | set(standing_answers.in_force())
    again = set(_before_reopening(case).values_list("system_id", flat=True))
    left = [one.name for one in systems if one.id not in known - again]
    if left:
        return Conflict(
            "systems_not_searched",
            _("State first what these hold of the person: %(names)s.") % {"names": ", ".join(left)},
        )
    return None


def _before_reopening(case: Case) -> QuerySet[SearchedSystem]:
    """What officers stated before the request was opened again: they look anew for the answer that
    is made then (law O-03, O-07), also where a standing answer would speak by now."""
    opened = events_for_case(case.id).filter(type="case.reopened").last()
    if opened is None:
        return case.searched.none()
    return case.searched.filter(standing=None, at__lt=opened.at)


def why_not_erased(case: Case) -> Conflict | None:
    """What an erasure can't be confirmed without (law A-17, E-14); None where all is stated."""
    problem = why_not(case)
    if problem is not None:
        return problem
    open_finds = case.searched.filter(outcome=SearchedOutcome.FOUND, erased="")
    left = sorted(open_finds.values_list("system__name", flat=True))
    if left:
        return Conflict(
            "found_not_erased",
            _("State first what became of what was found in: %(names)s.")
            % {"names": ", ".join(left)},
        )
    return None


def lines(case: Case) -> list[Line]:
    """Every system listed now or stated in this case; outside a transaction, for the words."""
    stated = {row.system_id: row for row in case.searched.select_related("system", "standing")}
    systems = listed()
    known = {one.id for one in systems}
    standing = standing_answers.in_force()
    past = [row.system for row in stated.values() if row.system_id not in known]
    return [
        _line(case, stated[one.id])
        if one.id in stated
        else Line(one, standing=standing.get(one.id))
        for one in [*systems, *past]
    ]


def _line(case: Case, row: SearchedSystem) -> Line:
    return Line(
        system=row.system,
        outcome=row.outcome,
        outcome_words=str(row.get_outcome_display()),
        words=row.standing.reason if row.standing else _words(case, row.field),
        by=row.by,
        at=row.at,
        standing=row.standing,
        erased=row.erased,
        erased_words=str(row.get_erased_display()),
        erased_why=_words(case, row.erased_field),
        erased_by=row.erased_by,
        erased_at=row.erased_at,
        files=[
            (file, found_files.what_of(file))
            for file in found_files.of_case(case).filter(searched=row)
        ],
    )


def _words(case: Case, field: str) -> str:
    if not field or not vault.has(case.file_unit, field):
        return ""
    return vault.read(case.file_unit, field).decode()
