from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Kind(models.TextChoices):
    """What a document is. The label stands in its running head."""

    RECEIPT = "receipt", _("Receipt")
    LETTER = "letter", _("Letter")
    ANSWER = "answer", _("Answer")
    NOTHING_FOUND = "nothing_found", _("Answer")
    CERTIFICATE = "certificate", _("Certificate of erasure")
    AUDIT = "audit", _("Audit report")
    ASSESSMENT = "assessment", _("Impact assessment")
    RECORDS = "records", _("Records of processing")
    BOARD = "board", _("Report to the board")


class Document(Row):
    """One signed PDF as it was handed out. Its bytes lie in a vault unit of their own.

    Written once: what was said stays as it was said. The head of the audit trail printed in it is
    kept, so that the file can be compared with the trail after the unit was shredded.
    """

    kind = models.CharField(max_length=20, choices=Kind.choices)
    case_id = models.UUIDField(null=True, db_index=True)
    reference = models.CharField(max_length=24)
    unit = models.UUIDField(unique=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    pages = models.PositiveIntegerField()
    language = models.CharField(max_length=12)
    template = models.CharField(max_length=80)
    template_version = models.CharField(max_length=64)
    signer = models.CharField(max_length=64)
    head_number = models.PositiveBigIntegerField()
    head_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=Kind.values), name="document_kind_known"
            ),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="document_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # An insert that was rolled back may be repeated; an update is never asked for.
        if not (self._state.adding or kwargs.get("force_insert")):
            raise TypeError("a document is written once")
        super().save(*args, **kwargs)
