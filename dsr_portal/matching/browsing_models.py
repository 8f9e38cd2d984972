"""Who opened a case that is not their work, and why; and that supervisors were told (law X-09)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Why(models.TextChoices):
    PERSON = "person", _("The person asked us about it")
    HELP = "help", _("A colleague asked me for help")
    STANDS_IN = "stands_in", _("I stand in for a colleague")
    CHECK = "check", _("I check how it was handled")
    AUTHORITY = "authority", _("An authority or a court asked")
    OTHER = "other", _("Something else, as written")


class BreakGlass(Row):
    """One person opened one case that is not their work, on one day; the words lie in its file."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="break_glass")
    staff_no = models.CharField(max_length=20, db_index=True)
    on = models.DateField(db_index=True)
    at = models.DateTimeField()
    why = models.CharField(max_length=12, choices=Why.choices)
    field = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "staff_no", "on"], name="break_glass_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.staff_no} {self.on}"


class BrowsingAlarm(Row):
    """That a named person was told how many cases somebody opened that were not theirs."""

    on = models.DateField()
    staff_no = models.CharField(max_length=20)
    opened = models.PositiveIntegerField()
    to = models.CharField(max_length=20, db_index=True)
    raised_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["on", "staff_no", "to"], name="browsing_alarm_once")
        ]

    def __str__(self) -> str:
        return f"{self.staff_no} {self.on}"
