"""What an erasure would touch, counted per store before anything is planned (dry run, law E-04)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.cases.selectors import kept_from_erasure
from dsr_portal.core.errors import Conflict
from dsr_portal.erasure import duplicates, kit, services, words
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.models import Appearance, LookUp, Record, SourceImage
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition.models import Template
from dsr_portal.vault.models import Blob


@dataclass(frozen=True, slots=True)
class Line:
    """How much of one store goes, changes or stays; `what` is a code of `words.effect`."""

    store: str
    what: str
    count: int

    @property
    def store_label(self) -> str:
        return words.store(self.store)

    @property
    def text(self) -> str:
        return words.effect(self.what, self.count)


def preview(case: Case) -> list[Line]:
    """The plan with its counts, as it would be frozen now; nothing is written or locked.

    Raises `Conflict` with nothing_to_erase before two persons confirmed a record.
    """
    outcome = matching.outcome(case.id)
    same = set() if outcome is None else set(outcome.same)
    same = (same | set(duplicates.chosen_records(case.id))) - kept_from_erasure(case.id)
    rows = list(
        Record.objects.filter(id__in=same)
        .exclude(state=Record.State.ERASED)
        .select_related("image")
        .order_by("id")
    )
    if not rows:
        raise Conflict("nothing_to_erase", _("No record of this person is left to erase."))
    return [one for one in _lines(case, rows) if one.count]


def _lines(case: Case, rows: Sequence[Record]) -> Iterator[Line]:
    ids = [row.id for row in rows]
    whole, covered, staying = _pictures(rows)
    probes = Probe.objects.filter(case_id=case.id).exclude(state=ProbeState.DELETED)
    faces = [unit for row in rows for unit in kit.faces_of(row)]
    units = {*faces, *(row.image.unit for row in rows), *probes.values_list("unit", flat=True)}
    templates = Template.objects.filter(record_id__in=ids, erased_change=None)
    shards = templates.exclude(shard=None).values("shard").distinct().count()
    yield Line("pictures", "whole", len(whole))
    yield Line("shared_pictures", "covered", len(covered))
    yield Line("records", "staying", len(staying))
    yield Line("face_codes", "erased", len(rows))
    yield Line("search_index", "rows", templates.count())
    yield Line("index_files", "rewritten", shards)
    yield Line("request_photo", "erased", probes.count())
    yield Line("keys", "destroyed", len(units) + shards)
    named = Blob.objects.filter(unit_id__in=units).exclude(file="")
    yield Line("vault_files", "erased", named.count())
    yield Line("look_ups", "masked", LookUp.objects.filter(record_id__in=ids).count())
    told = {fact.recipient_id for fact in gallery.recipients_of(ids)}
    yield Line("recipients", "to_be_told", len(told))
    yield Line("block_list", "added", _blocked(whole | covered))
    yield Line("answer_package", "sealed", len(services.answers_kept(case)))


def _pictures(rows: Sequence[Record]) -> tuple[set[UUID], set[UUID], set[UUID]]:
    """Pictures that go, pictures in which faces are covered, and the records that stay there."""
    mine = {row.id for row in rows}
    whole: set[UUID] = set()
    covered: set[UUID] = set()
    staying: set[UUID] = set()
    for row in rows:
        others = {one.id for one in gallery.other_records_of_image(row.id)} - mine
        (covered if others else whole).add(row.image_id)
        staying |= others
    return whole, covered, staying


def _blocked(images: set[UUID]) -> int:
    hashes = {
        (kind, one)
        for kind in ("page_hash", "image_hash")
        for one in Appearance.objects.filter(image_id__in=images).values_list(kind, flat=True)
        if one
    }
    files = SourceImage.objects.filter(id__in=images).exclude(file_hash=None)
    return len(hashes) + files.count()
