"""The work of workers for matching: judge a photo, search the gallery.

Pictures and index are handled outside transactions; results are written with the lease token.
"""

import time
from collections.abc import Sequence

from dsr_portal.audit.services import record
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.context import JobContext
from dsr_portal.matching import rules, services
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Probe,
    ProbeState,
    Search,
    SearchState,
)
from dsr_portal.matching.probes import CROP, PICTURE
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.services import ProbeVerdict, RecordHit, SearchOutcome
from dsr_portal.vault import services as vault

ACTOR = Actor.system("matching")


def judge_probe(ctx: JobContext) -> None:
    """Check a photo before any face code: one face, large enough, in plain light (R2)."""
    probe = Probe.objects.filter(id=ctx.subject_id).first()
    if probe is None or probe.state != ProbeState.RECEIVED:
        return
    verdict = recognition.judge_probe(vault.read(probe.unit, PICTURE))
    crop = _stage_crop(probe, verdict)
    with ctx.complete():
        judged = services.probe_judged(
            probe_id=probe.id, verdict=verdict.code, findings=verdict.findings, actor=ACTOR
        )
        if judged is not None and crop is not None:
            crop.save()


def _stage_crop(probe: Probe, verdict: ProbeVerdict) -> vault.Staged | None:
    """The face as people will compare it, cut like those of the gallery."""
    if not verdict.crop:
        return None
    staged = vault.stage_into(probe.unit)
    staged.add(CROP, verdict.crop)
    return staged


def search(ctx: JobContext) -> None:
    """Find with hnswlib, then prove with the sweep; the union is what counts (design, 6)."""
    row = Search.objects.select_related("probe", "case").filter(id=ctx.subject_id).first()
    if row is None or row.state not in {SearchState.RUNNING, SearchState.PRELIMINARY}:
        return
    began = time.monotonic()
    picture = vault.read(row.probe.unit, PICTURE)

    def preliminary(outcome: SearchOutcome) -> None:
        with ctx.checkpoint():
            if _still_wanted(row):
                _write_candidates(row, outcome.hits)
                _set_state(row, SearchState.PRELIMINARY)

    outcome = recognition.search_probe(
        picture=picture, threshold=row.threshold, preliminary=preliminary
    )
    nearest = (
        []
        if outcome.hits
        else recognition.nearest_below(
            picture=picture, threshold=row.threshold, count=rules.NEAREST
        )
    )
    with ctx.complete():
        if not _still_wanted(row):
            record(
                "search.stopped",
                actor=ACTOR,
                case_id=row.case_id,
                subject_id=row.id,
                reason="photo_withdrawn",
            )
            return
        _finish(row, outcome, nearest, milliseconds=round((time.monotonic() - began) * 1000))


def _still_wanted(row: Search) -> bool:
    """False once the photo was withdrawn while the search ran (R8)."""
    locked = Search.objects.select_for_update().get(id=row.id)
    return locked.state in {SearchState.RUNNING, SearchState.PRELIMINARY}


def _set_state(row: Search, state: SearchState) -> None:
    row.state = state
    row.save(update_fields=["state"])


def _write_candidates(row: Search, hits: Sequence[RecordHit]) -> None:
    """Insert what is new, best first, and hold it (R1); no search removes a candidate of a case.

    A record another case is erasing right now is no candidate any more.
    """
    ids = [hit.record_id for hit in hits]
    standing = set(
        Record.objects.filter(
            id__in=ids, state__in=[Record.State.HELD, Record.State.RESTRICTED]
        ).values_list("id", flat=True)
    )
    for rank, hit in enumerate((hit for hit in hits if hit.record_id in standing), start=1):
        Candidate.objects.update_or_create(
            case=row.case,
            record_id=hit.record_id,
            defaults={
                "search": row,
                "score": hit.score,
                "band": _band(row, hit.score),
                "found_by": hit.found_by,
                "rank": rank,
            },
        )
    gallery.hold(record_ids=standing, case_id=row.case_id, actor=ACTOR)


def _band(row: Search, score: float) -> Band:
    if score < row.threshold:
        return Band.BELOW
    return Band.STRONG if score >= row.strong_threshold else Band.REVIEW


def _finish(
    row: Search, outcome: SearchOutcome, nearest: Sequence[RecordHit], *, milliseconds: int
) -> None:
    _write_candidates(row, outcome.hits or nearest)
    # A later search lays everything of the case before two persons again.
    Candidate.objects.filter(case=row.case).update(search=row)
    row.state = SearchState.COMPLETE
    row.model = outcome.model.name
    row.compared = outcome.compared
    row.enrolled = outcome.enrolled
    row.found_by_graph = outcome.found_by_graph
    row.added_by_sweep = outcome.added_by_sweep
    row.swept_only = outcome.swept_only
    row.applied_change = outcome.applied_change
    row.finished_at = clock.now()
    row.save()
    record(
        "search.performed",
        actor=ACTOR,
        case_id=row.case_id,
        subject_id=row.id,
        model=outcome.model.name,
        weights=outcome.model.weights,
        alignment=outcome.model.alignment_version,
        threshold=row.threshold,
        strong_threshold=row.strong_threshold,
        compared=outcome.compared,
        enrolled=outcome.enrolled,
        found_by_graph=outcome.found_by_graph,
        added_by_sweep=outcome.added_by_sweep,
        swept_only=outcome.swept_only,
        candidates=len(outcome.hits),
        strong=sum(hit.score >= row.strong_threshold for hit in outcome.hits),
        change=outcome.applied_change,
        findings=row.probe.findings[:8],
        milliseconds=milliseconds,
    )
    services.open_review(search=row, actor=ACTOR)


job_kinds.register(JobKind(name="matching.judge_probe", queue="probe", handler=judge_probe))
job_kinds.register(JobKind(name="matching.search", queue="search", handler=search))
