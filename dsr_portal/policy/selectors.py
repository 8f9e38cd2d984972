from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.policy.catalogue import CALIBRATED, CALIBRATION, definition
from dsr_portal.policy.models import Setting, SettingState

SEARCHED_UNDER = ("review_threshold", "strong_threshold", "recognition_model")


def current(name: str) -> float | int:
    """The value in force: the approved version, else what the installation started with.

    A calibration brings thresholds of its own (R22): from its approval they serve, until people
    change one of them after it.
    """
    wanted = definition(name)
    row = _serving(name)
    calibration = _serving(CALIBRATION) if name in CALIBRATED else None
    if calibration is not None and not _later(row, calibration):
        return wanted.clean(calibration.value[CALIBRATED[name]]["value"])
    return wanted.clean(row.value) if row else wanted.start()


def version(name: str) -> int:
    """The number of the version in force; 0 before anybody changed it."""
    row = _serving(name)
    return row.version if row else 0


def served_by(name: str, moment: datetime) -> tuple[str, int]:
    """Which version gave a setting its value at a moment: its own or a calibration's, by name and
    number; 0 while only the value served that the installation started with (R34)."""
    names = [name, CALIBRATION] if name in CALIBRATED else [name]
    approved = Setting.objects.filter(name__in=names, approved_at__lte=moment)
    row = approved.order_by("-approved_at", "-version").first()
    return (row.name, row.version) if row else (name, 0)


def used_in_search(moment: datetime) -> list[tuple[str, str]]:
    """The settings a search at this moment ran under, each with the version that served then."""
    rows = []
    for name in SEARCHED_UNDER:
        source, number = served_by(name, moment)
        words = _("version %(version)s") % {"version": number}
        if source != name:
            words = _("calibration %(version)s") % {"version": number}
        rows.append((str(definition(name).label), words))
    return rows


def serving(name: str) -> Setting | None:
    """The approved version in force; None where nobody changed the starting value."""
    return _serving(name)


def decided_since(name: str, moment: datetime) -> bool:
    """Whether two persons approved the value in force at or after a moment."""
    row = _serving(name)
    return row is not None and row.approved_at is not None and row.approved_at >= moment


def calibration() -> Setting | None:
    """The calibration in force; None while only the shipped values serve."""
    return _serving(CALIBRATION)


def proposals() -> list[dict[str, Any]]:
    """What waits for a decision, oldest first, without the long value of a calibration."""
    rows = Setting.objects.filter(state=SettingState.PROPOSED).order_by("proposed_at")
    return [
        {
            "id": str(row.id),
            "setting": row.name,
            "version": row.version,
            "value": row.value["set_name"] if row.name == CALIBRATION else row.value,
            "proposed_by": row.proposed_by,
            "reason": row.reason,
            "dpia_note": row.dpia_note,
            "advice": row.advice,
            "measured": _measured(row.value) if row.name == CALIBRATION else None,
        }
        for row in rows
    ]


def waiting(name: str) -> list[Setting]:
    """What is proposed for one setting, the oldest first."""
    rows = Setting.objects.filter(name=name, state=SettingState.PROPOSED)
    return list(rows.order_by("version"))


def is_of(setting_id: UUID, prefix: str) -> bool:
    """Whether a version belongs to the family of settings with this prefix."""
    return Setting.objects.filter(id=setting_id, name__startswith=prefix).exists()


def _measured(content: dict[str, Any]) -> dict[str, Any]:
    """What people who decide about a calibration have to know of it."""
    remarks = content["remarks"]
    untested = "not tested" if "tail_not_tested" in remarks or "tail" not in content else "usable"
    return {
        "review": content["review"]["value"],
        "strong": content["strong"]["value"],
        "enrolled": content["enrolled"],
        "people_with_pairs": content["people_with_pairs"],
        "found": content["found"]["value"],
        "tail": "not usable" if "tail_not_usable" in remarks else untested,
        "odds": sorted(content["odds"]),
        "remarks": remarks,
    }


def _serving(name: str) -> Setting | None:
    return Setting.objects.filter(name=name, state=SettingState.SERVING).first()


def _later(row: Setting | None, than: Setting) -> bool:
    if row is None or row.approved_at is None or than.approved_at is None:
        return False
    return row.approved_at > than.approved_at
