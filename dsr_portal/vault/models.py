"""Keys, blobs and the journal of destroying them (rules R26, R27, R31).

Plain columns hold ids, codes, times and counts. Key rows may be copied anywhere: bucket keys,
without which they open nothing, are never in the database.
"""

from typing import Any

from django.db import models

from dsr_portal.core.ids import new_id
from dsr_portal.core.models import Row
from dsr_portal.vault.kinds import UnitKind

INLINE_BYTES = 4096
"""Blobs up to this size lie in the row, larger ones in a file (design, section 5)."""

BUCKET_UNITS = 128
"""A bucket key wraps at most so many unit keys of one kind (R26)."""


class RingState(models.Model):
    """The lock row of the key holder: one writer at a time, and its memory of what was written.

    It also serialises the steps of destroying: each is one transaction that locks this row.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    generation = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    """How often replacing every bucket was begun; a bucket of a lower epoch is an old one."""
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="vault_ring_state_one_row")
        ]

    def __str__(self) -> str:
        return f"generation {self.generation}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.id = 1
        super().save(*args, **kwargs)


class LastingSecret(models.Model):
    """That a lasting secret was made, so that a lost one is never silently made anew."""

    purpose = models.CharField(primary_key=True, max_length=60)
    check_value = models.CharField(max_length=16)
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.purpose


class Bucket(models.Model):
    """A bucket of up to 128 units of one kind; its key is at the key holder under this id."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=UnitKind.choices)
    created_at = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.id)


class Rotation(Row):
    """Replacing every bucket key (R26): buckets older than `epoch`, in runs, until none is left."""

    epoch = models.PositiveIntegerField(unique=True)
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Case(
                    models.When(done_at__isnull=False, then=models.Value(None)),
                    default=models.Value(1),
                    output_field=models.SmallIntegerField(),
                ),
                name="vault_one_unfinished_rotation",
            )
        ]

    def __str__(self) -> str:
        return f"epoch {self.epoch}"


class ShredRun(Row):
    """One run of destroying keys, journaled step by step: it is finished after any crash.

    A run of a rotation has no victims: it replaces a portion of the old buckets.
    """

    class State(models.TextChoices):
        TAKEN = "taken"
        """The units are being chosen and the touched buckets listed, then new keys made."""
        KEYED = "keyed"
        """New bucket keys exist at the holder."""
        MOVED = "moved"
        """Every touched bucket was replaced in the database."""
        LEDGERED = "ledgered"
        """The ledger holds the entries."""
        DESTROYED = "destroyed"
        """The old bucket keys are gone in both places; caches are running out."""
        DONE = "done"

    state = models.CharField(max_length=10, choices=State.choices, default=State.TAKEN)
    rotation = models.ForeignKey(Rotation, null=True, on_delete=models.PROTECT, related_name="runs")
    units = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    ledger_number = models.BigIntegerField(null=True)
    ledger_hash = models.CharField(max_length=64, blank=True)
    blocked = models.CharField(max_length=40, blank=True)
    """Why the run waits (a code), "" while it can go on."""

    class Meta:
        constraints = [
            # Only one run may be unfinished; the lock row makes it so, this row proves it.
            models.UniqueConstraint(
                models.Case(
                    models.When(state="done", then=models.Value(None)),
                    default=models.Value(1),
                    output_field=models.SmallIntegerField(),
                ),
                name="vault_one_unfinished_run",
            )
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"


class UnitKey(models.Model):
    """A shred unit and its wrapped key. Deleting the bucket's key destroys the unit everywhere."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=UnitKind.choices)
    owner = models.UUIDField(db_index=True)
    # Deferred to commit: an insert into a bucket replaced meanwhile fails there (R26).
    bucket = models.ForeignKey(Bucket, on_delete=models.DO_NOTHING, related_name="units")
    wrapped = models.BinaryField(max_length=64)
    created_at = models.DateTimeField()
    shred_requested_at = models.DateTimeField(null=True)
    shred_reason = models.CharField(max_length=40, blank=True)
    # No index of its own: nearly every row has none, and a planner that took "is null" for a
    # rare value would read the whole vault under the write lock.
    shred_run = models.ForeignKey(
        ShredRun, null=True, on_delete=models.PROTECT, related_name="victims", db_index=False
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["bucket", "kind"],
                name="vault_unit_ordered",
                condition=models.Q(shred_requested_at__isnull=False),
            ),
            models.Index(
                fields=["shred_run"],
                name="vault_unit_victim",
                condition=models.Q(shred_run__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def bound(self) -> bytes:
        """What the wrapping binds a key to, besides its bucket's key."""
        return self.id.bytes + self.owner.bytes + self.bucket_id.bytes + self.kind.encode()


class Blob(models.Model):
    """One sealed value of a unit, written once. A newer one of the same field supersedes it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    unit = models.ForeignKey(UnitKey, on_delete=models.DO_NOTHING, related_name="blobs")
    field = models.CharField(max_length=60)
    seq = models.PositiveIntegerField()
    inline = models.BinaryField(null=True)
    file = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField()
    version = models.SmallIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "field", "seq"], name="vault_blob_once"),
            models.CheckConstraint(
                condition=models.Q(inline__isnull=False, file="")
                | (models.Q(inline__isnull=True) & ~models.Q(file="")),
                name="vault_blob_row_or_file",
            ),
        ]
        indexes = [
            models.Index(fields=["file"], name="vault_blob_file", condition=~models.Q(file=""))
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.field} {self.seq}"


class ShredStep(Row):
    """One touched bucket of a run: which it was, what replaces it, whether that happened."""

    run = models.ForeignKey(ShredRun, on_delete=models.PROTECT, related_name="steps")
    old_bucket = models.UUIDField()
    new_bucket = models.UUIDField(null=True)
    new_bucket_used = models.BooleanField(default=False)
    kind = models.CharField(max_length=20, choices=UnitKind.choices)
    keyed = models.BooleanField(default=False)
    """Whether the new bucket's key is at the holder."""
    moved = models.BooleanField(default=False)
    ledger_number = models.BigIntegerField(null=True)
    """The entry of the ledger that tells of this bucket (R31)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "old_bucket"], name="vault_step_once")
        ]

    def __str__(self) -> str:
        return f"{self.old_bucket} -> {self.new_bucket}"


class Shredded(models.Model):
    """The marker a destroyed unit leaves: that it was, what kind, whose, when. Nothing of it."""

    unit_id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=20, choices=UnitKind.choices)
    owner = models.UUIDField(db_index=True)
    reason = models.CharField(max_length=40)
    bucket = models.UUIDField(null=True)
    """The bucket that held its key; None where only a ledger tells of it."""
    run = models.ForeignKey(ShredRun, on_delete=models.PROTECT, related_name="markers")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.unit_id)


class DoomedFile(models.Model):
    """A file of a destroyed unit that still has to be unlinked."""

    name = models.CharField(primary_key=True, max_length=64)
    run = models.ForeignKey(ShredRun, on_delete=models.PROTECT, related_name="files")

    def __str__(self) -> str:
        return self.name


class LedgerNote(Row):
    """Something the next entry of the erasure ledger has to say beside what is destroyed (R31).

    Keyed hashes of the block list, until the entry stands in both places; then the row goes.
    """

    kind = models.CharField(max_length=40)
    value = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.kind


class Backup(Row):
    """A backup with its end, so that what it still holds of erased people has a date (R31).

    The row is older than the copy: a backup nobody registered can't come about. `ledger_number`
    is the newest ledger entry the copied database knows, `audit_number` its head.
    """

    class State(models.TextChoices):
        MAKING = "making"
        """Begun; it may lie there whole although this was not noted any more."""
        KEPT = "kept"
        RESTORING = "restoring"
        """This database comes from this backup, and the restore is not finished."""
        REMOVED = "removed"
        FAILED = "failed"

    state = models.CharField(max_length=10, choices=State.choices, default=State.MAKING)
    place = models.CharField(max_length=500)
    name = models.CharField(max_length=80, unique=True)
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    ledger_number = models.BigIntegerField(default=0)
    audit_number = models.PositiveBigIntegerField(default=0)
    audit_hash = models.CharField(max_length=64, blank=True)
    files = models.PositiveBigIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
