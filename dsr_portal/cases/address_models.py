"""A new address of a person, which counts only after 72 hours (R13)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class AddressKind(models.TextChoices):
    EMAIL = "email", _("E-mail address")
    POSTAL = "postal", _("Postal address")


class ChangeState(models.TextChoices):
    WAITING = "waiting", _("Waits 72 hours")
    DONE = "done", _("In force")
    STOPPED = "stopped", _("Stopped")
    REPLACED = "replaced", _("Replaced by a newer one")
    LAPSED = "lapsed", _("The request ended first")


class StoppedBy(models.TextChoices):
    OLD_ADDRESS = "old_address", _("by the link that went to the old address")
    PERSON = "person", _("on the page of the request")
    DESK = "desk", _("by an officer")


class AddressChange(Row):
    """One change asked for. `field` of the contact unit holds the new address while it waits.

    `until` is the moment before which nothing leaves that opens an answer; a stop does not shorten
    it, and it counts longer while the old address could not be told, or nobody agreed to the
    `proposal`: an e-mail address that staff wrote down takes one. `letter` tells one on paper.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="address_changes")
    what = models.CharField(max_length=8, choices=AddressKind.choices)
    state = models.CharField(
        max_length=8, choices=ChangeState.choices, default=ChangeState.WAITING, db_index=True
    )
    field = models.CharField(max_length=60)
    token_hash = models.CharField(max_length=64, unique=True)
    by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote it down; empty when the person did, with the receipt code."""
    way = models.CharField(max_length=16, blank=True)
    at = models.DateTimeField()
    until = models.DateTimeField()
    proposal = models.OneToOneField(
        "cases.Proposal", null=True, on_delete=models.PROTECT, related_name="address_change"
    )
    letter = models.OneToOneField(
        "cases.Letter", null=True, on_delete=models.PROTECT, related_name="address_change"
    )
    stopped_by = models.CharField(max_length=12, choices=StoppedBy.choices, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(state="waiting"),
                name="address_change_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(by="", way="") | ~models.Q(by="") & ~models.Q(way=""),
                name="address_change_by_staff_was_checked",
            ),
            models.CheckConstraint(
                condition=models.Q(state="stopped") & ~models.Q(stopped_by="")
                | ~models.Q(state="stopped") & models.Q(stopped_by=""),
                name="address_change_stopped_says_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.what}"
