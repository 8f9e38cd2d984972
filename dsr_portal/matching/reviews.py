"""The review by two persons, the second blind; a supervisor where they differ (R1, R19, R21).

Decisions are open until a person finishes their part; then they stand.
"""

import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import selectors as audit
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import recusals
from dsr_portal.cases import services as cases
from dsr_portal.cases.evidence_locks import keeps_locked
from dsr_portal.cases.messages import require_room
from dsr_portal.cases.models import Agreement, Case, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.selectors import exempted, taken_out
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import services as gallery
from dsr_portal.matching import asides, rules, widening
from dsr_portal.matching.models import (
    Candidate,
    Decision,
    Position,
    ProbeState,
    Review,
    ReviewState,
    Search,
    Verdict,
)
from dsr_portal.matching.reviewers import REVIEWER_ROLES, require_reviewer
from dsr_portal.vault import services as vault

OPEN = frozenset(
    {ReviewState.FIRST, ReviewState.WIDENING, ReviewState.SECOND, ReviewState.SUPERVISOR}
)
QUICK = timedelta(seconds=3)
"""R21: faster decisions are a signal to the supervisor, never a target."""

NEAREST_FIRST = (F("candidate__score").desc(nulls_last=True), "candidate__rank")
"""Decisions by likeness, what was looked up last: unlike the rank this tells no hop (R19)."""

MAX_REASON = 1500
_STATUS = {
    ReviewState.FIRST: Status.IN_REVIEW,
    ReviewState.WIDENING: Status.IN_REVIEW,
    ReviewState.SECOND: Status.SECOND_REVIEW,
    ReviewState.SUPERVISOR: Status.SECOND_REVIEW,
}
_SYSTEM = Actor.system("matching")
_RANDOM = secrets.SystemRandom()


def open_review(*, search: Search, actor: Actor) -> Review:
    """Open the two-person round over a swept search; runs in the search job's transaction.

    Of an answered case it runs beside it, and moves nothing the person can see (R3, R5).
    """
    case = Case.objects.select_for_update().get(id=search.case_id)
    beside = case.status == Status.DELIVERED
    Review.objects.filter(case=case, state__in=OPEN).update(state=ReviewState.STOPPED)
    number = Review.objects.filter(case=case).count() + 1
    review = Review.objects.create(
        case=case,
        search=search,
        round=number,
        opener=case.opener,
        beside=beside,
        opened_at=clock.now(),
    )
    if not beside:
        cases.advance(case=case, action=Action.SEARCH_DONE, actor=actor)
    return review


def begin_anew(
    *, case: Case, rounds: QuerySet[Review], away: Collection[str], beside: bool
) -> None:
    """Two other people decide everything these rounds were about: somebody who took part must not
    work on the case (R19, X-09). In the caller's unit of work, under the case's lock.

    What that person said counts nowhere any more. Locks stay until the new round ends, and what was
    released as "not the same" is held again (R1).
    """
    last = rounds.order_by("-round").select_related("search").first()
    if last is None:
        return
    for one in rounds.filter(state=ReviewState.WIDENING):
        widening.forget(one)
    found = Candidate.objects.filter(case=case)
    if beside:
        found = found.filter(search__in=rounds.values("search"))
    ids = list(found.values_list("id", flat=True))
    Candidate.objects.filter(id__in=ids).update(search=last.search)
    rounds.update(state=ReviewState.STOPPED)
    Decision.objects.filter(review__case=case, officer__in=away).delete()
    gallery.hold(record_ids=_records(ids), case_id=case.id, actor=_SYSTEM)
    Review.objects.create(
        case=case,
        search=last.search,
        round=Review.objects.filter(case=case).count() + 1,
        opener=case.opener,
        beside=beside,
        opened_at=clock.now(),
    )
    if not beside and case.status != Status.IN_REVIEW:
        cases.advance(case=case, action=Action.SEND_BACK, actor=_SYSTEM)


def _waits_in(*states: Status) -> Q:
    """Reviews whose case is in one of these states, or answered where they run beside it."""
    return Q(beside=False, case__status__in=states) | Q(beside=True, case__status=Status.DELIVERED)


# -- the first person ---------------------------------------------------------------------------


def take_review(*, review_id: UUID, actor: Actor) -> Review:
    """Become the first person of a review; the opener of the case never does (R19)."""
    require_reviewer(actor)
    with unit_of_work():
        review = locked(review_id)
        if review.state != ReviewState.FIRST:
            raise Conflict("review_not_first", _("The first decision is already made."))
        if review.first_officer == actor.id:
            return review
        if review.first_officer:
            raise Conflict("review_taken", _("Somebody else has taken this case."))
        if review.second_officer == actor.id:
            raise NotAllowed("review_own_case", _("You already took part in this case."))
        if review.opener == actor.id:
            raise NotAllowed(
                "review_own_case", _("You opened this case, so two other people must decide it.")
            )
        review.first_officer = actor.id
        review.save(update_fields=["first_officer"])
        candidates = review.search.candidates.order_by("rank").values_list("id", flat=True)
        _lay_before(review, Position.FIRST, actor.id, candidates)
        _record_taken(review, Position.FIRST, actor)
        return review


def _lay_before(
    review: Review, position: Position, officer: str, candidate_ids: Iterable[UUID]
) -> None:
    Decision.objects.bulk_create(
        Decision(review=review, candidate_id=one, position=position, officer=officer)
        for one in candidate_ids
    )


def _record_taken(review: Review, position: Position, actor: Actor) -> None:
    record(
        "review.taken",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        position=position.value,
    )


# -- deciding -----------------------------------------------------------------------------------


def mark_shown(*, decision_id: UUID, actor: Actor) -> None:
    """Note when a picture was first laid before the person who decides it."""
    Decision.objects.filter(id=decision_id, officer=actor.id, shown_at=None).update(
        shown_at=clock.now()
    )


def say_preliminary(*, decision_id: UUID, actor: Actor, verdict: str) -> Decision:
    """Set the view a person has before the band is shown; only then it is shown (R21).

    It stands: after the reveal the decision may differ from it, with a reason, the view may not.
    """
    with unit_of_work():
        decision = _own_open_decision(decision_id, actor)
        wanted = _verdict(verdict, decision)
        if decision.preliminary:
            if decision.preliminary == wanted:
                return decision
            raise Conflict(
                "view_stands", _("You have said what you see. Confirm it, or decide otherwise.")
            )
        decision.preliminary = wanted
        decision.preliminary_at = decision.band_shown_at = clock.now()
        decision.save(update_fields=["preliminary", "preliminary_at", "band_shown_at"])
        return decision


@vault.retry_stale
def decide(*, decision_id: UUID, actor: Actor, verdict: str, reason: str = "") -> Decision:
    """Confirm a decision about one candidate. A change after the band was seen needs a reason."""
    words = _reason(reason)
    with unit_of_work():
        decision = _own_open_decision(decision_id, actor)
        final = _verdict(verdict, decision)
        if not decision.preliminary:
            raise Conflict("decision_without_view", _("Say first what you see, then confirm."))
        if decision.verdict == final and not words:
            return decision
        changed = final != decision.preliminary or decision.verdict not in {"", final}
        if (changed or decision.position == Position.SUPERVISOR) and not words:
            raise BadInput(
                "decision_needs_reason",
                _("Write why. A changed view and a supervisor's decision need a reason."),
            )
        if final == Verdict.SAME and rests_on_words(decision) and not words:
            raise BadInput(
                "decision_needs_reason",
                _("Write what shows that this face is theirs: no photo was compared."),
            )
        if words:
            decision.reason_field = f"decision.{decision.id}"
            vault.write_small(decision.review.case.file_unit, decision.reason_field, words.encode())
        before, decision.verdict = decision.verdict, final
        decision.decided_at = clock.now()
        decision.save(update_fields=["verdict", "decided_at", "reason_field"])
        _record_decision(decision, actor, changed=changed, with_reason=bool(words))
        if decision.position == Position.FIRST:
            _restrict_or_lift(decision, before, actor)
        return decision


def _record_decision(decision: Decision, actor: Actor, *, changed: bool, with_reason: bool) -> None:
    seen, said = decision.shown_at, decision.preliminary_at
    record(
        "decision.made",
        actor=actor,
        case_id=decision.review.case_id,
        subject_id=decision.candidate_id,
        position=decision.position,
        verdict=decision.verdict,
        preliminary=decision.preliminary,
        band=decision.candidate.band or "none",
        changed=changed,
        with_reason=with_reason,
        quick=seen is not None and said is not None and said - seen < QUICK,
    )


def _restrict_or_lift(decision: Decision, before: str, actor: Actor) -> None:
    """R1: restriction follows the first "same person" once the identity level is met."""
    case = decision.review.case
    records = [decision.candidate.record_id]
    if decision.verdict == Verdict.SAME and case.level >= 1:
        gallery.restrict(record_ids=records, case_id=case.id, actor=actor, reason="same_person")
    elif before == Verdict.SAME:
        gallery.lift_restriction(
            record_ids=records, case_id=case.id, actor=actor, reason="first_changed"
        )


# -- passing on ---------------------------------------------------------------------------------


def finish(*, review_id: UUID, actor: Actor) -> Review:
    """Close one person's part when everything before them is decided, and pass the case on."""
    with unit_of_work():
        review = locked(review_id)
        position = _position_of(review, actor)
        require_reviewer(actor)
        if asides.without(review.decisions.filter(position=position, verdict="")).exists():
            raise Conflict("review_open", _("Some pictures are not decided yet."))
        if position == Position.FIRST and widening.wanted(review):
            widening.begin(review)
        elif position == Position.FIRST:
            _pass_to_second(review, actor)
        elif position == Position.SECOND:
            _after_second(review, actor)
        else:
            _close(review, actor)
        return review


def widened(*, review: Review, candidate_ids: Collection[UUID]) -> None:
    """A widened search ended: its first person decides what is new, or is done with their part.

    Runs in the search job's transaction, on the locked review.
    """
    officer = str(review.first_officer)
    review.state = ReviewState.FIRST
    review.save(update_fields=["state"])
    if candidate_ids:
        _lay_before(review, Position.FIRST, officer, candidate_ids)
    elif review.second_done_at is None or _new_since_second(review):
        _pass_to_second(review, _first_person(review))
    else:
        first, second = (_verdicts(review, one) for one in (Position.FIRST, Position.SECOND))
        _end_second(review, rules.disputed(first, second), _second_person(review))


def _second_person(review: Review) -> Actor:
    """The second person in the role in which they finished their part: that stands, as of the first
    one, though they may not work on it any more."""
    finished = audit.events_for_subject(review.id).filter(
        type="review.finished", actor_id=review.second_officer
    )
    event = finished.latest("number")
    return Actor.decided_by(event.actor_id, event.actor_role)


def _first_person(review: Review) -> Actor:
    """The first person in the role in which they took the review: that stands though it changed.

    Passing on was their act, and the trail names them as it would without a widened search (R19).
    """
    taken = audit.events_for_subject(review.id).filter(
        type="review.taken", actor_id=review.first_officer
    )
    event = taken.latest("number")
    return Actor.decided_by(event.actor_id, event.actor_role)


def end_failed_widenings() -> int:
    """Go on without a widened search whose job failed for good; how many reviews went on.

    Run regularly.
    """
    ended = 0
    # One that can't go on must not hold up the others.
    waiting = Review.objects.filter(
        _waits_in(Status.IN_REVIEW, Status.SECOND_REVIEW), state=ReviewState.WIDENING
    )
    for review_id in [one.id for one in waiting if widening.failure(one) is not None]:
        end = partial(_end_failed_widening, review_id)
        ended += quietly(end, doing="a widened search", of=review_id)
    return ended


def _end_failed_widening(review_id: UUID) -> bool:
    with unit_of_work():
        review = locked(review_id)
        reason = widening.failure(review)
        if review.state != ReviewState.WIDENING or reason is None:
            return False
        widening.record_failure(review, reason)
        widened(review=review, candidate_ids=[])
    return True


def _pass_to_second(review: Review, actor: Actor) -> None:
    review.first_done_at = clock.now()
    review.state = ReviewState.SECOND
    review.save(update_fields=["first_done_at", "state"])
    again = review.second_done_at is not None
    if not review.beside and not again:
        cases.advance(case=review.case, action=Action.FIRST_DONE, actor=actor)
    _record_finished(review, Position.FIRST, actor)
    if again:
        # The same second person, for another one would have to see everything anew; who can't
        # decide any more is replaced as ever (assign_waiting_seconds).
        new = _new_since_second(review)
        dealt = set(rules.deal(new, list(new), _RANDOM))
        officer = str(review.second_officer)
        _lay_before(review, Position.SECOND, officer, [one for one in new if one in dealt])
    else:
        draw_second(review)


def _new_since_second(review: Review) -> dict[UUID, str]:
    """What the first person said of candidates of later hops than any the second one decided."""
    decided = review.decisions.filter(position=Position.SECOND)
    seen = decided.aggregate(last=Max("candidate__hop"))["last"]
    later = Candidate.objects.filter(case=review.case_id, hop__gt=seen or 0)
    new = set(later.values_list("id", flat=True))
    verdicts = _verdicts(review, Position.FIRST)
    return {one: verdict for one, verdict in verdicts.items() if one in new}


def _record_finished(review: Review, position: Position, actor: Actor) -> None:
    record(
        "review.finished",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        position=position.value,
    )


def draw_second(review: Review) -> bool:
    """Draw the second person and lay before them what R19 asks; False while nobody is free."""
    second = _somebody_else(review)
    if second is None:
        return False
    before = review.second_officer
    review.second_officer = second
    review.save(update_fields=["second_officer"])
    record(
        "review.drawn", actor=_SYSTEM, case_id=review.case_id, subject_id=review.id, officer=second
    )
    if before:
        review.decisions.filter(position=Position.SECOND, verdict="").update(officer=second)
        return True
    first = _verdicts(review, Position.FIRST)
    nearest_first = list(first)
    dealt = set(rules.deal(first, nearest_first, _RANDOM))
    # In the order they are shown in: ids are made in time, and must not tell a hop either.
    _lay_before(review, Position.SECOND, second, [one for one in nearest_first if one in dealt])
    return True


def _somebody_else(review: Review) -> str | None:
    """Active, trained, not the first, not the opener; drawn, never chosen (R19, P-17)."""
    # Who agreed to more time read why, and with it perhaps what the first one saw.
    read = Agreement.objects.filter(
        proposal__case=review.case_id, proposal__proposed_at__gte=review.opened_at
    ).values_list("by", flat=True)
    barred = {review.first_officer, review.opener, review.second_officer, *read}
    barred |= recusals.kept_away(review.case_id)
    for role in (Role.OFFICER, Role.SUPERVISOR):
        able = Staff.objects.filter(is_active=True, role=role, trained_until__gte=clock.today())
        names = sorted(set(able.values_list("staff_no", flat=True)) - barred)
        if names:
            return _RANDOM.choice(names)
    return None


def assign_waiting_seconds() -> int:
    """Draw a second person where nobody was free or the drawn one cannot decide any more.

    Run regularly; returns how many were drawn.
    """
    drawn = 0
    waiting = Review.objects.filter(_waits_in(Status.SECOND_REVIEW), state=ReviewState.SECOND)
    for review_id in list(waiting.values_list("id", flat=True)):
        with unit_of_work():
            review = locked(review_id)
            if review.state == ReviewState.SECOND and not _can_go_on(review.second_officer):
                drawn += draw_second(review)
    return drawn


def _can_go_on(officer: str | None) -> bool:
    able = Staff.objects.filter(
        is_active=True, role__in=REVIEWER_ROLES, trained_until__gte=clock.today()
    )
    return officer is not None and able.filter(staff_no=officer).exists()


def _verdicts(review: Review, position: Position) -> dict[UUID, str]:
    """Verdicts by candidate, nearest first."""
    rows = asides.without(review.decisions.filter(position=position)).order_by(*NEAREST_FIRST)
    return dict(rows.values_list("candidate_id", "verdict"))


def _after_second(review: Review, actor: Actor) -> None:
    first = _verdicts(review, Position.FIRST)
    second = _verdicts(review, Position.SECOND)
    unseen = [candidate for candidate in first if candidate not in second]
    if unseen and rules.overlooked(first, second):
        _lay_before(review, Position.SECOND, actor.id, unseen)
        record(
            "review.sent_back",
            actor=_SYSTEM,
            case_id=review.case_id,
            subject_id=review.id,
            candidates=len(unseen),
        )
        return
    review.second_done_at = clock.now()
    review.save(update_fields=["second_done_at"])
    _record_finished(review, Position.SECOND, actor)
    differ = rules.disputed(first, second)
    _lift([one for one in differ if first[one] == Verdict.SAME], review, actor, "second_disagrees")
    if widening.wanted_after_second(review):
        widening.begin(review)
        return
    _end_second(review, differ, actor)


def _end_second(review: Review, differ: list[UUID], actor: Actor) -> None:
    """Both persons are done: the verdicts stand, or a supervisor decides what they differ about."""
    if not differ:
        _close(review, actor)
        return
    review.state = ReviewState.SUPERVISOR
    review.save(update_fields=["state"])
    _lay_before(review, Position.SUPERVISOR, "", differ)
    record(
        "review.disputed",
        actor=_SYSTEM,
        case_id=review.case_id,
        subject_id=review.id,
        candidates=len(differ),
    )


def _lift(candidate_ids: Iterable[UUID], review: Review, actor: Actor, reason: str) -> None:
    records = _records(candidate_ids)
    if records:
        gallery.lift_restriction(
            record_ids=records, case_id=review.case_id, actor=actor, reason=reason
        )


def _records(candidate_ids: Iterable[UUID]) -> list[UUID]:
    rows = Candidate.objects.filter(id__in=list(candidate_ids))
    return list(rows.values_list("record_id", flat=True))


def take_dispute(*, review_id: UUID, actor: Actor) -> Review:
    """A supervisor who was neither first nor second takes what the two see differently."""
    if actor.kind != "staff" or actor.role != Role.SUPERVISOR:
        raise NotAllowed("supervisor_only", _("Only a supervisor decides a disagreement."))
    require_reviewer(actor)
    with unit_of_work():
        review = locked(review_id)
        if review.state != ReviewState.SUPERVISOR:
            raise Conflict("review_not_disputed", _("There is no disagreement to decide."))
        if actor.id in {review.first_officer, review.second_officer, review.opener}:
            raise NotAllowed("review_own_case", _("You already took part in this case."))
        if review.supervisor == actor.id:
            return review
        if review.supervisor:
            raise Conflict("review_taken", _("Somebody else has taken this case."))
        review.supervisor = actor.id
        review.save(update_fields=["supervisor"])
        review.decisions.filter(position=Position.SUPERVISOR).update(officer=actor.id)
        _record_taken(review, Position.SUPERVISOR, actor)
        return review


def _close(review: Review, actor: Actor) -> None:
    """The verdicts stand: hold and restriction follow them, the case is decided (R1)."""
    review.state = ReviewState.DONE
    review.done_at = clock.now()
    review.save(update_fields=["state", "done_at"])
    verdicts = final_verdicts(review)
    by_kind = {kind: [c for c, said in verdicts.items() if said == kind] for kind in Verdict}
    same = _records(by_kind[Verdict.SAME])
    if same:
        gallery.restrict(record_ids=same, case_id=review.case_id, actor=actor, reason="same_person")
    # R17: what stays open is locked only on wish.
    _lift(by_kind[Verdict.INCONCLUSIVE], review, actor, "inconclusive")
    _lift(by_kind[Verdict.NOT_SAME], review, actor, "not_same")
    gallery.release_holds(
        case_id=review.case_id, record_ids=_records(by_kind[Verdict.NOT_SAME]), actor=actor
    )
    record(
        "review.decided",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        same=len(same),
        not_same=len(by_kind[Verdict.NOT_SAME]),
        inconclusive=len(by_kind[Verdict.INCONCLUSIVE]),
        disputed=review.decisions.filter(position=Position.SUPERVISOR).count(),
    )
    if not review.beside:
        cases.advance(case=review.case, action=Action.REVIEW_DONE, actor=actor)


def final_verdicts(review: Review) -> dict[UUID, str]:
    """The verdict that counts for each candidate: supervisor's, else second's, else first's; of
    what was put aside what those say who saw it."""
    verdicts: dict[UUID, str] = {}
    for position in (Position.FIRST, Position.SECOND, Position.SUPERVISOR):
        rows = asides.without(review.decisions.filter(position=position)).exclude(verdict="")
        verdicts.update(rows.values_list("candidate_id", "verdict"))
    return verdicts | asides.verdicts(review)


# -- the end of a case --------------------------------------------------------------------------


def end_reviews(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: with the case end its open review, its restrictions and its scores (R1, P-06).

    A restriction the person asked for is kept (Art. 18), and so is one that follows an objection:
    nobody showed grounds that outweigh it (Art. 21(1), law E-09). What two persons did not take
    as theirs is nobody's to keep locked.
    """
    if reason not in {"closed", "withdrawn", "purged"}:
        return
    with unit_of_work():
        Review.objects.filter(case_id=case_id, state__in=OPEN).update(state=ReviewState.STOPPED)
        candidates = Candidate.objects.filter(case_id=case_id)
        candidates.exclude(score=None).update(score=0.0)
        case = Case.objects.get(id=case_id)
        # What an exemption keeps from erasure stays locked and out of search (law E-03).
        kept = exempted(case_id)
        if keeps_locked(case):
            kept |= _same_by_two(case_id)
        gallery.lift_restriction(
            record_ids=candidates.exclude(record_id__in=kept).values_list("record_id", flat=True),
            case_id=case_id,
            actor=actor,
            reason="case_over",
        )


def _same_by_two(case_id: UUID) -> set[UUID]:
    """Records of a case that are the person's by a finished review and were not taken out since."""
    done = Review.objects.filter(case_id=case_id, state=ReviewState.DONE)
    same = [
        candidate
        for review in done
        for candidate, verdict in final_verdicts(review).items()
        if verdict == Verdict.SAME
    ]
    return set(_records(same)) - taken_out(case_id)


# -- guards ---------------------------------------------------------------------------------


def locked(review_id: UUID) -> Review:
    """The review, locked; `Conflict` when its case went on without it.

    The case is locked first, as withdrawing and a new search lock it: no two wait for each other.
    """
    Case.objects.select_for_update(of=("self",)).filter(reviews=review_id).first()
    review = (
        Review.objects.select_for_update(of=("self",))
        .select_related("case")
        .filter(id=review_id)
        .first()
    )
    if review is None:
        raise NotFound("no_review", _("There is no such review."))
    wanted = _STATUS.get(ReviewState(review.state))
    if wanted is not None and review.second_done_at is not None:
        # What the second person confirmed widened the search: the case does not go back.
        wanted = Status.SECOND_REVIEW
    if wanted is not None and review.beside:
        wanted = Status.DELIVERED
    if wanted is not None and review.case.status != wanted:
        raise Conflict("review_over", _("This case does not wait for a decision any more."))
    return review


def _position_of(review: Review, actor: Actor) -> Position:
    position = position_of(review, actor)
    if position is None:
        raise NotAllowed("not_your_turn", _("This case does not wait for you."))
    return position


def position_of(review: Review, actor: Actor) -> Position | None:
    """In which position this person now decides, if at all."""
    expected = {
        ReviewState.FIRST: (review.first_officer, Position.FIRST),
        ReviewState.SECOND: (review.second_officer, Position.SECOND),
        ReviewState.SUPERVISOR: (review.supervisor, Position.SUPERVISOR),
    }.get(ReviewState(review.state))
    if expected is None or actor.kind != "staff" or expected[0] != actor.id:
        return None
    return expected[1]


def _own_open_decision(decision_id: UUID, actor: Actor) -> Decision:
    found = Decision.objects.filter(id=decision_id, officer=actor.id).first()
    if found is None or not actor.id:
        raise NotFound("no_decision", _("There is no such picture for you to decide."))
    require_reviewer(actor)
    review = locked(found.review_id)
    recusals.require_free(review.case_id, actor)
    decision = (
        Decision.objects.select_for_update(of=("self",))
        .select_related("candidate", "review__case", "review__search__probe")
        .get(id=decision_id)
    )
    if _position_of(review, actor) != decision.position:
        raise NotAllowed("not_your_turn", _("This case does not wait for you."))
    if asides.is_aside(decision.candidate):
        raise NotFound("no_decision", _("There is no such picture for you to decide."))
    return decision


def _verdict(text: str, decision: Decision) -> Verdict:
    if text not in Verdict.values:
        raise BadInput("no_such_verdict", _("Choose one of the three answers."))
    comparable = has_photo(decision) or decision.candidate.way_id is not None
    if not comparable and text != Verdict.INCONCLUSIVE:
        raise Conflict(
            "photo_gone",
            _("The photo was withdrawn and deleted, so nothing can be compared. Say inconclusive."),
        )
    return Verdict(text)


def has_photo(decision: Decision) -> bool:
    """Whether there is a photo to compare this candidate with."""
    probe = decision.review.search.probe
    return probe is not None and probe.state != ProbeState.DELETED


def rests_on_words(decision: Decision) -> bool:
    """Nothing but what the person named speaks for this record: which face is theirs, if any, is a
    person's decision with a reason."""
    return decision.candidate.score is None or not has_photo(decision)


def _reason(text: str) -> str:
    words = text.strip()
    require_room(words, limit=MAX_REASON)
    return words
