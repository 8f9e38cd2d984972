"""What an authority may see, and what it was handed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class CaseGrant(Row):
    """One case opened to one authority, for a time (law O-06). An authority is data: its code."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="grants")
    authority_code = models.CharField(max_length=20, db_index=True)
    granted_by = models.CharField(max_length=20)
    since = models.DateTimeField()
    until = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "authority_code"],
                condition=models.Q(revoked_at__isnull=True),
                name="grant_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.case_id}"


class ReportState(models.TextChoices):
    QUEUED = "queued", _("is being made")
    READY = "ready", _("ready")
    FAILED = "failed", _("could not be made")


class AuditReport(Row):
    """An audit report about one case, made on request of a person of an authority or the desk."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="audit_reports")
    state = models.CharField(max_length=8, choices=ReportState.choices, default=ReportState.QUEUED)
    authority_code = models.CharField(max_length=20, blank=True)
    requested_by = models.CharField(max_length=20)
    requester_role = models.CharField(max_length=16)
    requested_at = models.DateTimeField()
    document_id = models.UUIDField(null=True)
    trail_verified = models.BooleanField(null=True)
    error_code = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return str(self.id)


class StopReason(models.TextChoices):
    """Why collection was stopped: a code, for it stands in the trail."""

    ORDER = "order", _("Order of an authority")
    COURT = "court", _("Decision of a court")
    OWN = "own", _("Our own decision")


class StopLift(Row):
    """The wish to collect again: a lowered safeguard, so one asks and another decides (R19)."""

    stop = models.ForeignKey(
        "gallery.CollectionStop", on_delete=models.PROTECT, related_name="lifts"
    )
    reason = models.CharField(max_length=500)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stop"],
                condition=models.Q(decided_at__isnull=True),
                name="stop_lift_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed=False)
                | ~models.Q(decided_by="") & ~models.Q(decided_by=models.F("proposed_by")),
                name="stop_lift_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"lift of {self.stop_id}"
