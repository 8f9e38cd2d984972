"""Planning, starting, stopping and repeating the erasure of a case's records (GDPR Art. 17).

A plan is frozen in one unit of work and waits out its hold window; `steps.py` carries it out,
`verification.py` checks it, `certificate.py` says so. Every state here is reached by a person or
by a date a person set (R4).
"""

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import (
    answered,
    corrections,
    evidence_locks,
    exemptions,
    mandates,
    other_systems,
    page_wishes,
    proposals,
)
from dsr_portal.cases import services as cases
from dsr_portal.cases.keep_days import KEEP_EACH, keep_each
from dsr_portal.cases.models import (
    Case,
    Delivery,
    DeliveryKind,
    DeliveryState,
    LockOver,
    ProposalKind,
    RightCode,
    Status,
)
from dsr_portal.cases.moves import lock
from dsr_portal.cases.selectors import kept_from_erasure, taken_out
from dsr_portal.cases.states import OVER, Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, PortalError
from dsr_portal.erasure import duplicates, grounds
from dsr_portal.erasure.models import (
    Plan,
    PlanRecord,
    PlanState,
    Step,
    StepState,
    WaitCode,
)
from dsr_portal.erasure.selectors import VERIFY, opened_again_since
from dsr_portal.gallery import copies
from dsr_portal.gallery import selectors as gallery_rows
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import asides, repeating
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Decision, Verdict
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

log = logging.getLogger(__name__)

RUN = "erasure.run"
CERTIFY = "erasure.certificate"
KIT_HOURS = 24
"""R30: the patterns used for the checks live at most this long."""

MOST_WITHOUT_SUPERVISOR = 50
_ACTOR = Actor.system("erasure")
_GOING = (PlanState.HOLD, PlanState.RUNNING)
_WAITS = {
    "held_by_other_case": WaitCode.HELD,
    "inspection_hold": WaitCode.INSPECTION,
    "put_aside": WaitCode.PUT_ASIDE,
}
_ARRIVED: dict[repeating.Arrived, WaitCode | None] = {
    repeating.Arrived.COVERED: None,
    repeating.Arrived.COMPARING: WaitCode.COMPARING,
    repeating.Arrived.TO_DECIDE: WaitCode.ARRIVED,
}

# Stores in the order in which they are worked off; a picture has a step per record.
BEFORE = (
    ("kit", "make"),
    ("block_list", "add"),
)
AFTER = (
    ("index", "erase"),
    ("probe", "delete"),
    ("keys", "destroy"),
    ("files", "scan"),
    ("records", "mark_erased"),
    ("processes", "recycle"),
)


# -- planning -------------------------------------------------------------------------------------


def start_erasure(*, case_id: UUID, actor: Actor, resumes: UUID | None = None) -> Plan:
    """Freeze the plan of a case and let its hold window run; a second call returns the first plan.

    `resumes` is the waiting plan to go on with: no other is made where it was stopped meanwhile.

    Raises `NotAllowed`; `Conflict` with answer_first (E-11), level_not_met (R2), not_decided,
    nothing_to_erase, erasure_not_asked, plan_stopped, conflict_same_person (R1). A hold, an
    inspection, and for the data subject a conflict, make a plan that WAITS: a person settles it,
    nothing is erased. So do pictures that came since the search, until they are compared and, where
    one may be the person's, decided (R5).
    """
    _require_may_start(case_id, actor)
    _flag_conflict_for_staff(case_id, actor)
    with unit_of_work():
        case = lock(case_id)
        standing = Plan.objects.filter(case=case, own=False).exclude(state=PlanState.STOPPED)
        plan = standing.select_for_update().order_by("-frozen_at").first()
        done = plan is not None and plan.state == PlanState.DONE
        if plan is not None and opened_again_since(plan, case):
            plan = None
        if done and exemptions.over(case):
            # What an exemption kept is erased by a plan of its own (Art. 17(3)).
            plan = None
            proposals.lapse(case, actor=_ACTOR, kinds=(ProposalKind.LENGTHEN,))
        if resumes is not None and (plan is None or plan.id != resumes):
            raise Conflict("plan_stopped", _("This erasure was stopped."))
        if plan is not None and plan.state != PlanState.WAITING:
            return plan
        if plan is not None and repeating.is_deciding(case):
            _wait(plan, case, WaitCode.ARRIVED)
            return plan
        record_ids = _confirmed(case)
        if plan is None:
            plan = _new_plan(case, actor)
        begin(plan, case, record_ids, actor)
    return plan


def _require_may_start(case_id: UUID, actor: Actor) -> None:
    own = actor.kind == "person" and actor.id == str(case_id)
    staff = actor.kind == "staff" and actor.role in REVIEWERS
    if not own and not staff:
        raise NotAllowed(
            "erasure_role", _("Only the person, an officer or a supervisor starts an erasure.")
        )


def _confirmed(case: Case) -> list[UUID]:
    """What two persons confirmed and still stands (R1, R19)."""
    answered.require_erasure_turn(case)
    if evidence_locks.in_force(case.id) is not None:
        raise Conflict(
            "kept_as_evidence",
            _("The person wants it kept, locked, as evidence. That comes first."),
        )
    if case.withdrawn_at is not None:
        raise Conflict("case_over", _("The person took this request back."))
    if Plan.objects.filter(case=case, own=True, state__in=_GOING).exists():
        raise Conflict("erasure_runs", _("An erasure runs in this case. Try again once it ended."))
    outcome = matching.outcome(case.id)
    if outcome is None:
        raise not_decided()
    if case.level < cases.DISCLOSURE_LEVEL:
        raise Conflict("level_not_met", _("The identity level is not met."))
    kept = kept_from_erasure(case.id)
    wanted = {*outcome.same, *duplicates.chosen_records(case.id)} - kept
    standing = Record.objects.filter(id__in=wanted).exclude(state=Record.State.ERASED)
    found = sorted(standing.values_list("id", flat=True))
    if not found:
        raise Conflict("nothing_to_erase", _("No record of this person is left to erase."))
    return found


def not_decided() -> Conflict:
    return Conflict("not_decided", _("Two persons have not decided yet."))


def _new_plan(case: Case, actor: Actor) -> Plan:
    approver = _approver(case, actor)
    moment = clock.now()
    return Plan(
        case=case,
        state=PlanState.WAITING,
        frozen_at=moment,
        hold_until=moment,
        requested_by=actor.id,
        requester_role=actor.role,
        approver=approver.id,
        approver_role=approver.role,
    )


def _approver(case: Case, actor: Actor) -> Actor:
    """The person of staff who answers for it: who starts it, else who approved the answer,
    else who decided last."""
    if actor.is_human_staff:
        return actor
    answer = (
        Delivery.objects.filter(case=case, kind=DeliveryKind.ANSWER)
        .exclude(approved_by="")
        .order_by("-created_at")
        .first()
    )
    if answer is not None:
        return Actor.decided_by(answer.approved_by, answer.approver_role)
    review = matching.current_review(case.id)
    if review is not None and review.supervisor:
        return Actor.decided_by(review.supervisor, "supervisor")
    if review is not None and review.second_officer:
        return Actor.decided_by(review.second_officer, "officer")
    raise not_decided()


def begin(plan: Plan, case: Case, record_ids: list[UUID], actor: Actor) -> None:
    """Begin the hold window, or leave the plan waiting with its reason."""
    reason = _reason_to_wait(plan, case, record_ids, actor)
    if reason is None and not plan.own:
        reason = _ARRIVED[_arrived_since(plan, actor)]
    if reason is None:
        try:
            with unit_of_work():
                _freeze(plan, case, record_ids, actor)
        except Conflict as error:
            reason = _WAITS.get(error.code)
            if reason is None:
                raise
        else:
            return
    _wait(plan, case, reason)


def _reason_to_wait(
    plan: Plan, case: Case, record_ids: list[UUID], actor: Actor
) -> WaitCode | None:
    if not plan._state.adding and duplicates.undecided(plan).exists():
        return WaitCode.DUPLICATES
    if not actor.is_human_staff and _said_not_me(case):
        return WaitCode.NOT_ME
    if not plan.own and asides.waits(case.id):
        return WaitCode.PUT_ASIDE
    if len(record_ids) > MOST_WITHOUT_SUPERVISOR and actor.role != "supervisor":
        return WaitCode.SUPERVISOR
    return WaitCode.SAME_PERSON if _claimed_by_others(case.id, record_ids) else None


def _arrived_since(plan: Plan, actor: Actor) -> repeating.Arrived:
    """Asked last: only a plan that nothing else holds off has the search repeated (R5)."""
    return repeating.before_erasing(case_id=plan.case_id, asked_at=plan.frozen_at, actor=actor)


def _said_not_me(case: Case) -> bool:
    return case.flags.filter(code=WaitCode.NOT_ME).exists()


def _claimed_by_others(case_id: UUID, record_ids: Iterable[UUID]) -> set[UUID]:
    """Open cases in which somebody decided "same person" on one of these records (R1)."""
    claims = Decision.objects.filter(
        candidate__record_id__in=list(record_ids), verdict=Verdict.SAME
    ).exclude(candidate__case_id=case_id)
    claims = claims.exclude(candidate__case__status__in=OVER)
    pairs = set(claims.values_list("candidate__case_id", "candidate__record_id"))
    return {one for one, record_id in pairs if record_id not in taken_out(one)}


def _flag_conflict_for_staff(case_id: UUID, actor: Actor) -> None:
    """Staff are refused with the code of the conflict; both cases keep the flag as a task."""
    outcome = matching.outcome(case_id)
    if not actor.is_human_staff or outcome is None:
        return
    others = _claimed_by_others(case_id, outcome.same)
    if not others:
        return
    for one in sorted({case_id, *others}):
        cases.raise_flag(case_id=one, code=WaitCode.SAME_PERSON, actor=_ACTOR)
    raise Conflict(
        WaitCode.SAME_PERSON.value,
        _("Another case claims one of these records. Settle that first; nothing was erased."),
        cases=len(others),
    )


def _wait(plan: Plan, case: Case, reason: WaitCode) -> None:
    """Nothing is erased; the case keeps its state and gets a task, where a person has one."""
    fresh = plan._state.adding or plan.waits_for != reason
    plan.state, plan.waits_for = PlanState.WAITING, reason
    plan.save()
    if fresh:
        if reason != WaitCode.COMPARING:
            cases.raise_flag(case_id=case.id, code=reason, actor=_ACTOR)
        record(
            "erasure.waits", actor=_ACTOR, case_id=case.id, subject_id=plan.id, reason=reason.value
        )


def _freeze(plan: Plan, case: Case, record_ids: list[UUID], actor: Actor) -> None:
    # Marked when the hold window is over: until then another case may still find and claim them.
    gallery.require_free(record_ids=record_ids, case_id=case.id, also_images=_copies_that_go(plan))
    moment = clock.now()
    plan.state, plan.waits_for, plan.frozen_at = PlanState.HOLD, "", moment
    plan.duplicates_looked_at = None
    plan.hold_until = moment + timedelta(minutes=float(policy.current("hold_minutes")))
    plan.save()
    whole = _write_records(plan, record_ids)
    _write_steps(plan, record_ids)
    grounds.settle(plan, actor=actor)
    if not plan.own:
        cases.advance(case=case, action=Action.START_ERASURE, actor=actor)
    record(
        "erasure.planned",
        actor=actor,
        case_id=case.id,
        subject_id=plan.id,
        records=len(record_ids),
        pictures_whole=whole,
        pictures_covered=len(_images(record_ids)) - whole,
        hold_until=plan.hold_until,
        approver=plan.approver,
    )
    jobs.enqueue(
        kind=RUN,
        subject=plan.id,
        idempotency_key=f"{RUN}:{plan.id}:{moment:%Y%m%d%H%M%S%f}",
        run_after=plan.hold_until,
    )


def _copies_that_go(plan: Plan) -> set[UUID]:
    """What comes first for a record, an inspection or a senior officer, does for a copy, too."""
    return {image.id for image in duplicates.pictures_that_go(plan)}


def _images(record_ids: Collection[UUID]) -> set[UUID]:
    return set(Record.objects.filter(id__in=record_ids).values_list("image_id", flat=True))


def _write_records(plan: Plan, record_ids: list[UUID]) -> int:
    """One row per record; how many pictures go as a whole."""
    mine = set(record_ids)
    whole: set[UUID] = set()
    for row in Record.objects.filter(id__in=record_ids).order_by("id"):
        others = [one for one in gallery_rows.other_records_of_image(row.id) if one.id not in mine]
        kind = PlanRecord.Picture.COVERED if others else PlanRecord.Picture.WHOLE
        PlanRecord.objects.create(
            plan=plan,
            record=row,
            picture=kind,
            decided_by=plan.approver,
            decided_at=plan.frozen_at,
        )
        if not others:
            whole.add(row.image_id)
    return len(whole)


def _write_steps(plan: Plan, record_ids: list[UUID]) -> None:
    pictures: list[tuple[str, str, UUID | None]] = [
        ("pictures", "erase", record_id) for record_id in record_ids
    ]
    pictures += [
        (duplicates.STORE, "erase", image.id) for image in duplicates.pictures_that_go(plan)
    ]
    named = [
        *((store, action, None) for store, action in BEFORE),
        *pictures,
        *((store, action, None) for store, action in AFTER if not (plan.own and store == "probe")),
    ]
    Step.objects.bulk_create(
        Step(plan=plan, ordinal=number, store=store, action=action, subject=subject)
        for number, (store, action, subject) in enumerate(named, start=1)
    )


# -- the hold window ------------------------------------------------------------------------------


def stop_plan(*, plan_id: UUID, actor: Actor, not_me: bool = False) -> Plan:
    """Stop a plan before anything is erased; records and case are as before (R4, E-01).

    With `not_me` the person, or who acts for them, says that these are not theirs: a flag for
    officers, and from then on only a person of staff starts an erasure in this case.

    Raises `NotAllowed` and `Conflict("erasure_runs")` once the first step began.
    """
    with unit_of_work():
        lock_case_of(plan_id)
        plan = _locked(plan_id)
        acts = not_me and actor.role == "representative" and mandates.may_say(plan.case, actor)
        if not acts:
            _require_may_start(plan.case_id, actor)
        if plan.state == PlanState.STOPPED:
            return plan
        if plan.state not in {PlanState.HOLD, PlanState.WAITING}:
            raise Conflict("erasure_runs", _("The erasure has begun and can't be stopped."))
        was_held = plan.state == PlanState.HOLD
        ids = list(plan.records.values_list("record_id", flat=True))
        plan.state, plan.waits_for = PlanState.STOPPED, ""
        plan.stopped_at, plan.stopped_by = clock.now(), actor.id
        plan.save()
        if was_held:
            gallery.spare_records(record_ids=ids, case_id=plan.case_id, actor=actor)
            # The arrow back is no right of who acts: only what they say stops it.
            _case_goes_back(plan, approver_of(plan) if acts else actor)
        if not_me:
            cases.raise_flag(case_id=plan.case_id, code=WaitCode.NOT_ME, actor=actor)
        record(
            "erasure.stopped",
            actor=actor,
            case_id=plan.case_id,
            subject_id=plan.id,
            records=len(ids),
        )
    return plan


def choose_picture(*, plan_id: UUID, record_id: UUID, picture: str, actor: Actor) -> int:
    """Decide, in the hold window, what becomes of a picture that others share (X-14).

    COVERED: this face is covered; FACES_ONLY: all but the others' faces is. The others' records
    stay either way. How many records of the plan are in that picture.
    """
    if actor.role not in REVIEWERS or not actor.is_human_staff:
        raise NotAllowed("erasure_role", _("An officer or a supervisor decides this."))
    if picture not in {PlanRecord.Picture.COVERED, PlanRecord.Picture.FACES_ONLY}:
        raise BadInput("no_such_fate", _("Choose one of the ways."))
    with unit_of_work():
        plan = _locked(plan_id)
        if plan.state != PlanState.HOLD:
            raise Conflict("erasure_runs", _("This is decided in the hold window."))
        row = plan.records.filter(record_id=record_id).select_related("record").first()
        if row is None or row.picture == PlanRecord.Picture.WHOLE:
            raise NotFound("not_shared", _("No other person's record is in this picture."))
        same = plan.records.filter(record__image_id=row.record.image_id)
        changed = same.update(
            picture=picture, by_rule=False, decided_by=actor.id, decided_at=clock.now()
        )
        record(
            "erasure.picture_decided",
            actor=actor,
            case_id=plan.case_id,
            subject_id=row.record.image_id,
            picture=picture,
            records=changed,
        )
    return changed


def hold_is_over(plan: Plan) -> None:
    """The hold window ended: mark the records, or stop because of what happened in it (R1).

    In the caller's unit of work, with the plan locked. What another case claimed or held
    meanwhile, and an authority's inspection, make the plan wait; nothing was erased then.
    """
    if plan.own and lock(plan.case_id).status not in page_wishes.LETTER_LEFT:
        # Who asked came back: they may show who they are and want a copy first (law E-11).
        stop_plan(plan_id=plan.id, actor=approver_of(plan))
        plan.refresh_from_db()
        return
    record_ids = list(plan.records.order_by("record_id").values_list("record_id", flat=True))
    reason = WaitCode.DUPLICATES if duplicates.undecided(plan).exists() else None
    if evidence_locks.in_force(plan.case_id) is not None:
        reason = WaitCode.EVIDENCE
    if reason is None and _claimed_by_others(plan.case_id, record_ids):
        reason = WaitCode.SAME_PERSON
    if reason is None:
        try:
            with unit_of_work():
                gallery.mark_erasing(
                    record_ids=record_ids,
                    case_id=plan.case_id,
                    actor=_ACTOR,
                    also_images=_copies_that_go(plan),
                )
        except Conflict as error:
            reason = _WAITS.get(error.code)
            if reason is None:
                raise
        else:
            return
    plan.records.all().delete()
    plan.steps.all().delete()
    _wait(plan, _case_goes_back(plan, approver_of(plan)), reason)


def _case_goes_back(plan: Plan, actor: Actor) -> Case:
    """The case stands where it stood before the plan; one by our own decision moved none."""
    case = lock(plan.case_id)
    if plan.own:
        return case
    back = Action.STOP_ERASURE if case.delivered_at else Action.STOP_UNDELIVERED
    return cases.advance(case=case, action=back, actor=actor)


def approver_of(plan: Plan) -> Actor:
    return Actor.decided_by(plan.approver, plan.approver_role)


def end_hold(*, plan_id: UUID, actor: Actor) -> Plan:
    """End the hold window now (the demo's button; otherwise time does it)."""
    with unit_of_work():
        plan = _locked(plan_id)
        if plan.state != PlanState.HOLD:
            raise Conflict("no_hold", _("No hold window is running."))
        if actor.kind != "operator" and actor.role != "supervisor":
            raise NotAllowed("supervisor_only", _("Only a supervisor ends the hold window early."))
        plan.hold_until = clock.now()
        plan.save(update_fields=["hold_until"])
        jobs.enqueue(
            kind=RUN,
            subject=plan.id,
            idempotency_key=f"{RUN}:{plan.id}:{plan.hold_until:%Y%m%d%H%M%S%f}:now",
        )
    return plan


def lock_case_of(plan_id: UUID) -> None:
    """The case is locked before its plan, by everybody who may change both."""
    for case_id in Plan.objects.filter(id=plan_id).values_list("case_id", flat=True):
        lock(case_id)


def _locked(plan_id: UUID) -> Plan:
    plan = Plan.objects.select_for_update().filter(id=plan_id).first()
    if plan is None:
        raise NotFound("no_plan", _("There is no such plan."))
    return plan


# -- again ----------------------------------------------------------------------------------------


def verify_again(*, plan_id: UUID, actor: Actor) -> Plan:
    """Repeat the checks after a failure was repaired (R30: without the kit what needs none)."""
    if not actor.is_human_staff and actor.kind != "operator":
        raise NotAllowed("erasure_role", _("A person of staff repeats the checks."))
    with unit_of_work():
        plan = _locked(plan_id)
        if plan.state != PlanState.VERIFYING or plan.verified_at is not None:
            raise Conflict("not_verifying", _("This erasure does not wait for its checks."))
        job = enqueue_verify(plan, again=True)
        if job.state == JobState.FAILED:
            jobs.requeue(job_id=job.id, actor=actor)
    return plan


def enqueue_verify(plan: Plan, *, again: bool = False) -> Job:
    """One job for the checks; each repetition asked for is a job of its own."""
    key = f"{VERIFY}:{plan.id}"
    if again:
        last = plan.verifications.aggregate(last=Max("checked_at"))["last"]
        key += f":{last:%Y%m%d%H%M%S%f}" if isinstance(last, datetime) else ":again"
    return jobs.enqueue(kind=VERIFY, subject=plan.id, idempotency_key=key)


# -- regular runs ---------------------------------------------------------------------------------


def start_due() -> int:
    """Plan what is due: 14 days after delivery, 3 days before the due date (R4).

    The officer who approved the answer is the actor: a date they approved has come. What was kept
    as evidence follows once its lock was lifted, the day of the letter; what an exemption kept, the
    day after the last one that was told.
    """
    closed = {case.id: case for case in [*_lock_was_lifted(), *_exemption_is_over()]}
    started = sum(_quietly(_start_as_approver, case) for case in closed.values())
    for case in _delivered_and_asked():
        if case.delivered_at is None or _plan_in_force(case) or not _something_same(case.id):
            continue
        if _said_not_me(case) or cases.locked_instead(case):
            continue
        if clock.today() >= cases.erase_on(case):
            started += _quietly(_start_as_approver, case)
    return started


def _start_as_approver(case: Case) -> None:
    start_erasure(case_id=case.id, actor=_approver(case, _ACTOR))


def resume_waiting() -> int:
    """Try plans that wait: the other case may have been decided meanwhile (R1), or what came
    since the search was compared (R5)."""
    waiting = Plan.objects.filter(state=PlanState.WAITING, own=False).select_related("case")
    done = 0
    people = (WaitCode.SUPERVISOR, WaitCode.NOT_ME)
    locked = evidence_locks.in_force_cases()
    for plan in list(waiting.exclude(waits_for__in=people).exclude(case_id__in=locked)):
        requester = approver_of(plan)
        if plan.requester_role == "data_subject":
            requester = Actor.person(plan.case_id)
        done += _quietly(partial(_resume, requester, plan.id), plan.case)
    return done


def _resume(actor: Actor, plan_id: UUID, case: Case) -> None:
    start_erasure(case_id=case.id, actor=actor, resumes=plan_id)


def close_without_records() -> int:
    """Close delivered cases that asked for erasure where no record of the person was found."""
    waits = corrections.keeps_open(clock.now() - KEEP_EACH)
    closed = 0
    for case in _delivered_and_asked():
        until = clock.now() - keep_each(case)
        over = case.delivered_at is not None and case.delivered_at < until
        if case.id in waits:
            continue
        if over and not _plan_in_force(case) and not _something_same(case.id):
            cases.close(case_id=case.id, actor=_ACTOR)
            closed += 1
    return closed


def certificate_waits(plan: Plan) -> WaitCode | None:
    """What the certificate of an erasure that was checked waits for; None where it can be made.

    A step towards others who published a copy is open (E-07), or somebody has yet to state what
    another system of the controller holds and what became of it there (A-17, E-14). One by our own
    decision stays sealed and waits for neither.
    """
    if plan.own:
        return None
    if copies.open_tasks(plan.case_id):
        return WaitCode.COPIES
    return WaitCode.SYSTEMS if other_systems.why_not_erased(plan.case) else None


def wait_with_certificate(plan: Plan, reason: WaitCode) -> None:
    """Erased and checked; in the caller's unit of work."""
    if plan.waits_for == reason:
        return
    plan.waits_for = reason
    plan.save(update_fields=["waits_for"])
    cases.raise_flag(case_id=plan.case_id, code=reason, actor=_ACTOR)
    record(
        "erasure.waits",
        actor=_ACTOR,
        case_id=plan.case_id,
        subject_id=plan.id,
        reason=reason.value,
    )


def certify_settled() -> int:
    """Have the certificates made that wait for nothing any more; how many.

    One that waits for the other of the two reasons now says so.
    """
    waiting = Plan.objects.filter(
        state=PlanState.VERIFYING, waits_for__in=(WaitCode.COPIES, WaitCode.SYSTEMS)
    )
    return sum(_certify_if_settled(one) for one in list(waiting.values_list("id", flat=True)))


def _certify_if_settled(plan_id: UUID) -> bool:
    with unit_of_work():
        lock_case_of(plan_id)
        plan = _locked(plan_id)
        reason = certificate_waits(plan)
        if plan.waits_for not in {WaitCode.COPIES, WaitCode.SYSTEMS}:
            return False
        if reason is not None:
            wait_with_certificate(plan, reason)
            return False
        plan.waits_for = ""
        plan.save(update_fields=["waits_for"])
        moment = clock.now()
        jobs.enqueue(
            kind=CERTIFY,
            subject=plan.id,
            idempotency_key=f"{CERTIFY}:{plan.id}:{moment:%Y%m%d%H%M%S%f}",
        )
    return True


def expire_kits() -> int:
    """Destroy patterns older than 24 hours, whatever became of their plan (R30)."""
    old = Plan.objects.exclude(kit_unit=None).filter(kit_until__lt=clock.now())
    expired = 0
    for plan in old:
        if plan.kit_unit and vault.unit_state(plan.kit_unit) == vault.UnitState.LIVE:
            with unit_of_work():
                vault.request_shred([plan.kit_unit], reason="kit_expired")
                record(
                    "erasure.kit_destroyed",
                    actor=_ACTOR,
                    case_id=plan.case_id,
                    subject_id=plan.id,
                    expired=True,
                )
                vault.enqueue_shred()
            expired += 1
    return expired


def _lock_was_lifted() -> list[Case]:
    """Closed cases in which an erasure was asked and the lock that kept it off was lifted, or gave
    way to "Delete now"."""
    lifted = Case.objects.filter(
        status=Status.CLOSED,
        withdrawn_at=None,
        evidence_locks__ended_how__in=[LockOver.LIFTED, LockOver.DELETED],
        rights__right=RightCode.ERASURE,
    )
    return [
        case
        for case in lifted.distinct().order_by("id")
        if not _plan_in_force(case)
        and _something_same(case.id)
        and not _said_not_me(case)
        and not cases.locked_instead(case)
    ]


def _exemption_is_over() -> list[Case]:
    """Closed cases in which an exemption's last day has passed and its record is still there.

    Once only: a plan that somebody stopped after that day is a person's to start again.
    """
    rows = Case.objects.filter(status=Status.CLOSED, id__in=exemptions.open_cases())
    return [
        case
        for case in rows.order_by("id")
        if exemptions.over(case)
        and not cases.locked_instead(case)
        and not _said_not_me(case)
        and not _planned_since(case)
    ]


def _planned_since(case: Case) -> bool:
    """Whether a plan stands, or was stopped, after the first last day that has passed."""
    plans = Plan.objects.filter(case=case)
    if plans.exclude(state__in=[PlanState.STOPPED, PlanState.DONE]).exists():
        return True
    over = min(row.until for row in exemptions.ending(case) if row.until is not None)
    stopped = plans.filter(state=PlanState.STOPPED).values_list("stopped_at", flat=True)
    return any(at is not None and clock.local_date(at) > over for at in stopped)


def _delivered_and_asked() -> list[Case]:
    rows = Case.objects.filter(status=Status.DELIVERED, rights__right=RightCode.ERASURE)
    return list(rows.order_by("due_on", "id"))


def _plan_in_force(case: Case) -> bool:
    rows = Plan.objects.filter(case=case, own=False).exclude(state=PlanState.STOPPED)
    return any(not opened_again_since(one, case) for one in rows)


def _something_same(case_id: UUID) -> bool:
    outcome = matching.outcome(case_id)
    if outcome is None:
        return False
    found = Record.objects.filter(id__in=set(outcome.same) - kept_from_erasure(case_id))
    return found.exclude(state=Record.State.ERASED).exists()


def _quietly(act: Callable[[Case], None], case: Case) -> int:
    """One case that can't go on must not stop the others; the reason is in its plan or flag."""
    try:
        act(case)
    except PortalError as error:
        log.warning("erasure of case %s does not start: %s", case.id, error.code)
        return 0
    return 1


# -- read by other modules of this room -----------------------------------------------------------


def answers_kept(case: Case) -> list[Delivery]:
    """Deliveries whose sealed parts may still lie in the vault."""
    other = [DeliveryKind.CERTIFICATE, DeliveryKind.NOTICE]
    rows = Delivery.objects.filter(case=case).exclude(kind__in=other)
    return list(rows.exclude(state=DeliveryState.REPLACED).order_by("created_at"))


def undone(plan: Plan) -> list[Step]:
    return list(plan.steps.exclude(state=StepState.DONE).order_by("ordinal"))
