"""Staff: who may act, under which number, with which role (rules R19, R20).

One person has one account. The staff number is the login name and the only thing about a person
of staff that enters the audit trail (R29).
"""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.clock import now
from dsr_portal.core.models import Row

STAFF_NO = RegexValidator(
    r"\A[A-Z0-9][A-Z0-9-]{1,19}\Z",
    _("A staff number has 2 to 20 capital letters, digits or hyphens."),
)


class Role(models.TextChoices):
    """What a person of staff is; one role each, so that two roles always mean two persons."""

    OFFICER = "officer", _("Privacy officer")
    SUPERVISOR = "supervisor", _("Supervisor")
    DPO = "dpo", _("Data protection officer")
    DIRECTOR = "director", _("Accountable director")
    REGULATOR = "regulator", _("Data protection authority")
    OPERATOR = "operator", _("Operator")


class StaffManager(BaseUserManager["Staff"]):
    """Finds staff by number however it was typed; accounts are made by `services` only."""

    def get_by_natural_key(self, username: str | None) -> "Staff":
        return self.get(staff_no=(username or "").strip().upper())


class Staff(Row, AbstractBaseUser):
    """One person of staff, or one person at a data protection authority."""

    staff_no = models.CharField(
        _("staff number"), max_length=20, unique=True, validators=[STAFF_NO]
    )
    display_name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("work e-mail"), unique=True)
    role = models.CharField(_("role"), max_length=12, choices=Role.choices)
    authority_code = models.CharField(
        _("authority"), max_length=20, blank=True, help_text=_("Only for an authority's account.")
    )
    trained_until = models.DateField(_("trained until"), null=True, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    created_at = models.DateTimeField(default=now, editable=False)
    name_ended_at = models.DateTimeField(null=True, blank=True)
    """When name and address went: nothing that is kept was decided by this account any more."""

    USERNAME_FIELD = "staff_no"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name", "email", "role"]

    objects: ClassVar[StaffManager] = StaffManager()

    class Meta:
        verbose_name = _("person of staff")
        verbose_name_plural = _("staff")
        ordering = ("staff_no",)
        constraints = [
            models.CheckConstraint(
                condition=Q(role=Role.REGULATOR) & ~Q(authority_code="")
                | ~Q(role=Role.REGULATOR) & Q(authority_code=""),
                name="staff_authority_for_regulators_only",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="staff_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.display_name} ({self.staff_no})"

    def get_full_name(self) -> str:
        return self.display_name

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """No rights by name: every right follows from role and case, checked in services."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class ProposalKind(models.TextChoices):
    CREATE = "create", _("New account")
    ROLE = "role", _("Other role")
    RESET_FACTOR = "reset_factor", _("New second factor")
    DEACTIVATE = "deactivate", _("Close the account")


class ProposalState(models.TextChoices):
    OPEN = "open", _("Waits for a second person")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class StaffProposal(Row):
    """A change of who may do what. It takes two persons, and neither is the one concerned (R19)."""

    kind = models.CharField(max_length=12, choices=ProposalKind.choices)
    state = models.CharField(
        max_length=8, choices=ProposalState.choices, default=ProposalState.OPEN
    )
    staff = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="proposals"
    )
    staff_no = models.CharField(max_length=20, blank=True)
    display_name = models.CharField(max_length=120, blank=True)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=12, choices=Role.choices, blank=True)
    authority_code = models.CharField(max_length=20, blank=True)
    proposed_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(default=now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("proposal about staff")
        verbose_name_plural = _("proposals about staff")
        ordering = ("-proposed_at",)
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("proposed_by")),
                name="staffproposal_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(staff__isnull=True) | ~Q(proposed_by=models.F("staff")),
                name="staffproposal_not_by_the_one_concerned",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True)
                | Q(staff__isnull=True)
                | ~Q(decided_by=models.F("staff")),
                name="staffproposal_not_decided_by_the_one_concerned",
            ),
            models.CheckConstraint(
                condition=Q(
                    state=ProposalState.OPEN, decided_by__isnull=True, decided_at__isnull=True
                )
                | ~Q(state=ProposalState.OPEN)
                & Q(decided_by__isnull=False, decided_at__isnull=False),
                name="staffproposal_decided_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.staff_no} ({self.state})"


class UsedTicket(Row):
    """A demo sign-in ticket that was used; it works once (R35)."""

    nonce = models.CharField(max_length=32, unique=True)
    used_at = models.DateTimeField()

    class Meta:
        verbose_name = _("used ticket")
        verbose_name_plural = _("used tickets")

    def __str__(self) -> str:
        return f"used {self.used_at:%H:%M:%S}"
