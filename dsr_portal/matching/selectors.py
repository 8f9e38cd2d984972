"""What each person may see of a review. Blindness is a property of these functions (R19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from dsr_portal.audit import selectors as audit
from dsr_portal.audit.models import Event
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
from dsr_portal.matching.reviews import OPEN, REVIEWER_ROLES, final_verdicts, position_of

__all__ = [
    "MatchOutcome",
    "both_views",
    "current_review",
    "events_for",
    "is_blind",
    "laid_before",
    "latest_probe",
    "latest_search",
    "outcome",
    "own_decisions",
    "position_of",
    "shown_band",
    "waiting_for",
]

# What would tell one person what another decided, while a review is open.
_TELLING = frozenset({"record.restricted", "record.restriction_lifted", "review.sent_back"})


@dataclass(frozen=True, slots=True)
class MatchOutcome:
    """Record ids by their final verdict, best first; `nothing_found` when none is the person's."""

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
    ranked = list(
        Candidate.objects.filter(id__in=verdicts).order_by("rank").values_list("id", "record_id")
    )

    def of(kind: Verdict) -> tuple[UUID, ...]:
        return tuple(record for candidate, record in ranked if verdicts[candidate] == kind)

    return MatchOutcome(of(Verdict.SAME), of(Verdict.INCONCLUSIVE), of(Verdict.NOT_SAME))


def own_decisions(review: Review, actor: Actor) -> Sequence[Decision]:
    """The decisions laid before this person now, best first: no trace of another's decision."""
    position = position_of(review, actor)
    if position is None:
        return []
    rows = review.decisions.filter(position=position, officer=actor.id).select_related(
        "candidate", "candidate__record"
    )
    return list(rows.order_by("candidate__rank"))


def laid_before(case_id: UUID, decision_id: UUID, actor: Actor) -> Decision | None:
    """A picture of this case that was laid before this person, now or earlier."""
    return (
        Decision.objects.filter(id=decision_id, review__case_id=case_id, officer=actor.id)
        .select_related("candidate__record")
        .first()
    )


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


def events_for(case_id: UUID, actor: Actor) -> list[Event]:
    """The trail of a case as this person may read it (R19).

    While a review is open nobody who may decide in it sees what another person decided, nor
    what follows from it.
    """
    events = list(audit.events_for_case(case_id))
    if not is_blind(case_id, actor):
        return events
    return [event for event in events if not _tells(event, actor)]


def is_blind(case_id: UUID, actor: Actor) -> bool:
    """Whether this person may still have to decide without knowing what another one said."""
    could_decide = actor.role in REVIEWER_ROLES or actor.kind != "staff"
    return could_decide and Review.objects.filter(case_id=case_id, state__in=OPEN).exists()


def _tells(event: Event, actor: Actor) -> bool:
    if event.type == "decision.made":
        return event.actor_id != actor.id
    return event.type in _TELLING


def waiting_for(actor: Actor) -> set[UUID]:
    """The cases whose review waits for this person now."""
    mine = (
        Review.objects.filter(state=ReviewState.FIRST, first_officer=actor.id)
        | Review.objects.filter(state=ReviewState.SECOND, second_officer=actor.id)
        | Review.objects.filter(state=ReviewState.SUPERVISOR, supervisor=actor.id)
    )
    return set(mine.values_list("case_id", flat=True))
