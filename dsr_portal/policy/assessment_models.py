"""The impact assessment (Art. 35 GDPR): its versions, and the tasks to look at it again (P-09)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class AssessmentState(models.TextChoices):
    DRAFT = "draft", _("draft")
    SUBMITTED = "submitted", _("waits for advice and approval")
    IN_FORCE = "in_force", _("in force")
    REPLACED = "replaced", _("replaced")


class AiClass(models.TextChoices):
    """The class of the search under the AI Act that the memo comes to (law AI-03)."""

    BY_DESIGN = "by_design", _("open in law; treated as high-risk (Annex III(1)(a))")
    HIGH_RISK = "high_risk", _("high-risk (Annex III(1)(a))")
    NOT_HIGH_RISK = "not_high_risk", _("not high-risk, for the reasons in the memo")


class Assessment(Row):
    """One version of the impact assessment.

    `covers` lists, for each setting that it is about, the values it was written for: those in force
    and those proposed when it was submitted. A search under any other value waits.
    """

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(
        max_length=10, choices=AssessmentState.choices, default=AssessmentState.DRAFT
    )
    sections = models.JSONField(default=dict)
    risk_stays_high = models.BooleanField(null=True)
    consulted = models.CharField(max_length=20, blank=True)
    consulted_on = models.DateField(null=True)
    ai_class = models.CharField(max_length=16, choices=AiClass.choices, blank=True)
    ai_class_by = models.CharField(max_length=120, blank=True)
    ai_class_on = models.DateField(null=True)
    covers = models.JSONField(default=dict)
    writers = models.JSONField(default=list)
    """Everybody who began, wrote or submitted it: none of them approves it (R34)."""
    written_by = models.CharField(max_length=20)
    written_at = models.DateTimeField()
    submitted_by = models.CharField(max_length=20, blank=True)
    submitted_at = models.DateTimeField(null=True)
    advice = models.CharField(max_length=2000, blank=True)
    advised_by = models.CharField(max_length=20, blank=True)
    advised_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=20, blank=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state="in_force"),
                name="assessment_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "submitted"], approved_by="")
                | models.Q(state__in=["in_force", "replaced"], approved_at__isnull=False)
                & ~models.Q(approved_by="")
                & ~models.Q(approved_by=models.F("written_by"))
                & ~models.Q(approved_by=models.F("submitted_by"))
                & ~models.Q(advised_by=""),
                name="assessment_two_persons_and_advice",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft")
                | ~models.Q(ai_class="")
                & ~models.Q(ai_class_by="")
                & models.Q(ai_class_on__isnull=False),
                name="assessment_names_its_ai_class",
            ),
        ]

    def __str__(self) -> str:
        return f"impact assessment {self.version}"


class ReviewWhy(models.TextChoices):
    PROPOSED = "proposed", _("proposed")
    IN_FORCE = "in_force", _("in force")


class AssessmentReview(Row):
    """A task: the assessment says nothing about a value that is proposed or in force (P-09)."""

    setting = models.CharField(max_length=60)
    value = models.FloatField()
    why = models.CharField(max_length=10, choices=ReviewWhy.choices)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(Assessment, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["setting", "value"],
                condition=models.Q(closed_at__isnull=True),
                name="assessment_review_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.setting} {self.value}"
