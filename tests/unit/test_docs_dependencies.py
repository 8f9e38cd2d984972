"""Every direct dependency has its reason written down, and nothing else has."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "decisions" / "dependencies.md"


def test_each_direct_dependency_says_why_it_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [*project["project"]["dependencies"]]
    for group in project["dependency-groups"].values():
        named += group
    direct = {re.match(r"[A-Za-z0-9._-]+", entry)[0] for entry in named}
    told = dict(re.findall(r"^- `([^`]+)`: (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert direct == set(told)
    assert min(len(reason) for reason in told.values()) > 20
