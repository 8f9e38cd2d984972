"""Which pictures are put aside (law C-09): asked before a picture is shown, answered or erased."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.gallery.models import PutAside, Record

_KEPT = Q(state=PutAside.State.CONFIRMED, kind=PutAside.Kind.ABUSE)
_EVIDENCE = Q(state=PutAside.State.SEEN) | _KEPT
"""Nobody erases it: no senior officer has looked yet, or police may need it."""


def standing() -> QuerySet[PutAside]:
    """Everything that is put aside now, the oldest first."""
    return PutAside.objects.exclude(state=PutAside.State.RELEASED).order_by("found_at", "id")


def to_act_on() -> QuerySet[PutAside]:
    """What waits for a senior officer: nobody looked yet, or nobody was told yet."""
    return standing().filter(
        Q(state=PutAside.State.SEEN)
        | Q(state=PutAside.State.CONFIRMED, kind=PutAside.Kind.ABUSE, told_to="")
    )


def covered_images() -> QuerySet[PutAside, UUID]:
    """Ids of the pictures that are covered now; for a query, so that none is left out."""
    return standing().order_by().values_list("image_id", flat=True)


def kept_images() -> QuerySet[PutAside, UUID]:
    """Ids of the pictures that are kept until no authority needs them; for a query."""
    return PutAside.objects.filter(_KEPT).order_by().values_list("image_id", flat=True)


def covered_records(record_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these records whose picture is put aside now."""
    rows = Record.objects.filter(id__in=list(record_ids), image__in=covered_images())
    return set(rows.values_list("id", flat=True))


def by_record(record_ids: Iterable[UUID]) -> dict[UUID, PutAside]:
    """What stands about the picture of each of these records; those not put aside are not in it."""
    rows = Record.objects.filter(id__in=list(record_ids), image__in=covered_images())
    images = dict(rows.values_list("id", "image_id"))
    found = {row.image_id: row for row in standing().filter(image__in=set(images.values()))}
    return {record_id: found[image_id] for record_id, image_id in images.items()}


def is_covered(image_id: UUID) -> bool:
    return standing().filter(image_id=image_id).exists()


def refuse_covered(image_id: UUID) -> None:
    """Raises `NotAllowed("put_aside")`: no page and no file shows what is put aside."""
    if is_covered(image_id):
        raise NotAllowed("put_aside", _("This picture is put aside. Only senior officers see it."))


def refuse_evidence(image_ids: Collection[UUID]) -> None:
    """Raises `Conflict("put_aside")` while one of them is not to be erased."""
    if PutAside.objects.filter(_EVIDENCE, image_id__in=image_ids).exists():
        raise Conflict(
            "put_aside", _("A senior officer has to decide about one of these pictures first.")
        )
