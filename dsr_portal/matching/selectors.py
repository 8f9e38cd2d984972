"""What each person may see of a review. Blindness is a property of these functions (R19)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings

from dsr_portal.audit import selectors as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases.selectors import taken_out
from dsr_portal.core.actor import Actor
from dsr_portal.gallery.models import Record
from dsr_portal.matching import asides
from dsr_portal.matching import photos as photo_set
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
from dsr_portal.matching.reviewers import REVIEWER_ROLES
from dsr_portal.matching.reviews import (
    NEAREST_FIRST,
    OPEN,
    final_verdicts,
    position_of,
)
from dsr_portal.recognition import calibration
from dsr_portal.recognition import services as recognition

__all__ = [
    "MatchOutcome",
    "both_views",
    "current_review",
    "events_for",
    "grouped",
    "held_now",
    "is_blind",
    "laid_before",
    "latest_probe",
    "latest_search",
    "outcome",
    "own_decisions",
    "photo_token",
    "photos",
    "photos_sent",
    "position_of",
    "second_look",
    "shown_band",
    "waiting_for",
]

# What would tell one person what another decided, while a review is open.
# Holds, too: a search is widened only with what somebody called the same person.
# What was put aside tells that somebody looked at it, and when.
_TELLING = frozenset(
    {
        "picture.aside_confirmed",
        "picture.aside_freed",
        "picture.aside_judged",
        "picture.aside_lowered",
        "picture.aside_reported",
        "picture.aside_seen",
        "picture.aside_shown",
        "picture.lower_proposed",
        "picture.put_aside",
        "picture.release_proposed",
        "picture.released",
        "record.held",
        "record.released",
        "record.restricted",
        "record.restriction_lifted",
        "review.sent_back",
        "search.stopped",
        "search.widened",
        "search.widening_failed",
    }
)
_MOST_STRANGERS_FIRST = ("1_in_2", "1_in_20", "1_in_200", "under_1_in_1000")


@dataclass(frozen=True, slots=True)
class MatchOutcome:
    """Record ids by their final verdict, best first; `nothing_found` when none is the person's.

    Of the person's, those in `private` are told and not shown; those in `aside` are no part of
    `same`: they are counted, and neither told, shown nor erased (law C-09).
    """

    same: tuple[UUID, ...]
    inconclusive: tuple[UUID, ...]
    not_same: tuple[UUID, ...]
    private: tuple[UUID, ...] = ()
    aside: tuple[UUID, ...] = ()

    @property
    def nothing_found(self) -> bool:
        return not self.same and not self.inconclusive and not self.aside


def latest_search(case_id: UUID) -> Search | None:
    return (
        Search.objects.filter(case_id=case_id)
        .exclude(state__in=[SearchState.STALE, SearchState.APART])
        .order_by("-started_at")
        .first()
    )


def latest_probe(case_id: UUID) -> Probe | None:
    return (
        Probe.objects.filter(case_id=case_id)
        .exclude(state=ProbeState.DELETED)
        .order_by("-received_at", "-id")
        .first()
    )


def photos(case_id: UUID) -> list[Probe]:
    """Every photo that still lies here, in the order they came."""
    return photo_set.kept(case_id)


def photo_token(case_id: UUID) -> str:
    """The photos that count, for a form that records what they were compared with."""
    return photo_set.token(photo_set.counting(case_id))


def photos_sent(case_id: UUID) -> int:
    """How many photos ever came for a case, deleted ones too."""
    return Probe.objects.filter(case_id=case_id).count()


def current_review(case_id: UUID) -> Review | None:
    return Review.objects.filter(case_id=case_id).order_by("-round").first()


def outcome(case_id: UUID) -> MatchOutcome | None:
    """What two persons found, or None while they have not finished.

    While they decide beside an answered case, what was decided before stands (R5).
    """
    review = Review.objects.filter(case_id=case_id, beside=False).order_by("-round").first()
    if review is None or review.state != ReviewState.DONE:
        return None
    # A repeated search lays only what is new before two persons: what was decided stands (R5).
    verdicts: dict[UUID, str] = {}
    for one in Review.objects.filter(case_id=case_id, state=ReviewState.DONE).order_by("round"):
        verdicts.update(final_verdicts(one))
    ranked = list(
        Candidate.objects.filter(id__in=verdicts).order_by("rank").values_list("id", "record_id")
    )

    # What the person called somebody else's, and two persons agreed, is not theirs any more (E-01).
    out = taken_out(case_id)

    def of(kind: Verdict) -> tuple[UUID, ...]:
        return tuple(record for candidate, record in ranked if verdicts[candidate] == kind)

    same = of(Verdict.SAME)
    theirs = [one for one in same if one not in out]
    covered = asides.sort(theirs)
    aside = covered["aside"]
    return MatchOutcome(
        tuple(one for one in theirs if one not in aside),
        of(Verdict.INCONCLUSIVE),
        (*of(Verdict.NOT_SAME), *(one for one in same if one in out)),
        tuple(covered["private"]),
        tuple(aside),
    )


def held_now(case_id: UUID) -> MatchOutcome | None:
    """What two persons found, of what is still held: what an answer tells of.

    A request that was opened again after an erasure knows records that are gone (law O-03).
    """
    found = outcome(case_id)
    if found is None:
        return None
    kinds = ("same", "inconclusive", "private", "aside")
    known = {one for kind in kinds for one in getattr(found, kind)}
    erased = Record.objects.filter(id__in=known, state=Record.State.ERASED)
    gone = set(erased.values_list("id", flat=True))
    left = {kind: tuple(one for one in getattr(found, kind) if one not in gone) for kind in kinds}
    return replace(found, **left)


def own_decisions(review: Review, actor: Actor) -> Sequence[Decision]:
    """The decisions laid before this person now, best first: no trace of another's decision.

    The first person reads what a widened search added after the rest; everybody else by likeness.
    """
    position = position_of(review, actor)
    if position is None:
        return []
    rows = asides.without(review.decisions.filter(position=position, officer=actor.id))
    rows = rows.select_related(
        "candidate", "candidate__record", "candidate__way", "review__search__probe"
    )
    if position == Position.FIRST:
        return list(rows.order_by("candidate__rank"))
    return list(rows.order_by(*NEAREST_FIRST))


def grouped(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """What was laid before one person, in groups of faces that look like one person's.

    Groups come in the order of their best picture. They are made of these pictures alone and now,
    so they tell nothing of another person's decisions (R19), and nothing of them is kept.
    """
    by_record = {decision.candidate.record_id: decision for decision in decisions}
    return [
        [by_record[record_id] for record_id in group]
        for group in recognition.group_hits(list(by_record))
    ]


def laid_before(case_id: UUID, decision_id: UUID, actor: Actor) -> Decision | None:
    """A picture of this case before this person, while its review is open.

    They decide it now, or decided it in this review; once that is over the pictures of strangers
    are nobody's to look at.
    """
    found = (
        Decision.objects.filter(
            id=decision_id,
            review__case_id=case_id,
            review__state__in=OPEN,
            officer=actor.id,
        )
        .select_related("candidate__record", "review")
        .first()
    )
    if found is None or asides.is_aside(found.candidate):
        return None
    if found.verdict or position_of(found.review, actor) == found.position:
        return found
    return None


def shown_band(decision: Decision) -> Band | None:
    """The band, only after this person's own first view (R21); none where no face was compared."""
    band = decision.candidate.band
    return Band(band) if decision.preliminary and band else None


def odds_step(decision: Decision) -> str:
    """How often candidates this alike are strangers, only after this person's own first view (R21).

    A value of `biometrics.odds.Step`; "" where it was not measured or no face was compared. Where
    a search may have been widened only the first person is told by the kind of search: all others
    read the step with more strangers, for words by kind would tell a hop (R19).
    """
    score, enrolled = decision.candidate.score, decision.review.search.enrolled
    if shown_band(decision) is None or score is None or enrolled < 1:
        return ""
    steps = [
        calibration.odds_step(score, kind=kind, enrolled=enrolled) for kind in _odds_kinds(decision)
    ]
    return min(steps, key=_MOST_STRANGERS_FIRST.index) if all(steps) else ""


def _odds_kinds(decision: Decision) -> tuple[str, ...]:
    """Kinds of odds this person may be told by; each number of photos has its own.

    The odds of widened searches were measured with one photo: with several there are none.
    """
    photos = decision.review.search.photos
    plain, widened = (f"photos_{photos}", "") if photos > 1 else ("one_photo", "widened")
    if decision.position == Position.FIRST:
        return (widened,) if decision.candidate.hop else (plain,)
    may_be_widened = settings.DSR_WIDEN or decision.review.hops
    return (plain, widened) if may_be_widened else (plain,)


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


def second_look(case_id: UUID, actor: Actor) -> Review | None:
    """The review in which this person decides as the second one, or may still be drawn for it.

    What others wrote since it began is not for them: it may tell what the first one saw (R19).
    """
    if actor.role not in REVIEWER_ROLES and actor.kind == "staff":
        return None
    before_second = (ReviewState.FIRST, ReviewState.WIDENING, ReviewState.SECOND)
    review = Review.objects.filter(case_id=case_id, state__in=before_second).first()
    if review is None or actor.id == review.first_officer:
        return None
    if review.state == ReviewState.SECOND and review.second_officer not in {None, actor.id}:
        return None
    return review


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
