"""What the controller wrote about a picture where it found it, read back from the vault."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from dsr_portal.vault import services as vault


def facts_of(unit: UUID, field: str) -> Mapping[str, Any]:
    """The facts, empty where they were destroyed while the others were being read."""
    try:
        return dict(vault.read_json(unit, field))
    except (vault.Shredded, vault.UnknownUnit):
        return {}
