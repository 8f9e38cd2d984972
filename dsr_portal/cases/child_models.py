"""What an officer decided about a request of or for a child (law C-01, C-02)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class AgeBand(models.TextChoices):
    """As the person said it; nobody asks for a date of birth (law C-01)."""

    UNDER_16 = "under_16", _("under 16")
    UNDER_18 = "under_18", _("16 or 17")


class ActsFor(models.TextChoices):
    ALONE = "alone", _("The child asks alone, and understands what they ask and what follows")
    WITH = "with", _("Somebody with parental responsibility asks, for the child's own good")


class ChildReview(Row):
    """A person's decision about a child's request; the newest counts. Its words are in the file.

    With a conflict nothing goes on before a supervisor, another person, has decided.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="child_reviews")
    acts = models.CharField(max_length=8, choices=ActsFor.choices)
    conflict = models.BooleanField(default=False)
    photo = models.BooleanField(default=False)
    """Whether a photo may be sent and compared: nothing milder would find the pictures."""
    by = models.CharField(max_length=20)
    at = models.DateTimeField()
    field = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(conflict=False) | models.Q(photo=False),
                name="child_conflict_no_photo",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.acts} {self.at:%Y-%m-%d}"
