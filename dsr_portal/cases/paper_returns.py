"""A registered letter that came back: noted, told, and posted again or kept here (law L-09).

What left counts as delivered on the day it was posted, and no clock is touched: what came back is a
fact of its own, with what the post gave as its reason.
"""

from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import deliveries
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import has_mailbox
from dsr_portal.cases.models import Case, Delivery, DeliveryState
from dsr_portal.cases.paper_models import PaperPack, PaperReturn, ReturnReason, ReturnStep
from dsr_portal.cases.services import raise_flag
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

CAME_BACK = "letter_came_back"
"""Flag for officers."""


def returns_of(case: Case) -> QuerySet[PaperReturn]:
    """What came back, the newest first."""
    rows = PaperReturn.objects.filter(delivery__case=case).select_related("delivery__case")
    return rows.order_by("-noted_at", "-id")


def not_posted_again(case: Case) -> QuerySet[PaperReturn]:
    """What lies here: nobody decided yet, or it is kept until the person says where to."""
    return returns_of(case).exclude(step=ReturnStep.AGAIN)


def undecided(case: Case) -> PaperReturn | None:
    return returns_of(case).filter(step="").first()


def record_returned(*, delivery_id: UUID, actor: Actor, on: date, reason: str) -> PaperReturn:
    """The post brought it back. The person is told where a mailbox is known.

    Raises `NotAllowed`; `BadInput` with day_unfit, no_such_reason; `Conflict("not_under_way")`.
    """
    require_reviewer(actor)
    if reason not in ReturnReason.values:
        raise BadInput("no_such_reason", _("Choose one of the reasons."))
    with unit_of_work():
        case = _locked_case(delivery_id)
        pack = PaperPack.objects.select_for_update().filter(delivery_id=delivery_id).first()
        if pack is None or pack.posted_on is None or pack.arrived_on is not None:
            raise Conflict("not_under_way", _("This letter is not under way."))
        if not pack.posted_on <= on <= clock.today():
            raise BadInput("day_unfit", _("Choose a day since it was posted, up to today."))
        standing = PaperReturn.objects.filter(delivery_id=delivery_id, field=pack.field)
        if standing.exists():
            raise Conflict("not_under_way", _("This letter is not under way."))
        row = PaperReturn.objects.create(
            delivery_id=delivery_id,
            reason=reason,
            on=on,
            posted_on=pack.posted_on,
            field=pack.field,
            noted_by=actor.id,
            noted_at=clock.now(),
        )
        record(
            "delivery.returned",
            actor=actor,
            case_id=case.id,
            subject_id=delivery_id,
            kind=row.delivery.kind,
            reason=reason,
            on=on,
        )
        raise_flag(case_id=case.id, code=CAME_BACK, actor=actor)
        if has_mailbox(case) and case.withdrawn_at is None:
            queue_effect(
                kind="mail.letter_back", subject_id=row.id, unique_key=f"mail.letter_back:{row.id}"
            )
    return row


def post_again(*, delivery_id: UUID, actor: Actor) -> None:
    """It goes into the post anew, packed and posted by two persons like the first time (T-13).

    Raises `NotAllowed`, `Conflict("not_returned")`.
    """
    require_reviewer(actor)
    with unit_of_work():
        case = _locked_case(delivery_id)
        row = _here(delivery_id)
        if row.delivery.state != DeliveryState.POSTED:
            raise Conflict("not_returned", _("This letter does not lie here."))
        _settle(row, ReturnStep.AGAIN, actor)
        # The number of its first way stays in the case file, named by the return.
        PaperPack.objects.filter(delivery_id=delivery_id).delete()
        deliveries.to_the_post(row.delivery, actor=actor)
        record(
            "delivery.return_settled",
            actor=actor,
            case_id=case.id,
            subject_id=delivery_id,
            step=row.step,
        )


def keep_here(*, delivery_id: UUID, actor: Actor) -> None:
    """It stays here until the person says where to. Raises `NotAllowed`, `Conflict`."""
    require_reviewer(actor)
    with unit_of_work():
        case = _locked_case(delivery_id)
        row = _here(delivery_id)
        if row.step:
            raise Conflict("not_returned", _("This letter does not lie here."))
        _settle(row, ReturnStep.HOLD, actor)
        record(
            "delivery.return_settled",
            actor=actor,
            case_id=case.id,
            subject_id=delivery_id,
            step=row.step,
        )


def number_of(row: PaperReturn) -> str:
    """The number of the registered letter that came back; outside a transaction."""
    unit = row.delivery.case.file_unit
    return vault.read(unit, row.field).decode() if vault.has(unit, row.field) else ""


def _here(delivery_id: UUID) -> PaperReturn:
    rows = PaperReturn.objects.select_for_update(of=("self",)).select_related("delivery__case")
    row = rows.filter(delivery_id=delivery_id).exclude(step=ReturnStep.AGAIN).first()
    if row is None:
        raise Conflict("not_returned", _("This letter does not lie here."))
    return row


def _settle(row: PaperReturn, step: ReturnStep, actor: Actor) -> None:
    row.step, row.settled_by, row.settled_at = step, actor.id, clock.now()
    row.save(update_fields=["step", "settled_by", "settled_at"])


def _locked_case(delivery_id: UUID) -> Case:
    """Case first, as everywhere."""
    found = Delivery.objects.filter(id=delivery_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound("no_delivery", _("There is no such letter."))
    return lock(found)
