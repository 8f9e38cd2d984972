"""Settings that people change: versioned, proposed by one person and approved by another (R34)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class SettingState(models.TextChoices):
    PROPOSED = "proposed", _("proposed")
    SERVING = "serving", _("in force")
    REPLACED = "replaced", _("replaced")
    REJECTED = "rejected", _("rejected")


class Setting(Row):
    """One version of one setting. The old version serves until the new one is approved.

    `advice` is the data protection officer's: to be heard, not to be followed (GDPR Art. 35(2)).
    """

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    value = models.JSONField()
    state = models.CharField(
        max_length=10, choices=SettingState.choices, default=SettingState.PROPOSED
    )
    reason = models.CharField(max_length=500)
    dpia_note = models.CharField(max_length=500, blank=True)
    advice = models.CharField(max_length=500, blank=True)
    advised_by = models.CharField(max_length=20, blank=True)
    advised_at = models.DateTimeField(null=True)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="setting_version_once"),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(state="serving"),
                name="setting_one_version_serves",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | ~models.Q(approved_by=models.F("proposed_by")),
                name="setting_two_persons",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="serving") | models.Q(approved_by__isnull=False),
                name="setting_serves_when_approved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
