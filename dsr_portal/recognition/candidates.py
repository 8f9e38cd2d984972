"""The candidates of one case, grouped so that faces of surely one person stand in one row.

Everything happens in memory, for one page: no row, no file and no vault unit is written (a test
looks into all of them), and the answer is record ids. A confined child groups them and ends with
its answer, for web processes load nothing of the library. Faces around the hits that the search
did not find are not asked for: shown, they would be candidates below the threshold; those of the
same person come by the officer loop, which has a calibrated one.
"""

import json
import logging
from collections.abc import Sequence
from typing import cast
from uuid import UUID

from dsr_portal.core.transactions import outside
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.models import ModelVersion
from dsr_portal.vault.confined import ChildFailed, run_piped

log = logging.getLogger(__name__)
GROUPER = "biometrics.grouping"
MOST_ON_A_PAGE = 400
"""Hits of one case that are grouped for a page; those after the best ones stand alone."""


@outside("Grouping candidates")
def group_hits(record_ids: Sequence[UUID]) -> tuple[tuple[UUID, ...], ...]:
    """The hits of a case, best first, in groups among themselves; in any process.

    Groups come in the order of their best hit. Where grouping fails every hit stands alone: the
    page shows the same pictures, only in another order.
    """
    hits = list(dict.fromkeys(record_ids))
    model = ModelVersion.objects.filter(active=True).first()
    stored = holders.templates_of(model, hits[:MOST_ON_A_PAGE]) if model else {}
    living = [record_id for record_id in hits if record_id in stored]
    numbers = dict(zip(living, _numbers([stored[one] for one in living]), strict=True))
    alone = len(living)
    groups: dict[int, list[UUID]] = {}
    for place, record_id in enumerate(hits):
        groups.setdefault(numbers.get(record_id, alone + place), []).append(record_id)
    return tuple(tuple(group) for group in groups.values())


def _numbers(templates: Sequence[bytes]) -> list[int]:
    """A group number for each template, made by a child of its own."""
    if len(templates) < 2:
        return list(range(len(templates)))
    joined = bytearray().join(templates)
    try:
        # A buffer, not bytes: those could not be overwritten afterwards.
        out = run_piped((GROUPER, str(len(templates[0]) // 4)), cast("bytes", joined))
        numbers = [int(number) for number in json.loads(out)]
    except (ChildFailed, ValueError, TypeError):
        log.warning("the candidates of a case could not be grouped")
        numbers = []
    finally:
        joined[:] = bytes(len(joined))
    return numbers if len(numbers) == len(templates) else list(range(len(templates)))
