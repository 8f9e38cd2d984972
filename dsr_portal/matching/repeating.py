"""The search once more over what was enrolled since, before an answer is made (R5).

New candidates go through the same two persons; without any the case stays decided, and the answer
names the moment up to which everything was compared.
"""

from uuid import UUID

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, ConsentScope, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching import photos as photo_set
from dsr_portal.matching import shared
from dsr_portal.matching.models import ProbeState, Search, SearchState
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import group_search
from dsr_portal.recognition import services as recognition

_GONE = (SearchState.STALE, SearchState.APART)
_UNFINISHED = (SearchState.RUNNING, SearchState.PRELIMINARY)


def bring_up_to_date(*, case_id: UUID, actor: Actor) -> bool:
    """Whether everything enrolled now was compared; if not, the search is repeated in a job.

    True also where nothing can be compared: no photo was searched with, or consent and photo are
    gone; the answer then names the moment its search ended. Opens its own unit of work.
    """
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        last = _last(case)
        if case.status != Status.DECIDED or last is None or not last.compares:
            return True
        if last.state in _UNFINISHED:
            return False
        if not _may_compare(case, last) or not recognition.has_enrolled_since(last.applied_change):
            return True
        _repeat(case, last, actor)
        return False


def is_repeating(case_id: UUID) -> bool:
    """Whether a repeated search of a decided case runs now."""
    search = Search.objects.filter(case_id=case_id, state__in=_UNFINISHED)
    return search.filter(since__isnull=False, case__status=Status.DECIDED).exists()


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


def _may_compare(case: Case, search: Search) -> bool:
    """No face code is made without consent or of a photo that is gone (R8)."""
    photos = search.all_photos()
    agreed = cases.has_consent(case=case, scope=ConsentScope.COMPARISON)
    return agreed and all(photo.state != ProbeState.DELETED for photo in photos)


def _repeat(case: Case, last: Search, actor: Actor) -> None:
    search = Search.objects.create(
        case=case,
        kind=last.kind,
        probe=last.probe,
        photos=last.photos,
        threshold=policy.current("review_threshold"),
        strong_threshold=policy.current("strong_threshold"),
        since=last.applied_change,
        started_at=clock.now(),
    )
    photo_set.begin(search, last.all_photos())
    record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
    enqueue(kind=shared.SEARCH, subject=search.id, idempotency_key=shared.key_of(search))
