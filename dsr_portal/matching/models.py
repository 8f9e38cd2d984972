"""Probes, searches, candidates and what people decided about them.

Decisions are rows of their own and never columns of a candidate: who decided, in which position,
when and what was seen stays readable (law L-05, AI Act Art. 14(5)).
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class ProbeState(models.TextChoices):
    WAITING_CONSENT = "waiting_consent", _("waits for consent")
    RECEIVED = "received", _("received")
    USABLE = "usable", _("usable")
    UNUSABLE = "unusable", _("cannot be used")
    DELETED = "deleted", _("deleted")


class SearchState(models.TextChoices):
    RUNNING = "running", _("running")
    PRELIMINARY = "preliminary", _("first hits stand, the sweep is running")
    COMPLETE = "complete", _("swept")
    STALE = "stale", _("replaced by a newer search")


class Band(models.TextChoices):
    STRONG = "strong", _("strong")
    REVIEW = "review", _("review")
    BELOW = "below", _("below the threshold")


class Position(models.TextChoices):
    FIRST = "first", _("first person")
    SECOND = "second", _("second person")
    SUPERVISOR = "supervisor", _("supervisor")


class Verdict(models.TextChoices):
    SAME = "same", _("same person")
    NOT_SAME = "not_same", _("not the same")
    INCONCLUSIVE = "inconclusive", _("inconclusive")


class ReviewState(models.TextChoices):
    FIRST = "first", _("first person decides")
    SECOND = "second", _("second person decides")
    SUPERVISOR = "supervisor", _("supervisor decides")
    DONE = "done", _("decided")
    STOPPED = "stopped", _("stopped")


class Probe(Row):
    """A picture sent to find the person in it. The picture lies in a vault unit of its own."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="probes")
    unit = models.UUIDField()
    state = models.CharField(max_length=20, choices=ProbeState.choices, default=ProbeState.RECEIVED)
    channel = models.CharField(max_length=20)
    entered_by = models.CharField(max_length=20, blank=True)
    received_at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=40, blank=True)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return str(self.id)


class Search(Row):
    """One comparison of a probe with the gallery: what was asked, of how many, and what found it.

    The three counts of R15's index check (`compared` of `enrolled`) and the shares of graph and
    sweep are facts written by the search job; letters print them from here.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="searches")
    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="searches")
    state = models.CharField(
        max_length=20, choices=SearchState.choices, default=SearchState.RUNNING
    )
    model = models.CharField(max_length=120, blank=True)
    threshold = models.FloatField()
    strong_threshold = models.FloatField()
    compared = models.PositiveIntegerField(default=0)
    enrolled = models.PositiveIntegerField(default=0)
    found_by_graph = models.PositiveIntegerField(default=0)
    added_by_sweep = models.PositiveIntegerField(default=0)
    swept_only = models.PositiveIntegerField(default=0)
    applied_change = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class Candidate(Row):
    """A record a search proposed for a case. Only people decide what it is (law P-12)."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="candidates")
    search = models.ForeignKey(Search, on_delete=models.PROTECT, related_name="candidates")
    record = models.ForeignKey(
        "gallery.Record", on_delete=models.PROTECT, related_name="candidates"
    )
    score = models.FloatField()
    band = models.CharField(max_length=10, choices=Band.choices)
    found_by = models.CharField(max_length=10)
    rank = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "record"], name="candidate_once_per_case"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Review(Row):
    """One round of two persons over a case's candidates; distinctness is a constraint (R19)."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="reviews")
    search = models.ForeignKey(Search, on_delete=models.PROTECT, related_name="reviews")
    round = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=12, choices=ReviewState.choices, default=ReviewState.FIRST)
    opener = models.CharField(max_length=20, blank=True)
    first_officer = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    second_officer = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    supervisor = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    opened_at = models.DateTimeField()
    first_done_at = models.DateTimeField(null=True)
    second_done_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "round"], name="review_round_once"),
            models.CheckConstraint(
                condition=models.Q(second_officer__isnull=True)
                | ~models.Q(second_officer=models.F("first_officer")),
                name="review_two_persons",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(first_officer__isnull=True)
                    | models.Q(opener="")
                    | ~models.Q(first_officer=models.F("opener"))
                )
                & (
                    models.Q(second_officer__isnull=True)
                    | models.Q(opener="")
                    | ~models.Q(second_officer=models.F("opener"))
                ),
                name="review_not_by_opener",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} round {self.round}"


class Decision(Row):
    """What one person decided about one candidate.

    `preliminary` is set before the band is shown, `verdict` when the person confirms (R21);
    the reason, if any, is a field of the case file in the vault.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="decisions")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="decisions")
    position = models.CharField(max_length=12, choices=Position.choices)
    officer = models.CharField(max_length=20)
    shown_at = models.DateTimeField(null=True)
    preliminary = models.CharField(max_length=14, choices=Verdict.choices, blank=True)
    preliminary_at = models.DateTimeField(null=True)
    band_shown_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=14, choices=Verdict.choices, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason_field = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["review", "candidate", "position"], name="decision_once_per_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.candidate_id}"
