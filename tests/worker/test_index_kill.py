"""kill -9 of jobs of index, keys and outbox at the end of their transaction: each done once (1b).

Kinds of job with a walk of their own are killed there; `tests/unit/test_kill_table.py` has the
table of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import messages
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from dsr_portal.recognition import group_search, services
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition.models import Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.models import Blob, UnitKey
from dsr_portal.vault.pictures import jpeg_of
from tests.support import kill_at_commit
from tests.support.gallery import PEOPLE, enrol, forget_index, own_places, random_templates
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]
IMPORTS = ("tests.support.kill_at_commit",)


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, weights_home: Path) -> Iterator[None]:
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_LEASE_SECONDS = 1
    settings.DSR_SWEEP_SECONDS = 1
    with messages.app.connection_for_write() as connection:
        for name in messages.QUEUES:
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    yield
    forget_index()


def done(kind: str) -> bool:
    rows = Job.objects.filter(kind=kind)
    return rows.exists() and not rows.exclude(state=JobState.DONE).exists()


def idle() -> bool:
    return not Job.objects.exclude(state=JobState.DONE).exists()


def test_index_keys_and_outbox_are_finished_once_though_every_commit_is_killed() -> None:
    """R26, R30: rows, files, keys and letters are as if nobody had died."""
    ids = enrol(random_templates(12))
    letter = new_id()
    heavy = running_worker("probe,search", imports=IMPORTS, env={"DSR_SHARD_ROWS": 8})
    with heavy, running_worker("light", imports=IMPORTS), running_beat():
        with unit_of_work():
            services.enqueue_seal()
            jobs.queue_effect(kind=kill_at_commit.LETTER, subject_id=letter, unique_key="one")
        until(lambda: done("recognition.seal"), what="the sealed index")
        sealed = set(Shard.objects.values_list("unit", flat=True))
        with unit_of_work():
            (number,) = services.erase_records(record_ids=ids[:1])
        until(lambda: done("recognition.graphs"), what="the rewritten shard's graph")
        (damaged,) = set(Shard.objects.values_list("unit", flat=True)) & sealed
        photo = a_photo()
        with unit_of_work():
            jobs.enqueue(
                kind="recognition.rebuild_shard", subject=damaged, idempotency_key="testing.rebuild"
            )
            group_search.ask(key="one", pictures=[(photo, "picture")], threshold=0.9)
        until(lambda: done("recognition.search_group"), what="the search")
        until(lambda: done("recognition.rebuild_shard"), what="the rebuilt shard")
        with unit_of_work():
            services.recycle_holders(number)
            jobs.enqueue(
                kind="recognition.recycle", subject="index", idempotency_key="testing.recycle"
            )
        until(lambda: done("recognition.recycle"), what="the new process")
        until(idle, what="the last job")
    assert kill_at_commit.marks() == set(kill_at_commit.POINTS)
    events = list(Event.objects.values_list("type", flat=True))
    for once in ("index.sealed", "index.rewritten", "index.rebuilt", "outbox.sent"):
        assert events.count(once) == 1, once
    assert events.count("index.recycled") == Job.objects.filter(kind="recognition.recycle").count()
    effect = Effect.objects.get(subject_id=letter)
    assert (effect.state, effect.attempts) == (EffectState.SENT, 2)
    outcome, _below = group_search.merged("one")
    assert (outcome.compared, outcome.enrolled, len(outcome.hits)) == (11, 11, 0)
    assert_index_is_whole(ids, sealed)
    assert audit.verify().ok


def a_photo() -> UUID:
    """A photo of a rendered person in the vault, as a case keeps it."""
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=new_id())
    staged.add("picture", jpeg_of(decode_picture((PEOPLE / "photos" / "mina.jpg").read_bytes())))
    with unit_of_work():
        return staged.save()


def assert_index_is_whole(ids: list[UUID], sealed: set[UUID]) -> None:
    """Eleven rows, a graph each, both first files replaced, their keys gone; nothing left over."""
    shards = {shard.unit: shard for shard in Shard.objects.all()}
    assert sum(shard.live_rows for shard in shards.values()) == len(ids) - 1
    assert len(sealed - shards.keys()) == 2
    for unit in shards:
        assert vault.has(unit, holders.GRAPH)
    for unit in sealed - shards.keys():
        assert vault.unit_state(unit) == vault.UnitState.SHREDDED
    units = UnitKey.objects.filter(kind=vault.UnitKind.INDEX_SHARD).values_list("id", flat=True)
    assert set(units) == shards.keys()
    graphs = Blob.objects.filter(field=holders.GRAPH).values_list("unit_id", flat=True)
    assert sorted(graphs) == sorted(shards)
    assert services.erasure_settled(Template.objects.get(record_id=ids[0]).erased_change or 0)
    with holders.holder().current() as held:
        assert set(held.index.ids()) == set(ids[1:])
