"""That somebody of staff has nothing to do with a request: it is theirs or of somebody close."""

from django.db import models

from dsr_portal.core.models import Row


class Recusal(Row):
    """One person of staff kept away from one case, until a supervisor lifts it.

    By their own word, or because the confirmed address of the case was that of their account. Which
    it was, and whether it is their own request or of somebody they know, is kept nowhere.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="recusals")
    staff_no = models.CharField(max_length=20, db_index=True)
    at = models.DateTimeField()
    lifted_by = models.CharField(max_length=20, blank=True)
    lifted_at = models.DateTimeField(null=True)
    field = models.CharField(max_length=60, blank=True)
    """Where in the case file the reason of who lifted it lies."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "staff_no"],
                condition=models.Q(lifted_at__isnull=True),
                name="recusal_one_in_force",
            ),
            models.CheckConstraint(
                condition=~models.Q(lifted_by=models.F("staff_no")),
                name="recusal_lifted_by_another_person",
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_by="", lifted_at__isnull=True)
                | ~models.Q(lifted_by="") & models.Q(lifted_at__isnull=False),
                name="recusal_lifted_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.staff_no}"
