"""What integration tests share."""

import pytest

from tests.support.travel import Travel


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """A Thursday; its month ends on Saturday 10 October 2026, so the last day is Monday 12."""
    return Travel(monkeypatch, "2026-09-10")
