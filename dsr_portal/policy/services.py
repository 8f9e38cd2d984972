"""Changing a setting takes two persons and leaves both in the trail (R34, law L-15, G-01)."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.policy import assessment
from dsr_portal.policy.catalogue import CALIBRATED, CALIBRATION, definition, needs_advice
from dsr_portal.policy.models import Setting, SettingState
from dsr_portal.policy.selectors import current

MAY_CHANGE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})

OPERATOR = "operator"
"""Who filed a calibration; two members of staff still decide about it."""

AT_ONCE = "first-calibration"
"""In place of an approver: the first calibration serves at once, in place of shipped values."""


def propose(*, actor: Actor, name: str, value: object, reason: str, dpia_note: str = "") -> Setting:
    """Propose a new value. The old one serves until a second person approves."""
    require_may_change(actor)
    wanted = definition(name)
    if not reason.strip():
        raise BadInput("setting_needs_reason", _("Write why this setting should change."))
    clean = wanted.clean(value)
    with unit_of_work():
        last = Setting.objects.filter(name=name).order_by("-version").first()
        setting = Setting.objects.create(
            name=name,
            version=(last.version if last else 0) + 1,
            value=clean,
            reason=reason.strip()[:500],
            dpia_note=dpia_note.strip()[:500],
            proposed_by=actor.id,
            proposed_at=clock.now(),
        )
        record(
            "policy.proposed",
            actor=actor,
            subject_id=setting.id,
            setting=name,
            version=setting.version,
            value=clean,
            old=current(name),
        )
        assessment.keep_reviews()
    return setting


def file_calibration(*, actor: Actor, content: dict[str, Any]) -> Setting:
    """File a calibration an operator made (R22, R34).

    The first one serves at once in place of shipped values, and the trail says so. Where people
    have decided a threshold already, and for every later one, two members of staff and the DPO's
    advice are waited for.
    """
    if actor.kind != OPERATOR:
        raise NotAllowed("calibration_operator", _("Calibrations are filed by the operator."))
    with unit_of_work():
        last = Setting.objects.filter(name=CALIBRATION).order_by("-version").first()
        decided = Setting.objects.filter(name__in=CALIBRATED, state=SettingState.SERVING)
        at_once = last is None and not decided.exists()
        moment = clock.now()
        setting = Setting.objects.create(
            name=CALIBRATION,
            version=(last.version if last else 0) + 1,
            value=content,
            state=SettingState.SERVING if at_once else SettingState.PROPOSED,
            reason=f"calibrate {content['set_name']}"[:500],
            proposed_by=OPERATOR,
            proposed_at=moment,
            approved_by=AT_ONCE if at_once else None,
            approved_at=moment if at_once else None,
        )
        record(
            "policy.calibration_filed",
            actor=actor,
            subject_id=setting.id,
            version=setting.version,
            content=content_hash(content),
            people=content["people"],
            enrolled=content["enrolled"],
            review_threshold=content["review"]["value"],
            strong_threshold=content["strong"]["value"],
            serves="at_once" if at_once else "waits",
        )
        assessment.keep_reviews()
    return setting


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256 of a calibration, by which the trail knows it."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def adopt(*, actor: Actor, setting_id: UUID, reason: str, dpia_note: str) -> Setting:
    """Make an operator's proposal one's own: the first of the two persons (R34).

    Advice given before is asked for again: it was about a proposal without this note.
    """
    require_may_change(actor)
    if not reason.strip() or not dpia_note.strip():
        raise BadInput(
            "setting_needs_reason", _("Write why this should change, and the note to the DPIA.")
        )
    with unit_of_work():
        setting = _proposal(setting_id)
        if setting.proposed_by != OPERATOR:
            raise Conflict("setting_adopted", _("A member of staff has proposed this already."))
        setting.proposed_by = actor.id
        setting.reason, setting.dpia_note = reason.strip()[:500], dpia_note.strip()[:500]
        setting.advice, setting.advised_by, setting.advised_at = "", "", None
        setting.save()
        _record("policy.adopted", setting, actor)
    return setting


def advise(*, actor: Actor, setting_id: UUID, advice: str) -> Setting:
    """What the data protection officer thinks of a proposal; the DPO decides nothing (G-02)."""
    if actor.kind != "staff" or actor.role != Role.DPO:
        raise NotAllowed("dpo_only", _("Only the data protection officer gives this advice."))
    if not advice.strip():
        raise BadInput("advice_missing", _("Write your advice."))
    with unit_of_work():
        setting = _proposal(setting_id)
        setting.advice = advice.strip()[:500]
        setting.advised_by, setting.advised_at = actor.id, clock.now()
        setting.save(update_fields=["advice", "advised_by", "advised_at"])
        _record("policy.advised", setting, actor)
    return setting


def approve(*, actor: Actor, setting_id: UUID) -> Setting:
    """Put a proposal in force; never by the person who proposed it (R34)."""
    require_may_change(actor)
    with unit_of_work():
        setting = _proposal(setting_id)
        if setting.proposed_by == actor.id:
            raise NotAllowed("setting_two_persons", _("Another person must approve this change."))
        if setting.proposed_by == OPERATOR:
            raise Conflict(
                "setting_not_adopted",
                _("First a supervisor or director must propose what the operator filed."),
            )
        if needs_advice(setting.name) and not (setting.advised_by and setting.dpia_note):
            raise Conflict(
                "setting_needs_advice",
                _("First the data protection officer's advice and the DPIA note must be there."),
            )
        Setting.objects.filter(name=setting.name, state=SettingState.SERVING).update(
            state=SettingState.REPLACED
        )
        setting.state = SettingState.SERVING
        setting.approved_by = actor.id
        setting.approved_at = clock.now()
        setting.save(update_fields=["state", "approved_by", "approved_at"])
        _record("policy.approved", setting, actor)
        assessment.keep_reviews()
    return setting


def reject(*, actor: Actor, setting_id: UUID) -> Setting:
    """Leave the old value in force; the proposer may take the own proposal back."""
    require_may_change(actor)
    with unit_of_work():
        setting = _proposal(setting_id)
        setting.state = SettingState.REJECTED
        setting.save(update_fields=["state"])
        _record("policy.rejected", setting, actor)
        assessment.keep_reviews()
    return setting


def _proposal(setting_id: UUID) -> Setting:
    setting = Setting.objects.select_for_update().filter(id=setting_id).first()
    if setting is None:
        raise NotFound("no_setting", _("There is no such proposal."))
    if setting.state != SettingState.PROPOSED:
        raise Conflict("setting_settled", _("This proposal is already settled."))
    return setting


def _record(event: str, setting: Setting, actor: Actor) -> None:
    record(event, actor=actor, subject_id=setting.id, setting=setting.name, version=setting.version)


def require_may_change(actor: Actor) -> None:
    if actor.kind != "staff" or actor.role not in MAY_CHANGE:
        raise NotAllowed("policy_role", _("Only supervisors and directors change settings."))
