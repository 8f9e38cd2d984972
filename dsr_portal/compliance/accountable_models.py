"""Who is accountable for which kind of decision, from when to when (law G-01, L-16)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Duty(models.TextChoices):
    """A kind of decision somebody answers for by name."""

    MATCHES = "matches", _("Which pictures are taken for a person's")
    ANSWERS = "answers", _("What is answered, held back or refused")
    ERASURE = "erasure", _("What is erased, and that it is checked")
    SETTINGS = "settings", _("Thresholds, models, periods and recipients")
    AUTHORITIES = "authorities", _("Orders of authorities and breaches")


class Accountable(Row):
    """One named person for one duty. A director names, the person agrees; rows are never changed
    but by their end, so that the register tells who it was at any time."""

    duty = models.CharField(max_length=12, choices=Duty.choices)
    staff_no = models.CharField(max_length=20)
    stands_in = models.BooleanField(default=False)
    """A deputy, who answers while the first person can't."""
    from_on = models.DateField()
    until_on = models.DateField(null=True)
    named_by = models.CharField(max_length=20)
    named_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=20, blank=True)
    agreed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(agreed_by="") | ~models.Q(agreed_by=models.F("named_by")),
                name="accountable_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_by="", agreed_at__isnull=True)
                | ~models.Q(agreed_by="") & models.Q(agreed_at__isnull=False),
                name="accountable_agreed_when",
            ),
            models.CheckConstraint(
                condition=models.Q(until_on__isnull=True)
                | models.Q(until_on__gte=models.F("from_on")),
                name="accountable_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.duty} {self.staff_no}"
