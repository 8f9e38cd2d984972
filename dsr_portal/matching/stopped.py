"""Work on a case that failed for good: seen by officers, and started again by one of them.

A photo whose check stopped must not wait for ever: the person is told and may send another.
"""

from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import requeue
from dsr_portal.matching import shared
from dsr_portal.matching.models import Probe, ProbeState, Search, SearchState
from dsr_portal.matching.reviewers import require_reviewer

FLAG = "work_stopped"
_SWEEP = Actor.system("matching")
_JUDGE = "matching.judge_probe"
_RUNNING = (SearchState.RUNNING, SearchState.PRELIMINARY)


def photos_stopped(case_id: UUID) -> set[UUID]:
    """Photos whose check failed for good."""
    waiting = Probe.objects.filter(case_id=case_id, state=ProbeState.RECEIVED)
    return {UUID(job.subject) for job in _failed((_JUDGE,), waiting.values_list("id", flat=True))}


def stopped_jobs(case_id: UUID) -> list[Job]:
    """The check of a photo or the search of a case that failed for good."""
    photos = Probe.objects.filter(case_id=case_id, state=ProbeState.RECEIVED)
    searches = Search.objects.filter(case_id=case_id, state__in=_RUNNING)
    return [
        *_failed((_JUDGE,), photos.values_list("id", flat=True)),
        *(job for search in searches for job in shared.failed_jobs(search)),
    ]


def _failed(kinds: tuple[str, ...], subjects: Iterable[UUID]) -> list[Job]:
    ids = [str(one) for one in subjects]
    return list(Job.objects.filter(kind__in=kinds, subject__in=ids, state=JobState.FAILED))


def start_again(*, case_id: UUID, actor: Actor) -> int:
    """Give what failed its attempts back, as an officer's wish after a repair; how many."""
    require_reviewer(actor)
    with unit_of_work():
        stopped = stopped_jobs(case_id)
        if not stopped:
            raise Conflict("nothing_stopped", _("Nothing has stopped in this case."))
        for job in stopped:
            requeue(job_id=job.id, actor=actor)
    return len(stopped)


def flag_stopped() -> int:
    """Raise a flag where work of an open case failed for good; how many cases. Run regularly."""
    photos = Probe.objects.filter(state=ProbeState.RECEIVED)
    searches = Search.objects.filter(state__in=_RUNNING)
    open_cases = {*photos.values_list("case_id", flat=True)}
    open_cases |= {*searches.values_list("case_id", flat=True)}
    found = [one for one in sorted(open_cases) if stopped_jobs(one)]
    for case_id in found:
        cases.raise_flag(case_id=case_id, code=FLAG, actor=_SWEEP)
    return len(found)
