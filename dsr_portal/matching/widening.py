"""The officer loop: faces the first person confirmed widen the search, at most three times.

A photo of today finds few pictures of ten years ago; the mean of the photo and what was confirmed
finds more (design, section 4). It happens before the second person looks, so that one blind look
covers everything. A confirmed face far from the photo does not widen the search before a second
person confirmed it too, for one wrong face would lead to a stranger's pictures. Once they did and
fewer than three hops ran, the search widens once more, and what is new goes through both persons.
What the two see differently waits for the supervisor until then, and widens nothing meanwhile.
"""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from dsr_portal.audit.services import record
from dsr_portal.core.actor import Actor
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching import shared
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Decision,
    Position,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Verdict,
)
from dsr_portal.recognition import calibration, group_search
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.services import RecordHit, SearchOutcome, WidenedSearch

ACTOR = Actor.system("matching")
MOST_HOPS = 3


def wanted(review: Review) -> bool:
    """Whether the first person confirmed a face that no widened search was made with yet."""
    return (
        _is_possible(review)
        and review.decisions.filter(
            position=Position.FIRST, verdict=Verdict.SAME, candidate__hop__gte=review.hops
        ).exists()
    )


def wanted_after_second(review: Review) -> bool:
    """Whether the last hop left out a face far from the photo, which both persons confirmed.

    What they see differently about other pictures does not matter here.
    """
    if not _is_possible(review):
        return False
    far = review.decisions.filter(position=Position.FIRST, verdict=Verdict.SAME, far=True)
    return far.filter(candidate__in=_said_by_second(review, Verdict.SAME)).exists()


def _said_by_second(review: Review, *verdicts: Verdict) -> QuerySet[Decision, UUID]:
    """Candidates the second person of this review decided so."""
    said = review.decisions.filter(position=Position.SECOND, verdict__in=verdicts)
    return said.values_list("candidate_id", flat=True)


def _is_possible(review: Review) -> bool:
    probe = review.search.probe
    if not settings.DSR_WIDEN or review.hops >= MOST_HOPS:
        return False
    return probe is not None and probe.state != ProbeState.DELETED


def begin(review: Review) -> None:
    """Queue the next hop; nobody decides while it runs. In the caller's unit of work."""
    review.hops += 1
    review.state = ReviewState.WIDENING
    review.save(update_fields=["hops", "state"])
    enqueue(kind=shared.WIDEN, subject=str(review.id), idempotency_key=shared.hop_key(review))


def failure(review: Review) -> str | None:
    """The error code of a job of this hop that failed for good."""
    return shared.hop_failure(review)


def forget(review: Review) -> None:
    """Nothing any group found for this hop stays: its review ended meanwhile."""
    group_search.forget(shared.hop_key(review))


def record_failure(review: Review, reason: str) -> None:
    """Tell that this hop failed for good, and forget what groups found for it."""
    group_search.forget(shared.hop_key(review))
    record(
        "search.widening_failed",
        actor=ACTOR,
        case_id=review.case_id,
        subject_id=review.id,
        hop=review.hops,
        reason=reason,
    )


def threshold_of(review: Review) -> float:
    """The threshold calibrated for widened searches, else the one of the search itself."""
    serving = calibration.in_force()
    own = serving.loop_threshold if serving else None
    return float(review.search.threshold or 0) if own is None else own


def faces(review: Review, pictures: Sequence[bytes]) -> tuple[tuple[UUID, ...], tuple[UUID, ...]]:
    """Which of the confirmed faces widen this hop, and which lie too far from the photos."""
    return recognition.faces_to_widen(
        pictures=pictures, confirmed=_confirmed(review), approved=_approved(review)
    )


def of_groups(review: Review, outcome: SearchOutcome, used: Sequence[UUID]) -> WidenedSearch:
    """The hop that several groups searched together."""
    confirmed = _confirmed(review)
    return recognition.widened_by(
        outcome,
        known={*_known(review), *confirmed},
        used=used,
        drifted=[one for one in confirmed if one not in used],
    )


def _known(review: Review) -> list[UUID]:
    known = Candidate.objects.filter(case=review.case_id)
    return list(known.values_list("record_id", flat=True))


def search(review: Review, pictures: Sequence[bytes], *, threshold: float) -> WidenedSearch:
    """Search with the mean of the photos and the faces the first person confirmed."""
    return recognition.widen_search(
        picture=pictures[-1],
        more=pictures[:-1],
        threshold=threshold,
        confirmed=_confirmed(review),
        hop=review.hops,
        known=_known(review),
        approved=_approved(review),
    )


def _confirmed(review: Review) -> list[UUID]:
    """Records the first person called the same person and the second one did not call otherwise,
    as far as they are still held."""
    doubted = _said_by_second(review, Verdict.NOT_SAME, Verdict.INCONCLUSIVE)
    rows = review.decisions.filter(
        position=Position.FIRST,
        verdict=Verdict.SAME,
        candidate__record__state__in=[Record.State.HELD, Record.State.RESTRICTED],
    ).exclude(candidate__in=doubted)
    return list(rows.values_list("candidate__record_id", flat=True))


def _approved(review: Review) -> list[UUID]:
    """Records a second person called the same person, in this round of the case or an earlier."""
    rows = Candidate.objects.filter(
        case=review.case_id,
        decisions__position__in=[Position.SECOND, Position.SUPERVISOR],
        decisions__verdict=Verdict.SAME,
    )
    return list(rows.values_list("record_id", flat=True))


def write(
    review: Review, found: WidenedSearch | None, *, threshold: float, milliseconds: int
) -> list[UUID]:
    """The ids of new candidates, after those that stand and held like them (R1).

    `found` is None where the photo was gone before it was searched with. Nothing is written of a
    photo that was deleted meanwhile: its row is locked, so that consent is withdrawn either
    before this or after it.
    """
    if found is None or photo_gone(review):
        record(
            "search.stopped",
            actor=ACTOR,
            case_id=review.case_id,
            subject_id=review.search_id,
            reason="photo_withdrawn",
        )
        return []
    fresh = _candidates(review, found.hits)
    _mark_far(review, found.drifted)
    _record(review, found, len(fresh), threshold=threshold, milliseconds=milliseconds)
    return fresh


def photo_gone(review: Review) -> bool:
    """Whether the photo was withdrawn; the caller holds the case, then the review."""
    ids = [photo.id for photo in review.search.all_photos()]
    photos = list(Probe.objects.select_for_update().filter(id__in=ids).order_by("id"))
    return not photos or any(photo.state == ProbeState.DELETED for photo in photos)


def _candidates(review: Review, hits: Sequence[RecordHit]) -> list[UUID]:
    standing = gallery.hold(
        record_ids=[hit.record_id for hit in hits], case_id=review.case_id, actor=ACTOR
    )
    last = Candidate.objects.filter(case=review.case_id).count()
    strong = review.search.strong_threshold
    fresh = Candidate.objects.bulk_create(
        Candidate(
            case_id=review.case_id,
            search=review.search,
            record_id=hit.record_id,
            score=hit.score,
            band=Band.STRONG if strong is not None and hit.score >= strong else Band.REVIEW,
            found_by=hit.found_by,
            rank=last + number,
            hop=review.hops,
        )
        for number, hit in enumerate((hit for hit in hits if hit.record_id in standing), start=1)
    )
    return [one.id for one in fresh]


def _mark_far(review: Review, records: Sequence[UUID]) -> None:
    """Which confirmed faces this hop left out; of earlier hops nothing stays."""
    confirmed = review.decisions.filter(position=Position.FIRST)
    confirmed.filter(far=True).exclude(candidate__record__in=records).update(far=False)
    confirmed.filter(candidate__record__in=records).update(far=True)


def _record(
    review: Review, found: WidenedSearch, fresh: int, *, threshold: float, milliseconds: int
) -> None:
    outcome = found.outcome
    record(
        "search.widened",
        actor=ACTOR,
        case_id=review.case_id,
        subject_id=review.id,
        photos=review.search.photos,
        hop=review.hops,
        used=len(found.used),
        far=len(found.drifted),
        threshold=threshold,
        candidates=fresh,
        compared=outcome.compared if outcome else 0,
        enrolled=outcome.enrolled if outcome else 0,
        milliseconds=milliseconds,
    )
