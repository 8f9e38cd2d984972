"""Refuses an answer that lacks the data or the information that goes with it (law A-19, 9(a)).

Both halves always: some authorities found answers with only one of the two. What was asked for is
looked up in the finished files, not in what they were made from.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pikepdf

from dsr_portal.disclosure import package
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.documents import statements
from dsr_portal.jobs.errors import Permanent

# Section ids in the order of law 9(a) and 9(b); the first page is checked beside them.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    AnswerKind.DISCLOSURE: (
        "compared",
        "records",
        "wrong-person",
        "face-code",
        "categories",
        "purposes",
        "recipients",
        "look-ups",
        "sources",
        "retention",
        "transfers",
        "automatic",
        "rights",
        "left-out",
        "other-systems",
        "request-data",
        "files",
        "complaint",
        "contacts",
        "check",
    ),
    AnswerKind.NOTHING_FOUND: (
        "compared",
        "try-again",
        "other-systems",
        "other-data",
        "automatic",
        "rights",
        "left-out",
        "request-data",
        "complaint",
        "contacts",
        "check",
    ),
}
# Set by the base of every document, not by the answer's context.
_OF_THE_BASE = frozenset({"complaint", "contacts", "check"})
SHEETS = {
    kind: statements.to_person(
        f"answer.{kind}",
        statements.FACTS,
        # The pictures are asked for only where some are shown.
        *(name for name in required if name not in {*statements.TO_PEOPLE, "records"}),
        law="Art. 15(1), 15(2), 15(3), 12(4); A-01, A-08, A-12, A-19",
    )
    for kind, required in REQUIRED.items()
}
_PER_RECORD = ("picture", "face_picture", "source", "facts", "face", "model", "template")


class Incomplete(Permanent):
    """The answer lacks what it must have; `missing` names it."""


def missing_sections(kind: str, context: Mapping[str, Any]) -> list[str]:
    """Required parts of the letter that are absent or say nothing (A-08: empty fails)."""
    sections = {one["id"]: one for one in (context["compared"], *context["sections"])}
    missing = [name for name in ("short_answer", "facts") if not context.get(name)]
    for name in REQUIRED[kind]:
        if name == "records":
            told = bool(context["records"]) or context["only_covered"]
        elif name in _OF_THE_BASE:
            continue
        else:
            section = sections.get(name, {})
            told = any(section.get(part) for part in ("text", "points", "rows", "table"))
        if not told:
            missing.append(name)
    return missing


def missing_in_files(
    *, kind: str, pdf: bytes, zipped: bytes, record_ids: list[UUID], found_files: int = 0
) -> list[str]:
    """What the finished letter and package lack: sections, pictures, data, right checksums.

    `found_files` is how many files of other systems were attached to the case.
    """
    anchors = _anchors(pdf)
    required = [one for one in REQUIRED[kind] if record_ids or one != "records"]
    missing = [f"letter: {name}" for name in required if name not in anchors]
    with zipfile.ZipFile(io.BytesIO(zipped)) as opened:
        bodies = {name: opened.read(name) for name in opened.namelist()}
    if bodies.get(package.PDF) != pdf:
        missing.append("package: letter")
    if "schema.md" not in bodies:
        missing.append("package: schema.md")
    if sum(name.startswith(package.OTHER_SYSTEMS) for name in bodies) != found_files:
        missing.append("package: files of other systems")
    return missing + _wrong_sums(bodies) + _missing_data(bodies, record_ids)


def refuse(missing: list[str]) -> None:
    """Raise `Incomplete` when something is missing."""
    if missing:
        raise Incomplete("answer_incomplete", "The answer is not whole.", missing=missing)


def _anchors(pdf: bytes) -> set[str]:
    """Ids of the sections a reader can jump to, from the finished PDF."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        if "/Names" not in document.Root or "/Dests" not in document.Root.Names:
            return set()
        return {str(name) for name in pikepdf.NameTree(document.Root.Names.Dests)}


def _wrong_sums(bodies: Mapping[str, bytes]) -> list[str]:
    lines = bodies.get(package.SUMS, b"").decode().splitlines()
    stated = {line[66:]: line[:64] for line in lines}
    real = {
        name: hashlib.sha256(body).hexdigest()
        for name, body in bodies.items()
        if name != package.SUMS
    }
    return [] if stated == real else ["package: checksums"]


def _missing_data(bodies: Mapping[str, bytes], record_ids: list[UUID]) -> list[str]:
    try:
        data = json.loads(bodies.get(package.DATA, b""))
        rows = {row["id"]: row for row in data["records"]}
    except (ValueError, KeyError, TypeError):
        return ["package: data.json"]
    missing = []
    if set(rows) != {str(one) for one in record_ids}:
        missing.append("data.json: records")
    for row in rows.values():
        wanted = set(_PER_RECORD) - ({"template"} if row.get("template_withheld") else set())
        missing += [
            f"data.json: {name}" for name in _PER_RECORD if name in wanted and not row.get(name)
        ]
        missing += [
            f"package: {name}"
            for name in (row.get("picture"), row.get("face_picture"))
            if name not in bodies
        ]
    missing += [
        f"package: {one.get('file')}"
        for one in data.get("other_files", ())
        if one.get("file") not in bodies
    ]
    if "recipients" not in data or "log_coverage" not in data:
        missing.append("data.json: recipients")
    return missing
