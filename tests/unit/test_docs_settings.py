"""docs/settings.md names every variable the code reads, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = re.compile(r'env\.(?:text|flag|number|words|folder|folders)\(\s*"([A-Z_]+)"')
BRAND = {"DSR_BRAND", "DSR_BRAND_DARK", "DSR_LINK", "DSR_LINK_DARK"}


def variables_read() -> set[str]:
    found = {"DATABASE_URL"} | BRAND
    for module in (ROOT / "dsr_portal" / "settings").glob("*.py"):
        found |= set(READ.findall(module.read_text()))
    return found


def variables_documented() -> set[str]:
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_variable_is_documented_and_every_documented_one_is_read():
    assert "CELERY_BROKER_URL" in variables_read()
    assert variables_read() == variables_documented()


def test_only_env_reads_the_environment():
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "dsr_portal").rglob("*.py")
        if re.search(r"os\.(environ|getenv)", path.read_text())
    ]
    allowed = {
        "dsr_portal/settings/test.py",
        "dsr_portal/wsgi.py",
        "dsr_portal/celery.py",
    }
    assert set(readers) - allowed == set(), "settings/env.py alone reads the environment"
