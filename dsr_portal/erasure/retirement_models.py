"""Pictures whose source's term ended: which went together, and what has to be gone (Art. 5(1)(e)).

Nobody asked for it: there is no case, no certificate and nobody to tell.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Retirement(Row):
    """Pictures of one source that left together, under the term that was in force then."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        CHECKING = "checking", _("being checked")
        DONE = "done", _("done and checked")

    source = models.ForeignKey(
        "gallery.Source", on_delete=models.PROTECT, related_name="retirements"
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    days = models.PositiveIntegerField()
    term_version = models.PositiveIntegerField()
    pictures = models.PositiveIntegerField()
    records = models.PositiveIntegerField()
    change_number = models.PositiveBigIntegerField(default=0)
    began_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-began_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=~models.Q(state="done"),
                name="one_retirement_per_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pictures} pictures, {self.state}"


class RetiredPicture(Row):
    """A picture that left by the end of its term, with every face in it."""

    retirement = models.ForeignKey(Retirement, on_delete=models.PROTECT, related_name="images")
    image = models.OneToOneField(
        "gallery.SourceImage", on_delete=models.PROTECT, related_name="retired"
    )

    def __str__(self) -> str:
        return str(self.image_id)


class RetiredUnit(Row):
    """A vault unit whose key goes, and where it lay: the check asks for exactly this bucket."""

    retirement = models.ForeignKey(Retirement, on_delete=models.PROTECT, related_name="units")
    unit = models.UUIDField()
    bucket = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["retirement", "unit"], name="retired_unit_once"),
        ]

    def __str__(self) -> str:
        return str(self.unit)
