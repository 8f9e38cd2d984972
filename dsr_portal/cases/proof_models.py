"""A document somebody showed who they are with: looked at once, noted, destroyed (law R-08)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class DocumentKind(models.TextChoices):
    PASSPORT = "passport", _("Passport")
    ID_CARD = "id_card", _("Identity card")
    LICENCE = "licence", _("Driving licence")
    PERMIT = "permit", _("Residence permit")
    OTHER = "other", _("Something else with your face or name")


class DocumentWhy(models.TextChoices):
    """A document is never what we begin with (law R-07)."""

    PREFERS = "prefers", _("The person prefers it")
    NOTHING_ELSE = "nothing_else", _("Nothing else worked")


class DocumentEnd(models.TextChoices):
    CHECKED = "checked", _("Looked at")
    TERM = "term", _("Nobody looked in time")
    OVER = "over", _("The request ended")


class ProofDocument(Row):
    """Of the document itself stay its kind, whether it showed the person, who looked and when.

    Its picture is a vault unit of its own until somebody looked; only who it is laid before sees
    it. No number, name or face of it is ever read by a program.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="proof_documents")
    kind = models.CharField(max_length=12, choices=DocumentKind.choices)
    why = models.CharField(max_length=14, choices=DocumentWhy.choices)
    given_at = models.DateTimeField()
    given_by = models.CharField(max_length=20, blank=True)
    """Staff number of who scanned it or saw it in hand; empty when the person sent it."""
    unit = models.UUIDField(null=True)
    covered = models.BooleanField(default=False)
    laid_before = models.CharField(max_length=20, blank=True)
    shows = models.BooleanField(null=True)
    checked_by = models.CharField(max_length=20, blank=True)
    checked_on = models.DateField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=8, choices=DocumentEnd.choices, blank=True)
    lapsed_at = models.DateTimeField(null=True)
    """When another photo or name came after it: it shows nothing about that one (R2)."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(checked_by="", shows__isnull=True, checked_on__isnull=True)
                | ~models.Q(checked_by="")
                & models.Q(
                    shows__isnull=False,
                    checked_on__isnull=False,
                    checked_by=models.F("laid_before"),
                ),
                name="proof_checked_by_whom_it_was_laid_before",
            ),
            models.CheckConstraint(
                condition=models.Q(unit__isnull=False, destroyed_at__isnull=True, checked_by="")
                | models.Q(unit__isnull=True, destroyed_at__isnull=False) & ~models.Q(ended_how=""),
                name="proof_destroyed_once_looked_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.kind}"
