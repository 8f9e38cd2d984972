"""A new model beside the one that serves: its templates, its publication, the end of the old.

Templates of the new model are rows like the others, with the change number of the enrolment they
belong to, each in a vault unit of its own that belongs to the record. Searches go on with the old
model until the publication, one transaction, which waits for two persons (R34).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.policy.catalogue import CALIBRATED
from dsr_portal.policy.selectors import current, decided_since
from dsr_portal.recognition import changes, services
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.analysis import Box, pixels
from dsr_portal.recognition.models import ChangeHead, ModelVersion, Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import Picture

if TYPE_CHECKING:
    from biometrics.models import ModelEntry
    from biometrics.pipeline import Pipeline

SETTING = "recognition_model"


@dataclass(frozen=True, slots=True)
class Made:
    """A record's template of the new model, staged in field "template" of a unit of its own."""

    record_id: UUID
    staged: vault.Staged


def begin(entry: "ModelEntry") -> ModelVersion:
    """The row of a model that is to serve; `Conflict` where nothing is enrolled yet."""
    if not ModelVersion.objects.filter(active=True).exists():
        raise Conflict("nothing_enrolled", _("Nothing is enrolled yet: import pictures first."))
    return engines.row_of(entry)


def number_of(model: ModelVersion) -> int:
    """The number by which the setting `recognition_model` names a model: 1 for the first."""
    ids = ModelVersion.objects.order_by("created_at", "id").values_list("id", flat=True)
    return list(ids).index(model.id) + 1


def owed(model: ModelVersion) -> QuerySet[Template]:
    """Living templates of the model that serves that have none of the new one, oldest first."""
    made = Template.objects.filter(model=model, record_id=OuterRef("record_id"))
    rows = Template.objects.filter(model__active=True, erased_change=None)
    return rows.filter(~Exists(made)).exclude(model=model).order_by("change_number")


def crop_of(
    pipeline: "Pipeline",
    picture: Picture,
    box: Box,
    landmarks: Sequence[tuple[float, float]],
) -> Any:
    """The aligned crop, uint8 (112, 112, 3), of a face whose place in the picture is known."""
    import numpy as np

    from biometrics.faces import Face

    points = np.asarray(landmarks, dtype=np.float32)
    return pipeline.crop(pixels(picture), Face(box=box, landmarks=points, score=1.0))


def add(model: ModelVersion, made: Iterable[Made]) -> int:
    """Keep templates of the new model in the caller's transaction; how many.

    Records that were erased since their template was made are left out: they never come back.
    """
    by_record = {one.record_id: one for one in made}
    alive = owed(model).select_for_update().filter(record_id__in=by_record)
    count = 0
    for row in alive:
        one = by_record[row.record_id]
        Template.objects.create(
            record_id=row.record_id,
            model=model,
            unit=one.staged.save(),
            change_number=row.change_number,
        )
        count += 1
    return count


def is_approved(model: ModelVersion) -> bool:
    """True when two persons decided that this model is to serve (R34)."""
    return bool(current(SETTING) == number_of(model))


def publish(*, model: ModelVersion, actor: Actor) -> None:
    """Have searches use the new model from this commit on; holders are replaced.

    Raises `Conflict` before two persons approved the model and, after it was prepared, both
    thresholds: scores of two models mean different things (R22). The same while any living record
    lacks its template.
    """
    if not is_approved(model):
        raise Conflict("model_not_approved", _("Two persons have not approved this model yet."))
    if not all(decided_since(name, model.created_at) for name in CALIBRATED):
        raise Conflict(
            "model_thresholds",
            _("Two persons have not decided the thresholds for this model yet."),
        )
    with unit_of_work():
        # Every enrolment and erasure takes its number from this row: none slips in between.
        ChangeHead.objects.select_for_update().get(id=1)
        if owed(model).exists():
            raise Conflict("reenrol_not_whole", _("Some records have no new template yet."))
        ModelVersion.objects.filter(active=True).update(active=False)
        ModelVersion.objects.filter(id=model.id).update(active=True)
        head = changes.head_number()
        services.recycle_holders(head + 1)
        services.enqueue_seal()
        living = Template.objects.filter(model=model, erased_change=None).count()
        audit_event(
            "index.model_published",
            actor=actor,
            subject_id=model.id,
            number=number_of(model),
            rows=living,
            change=head,
        )


def outlived() -> QuerySet[Template]:
    """Templates of every model but the one that serves, oldest first."""
    return Template.objects.filter(model__active=False).order_by("change_number", "id")


def forget(rows: Sequence[Template]) -> None:
    """Delete the rows of old templates in the caller's transaction, their units being ordered."""
    Template.objects.filter(id__in=[row.id for row in rows]).delete()


def move(record_id: UUID, unit: UUID) -> None:
    """Say where the serving template of a record lies from now on, in the caller's transaction."""
    Template.objects.filter(record_id=record_id, model__active=True).update(unit=unit)


def end_old_shards() -> int:
    """Order the destruction of the shards of models that serve no more; how many."""
    with unit_of_work():
        rows = Shard.objects.filter(model__active=False).exclude(template__isnull=False)
        old = list(rows.select_for_update())
        vault.request_shred([row.unit for row in old], reason="model_replaced")
        Shard.objects.filter(id__in=[row.id for row in old]).delete()
        if old:
            vault.enqueue_shred()
    return len(old)
