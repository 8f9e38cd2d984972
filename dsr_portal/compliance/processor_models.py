"""Who processes for the controller, under which contract (Art. 28 GDPR; law P-15)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class ProcessorRole(models.TextChoices):
    HOSTING = "hosting", _("Hosting")
    MAIL = "mail", _("Mail")
    SMS = "sms", _("Text messages")
    STORAGE = "storage", _("Storage or backup")
    SUPPORT = "support", _("Operation or support")
    OTHER = "other", _("Another task")
    OWN = "own", _("The controller's own server")


class Processor(Row):
    """One processor. A change is a new entry and the end of the old one, so the register tells who
    it was at any time."""

    name = models.CharField(max_length=120)
    role = models.CharField(max_length=10, choices=ProcessorRole.choices)
    hosts = models.CharField(max_length=500, blank=True)
    country = models.CharField(max_length=2, blank=True)
    contract_on = models.DateField(null=True)
    terms = models.CharField(max_length=500, blank=True)
    safeguard = models.CharField(max_length=300, blank=True)
    entered_by = models.CharField(max_length=20)
    entered_at = models.DateTimeField()
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role="own")
                | models.Q(contract_on__isnull=False) & ~models.Q(terms=""),
                name="processor_has_its_contract",
            ),
        ]

    def __str__(self) -> str:
        return self.name
