"""The candidates of one case, grouped so that faces of surely one person stand in one row.

Everything happens in memory, for one call: no row, no file and no vault unit is written (a test
looks into all of them), and the answer is record ids. The faces around the hits are known to the
process that holds the index; the hits among themselves are grouped for a page of the desk, by a
confined child that ends with its answer, for web processes load nothing of the library.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from dsr_portal.core.transactions import outside
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.fusing import padded
from dsr_portal.recognition.holder import Loaded
from dsr_portal.recognition.models import ModelVersion
from dsr_portal.vault.confined import ChildFailed, run_piped

log = logging.getLogger(__name__)
GROUPER = "biometrics.grouping"
MOST_ON_A_PAGE = 400
"""Hits of one case that are grouped for a page; those after the best ones stand alone."""


@dataclass(frozen=True, slots=True)
class CandidateGroup:
    """Faces of surely one person: `hits` of the search in its order, and faces `around` them that
    the search itself did not find (they lie under its threshold but close to a hit)."""

    hits: tuple[UUID, ...]
    around: tuple[UUID, ...]


@outside("Grouping candidates")
def group_candidates(record_ids: Sequence[UUID]) -> tuple[CandidateGroup, ...]:
    """The hits of a case's searches, best first, in groups; a hit like no other stands alone.

    Neighbours of hits come from the graphs. A face around the hits is a candidate as any other:
    two people decide it (R19). With more faces than the library groups at once, those around the
    last hits are left out.
    """
    import numpy as np

    from biometrics.grouping import MOST_FACES, group
    from biometrics.memory import wipe

    with holders.holder().current() as held:
        hits = list(dict.fromkeys(record_ids))[:MOST_FACES]
        rows, own = _templates(held, hits)
        try:
            near = _neighbours(held, rows, set(own), MOST_FACES - len(own))
            more, others = _templates(held, near)
            together = np.concatenate([rows, more])
            try:
                groups = group(together)
            finally:
                wipe(together, more)
        finally:
            wipe(rows)
    return _with_hits(groups.tolist(), own, others)


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


def _templates(held: Loaded, record_ids: Sequence[UUID]) -> tuple[Any, list[UUID]]:
    """Templates of those of the records that live, in a padded buffer, and their ids."""
    import numpy as np

    stored = holders.templates_of(held.model, record_ids)
    living = [record_id for record_id in record_ids if record_id in stored]
    buffer = padded(len(living), held.model.dimensions)
    for row, record_id in zip(buffer, living, strict=False):
        row[:] = np.frombuffer(stored[record_id], dtype="<f4")
    return buffer[: len(living)], living


def _neighbours(held: Loaded, rows: Any, known: set[UUID], most: int) -> list[UUID]:
    """Faces close to a hit that are none themselves, those of the best hits first."""
    from biometrics.grouping import EDGE

    near: dict[UUID, None] = {}
    for row in rows:
        for hit in held.index.search_graph(row, EDGE):
            if hit.id not in known and len(near) < most:
                near[hit.id] = None
    return list(near)


def _with_hits(
    groups: Iterable[int], hits: Sequence[UUID], others: Sequence[UUID]
) -> tuple[CandidateGroup, ...]:
    """Groups that hold a hit; hits come first, so groups already lie in the order of their best."""
    found: dict[int, tuple[list[UUID], list[UUID]]] = {}
    for number, (place, record_id) in zip(groups, enumerate([*hits, *others]), strict=True):
        if place < len(hits):
            found.setdefault(number, ([], []))[0].append(record_id)
        elif number in found:
            found[number][1].append(record_id)
    return tuple(CandidateGroup(tuple(own), tuple(around)) for own, around in found.values())
