"""docs/events.md is what the registered event types are (law L-01 to L-18)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.models import BinaryField

from biometrics.weights import YUNET_FILE
from dsr_portal.audit.management.commands.list_events import markdown
from dsr_portal.audit.schema import Code, EventType, Hash, Many
from dsr_portal.core.inventory import F
from dsr_portal.core.registries import event_types, stores
from dsr_portal.recognition.engine import DETECTOR

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "events.md"


HASHED = {
    "a document, package or order": {
        "answer.approved.package_sha256", "answer.approved.sha256", "answer.made.package_sha256",
        "answer.made.sha256", "board.report_made.sha256", "breach.notice_made.sha256",
        "document.made.sha256", "erasure.certified.sha256", "order.complied.sha256",
        "order.entered.sha256", "oversight.report_made.sha256",
    },
    "a text or template everybody may read": {"consent.given.text", "document.made.template",
        "installation.changed.new_hash", "installation.changed.old_hash",
    },
    "a head of the trail or of the erasure ledger": {
        "audit.restored.backup_hash", "audit.restored.known_hash",
        "document.made.printed_head_hash", "vault.rotated.ledger_hash",
        "vault.shredded.ledger_hash",
    },
    "figures over many people": {"policy.calibration_filed.content"},
}  # fmt: skip
"""What a hash in the trail may be of: never a photo, a face code or anything else of a person."""


def rows(text: str) -> list[str]:
    """The table's rows without event types of tests."""
    return [
        line
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| event ", "| testing."))
    ]


def test_the_document_lists_every_registered_event_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("list_events", "--markdown")
    printed = capsys.readouterr().out
    names = {name for name in event_types if not name.startswith("testing.")}
    assert names <= {row.split(" | ")[0].removeprefix("| ") for row in rows(printed)}
    assert rows(DOCUMENT.read_text(encoding="utf-8")) == rows(printed), (
        "write it again: python manage.py list_events --markdown > docs/events.md"
    )


def test_a_row_says_which_fields_and_which_evidence() -> None:
    kind = EventType(
        "case.opened", {"rights": Many(Code(), 5), "way": Code(optional=True)}, ("L-01",)
    )
    assert rows(markdown([kind])) == [
        "| case.opened | rights (up to 5 Code), way (Code or none) | L-01 |"
    ]


def test_a_hash_in_the_trail_is_never_of_a_photo_or_a_face_code() -> None:
    """L-22: each field for a hash is one of a list that says what it is of. A new one of something
    of a person has to be keyed and to die with the case; there is none."""
    fields = {
        f"{name}.{field}"
        for name in event_types
        if not name.startswith("testing.")
        for field, kind in event_types.get(name).fields.items()
        if isinstance(getattr(kind, "inner", kind), Hash)
    }
    assert fields == {one for group in HASHED.values() for one in group}


def test_no_table_has_a_place_for_a_face_code_in_the_clear() -> None:
    """B-02: the columns that take bytes take ciphertext or a wrapped key."""
    of_bytes = {
        f"{model._meta.label}.{one.name}": stores.get(f"table {model._meta.label}").fields[one.name]
        for model in apps.get_models()
        for one in model._meta.get_fields()
        if isinstance(one, BinaryField)
    }
    assert of_bytes == {"vault.Blob.inline": F.SEALED, "vault.UnitKey.wrapped": F.WRAPPED_KEY}


def test_the_trail_names_the_detector_that_is_used() -> None:
    """L-04: the version a search is logged with is that of the file faces are found with."""
    assert f"{DETECTOR}.onnx" == YUNET_FILE
