"""Art. 17(2): steps towards others who published a copy; a list of who, when and done (E-07).

A task has steps with what shows them, and ends with a result. While one is open the erasure is not
confirmed: what was erased is, the certificate waits.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import PublicCopy, PublicCopyStep
from dsr_portal.vault import services as vault

_LONGEST = 500


def add(*, case_id: UUID, controller: str, address: str, actor: Actor) -> PublicCopy:
    """Write down that another controller holds a published copy and must be asked."""
    require_reviewer(actor)
    name = controller.strip()
    if not name or len(name) > 200:
        raise BadInput("copy_without_name", _("Name who published the copy."))
    if len(address) > _LONGEST:
        raise BadInput("copy_address", _("The address is longer than 500 letters."))
    with unit_of_work():
        row = PublicCopy.objects.create(
            case_id=case_id, controller=name, made_by=actor.id, made_at=clock.now()
        )
        unit = notices.file_of(case_id)
        if address.strip() and unit is not None:
            vault.write_small(unit, f"copy.{row.id}", address.strip().encode())
        audit_event("copy.task_made", actor=actor, case_id=case_id, subject_id=row.id)
    return row


def add_step(*, case_id: UUID, copy_id: UUID, way: str, words: str, actor: Actor) -> PublicCopyStep:
    """Write down what was done, and what shows it (a day, a number, what stood there)."""
    require_reviewer(actor)
    if way not in PublicCopyStep.Way.values:
        raise BadInput("copy_way", _("Choose how it was done."))
    said = words.strip()
    if not said or len(said) > _LONGEST:
        raise BadInput(
            "copy_step", _("Write what you did and what shows it, in 500 characters at most.")
        )
    with unit_of_work():
        row = _open(case_id, copy_id)
        unit = notices.file_of(case_id)
        if unit is None:
            raise Conflict("copy_case_over", _("The file of this case is gone."))
        step = PublicCopyStep.objects.create(copy=row, way=way, by=actor.id, at=clock.now())
        vault.write_small(unit, step_field(step), said.encode())
        audit_event("copy.step_done", actor=actor, case_id=case_id, subject_id=row.id, way=way)
    return step


def step_field(step: PublicCopyStep) -> str:
    """Where the words of a step lie in the case's file: both ids by their random ends."""
    return f"copy.{str(step.copy_id)[-12:]}.{step.id}"


def words_of(step: PublicCopyStep) -> str:
    """What was done, "" once the case's file is gone."""
    unit = notices.file_of(step.copy.case_id)
    return "" if unit is None else vault.read(unit, step_field(step)).decode()


def open_tasks(case_id: UUID) -> bool:
    """Whether a task of this case has no result yet."""
    return PublicCopy.objects.filter(case_id=case_id, settled_at=None).exists()


def settle(*, case_id: UUID, copy_id: UUID, result: str, reason: str, actor: Actor) -> PublicCopy:
    """What came of it: with a step before it, or with the reason why there was none to take."""
    require_reviewer(actor)
    if result not in PublicCopy.Result.values:
        raise BadInput("no_such_result", _("Choose what came of it."))
    words = reason.strip()
    if len(words) > _LONGEST or (not words and result != PublicCopy.Result.DONE):
        raise BadInput(
            "copy_reason", _("Write what you did, in 500 characters at most, without names.")
        )
    with unit_of_work():
        row = _open(case_id, copy_id)
        if result != PublicCopy.Result.NOT_REASONABLE and not row.steps.exists():
            raise BadInput(
                "copy_without_step", _("Write down first what was done, and what shows it.")
            )
        row.result, row.reason = result, words
        row.settled_by, row.settled_at = actor.id, clock.now()
        row.save(update_fields=["result", "reason", "settled_by", "settled_at"])
        audit_event(
            "copy.task_settled",
            actor=actor,
            case_id=row.case_id,
            subject_id=row.id,
            result=row.result,
        )
    return row


def _open(case_id: UUID, copy_id: UUID) -> PublicCopy:
    """The task, locked, while nothing came of it yet."""
    row = PublicCopy.objects.select_for_update().filter(id=copy_id, case_id=case_id).first()
    if row is None:
        raise NotFound("no_copy", _("There is no such task."))
    if row.settled_at is not None:
        raise Conflict("copy_settled", _("This task is settled already."))
    return row
