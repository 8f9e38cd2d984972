"""The end of what stands about pictures put aside: case, kind and words (law C-09, L-23).

While a picture stands, its row covers it. Afterwards nobody needs to know of which request and of
what kind it was, but for what authorities were told of: that is kept as an order is, as long.
"""

from datetime import date
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import PutAside, SourceImage
from dsr_portal.law import deadlines
from dsr_portal.policy import selectors as policy

TERM = "order_years"
"""No law fixes a term; what an authority was told is evidence as an order's is, and kept alike."""

KIND, STATE = PutAside.Kind, PutAside.State
_NO_PROPOSAL = dict.fromkeys(
    ("release_by", "release_reason", "lower_by", "lower_reason", "lowered_by"), ""
)


def purge(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: the case's file goes; what is left to cover is covered without its name."""
    if reason == "purged":
        _end(PutAside.objects.filter(case_id=case_id), case_gone=True)


def end_due() -> int:
    """What a purge can't know: pictures erased, decisions made and terms run out since then."""
    return _end(PutAside.objects.all(), case_gone=False)


def _end(rows: QuerySet[PutAside], *, case_gone: bool) -> int:
    """How many rows lost something."""
    with unit_of_work():
        locked = rows.select_for_update(of=("self",)).select_related("image").order_by("id")
        return sum(_ends(row, case_gone or _file_is_gone(row)) for row in locked)


def _file_is_gone(row: PutAside) -> bool:
    return row.case_id is not None and notices.file_of(row.case_id) is None


def _ends(row: PutAside, case_gone: bool) -> bool:
    erased = row.image.state == SourceImage.State.ERASED
    if row.state == STATE.RELEASED and (case_gone or erased):
        row.delete()
        return True
    if erased and _term_over(row):
        row.delete()
        return True
    if row.kind == KIND.ABUSE or row.state == STATE.RELEASED:
        return False
    if erased:
        # The row alone still covers what was handed out of it before.
        return _drop(row, case_id=None, kind="", **_NO_PROPOSAL)
    if case_gone and row.state == STATE.CONFIRMED:
        return _drop(row, case_id=None, **_NO_PROPOSAL)
    return False


def _drop(row: PutAside, **left: str | None) -> bool:
    changed = [name for name, value in left.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, left[name])
    if changed:
        row.save(update_fields=changed)
    return bool(changed)


def _term_over(row: PutAside) -> bool:
    """Counted from the last word about it, which came before it was erased."""
    since = clock.local_date(row.freed_at or row.confirmed_at or row.found_at)
    until: date = deadlines.add_months(since, 12 * int(policy.current(TERM)))
    return until <= clock.today()
