"""Changing a setting takes two persons and leaves both in the trail (R34, law L-15, G-01)."""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.policy.models import Setting, SettingState

MAY_CHANGE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})


def propose(*, actor: Actor, name: str, value: object, reason: str, dpia_note: str = "") -> Setting:
    """Propose a new value. The old one serves until a second person approves."""
    _require(actor)
    if name not in DEFINITIONS:
        raise NotFound("no_setting", _("There is no such setting."))
    if not reason.strip():
        raise BadInput("setting_needs_reason", _("Write why this setting should change."))
    clean = DEFINITIONS[name].clean(value)
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
        )
    return setting


def approve(*, actor: Actor, setting_id: UUID) -> Setting:
    """Put a proposal in force; never by the person who proposed it."""
    _require(actor)
    with unit_of_work():
        setting = Setting.objects.select_for_update().filter(id=setting_id).first()
        if setting is None:
            raise NotFound("no_setting", _("There is no such proposal."))
        if setting.state != SettingState.PROPOSED:
            raise Conflict("setting_settled", _("This proposal is already settled."))
        if setting.proposed_by == actor.id:
            raise NotAllowed("setting_two_persons", _("Another person must approve this change."))
        Setting.objects.filter(name=setting.name, state=SettingState.SERVING).update(
            state=SettingState.REPLACED
        )
        setting.state = SettingState.SERVING
        setting.approved_by = actor.id
        setting.approved_at = clock.now()
        setting.save(update_fields=["state", "approved_by", "approved_at"])
        record(
            "policy.approved",
            actor=actor,
            subject_id=setting.id,
            setting=setting.name,
            version=setting.version,
        )
    return setting


def _require(actor: Actor) -> None:
    if actor.kind != "staff" or actor.role not in MAY_CHANGE:
        raise NotAllowed("policy_role", _("Only supervisors and directors change settings."))
