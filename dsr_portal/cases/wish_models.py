"""The own time of a wish that was added to an open request (law T-11, D-01, D-06, D-07).

Rows about the wish alone: they never move the date of the request, nor does that one move theirs.
"""

from django.db import models

from dsr_portal.core.models import Row


class WishExtension(Row):
    """A longer period for one added wish (Art. 12(3); law D-06): in force from the day its letter
    was sent within the first month of that wish.

    One for each wish; one whose letter came too late is void and stays as such.
    """

    right = models.OneToOneField(
        "cases.CaseRight", on_delete=models.PROTECT, related_name="extension"
    )
    proposal = models.OneToOneField(
        "cases.Proposal", on_delete=models.PROTECT, related_name="wish_extension"
    )
    letter = models.OneToOneField(
        "cases.Letter", on_delete=models.PROTECT, related_name="wish_extension"
    )
    reason = models.CharField(max_length=20)
    months = models.PositiveSmallIntegerField()
    told_on = models.DateField(null=True)
    void = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(months__gte=1, months__lte=2),
                name="wish_extension_two_months_most",
            ),
            models.CheckConstraint(
                condition=models.Q(void=False) | models.Q(told_on__isnull=True),
                name="wish_extension_void_or_told",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.right_id} {self.months}"


class WishPause(Row):
    """A question about one added wish, and the time of that wish standing still for it (law D-07).

    `from_on` is None until its letter left, and until another person agreed where it came late;
    `until_on` while the answer is outstanding. The words lie with the letter in the case file.
    """

    right = models.ForeignKey("cases.CaseRight", on_delete=models.PROTECT, related_name="pauses")
    ground = models.CharField(max_length=10)
    letter = models.OneToOneField(
        "cases.Letter", on_delete=models.PROTECT, related_name="wish_pause"
    )
    reminder = models.OneToOneField(
        "cases.Letter", null=True, on_delete=models.PROTECT, related_name="wish_reminder_of"
    )
    by = models.CharField(max_length=20)
    agreed_by = models.CharField(max_length=20, blank=True)
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["right"],
                condition=models.Q(until_on__isnull=True),
                name="wish_pause_one_question_open",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_by="") | ~models.Q(agreed_by=models.F("by")),
                name="wish_pause_agreed_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(from_on__isnull=True)
                | models.Q(until_on__isnull=True)
                | models.Q(until_on__gte=models.F("from_on")),
                name="wish_pause_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ground} {self.from_on or '-'}"
