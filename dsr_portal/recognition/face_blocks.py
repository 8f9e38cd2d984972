"""Faces that must not be enrolled again: compared with, never searched and never read out (E-13).

A protected code is a person's template in a frame of its own, drawn from a key of its own: it fits
neither the index nor what a person was given. It slows a thief down and hides nothing from who has
that key (R32).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.core.errors import Conflict
from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.disclosed import disclosed_templates
from dsr_portal.vault import services as vault

TURN = "blocked-face-turn"
AT_LEAST = 100
"""Faces per comparison; fewer are filled up with drawn ones, so that no call is about one face."""


@outside("Making a protected face code")
def protected_code(record_ids: Sequence[UUID]) -> tuple[bytes, str]:
    """One code for a person from the living templates of these records, and its model's name.

    Raises `Conflict` where none is left.
    """
    import numpy as np

    plain = disclosed_templates(record_ids)
    if not plain:
        raise Conflict("no_templates", _("No face code is left to make another one from."))
    mean = np.asarray(list(plain.values()), dtype=np.float64).mean(axis=0)
    code = _turn(len(mean)) @ (mean / np.linalg.norm(mean))
    return bytes(code.astype("<f4").tobytes()), model()


def model() -> str:
    """The model that serves, by the number of its row: codes of another fit nothing under it."""
    return str(engines.model_row().id.hex)


@outside("Comparing with blocked faces")
def any_of(templates: Sequence[bytes], codes: Sequence[bytes], *, threshold: float) -> list[bool]:
    """For each template as it is stored whether it is as like as `threshold` to any code."""
    import numpy as np

    if not templates or not codes:
        return [False] * len(templates)
    rows = np.stack([np.frombuffer(one, dtype="<f4") for one in templates]).astype(np.float64)
    wanted, dimension = len(rows), rows.shape[1]
    missing = max(0, AT_LEAST - wanted)
    if missing:
        drawn = np.random.default_rng().normal(size=(missing, dimension))
        rows = np.vstack([rows, drawn / np.linalg.norm(drawn, axis=1, keepdims=True)])
    known = np.stack([np.frombuffer(one, dtype="<f4") for one in codes]).astype(np.float64)
    turned = rows @ engines.turn(dimension) @ _turn(dimension).T
    alike = (turned @ known.T >= threshold).any(axis=1)
    for array in (rows, known, turned):
        array[:] = 0.0
    return [bool(one) for one in alike[:wanted]]


def _turn(dimension: int) -> Any:
    return engines.turn_of(vault.secret(TURN), dimension)
