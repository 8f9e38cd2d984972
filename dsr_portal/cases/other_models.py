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


class StandingAnswer(Row):
    """By its nature a system can hold nothing of a person who asks: decided by two persons, with a
    reason, for every case until the day on which it is looked at again.

    Proposed, in force, ended: `agreed_at` and `ended_at` say which. The reason is about a system
    and no person; each case it answers prints it.
    """

    system = models.ForeignKey(OtherSystem, on_delete=models.PROTECT, related_name="standing")
    reason = models.CharField(max_length=500)
    until = models.DateField()
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=20, blank=True)
    agreed_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(agreed_by="", agreed_at=None)
                | (
                    ~models.Q(agreed_by="")
                    & ~models.Q(agreed_by=models.F("proposed_by"))
                    & models.Q(agreed_at__isnull=False)
                ),
                name="standing_answer_two_persons",
            ),
            models.UniqueConstraint(
                fields=["system"],
                condition=models.Q(ended_at=None, agreed_at=None),
                name="standing_answer_proposed_once",
            ),
            models.UniqueConstraint(
                fields=["system"],
                condition=models.Q(ended_at=None, agreed_at__isnull=False),
                name="standing_answer_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system_id} {self.until}"


class ThereErased(models.TextChoices):
    """What became of data found in another system, where it is to be erased (Art. 17)."""

    DELETED = "deleted", _("Deleted there")
    KEPT = "kept", _("Kept there; why stands below")


class SearchedSystem(Row):
    """What an officer stated of one system in one case; the words lie in the case file.

    Where a standing answer spoke for it, `standing` names that. `erased` and what goes with it is
    said before an erasure is confirmed.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="searched")
    system = models.ForeignKey(OtherSystem, on_delete=models.PROTECT, related_name="searched")
    outcome = models.CharField(max_length=8, choices=SearchedOutcome.choices)
    field = models.CharField(max_length=60, blank=True)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()
    standing = models.ForeignKey(
        StandingAnswer, null=True, on_delete=models.PROTECT, related_name="answered"
    )
    erased = models.CharField(max_length=8, choices=ThereErased.choices, blank=True)
    erased_field = models.CharField(max_length=60, blank=True)
    erased_by = models.CharField(max_length=20, blank=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "system"], name="system_once_a_case"),
            models.CheckConstraint(
                condition=models.Q(outcome="nothing")
                | ~models.Q(field="")
                | models.Q(outcome="not_here", standing__isnull=False),
                name="searched_system_says_what",
            ),
            models.CheckConstraint(
                condition=~models.Q(erased="kept")
                | (~models.Q(erased_field="") & ~models.Q(erased_by=models.F("by"))),
                name="searched_system_kept_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.outcome}"


class FoundMedia(models.TextChoices):
    PDF = "pdf", _("PDF")
    PICTURE = "jpg", _("Picture")
    TEXT = "txt", _("Text")


class OthersInIt(models.TextChoices):
    """What an officer says of other people in a file before it is taken."""

    NOBODY = "nobody", _("Nobody else is in it: no face, no name, nothing of others")
    COVERED = "covered", _("Others are in it, and I covered their faces, names and data")


class FoundFile(Row):
    """A file found in another system, as it is handed to the person; a vault unit of its own."""

    searched = models.ForeignKey(SearchedSystem, on_delete=models.PROTECT, related_name="files")
    unit = models.UUIDField(null=True)
    media = models.CharField(max_length=3, choices=FoundMedia.choices)
    size = models.PositiveIntegerField()
    others = models.CharField(max_length=7, choices=OthersInIt.choices)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.media} {self.size}"
