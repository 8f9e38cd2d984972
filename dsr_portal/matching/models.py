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
    CHOOSING = "choosing", _("asked which face is theirs")
    USABLE = "usable", _("usable")
    UNUSABLE = "unusable", _("cannot be used")
    SET_ASIDE = "set_aside", _("does not count")
    DELETED = "deleted", _("deleted")


class SearchKind(models.TextChoices):
    FACE = "face", _("comparison of faces")
    LOOK_UP = "look_up", _("look-up by what the person named")
    BOTH = "both", _("comparison of faces and look-up")


class SearchState(models.TextChoices):
    RUNNING = "running", _("running")
    PRELIMINARY = "preliminary", _("first hits stand, the sweep is running")
    COMPLETE = "complete", _("swept")
    STALE = "stale", _("replaced by a newer search")
    APART = "apart", _("not made: the photos are unlike one another")


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
    WIDENING = "widening", _("searched again with what was confirmed")
    SECOND = "second", _("second person decides")
    SUPERVISOR = "supervisor", _("supervisor decides")
    DONE = "done", _("decided")
    STOPPED = "stopped", _("stopped")


class Probe(Row):
    """A picture sent to find the person in it. The picture lies in a vault unit of its own.

    A case has up to five that count together. `chosen_by` is the person of staff who said that it
    shows the same person as the others chosen with it. `faces` is how many faces of a photo of
    several people could be chosen from, and `faces_left_out` how many could not; until
    `choose_until` one of them may be said to be the person's (law P-05).
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="probes")
    unit = models.UUIDField()
    state = models.CharField(max_length=20, choices=ProbeState.choices, default=ProbeState.RECEIVED)
    channel = models.CharField(max_length=20)
    entered_by = models.CharField(max_length=20, blank=True)
    received_at = models.DateTimeField()
    judged_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=40, blank=True)
    findings = models.JSONField(default=list)
    chosen_by = models.CharField(max_length=20, blank=True)
    faces = models.PositiveSmallIntegerField(default=0)
    faces_left_out = models.PositiveSmallIntegerField(default=0)
    choose_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class Search(Row):
    """One search of the gallery: what was asked, of how many, and what found it.

    The three counts of R15's index check (`compared` of `enrolled`) and the shares of graph and
    sweep are facts written by the search job; letters print them from here. A look-up compares no
    face: it has no probe and no threshold. `looked_up` has a row {kind, named, found} for each
    kind of what was named, `found` of `pictures` in the sources.

    `probe` is the newest photo; where it was made with several (`photos`) the others are rows of
    SearchPhoto. Scores of one photo and of several mean different things.

    `since` makes it a repeated one (R5): only what was enrolled after that change number, or what
    the person named leads to now, and was no candidate of the case, is laid before two persons.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="searches")
    kind = models.CharField(max_length=8, choices=SearchKind.choices, default=SearchKind.FACE)
    probe = models.ForeignKey(Probe, null=True, on_delete=models.PROTECT, related_name="searches")
    photos = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(
        max_length=20, choices=SearchState.choices, default=SearchState.RUNNING
    )
    model = models.CharField(max_length=120, blank=True)
    threshold = models.FloatField(null=True)
    strong_threshold = models.FloatField(null=True)
    compared = models.PositiveIntegerField(default=0)
    enrolled = models.PositiveIntegerField(default=0)
    found_by_graph = models.PositiveIntegerField(default=0)
    added_by_sweep = models.PositiveIntegerField(default=0)
    swept_only = models.PositiveIntegerField(default=0)
    applied_change = models.PositiveBigIntegerField(default=0)
    since = models.PositiveBigIntegerField(null=True)
    looked_up = models.JSONField(default=list)
    pictures = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind=SearchKind.LOOK_UP,
                    probe__isnull=True,
                    threshold__isnull=True,
                    strong_threshold__isnull=True,
                )
                | (
                    ~models.Q(kind=SearchKind.LOOK_UP)
                    & models.Q(
                        probe__isnull=False,
                        threshold__isnull=False,
                        strong_threshold__isnull=False,
                    )
                ),
                name="search_face_has_probe",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def compares(self) -> bool:
        """Whether faces were compared at all."""
        return self.kind != SearchKind.LOOK_UP

    @property
    def looks_up(self) -> bool:
        return self.kind != SearchKind.FACE

    def all_photos(self) -> list[Probe]:
        """The photos it was made with, in the order they came; none for a look-up."""
        rows = Probe.objects.filter(
            models.Q(id=self.probe_id) | models.Q(more_searches__search=self.id)
        )
        return list(rows.distinct().order_by("received_at", "id"))


class SearchPhoto(Row):
    """A further photo of the person that a search was made with, beside its newest one."""

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="more_photos")
    probe = models.ForeignKey(Probe, on_delete=models.PROTECT, related_name="more_searches")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["search", "probe"], name="search_photo_once"),
        ]

    def __str__(self) -> str:
        return str(self.probe_id)


class Candidate(Row):
    """A record a search proposed for a case. Only people decide what it is (law P-12).

    One found by its face has score and band; one found by what the person named has the `way` that
    led to it; one found by both has all three. `hop` counts the widenings of the search that found
    it.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="candidates")
    search = models.ForeignKey(Search, on_delete=models.PROTECT, related_name="candidates")
    record = models.ForeignKey(
        "gallery.Record", on_delete=models.PROTECT, related_name="candidates"
    )
    score = models.FloatField(null=True)
    band = models.CharField(max_length=10, choices=Band.choices, blank=True)
    way = models.ForeignKey(
        "cases.WayIn", null=True, on_delete=models.PROTECT, related_name="candidates"
    )
    found_by = models.CharField(max_length=10)
    rank = models.PositiveIntegerField()
    hop = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "record"], name="candidate_once_per_case"),
            models.CheckConstraint(
                condition=(models.Q(score__isnull=False) & ~models.Q(band=""))
                | models.Q(score__isnull=True, band="", way__isnull=False),
                name="candidate_scored_or_named",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Review(Row):
    """One round of two persons over a case's candidates; distinctness is a constraint (R19).

    One `beside` the case leaves its state alone: the answer has left, and what arrived since is
    decided before anything is erased (R5, R3).
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="reviews")
    search = models.ForeignKey(Search, on_delete=models.PROTECT, related_name="reviews")
    round = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=12, choices=ReviewState.choices, default=ReviewState.FIRST)
    opener = models.CharField(max_length=20, blank=True)
    first_officer = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    second_officer = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    supervisor = models.CharField(max_length=20, null=True)  # noqa: DJ001 - nobody yet
    hops = models.PositiveSmallIntegerField(default=0)
    beside = models.BooleanField(default=False)
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
    the reason, if any, is a field of the case file in the vault. `far` marks a face the first
    person confirmed and the newest widened search left out, for it lies far from the photo.
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
    far = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["review", "candidate", "position"], name="decision_once_per_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.candidate_id}"


class AsideWord(Row):
    """Whether a picture that is put aside shows who asked, by one who saw it (law C-09)."""

    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="aside_words")
    officer = models.CharField(max_length=20)
    verdict = models.CharField(max_length=14, choices=Verdict.choices)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["candidate", "officer"], name="aside_word_once"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.candidate_id}"
