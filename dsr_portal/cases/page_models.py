"""One page dealt with for a person who does not show who they are (end of rule R6).

The wish belongs to the request; each picture found there is decided on its own by two persons, for
reasons that have nothing to do with who asks.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class WishOver(models.TextChoices):
    """What became of the wish."""

    TAKEN_BACK = "taken_back", _("The person took it back")
    DEALT_WITH = "dealt_with", _("Two persons decided, the letter leaves")


class PageAction(models.TextChoices):
    """What the controller decides of its own accord about one picture."""

    LEAVE = "leave", _("Leave it as it is: nothing against it")
    LOCK = "lock", _("Lock it: out of search, shown to nobody")
    ERASE = "erase", _("Erase it, the whole picture and every face code in it")


class PageGround(models.TextChoices):
    """Why a picture may not be kept in use, whoever it shows (Art. 5(1), 6, 9, 17(1)(d))."""

    NO_BASIS = "no_basis", _("Collected without a documented legal basis")
    STOPPED = "stopped", _("A stop of collection covers it")
    PAGE_GONE = "page_gone", _("The page it was taken from does not show it any more")


class PageWish(Row):
    """The person asks that what they named be dealt with, without showing who they are."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="page_wishes")
    way = models.ForeignKey("cases.WayIn", on_delete=models.PROTECT, related_name="page_wishes")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote the wish down; empty when the person did."""
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=12, choices=WishOver.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(ended_at__isnull=True),
                name="page_wish_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, ended_how="")
                | models.Q(ended_at__isnull=False) & ~models.Q(ended_how=""),
                name="page_wish_over_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.asked_at:%Y-%m-%d}"


class PageVerdict(Row):
    """What one person decided about one picture there; it counts once another person agreed."""

    wish = models.ForeignKey(PageWish, on_delete=models.PROTECT, related_name="verdicts")
    image_id = models.UUIDField()
    action = models.CharField(max_length=8, choices=PageAction.choices)
    ground = models.CharField(max_length=12, choices=PageGround.choices, blank=True)
    decided_by = models.CharField(max_length=20)
    decided_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=20, blank=True)
    agreed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wish", "image_id"], name="page_verdict_once"),
            models.CheckConstraint(
                condition=models.Q(agreed_by="") | ~models.Q(agreed_by=models.F("decided_by")),
                name="page_verdict_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_by="", agreed_at__isnull=True)
                | ~models.Q(agreed_by="") & models.Q(agreed_at__isnull=False),
                name="page_verdict_agreed_when",
            ),
            models.CheckConstraint(
                condition=models.Q(action="leave", ground="")
                | ~models.Q(action="leave") & ~models.Q(ground=""),
                name="page_verdict_has_its_ground",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.image_id}"


class PageUnlock(Row):
    """The wish to use a locked picture again: one says why, another decides (R19).

    It outlives the request and its file, so the reason stands here and names nobody.
    """

    verdict = models.ForeignKey(PageVerdict, on_delete=models.PROTECT, related_name="unlocks")
    reason = models.CharField(max_length=500)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["verdict"],
                condition=models.Q(decided_at__isnull=True),
                name="page_unlock_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed=False)
                | models.Q(decided_at__isnull=False)
                & ~models.Q(decided_by="")
                & ~models.Q(decided_by=models.F("proposed_by")),
                name="page_unlock_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"unlock of {self.verdict_id}"
