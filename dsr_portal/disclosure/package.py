"""The package behind the answer's link: the letter, the pictures, the data for machines (R13)."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.disclosure.gathered import Gathered
from dsr_portal.gallery.connector import AppearanceFacts
from dsr_portal.gallery.models import Record

PDF = "answer.pdf"
DATA = "data.json"
SUMS = "SHA256SUMS"
OTHER_SYSTEMS = "other-systems/"
FORMAT = "dsr-answer/1"
# Zip entries carry a fixed date, so that the same contents give the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def files(gathered: Gathered) -> dict[str, bytes]:
    """Everything but the letter and the checksums, so that the letter can print a checksum."""
    made: dict[str, bytes] = {}
    for number, record in enumerate(gathered.records, start=1):
        made[f"pictures/record-{number}.jpg"] = gathered.shown[record.id].whole
        made[f"faces/record-{number}.jpg"] = gathered.shown[record.id].face
    for number, one in enumerate(gathered.found_files, start=1):
        made[found_file(number, one.media)] = one.data
    data = json.dumps(_data(gathered, made), ensure_ascii=False, indent=1, sort_keys=True)
    made[DATA] = data.encode()
    dimensions = next((model.dimensions for model in gathered.models.values()), 0)
    made["schema.md"] = _schema(dimensions).encode()
    return made


def found_file(number: int, media: str) -> str:
    """The name in the package of a file found in another system."""
    return f"{OTHER_SYSTEMS}file-{number}.{media}"


def _schema(dimensions: int) -> str:
    """What the package holds, in the language of the letter; names of fields stay as they are."""
    return _(
        """# What is in this package

- `answer.pdf`: the signed letter.
- `pictures/record-N.jpg`: each picture with your face, encoded anew; other people's faces covered.
- `faces/record-N.jpg`: the part with your face, cut from the same picture.
- `other-systems/file-N.*`: files found in another system of ours, where there are any. Pictures
  are encoded anew.
- `data.json`: the same facts for machines.
  - `case`: reference, kind of answer, when the request came and the facts were fixed.
  - `search`: `kind` (face, look_up or both), model, threshold, how many faces were compared, what
    found what. Without a comparison threshold is null.
    - `looked_up`: for each kind of what you named, how many things and how many pictures they led
      to, among `pictures_in_sources`.
  - `coverage`: how many pictures the sources hold and how many of them a search reaches; in
    `crowds` pictures `faces_left_out` small faces are not searched.
  - `records[]`: one entry for each picture.
    - `number`, `id`, `picture_id`, `face_number`: its number in the letter and its ids here.
    - `picture`, `face_picture`: file names; `sha256`: their checksums; `size`: width, height.
    - `found_by`: hnswlib or sweep (your photo), or address, file, account (what you named).
    - `covered_faces`: how many faces of other people are covered in it.
    - `replaced_after_covering`: whether the picture took the place of one with more faces open.
    - `source`, `legal_basis`, `purposes`: where it came from, and what the controller states of it.
    - `imported_at`, `enrolled_at`: when picture and face were taken into this system.
    - `facts[]`: each place it was found at: page, address, date, collector, caption, file name,
      and in `other` whatever else the source system holds, as it is.
    - `camera`: what a camera or a program wrote into the file.
      - `entries[]`: block, name, value, as it is.
      - `held_back`: how many entries are of kinds that can name or point to other people.
      - `words_held_back`: how many titles, captions and keywords are not given, for they can name
        others who are in the picture.
      - `previews`: how many small pictures inside the file are not given.
      - `cut`, `unreadable`: how many entries were too many or too long, or could not be read.
    - `face`: box and five points in pixels of `of` (width, height), and measured quality.
    - `model`: the program that made the face code.
    - `template`: your face code as %(dimensions)s numbers. It is biometric data: keep it safe. It
      is not turned by the secret matrix of this installation, so it cannot be compared with what
      is stored here without it. It is null where `template_withheld` is true: the letter says why.
    - `statements`: what you had put beside the record, in your own words.
    - `state`, `state_changed_at`: whether the record is locked for use.
  - `recipients[]`: who was shown which record, when, for which stated purpose.
  - `log_coverage[]`: from when to when the logs of look-ups reach.
  - `private_records[]`: very private pictures, without the picture: the same fields as far as they
    are no picture.
  - `put_aside`: how many pictures of you the law does not let us hand out.
  - `other_systems[]`: each other system that was looked at: `name`, `kind`, `outcome` (nothing,
    found, not_here), `words`, `at`; `for_all_until` where it was decided once for every request.
  - `other_files[]`: each file found there: `file`, `system`, `what`, `sha256`, `size` in bytes.
  - `inconclusive`: how many pictures may show you or someone else; they are not in here.
- `SHA256SUMS`: a checksum for each file.
"""
    ) % {"dimensions": dimensions}


def build(contents: Mapping[str, bytes], pdf: bytes) -> bytes:
    """The ZIP of `files` and the signed letter."""
    whole = {PDF: pdf, **contents}
    sums = [f"{sha256(body)}  {name}" for name, body in sorted(whole.items())]
    whole[SUMS] = ("\n".join(sums) + "\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, body in whole.items():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, body)
    return out.getvalue()


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _data(gathered: Gathered, made: Mapping[str, bytes]) -> dict[str, Any]:
    answer, search = gathered.answer, gathered.search
    return {
        "format": FORMAT,
        "case": {
            "reference": answer.case.reference,
            "kind": answer.kind,
            "received_on": answer.case.arrived_on.isoformat(),
            "frozen_at": answer.frozen_at.isoformat(),
        },
        "search": {
            "kind": search.kind,
            "looked_up": search.looked_up,
            "pictures_in_sources": search.pictures if search.looks_up else None,
            "photos": search.photos if search.compares else 0,
            "model": search.model,
            "threshold": search.threshold,
            "compared": search.compared,
            "enrolled": search.enrolled,
            "found_by_hnswlib": search.found_by_graph,
            "added_by_sweep": search.added_by_sweep,
            "finished_at": search.finished_at.isoformat() if search.finished_at else None,
        },
        "coverage": {
            "at": gathered.coverage.at.isoformat(),
            "pictures": gathered.coverage.pictures,
            "searchable": gathered.coverage.searchable,
            "not_searchable": gathered.coverage.not_searchable,
            "crowds": gathered.coverage.crowds,
            "faces_left_out": gathered.coverage.left_out,
        },
        "records": [
            _record(gathered, number, record, made)
            for number, record in enumerate(gathered.records, start=1)
        ],
        "private_records": [_private(gathered, record) for record in gathered.private],
        "put_aside": gathered.aside,
        "inconclusive": gathered.inconclusive,
        "other_systems": [
            {
                "name": one.system.name,
                "kind": one.system.kind,
                "outcome": one.outcome,
                "words": one.words,
                "at": one.at.isoformat() if one.at else None,
                "for_all_until": one.standing.until.isoformat() if one.standing else None,
            }
            for one in gathered.other_systems
        ],
        "other_files": [
            {
                "file": found_file(number, one.media),
                "system": one.system,
                "what": one.what,
                "sha256": sha256(one.data),
                "size": len(one.data),
            }
            for number, one in enumerate(gathered.found_files, start=1)
        ],
        "recipients": [
            {
                "recipient": fact.recipient,
                "country": fact.country,
                "address": gathered.addresses.get(fact.recipient_id, ""),
                "at": fact.at.isoformat(),
                "purpose": fact.purpose,
                "way": fact.way.lower(),
                "reference": fact.reference,
                "record": str(fact.record_id),
            }
            for fact in gathered.look_ups
        ],
        "log_coverage": [
            {
                "system": log.system,
                "from": log.covers_from.isoformat(),
                "to": log.covers_to.isoformat(),
            }
            for log in gathered.logs
        ],
    }


def _record(
    gathered: Gathered, number: int, record: Record, made: Mapping[str, bytes]
) -> dict[str, Any]:
    picture, cut = f"pictures/record-{number}.jpg", f"faces/record-{number}.jpg"
    facts, face = gathered.facts[record.id], gathered.faces[record.id]
    model = gathered.models.get(record.id)
    return {
        "number": number,
        "id": str(record.id),
        "picture_id": str(record.image_id),
        "face_number": record.face_number,
        "picture": picture,
        "face_picture": cut,
        "sha256": {name: sha256(made[name]) for name in (picture, cut)},
        "size": [facts.width, facts.height],
        "found_by": gathered.found_by.get(record.id, ""),
        "covered_faces": gathered.shown[record.id].covered,
        "camera": gathered.camera[record.id].as_data(),
        "replaced_after_covering": facts.covered,
        "source": facts.source,
        "legal_basis": facts.legal_basis,
        "purposes": list(facts.purposes),
        "imported_at": facts.imported_at.isoformat(),
        "facts": [_appearance(one) for one in facts.appearances],
        "face": {
            "box": face.box,
            "landmarks": face.landmarks,
            "quality": face.quality,
            "findings": face.findings,
            "of": face.of,
        },
        "enrolled_at": record.enrolled_at.isoformat(),
        "statements": face.statements(),
        "state": record.state,
        "state_changed_at": record.state_changed_at.isoformat(),
        "model": None
        if model is None
        else {
            "name": model.name,
            "weights_sha256": model.weights_sha256,
            "alignment": model.alignment_version,
        },
        "template": gathered.templates.get(record.id),
        "template_withheld": gathered.withholds_template(record),
    }


def _private(gathered: Gathered, record: Record) -> dict[str, Any]:
    """What is held beside an intimate picture; neither it nor the face cut from it (law C-09)."""
    facts = gathered.facts[record.id]
    return {
        "id": str(record.id),
        "picture_id": str(record.image_id),
        "source": facts.source,
        "legal_basis": facts.legal_basis,
        "imported_at": facts.imported_at.isoformat(),
        "enrolled_at": record.enrolled_at.isoformat(),
        "facts": [_appearance(one) for one in facts.appearances],
        "state": record.state,
        "template": gathered.templates.get(record.id),
    }


def _appearance(facts: AppearanceFacts) -> dict[str, Any]:
    told = asdict(facts)
    told["seen_at"] = facts.seen_at.isoformat() if facts.seen_at else None
    return told
