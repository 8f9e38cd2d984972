"""An answer on paper: the wish for it, and the pack that goes into the post (law T-13)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class PaperWish(Row):
    """What we send goes by registered post instead of behind a link, while this stands."""

    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="paper_wish")
    chosen_at = models.DateTimeField()
    chosen_by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote the wish down; empty when the person did."""
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.case_id)


class NoticeOf(models.TextChoices):
    ADDRESS = "address", _("Postal address")
    WISH = "wish", _("Wish for paper")


class PaperNotice(Row):
    """Staff wrote down an address or the wish for paper, and the mailbox was told (R13)."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="paper_notices")
    what = models.CharField(max_length=8, choices=NoticeOf.choices)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(what__in=NoticeOf.values) & ~models.Q(by=""),
                name="paper_notice_says_what_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.what}"


class PaperPack(Row):
    """One envelope: who packed it, and who, another person, posted it. `field` holds the number
    of the post in the case file."""

    delivery = models.OneToOneField("cases.Delivery", on_delete=models.PROTECT, related_name="pack")
    packed_by = models.CharField(max_length=20)
    packed_at = models.DateTimeField()
    pages = models.PositiveIntegerField()
    posted_by = models.CharField(max_length=20, blank=True)
    posted_on = models.DateField(null=True)
    field = models.CharField(max_length=60, blank=True)
    arrived_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(posted_by=models.F("packed_by")), name="pack_posted_by_another"
            ),
            models.CheckConstraint(
                condition=models.Q(posted_by="", posted_on__isnull=True, field="")
                | ~models.Q(posted_by="") & models.Q(posted_on__isnull=False) & ~models.Q(field=""),
                name="pack_posted_says_who_when_and_number",
            ),
            models.CheckConstraint(
                condition=models.Q(arrived_on__isnull=True)
                | models.Q(arrived_on__gte=models.F("posted_on")),
                name="pack_arrived_after_it_was_posted",
            ),
        ]

    def __str__(self) -> str:
        return str(self.delivery_id)


class ReturnReason(models.TextChoices):
    """Why it came back, as the post gave it."""

    UNKNOWN = "unknown", _("Not known at this address")
    MOVED = "moved", _("Moved")
    NOT_FETCHED = "not_fetched", _("Not fetched in time")
    NOT_TAKEN = "not_taken", _("Not taken in")
    ADDRESS = "address", _("The address can't be read or is not whole")
    NONE = "none", _("The post gave no reason")


class ReturnStep(models.TextChoices):
    AGAIN = "again", _("Posted again")
    HOLD = "hold", _("Kept here")


class PaperReturn(Row):
    """A registered letter that came back. `field` holds the number of that post in the case file.

    `step` is what an officer decided about it; empty while nobody did.
    """

    delivery = models.ForeignKey(
        "cases.Delivery", on_delete=models.PROTECT, related_name="paper_returns"
    )
    reason = models.CharField(max_length=12, choices=ReturnReason.choices)
    on = models.DateField()
    posted_on = models.DateField()
    field = models.CharField(max_length=60)
    noted_by = models.CharField(max_length=20)
    noted_at = models.DateTimeField()
    step = models.CharField(max_length=8, choices=ReturnStep.choices, blank=True)
    settled_by = models.CharField(max_length=20, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "field"], name="paper_return_once"),
            models.CheckConstraint(
                condition=models.Q(on__gte=models.F("posted_on")),
                name="paper_return_after_it_was_posted",
            ),
            models.CheckConstraint(
                condition=models.Q(step="", settled_by="", settled_at__isnull=True)
                | ~models.Q(step="")
                & ~models.Q(settled_by="")
                & models.Q(settled_at__isnull=False),
                name="paper_return_settled_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.reason}"


class LetterReturn(Row):
    """A letter beside the answer that waited for a word of the person, and that came back.

    `step` is what an officer decided about it; empty while nobody did. Posted again as it was, it
    needs none: then the letter says that it was sent.
    """

    letter = models.ForeignKey("cases.Letter", on_delete=models.PROTECT, related_name="returns")
    reason = models.CharField(max_length=12, choices=ReturnReason.choices)
    on = models.DateField()
    posted_on = models.DateField()
    noted_by = models.CharField(max_length=20)
    noted_at = models.DateTimeField()
    step = models.CharField(max_length=8, choices=ReturnStep.choices, blank=True)
    settled_by = models.CharField(max_length=20, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(on__gte=models.F("posted_on")),
                name="letter_return_after_it_was_posted",
            ),
            models.CheckConstraint(
                condition=models.Q(step="", settled_by="", settled_at__isnull=True)
                | ~models.Q(step="")
                & ~models.Q(settled_by="")
                & models.Q(settled_at__isnull=False),
                name="letter_return_settled_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.letter_id} {self.reason}"
