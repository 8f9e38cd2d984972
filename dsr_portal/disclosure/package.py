"""The package behind the answer's link: the letter, the pictures, the data for machines (R13)."""

import hashlib
import io
import json
import zipfile
from typing import Any

from dsr_portal.disclosure.contents import Gathered
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.gallery import connector

# Zip entries carry a fixed date, so that the same contents give the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)

SCHEMA = """# What is in this package

- `answer.pdf`: the signed letter.
- `pictures/record-N.jpg`: each picture with your face, other people's faces covered.
- `data.json`: the same facts for machines.
  - `case`: reference, kind of answer, when the facts were fixed.
  - `search`: model, threshold, how many faces were compared, what found what.
  - `records[]`: number, record id, facts of the source, model, `template`: your face code as
    %(dimensions)s numbers. It is biometric data: keep it safe. It is not turned by the secret
    matrix of this installation.
  - `recipients[]`: who was shown which record, when, for which stated purpose.
  - `log_coverage[]`: from when to when the logs of look-ups reach.
- `SHA256SUMS`: a checksum for each file.
"""


def build(gathered: Gathered, pdf: bytes) -> bytes:
    """The ZIP. Raises nothing of its own; the caller keeps it in the vault."""
    files: dict[str, bytes] = {"answer.pdf": pdf}
    for number, record in enumerate(gathered.records, start=1):
        files[f"pictures/record-{number}.jpg"] = gathered.shown[record.id].whole
    data = json.dumps(_data(gathered), ensure_ascii=False, indent=1, sort_keys=True)
    files["data.json"] = data.encode()
    dimensions = next((model.dimensions for model in gathered.models.values()), 0)
    files["schema.md"] = (SCHEMA % {"dimensions": dimensions}).encode()
    sums = [f"{hashlib.sha256(body).hexdigest()}  {name}" for name, body in sorted(files.items())]
    files["SHA256SUMS"] = ("\n".join(sums) + "\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, body)
    return out.getvalue()


def _data(gathered: Gathered) -> dict[str, Any]:
    answer, search = gathered.answer, gathered.answer.search
    return {
        "format": "dsr-answer/1",
        "case": {
            "reference": answer.case.reference,
            "kind": answer.kind,
            "frozen_at": answer.frozen_at.isoformat(),
        },
        "search": {
            "model": search.model,
            "threshold": search.threshold,
            "compared": search.compared,
            "enrolled": search.enrolled,
            "found_by_hnswlib": search.found_by_graph,
            "added_by_sweep": search.added_by_sweep,
            "finished_at": search.finished_at.isoformat() if search.finished_at else None,
        },
        "records": [
            _record(gathered, number, record)
            for number, record in enumerate(gathered.records, start=1)
        ]
        if answer.kind == AnswerKind.DISCLOSURE
        else [],
        "inconclusive": gathered.inconclusive,
        "recipients": [
            {
                "recipient": fact.recipient,
                "country": fact.country,
                "at": fact.at.isoformat(),
                "purpose": fact.purpose,
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


def _record(gathered: Gathered, number: int, record: Any) -> dict[str, Any]:
    model = gathered.models.get(record.id)
    return {
        "number": number,
        "id": str(record.id),
        "picture": f"pictures/record-{number}.jpg",
        "covered_faces": gathered.shown[record.id].covered,
        "enrolled_at": record.enrolled_at.isoformat(),
        "source": record.image.source.name,
        "facts": [facts.as_dict() for facts in gathered.facts[record.id]],
        "face": connector.current().face(record.id).as_dict(),
        "model": None
        if model is None
        else {"name": model.name, "weights_sha256": model.weights_sha256},
        "template": connector.current().disclosed_template(record.id),
    }
