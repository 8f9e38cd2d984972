"""Templates by number, the shards they lie in, and who holds them in memory (design, section 6).

No column here holds a template: the numbers lie in the vault, in the enrolled face's unit and in
the shard's. Records are named by id, without foreign key, for gallery lies above this room.
"""

from django.db import models

from dsr_portal.core.models import Row


class ModelVersion(Row):
    """Everything that changes the numbers of a template; a search never mixes two of them."""

    name = models.CharField(max_length=40)
    weights_sha256 = models.CharField(max_length=64)
    alignment_version = models.CharField(max_length=40)
    mean_face_sha256 = models.CharField(max_length=64)
    dimensions = models.PositiveSmallIntegerField()
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "weights_sha256", "alignment_version", "mean_face_sha256"],
                name="model_version_once",
            ),
            models.UniqueConstraint(
                fields=["active"], condition=models.Q(active=True), name="one_active_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}-{self.weights_sha256[:8]}"


class ChangeHead(models.Model):
    """The one sequence of enrolments, restrictions and erasures that holders follow."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="change_head_one_row"),
        ]

    def __str__(self) -> str:
        return str(self.number)


class Change(Row):
    """One thing that happened to one record, in the order in which holders apply it."""

    class Kind(models.TextChoices):
        ENROL = "ENROL"
        RESTRICT = "RESTRICT"
        LIFT = "LIFT"
        ERASE = "ERASE"

    number = models.BigIntegerField(unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    record_id = models.UUIDField(db_index=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.number} {self.kind}"


class Shard(Row):
    """A sealed block of template rows: one encrypted file under its own key, one graph."""

    number = models.PositiveIntegerField()
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT)
    unit = models.UUIDField(unique=True)
    rows = models.PositiveIntegerField()
    live_rows = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()
    rewritten_change = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="shard_once_per_model"),
        ]

    def __str__(self) -> str:
        return f"shard {self.number}"


class Template(Row):
    """That a record has a template of a model, where it lies and since which change."""

    record_id = models.UUIDField()
    model = models.ForeignKey(ModelVersion, on_delete=models.PROTECT)
    unit = models.UUIDField(db_index=True)
    change_number = models.BigIntegerField()
    shard = models.ForeignKey(Shard, null=True, blank=True, on_delete=models.PROTECT)
    erased_change = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record_id", "model"], name="template_once_per_model"),
        ]
        indexes = [
            # Counted before every search, and searched for what is owed after every erasure.
            models.Index(fields=["model", "change_number"], name="template_counted"),
            models.Index(
                fields=["erased_change"],
                name="template_erased",
                condition=models.Q(erased_change__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"template of {self.record_id}"


class Holder(Row):
    """A process that holds the index; it counts until it is seen gone (design, section 6)."""

    class State(models.TextChoices):
        LIVE = "LIVE"
        RECYCLING = "RECYCLING"
        GONE = "GONE"

    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    process_started = models.CharField(max_length=80)
    # Which of the groups of shards it holds; 0 holds everything where there is one group.
    group = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField()
    applied_change = models.BigIntegerField(default=0)
    # The process began after this change, so nothing erased up to it was ever in its memory.
    loaded_change = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.LIVE)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host", "pid", "process_started"], name="holder_once_per_process"
            ),
        ]

    def __str__(self) -> str:
        return f"holder {self.pid} on {self.host}"


class GroupSearch(Row):
    """One search by all groups of shards; whole only when every group has answered (design, 6).

    `pictures` are vault units and fields, opened by each group itself, and `confirmed` the records
    whose faces widen the search: no template is stored. `then` is the job to be made at the end,
    with its subject: whoever asked goes on there.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING"
        COMPLETE = "COMPLETE"
        INCOMPLETE = "INCOMPLETE"

    key = models.CharField(max_length=100, unique=True)
    pictures = models.JSONField()
    confirmed = models.JSONField(default=list)
    threshold = models.FloatField()
    nearest = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    round = models.PositiveSmallIntegerField(default=1)
    then_kind = models.CharField(max_length=64, blank=True)
    then_subject = models.CharField(max_length=64, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"search by groups, {self.state}"


class GroupPart(Row):
    """What one group of shards answered in one round of a search."""

    search = models.ForeignKey(GroupSearch, on_delete=models.CASCADE, related_name="parts")
    group = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField(default=1)
    done = models.BooleanField(default=False)
    layout = models.CharField(max_length=64, blank=True)
    model = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT)
    compared = models.PositiveBigIntegerField(default=0)
    enrolled = models.PositiveBigIntegerField(default=0)
    found_by_graph = models.PositiveIntegerField(default=0)
    added_by_sweep = models.PositiveIntegerField(default=0)
    swept_only = models.PositiveIntegerField(default=0)
    applied_change = models.BigIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["search", "group", "round"], name="group_part_once"),
        ]

    def __str__(self) -> str:
        return f"part of group {self.group}"


class GroupHit(Row):
    """A record one group found; `below` the threshold when it is only among the nearest."""

    part = models.ForeignKey(GroupPart, on_delete=models.CASCADE, related_name="hits")
    record_id = models.UUIDField()
    score = models.FloatField()
    found_by = models.CharField(max_length=10)
    below = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"hit {self.record_id}"


class GalleryNotice(Row):
    """That the gallery has outgrown its thresholds, or its searches the desk (R22).

    Counts when it was raised; it stands until `settled_at`.
    """

    version = models.PositiveIntegerField()
    enrolled = models.PositiveIntegerField()
    made_for = models.PositiveIntegerField()
    strangers = models.FloatField(null=True)
    desk = models.PositiveIntegerField()
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(settled_at__isnull=True),
                name="gallery_notice_one_stands",
            ),
        ]

    def __str__(self) -> str:
        return f"calibration {self.version}, {self.enrolled} faces"
