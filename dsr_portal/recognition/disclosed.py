"""Templates as a person gets them: out of the installation's frame (R32; law A-03, A-04)."""

from collections.abc import Sequence
from uuid import UUID

from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.models import Template
from dsr_portal.vault import services as vault

_FIELD = "template"


@outside("Reading templates")
def disclosed_templates(record_ids: Sequence[UUID]) -> dict[UUID, list[float]]:
    """The living template of each record, unturned: 128 numbers of unit length.

    Stored is `turn @ v` with the secret orthogonal matrix; the transpose gives v back. What
    leaves never lies in the frame in which templates are stored and searched.
    """
    import numpy as np

    turn = engines.turn(engines.entry().dimension)
    rows = Template.objects.filter(
        record_id__in=list(record_ids), erased_change=None, model__active=True
    )
    given: dict[UUID, list[float]] = {}
    for record_id, unit in rows.values_list("record_id", "unit"):
        stored = np.frombuffer(vault.read(unit, _FIELD), dtype="<f4").astype(np.float64)
        plain = stored @ turn
        given[record_id] = [round(float(value), 7) for value in plain / np.linalg.norm(plain)]
    return given
