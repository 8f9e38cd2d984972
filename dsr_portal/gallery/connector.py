"""The one door to gallery pictures: every read and every erasure of one goes through it.

The embedded gallery lies in the vault; a controller's own picture systems come behind the same
calls later (design, section 3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as made_with
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import covers, hashes, putting_aside, terms
from dsr_portal.gallery.models import Appearance, PutAside, Record, SourceImage
from dsr_portal.gallery.sources import basis_line, purposes_of
from dsr_portal.recognition import services as recognition
from dsr_portal.vault import services as vault

PICTURE = "picture"
CROP = "crop"
STATEMENT = "statement."
COLUMNS = ("caption", "page_url", "image_url", "collected_at", "collector")
"""Columns of the facts by their own names; what a source called otherwise is "other.<name>"."""

OTHER = "other."
_GONE = (Record.State.ERASING, Record.State.ERASED)


@dataclass(frozen=True, slots=True)
class AppearanceFacts:
    """What a picture came with once; empty where the source told nothing."""

    field: str
    page_url: str = ""
    image_url: str = ""
    collected_at: str = ""
    collector: str = ""
    caption: str = ""
    path: str = ""
    other: dict[str, str] = made_with(default_factory=dict)
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One picture: its source and every set of facts it came with, the first one first."""

    image_id: UUID
    source_id: UUID
    source: str
    legal_basis: str
    purposes: tuple[str, ...]
    imported_at: datetime
    width: int
    height: int
    covered: bool
    appearances: tuple[AppearanceFacts, ...]
    counted_from: date
    """The day from which the source's term counts (law A-08)."""

    @property
    def first(self) -> AppearanceFacts:
        return self.appearances[0] if self.appearances else AppearanceFacts("facts")

    @property
    def page_url(self) -> str:
        return self.first.page_url

    @property
    def image_url(self) -> str:
        return self.first.image_url

    @property
    def collected_at(self) -> str:
        return self.first.collected_at

    @property
    def collector(self) -> str:
        return self.first.collector

    @property
    def caption(self) -> str:
        return self.first.caption


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """One enrolled face: where it is in the decoded picture (`of` pixels) and how good it is."""

    record_id: UUID
    image_id: UUID
    face_number: int
    box: tuple[int, int, int, int]
    landmarks: tuple[tuple[float, float], ...]
    quality: dict[str, float]
    findings: tuple[str, ...]
    of: tuple[int, int]
    enrolled_at: datetime
    unit: UUID

    def crop(self) -> bytes:
        """The face as a JPEG of our own making; `NotAllowed` where its picture is put aside."""
        covers.refuse_covered(self.image_id)
        return vault.read(self.unit, CROP)

    def unseen_crop(self) -> bytes:
        """For programs that show it to nobody: checks after an erasure."""
        return vault.read(self.unit, CROP)

    def statements(self) -> list[str]:
        """What the person had put beside this record (Art. 16), in their words."""
        names = [one for one in vault.fields(self.unit) if one.startswith(STATEMENT)]
        return [vault.read(self.unit, one).decode() for one in names]


class Connector(Protocol):
    """What a gallery of source pictures must offer."""

    def picture(self, image_id: UUID) -> bytes:
        """The exact bytes as the controller has them; outside bytes, decode them confined.

        `NotAllowed("put_aside")` for what only senior officers see (law C-09).
        """
        ...

    def unseen(self, image_id: UUID) -> bytes:
        """The same for programs that look for copies, cover or erase, and show it to nobody."""
        ...

    def put_aside(self, put_aside_id: UUID, *, actor: Actor) -> bytes:
        """A picture that is put aside, for a senior officer; the look stands in the trail."""
        ...

    def facts(self, image_id: UUID) -> ImageFacts:
        """Source, addresses, caption and every other column."""
        ...

    def face(self, record_id: UUID) -> FaceFacts:
        """Box, landmarks and quality of one enrolled face."""
        ...

    def replace_picture(
        self,
        *,
        image_id: UUID,
        picture: bytes,
        width: int,
        height: int,
        actor: Actor,
        case_id: UUID | None = None,
        without: Iterable[str] = (),
        cut_outs: Mapping[UUID, bytes] | None = None,
    ) -> UUID:
        """Put a picture with covered faces in the place of one; the id of the new picture."""
        ...

    def corrected(self, *, image_id: UUID, field: str, column: str, value: str) -> "Corrected":
        """One column of one set of facts made ready to be written (Art. 16); nothing yet is."""
        ...

    def destroy_picture(
        self, *, image_id: UUID, actor: Actor, case_id: UUID | None = None
    ) -> list[UUID]:
        """Order the destruction of a whole picture; the vault units that will be shredded."""
        ...

    def destroy_face(self, *, record_id: UUID) -> list[UUID]:
        """Order the destruction of one enrolled face: crop, template, purposes."""
        ...


class Embedded:
    """The gallery in this portal's own vault."""

    def picture(self, image_id: UUID) -> bytes:
        covers.refuse_covered(image_id)
        return self.unseen(image_id)

    def unseen(self, image_id: UUID) -> bytes:
        return vault.read(_image(image_id).unit, PICTURE)

    def put_aside(self, put_aside_id: UUID, *, actor: Actor) -> bytes:
        row = putting_aside.looked(put_aside_id=put_aside_id, actor=actor)
        return self.unseen(row.image_id)

    def facts(self, image_id: UUID) -> ImageFacts:
        image = SourceImage.objects.select_related("source").filter(id=image_id).first()
        if image is None:
            raise _unknown()
        rows = Appearance.objects.filter(image=image).order_by("seen_at", "id")
        found = tuple(_appearance(image, row) for row in rows)
        return ImageFacts(
            image_id=image.id,
            source_id=image.source_id,
            source=image.source.name,
            legal_basis=str(basis_line(image.source)),
            purposes=tuple(purposes_of(image.source)),
            imported_at=image.imported_at,
            width=image.width,
            height=image.height,
            covered=image.covered_from_id is not None,
            appearances=found,
            counted_from=terms.counted_from((one.collected_at for one in found), image.imported_at),
        )

    def face(self, record_id: UUID) -> FaceFacts:
        row = Record.objects.filter(id=record_id).first()
        if row is None:
            raise _unknown()
        known = vault.read_json(row.unit, "face")
        x, y, width, height = (int(value) for value in known["box"])
        return FaceFacts(
            record_id=row.id,
            image_id=row.image_id,
            face_number=row.face_number,
            box=(x, y, width, height),
            landmarks=tuple((float(px), float(py)) for px, py in known["landmarks"]),
            quality=known["quality"],
            findings=tuple(known["findings"]),
            of=(known["of"][0], known["of"][1]),
            enrolled_at=row.enrolled_at,
            unit=row.unit,
        )

    @outside("Replacing a picture")
    @vault.retry_stale
    def replace_picture(
        self,
        *,
        image_id: UUID,
        picture: bytes,
        width: int,
        height: int,
        actor: Actor,
        case_id: UUID | None = None,
        without: Iterable[str] = (),
        cut_outs: Mapping[UUID, bytes] | None = None,
    ) -> UUID:
        """Design, section 5: a new unit for the others' records, the old one ordered to go.

        Records being erased stay with the old picture. Facts named in `without` (a caption that
        names the erased person) are left out of the new one. Records in `cut_outs` get the new
        cut-out; as a value is written once, that takes a new unit with the rest of the old one.
        Called again, it returns what it made before. Raises `Conflict` with face_changed where a
        record got something new meanwhile: call it again.
        """
        old = _image(image_id)
        made = SourceImage.objects.filter(covered_from=old).first()
        if made is not None and old.state == SourceImage.State.ERASED:
            return made.id
        fresh_id = new_id()
        staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=fresh_id)
        staged.add(PICTURE, picture)
        left_out = set(without)
        appearances = list(Appearance.objects.filter(image=old).order_by("seen_at", "id"))
        for row in appearances:
            facts = vault.read_json(old.unit, row.field)
            staged.add_json(row.field, {k: v for k, v in facts.items() if k not in left_out})
        faces = [_face_with(record_id, crop) for record_id, crop in (cut_outs or {}).items()]
        with unit_of_work():
            locked = SourceImage.objects.select_for_update().get(id=old.id)
            if locked.state == SourceImage.State.ERASED:
                raise Conflict("picture_gone", _("This picture was erased meanwhile."))
            staged.save()
            fresh = SourceImage.objects.create(
                id=fresh_id,
                source=locked.source,
                run=locked.run,
                unit=staged.unit_id,
                file_hash=hashes.of_file(picture),
                state=locked.state,
                width=width,
                height=height,
                faces_left_out=locked.faces_left_out,
                imported_at=locked.imported_at,
                counted_from=locked.counted_from,
                covered_from=locked,
            )
            Appearance.objects.filter(image=locked).update(image=fresh)
            # The covered picture shows the rest of what was put aside (law C-09).
            PutAside.objects.filter(image=locked).update(image=fresh)
            moved = Record.objects.filter(image=locked).exclude(state__in=_GONE)
            covered = Record.objects.filter(image=locked, state__in=_GONE).count()
            moved.update(image=fresh)
            for face in faces:
                face.save()
            _empty(locked)
            audit_event(
                "gallery.picture_replaced",
                actor=actor,
                case_id=case_id,
                subject_id=locked.id,
                replaced_by=fresh.id,
                covered=covered,
                cut_again=len(faces),
            )
        return fresh.id

    @outside("Correcting a picture's facts")
    def corrected(self, *, image_id: UUID, field: str, column: str, value: str) -> "Corrected":
        """A new unit for the picture with one value put right; the old one goes with its key.

        The hash of the facts as they came stays, so that the same wrong facts imported once more
        are known and not added. Raises `BadInput` with no_such_column, bad_address.
        """
        image = _image(image_id)
        rows = list(Appearance.objects.filter(image=image).order_by("seen_at", "id"))
        if field not in {row.field for row in rows}:
            raise _unknown()
        facts = vault.read_json(image.unit, field)
        before = _put(facts, column, value)
        hashed = {
            name: hashes.of_address(facts[key]) if facts.get(key) else ""
            for name, key in (("page_hash", "page_url"), ("image_hash", "image_url"))
            if column == key
        }
        held = frozenset(vault.fields(image.unit))
        staged = vault.stage_unit(kind=vault.UnitKind.SOURCE_IMAGE, owner=image.id)
        for name in sorted(held):
            if name == field:
                staged.add_json(name, facts)
            elif name == PICTURE:
                staged.add_stream(name, vault.stream(image.unit, name))
            else:
                staged.add(name, vault.read(image.unit, name))
        return Corrected(image.id, field, column, before, image.unit, held, hashed, staged)

    def destroy_picture(
        self, *, image_id: UUID, actor: Actor, case_id: UUID | None = None
    ) -> list[UUID]:
        """Order it in a unit of work; `Conflict` while a record in it is to stay."""
        with unit_of_work():
            image = SourceImage.objects.select_for_update().filter(id=image_id).first()
            if image is None:
                raise _unknown()
            if Record.objects.filter(image=image).exclude(state__in=_GONE).exists():
                raise Conflict(
                    "picture_shared", _("Other people's faces in this picture are to stay.")
                )
            if image.state != SourceImage.State.ERASED:
                Appearance.objects.filter(image=image).delete()
                _empty(image)
                audit_event(
                    "gallery.picture_destroyed",
                    actor=actor,
                    case_id=case_id,
                    subject_id=image.id,
                )
        return [image.unit]

    def destroy_face(self, *, record_id: UUID) -> list[UUID]:
        with unit_of_work():
            row = Record.objects.select_for_update().filter(id=record_id).first()
            if row is None:
                raise _unknown()
            if row.state not in _GONE:
                raise Conflict("record_state", _("This record is not being erased."))
            # Beside its own unit: the template of a model that is being prepared.
            kind = vault.UnitKind.ENROLLED_FACE
            units = sorted({row.unit, *vault.unit_ids(owner=row.id, kind=kind)})
            vault.request_shred(units, reason="record_erased")
        return units


@dataclass(slots=True)
class _NewFace:
    """A record's unit made anew with another cut-out, and what the old one held then."""

    record_id: UUID
    before: UUID
    held: frozenset[str]
    staged: vault.Staged

    def save(self) -> None:
        row = Record.objects.select_for_update().get(id=self.record_id)
        changed = row.unit != self.before or frozenset(vault.fields(row.unit)) != self.held
        if changed or row.state in _GONE:
            raise Conflict("face_changed", _("This record changed meanwhile."))
        row.unit = self.staged.save()
        row.save(update_fields=["unit"])
        recognition.template_moved(record_id=row.id, before=self.before, now=row.unit)
        vault.request_shred([self.before], reason="cut_again")


@dataclass(slots=True)
class Corrected:
    """A picture's unit made anew with one value of its facts put right; `was` stood there."""

    image_id: UUID
    field: str
    column: str
    was: str
    before: UUID
    held: frozenset[str]
    hashed: Mapping[str, str]
    staged: vault.Staged

    def save(self, *, actor: Actor, case_id: UUID) -> None:
        """In the caller's unit of work. `Conflict("picture_changed")` where somebody else wrote
        meanwhile: make it ready again."""
        row = SourceImage.objects.select_for_update().get(id=self.image_id)
        changed = row.unit != self.before or frozenset(vault.fields(row.unit)) != self.held
        if changed or row.state == SourceImage.State.ERASED:
            raise Conflict("picture_changed", _("This picture changed meanwhile. Try again."))
        row.unit = self.staged.save()
        # Read anew by the unit's new facts: it may be the day that was put right.
        row.counted_from = None
        row.save(update_fields=["unit", "counted_from"])
        if self.hashed:
            Appearance.objects.filter(image=row, field=self.field).update(**self.hashed)
        vault.request_shred([self.before], reason="corrected")
        vault.enqueue_shred()
        audit_event(
            "gallery.facts_corrected",
            actor=actor,
            case_id=case_id,
            subject_id=row.id,
            column=self.column if self.column in COLUMNS else "other",
        )


def _put(facts: dict[str, Any], column: str, value: str) -> str:
    """Write one value into facts; what stood there. Empty takes it out."""
    if column in COLUMNS:
        was = str(facts.get(column, ""))
        facts[column] = value
        return was
    name = column.removeprefix(OTHER)
    if not column.startswith(OTHER) or name not in facts.get("other", {}):
        raise BadInput("no_such_column", _("Choose what is put right."))
    was = str(facts["other"][name])
    facts["other"] = {**facts["other"], name: value}
    return was


def _face_with(record_id: UUID, crop: bytes) -> _NewFace:
    unit = Record.objects.values_list("unit", flat=True).get(id=record_id)
    held = frozenset(vault.fields(unit))
    staged = vault.stage_unit(kind=vault.UnitKind.ENROLLED_FACE, owner=record_id)
    for name in sorted(held):
        staged.add(name, crop if name == CROP else vault.read(unit, name))
    return _NewFace(record_id, unit, held, staged)


def current() -> Connector:
    """The gallery of this installation."""
    return Embedded()


def _image(image_id: UUID) -> SourceImage:
    image = SourceImage.objects.filter(id=image_id).first()
    if image is None:
        raise _unknown()
    return image


def _empty(image: SourceImage) -> None:
    """The row stays as a marker; its unit is ordered to go and its file's hash is emptied."""
    vault.request_shred([image.unit], reason="picture_erased")
    image.state, image.file_hash = SourceImage.State.ERASED, None
    image.save(update_fields=["state", "file_hash"])


def _appearance(image: SourceImage, row: Appearance) -> AppearanceFacts:
    facts = vault.read_json(image.unit, row.field)
    return AppearanceFacts(
        field=row.field,
        page_url=facts.get("page_url", ""),
        image_url=facts.get("image_url", ""),
        collected_at=facts.get("collected_at", ""),
        collector=facts.get("collector", ""),
        caption=facts.get("caption", ""),
        path=facts.get("path", ""),
        other=dict(facts.get("other", {})),
        seen_at=row.seen_at,
    )


def _unknown() -> NotFound:
    return NotFound("no_such_picture", _("There is no such picture."))


__all__ = [
    "COLUMNS",
    "OTHER",
    "STATEMENT",
    "AppearanceFacts",
    "Connector",
    "Corrected",
    "Embedded",
    "FaceFacts",
    "ImageFacts",
    "current",
]
