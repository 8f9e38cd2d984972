"""What happens to a probe, a search and its candidates. Every rule of R1, R2, R8, R19 acts here."""

import secrets
from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, ConsentScope, Status
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import services as gallery
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching.models import (
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
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

REVIEWER_ROLES = frozenset({Role.OFFICER, Role.SUPERVISOR})
# R19: the second person also sees a random tenth of what the first rejected, at least five.
MIXED_SHARE = 10
MIXED_AT_LEAST = 5


# -- probes ---------------------------------------------------------------------------------


def add_probe(*, case: Case, actor: Actor, unit: UUID, channel: str, entered_by: str = "") -> Probe:
    """Take a picture for a case; its vault unit was staged and saved by the caller.

    Without a consent record nothing is computed from it: it waits encrypted (R8). Runs inside the
    caller's unit of work, so that a request and its photo arrive together or not at all (R14).
    """
    agreed = cases.has_consent(case=case, scope=ConsentScope.COMPARISON)
    probe = Probe.objects.create(
        case=case,
        unit=unit,
        channel=channel,
        entered_by=entered_by,
        received_at=clock.now(),
        state=ProbeState.RECEIVED if agreed else ProbeState.WAITING_CONSENT,
    )
    record(
        "probe.received",
        actor=actor,
        case_id=case.id,
        subject_id=probe.id,
        channel=channel,
        consent=agreed,
    )
    if agreed:
        _queue_judgement(probe)
    return probe


def consent_given(*, case: Case, actor: Actor) -> None:
    """Wake the probes that waited for consent; called in the unit of work that recorded it."""
    for probe in Probe.objects.filter(case=case, state=ProbeState.WAITING_CONSENT):
        probe.state = ProbeState.RECEIVED
        probe.save(update_fields=["state"])
        _queue_judgement(probe)


def _queue_judgement(probe: Probe) -> None:
    enqueue(
        kind="matching.judge_probe",
        subject=probe.id,
        idempotency_key=f"matching.judge_probe:{probe.id}",
    )


def probe_judged(
    *, probe_id: UUID, verdict: str, findings: Iterable[str], actor: Actor
) -> None:
    """Write down what the checks before any face code said; ask for another photo if needed."""
    probe = _live_probe(probe_id)
    if probe is None:
        return
    probe.verdict = verdict
    probe.findings = list(findings)
    probe.judged_at = clock.now()
    probe.state = ProbeState.USABLE if verdict == "ok" else ProbeState.UNUSABLE
    probe.save(update_fields=["verdict", "findings", "judged_at", "state"])
    record(
        "probe.judged",
        actor=actor,
        case_id=probe.case_id,
        subject_id=probe.id,
        verdict=verdict,
        findings=len(probe.findings),
    )
    if probe.state == ProbeState.USABLE:
        start_search_if_ready(case_id=probe.case_id, actor=actor)


def _live_probe(probe_id: UUID) -> Probe | None:
    probe = Probe.objects.select_for_update().filter(id=probe_id).first()
    return None if probe is None or probe.state == ProbeState.DELETED else probe


def delete_probes(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Delete every photo of a case and stop what still works on it (R8; law P-03, P-06)."""
    with unit_of_work():
        probes = list(
            Probe.objects.select_for_update()
            .filter(case_id=case_id)
            .exclude(state=ProbeState.DELETED)
        )
        if not probes:
            return
        Search.objects.filter(
            probe__in=probes, state__in=[SearchState.RUNNING, SearchState.PRELIMINARY]
        ).update(state=SearchState.STALE)
        for probe in probes:
            probe.state = ProbeState.DELETED
            probe.findings = []
            probe.save(update_fields=["state", "findings"])
            record(
                "probe.deleted", actor=actor, case_id=case_id, subject_id=probe.id, reason=reason
            )
        vault.request_shred([probe.unit for probe in probes], reason=reason)


# -- identity and search --------------------------------------------------------------------


def record_identity(
    *, case_id: UUID, actor: Actor, way: str, element: str, compared: str
) -> Case:
    """Record a way of R6 and the further element of R7; search when the level is now met (R2)."""
    with unit_of_work():
        case = cases.record_identity(
            case_id=case_id, actor=actor, way=way, element=element, compared=compared
        )
        start_search_if_ready(case_id=case_id, actor=actor)
    case.refresh_from_db()
    return case


def confirm_origin(*, case_id: UUID, actor: Actor) -> Case:
    """Another person saw the original and the confirmed contact; then a search may start (R20)."""
    with unit_of_work():
        case = cases.confirm_origin(case_id=case_id, actor=actor)
        start_search_if_ready(case_id=case_id, actor=actor)
    return case


def start_search_if_ready(*, case_id: UUID, actor: Actor) -> Search | None:
    """Queue the search when level, consent and a usable probe are all there (R2, R8)."""
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if case.status not in {Status.RECEIVED, Status.IDENTITY, Status.NEEDS_INFO}:
            return None
        if case.level < case.required_level:
            return None
        if not cases.has_consent(case=case, scope=ConsentScope.COMPARISON):
            return None
        probe = (
            Probe.objects.filter(case=case, state=ProbeState.USABLE).order_by("-received_at").first()
        )
        if probe is None or (probe.entered_by and not cases.origin_confirmed(case=case)):
            return None
        search = Search.objects.create(
            case=case,
            probe=probe,
            threshold=policy.current("review_threshold"),
            strong_threshold=policy.current("strong_threshold"),
            started_at=clock.now(),
        )
        cases.advance(case=case, action=Action.START_SEARCH, actor=actor)
        record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
        enqueue(
            kind="matching.search",
            subject=search.id,
            idempotency_key=f"matching.search:{search.id}",
        )
        return search


def open_review(*, search: Search, actor: Actor) -> Review:
    """Open the two-person round over a swept search; runs in the search job's transaction."""
    case = Case.objects.select_for_update().get(id=search.case_id)
    number = Review.objects.filter(case=case).count() + 1
    review = Review.objects.create(
        case=case, search=search, round=number, opener=case.opener, opened_at=clock.now()
    )
    cases.advance(case=case, action=Action.SEARCH_DONE, actor=actor)
    return review


# -- review ---------------------------------------------------------------------------------


def take_review(*, review_id: UUID, actor: Actor) -> Review:
    """Become the first person of a review; the opener of the case never does (R19)."""
    require_reviewer(actor)
    with unit_of_work():
        review = _locked(review_id)
        if review.state != ReviewState.FIRST:
            raise Conflict("review_not_first", _("The first decision is already made."))
        if review.first_officer == actor.id:
            return review
        if review.first_officer:
            raise Conflict("review_taken", _("Somebody else has taken this case."))
        if review.opener == actor.id:
            raise NotAllowed(
                "review_own_case", _("You opened this case, so two other people must decide it.")
            )
        review.first_officer = actor.id
        review.save(update_fields=["first_officer"])
        Decision.objects.bulk_create(
            Decision(
                review=review, candidate=candidate, position=Position.FIRST, officer=actor.id
            )
            for candidate in review.search.candidates.order_by("rank")
        )
        record(
            "review.taken",
            actor=actor,
            case_id=review.case_id,
            subject_id=review.id,
            position=Position.FIRST.value,
        )
        return review


def say_preliminary(*, decision_id: UUID, actor: Actor, verdict: str) -> Decision:
    """Set the view a person has before the band is shown; only then it is shown (R21)."""
    with unit_of_work():
        decision = _own_open_decision(decision_id, actor)
        decision.preliminary = _verdict(verdict)
        decision.preliminary_at = clock.now()
        decision.band_shown_at = decision.band_shown_at or clock.now()
        decision.save(update_fields=["preliminary", "preliminary_at", "band_shown_at"])
        return decision


def decide(*, decision_id: UUID, actor: Actor, verdict: str, reason: str = "") -> Decision:
    """Confirm a decision about one candidate. A change after the band was seen needs a reason."""
    with unit_of_work():
        decision = _own_open_decision(decision_id, actor)
        final = _verdict(verdict)
        if not decision.preliminary:
            raise Conflict("decision_without_view", _("Say first what you see, then confirm."))
        changed = decision.preliminary != final
        supervisor = decision.position == Position.SUPERVISOR
        if (changed or supervisor) and not reason.strip():
            raise BadInput(
                "decision_needs_reason",
                _("Write why. A changed view and a supervisor's decision need a reason."),
            )
        if reason.strip():
            decision.reason_field = f"decision.{decision.id}"
            vault.write_small(
                decision.review.case.file_unit, decision.reason_field, reason.strip().encode()
            )
        decision.verdict = final
        decision.decided_at = clock.now()
        decision.save(update_fields=["verdict", "decided_at", "reason_field"])
        _record_decision(decision, actor, changed=changed)
        if decision.position == Position.FIRST and final == Verdict.SAME:
            _restrict(decision, actor)
        return decision


def _record_decision(decision: Decision, actor: Actor, *, changed: bool) -> None:
    record(
        "decision.made",
        actor=actor,
        case_id=decision.review.case_id,
        subject_id=decision.candidate_id,
        position=decision.position,
        verdict=decision.verdict,
        preliminary=decision.preliminary,
        band=decision.candidate.band,
        changed=changed,
        with_reason=bool(decision.reason_field),
    )


def _restrict(decision: Decision, actor: Actor) -> None:
    """R1: restriction follows the first "same person" once the identity level is met."""
    case = decision.review.case
    if case.level >= 1:
        gallery.restrict(
            record_ids=[decision.candidate.record_id],
            case_id=case.id,
            actor=actor,
            reason="same_person",
        )


def finish(*, review_id: UUID, actor: Actor) -> Review:
    """Close one person's part when everything before them is decided, and pass the case on."""
    with unit_of_work():
        review = _locked(review_id)
        position = _position_of(review, actor)
        mine = review.decisions.filter(position=position)
        if mine.filter(verdict="").exists():
            raise Conflict("review_open", _("Some pictures are not decided yet."))
        if position == Position.FIRST:
            _pass_to_second(review, actor)
        elif position == Position.SECOND:
            _after_second(review, actor)
        else:
            _close(review, actor)
        return review


def _pass_to_second(review: Review, actor: Actor) -> None:
    second = draw_second(review)
    review.first_done_at = clock.now()
    review.second_officer = second
    review.state = ReviewState.SECOND
    review.save(update_fields=["first_done_at", "second_officer", "state"])
    if second:
        _deal_second(review)
    cases.advance(case=review.case, action=Action.FIRST_DONE, actor=actor)
    record(
        "review.finished",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        position=Position.FIRST.value,
    )


def draw_second(review: Review) -> str | None:
    """Draw the second person: active, not the first, not the opener; never chosen (R19)."""
    barred = {review.first_officer, review.opener}
    for role in (Role.OFFICER, Role.SUPERVISOR):
        names = sorted(
            set(
                Staff.objects.filter(is_active=True, role=role).values_list("staff_no", flat=True)
            )
            - barred
        )
        if names:
            return secrets.choice(names)
    return None


def assign_waiting_seconds() -> int:
    """Draw a second person for reviews that found nobody free; run regularly."""
    waiting = Review.objects.filter(state=ReviewState.SECOND, second_officer__isnull=True)
    drawn = 0
    for review_id in list(waiting.values_list("id", flat=True)):
        with unit_of_work():
            review = _locked(review_id)
            second = draw_second(review)
            if second and review.second_officer is None:
                review.second_officer = second
                review.save(update_fields=["second_officer"])
                _deal_second(review)
                drawn += 1
    return drawn


def _deal_second(review: Review) -> None:
    """Lay before the second person what R19 asks, in an order that tells nothing."""
    first = review.decisions.filter(position=Position.FIRST)
    positive = list(
        first.filter(verdict__in=[Verdict.SAME, Verdict.INCONCLUSIVE]).values_list(
            "candidate_id", flat=True
        )
    )
    rejected = list(first.filter(verdict=Verdict.NOT_SAME).values_list("candidate_id", flat=True))
    share = max(MIXED_AT_LEAST, len(rejected) // MIXED_SHARE) if positive else len(rejected)
    mixed = secrets.SystemRandom().sample(rejected, min(share, len(rejected)))
    _deal(review, [*positive, *mixed])


def _deal(review: Review, candidate_ids: Iterable[UUID]) -> None:
    Decision.objects.bulk_create(
        Decision(
            review=review,
            candidate_id=candidate_id,
            position=Position.SECOND,
            officer=review.second_officer or "",
        )
        for candidate_id in candidate_ids
    )


def _after_second(review: Review, actor: Actor) -> None:
    first = dict(
        review.decisions.filter(position=Position.FIRST).values_list("candidate_id", "verdict")
    )
    second = dict(
        review.decisions.filter(position=Position.SECOND).values_list("candidate_id", "verdict")
    )
    overlooked = any(
        verdict == Verdict.SAME and first[candidate] == Verdict.NOT_SAME
        for candidate, verdict in second.items()
    )
    unseen = [candidate for candidate in first if candidate not in second]
    if overlooked and unseen:
        # A "same" among the rejected sends all of them back (R19).
        _deal(review, unseen)
        record(
            "review.sent_back",
            actor=actor,
            case_id=review.case_id,
            subject_id=review.id,
            candidates=len(unseen),
        )
        return
    review.second_done_at = clock.now()
    review.save(update_fields=["second_done_at"])
    record(
        "review.finished",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        position=Position.SECOND.value,
    )
    disputed = [candidate for candidate, verdict in second.items() if verdict != first[candidate]]
    _lift_where_not_same(review, second, actor)
    if disputed:
        review.state = ReviewState.SUPERVISOR
        review.save(update_fields=["state"])
        Decision.objects.bulk_create(
            Decision(review=review, candidate_id=candidate, position=Position.SUPERVISOR)
            for candidate in disputed
        )
        record(
            "review.disputed",
            actor=actor,
            case_id=review.case_id,
            subject_id=review.id,
            candidates=len(disputed),
        )
    else:
        _close(review, actor)


def _lift_where_not_same(review: Review, second: dict[UUID, str], actor: Actor) -> None:
    """R1: a restriction is lifted at once when the second person disagrees."""
    disagreed = [c for c, verdict in second.items() if verdict == Verdict.NOT_SAME]
    records = list(
        Candidate.objects.filter(id__in=disagreed).values_list("record_id", flat=True)
    )
    if records:
        gallery.lift_restriction(
            record_ids=records, case_id=review.case_id, actor=actor, reason="second_disagrees"
        )


def take_dispute(*, review_id: UUID, actor: Actor) -> Review:
    """A supervisor who was neither first nor second takes what the two see differently."""
    if actor.kind != "staff" or actor.role != Role.SUPERVISOR:
        raise NotAllowed("supervisor_only", _("Only a supervisor decides a disagreement."))
    with unit_of_work():
        review = _locked(review_id)
        if review.state != ReviewState.SUPERVISOR:
            raise Conflict("review_not_disputed", _("There is no disagreement to decide."))
        if actor.id in {review.first_officer, review.second_officer, review.opener}:
            raise NotAllowed("review_own_case", _("You already took part in this case."))
        if review.supervisor and review.supervisor != actor.id:
            raise Conflict("review_taken", _("Somebody else has taken this case."))
        review.supervisor = actor.id
        review.save(update_fields=["supervisor"])
        review.decisions.filter(position=Position.SUPERVISOR).update(officer=actor.id)
        record(
            "review.taken",
            actor=actor,
            case_id=review.case_id,
            subject_id=review.id,
            position=Position.SUPERVISOR.value,
        )
        return review


def _close(review: Review, actor: Actor) -> None:
    review.state = ReviewState.DONE
    review.done_at = clock.now()
    review.save(update_fields=["state", "done_at"])
    verdicts = final_verdicts(review)
    rejected = [c for c, verdict in verdicts.items() if verdict == Verdict.NOT_SAME]
    records = dict(
        Candidate.objects.filter(id__in=verdicts).values_list("id", "record_id")
    )
    gone = [records[c] for c in rejected]
    if gone:
        gallery.lift_restriction(
            record_ids=gone, case_id=review.case_id, actor=actor, reason="not_same"
        )
        gallery.release_holds(case_id=review.case_id, record_ids=gone, actor=actor)
    counts = {verdict: list(verdicts.values()).count(verdict) for verdict in Verdict.values}
    record(
        "review.decided",
        actor=actor,
        case_id=review.case_id,
        subject_id=review.id,
        same=counts[Verdict.SAME],
        not_same=counts[Verdict.NOT_SAME],
        inconclusive=counts[Verdict.INCONCLUSIVE],
        disputed=review.decisions.filter(position=Position.SUPERVISOR).count(),
    )
    cases.advance(case=review.case, action=Action.REVIEW_DONE, actor=actor)


def final_verdicts(review: Review) -> dict[UUID, str]:
    """The verdict that counts for each candidate: supervisor's, else second's, else first's."""
    verdicts: dict[UUID, str] = {}
    for position in (Position.FIRST, Position.SECOND, Position.SUPERVISOR):
        rows = review.decisions.filter(position=position).exclude(verdict="")
        verdicts.update(rows.values_list("candidate_id", "verdict"))
    return verdicts


# -- guards ---------------------------------------------------------------------------------


def require_reviewer(actor: Actor) -> None:
    """Only trained, named people decide (law P-12, P-17; G-02: the DPO decides nothing)."""
    if actor.kind != "staff" or actor.role not in REVIEWER_ROLES:
        raise NotAllowed("reviewer_only", _("Only officers and supervisors compare faces."))


def _locked(review_id: UUID) -> Review:
    review = Review.objects.select_for_update().filter(id=review_id).first()
    if review is None:
        raise NotFound("no_review", _("There is no such review."))
    return review


def _position_of(review: Review, actor: Actor) -> Position:
    expected = {
        ReviewState.FIRST: (review.first_officer, Position.FIRST),
        ReviewState.SECOND: (review.second_officer, Position.SECOND),
        ReviewState.SUPERVISOR: (review.supervisor, Position.SUPERVISOR),
    }.get(ReviewState(review.state))
    if expected is None or actor.kind != "staff" or expected[0] != actor.id:
        raise NotAllowed("not_your_turn", _("This case does not wait for you."))
    return expected[1]


def _own_open_decision(decision_id: UUID, actor: Actor) -> Decision:
    decision = (
        Decision.objects.select_for_update()
        .filter(id=decision_id, officer=actor.id)
        .select_related("review", "candidate", "review__case")
        .first()
    )
    if decision is None:
        raise NotFound("no_decision", _("There is no such picture for you to decide."))
    require_reviewer(actor)
    if _position_of(decision.review, actor) != decision.position:
        raise NotAllowed("not_your_turn", _("This case does not wait for you."))
    return decision


def _verdict(text: str) -> Verdict:
    if text not in Verdict.values:
        raise BadInput("no_such_verdict", _("Choose one of the three answers."))
    return Verdict(text)
