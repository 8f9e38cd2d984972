"""What the person supplied themselves, for them to take along (Art. 20 GDPR; law E-10).

Pictures we collected are not part of it: the right is about what a person supplied (Art. 20(1));
what is held of those is access (Art. 15). Made when it is asked
for and not kept; the schema is in docs/answer.md.

Nothing here is read from searches or decisions, and a photo is in it only while its being here
tells nothing (R3): an erasure nobody outside saw yet takes photos, too.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import corrections, phone, selectors
from dsr_portal.cases.mailbox import MAIL_ORIGINAL
from dsr_portal.cases.models import Case, Direction, MailRole, RightCode, Status, WayKind
from dsr_portal.cases.public_status import has_opened
from dsr_portal.cases.states import BEFORE_DECISION
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict
from dsr_portal.core.transactions import outside
from dsr_portal.matching import photos
from dsr_portal.matching.models import Probe
from dsr_portal.matching.shared import PICTURE
from dsr_portal.vault import services as vault

FORMAT = "dsr-own-data/1"
NAME = "own-data.json"
# Zip entries carry a fixed date, so that the same contents give the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def asked(case: Case) -> bool:
    return case.rights.filter(right=RightCode.PORTABILITY).exists()


@outside("Taking data along")
def package(*, case: Case, actor: Actor) -> bytes:
    """A ZIP of the JSON and the very files the person sent, as they sent them.

    Raises `Conflict("purged")` once contact and file are destroyed.
    """
    files = dict(_files(case))
    body = as_json(case, files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {NAME: body, "schema.md": schema().encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    with unit_of_work():
        record("case.own_data", actor=actor, case_id=case.id, files=len(files))
    return out.getvalue()


@outside("Taking data along")
def as_json(case: Case, files: dict[str, bytes] | None = None) -> bytes:
    """The JSON alone; it names each file with its checksum. In front of a letter it is sealed with
    that letter, and the files stay where they end by their own rules."""
    if case.status == Status.PURGED:
        raise Conflict("purged", _("The data of this request are deleted."))
    found = dict(_files(case)) if files is None else files
    told = {
        "format": FORMAT,
        "made_at": clock.now().isoformat(),
        "reference": case.reference,
        "request": _request(case),
        "contact": _contact(case),
        "ways": _ways(case),
        "consents": _consents(case),
        "messages": _messages(case),
        "corrections": _corrections(case),
        "wishes": _wishes(case),
        "files": [
            {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for name, data in found.items()
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _request(case: Case) -> dict[str, Any]:
    return {
        "received_at": case.received_at.isoformat(),
        "channel": case.channel,
        "language": case.language,
        "country": case.country,
        "age_band": case.age_band,
        "urgent": case.urgent,
        "words": selectors.note_of(case),
        "rights": [
            {"right": row.right, "asked_at": _iso(row.added_at or case.received_at)}
            for row in case.rights.order_by("right")
        ],
    }


def _contact(case: Case) -> dict[str, Any]:
    """Addresses, and where and when they want to be called."""
    number, when = phone.number_of(case)
    call = {"number": number, "when": when} if number else None
    return {**selectors.contact_of(case), "call": call}


def _ways(case: Case) -> list[dict[str, str]]:
    return [
        {"kind": way.kind, "words": way.text}
        for way in selectors.ways_of(case)
        if way.kind != WayKind.SELFIE
    ]


def _consents(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "scope": row.scope,
            "text_version": row.text_version,
            "text_sha256": row.text_hash,
            "language": row.language,
            "channel": row.channel,
            "given_at": row.given_at.isoformat(),
            "withdrawn_at": _iso(row.withdrawn_at),
        }
        for row in case.consents.order_by("given_at", "id")
    ]


def _messages(case: Case) -> list[dict[str, str]]:
    return [
        {"at": one.at.isoformat(), "words": one.text}
        for one in selectors.messages_of(case)
        if one.direction == Direction.IN
    ]


def _corrections(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "picture": row.number,
            "what": row.what,
            "asked_at": row.asked_at.isoformat(),
            **corrections.said(row),
        }
        for row in case.corrections.order_by("asked_at", "id")
    ]


def _wishes(case: Case) -> dict[str, Any]:
    """What was wished beside the rights: one page, a lock as evidence, paper, deleting now."""
    return {
        "one_page": [_iso(row.asked_at) for row in case.page_wishes.order_by("asked_at")],
        "evidence_lock": [
            {"asked_at": row.asked_at.isoformat(), "until": row.until.isoformat()}
            for row in case.evidence_locks.order_by("asked_at")
        ],
        "delete_now_at": _iso(case.delete_now_at),
        "withdrawn_at": _iso(case.withdrawn_at),
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


# -- the files they sent --------------------------------------------------------------------------


def _files(case: Case) -> Iterator[tuple[str, bytes]]:
    for number, photo in enumerate(_photos(case), 1):
        yield f"photos/photo-{number}", vault.read(photo.unit, PICTURE)
    exact = case.ways.filter(kind=WayKind.FILE).exclude(field="").order_by("id")
    for number, way in enumerate(exact, 1):
        yield f"files/file-{number}", vault.read(case.file_unit, way.field)
    originals = [name for name in vault.fields(case.file_unit) if name.startswith("original.")]
    for number, name in enumerate(originals, 1):
        yield f"originals/original-{number}", vault.read(case.file_unit, name)
    mails = case.mails.exclude(role=MailRole.AUTOMATIC).order_by("arrived_at", "id")
    for number, mail in enumerate(mails, 1):
        if vault.has(mail.unit, MAIL_ORIGINAL):
            yield f"mails/mail-{number}.eml", vault.read(mail.unit, MAIL_ORIGINAL)


def _photos(case: Case) -> list[Probe]:
    """Before the decision everybody's are here, and who opened the answer knows what it says."""
    undecided = case.status in BEFORE_DECISION and case.decided_at is None
    if not undecided and not has_opened(case):
        return []
    return [one for one in photos.kept(case.id) if vault.has(one.unit, PICTURE)]


def schema() -> str:
    """What the ZIP holds, in the reader's language; names of fields stay as they are."""
    return _(
        """# What you gave us

- `own-data.json`: what you told us, for machines.
  - `request`: when and by which way it came, language, country, your words, what you asked for.
  - `contact`: how you said that we reach you.
  - `ways`: what you named to be found by.
  - `consents`: to what you agreed, to which words (version and SHA-256), when, and when it ended.
  - `messages`: what you wrote to us.
  - `corrections`: what you said is wrong in a picture, and what you said is right.
  - `wishes`: one page only, a lock as evidence, deleting now, taking the request back.
  - `files`: the files beside it, with their checksums.
- `photos/`, `files/`, `originals/`, `mails/`: your photos, files, letters and mails, as you sent
  them, as long as we have them.

Times are UTC (ISO 8601). Pictures we collected are not in it: you did not give us those
(Art. 20(1) GDPR). The answer to a request for access holds them.
"""
    )
