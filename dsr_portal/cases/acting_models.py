"""Accounts of who acts for others (R11): not staff, and of no use on any other site.

Name and address lie in the account's unit. The second factor's secret is derived from that unit's
key and is stored nowhere: with the key it is gone.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class AccountState(models.TextChoices):
    INVITED = "invited", _("Invited")
    ACTIVE = "active", _("In use")
    LOCKED = "locked", _("Locked after wrong codes")
    CLOSED = "closed", _("Closed")


class ActingAccount(Row):
    """One mailbox that acts for others, found by a keyed hash; a closed account has none."""

    email_hash = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - absent
    unit = models.UUIDField()
    state = models.CharField(
        max_length=8, choices=AccountState.choices, default=AccountState.INVITED
    )
    invited_by = models.CharField(max_length=20)
    invited_at = models.DateTimeField()
    factor = models.UUIDField(null=True)
    """The link with which the second factor was set up; its secret is derived from it."""
    last_step = models.BigIntegerField(default=0)
    """The newest step whose code was used: none works twice, in whatever process."""
    wrong = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    epoch = models.PositiveIntegerField(default=0)
    """Sessions of an earlier number open nothing any more."""
    signed_in_at = models.DateTimeField(null=True)
    idle_since = models.DateTimeField(null=True)
    """Since when no mandate of it is in force."""
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="closed", email_hash__isnull=True)
                | ~models.Q(state="closed") & models.Q(email_hash__isnull=False),
                name="acting_account_closed_is_found_by_nothing",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="active") | models.Q(factor__isnull=False),
                name="acting_account_active_with_second_factor",
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.id}"


class ActingMandate(Row):
    """An accepted mandate that an account sees; each belongs to one account."""

    account = models.ForeignKey(ActingAccount, on_delete=models.PROTECT, related_name="mandates")
    mandate = models.OneToOneField("cases.Mandate", on_delete=models.PROTECT, related_name="acting")
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.account_id} {self.mandate_id}"


class LinkPurpose(models.TextChoices):
    SET_UP = "set_up", _("Set up the second factor")
    SIGN_IN = "sign_in", _("Sign in")


class ActingLink(Row):
    """A link by e-mail, derived from the unit's key; it opens once, and only with a code."""

    account = models.ForeignKey(ActingAccount, on_delete=models.PROTECT, related_name="links")
    purpose = models.CharField(max_length=8, choices=LinkPurpose.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} {self.made_at:%Y-%m-%d}"


class ActingRecovery(Row):
    """A lost second factor: one person of staff writes down how they know who it is, another
    agrees. The words are in the account's unit."""

    account = models.ForeignKey(ActingAccount, on_delete=models.PROTECT, related_name="recoveries")
    field = models.CharField(max_length=60)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(decided_at__isnull=True),
                name="acting_recovery_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed=False)
                | ~models.Q(decided_by="")
                & ~models.Q(decided_by=models.F("proposed_by"))
                & models.Q(decided_at__isnull=False),
                name="acting_recovery_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"recovery of {self.account_id}"
