"""Several processes add, erase, seal, rewrite and search one gallery at once: it equals the truth.

Threads share one index in memory; processes share rows, vault units and files, and each has an
index of its own that follows the others' changes (design, section 6).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import services
from dsr_portal.recognition.models import ChangeHead, Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import UnitKey
from tests.support.gallery import enrol, forget_index, near, own_places, random_templates
from tests.support.gallery import without_engine as replaced_engine
from tests.support.gallery_walker import THRESHOLD
from tests.support.workers import ROOT, environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
PROCESSES, STEPS, SECONDS = 3, 6, 400


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 5
    replaced_engine(monkeypatch)
    yield
    forget_index()


def walked() -> list[dict[str, Any]]:
    """What each process says it holds, after all of them have run at the same time."""
    program = ROOT / "tests" / "support" / "gallery_walker.py"
    running = [
        subprocess.Popen(
            [sys.executable, str(program), str(seed), str(STEPS)],
            cwd=ROOT,
            env=environment() | {"DSR_SHARD_ROWS": "5", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(1, PROCESSES + 1)
    ]
    said = []
    for process in running:
        out, error = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, error
        said.append(json.loads(out))
    return said


def rows_of(said: list[dict[str, Any]], name: str) -> dict[UUID, np.ndarray]:
    return {
        UUID(one): np.frombuffer(bytes.fromhex(row), dtype="<f4")
        for walker in said
        for one, row in walker[name].items()
    }


def test_processes_that_change_one_gallery_at_once_leave_it_equal_to_the_truth() -> None:
    first = random_templates(8, seed=7)
    truth = dict(zip(enrol(first), first, strict=True))
    services.seal_shards()
    said = walked()
    assert min(walker["whole"] for walker in said) > STEPS / 2, "searches were answered meanwhile"
    truth |= rows_of(said, "held")
    gone = rows_of(said, "gone")
    assert len(gone) >= PROCESSES
    living = Template.objects.filter(erased_change=None)
    assert set(living.values_list("record_id", flat=True)) == set(truth)
    # This process has an index from before; a new one has none. Both must give the same.
    for begin_anew in (False, True):
        if begin_anew:
            forget_index()
        for probe in (near(row, seed=3, by=0.08) for row in [*truth.values()][::5]):
            outcome = services.search_probe(picture=probe.tobytes(), threshold=THRESHOLD)
            wide = probe.astype("f8")
            scores = {one: float(np.sum(row.astype("f8") * wide)) for one, row in truth.items()}
            wanted = {one: score for one, score in scores.items() if score >= THRESHOLD}
            assert {hit.record_id: hit.score for hit in outcome.hits} == pytest.approx(wanted)
            assert (outcome.compared, outcome.enrolled) == (len(truth), len(truth))
    services.apply_erasure()
    assert services.erasure_settled(ChangeHead.objects.get().number)
    assert services.absent(
        record_ids=list(gone), templates=[row.tobytes() for row in gone.values()]
    ).gone
    # No process's file was left behind by another's: each holds templates of its own.
    jobs.run_due(queues=["search", "light"])
    units = UnitKey.objects.filter(kind=vault.UnitKind.INDEX_SHARD).values_list("id", flat=True)
    assert set(units) == set(Shard.objects.values_list("unit", flat=True))
    numbers = list(Shard.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(len(numbers)))
