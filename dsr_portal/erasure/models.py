"""The erasure of a case's records: a frozen plan, its journaled steps and what was verified."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row
from dsr_portal.law.articles import ERASURE_GROUNDS


class PlanState(models.TextChoices):
    HOLD = "hold", _("hold window")
    RUNNING = "running", _("running")
    VERIFYING = "verifying", _("being checked")
    DONE = "done", _("verified and certified")
    STOPPED = "stopped", _("stopped before anything was erased")
    WAITING = "waiting", _("waits for a decision")


class WaitCode(models.TextChoices):
    """Why a plan waits (R1): nothing is erased before a person has settled it."""

    HELD = "held_by_other_case", _("another case has to decide about one of the records")
    INSPECTION = "inspection_hold", _("an authority wants to look first")
    SAME_PERSON = "conflict_same_person", _("another case claims one of the records")
    DUPLICATES = "duplicates_to_decide", _("copies of the pictures were found: two persons decide")
    NOT_ME = "said_not_me", _("the person said that these pictures are not theirs")
    EVIDENCE = "kept_as_evidence", _("the person wants it kept, locked, as evidence")
    COMPARING = "arrived_since_compared", _("pictures came since the search: they are compared")
    ARRIVED = "arrived_since_to_decide", _("pictures came since the search: two persons decide")
    PUT_ASIDE = "put_aside", _("a picture is put aside: a senior officer decides first")
    COPIES = "copies_to_settle", _("a step towards others who published a copy is open")
    SYSTEMS = "systems_to_state", _("what another system of ours holds is not stated")
    SUPERVISOR = "supervisor_needed", _("more than 50 records: a supervisor starts it")


class Why(models.TextChoices):
    """What the rule saw when it proposed a ground; the sentence is made of it when printed."""

    NO_BASIS = "no_basis", _("no legal basis is documented for a source")
    CONSENT_BASIS = "consent_basis", _("the basis stated for a source is consent")
    OBJECTED = "objected", _("the person objected")
    OTHER_BASIS = "other_basis", _("the wish to delete is taken as an objection")
    STOPPED = "stopped", _("a stop of collection covers a picture")
    PAGE_GONE = "page_gone", _("the page it was taken from does not show it any more")
    ORDERED = "ordered", _("an authority ordered it")


class StepState(models.TextChoices):
    PENDING = "pending", _("to do")
    RUNNING = "running", _("begun")
    DONE = "done", _("done")


class VerificationState(models.TextChoices):
    """R30: each from a check made at that moment."""

    VERIFIED = "verified", _("VERIFIED")
    PENDING = "pending", _("PENDING")
    UNVERIFIED = "unverified", _("UNVERIFIED")
    NEEDS_PERSON = "needs_person", _("NEEDS PERSON")


class Plan(Row):
    """What is erased for a case, frozen before the first step; `kit_unit` goes last (R30).

    `approver` is the person of staff whose decision the erasure carries out; the certificate goes
    out in that name, also where the data subject pressed "Delete now".
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="erasure_plans")
    own = models.BooleanField(default=False)
    """By the controller's own decision about pictures at a page the person named: it moves no case
    and tells the person nothing (rule R6)."""
    state = models.CharField(max_length=10, choices=PlanState.choices, default=PlanState.HOLD)
    frozen_at = models.DateTimeField()
    hold_until = models.DateTimeField()
    requested_by = models.CharField(max_length=40)
    requester_role = models.CharField(max_length=16)
    approver = models.CharField(max_length=20)
    approver_role = models.CharField(max_length=16)
    waits_for = models.CharField(max_length=24, choices=WaitCode.choices, blank=True)
    change_number = models.PositiveBigIntegerField(default=0)
    duplicates_looked_at = models.DateTimeField(null=True)
    duplicates_examined = models.PositiveIntegerField(default=0)
    kit_unit = models.UUIDField(null=True)
    kit_until = models.DateTimeField(null=True)
    document_id = models.UUIDField(null=True)
    delivery_id = models.UUIDField(null=True)
    started_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "own"],
                condition=~models.Q(state__in=["stopped", "done"]),
                name="plan_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class OrderedErasure(Row):
    """That an authority ordered the erasure in a case, by itself or on a complaint (C-46/23).

    The order belongs to compliance and is known here by its id, as the ordered date is in cases.
    """

    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, related_name="ordered_erasures"
    )
    order_id = models.UUIDField()
    authority_code = models.CharField(max_length=20)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "order_id"], name="ordered_erasure_once"),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.since:%Y-%m-%d}"


class Ground(Row):
    """Why an erasure is owed (Art. 17(1); law E-02).

    Without a plan: what an officer chose before one was frozen. With a plan: what it was frozen
    with; `by_rule` says that nobody had chosen and the rule's proposal was taken. A ground the rule
    did not propose has the officer's words, in `field` of the case file.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="erasure_grounds")
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="grounds")
    ground = models.CharField(
        max_length=20, choices=[(one.value, facts.text) for one, facts in ERASURE_GROUNDS.items()]
    )
    why = models.CharField(max_length=16, choices=Why.choices, blank=True)
    field = models.CharField(max_length=60, blank=True)
    by_rule = models.BooleanField(default=False)
    decided_by = models.CharField(max_length=20)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "ground"], name="ground_once_per_plan"),
            models.UniqueConstraint(
                fields=["case", "ground"],
                condition=models.Q(plan__isnull=True),
                name="ground_chosen_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(why="") | ~models.Q(field=""), name="ground_has_its_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(by_rule=False)
                | models.Q(plan__isnull=False) & ~models.Q(why=""),
                name="ground_by_rule_has_its_sight",
            ),
        ]

    def __str__(self) -> str:
        return self.ground


class PlanRecord(Row):
    """A record the plan erases, and what becomes of the picture it is in.

    Whose picture it is alone goes; where others are in it the rule covers the face. In the hold
    window a person of staff may choose otherwise: `by_rule` is false then, and who it was is kept.
    """

    class Picture(models.TextChoices):
        WHOLE = "whole", _("the whole picture goes")
        COVERED = "covered", _("this face is covered, the others' picture stays")
        FACES_ONLY = "faces", _("the picture goes, only the faces of the others stay in it")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="records")
    record = models.ForeignKey(
        "gallery.Record", on_delete=models.PROTECT, related_name="erasure_plans"
    )
    picture = models.CharField(max_length=8, choices=Picture.choices)
    by_rule = models.BooleanField(default=True)
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "record"], name="plan_record_once"),
        ]

    def __str__(self) -> str:
        return str(self.record_id)


class Duplicate(Row):
    """A picture that looks like one of the plan's, and what people decided of it.

    It says that the two look alike and nothing of how: no hash, no distance. `record_id` is the
    person's enrolled face in it, where it has one.
    """

    class Verdict(models.TextChoices):
        GOES = "goes", _("a copy: it goes too")
        STAYS = "stays", _("another picture: it stays")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="duplicates")
    image = models.ForeignKey(
        "gallery.SourceImage", on_delete=models.PROTECT, related_name="duplicate_of_plans"
    )
    of_image = models.ForeignKey(
        "gallery.SourceImage", on_delete=models.PROTECT, related_name="duplicates_in_plans"
    )
    exact = models.BooleanField(default=False)
    first_officer = models.CharField(max_length=20, blank=True)
    first_verdict = models.CharField(max_length=8, choices=Verdict.choices, blank=True)
    first_record = models.UUIDField(null=True)
    second_officer = models.CharField(max_length=20, blank=True)
    second_verdict = models.CharField(max_length=8, choices=Verdict.choices, blank=True)
    second_record = models.UUIDField(null=True)
    supervisor = models.CharField(max_length=20, blank=True)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, blank=True)
    record_id = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "image"], name="duplicate_once_per_plan"),
            models.CheckConstraint(
                condition=models.Q(first_officer="")
                | ~models.Q(first_officer=models.F("second_officer")),
                name="duplicate_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"duplicate {self.image_id}"


class PlanUnit(Row):
    """A vault unit whose key the plan destroys, and where that key lay when the plan began.

    Verification asks the key holder for exactly this bucket: it must be gone in both places.
    """

    class Holds(models.TextChoices):
        FACE = "face", _("face code, crop, purposes of look-ups")
        PICTURE = "picture", _("picture, addresses, caption")
        PROBE = "probe", _("photo sent with the request")
        SHARD = "shard", _("part of the search index")
        CUT_OUT = "cutout", _("cut-out of a neighbour that showed a part of the face")

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="units")
    unit = models.UUIDField()
    bucket = models.UUIDField(null=True)
    holds = models.CharField(max_length=8, choices=Holds.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "unit"], name="plan_unit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.holds} {self.unit}"


class Step(Row):
    """One named step of the saga: resumable, done once, never half reported."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="steps")
    ordinal = models.PositiveIntegerField()
    store = models.CharField(max_length=60)
    action = models.CharField(max_length=40)
    subject = models.UUIDField(null=True)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "ordinal"], name="step_ordinal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.ordinal} {self.store}: {self.action}"


class Verification(Row):
    """What a check found about one store, when and by which method (R30)."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="verifications")
    store = models.CharField(max_length=60)
    state = models.CharField(max_length=14, choices=VerificationState.choices)
    method = models.CharField(max_length=60)
    examined = models.PositiveBigIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    canary_found = models.BooleanField(default=False)
    until = models.DateTimeField(null=True)
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "store"], name="verification_store_once"),
        ]

    def __str__(self) -> str:
        return f"{self.store} {self.state}"
