"""What the controller holds: sources, pictures, enrolled faces, look-ups, blocks (design, 3 and 5).

Plain columns hold ids, times, states, codes, counts and keyed hashes. Pictures, addresses,
captions, purposes and faces lie in vault units; sources and recipients are companies.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row

KEYED_HASH = 64


class Source(Row):
    """Where pictures come from, with the legal basis the controller declared for it (R23)."""

    name = models.CharField(max_length=200, unique=True)
    legal_basis = models.CharField(max_length=500)
    purposes = models.JSONField(default=list)
    """What it is used for, in the controller's words (law A-05); empty: as the setting says."""
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class CollectionStop(Row):
    """No import while this is in force: one source, or every source when it names none (R23).

    With a country of the source's site, a language or place data it covers those pictures alone.
    """

    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.PROTECT)
    country = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=8, blank=True)
    with_place = models.BooleanField(default=False)
    reason_code = models.CharField(max_length=40)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"collection stop since {self.since:%Y-%m-%d}"


class InspectionHold(Row):
    """Pictures an authority wants kept as they are until it has looked."""

    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.PROTECT)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"inspection hold since {self.since:%Y-%m-%d}"


class ImportRun(Row):
    """One call of import_gallery over one folder or manifest; re-running it goes on where it was.

    `listing_hash` recognises the same listing again; the listing itself is never stored, for the
    names of files may say something about a person.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        DONE = "DONE"
        SUPERSEDED = "SUPERSEDED"

    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    listing_hash = models.CharField(max_length=KEYED_HASH)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.RUNNING)
    seen = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    faceless = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    faces = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "listing_hash"],
                condition=Q(state="RUNNING"),
                name="one_running_import_per_listing",
            ),
        ]

    def __str__(self) -> str:
        return f"import of {self.seen} pictures"


class ImportBatch(Row):
    """A stretch of a run's listing; one job row each."""

    class State(models.TextChoices):
        PENDING = "PENDING"
        DONE = "DONE"

    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT)
    ordinal = models.PositiveIntegerField()
    first = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="batch_once_per_run"),
        ]

    def __str__(self) -> str:
        return f"batch {self.ordinal}"


class SourceImage(Row):
    """One picture as the controller has it; its unit holds "picture" (exact bytes) and "facts".

    `file_hash` is the keyed hash of the exact file and goes when the picture is erased;
    `covered_from` names the picture this one replaced when a face in it was covered.
    `faces_left_out` of a crowd were large enough to enrol but too many for one picture.
    `counted_from` is the day from which the source's term counts, read from the facts (`terms`).
    """

    class State(models.TextChoices):
        SEARCHABLE = "SEARCHABLE"
        NO_FACE = "NO_FACE"
        UNREADABLE = "UNREADABLE"
        PENDING = "PENDING"
        ERASED = "ERASED"

    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT)
    unit = models.UUIDField(unique=True)
    file_hash = models.CharField(max_length=KEYED_HASH, null=True, blank=True, unique=True)
    state = models.CharField(max_length=12, choices=State, default=State.PENDING, db_index=True)
    problem = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    faces_left_out = models.PositiveIntegerField(default=0)
    imported_at = models.DateTimeField()
    counted_from = models.DateField(null=True, blank=True)
    covered_from = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        indexes = [
            models.Index(fields=["source", "counted_from"], name="image_by_end_of_term"),
        ]

    def __str__(self) -> str:
        return f"source image {self.id}"


class Appearance(Row):
    """One set of facts a picture came with; the same picture at another address adds one.

    `field` names the vault field of the picture's unit: "facts", "facts.2", ...
    """

    image = models.ForeignKey(SourceImage, on_delete=models.PROTECT)
    run = models.ForeignKey(ImportRun, on_delete=models.PROTECT)
    field = models.CharField(max_length=20)
    facts_hash = models.CharField(max_length=KEYED_HASH)
    page_hash = models.CharField(max_length=KEYED_HASH, blank=True, db_index=True)
    image_hash = models.CharField(max_length=KEYED_HASH, blank=True, db_index=True)
    path_hash = models.CharField(max_length=KEYED_HASH, blank=True, db_index=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "facts_hash"], name="facts_once_per_picture"),
            models.UniqueConstraint(fields=["image", "field"], name="field_once_per_picture"),
        ]

    def __str__(self) -> str:
        return f"{self.field} of {self.image_id}"


class Record(Row):
    """One enrolled face with the facts of its picture: what is held, restricted, erased (R1).

    Its unit holds "crop", "face" (box, landmarks, quality), "template" and "lookup.<id>".
    """

    class State(models.TextChoices):
        HELD = "HELD"
        RESTRICTED = "RESTRICTED"
        ERASING = "ERASING"
        ERASED = "ERASED"

    image = models.ForeignKey(SourceImage, on_delete=models.PROTECT)
    face_number = models.PositiveSmallIntegerField()
    unit = models.UUIDField(unique=True)
    state = models.CharField(max_length=12, choices=State, default=State.HELD, db_index=True)
    state_changed_at = models.DateTimeField()
    enrolled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"record {self.id}"


class Hold(Row):
    """A case's candidate: nobody but this case may change or remove the record (R1)."""

    record = models.ForeignKey(Record, on_delete=models.PROTECT)
    case_id = models.UUIDField(db_index=True)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["record", "case_id"], condition=Q(until=None), name="one_hold_per_case"
            ),
        ]

    def __str__(self) -> str:
        return f"hold on {self.record_id}"


class Restriction(Row):
    """Art. 18: the record is out of use for everything but this case (R1)."""

    record = models.ForeignKey(Record, on_delete=models.PROTECT)
    case_id = models.UUIDField(db_index=True)
    reason_code = models.CharField(max_length=40)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["record", "case_id"],
                condition=Q(lifted_at=None),
                name="one_restriction_per_case",
            ),
        ]

    def __str__(self) -> str:
        return f"restriction of {self.record_id}"


class PutAside(Row):
    """A picture nobody but senior officers sees: abuse of a child, or an intimate one (law C-09).

    From `SEEN` on it is covered and locked; two persons release it, or a senior officer confirms
    who did not put it aside. That it shows no abuse, but is intimate, two persons say (`lower_by`).
    What authorities were told is a code, a day and their reference; no words about the picture.
    Case and kind go when nothing needs them any more (`asides_end`).
    """

    class Kind(models.TextChoices):
        ABUSE = "ABUSE", _("sexual abuse of a child")
        INTIMATE = "INTIMATE", _("an intimate picture")

    class State(models.TextChoices):
        SEEN = "SEEN", _("waits for a senior officer")
        CONFIRMED = "CONFIRMED", _("confirmed")
        FREED = "FREED", _("no authority needs it any more: it may be erased")
        RELEASED = "RELEASED", _("released by two persons")

    class ToldTo(models.TextChoices):
        POLICE = "POLICE", _("Police")
        HOTLINE = "HOTLINE", _("Hotline")

    image = models.ForeignKey(SourceImage, on_delete=models.PROTECT, related_name="put_aside")
    case_id = models.UUIDField(null=True, blank=True, db_index=True)
    kind = models.CharField(max_length=8, choices=Kind, blank=True)
    state = models.CharField(max_length=9, choices=State, default=State.SEEN, db_index=True)
    found_by = models.CharField(max_length=20)
    found_at = models.DateTimeField()
    confirmed_by = models.CharField(max_length=20, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    told_to = models.CharField(max_length=8, choices=ToldTo, blank=True)
    told_on = models.DateField(null=True, blank=True)
    told_reference = models.CharField(max_length=100, blank=True)
    told_by = models.CharField(max_length=20, blank=True)
    freed_by = models.CharField(max_length=20, blank=True)
    freed_at = models.DateTimeField(null=True, blank=True)
    freed_reference = models.CharField(max_length=100, blank=True)
    lower_by = models.CharField(max_length=20, blank=True)
    lower_reason = models.CharField(max_length=300, blank=True)
    lowered_by = models.CharField(max_length=20, blank=True)
    release_by = models.CharField(max_length=20, blank=True)
    release_reason = models.CharField(max_length=300, blank=True)
    released_by = models.CharField(max_length=20, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image"], condition=~Q(state="RELEASED"), name="put_aside_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="RELEASED")
                | (~Q(release_by="") & ~Q(released_by="") & ~Q(released_by=F("release_by"))),
                name="put_aside_released_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(state="FREED")
                | (~Q(told_to="") & ~Q(freed_by="") & ~Q(freed_by=F("confirmed_by"))),
                name="put_aside_freed_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(kind="ABUSE") | Q(case_id__isnull=False),
                name="put_aside_abuse_has_case",
            ),
            models.CheckConstraint(
                condition=~Q(state="CONFIRMED") | ~Q(confirmed_by=F("found_by")),
                name="put_aside_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(lowered_by="") | (~Q(lower_by="") & ~Q(lowered_by=F("lower_by"))),
                name="put_aside_lowered_by_two",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Recipient(Row):
    """A company or body that was shown something (Art. 15(1)(c))."""

    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    address = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "country"], name="recipient_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.country})"


class LookUpLog(Row):
    """A file of look-ups and what it covers: recipients print with it (R16)."""

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        DONE = "DONE"

    system = models.CharField(max_length=200)
    covers_from = models.DateField()
    covers_to = models.DateField()
    rows = models.PositiveIntegerField(default=0)
    unmatched = models.PositiveIntegerField(default=0)
    file_hash = models.CharField(max_length=KEYED_HASH, unique=True)
    recorded_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)

    def __str__(self) -> str:
        return f"look-ups of {self.system}"


class LookUp(Row):
    """That a recipient was shown a record, or given a copy in an export.

    The purpose and the recipient's own reference lie in the record's unit.
    """

    class Way(models.TextChoices):
        SHOWN = "SHOWN", _("shown")
        EXPORTED = "EXPORTED", _("given a copy")

    way = models.CharField(max_length=8, choices=Way, default=Way.SHOWN)
    log = models.ForeignKey(LookUpLog, on_delete=models.PROTECT)
    row_number = models.PositiveIntegerField()
    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT)
    record = models.ForeignKey(Record, on_delete=models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["log", "row_number", "record"], name="look_up_row_once"
            ),
        ]

    def __str__(self) -> str:
        return f"look-up of {self.record_id}"


class RecipientChannel(Row):
    """How a recipient is told: one address that two persons listed (R33). Companies, so plain."""

    class Kind(models.TextChoices):
        MAIL = "MAIL", _("E-mail")
        LETTER = "LETTER", _("Letter by post")
        CALL = "CALL", _("Signed call to an https address")

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", _("waits for a second person")
        SERVING = "SERVING", _("in use")
        REPLACED = "REPLACED", _("replaced")
        REJECTED = "REJECTED", _("rejected")

    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="channels")
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.CharField(max_length=500)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient"], condition=Q(state="SERVING"), name="one_channel_serves"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["PROPOSED", "REJECTED"])
                | (~Q(decided_by="") & ~Q(decided_by=F("proposed_by"))),
                name="channel_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.recipient_id}"


class ConnectedSystem(Row):
    """A system of the controller that asks and reports through the API (R20).

    Its token is random and shown once, to the second person; only its hash is kept.
    """

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", _("waits for a second person")
        SERVING = "SERVING", _("in use")
        ENDED = "ENDED", _("ended")

    name = models.CharField(max_length=100)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=20, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=~Q(state="ENDED"), name="connected_system_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="SERVING")
                | (~Q(approved_by="") & ~Q(approved_by=F("proposed_by")) & ~Q(token_hash="")),
                name="connected_system_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Notice(Row):
    """That a recipient is told of an erasure, correction or restriction (Art. 19).

    What it is about (the recipient's references, times) lies in the case's file, in the fields
    "notice.<id>.<part>", and goes with it.
    """

    class Ground(models.TextChoices):
        ERASURE = "ERASURE", _("Erasure")
        RECTIFICATION = "RECTIFICATION", _("Correction")
        RESTRICTION = "RESTRICTION", _("Restriction")

    class State(models.TextChoices):
        PREPARED = "PREPARED", _("leaves after the answer to the person")
        CANCELLED = "CANCELLED", _("not needed: nothing was erased")
        NO_WAY = "NO_WAY", _("waits: no address is listed for this recipient")
        SENDING = "SENDING", _("on its way")
        NOT_REACHED = "NOT_REACHED", _("not reached yet")
        PRINTED = "PRINTED", _("letter made, waits to be posted")
        SENT = "SENT", _("told, no answer yet")
        RECEIVED = "RECEIVED", _("says it has the notice")
        DONE = "DONE", _("says it is done")
        REFUSED = "REFUSED", _("refused")
        EXCUSED = "EXCUSED", _("not told: impossible or disproportionate effort")

    case_id = models.UUIDField(db_index=True)
    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="notices")
    ground = models.CharField(max_length=16, choices=Ground)
    state = models.CharField(max_length=12, choices=State, default=State.PREPARED, db_index=True)
    look_ups = models.PositiveIntegerField(default=0)
    first_shown = models.DateTimeField()
    last_shown = models.DateTimeField()
    prepared_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    channel = models.ForeignKey(RecipientChannel, null=True, blank=True, on_delete=models.PROTECT)
    letter_id = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=20, blank=True)
    rounds = models.PositiveSmallIntegerField(default=0)
    posted_round = models.PositiveSmallIntegerField(default=0)
    next_round_at = models.DateTimeField(null=True, blank=True, db_index=True)
    error_code = models.CharField(max_length=64, blank=True)
    excuse_reason = models.CharField(max_length=500, blank=True)
    excuse_proposed_by = models.CharField(max_length=20, blank=True)
    excused_by = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ("prepared_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["case_id", "recipient", "ground"], name="notice_once_per_recipient"
            ),
            models.CheckConstraint(
                condition=~Q(state="EXCUSED")
                | (~Q(excused_by="") & ~Q(excused_by=F("excuse_proposed_by"))),
                name="excuse_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.id}"


class PublicCopy(Row):
    """A step towards another controller that published a copy (Art. 17(2)): who, when, done.

    The address of the copy lies in the case's file, in the field "copy.<id>".
    """

    class Result(models.TextChoices):
        DONE = "DONE", _("removed")
        REFUSED = "REFUSED", _("refused by the other controller")
        NOT_REASONABLE = "NOT_REASONABLE", _("no reasonable step left")

    case_id = models.UUIDField(db_index=True)
    controller = models.CharField(max_length=200)
    made_by = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    result = models.CharField(max_length=16, choices=Result, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    settled_by = models.CharField(max_length=20, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("made_at", "id")

    def __str__(self) -> str:
        return f"published copy at {self.controller}"


class PublicCopyStep(Row):
    """One thing done about a published copy (Art. 17(2)): by which way, by whom, when.

    What was done and what shows it lies in the case's file, in the field "copy.<task>.<step>".
    """

    class Way(models.TextChoices):
        MAIL = "MAIL", _("by e-mail")
        LETTER = "LETTER", _("by letter")
        FORM = "FORM", _("with a form on their site")
        CALL = "CALL", _("by phone")
        LOOKED = "LOOKED", _("looked there again")

    copy = models.ForeignKey(PublicCopy, on_delete=models.PROTECT, related_name="steps")
    way = models.CharField(max_length=8, choices=Way)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.way} for {self.copy_id}"


class QueryPictureStatement(Row):
    """What the controller stated of its product's query pictures: words, name, date (R16)."""

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", _("waits for a second person")
        SERVING = "SERVING", _("in force")
        REPLACED = "REPLACED", _("replaced")

    words = models.CharField(max_length=500)
    name = models.CharField(max_length=120)
    stated_on = models.DateField()
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=20, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="SERVING"), name="one_statement_serves"
            ),
            models.CheckConstraint(
                condition=Q(state="PROPOSED")
                | (~Q(approved_by="") & ~Q(approved_by=F("proposed_by"))),
                name="statement_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"statement of {self.stated_on:%Y-%m-%d}"


class FaceBlock(Row):
    """A face its person asked not to be enrolled again (law E-13). Its unit holds "code".

    `model` names the model the code fits; under another one it stops nothing.
    """

    case_id = models.UUIDField(unique=True)
    unit = models.UUIDField(unique=True)
    model = models.CharField(max_length=32)
    since = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"face block until {self.until:%Y-%m-%d}"


class BlockEntry(Row):
    """An address or file that must not be collected again (law E-12): a keyed hash, no name."""

    class Kind(models.TextChoices):
        PAGE = "PAGE"
        IMAGE = "IMAGE"
        FILE = "FILE"

    kind = models.CharField(max_length=8, choices=Kind)
    hash = models.CharField(max_length=KEYED_HASH)
    case_id = models.UUIDField(null=True, blank=True)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "hash"], name="block_once"),
        ]

    def __str__(self) -> str:
        return f"block of a {self.kind.lower()}"
