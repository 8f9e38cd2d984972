"""The work of workers for matching: judge a photo, search the gallery.

Pictures and index are handled outside transactions; results are written with the lease token.
"""

import time
from collections.abc import Sequence

from dsr_portal.audit.services import record
from dsr_portal.cases import letters
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Waiting
from dsr_portal.matching import (
    named,
    own_face,
    photo_letters,
    photos,
    rules,
    services,
    shared,
    widening,
)
from dsr_portal.matching.around import FACES, Around, around
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchState,
)
from dsr_portal.matching.probes import CROP, PICTURE
from dsr_portal.matching.repeating import REPEATABLE
from dsr_portal.policy import assessment
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import group_search
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.services import (
    FacesFound,
    ProbeVerdict,
    RecordHit,
    SearchOutcome,
    WidenedSearch,
)
from dsr_portal.vault import services as vault

ACTOR = Actor.system("matching")
UNFINISHED = frozenset({SearchState.RUNNING, SearchState.PRELIMINARY})


def judge_probe(ctx: JobContext) -> None:
    """Check a photo before any face code: one face, large enough, in plain light (R2)."""
    probe = Probe.objects.filter(id=ctx.subject_id).first()
    if probe is None or probe.state != ProbeState.RECEIVED:
        return
    picture = vault.read(probe.unit, PICTURE)
    verdict = recognition.judge_probe(picture)
    if verdict.code == "several_faces" and not probe.faces:
        found = recognition.faces_to_choose(picture)
        if found.faces:
            _ask_which(ctx, probe, found)
            return
    crop = _stage_crop(probe, verdict)
    with ctx.complete():
        judged = services.probe_judged(
            probe_id=probe.id, verdict=verdict.code, findings=verdict.findings, actor=ACTOR
        )
        if judged is not None and crop is not None:
            crop.save()


def _ask_which(ctx: JobContext, probe: Probe, found: FacesFound) -> None:
    """Nobody's face code is made before the person said which face is theirs (law P-05)."""
    staged = own_face.stage(probe, found)
    with ctx.complete():
        if own_face.ask_which(probe_id=probe.id, found=found, actor=ACTOR) is not None:
            staged.save()


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
    if row is None or row.probe is None or row.state not in UNFINISHED:
        return
    _await_assessment(row)
    began, began_at = time.monotonic(), clock.now()
    used = row.all_photos()
    pictures = [vault.read(photo.unit, PICTURE) for photo in used]
    looked_up = named.look_up(row.case) if row.looks_up else None
    took = _since(began)
    threshold = float(row.threshold or 0)
    if recognition.shared_by_groups():
        _ask_groups(ctx, row, used, pictures)
        return

    def preliminary(outcome: SearchOutcome) -> None:
        with ctx.checkpoint():
            if _still_wanted(row):
                _write_candidates(row, outcome.hits)
                _set_state(row, SearchState.PRELIMINARY)

    try:
        outcome = recognition.search_probe(
            picture=pictures[-1],
            more=pictures[:-1],
            vouched=_vouched(row, used),
            threshold=threshold,
            preliminary=preliminary if row.since is None else None,
            nearest=rules.NEAREST if row.since is None else 0,
        )
    except recognition.PhotosApart:
        _end_apart(ctx, row)
        return
    about = around(ctx, began_at)
    with ctx.complete():
        if not _still_wanted(row):
            _record_stopped(row)
            return
        _compared(row, outcome, milliseconds=_since(began), about=about)
        if looked_up is not None:
            named.write_found(row, looked_up, actor=ACTOR, milliseconds=took, about=about)
        _finish(row)


def _require_assessment() -> None:
    """No face is compared before an approved impact assessment covers how (P-09, R34)."""
    if why := assessment.closed():
        raise Waiting(why.code)


def _await_assessment(row: Search) -> None:
    """The same for a search that was queued: what it was to run under may have been turned down
    meanwhile, and nothing ran under it yet."""
    _require_assessment()
    for name, field in (
        ("review_threshold", "threshold"),
        ("strong_threshold", "strong_threshold"),
    ):
        if row.state == SearchState.RUNNING and not assessment.covers(name, getattr(row, field)):
            setattr(row, field, policy.current(name))
            row.save(update_fields=[field])


def _ask_groups(
    ctx: JobContext, row: Search, used: Sequence[Probe], pictures: Sequence[bytes]
) -> None:
    """Several groups share the shards: each answers by a job of its own, `merge` goes on."""
    if not _vouched(row, used):
        try:
            recognition.require_alike(pictures=pictures, threshold=float(row.threshold or 0))
        except recognition.PhotosApart:
            _end_apart(ctx, row)
            return
    with ctx.complete():
        if _still_wanted(row):
            shared.ask(row, used)
        else:
            _record_stopped(row)


def _vouched(row: Search, used: Sequence[Probe]) -> bool:
    """A repeated search is made with photos that were searched with together before."""
    return row.since is not None or photos.vouched(used)


def merge(ctx: JobContext) -> None:
    """Every group has answered: what they found together is the search (design, section 6)."""
    row = Search.objects.select_related("probe", "case").filter(id=ctx.subject_id).first()
    if row is None or row.state not in UNFINISHED:
        return
    began = time.monotonic()
    looked_up = named.look_up(row.case) if row.looks_up else None
    took = _since(began)
    try:
        outcome = shared.outcome_of(row)
    except Conflict:
        with ctx.complete():
            if _still_wanted(row):
                shared.ask_again(row, after_job=ctx.job_id)
        return
    about = around(ctx, row.started_at)
    with ctx.complete():
        if not _still_wanted(row):
            _record_stopped(row)
            return
        _compared(row, outcome, milliseconds=outcome.milliseconds, about=about)
        if looked_up is not None:
            named.write_found(row, looked_up, actor=ACTOR, milliseconds=took, about=about)
        _finish(row)
        group_search.forget(shared.key_of(row))


def _end_apart(ctx: JobContext, row: Search) -> None:
    """The photos are too unlike: nothing was compared, a person of staff looks at them."""
    with ctx.complete():
        if _still_wanted(row):
            photos.found_apart(search=row, actor=ACTOR)
            photo_letters.tell_apart(row)
        else:
            _record_stopped(row)


def look_up(ctx: JobContext) -> None:
    """Look records up by what the person named; no face is compared (law T-06)."""
    row = Search.objects.select_related("case").filter(id=ctx.subject_id).first()
    if row is None or row.state not in UNFINISHED:
        return
    began, began_at = time.monotonic(), clock.now()
    looked_up = named.look_up(row.case)
    about = around(ctx, began_at)
    with ctx.complete():
        if not _still_wanted(row):
            _record_stopped(row)
            return
        named.write_found(row, looked_up, actor=ACTOR, milliseconds=_since(began), about=about)
        _finish(row)


def widen(ctx: JobContext) -> None:
    """Search again with what the first person confirmed; what is new is laid before them."""
    row = Review.objects.select_related("search__probe").filter(id=ctx.subject_id).first()
    if row is None or row.state != ReviewState.WIDENING:
        return
    _require_assessment()
    began = time.monotonic()
    threshold = widening.threshold_of(row)
    pictures = _photos_of(row)
    if pictures and recognition.shared_by_groups():
        _ask_groups_to_widen(ctx, row, pictures, threshold)
        return
    found = widening.search(row, pictures, threshold=threshold) if pictures else None
    with ctx.complete():
        _end_hop(row, found, threshold=threshold, milliseconds=_since(began))


def _end_hop(
    row: Review, found: WidenedSearch | None, *, threshold: float, milliseconds: int
) -> None:
    locked = _locked_widening(row)
    if locked is not None:
        fresh = widening.write(locked, found, threshold=threshold, milliseconds=milliseconds)
        services.widened(review=locked, candidate_ids=fresh)


def _locked_widening(row: Review) -> Review | None:
    """The review while it waits for this hop.

    The case first, as whoever withdraws or decides does: no two wait for each other.
    """
    Case.objects.select_for_update().get(id=row.case_id)
    locked = Review.objects.select_for_update(of=("self",)).get(id=row.id)
    return locked if locked.state == ReviewState.WIDENING else None


def _ask_groups_to_widen(
    ctx: JobContext, row: Review, pictures: Sequence[bytes], threshold: float
) -> None:
    used, drifted = widening.faces(row, pictures)
    with ctx.complete():
        if not used:
            nothing = WidenedSearch((), (), drifted, None)
            _end_hop(row, nothing, threshold=threshold, milliseconds=0)
            return
        locked = _locked_widening(row)
        if locked is not None and not widening.photo_gone(locked):
            shared.ask_hop(locked, locked.search.all_photos(), threshold=threshold, used=used)
        else:
            _end_hop(row, None, threshold=threshold, milliseconds=0)


def merge_hop(ctx: JobContext) -> None:
    """Every group has answered a widened search, or the person withdrew meanwhile."""
    row = Review.objects.select_related("search__probe").filter(id=ctx.subject_id).first()
    if row is None or row.state != ReviewState.WIDENING:
        return
    key = shared.hop_key(row)
    found = None
    if group_search.is_asked(key):
        try:
            outcome, _below = group_search.merged(key)
        except Conflict as error:
            _give_hop_up(ctx, row, error.code)
            return
        found = widening.of_groups(row, outcome, group_search.used(key))
    with ctx.complete():
        milliseconds = found.outcome.milliseconds if found and found.outcome else 0
        threshold = widening.threshold_of(row)
        _end_hop(row, found, threshold=threshold, milliseconds=milliseconds)
        group_search.forget(key)


def _give_hop_up(ctx: JobContext, row: Review, reason: str) -> None:
    """The groups could not compare every face: what was found before stands, and it is told."""
    with ctx.complete():
        locked = _locked_widening(row)
        if locked is not None:
            widening.record_failure(locked, reason)
            services.widened(review=locked, candidate_ids=[])


def _photos_of(review: Review) -> list[bytes]:
    """The photos of the search, none once one is gone: no face code is made of it then (R8)."""
    used = review.search.all_photos()
    if any(photo.state == ProbeState.DELETED for photo in used):
        return []
    try:
        return [vault.read(photo.unit, PICTURE) for photo in used]
    except vault.Shredded:
        return []


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _still_wanted(row: Search) -> bool:
    """False once consent or request was withdrawn while the search ran (R8), or where the case
    went on without a repeated one.

    The case first, as whoever withdraws locks it: no two wait for each other.
    """
    case = Case.objects.select_for_update().get(id=row.case_id)
    locked = Search.objects.select_for_update().get(id=row.id)
    if locked.since is not None and case.status not in REPEATABLE:
        _set_state(locked, SearchState.STALE)
    return locked.state in UNFINISHED


def _record_stopped(row: Search) -> None:
    record(
        "search.stopped",
        actor=ACTOR,
        case_id=row.case_id,
        subject_id=row.id,
        reason="photo_withdrawn" if row.compares else "withdrawn",
    )


def _set_state(row: Search, state: SearchState) -> None:
    row.state = state
    row.save(update_fields=["state"])


def _write_candidates(row: Search, hits: Sequence[RecordHit]) -> None:
    """Insert what is new, best first, and hold it (R1); no search removes a candidate of a case.

    A record another case is erasing right now is no candidate any more. What a repeated search
    finds stands after what was decided before.
    """
    before = Candidate.objects.filter(case=row.case).count() if row.since is not None else 0
    standing = gallery.hold(
        record_ids=[hit.record_id for hit in hits], case_id=row.case_id, actor=ACTOR
    )
    found = (hit for hit in hits if hit.record_id in standing)
    for rank, hit in enumerate(found, start=before + 1):
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


def _band(row: Search, score: float) -> Band:
    if row.threshold is None or score < row.threshold:
        return Band.BELOW
    strong = row.strong_threshold is not None and score >= row.strong_threshold
    return Band.STRONG if strong else Band.REVIEW


def _finish(row: Search) -> None:
    """The search is over: two persons look at everything it and those before it found.

    Of a repeated search only at what it added (R5); where that is nothing the case stays as it was.
    """
    row.state = SearchState.COMPLETE
    row.finished_at = clock.now()
    row.save()
    if row.since is None:
        # A later search lays everything of the case before two persons again that is still there.
        kept = Candidate.objects.filter(case=row.case).exclude(record__state=Record.State.ERASED)
        kept.update(search=row)
    elif row.candidates.exists():
        case = Case.objects.get(id=row.case_id)
        if case.status == Status.DECIDED:
            cases.advance(case=case, action=Action.SEARCH_AGAIN, actor=ACTOR)
    else:
        return
    services.open_review(search=row, actor=ACTOR)


def _new_hits(row: Search, outcome: SearchOutcome) -> Sequence[RecordHit]:
    """All hits; of a repeated search those enrolled since that are no candidates yet."""
    if row.since is None:
        return outcome.hits
    ids = [hit.record_id for hit in outcome.hits]
    known = Candidate.objects.filter(case=row.case).values_list("record_id", flat=True)
    fresh = recognition.enrolled_since(row.since, among=ids) - set(known)
    return [hit for hit in outcome.hits if hit.record_id in fresh]


def _compared(row: Search, outcome: SearchOutcome, *, milliseconds: int, about: Around) -> None:
    hits = _new_hits(row, outcome)
    _write_candidates(row, hits if row.since is not None else hits or outcome.nearest)
    row.model = outcome.model.name
    row.compared = outcome.compared
    row.enrolled = outcome.enrolled
    row.found_by_graph = outcome.found_by_graph
    row.added_by_sweep = outcome.added_by_sweep
    row.swept_only = outcome.swept_only
    row.applied_change = outcome.applied_change
    record(
        "search.performed",
        actor=ACTOR,
        case_id=row.case_id,
        subject_id=row.id,
        model=outcome.model.name,
        weights=outcome.model.weights,
        alignment=outcome.model.alignment_version,
        photos=row.photos,
        threshold=row.threshold,
        strong_threshold=row.strong_threshold,
        compared=outcome.compared,
        enrolled=outcome.enrolled,
        found_by_graph=outcome.found_by_graph,
        added_by_sweep=outcome.added_by_sweep,
        swept_only=outcome.swept_only,
        candidates=len(hits),
        strong=sum(_band(row, hit.score) == Band.STRONG for hit in hits),
        change=outcome.applied_change,
        findings=sorted({code for photo in row.all_photos() for code in photo.findings})[:8],
        milliseconds=milliseconds,
        detector=recognition.DETECTOR,
        metric=recognition.METRIC,
        top_k=recognition.TOP_K,
        inputs=[photo.id for photo in row.all_photos()],
        **about.fields([FACES]),
    )


letters.register(photo_letters.SPEC)
job_kinds.register(JobKind(name="matching.judge_probe", queue="probe", handler=judge_probe))
# A search waits while a damaged part of the index is made anew: that may take many attempts.
job_kinds.register(JobKind(name="matching.search", queue="search", handler=search, max_attempts=20))
job_kinds.register(JobKind(name="matching.look_up", queue="light", handler=look_up))
job_kinds.register(JobKind(name=shared.WIDEN, queue="search", handler=widen, max_attempts=20))
job_kinds.register(JobKind(name=shared.MERGED, queue="search", handler=merge, max_attempts=20))
job_kinds.register(
    JobKind(name=shared.HOP_MERGED, queue="search", handler=merge_hop, max_attempts=20)
)
