"""What a person says is wrong in one picture we hold, and a longer keeping of one (Art. 16, 17(3)).

Words and values lie in the case file; the columns hold ids, days, states and codes.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Wrong(models.TextChoices):
    """What of a record is disputed: a few fixed things, each with a place to be put right."""

    CAPTION = "caption", _("The caption is wrong")
    PAGE = "page", _("The link to the page is wrong")
    NAME = "name", _("A name is wrong")
    DATE = "date", _("The date is wrong")
    MISSING = "missing", _("Something is missing: add what I say")
    NOT_ME = "not_me", _("It shows somebody else and not me")


class CorrectionState(models.TextChoices):
    OPEN = "open", _("A person looks at it")
    DONE = "done", _("Corrected")
    STATED = "stated", _("Your words stand beside it now")
    LEFT = "left", _("Taken out: it shows somebody else")
    REFUSED = "refused", _("Left as it is")
    GONE = "gone", _("The picture was deleted meanwhile")


class Correction(Row):
    """One thing said to be wrong in one record, with a month of its own (Art. 16; law E-01).

    `number` is the picture's in the answer, `place` the vault field of the facts it is about.
    `field` of the case file holds what is right and the person's words, `field`.before what stood
    in the record and `field`.done what stands there now, as long as the file lives.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="corrections")
    record_id = models.UUIDField(db_index=True)
    number = models.PositiveIntegerField()
    place = models.CharField(max_length=20)
    what = models.CharField(max_length=8, choices=Wrong.choices)
    field = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    entered_by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote it down; empty when the person did."""
    due_on = models.DateField()
    state = models.CharField(
        max_length=8, choices=CorrectionState.choices, default=CorrectionState.OPEN, db_index=True
    )
    ground = models.CharField(max_length=20, blank=True)
    proposal = models.OneToOneField(
        "cases.Proposal", null=True, on_delete=models.PROTECT, related_name="correction"
    )
    decided_by = models.CharField(max_length=20, blank=True)
    agreed_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    letter = models.ForeignKey(
        "cases.Letter", null=True, on_delete=models.PROTECT, related_name="corrections"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "record_id", "place", "what"],
                condition=models.Q(state="open"),
                name="correction_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_at__isnull=True)
                | ~models.Q(state="open") & models.Q(decided_at__isnull=False),
                name="correction_decided_has_its_moment",
            ),
            # Less than was asked, and that a picture is not theirs, are said by two persons.
            models.CheckConstraint(
                condition=~models.Q(state__in=["refused", "left"])
                | ~models.Q(agreed_by="") & ~models.Q(agreed_by=models.F("decided_by")),
                name="correction_refused_by_two",
            ),
            models.CheckConstraint(
                condition=models.Q(ground="") | ~models.Q(agreed_by=""),
                name="correction_ground_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.state}"


class Lengthening(Row):
    """That two persons set a later last day for a record kept from erasure (Art. 17(3); E-03).

    `before` is the day that was said until then. The letter about it is written with the row.
    """

    withheld = models.ForeignKey(
        "cases.Withheld", on_delete=models.PROTECT, related_name="lengthenings"
    )
    proposal = models.OneToOneField(
        "cases.Proposal", on_delete=models.PROTECT, related_name="lengthening"
    )
    letter = models.OneToOneField(
        "cases.Letter", on_delete=models.PROTECT, related_name="lengthening"
    )
    ground = models.CharField(max_length=20)
    before = models.DateField()
    until = models.DateField()
    agreed_by = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(until__gt=models.F("before")), name="lengthening_is_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.before} {self.until}"
