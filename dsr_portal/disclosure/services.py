"""Making and approving the answer to a case (GDPR Art. 15; law section 3)."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import deliveries, mandates, other_systems
from dsr_portal.cases import services as cases
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    Delivery,
    DeliveryKind,
    HeldBack,
    Outcome,
    Status,
    Withheld,
)
from dsr_portal.cases.selectors import held_back
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed, NotFound
from dsr_portal.core.registries import GoneUnit
from dsr_portal.disclosure import named_page, unidentified, withholding
from dsr_portal.disclosure.models import (
    LETTER_ONLY,
    OUT_OF_FORCE,
    Answer,
    AnswerKind,
    AnswerRecord,
    AnswerState,
)
from dsr_portal.documents.models import Document
from dsr_portal.gallery import services as gallery
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching import asides as put_aside
from dsr_portal.matching import own_data
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.services import bring_up_to_date, require_reviewer
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

PACKAGE_FIELD = "package"
OWN_DATA = "own_data"
_OUTCOMES: dict[str, Outcome] = {
    AnswerKind.DISCLOSURE: Outcome.DISCLOSED,
    AnswerKind.NOTHING_FOUND: Outcome.NOTHING_FOUND,
    AnswerKind.NEUTRAL: Outcome.NEUTRAL,
}
_SCHEDULE = Actor.system("disclosure")
_TO_THE_UNKNOWN = {AnswerKind.NOT_IDENTIFIED: unidentified, AnswerKind.NAMED_PAGE: named_page}
KIND = unidentified.KIND


def picture_field(number: int) -> str:
    """The field of the package's unit that holds one covered picture, for the answer page."""
    return f"picture.{number}"


def prepare_answer(*, case_id: UUID, actor: Actor) -> Answer:
    """Freeze what the answer is about and queue its making.

    Needs the decision of two persons (R19) and the identity level (R2). Below L2 nothing is
    disclosed and "nothing found" is not said: the letter is neutral. An answer that could not be
    made is made anew; one in force is never replaced. Where pictures were enrolled since, they are
    compared first (R5): `Conflict("search_repeats")`. What tells of data waits until it is stated
    what the controller's other systems hold, by officers or by standing answers (A-17):
    systems_not_listed, systems_not_searched.
    """
    require_reviewer(actor)
    standing = Answer.objects.filter(case_id=case_id).exclude(state__in=OUT_OF_FORCE)
    if not standing.exists() and not bring_up_to_date(case_id=case_id, actor=actor):
        raise Conflict(
            "search_repeats",
            _("Pictures came since the search. They are being compared; then make the answer."),
        )
    outcome = matching.held_now(case_id)
    search = matching.latest_search(case_id)
    if outcome is None or search is None:
        raise Conflict("not_decided", _("Two persons have not decided yet."))
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if case.status != Status.DECIDED:
            raise Conflict("not_decided", _("This case does not wait for an answer."))
        if case.level < case.required_level:
            raise NotAllowed("level_not_met", _("The identity level is not met."))
        mandates.require_clear(case)
        unidentified.set_aside(case_id=case.id, actor=actor, reason="identified_now")
        if Answer.objects.filter(case=case).exclude(state__in=OUT_OF_FORCE).exists():
            raise Conflict("answer_exists", _("The answer is already being made."))
        if withholding.waits(case):
            raise Conflict(
                "proposal_waits", _("A proposal to hold something back waits: settle it first.")
            )
        if put_aside.waits(case.id):
            raise Conflict(
                "put_aside_waits",
                _("What was put aside waits for two persons' words: see Put aside."),
            )
        held = {*held_back(case.id, HeldBack.ANSWER), *outcome.private}
        kind = _kind(case, outcome)
        if kind != AnswerKind.NEUTRAL:
            other_systems.require_stated(case, actor=actor)
        disclosed = kind == AnswerKind.DISCLOSURE
        told = [one for one in outcome.same if one not in held] if disclosed else []
        answer = Answer.objects.create(
            case=case,
            search=search,
            kind=kind,
            frozen_at=clock.now(),
            prepared_by=actor.id,
        )
        AnswerRecord.objects.bulk_create(
            AnswerRecord(answer=answer, record_id=record_id, ordinal=number)
            for number, record_id in enumerate(told, start=1)
        )
        record(
            "answer.frozen",
            actor=actor,
            case_id=case.id,
            subject_id=answer.id,
            kind=answer.kind,
            records=len(told),
            inconclusive=len(outcome.inconclusive),
        )
        enqueue(
            kind=KIND,
            subject=answer.id,
            idempotency_key=f"{KIND}:{answer.id}",
        )
    return answer


def _kind(case: Case, outcome: matching.MatchOutcome) -> AnswerKind:
    """What may be said to somebody who showed that much of who they are (R2)."""
    if case.level < cases.DISCLOSURE_LEVEL:
        return AnswerKind.NEUTRAL
    held = outcome.same or outcome.aside or put_aside.may_be_theirs(case.id)
    return AnswerKind.DISCLOSURE if held else AnswerKind.NOTHING_FOUND


def approve_answer(*, answer_id: UUID, actor: Actor) -> Answer:
    """A named person who read the answer lays it ready for the daily batch (R3, L-07)."""
    require_reviewer(actor)
    with unit_of_work():
        # The case first, as withdrawing locks: one comes wholly before the other.
        case = Case.objects.select_for_update(of=("self",)).filter(answers__id=answer_id).first()
        answer = Answer.objects.select_for_update().filter(id=answer_id).first()
        if case is None or answer is None:
            raise NotFound("no_answer", _("There is no such answer."))
        letter_only = answer.kind in LETTER_ONLY
        waits = answer.state == AnswerState.READY
        if not waits or answer.document_id is None:
            raise Conflict("answer_not_ready", _("This answer does not wait for approval."))
        if actor.id == answer.case.opener:
            raise NotAllowed(
                "opener_barred", _("You entered this request, so another person approves.")
            )
        if letter_only:
            room = _TO_THE_UNKNOWN[AnswerKind(answer.kind)]
            room.require_may_approve(answer, case, actor)
            room.end_case(answer, case, actor)
        elif case.status != Status.DECIDED:
            raise Conflict("answer_not_ready", _("This answer does not wait for approval."))
        document = Document.objects.get(id=answer.document_id)
        parts = [
            deliveries.Part(
                name=f"{answer.case.reference}.pdf",
                media_type="application/pdf",
                document_id=document.id,
                size=document.size,
            )
        ]
        if vault.has(document.unit, OWN_DATA):
            parts.append(
                deliveries.Part(
                    name=f"{answer.case.reference}-{own_data.NAME}",
                    media_type="application/json",
                    unit=document.unit,
                    field=OWN_DATA,
                )
            )
        if answer.package_unit is not None:
            parts.append(
                deliveries.Part(
                    name=f"{answer.case.reference}.zip",
                    media_type="application/zip",
                    unit=answer.package_unit,
                    field=PACKAGE_FIELD,
                    size=answer.package_size,
                )
            )
            parts += [
                deliveries.Part(
                    name=f"{answer.case.reference}-{number}.jpg",
                    media_type="image/jpeg",
                    unit=answer.package_unit,
                    field=picture_field(number),
                )
                for number in answer.records.order_by("ordinal").values_list("ordinal", flat=True)
            ]
        delivery = deliveries.make_delivery(
            case=answer.case,
            kind=DeliveryKind.LETTER if letter_only else DeliveryKind.ANSWER,
            parts=parts,
            actor=actor,
        )
        if not letter_only:
            disclosed = answer.kind == AnswerKind.DISCLOSURE
            partly = disclosed and _leaves_out(case)
            told = Outcome.PARTLY_REFUSED if partly else _OUTCOMES[answer.kind]
            cases.set_outcome(case=answer.case, outcome=told, actor=actor)
        answer.state = AnswerState.APPROVED
        answer.approved_by = actor.id
        answer.approved_at = clock.now()
        answer.delivery_id = delivery.id
        answer.save(update_fields=["state", "approved_by", "approved_at", "delivery_id"])
        record(
            "answer.approved",
            actor=actor,
            case_id=answer.case_id,
            subject_id=answer.id,
            document_id=document.id,
            sha256=document.sha256,
            package_sha256=answer.package_sha256 or None,
        )
    return answer


def _leaves_out(case: Case) -> bool:
    """Whether two persons held something back, or law forbids to hand it out (law R-02, C-09)."""
    outcome = matching.held_now(case.id)
    if outcome is None:
        return False
    kept_back = Withheld.objects.filter(case=case, record_id__in=outcome.same)
    return bool(outcome.aside) or kept_back.exists()


def shred_package(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: the answer's document and package go with their units (R4, law P-06).

    They have an end of their own and outlive the closing of the case; a withdrawn consent leaves
    them too, for what was lawfully found stays usable for the answer.
    """
    if reason not in {"withdrawn", "purged"}:
        return
    with unit_of_work():
        for answer in Answer.objects.select_for_update().filter(case_id=case_id):
            shred(answer, actor, reason)
            if answer.state in {AnswerState.QUEUED, AnswerState.READY}:
                # Nobody makes or approves it any more, not even a job that runs now.
                answer.state, answer.error_code = AnswerState.FAILED, reason
                answer.save(update_fields=["state", "error_code"])


def end_packages() -> int:
    """Destroy answers whose time is over, counted from the day they left (R4); how many."""
    over = clock.now() - timedelta(days=int(policy.current("package_days")))
    left = Delivery.objects.filter(kind=DeliveryKind.ANSWER, released_at__lt=over)
    due = Answer.objects.filter(
        package_unit__isnull=False, delivery_id__in=left.values_list("id", flat=True)
    )
    ended = 0
    for answer_id, case_id in list(due.values_list("id", "case_id")):
        with unit_of_work():
            lock(case_id)
            answer = Answer.objects.select_for_update().get(id=answer_id)
            ended += shred(answer, _SCHEDULE, "package_over")
    return ended


def packages_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: answers lose the package whose key is destroyed (R31); how many.

    Rows of documents stay as they stay after every destruction, for a file may come back to be
    compared.
    """
    ids = [unit.id for unit in units]
    return Answer.objects.filter(package_unit__in=ids).update(package_unit=None)


def shred(answer: Answer, actor: Actor, reason: str) -> int:
    """Order the destruction of one answer's letter and package; 0 when they are gone already."""
    units = [] if answer.package_unit is None else [answer.package_unit]
    if answer.document_id is not None:
        units.append(Document.objects.get(id=answer.document_id).unit)
    units = [unit for unit in units if vault.unit_state(unit) == vault.UnitState.LIVE]
    if not units:
        return 0
    vault.request_shred(units, reason=reason)
    vault.enqueue_shred()
    answer.package_unit = None
    answer.save(update_fields=["package_unit"])
    record(
        "answer.package_shredded",
        actor=actor,
        case_id=answer.case_id,
        subject_id=answer.id,
        units=len(units),
    )
    return 1


def close_failed() -> int:
    """Mark answers whose job has failed for good, so that a person can have them made anew."""
    closed = 0
    for answer in Answer.objects.filter(state=AnswerState.QUEUED):
        failed = Job.objects.filter(
            kind=KIND, subject=str(answer.id), state=JobState.FAILED
        ).first()
        if failed is None:
            continue
        with unit_of_work():
            lock(answer.case_id)
            row = Answer.objects.select_for_update().get(id=answer.id)
            if row.state != AnswerState.QUEUED:
                continue
            row.state = AnswerState.FAILED
            row.error_code = failed.error_code
            row.save(update_fields=["state", "error_code"])
            record(
                "answer.failed",
                actor=_SCHEDULE,
                case_id=row.case_id,
                subject_id=row.id,
                reason=failed.error_code,
            )
            closed += 1
    return closed


def release_holds(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: holds of a case end with it (R1)."""
    if reason in {"closed", "withdrawn", "purged"}:
        gallery.release_holds(case_id=case_id, actor=actor)
