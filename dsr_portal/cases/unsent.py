"""Letters that have not left and are not needed any more: nobody posts them (law D-07)."""

from collections.abc import Collection, Iterable
from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.cases.models import Case, LetterKind, LetterState
from dsr_portal.core.actor import Actor

QUESTIONS = (
    LetterKind.NEED_INFO,
    LetterKind.IDENTITY_DOUBT,
    LetterKind.ASK_REMINDER,
    LetterKind.PHOTO,
)
_UNSENT = (LetterState.QUEUED, LetterState.TO_POST, LetterState.FAILED)


def drop(
    case: Case,
    *,
    kinds: Iterable[LetterKind],
    actor: Actor,
    only: Collection[UUID | None] | None = None,
) -> None:
    """In the caller's unit of work, under the case's lock; with `only`, of these letters."""
    rows = case.letters.select_for_update().filter(kind__in=kinds, state__in=_UNSENT)
    if only is not None:
        rows = rows.filter(id__in=[one for one in only if one is not None])
    for row in rows:
        row.state = LetterState.DROPPED
        row.save(update_fields=["state"])
        record("letter.dropped", actor=actor, case_id=case.id, subject_id=row.id, kind=row.kind)
