"""Art. 17(2): steps towards others who published a copy; a list of who, when and done (E-07)."""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.gallery import notices
from dsr_portal.gallery.models import PublicCopy
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


def settle(*, case_id: UUID, copy_id: UUID, result: str, reason: str, actor: Actor) -> PublicCopy:
    """What came of it. Anything but "removed" needs a reason."""
    require_reviewer(actor)
    if result not in PublicCopy.Result.values:
        raise BadInput("no_such_result", _("Choose what came of it."))
    words = reason.strip()
    if len(words) > _LONGEST or (not words and result != PublicCopy.Result.DONE):
        raise BadInput(
            "copy_reason", _("Write what you did, in 500 characters at most, without names.")
        )
    with unit_of_work():
        row = PublicCopy.objects.select_for_update().filter(id=copy_id, case_id=case_id).first()
        if row is None:
            raise NotFound("no_copy", _("There is no such task."))
        if row.settled_at is not None:
            raise Conflict("copy_settled", _("This task is settled already."))
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
