"""Whether the gallery has outgrown its thresholds, looked at once a day (R22, law B-07).

Two things make a warning: more than twice as many faces as the calibration was made for, or more
strangers per search than the desk can look at. It stands until neither is true; where the gallery
doubles again it is raised anew, so that nobody reads an old number.
"""

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.policy import selectors as policy
from dsr_portal.recognition import calibration
from dsr_portal.recognition.models import GalleryNotice

AGAIN = 2.0
"""A standing notice is raised anew when faces or strangers grew by this factor since."""

_WATCH = Actor.system("recognition")


def look() -> int:
    """Raise, raise anew or settle the notice; 1 where one was raised."""
    now = grown()
    with unit_of_work():
        rows = list(GalleryNotice.objects.select_for_update().filter(settled_at=None))
        kept = now is not None and any(_still(row, now) for row in rows)
        for row in rows:
            if now is None or not _still(row, now):
                row.settled_at = clock.now()
                row.save(update_fields=["settled_at"])
                record(
                    "recognition.outgrown_settled",
                    actor=_WATCH,
                    subject_id=row.id,
                    version=row.version,
                )
        if now is None or kept:
            return 0
        now.save(force_insert=True)
        record(
            "recognition.outgrown",
            actor=_WATCH,
            subject_id=now.id,
            version=now.version,
            enrolled=now.enrolled,
            made_for=now.made_for,
            strangers=now.strangers,
            desk=now.desk,
        )
    return 1


def standing() -> GalleryNotice | None:
    """The notice that stands of the calibration in force."""
    serving = calibration.in_force()
    if serving is None:
        return None
    return GalleryNotice.objects.filter(settled_at=None, version=serving.version).first()


def words(notice: GalleryNotice | None) -> str:
    """A notice as staff and operators read it; "" without one."""
    if notice is None:
        return ""
    said = _(
        "%(faces)s faces are enrolled; the thresholds of calibration %(version)s were measured for "
        "%(made_for)s."
    ) % {
        "faces": f"{notice.enrolled:,}",
        "version": notice.version,
        "made_for": f"{notice.made_for:,}",
    }
    if notice.strangers is None:
        return said
    seen = _("A search is expected to show %(strangers)s strangers; the desk can look at %(desk)s.")
    return f"{said} {seen % {'strangers': f'{notice.strangers:,.1f}', 'desk': notice.desk}}"


def grown() -> GalleryNotice | None:
    """What is to be told now, not yet written down."""
    serving = calibration.in_force()
    if serving is None:
        return None
    enrolled = calibration.faces_enrolled()
    strangers = calibration.strangers_per_search(enrolled)
    desk = int(policy.current("desk_strangers"))
    if calibration.outgrown() is None and (strangers is None or strangers <= desk):
        return None
    return GalleryNotice(
        version=serving.version,
        enrolled=enrolled,
        made_for=serving.enrolled,
        strangers=strangers,
        desk=desk,
        raised_at=clock.now(),
    )


def _still(row: GalleryNotice, now: GalleryNotice) -> bool:
    """Whether a standing notice says what is true: same calibration, not doubled since."""
    same = (row.version, row.made_for, row.desk) == (now.version, now.made_for, now.desk)
    told, strangers = row.strangers or 0.0, now.strangers or 0.0
    return same and now.enrolled < AGAIN * row.enrolled and strangers < max(AGAIN * told, 1e-9)
