"""The index of a process follows the rows: found, proved, erased, loaded again (design, 6).

Templates here are random unit vectors; the engine and real faces are in tests/engine.
"""

import os

import numpy as np
import pytest

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.errors import InsideTransaction, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import changes, processes, services, shards
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition.holder import holder
from dsr_portal.recognition.models import Change, Holder, ModelVersion, Shard, Template
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitState
from tests.support.gallery import (
    enrol,
    forget_index,
    near,
    own_places,
    random_templates,
    without_engine,
)
from tests.support.workers import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 8
    without_engine(monkeypatch)
    yield
    forget_index()


def search(template, threshold=0.5, **more):
    return services.search_probe(picture=template.tobytes(), threshold=threshold, **more)


def erase(*record_ids):
    with unit_of_work():
        return services.erase_records(record_ids=list(record_ids))


def work():
    return jobs.run_due(queues=["search"])


def test_every_face_is_compared_and_n_is_counted_from_the_rows():
    """R15, first claim: N of N."""
    rows = random_templates(20)
    ids = enrol(rows)
    outcome = search(near(rows[3]))
    assert [hit.record_id for hit in outcome.hits] == [ids[3]]
    assert (outcome.compared, outcome.enrolled, outcome.whole) == (20, 20, True)
    assert (outcome.found_by_graph, outcome.added_by_sweep, outcome.swept_only) == (0, 1, 20)
    assert outcome.applied_change == 20


def test_a_restriction_is_followed_too_and_the_face_is_still_found():
    """Art. 18: a restricted record is found for its person; others' use of it is barred."""
    rows = random_templates(3)
    ids = enrol(rows)
    assert search(rows[0]).applied_change == 3
    with unit_of_work():
        (number,) = services.record_changes(kind="RESTRICT", record_ids=[ids[0]])
    assert not services.holders_applied(number)
    outcome = search(rows[0])
    assert (outcome.applied_change, [hit.record_id for hit in outcome.hits]) == (4, [ids[0]])
    assert services.holders_applied(number)
    with holder().current() as held:
        assert held.index.applied_change == number


def test_an_index_that_lost_a_row_is_not_whole():
    """The proof can fail: N comes from the rows, not from the index."""
    rows = random_templates(5)
    ids = enrol(rows)
    with holder().current() as held:
        held.index.erase([ids[0]])
    outcome = search(rows[1])
    assert (outcome.compared, outcome.enrolled, outcome.whole) == (4, 5, False)


def test_sealed_shards_are_found_by_hnswlib_before_the_sweep():
    rows = random_templates(20)
    ids = enrol(rows)
    with unit_of_work():
        services.enqueue_seal()
    assert work() == 1
    assert list(Shard.objects.order_by("number").values_list("number", "rows")) == [
        (0, 8), (1, 8), (2, 4),
    ]  # fmt: skip
    early = []
    outcome = search(near(rows[3]), preliminary=early.append)
    (first,) = early
    assert [hit.record_id for hit in first.hits] == [ids[3]]
    assert (first.compared, first.found_by_graph) == (0, 1)
    assert [hit.found_by for hit in outcome.hits] == ["hnswlib"]
    assert (outcome.found_by_graph, outcome.added_by_sweep, outcome.swept_only) == (1, 0, 0)


def test_a_fresh_process_sweeps_before_all_its_graphs_are_loaded(monkeypatch):
    """Issue 4: the sweep after a start waits for no graph; until one is there its shard is said
    to be swept only, and no graph that lies in a file is built anew."""
    rows = random_templates(40)
    ids = enrol(rows)
    with unit_of_work():
        services.enqueue_seal()
    work()
    forget_index()
    monkeypatch.setattr("dsr_portal.recognition.holder.GRAPHS_AT_START", 1)
    monkeypatch.setattr("dsr_portal.recognition.holder._BREATH_SECONDS", 0.2)
    monkeypatch.setattr("biometrics.index.graphs.ShardGraph.build", None)
    outcome = search(near(rows[3]))
    assert [hit.record_id for hit in outcome.hits] == [ids[3]]
    assert (outcome.compared, outcome.whole) == (40, True)
    assert outcome.swept_only > 0
    until(lambda: search(near(rows[3])).swept_only == 0, what="the last graph")
    assert [search(near(row)).found_by_graph for row in rows[::8]] == [1] * 5


def test_graphs_that_are_not_loaded_yet_are_taken_from_their_files(monkeypatch):
    rows = random_templates(24)
    enrol(rows)
    with unit_of_work():
        services.enqueue_seal()
    work()
    forget_index()
    monkeypatch.setattr("dsr_portal.recognition.holder.GRAPHS_AT_START", 0)
    monkeypatch.setattr("dsr_portal.recognition.holder._BREATH_SECONDS", 60.0)
    monkeypatch.setattr("biometrics.index.graphs.ShardGraph.build", None)
    assert search(near(rows[3])).swept_only == 3
    assert shards.build_graphs() == 0
    assert search(near(rows[3])).swept_only == 0


def test_a_fresh_process_loads_shards_graphs_and_the_tail():
    rows = random_templates(20)
    ids = enrol(rows[:17])
    services.seal_shards()
    ids += enrol(rows[17:])
    forget_index()
    outcome = search(rows[18])
    assert [hit.record_id for hit in outcome.hits] == [ids[18]]
    assert (outcome.compared, outcome.swept_only) == (20, 3)
    assert [hit.found_by for hit in search(rows[2]).hits] == ["hnswlib"]


def test_a_shard_that_is_not_full_is_filled_and_its_old_file_goes():
    rows = random_templates(14)
    enrol(rows[:4])
    services.seal_shards()
    old = Shard.objects.get().unit
    enrol(rows[4:])
    assert services.seal_shards() == 2
    assert list(Shard.objects.order_by("number").values_list("rows", flat=True)) == [8, 6]
    assert Shard.objects.get(number=0).unit != old
    jobs.run_due(queues=["light"])
    assert vault.unit_state(old) == UnitState.SHREDDED
    assert not Template.objects.filter(shard=None).exists()
    assert services.seal_shards() == 0


def test_rows_of_a_shard_lie_in_no_order_of_enrolment():
    """Design, section 6: a position tells nothing about who was enrolled together."""
    rows = random_templates(8)
    orders = set()
    for _attempt in range(3):
        ids = enrol(rows)
        services.seal_shards()
        number = Shard.objects.count() - 1
        data = vault.read(Shard.objects.get(number=number).unit, "rows")
        positions = [data.find(one.bytes) for one in ids]
        orders.add(tuple(np.argsort(positions).tolist()))
    assert len(orders) > 1


def test_what_is_erased_is_in_no_later_search_even_before_the_files_are_written():
    rows = random_templates(12)
    ids = enrol(rows)
    services.seal_shards()
    assert search(rows[2]).hits
    (number,) = erase(ids[2])
    outcome = search(rows[2])
    assert not outcome.hits
    assert (outcome.compared, outcome.enrolled, outcome.applied_change) == (11, 11, number)
    assert not services.erasure_settled(number)


def test_a_process_that_starts_before_the_files_are_written_never_finds_it():
    rows = random_templates(12)
    ids = enrol(rows)
    services.seal_shards()
    (number,) = erase(ids[2])
    forget_index()
    outcome = search(rows[2])
    assert not outcome.hits
    assert outcome.whole
    assert Holder.objects.get().loaded_change < number


def test_an_erasure_rewrites_the_touched_shards_only_under_a_new_key():
    """Design, section 6: rows overwritten, graphs dropped, files rewritten, old ones shredded."""
    rows = random_templates(16)
    ids = enrol(rows)
    services.seal_shards()
    before = dict(Shard.objects.values_list("number", "unit"))
    number = erase(ids[0], ids[3])[-1]
    templates = [rows[0].tobytes(), rows[3].tobytes()]
    found = services.absent(record_ids=[ids[0], ids[3]], templates=templates)
    # Memory follows at once; the file still holds both, twice each: in its rows and its graph.
    assert (found.ids_in_memory, found.templates_in_memory) == (0, 0)
    assert (found.ids_in_files, found.templates_in_files, found.gone) == (2, 4, False)
    assert work() == 2
    after = dict(Shard.objects.values_list("number", "unit"))
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)
    assert services.erasure_settled(number)
    assert services.holders_applied(number)
    found = services.absent(record_ids=[ids[0], ids[3]], templates=templates)
    assert (found.gone, found.shards, found.rows) == (True, 2, 14)
    jobs.run_due(queues=["light"])
    assert vault.unit_state(before[0]) == UnitState.SHREDDED
    assert search(rows[1]).hits[0].found_by == "hnswlib"
    assert {event.type for event in Event.objects.filter(type__startswith="index.")} == {
        "index.sealed", "index.rewritten",
    }  # fmt: skip


def test_a_shard_may_lose_its_last_row():
    rows = random_templates(10)
    ids = enrol(rows)
    services.seal_shards()
    erase(*ids)
    work()
    assert search(rows[0]).compared == 0
    forget_index()
    assert search(rows[0]).whole
    more = enrol(random_templates(3, seed=9))
    services.seal_shards()
    forget_index()
    assert search(random_templates(3, seed=9)[1]).hits[0].record_id == more[1]


def test_an_erasure_is_numbered_once_and_only_what_has_a_template():
    rows = random_templates(3)
    ids = enrol(rows)
    first = erase(ids[1], new_id())
    assert first == [4]
    assert erase(ids[1]) == first
    assert Change.objects.filter(kind="ERASE").count() == 1


def test_a_killed_rewrite_is_done_by_the_next_attempt(monkeypatch):
    rows = random_templates(12)
    ids = enrol(rows)
    services.seal_shards()
    (number,) = erase(ids[4])

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(shards, "_stage", dies)
        with pytest.raises(KeyboardInterrupt):
            services.apply_erasure()
    assert not services.erasure_settled(number)
    forget_index()
    assert services.apply_erasure() == 1
    assert services.erasure_settled(number)
    assert services.apply_erasure() == 0


def test_results_of_a_lost_lease_are_refused_and_memory_is_loaded_again():
    rows = random_templates(12)
    enrol(rows)

    def lost():
        raise jobs.LeaseLost("lease_lost", "")

    with pytest.raises(jobs.LeaseLost):
        services.seal_shards(commit=lost)
    assert not Shard.objects.exists()
    assert not holder().is_loaded()
    assert search(rows[0]).compared == 12


def test_a_damaged_graph_is_left_out_and_the_sweep_still_proves():
    rows = random_templates(12)
    ids = enrol(rows)
    services.seal_shards()
    staged = vault.stage_into(Shard.objects.get(number=0).unit)
    staged.add("graph", os.urandom(5000))
    with unit_of_work():
        staged.save()
    forget_index()
    outcome = search(rows[0])
    assert [(hit.record_id, hit.found_by) for hit in outcome.hits] == [(ids[0], "sweep")]
    assert outcome.swept_only == 1
    assert services.build_graphs() == 1
    forget_index()
    assert search(rows[0]).hits[0].found_by == "hnswlib"


def test_what_is_asked_meanwhile_goes_before_the_next_graph():
    """An erasure that touches ten shards must not keep searches waiting for ten graphs."""
    ids = enrol(random_templates(24))
    services.seal_shards()
    erase(ids[0], ids[8], ids[16])
    assert jobs.run_due(limit=1, queues=["search"]) == 1
    with holder().current() as held:
        without = [at for at in range(3) if not held.index.has_graph(at)]
    assert without == [0, 1, 2]
    with unit_of_work():
        services.enqueue_seal()
    assert jobs.run_due(limit=2, queues=["search"]) == 2
    assert Job.objects.get(kind="recognition.seal").state == JobState.DONE
    with holder().current() as held:
        assert [at for at in range(3) if not held.index.has_graph(at)] == [1, 2]
    work()
    with holder().current() as held:
        assert all(held.index.has_graph(at) for at in range(3))


def test_the_nearest_below_are_best_first_and_under_the_threshold():
    """R19: what the second person looks at when nothing was found."""
    rows = random_templates(30)
    probe = near(rows[5], by=0.08)
    enrol(rows)
    exact = np.sort(rows.astype(np.float64) @ probe.astype(np.float64))[::-1]
    found = services.search_probe(picture=probe.tobytes(), threshold=0.99, nearest=4).nearest
    assert np.allclose([hit.score for hit in found], exact[:4], atol=1e-6)


def test_several_pictures_are_fused_into_one_mean():
    rows = random_templates(10)
    rows[1] = near(rows[0], by=0.08)
    ids = enrol(rows)
    mean = rows[0].astype(np.float64) + rows[1]
    mean /= np.linalg.norm(mean)
    outcome = search(rows[0], threshold=0.6, more=[rows[1].tobytes()])
    assert {hit.record_id for hit in outcome.hits} == {ids[0], ids[1]}
    assert outcome.hits[0].score == pytest.approx(float(mean @ rows[0]), abs=1e-5)


def test_another_processes_shards_are_noticed():
    rows = random_templates(12)
    enrol(rows)
    services.seal_shards()
    assert search(rows[0]).whole
    shard = Shard.objects.get(number=1)
    staged = vault.stage_unit(kind=vault.UnitKind.INDEX_SHARD, owner=shard.id)
    staged.add("rows", vault.read(shard.unit, "rows"))
    with unit_of_work():
        shard.unit = staged.save()
        shard.save()
    before = holder()._loaded
    assert search(rows[0]).whole
    assert holder()._loaded is not before


def test_templates_of_another_model_are_never_mixed():
    enrol(random_templates(3))
    ModelVersion.objects.update(weights_sha256="ef" * 32)
    with pytest.raises(Unavailable, match="model_not_active"):
        engines.model_row()
    with pytest.raises(Unavailable, match="model_not_active"):
        search(random_templates(1)[0])


def test_nothing_of_the_index_runs_inside_a_transaction():
    enrol(random_templates(1))
    for call in (
        lambda: search(random_templates(1)[0]),
        services.seal_shards,
        services.apply_erasure,
        lambda: services.absent(record_ids=[]),
    ):
        with pytest.raises(InsideTransaction), unit_of_work():
            call()


# -- numbers and holders --------------------------------------------------------------------------


def test_changes_are_one_sequence_without_gaps():
    with pytest.raises(RuntimeError):
        changes.draw("ENROL", [new_id()])
    with unit_of_work():
        assert changes.draw("ENROL", [new_id(), new_id()]) == [1, 2]
    with pytest.raises(ZeroDivisionError), unit_of_work():
        assert changes.draw("ERASE", [new_id()])[0] / 0
    with unit_of_work():
        assert changes.draw("LIFT", [new_id()]) == [3]
    assert changes.head_number() == 3


def a_holder(**values):
    now = Holder(
        host=processes.this_host(),
        pid=os.getpid(),
        process_started=processes.started_at(os.getpid()),
    )
    from dsr_portal.core import clock

    now.started_at = now.lease_until = clock.real_now()
    for name, value in values.items():
        setattr(now, name, value)
    now.save()
    return now


def test_a_holder_counts_until_its_process_is_seen_gone():
    """Design, section 6: also one whose lease ran out."""
    row = a_holder(applied_change=4, loaded_change=4)
    assert services.holders_applied(4)
    assert not services.holders_applied(5)
    Holder.objects.filter(id=row.id).update(applied_change=5)
    assert services.holders_applied(5)
    assert not services.holders_recycled(5)
    Holder.objects.filter(id=row.id).update(process_started="another boot:1")
    assert services.holders_recycled(5)
    assert Holder.objects.get().state == "GONE"


def test_a_holder_on_another_machine_is_never_taken_for_gone():
    a_holder(host="elsewhere", pid=1, applied_change=1)
    assert not services.holders_applied(2)


def test_recycling_here_drops_the_memory_and_claims_no_more():
    """A command or test can't end itself: its memory stays unproved until its process is gone."""
    rows = random_templates(4)
    ids = enrol(rows)
    search(rows[0])
    (number,) = erase(ids[0])
    work()
    with unit_of_work():
        assert services.recycle_holders(number) == 1
    assert work() == 1
    assert not holder().is_loaded()
    assert not services.holders_recycled(number)
    assert search(rows[1]).whole


def test_a_scan_sees_its_canary_and_a_planted_template():
    """R30: a scan that can't find anything proves nothing."""
    planted = random_templates(64, seed=11)
    needles = services.needles_of(planted[40].tobytes())
    seen = services.scan_holder(needles=needles)
    assert seen.canary_found
    assert seen.total >= 1
    strange = services.needles_of(random_templates(1, seed=99)[0].tobytes())
    del planted
    assert services.scan_holder(needles=strange[2:6]).canary_found
