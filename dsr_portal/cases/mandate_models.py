"""Somebody acts for the person: who, with which mandate, and who of both may open what (R11).

Names, addresses and words lie in the case's contact unit and file, the mandate itself in a unit of
its own, which ends earlier than the case.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class MandateKind(models.TextChoices):
    """Why somebody may act for another person (law C-03, C-04, C-07, C-08)."""

    LAWYER = "lawyer", _("A lawyer")
    BODY = "body", _("A non-profit body (Art. 80)")
    GUARDIAN = "guardian", _("A guardian, or holder of a lasting power")
    PARENT = "parent", _("Somebody with parental responsibility for a child")
    HEIR = "heir", _("An heir or next of kin of somebody who died")
    OTHER = "other", _("Somebody else the person chose")


class MandateState(models.TextChoices):
    WAITING = "waiting", _("Waits to be checked")
    DOUBTED = "doubted", _("We asked about it")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Not accepted")
    ENDED = "ended", _("Ended")


class AnswerTo(models.TextChoices):
    """To whom the answer goes; where the mandate says nothing, to the person (law C-04)."""

    PERSON = "person", _("To the person")
    REPRESENTATIVE = "representative", _("To the representative")
    BOTH = "both", _("To both")


class MandateDoubt(models.TextChoices):
    """The fact that makes us ask; never a suspicion about somebody."""

    NOTHING_ATTACHED = "nothing_attached", _("No mandate was attached")
    NO_SIGNATURE = "no_signature", _("Nothing shows that it comes from the person")
    OTHER_PERSON = "other_person", _("It names somebody else")
    RIGHT_NOT_NAMED = "right_not_named", _("It does not cover what is asked")
    OVER = "over", _("Its last day is past")
    UNREADABLE = "unreadable", _("It can't be read")
    INTERESTS = "interests", _("The two may want different things")


class MandateMeans(models.TextChoices):
    """What the representative may choose from; at least two are offered, all of them free."""

    PERSON_SAYS = "person_says", _("the person says yes on the page of their own")
    CALL = "call", _("a short call of an officer with the person")
    PAPER = "paper", _("a new or clearer paper, signed by hand or electronically")
    REGISTER = "register", _("where a public register names you: a bar, a court, an association")
    STATEMENT = "statement", _("a few words on why you may act, with one paper that shows it")


class MandateRefusal(models.TextChoices):
    """Why somebody can't act for the person."""

    NOT_GIVEN = "not_given", _("The person told us that they gave no mandate")
    NOT_SHOWN = "not_shown", _("We asked, and nothing showed a mandate")
    NOT_COVERED = "not_covered", _("The mandate covers nothing of what is asked")
    OVER = "over", _("The mandate had ended before the request")
    CHILD = "child", _("It is against the interest of the child")
    NATIONAL_LAW = "national_law", _("National law gives them no right to act here")


class Addressee(models.TextChoices):
    PERSON = "person", _("The person")
    REPRESENTATIVE = "representative", _("The representative")


class Batch(Row):
    """Mandates that came together: one list, one receipt, a case with its own clock for each (R11).

    The keyed hash finds the same list sent twice: it is made once, and goes on where it stopped.
    """

    content_hash = models.CharField(max_length=64, unique=True)
    made_by = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    received_at = models.DateTimeField()
    lines = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField(default=0)
    """Lines that were not good, where whoever sent them wanted the others made."""

    def __str__(self) -> str:
        return f"{self.lines} {self.made_at:%Y-%m-%d}"


class Mandate(Row):
    """That somebody acts for the person of a case, as it was given, checked and ended.

    One stands at a time. Who wrote it down does not decide on it (R20).
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="mandates")
    kind = models.CharField(max_length=12, choices=MandateKind.choices)
    state = models.CharField(
        max_length=12, choices=MandateState.choices, default=MandateState.WAITING
    )
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, null=True, related_name="mandates")
    line = models.PositiveIntegerField(null=True)
    """Which line of the batch's list it was."""
    email_hash = models.CharField(max_length=64, null=True, db_index=True)  # noqa: DJ001 - absent
    """What finds the mandates of one mailbox without opening any; gone with the contact data."""
    rights = models.JSONField(default=list)
    until = models.DateField(null=True)
    answer_to = models.CharField(max_length=16, choices=AnswerTo.choices, default=AnswerTo.PERSON)
    law_of = models.CharField(max_length=2, blank=True)
    """The state whose law says who may act for the dead (law C-07)."""
    holds_page = models.BooleanField(default=False)
    """A parent who asked on the website: the page of the request is theirs, not the child's."""
    proof_unit = models.UUIDField(null=True)
    proof_ended_at = models.DateTimeField(null=True)
    written_by = models.CharField(max_length=20)
    written_at = models.DateTimeField()
    doubts = models.JSONField(default=list)
    means = models.JSONField(default=list)
    asked_by = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    wanted_at = models.DateTimeField(null=True)
    """When the person said that this request is theirs, with or without who sent it."""
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=16, choices=MandateRefusal.choices, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=16, blank=True)
    """`person`, or the staff number of who wrote down that the person ended it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(state__in=["waiting", "doubted", "accepted"]),
                name="mandate_one_standing",
            ),
            models.UniqueConstraint(fields=["batch", "line"], name="mandate_line_once"),
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("written_by")),
                name="mandate_decided_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(state="refused", reason__gt="")
                | ~models.Q(state="refused") & models.Q(reason=""),
                name="mandate_refused_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Invitation(Row):
    """A link of their own for one of the two (R11): it opens once and then shows their own code.

    The token is derived from the contact unit's key; only its keyed hash is stored. `counter` is
    that of the person's receipt code when it was made: a newer code ends the link (R12).
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="invitations")
    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="invitations")
    addressee = models.CharField(max_length=16, choices=Addressee.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    counter = models.PositiveIntegerField()
    made_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.addressee} {self.made_at:%Y-%m-%d}"
