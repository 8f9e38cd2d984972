"""docs/commands.md names every command of the portal, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_command_is_documented_and_every_documented_one_exists():
    there = {
        path.stem
        for path in (ROOT / "dsr_portal").glob("*/management/commands/*.py")
        if path.stem != "__init__"
    }
    page = (ROOT / "docs" / "commands.md").read_text()
    named = {
        re.split(r"[ `]", cell)[0]
        for row in page.splitlines()
        if row.startswith("| `")
        for cell in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
    assert "import_gallery" in there
    assert there == named
