"""An answer told by phone: the wish for it, and each call (law T-12)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class PhoneWish(Row):
    """The person wants to hear the answer by phone. Number and times lie in the vault, with their
    addresses: `field` names what serves; an older one is dropped, and all once it ended."""

    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="phone_wish")
    field = models.CharField(max_length=60)
    chosen_at = models.DateTimeField()
    chosen_by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote the wish down; empty when the person did."""
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.case_id)


class CallCheck(models.TextChoices):
    """How we knew on the phone that it is who was identified before: never the voice alone."""

    CODE = "code", _("They told their receipt code")
    VIDEO = "video", _("Their face on video, compared with the photo")
    AGREED = "agreed", _("A word agreed when we checked who they are")


class CallEnd(models.TextChoices):
    TOLD = "told", _("Told")
    NOT_REACHED = "not_reached", _("Not reached")
    NOT_SURE = "not_sure", _("Nothing was told: it was not sure who was on the phone")


class PhoneCall(Row):
    """One call. What was told are parts of the approved answer `delivery` hands out in writing;
    words of the officer, if any, lie in the case file."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="phone_calls")
    delivery = models.ForeignKey("cases.Delivery", on_delete=models.PROTECT, related_name="calls")
    by = models.CharField(max_length=20)
    at = models.DateTimeField()
    end = models.CharField(max_length=12, choices=CallEnd.choices)
    check_made = models.CharField(max_length=8, choices=CallCheck.choices, blank=True)
    told = models.JSONField(default=list)
    field = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(end="told") | ~models.Q(check_made=""),
                name="phone_call_told_after_a_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.end}"
