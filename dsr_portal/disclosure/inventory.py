"""Where each thing held about a record is told in an answer; what has no place stops it (A-02).

Deny by default: a new column, vault field or key of a gallery room fails the answer, and a test,
until somebody has said here where the person reads it or why it says nothing about the person.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields as dataclass_fields

from django.apps import apps
from django.db.models import Model

from dsr_portal.core.transactions import outside
from dsr_portal.gallery.connector import AppearanceFacts
from dsr_portal.gallery.models import Appearance, PutAside, Record
from dsr_portal.jobs.errors import Permanent
from dsr_portal.vault import services as vault

_LINK = "links rows of this portal; says nothing about the person"
_WORK = "working value of this portal; says nothing about the person"
_CASE = "about this request: section request-data"

COLUMNS: dict[str, dict[str, str]] = {
    "gallery.SourceImage": {
        "id": "data.json: picture_id",
        "source": "record rows: Source",
        "run": _LINK,
        "unit": "opened: picture and facts",
        "file_hash": "made from the picture itself, with a secret of this installation",
        "state": _WORK,
        "problem": _WORK,
        "width": "data.json: size",
        "height": "data.json: size",
        "faces_left_out": "data.json: coverage, summed over pictures; of other faces than this",
        "imported_at": "record rows: Imported",
        "counted_from": "section retention: the day on which its term ends",
        "covered_from": "data.json: replaced_after_covering",
    },
    "gallery.Appearance": {
        "id": _LINK,
        "image": _LINK,
        "run": _LINK,
        "field": "names the facts that are printed",
        "facts_hash": "made from the facts that are printed",
        "page_hash": "made from the page address that is printed",
        "image_hash": "made from the picture address that is printed",
        "path_hash": "made from the file name that is printed",
        "seen_at": "data.json: seen_at",
    },
    "gallery.Record": {
        "id": "data.json: id",
        "image": "data.json: picture_id",
        "face_number": "data.json: face_number",
        "unit": "opened: face, face code, purposes of look-ups",
        "state": "data.json: state",
        "state_changed_at": "data.json: state_changed_at",
        "enrolled_at": "record rows: Face code",
    },
    "gallery.Hold": dict.fromkeys(("id", "record", "case_id", "since", "until"), _CASE),
    "gallery.Restriction": dict.fromkeys(
        ("id", "record", "case_id", "reason_code", "since", "lifted_at"), _CASE
    ),
    "gallery.PutAside": dict.fromkeys(
        (one.name for one in PutAside._meta.concrete_fields),
        "section private, or the count in section left-out (law C-09)",
    ),
    "gallery.LookUp": {
        "id": _LINK,
        "log": "section recipients: the log's system and period",
        "row_number": _LINK,
        "recipient": "section recipients: name and country",
        "record": "section recipients: picture number",
        "at": "section recipients: date",
        "way": "data.json: recipients",
    },
    "gallery.Recipient": {
        "id": _LINK,
        "name": "section recipients",
        "country": "section recipients, section transfers",
        "address": "data.json: recipients",
    },
    "recognition.Template": {
        "id": _LINK,
        "record_id": _LINK,
        "model": "record rows: Face code; data.json: model",
        "unit": "opened: data.json template",
        "change_number": _WORK,
        "shard": _WORK,
        "erased_change": _WORK,
    },
    "recognition.Change": {
        "id": _LINK,
        "number": _WORK,
        "kind": "data.json: state",
        "record_id": _LINK,
        "at": "data.json: state_changed_at",
    },
}

PICTURE_FIELDS: dict[str, str] = {
    r"picture": "pictures/record-N.jpg",
    r"facts(\.\d+)?": "record rows; data.json: facts",
}
FACE_FIELDS: dict[str, str] = {
    r"crop": "faces/record-N.jpg, cut from the covered picture",
    r"face": "data.json: face",
    r"template": "data.json: template, unturned",
    r"statement\.[0-9a-f-]{36}": "record rows: Your own words; data.json: statements",
    r"lookup\.[0-9a-f-]{36}": "section recipients: purpose",
    r"lookup\.[0-9a-f-]{36}\.reference": "data.json: recipients",
}
FACE_KEYS = frozenset({"box", "landmarks", "quality", "findings", "of"})
FACT_KEYS = frozenset(one.name for one in dataclass_fields(AppearanceFacts)) - {"field", "seen_at"}


class Unmapped(Permanent):
    """Something is held that no answer tells; `what` names it."""


def unmapped_columns(models: Iterable[type[Model]] | None = None) -> list[str]:
    """Columns of the rooms that hold records which nobody has placed here, and placed ghosts."""
    known = [apps.get_model(label) for label in COLUMNS] if models is None else models
    problems: list[str] = []
    for model in known:
        label = model._meta.label
        placed = set(COLUMNS.get(label, {}))
        real = {one.name for one in model._meta.get_fields() if one.concrete}
        problems += [f"{label}.{name}" for name in sorted(real ^ placed)]
    return problems


def unplaced_tables() -> list[str]:
    """Tables that name a gallery record or its picture and are neither placed nor of a case."""
    own_of_cases = ("matching.", "disclosure.", "erasure.", "compliance.")
    pictures = {"gallery.Record", "gallery.SourceImage"}
    found = []
    for model in apps.get_models():
        label = model._meta.label
        if label in COLUMNS or label.startswith(own_of_cases):
            continue
        targets = {
            one.related_model._meta.label
            for one in model._meta.get_fields()
            if one.concrete and one.is_relation and not isinstance(one.related_model, str | None)
        }
        if targets & pictures:
            found.append(label)
    return found


@outside("Taking stock of what is held")
def refuse_unmapped(records: Sequence[Record]) -> None:
    """Raise `Unmapped` unless every column, vault field and key of these records has its place."""
    problems = unmapped_columns() + unplaced_tables()
    for record in records:
        problems += _of_picture(record) + _of_face(record)
    if problems:
        raise Unmapped(
            "unmapped_field", "Something is held that the answer does not tell.", what=problems
        )


def _of_picture(record: Record) -> list[str]:
    unit = record.image.unit
    problems = _strangers("picture", vault.fields(unit), PICTURE_FIELDS)
    for name in Appearance.objects.filter(image=record.image).values_list("field", flat=True):
        keys = set(vault.read_json(unit, name))
        problems += [f"facts.{key}" for key in sorted(keys - FACT_KEYS)]
    return problems


def _of_face(record: Record) -> list[str]:
    problems = _strangers("face", vault.fields(record.unit), FACE_FIELDS)
    keys = set(vault.read_json(record.unit, "face"))
    return problems + [f"face.{key}" for key in sorted(keys - FACE_KEYS)]


def _strangers(of: str, names: Iterable[str], placed: dict[str, str]) -> list[str]:
    patterns = [re.compile(rf"(?:{pattern})\Z") for pattern in placed]
    return [f"{of} field {name}" for name in names if not any(p.match(name) for p in patterns)]
