"""The answer to a case: frozen from what two persons decided, made by code, approved by one."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class AnswerKind(models.TextChoices):
    DISCLOSURE = "disclosure", _("Pictures of the person")
    NOTHING_FOUND = "nothing_found", _("Nothing found")
    NEUTRAL = "neutral", _("Neither yes nor no: one check only")
    NOT_IDENTIFIED = "not_identified", _("Not identified")
    NAMED_PAGE = "named_page", _("One page dealt with, not identified")


LETTER_ONLY = frozenset({AnswerKind.NOT_IDENTIFIED, AnswerKind.NAMED_PAGE})
"""Letters to who is not known: they end a request before any search, by two persons."""


class AnswerState(models.TextChoices):
    QUEUED = "queued", _("is being made")
    READY = "ready", _("waits for approval")
    APPROVED = "approved", _("approved; leaves with the daily batch")
    FAILED = "failed", _("could not be made")
    SET_ASIDE = "set_aside", _("set aside: the request goes on")
    REPLACED = "replaced", _("left, closed, and made anew without a picture")


OUT_OF_FORCE = frozenset({AnswerState.FAILED, AnswerState.SET_ASIDE, AnswerState.REPLACED})
"""Beside one of these another answer can be made."""


class Answer(Row):
    """One answer. Its document and package are vault units; nothing of them lies in columns.

    One to who is not known has no search and no package: it says that we can't tell who is asking,
    with codes of why (law T-07), or that one page is dealt with (rule R6). The words of who says so
    are in the case file.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="answers")
    search = models.ForeignKey(
        "matching.Search", null=True, on_delete=models.PROTECT, related_name="answers"
    )
    kind = models.CharField(max_length=16, choices=AnswerKind.choices)
    state = models.CharField(max_length=10, choices=AnswerState.choices, default=AnswerState.QUEUED)
    document_id = models.UUIDField(null=True)
    package_unit = models.UUIDField(null=True)
    package_sha256 = models.CharField(max_length=64, blank=True)
    package_size = models.PositiveBigIntegerField(default=0)
    delivery_id = models.UUIDField(null=True)
    frozen_at = models.DateTimeField()
    prepared_by = models.CharField(max_length=20)
    approved_by = models.CharField(max_length=20, blank=True)
    approved_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    reasons = models.JSONField(default=list)
    reason_field = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=~models.Q(state__in=sorted(OUT_OF_FORCE)),
                name="answer_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=sorted(LETTER_ONLY), search__isnull=True)
                | (~models.Q(kind__in=sorted(LETTER_ONLY)) & models.Q(search__isnull=False)),
                name="answer_rests_on_a_search",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=sorted(LETTER_ONLY))
                | ~models.Q(approved_by=models.F("prepared_by")),
                name="answer_not_identified_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class AnswerRecord(Row):
    """A record the answer discloses, in its order; `covered` counts other people's faces."""

    answer = models.ForeignKey(Answer, on_delete=models.PROTECT, related_name="records")
    record = models.ForeignKey(
        "gallery.Record", on_delete=models.PROTECT, related_name="answer_records"
    )
    ordinal = models.PositiveIntegerField()
    covered = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["answer", "record"], name="answer_record_once"),
            models.UniqueConstraint(fields=["answer", "ordinal"], name="answer_ordinal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ordinal}"
