"""The controller's other systems with data about people, and what each held for a case (A-17)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class SystemKind(models.TextChoices):
    ARCHIVE = "archive", _("Archive")
    LOGS = "logs", _("Logs")
    MAIL = "mail", _("E-mail about the person")
    PROCESSOR = "processor", _("A processor's system")
    CACHE = "cache", _("Cache or copy")
    OTHER = "other", _("Another system")


class OtherSystem(Row):
    """A system outside this portal that people have to search by hand. It ends, it is not changed,
    so that an older answer can be read with what stood in the register then."""

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=SystemKind.choices)
    entered_by = models.CharField(max_length=20)
    entered_at = models.DateTimeField()
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class NoOtherSystems(Row):
    """A director stated that there are none. A system that is entered ends it."""

    stated_by = models.CharField(max_length=20)
    stated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.stated_by} {self.stated_at:%Y-%m-%d}"


class SearchedOutcome(models.TextChoices):
    NOTHING = "nothing", _("Searched, nothing found")
    FOUND = "found", _("Found; it stands below, word for word")
    NOT_HERE = "not_here", _("Can hold nothing here; why stands below")


class SearchedSystem(Row):
    """What an officer stated of one system in one case; the words lie in the case file."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="searched")
    system = models.ForeignKey(OtherSystem, on_delete=models.PROTECT, related_name="searched")
    outcome = models.CharField(max_length=8, choices=SearchedOutcome.choices)
    field = models.CharField(max_length=60, blank=True)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "system"], name="system_once_a_case"),
            models.CheckConstraint(
                condition=models.Q(outcome="nothing") | ~models.Q(field=""),
                name="searched_system_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.outcome}"
