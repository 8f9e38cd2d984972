"""docs/events.md is what the registered event types are (law L-01 to L-18)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from dsr_portal.audit.management.commands.list_events import markdown
from dsr_portal.audit.schema import Code, EventType, Many
from dsr_portal.core.registries import event_types

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "events.md"


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
