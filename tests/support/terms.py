"""Terms of sources, as two persons put them in force."""

from datetime import datetime

from dsr_portal.core import clock
from dsr_portal.gallery import terms
from dsr_portal.gallery.models import Source
from dsr_portal.policy.models import Setting, SettingState


def kept_for(source: Source, days: int, approved: datetime | None = None) -> Setting:
    """The term of a source, as if approved at a moment of the past."""
    name = terms.setting_of(source.id)
    moment = approved or clock.now()
    rows = Setting.objects.filter(name=name)
    rows.filter(state=SettingState.SERVING).update(state=SettingState.REPLACED)
    return Setting.objects.create(
        name=name,
        version=rows.count() + 1,
        value=days,
        state=SettingState.SERVING,
        reason="Needed no longer.",
        proposed_by="V-1",
        proposed_at=moment,
        approved_by="C-1",
        approved_at=moment,
    )
