"""Searches of cases where several groups of processes share the shards ("Past one machine").

A job makes sure of the photos and asks every group; each sweeps its own rows, and the last one to
finish makes the job that merges here, under the case's lock. While a group is missing the case
waits: nothing is shown, counted or claimed. What the groups found is forgotten with the merge, and
at once where the person withdraws.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching import rules
from dsr_portal.matching.models import Probe, Review, ReviewState, Search
from dsr_portal.recognition import group_search, groups
from dsr_portal.recognition.services import SearchOutcome

PICTURE = "picture"
SEARCH, MERGED = "matching.search", "matching.search_merged"
LOOK_UP = "matching.look_up"
WIDEN, HOP_MERGED = "matching.widen", "matching.widen_merged"
AGAIN_AFTER = timedelta(minutes=1)

_ACTOR = Actor.system("matching")


# -- the first search of a case -----------------------------------------------------------------


def key_of(search: Search) -> str:
    return f"{SEARCH}:{search.id}"


def ask(search: Search, photos: Collection[Probe]) -> None:
    """Have every group search with these photos, in the job's unit of work."""
    group_search.ask(
        key=key_of(search),
        pictures=[(photo.unit, PICTURE) for photo in photos],
        threshold=float(search.threshold or 0),
        nearest=rules.NEAREST,
        then=(MERGED, search.id),
    )


def outcome_of(search: Search) -> SearchOutcome:
    """What all groups found together, with the nearest below the threshold.

    Raises as `group_search.merged`.
    """
    outcome, below = group_search.merged(key_of(search))
    return replace(outcome, nearest=tuple(below))


def failed_jobs(search: Search) -> list[Job]:
    """What failed for good on the way of a search: its own jobs, a group's, the merging one."""
    own = Job.objects.filter(
        kind__in=(SEARCH, LOOK_UP, MERGED), subject=str(search.id), state=JobState.FAILED
    )
    found = {job.id: job for job in [*own, *group_search.failed_jobs(key_of(search))]}
    return [found[one] for one in sorted(found)]


def ask_again(search: Search, *, after_job: UUID) -> None:
    """The groups could not compare every face however often they were asked: a minute later, anew.

    The case goes on waiting, and the trail says so.
    """
    group_search.forget(key_of(search))
    record(
        "search.incomplete",
        actor=_ACTOR,
        case_id=search.case_id,
        subject_id=search.id,
        groups=groups.count(),
    )
    enqueue(
        kind=SEARCH,
        subject=search.id,
        idempotency_key=f"{key_of(search)}:{after_job}",
        run_after=clock.now() + AGAIN_AFTER,
    )


# -- a widened search -----------------------------------------------------------------------------


def hop_key(review: Review) -> str:
    """One key per hop, for its job and for what groups are asked."""
    return f"{WIDEN}:{review.id}:{review.hops}"


def hop_failure(review: Review) -> str | None:
    """The error code of a job of this hop that failed for good: its own, a group's, the merging."""
    key = hop_key(review)
    own = Job.objects.filter(
        idempotency_key__in=[key, _withdrawn_key(review)], state=JobState.FAILED
    )
    failed = [*own, *group_search.failed_jobs(key)]
    return failed[0].error_code if failed else None


def _withdrawn_key(review: Review) -> str:
    return f"{HOP_MERGED}:{review.id}:{review.hops}:withdrawn"


def ask_hop(
    review: Review, photos: Collection[Probe], *, threshold: float, used: Collection[UUID]
) -> None:
    """Have every group search with the photos and the faces that widen them."""
    group_search.ask(
        key=hop_key(review),
        pictures=[(photo.unit, PICTURE) for photo in photos],
        threshold=threshold,
        confirmed=list(used),
        then=(HOP_MERGED, review.id),
    )


# -- the person withdraws -------------------------------------------------------------------------


def forget_case(case_id: UUID) -> None:
    """Nothing any group found for a case stays; a widening goes on without it (R8)."""
    for search in Search.objects.filter(case_id=case_id):
        group_search.forget(key_of(search))
    for review in Review.objects.filter(case_id=case_id, state=ReviewState.WIDENING):
        if group_search.is_asked(hop_key(review)):
            group_search.forget(hop_key(review))
            enqueue(
                kind=HOP_MERGED,
                subject=review.id,
                idempotency_key=_withdrawn_key(review),
            )
