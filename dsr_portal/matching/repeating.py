"""The search once more over what arrived since: before an answer is made, and before the plan of an
erasure is frozen (R5).

New candidates go through the same two persons; without any the case stays as it was, and what is
said names the moment up to which everything was compared. Once the answer has left, the two persons
decide beside the case: its state is what the person sees, and new pictures are not theirs to know
of before somebody decided (R3).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.consents import BEFORE_ERASURE
from dsr_portal.cases.models import Case, ConsentScope, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.gallery.named import has_arrived_since
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching import photos as photo_set
from dsr_portal.matching import shared
from dsr_portal.matching.models import ProbeState, Review, Search, SearchState
from dsr_portal.matching.reviews import OPEN
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import group_search
from dsr_portal.recognition import services as recognition

REPEATABLE = frozenset({Status.DECIDED, Status.DELIVERED})
"""Decided by two persons, and nothing of it is being erased."""

_GONE = (SearchState.STALE, SearchState.APART)
_UNFINISHED = (SearchState.RUNNING, SearchState.PRELIMINARY)
_BEING_DECIDED = frozenset({Status.SEARCHING, Status.IN_REVIEW, Status.SECOND_REVIEW})
_COUNTS = timedelta(days=1)
"""A repeated search is one of the day (R5): a gallery that grows all day holds off no plan."""


class Arrived(StrEnum):
    """Where what arrived since the last search stands."""

    COVERED = "covered"
    COMPARING = "comparing"
    TO_DECIDE = "to_decide"


def bring_up_to_date(*, case_id: UUID, actor: Actor) -> bool:
    """Whether everything enrolled now was compared; if not, the search is repeated in a job.

    True also where nothing can be compared, because consent or photo are gone; the answer then
    names the moment its search ended. Opens its own unit of work.
    """
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        return case.status != Status.DECIDED or _is_covered(case, _last(case), actor)


def before_erasing(*, case_id: UUID, asked_at: datetime, actor: Actor) -> Arrived:
    """Whether what arrived since was compared and decided, so that a plan may be frozen.

    If not the search is repeated in a job; one that was begun after `asked_at` and within a day
    counts. A job that failed for good waits for the officer who starts it again. COVERED also where
    nothing can be compared, or where the person agreed to less.
    """
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if is_deciding(case):
            return Arrived.TO_DECIDE
        last = _newest(case)
        if case.status not in REPEATABLE or last is None or not _agreed_before_erasure(case, last):
            return Arrived.COVERED
        since = max(asked_at, clock.now() - _COUNTS)
        counts = last.since is not None and last.started_at >= since
        if counts and last.state not in _UNFINISHED:
            return Arrived.COVERED
        return Arrived.COVERED if _is_covered(case, last, actor) else Arrived.COMPARING


def is_deciding(case: Case) -> bool:
    """Whether two persons are deciding now about what a search of this case found."""
    beside = Review.objects.filter(case=case, beside=True, state__in=OPEN)
    return case.status in _BEING_DECIDED or beside.exists()


def is_repeating(case_id: UUID) -> bool:
    """Whether a repeated search of a decided or answered case runs now."""
    search = Search.objects.filter(case_id=case_id, state__in=_UNFINISHED)
    return search.filter(since__isnull=False, case__status__in=REPEATABLE).exists()


def _is_covered(case: Case, last: Search | None, actor: Actor) -> bool:
    """Whether the last search is over and covers what is there; else one runs or begins now."""
    if last is None:
        return True
    if last.state in _UNFINISHED:
        return False
    if not _something_arrived(case, last):
        return True
    _repeat(case, last, actor)
    return False


def _newest(case: Case) -> Search | None:
    rows = Search.objects.select_for_update().filter(case=case).exclude(state__in=_GONE)
    return rows.order_by("-started_at", "-id").first()


def _last(case: Case) -> Search | None:
    """The newest search; a repeated one whose job failed for good is none and can be made anew."""
    rows = Search.objects.select_for_update().filter(case=case).exclude(state__in=_GONE)
    for search in rows.order_by("-started_at", "-id"):
        unfinished = search.since is not None and search.state in _UNFINISHED
        if not unfinished or not shared.failed_jobs(search):
            return search
        group_search.forget(shared.key_of(search))
        search.state = SearchState.STALE
        search.save(update_fields=["state"])
    return None


def _something_arrived(case: Case, last: Search) -> bool:
    """Whether there is something to compare or to look up that the last search did not cover."""
    if last.compares and not _may_compare(case, last):
        return False
    if last.compares and recognition.has_enrolled_since(last.applied_change):
        return True
    return last.looks_up and has_arrived_since(last.started_at)


def _may_compare(case: Case, search: Search) -> bool:
    """No face code is made without consent or of a photo that is gone (R8)."""
    photos = search.all_photos()
    agreed = cases.has_consent(case=case, scope=ConsentScope.COMPARISON)
    return agreed and all(photo.state != ProbeState.DELETED for photo in photos)


def _agreed_before_erasure(case: Case, search: Search) -> bool:
    """Who agreed to the words of before, "once more before the answer", agreed to no more (R8)."""
    return not search.compares or cases.has_consent(
        case=case, scope=ConsentScope.COMPARISON, versions=BEFORE_ERASURE
    )


def _repeat(case: Case, last: Search, actor: Actor) -> None:
    search = Search.objects.create(
        case=case,
        kind=last.kind,
        probe=last.probe,
        photos=last.photos,
        threshold=policy.current("review_threshold") if last.compares else None,
        strong_threshold=policy.current("strong_threshold") if last.compares else None,
        since=last.applied_change,
        started_at=clock.now(),
    )
    photo_set.begin(search, last.all_photos())
    record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
    kind = shared.SEARCH if search.compares else shared.LOOK_UP
    enqueue(kind=kind, subject=search.id, idempotency_key=f"{kind}:{search.id}")
