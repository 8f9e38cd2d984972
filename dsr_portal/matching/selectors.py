"""What each person may see of a review. Blindness is a property of these functions (R19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dsr_portal.core.actor import Actor
from dsr_portal.matching.models import (
    Band,
    Candidate,
    Decision,
    Position,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchState,
    Verdict,
)
from dsr_portal.matching.services import final_verdicts


@dataclass(frozen=True, slots=True)
class MatchOutcome:
    """Record ids by their final verdict. `nothing_found` when no record is of the person."""

    same: tuple[UUID, ...]
    inconclusive: tuple[UUID, ...]
    not_same: tuple[UUID, ...]

    @property
    def nothing_found(self) -> bool:
        return not self.same and not self.inconclusive


def latest_search(case_id: UUID) -> Search | None:
    return (
        Search.objects.filter(case_id=case_id)
        .exclude(state=SearchState.STALE)
        .order_by("-started_at")
        .first()
    )


def latest_probe(case_id: UUID) -> Probe | None:
    return (
        Probe.objects.filter(case_id=case_id)
        .exclude(state=ProbeState.DELETED)
        .order_by("-received_at")
        .first()
    )


def current_review(case_id: UUID) -> Review | None:
    return Review.objects.filter(case_id=case_id).order_by("-round").first()


def outcome(case_id: UUID) -> MatchOutcome | None:
    """What two persons found, or None while they have not finished."""
    review = current_review(case_id)
    if review is None or review.state != ReviewState.DONE:
        return None
    verdicts = final_verdicts(review)
    records = dict(Candidate.objects.filter(id__in=verdicts).values_list("id", "record_id"))

    def of(kind: Verdict) -> tuple[UUID, ...]:
        return tuple(records[c] for c, verdict in verdicts.items() if verdict == kind)

    return MatchOutcome(of(Verdict.SAME), of(Verdict.INCONCLUSIVE), of(Verdict.NOT_SAME))


def position_of(review: Review, actor: Actor) -> Position | None:
    """In which position this person now decides, if at all."""
    whose = {
        ReviewState.FIRST: (review.first_officer, Position.FIRST),
        ReviewState.SECOND: (review.second_officer, Position.SECOND),
        ReviewState.SUPERVISOR: (review.supervisor, Position.SUPERVISOR),
    }.get(ReviewState(review.state))
    return whose[1] if whose and whose[0] == actor.id else None


def own_decisions(review: Review, actor: Actor) -> Sequence[Decision]:
    """The decisions laid before this person now: the same whatever another person decided.

    The order is that of random ids drawn when they were dealt to the second person, and of the
    candidates' rank for the first.
    """
    position = position_of(review, actor)
    if position is None:
        return []
    rows = review.decisions.filter(position=position, officer=actor.id).select_related(
        "candidate", "candidate__record"
    )
    return list(rows.order_by("candidate__rank"))


def shown_band(decision: Decision) -> Band | None:
    """The band, only after this person's own first view (R21)."""
    return Band(decision.candidate.band) if decision.preliminary else None


def both_views(review: Review, actor: Actor) -> dict[UUID, tuple[str, str]]:
    """First and second verdict of disputed candidates, for the supervisor who took them only."""
    if position_of(review, actor) != Position.SUPERVISOR:
        return {}
    disputed = set(
        review.decisions.filter(position=Position.SUPERVISOR).values_list("candidate_id", flat=True)
    )
    views: dict[UUID, dict[str, str]] = {candidate: {} for candidate in disputed}
    for row in review.decisions.filter(candidate_id__in=disputed).exclude(verdict=""):
        views[row.candidate_id][row.position] = row.verdict
    return {
        candidate: (view.get(Position.FIRST, ""), view.get(Position.SECOND, ""))
        for candidate, view in views.items()
    }


def waiting_for(actor: Actor) -> set[UUID]:
    """The cases whose review waits for this person now."""
    mine = (
        Review.objects.filter(state=ReviewState.FIRST, first_officer=actor.id)
        | Review.objects.filter(state=ReviewState.SECOND, second_officer=actor.id)
        | Review.objects.filter(state=ReviewState.SUPERVISOR, supervisor=actor.id)
    )
    return set(mine.values_list("case_id", flat=True))
