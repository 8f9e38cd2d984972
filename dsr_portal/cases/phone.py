"""The answer by phone, beside the written one (Art. 12(1) sentence 3; law T-12).

A call tells what the approved answer says to a person who was identified before by other means. It
is no delivery: dates, erasure and links follow the written answer alone. Whether something was
found changes nothing about it outside (R3).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import codes, paper
from dsr_portal.cases.deliveries import WrongCode
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import require_room
from dsr_portal.cases.models import Case, Delivery, DeliveryKind, DeliveryState, Status
from dsr_portal.cases.phone_models import CallCheck, CallEnd, PhoneCall, PhoneWish
from dsr_portal.cases.states import OVER
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.vault import services as vault

FLAG = "answer_by_phone"
MAX_WHEN = 200
MAX_WORDS = 1000
_NUMBER = re.compile(r"\+?[0-9][0-9 ()/.-]{4,30}")
_ANSWERS = (DeliveryKind.ANSWER, DeliveryKind.LETTER)
_LEFT = (DeliveryState.RELEASED, DeliveryState.POSTED)


class Part(models.TextChoices):
    """Parts of an answer: every answer has them, whatever it says (R3)."""

    ANSWER = "answer", gettext_lazy("the short answer")
    SEARCH = "search", gettext_lazy("what was compared")
    DATA = "data", gettext_lazy("the data and where they come from")
    RECIPIENTS = "recipients", gettext_lazy("who got them")
    RIGHTS = "rights", gettext_lazy("what they can do now")
    COMPLAINT = "complaint", gettext_lazy("where they can complain")


# -- the wish -----------------------------------------------------------------------------------


def wanted(case: Case) -> bool:
    return PhoneWish.objects.filter(case=case, ended_at=None).exists()


def wishes() -> models.QuerySet[PhoneWish, UUID]:
    """Cases whose person wants to be called, for the queue."""
    return PhoneWish.objects.filter(ended_at=None).values_list("case_id", flat=True)


def ask(*, case_id: UUID, number: str, when: str = "", code: str = "", actor: Actor) -> PhoneWish:
    """Write down where and when to call; asked again, the newest number serves and the older goes.

    The person gives the second factor again, as for every contact (R12). Raises `WrongCode`;
    `BadInput` with number_unfit, too_long; `Conflict("case_over")`.
    """
    paper.require_may(case_id, actor)
    if not actor.is_human_staff:
        _require_code(case_id, code)
    called = " ".join(number.split())
    if not _NUMBER.fullmatch(called):
        raise BadInput("number_unfit", _("Write the number with its area code, in digits."))
    require_room(when.strip(), limit=MAX_WHEN)
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        _drop_number(case)
        field = f"phone.{clock.now():%Y%m%d%H%M%S%f}"
        vault.write_json(case.contact_unit, field, {"number": called, "when": when.strip()})
        wish, _new = PhoneWish.objects.update_or_create(
            case=case,
            defaults={
                "field": field,
                "chosen_at": clock.now(),
                "chosen_by": actor.id if actor.is_human_staff else "",
                "ended_at": None,
            },
        )
        record("phone.chosen", actor=actor, case_id=case.id)
    return wish


def end_wish(*, case_id: UUID, actor: Actor) -> None:
    """They want no call any more: the number goes. Raises `Conflict("no_phone_wish")`."""
    paper.require_may(case_id, actor)
    with unit_of_work():
        case = lock(case_id)
        if not PhoneWish.objects.filter(case=case, ended_at=None).update(ended_at=clock.now()):
            raise Conflict("no_phone_wish", _("No call was asked for."))
        _drop_number(case)
        record("phone.ended", actor=actor, case_id=case.id)


def _require_code(case_id: UUID, code: str) -> None:
    case = Case.objects.get(id=case_id)
    if not codes.check_code(case=case, code=code):
        raise WrongCode("wrong_code", _("This is not the code of this request."))


def _drop_number(case: Case) -> None:
    """What serves no call is not kept (Art. 5(1)(e))."""
    for field in PhoneWish.objects.filter(case=case).values_list("field", flat=True):
        vault.drop_small(case.contact_unit, field)


def number_of(case: Case) -> tuple[str, str]:
    """Number and times of the standing wish; empty without one."""
    wish = PhoneWish.objects.filter(case=case, ended_at=None).first()
    if wish is None or case.status == Status.PURGED:
        return "", ""
    kept = vault.read_json(case.contact_unit, wish.field)
    return str(kept["number"]), str(kept["when"])


def may_ask(case: Case) -> bool:
    return case.withdrawn_at is None and case.status not in OVER


def _require_open(case: Case) -> None:
    if not may_ask(case):
        raise Conflict("case_over", _("This request is closed."))


# -- the call -----------------------------------------------------------------------------------


def written_answer(case: Case) -> Delivery | None:
    """The newest answer that left in writing: only what stands there may be told."""
    rows = Delivery.objects.filter(case=case, kind__in=_ANSWERS, state__in=_LEFT)
    return rows.order_by("-released_at", "-id").first()


def why_not(case: Case) -> Conflict | NotAllowed | None:
    """What stands in the way of a call now; None where it may be made and logged."""
    if not wanted(case):
        return Conflict("no_phone_wish", _("No call was asked for."))
    if case.level < case.required_level:
        return NotAllowed(
            "level_not_met", _("Who is asking is not proven yet, by other means than a call.")
        )
    if written_answer(case) is None:
        return Conflict("nothing_written", _("The written answer has not left yet."))
    return None


def waits(case: Case) -> bool:
    """Whether a call is due: the answer left, and they were not told of it yet."""
    if why_not(case) is not None:
        return False
    return not PhoneCall.objects.filter(
        case=case, delivery=written_answer(case), end=CallEnd.TOLD
    ).exists()


@vault.retry_stale
def log_call(
    *,
    case_id: UUID,
    end: str,
    check: str = "",
    code: str = "",
    told: Sequence[str] = (),
    words: str = "",
    actor: Actor,
) -> PhoneCall:
    """Write down one call: who, when, which check, what of the approved answer was told.

    Raises `NotAllowed` with level_not_met, wrong_code; `BadInput` with no_such_end, check_missing,
    told_missing, told_nothing; `Conflict` with no_phone_wish, nothing_written.
    """
    require_reviewer(actor)
    if end not in CallEnd.values:
        raise BadInput("no_such_end", _("Choose how the call went."))
    parts = [one for one in Part.values if one in told]
    if end == CallEnd.TOLD and check not in CallCheck.values:
        raise BadInput("check_missing", _("Choose how you knew who was on the phone."))
    if end == CallEnd.TOLD and not parts:
        raise BadInput("told_missing", _("Choose what of the answer you told."))
    if end != CallEnd.TOLD and parts:
        raise BadInput("told_nothing", _("Nothing is told to somebody you are not sure of."))
    noted = words.strip()
    require_room(noted, limit=MAX_WORDS)
    with unit_of_work():
        case = lock(case_id)
        problem = why_not(case)
        if problem is not None:
            raise problem
        by_code = end == CallEnd.TOLD and check == CallCheck.CODE
        if by_code and not codes.check_code(case=case, code=code):
            raise NotAllowed("wrong_code", _("This is not the code of this request."))
        call = PhoneCall(
            case=case,
            delivery=written_answer(case),
            by=actor.id,
            at=clock.now(),
            end=end,
            check_made=check if end == CallEnd.TOLD else "",
            told=parts,
        )
        if noted:
            call.field = f"phone_call.{call.id}"
            vault.write_small(case.file_unit, call.field, noted.encode())
        call.save()
        record(
            "phone.called",
            actor=actor,
            case_id=case.id,
            subject_id=call.id,
            end=call.end,
            check=call.check_made or None,
            told=parts,
        )
    return call


def calls(case: Case) -> list[PhoneCall]:
    return list(PhoneCall.objects.filter(case=case).order_by("at"))


def told_at(case: Case) -> list[datetime]:
    """When the answer was told, for the page of the request."""
    return [call.at for call in calls(case) if call.end == CallEnd.TOLD]


def words_of(call: PhoneCall) -> list[str]:
    """What was told, as a page says it."""
    return [str(Part(one).label) for one in call.told]
