"""Which model made a template: searches never mix two of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelId:
    """Everything that changes the numbers of a template, apart from the secret turn."""

    name: str
    weights_sha256: str
    alignment_version: str
    mean_face_sha256: str

    def __str__(self) -> str:
        return "/".join(
            (self.name, self.weights_sha256, self.alignment_version, self.mean_face_sha256)
        )

    @property
    def digest(self) -> bytes:
        """32 bytes that stand for this model in file headers."""
        return hashlib.sha256(str(self).encode()).digest()

    @property
    def short(self) -> str:
        """A name for pages and the trail, e.g. ``SFace-3f9a12c0``."""
        return f"{self.name}-{self.digest.hex()[:8]}"
