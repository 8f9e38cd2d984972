"""Damaged files, full disks, several holders: the index is whole, or says that it is not.

Templates are random unit vectors; every answer is compared with brute force over those enrolled.
"""

import errno
import json
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from dsr_portal.audit.models import Event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.errors import Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import damage, holder, services, shards
from dsr_portal.recognition.holder import GRAPH, ROWS
from dsr_portal.recognition.models import Shard, Template
from dsr_portal.vault import files
from dsr_portal.vault import services as vault
from dsr_portal.vault.models import Blob
from tests.support.gallery import (
    enrol,
    forget_index,
    near,
    own_places,
    random_templates,
    without_engine,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

THRESHOLD = 0.3


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 16
    without_engine(monkeypatch)
    yield
    forget_index()


@pytest.fixture
def gallery():
    """Forty faces in three shards, and four in the tail."""
    rows = random_templates(44)
    ids = enrol(rows[:40])
    services.seal_shards()
    ids += enrol(rows[40:])
    return dict(zip(ids, rows, strict=True))


def search(template, threshold=THRESHOLD):
    return services.search_probe(picture=template.tobytes(), threshold=threshold)


def brute_force(held, template, threshold=THRESHOLD):
    scores = {one: float(row.astype("f8") @ template.astype("f8")) for one, row in held.items()}
    return {one for one, score in scores.items() if score >= threshold}


def assert_equals_brute_force(held):
    for seed in (1, 2):
        probe = near(next(iter(held.values())), seed=seed, by=0.06)
        outcome = search(probe)
        assert {hit.record_id for hit in outcome.hits} == brute_force(held, probe)
        assert outcome.whole
        assert outcome.enrolled == len(held)


def path_of(shard, field):
    blob = Blob.objects.filter(unit_id=shard.unit, field=field).order_by("-seq").first()
    return files.path_of(blob.file)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def damaged_events():
    found = []
    for event in Event.objects.filter(type="index.damaged").order_by("number"):
        body = json.loads(event.payload.body)
        found.append((body["shard"], body["part"], body["reason"]))
    return found


# -- damage ---------------------------------------------------------------------------------------


def flip_rows(one, _other):
    flip(path_of(one, ROWS))
    return [(1, ROWS, "vault_blob")]


def cut_rows(one, _other):
    path = path_of(one, ROWS)
    path.write_bytes(path.read_bytes()[:-100])
    return [(1, ROWS, "vault_blob")]


def delete_rows(one, _other):
    path_of(one, ROWS).unlink()
    return [(1, ROWS, "vault_file_missing")]


def swap_files(one, other):
    """Each file is sound by itself; its tags belong to the other's name."""
    first, second = path_of(one, ROWS), path_of(other, ROWS)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    return [(1, ROWS, "vault_blob"), (2, ROWS, "vault_blob")]


def swap_units(one, other):
    """The rows of the database point to each other's files."""
    spare = new_id()
    Shard.objects.filter(id=one.id).update(unit=spare)
    Shard.objects.filter(id=other.id).update(unit=one.unit)
    Shard.objects.filter(id=one.id).update(unit=other.unit)
    return [(1, ROWS, "not_its_unit"), (2, ROWS, "not_its_unit")]


def well_sealed_rubbish(one, _other):
    """What the vault gives back is no shard: the index's own checks come before its use."""
    add(one, ROWS, os.urandom(9000))
    return [(1, ROWS, "index_damaged")]


def another_shards_rows(one, other):
    add(one, ROWS, vault.read(other.unit, ROWS))
    return [(1, ROWS, "foreign_rows"), (2, ROWS, "duplicate_face")]


def flip_graph(one, _other):
    flip(path_of(one, GRAPH))
    return [(1, GRAPH, "vault_blob")]


def delete_graph(one, _other):
    path_of(one, GRAPH).unlink()
    return [(1, GRAPH, "vault_file_missing")]


def another_shards_graph(one, other):
    add(one, GRAPH, vault.read(other.unit, GRAPH))
    return [(1, GRAPH, "index_mismatch")]


def add(shard, field, data):
    staged = vault.stage_into(shard.unit)
    staged.add(field, data)
    with unit_of_work():
        staged.save()


ROW_DAMAGES = [
    flip_rows, cut_rows, delete_rows, swap_files, swap_units, well_sealed_rubbish,
    another_shards_rows,
]  # fmt: skip
GRAPH_DAMAGES = [flip_graph, delete_graph, another_shards_graph]


@pytest.mark.parametrize("harm", ROW_DAMAGES, ids=lambda harm: harm.__name__)
def test_a_damaged_shard_is_made_anew_from_the_templates(gallery, harm):
    """Found before hnswlib sees a byte, told with its reason, rebuilt; then equal to the truth."""
    expected = harm(Shard.objects.get(number=1), Shard.objects.get(number=2))
    forget_index()
    early = []
    probe = next(iter(gallery.values()))
    with pytest.raises(Unavailable, match="index_rebuilding"):
        services.search_probe(
            picture=probe.tobytes(), threshold=THRESHOLD, preliminary=early.append
        )
    assert [(one.compared, one.whole) for one in early] == [(0, False)]
    assert damaged_events() == expected
    assert jobs.run_due(queues=["search"]) == len(expected)
    row = Job.objects.filter(kind="recognition.rebuild_shard").first()
    living = Template.objects.filter(shard__number=1).count()
    assert (row.state, row.progress_done, row.progress_total) == (JobState.DONE, living, living)
    assert Event.objects.filter(type="index.rebuilt").count() == len(expected)
    assert_equals_brute_force(gallery)
    forget_index()
    assert_equals_brute_force(gallery)
    assert damaged_events() == expected


@pytest.mark.parametrize("harm", GRAPH_DAMAGES, ids=lambda harm: harm.__name__)
def test_a_damaged_graph_is_left_out_told_and_built_anew(gallery, harm):
    expected = harm(Shard.objects.get(number=1), Shard.objects.get(number=0))
    forget_index()
    assert_equals_brute_force(gallery)
    assert damaged_events() == expected
    assert search(next(iter(gallery.values()))).swept_only == 1 + 4
    assert jobs.run_due(queues=["search"]) == 1
    forget_index()
    assert search(next(iter(gallery.values()))).swept_only == 4
    assert damaged_events() == expected
    # The same file may be damaged once more.
    flip(path_of(Shard.objects.get(number=1), GRAPH))
    forget_index()
    search(next(iter(gallery.values())))
    assert len(damaged_events()) == 2
    assert jobs.run_due(queues=["search"]) == 1


def test_what_is_erased_while_its_shard_is_damaged_does_not_come_back(gallery):
    shard = Shard.objects.get(number=1)
    going = Template.objects.filter(shard=shard).first().record_id
    flip(path_of(shard, ROWS))
    forget_index()
    with unit_of_work():
        (number,) = services.erase_records(record_ids=[going])
    assert services.apply_erasure() == 1
    assert services.erasure_settled(number)
    del gallery[going]
    jobs.run_due(queues=["search"])
    forget_index()
    assert_equals_brute_force(gallery)
    assert services.absent(record_ids=[going]).gone


def test_a_shard_all_of_whose_rows_were_erased_is_rebuilt_empty(gallery):
    shard = Shard.objects.get(number=1)
    going = list(Template.objects.filter(shard=shard).values_list("record_id", flat=True))
    with unit_of_work():
        services.erase_records(record_ids=going)
    flip(path_of(shard, ROWS))
    forget_index()
    services.apply_erasure()
    assert Shard.objects.get(number=1).rows == 0
    jobs.run_due(queues=["search"])
    assert_equals_brute_force({one: row for one, row in gallery.items() if one not in going})


def test_a_template_that_cannot_be_read_ends_the_rebuild_and_no_row_is_left_out(gallery):
    shard = Shard.objects.get(number=1)
    flip(path_of(shard, ROWS))
    template = Template.objects.filter(shard=shard).first()
    blob = Blob.objects.get(unit_id=template.unit, field="template")
    Blob.objects.filter(id=blob.id).update(inline=b"\0" * len(blob.inline))
    forget_index()
    with pytest.raises(Unavailable, match="index_rebuilding"):
        search(next(iter(gallery.values())))
    with pytest.raises(vault.Damaged):
        shards.rebuild_shard(unit=shard.unit)
    assert Shard.objects.get(number=1).unit == shard.unit
    with pytest.raises(Unavailable, match="index_rebuilding"):
        search(next(iter(gallery.values())))


def test_a_look_into_damaged_files_waits_for_them(gallery):
    assert search(next(iter(gallery.values()))).whole
    flip(path_of(Shard.objects.get(number=2), ROWS))
    with pytest.raises(Unavailable, match="index_rebuilding"):
        services.absent(record_ids=[new_id()])
    jobs.run_due(queues=["search"])
    assert services.absent(record_ids=[new_id()]).rows == 40


# -- disks and memory -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EFBIG, "disk_full"),
        (errno.EROFS, "disk_read_only"),
        (errno.ENOMEM, "out_of_memory"),
        (errno.EIO, "storage_failed"),
    ],
)
def test_what_a_disk_refuses_has_a_name_and_nothing_is_lost(gallery, monkeypatch, number, code):
    def refuses(_parts):
        raise OSError(number, os.strerror(number))

    before = list(Shard.objects.values_list("unit", flat=True))
    going = next(iter(gallery))
    with unit_of_work():
        (change,) = services.erase_records(record_ids=[going])
        services.enqueue_seal()
    with monkeypatch.context() as broken:
        broken.setattr(files, "write", refuses)
        for work in (services.seal_shards, services.apply_erasure):
            with pytest.raises(Unavailable, match=code):
                work()
    assert list(Shard.objects.values_list("unit", flat=True)) == before
    assert not services.erasure_settled(change)
    probe = gallery.pop(going)
    assert search(probe, threshold=0.99).hits == ()
    assert_equals_brute_force(gallery)
    jobs.run_due(queues=["search"])
    assert services.erasure_settled(change)
    assert not Template.objects.filter(shard=None, erased_change=None).exists()
    assert_equals_brute_force(gallery)


@contextmanager
def limited(kind, amount):
    """A limit of this process that the kernel keeps, for the length of the block."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (amount, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def test_a_file_the_kernel_cuts_short_is_an_error_and_leaves_nothing_behind(gallery, monkeypatch):
    whole = files.write

    def no_room(parts):
        with limited(resource.RLIMIT_FSIZE, 1000):
            return whole(parts)

    before = sorted(Path(files.root()).glob("??/??/*"))
    with monkeypatch.context() as broken:
        broken.setattr(files, "write", no_room)
        with pytest.raises(Unavailable, match="disk_full"):
            services.seal_shards()
    assert sorted(Path(files.root()).glob("??/??/*")) == before
    assert_equals_brute_force(gallery)
    assert services.seal_shards() == 1
    assert_equals_brute_force(gallery)


def test_a_graph_the_kernel_cuts_short_is_noticed_though_hnswlib_says_nothing(gallery, monkeypatch):
    from biometrics import index_format

    whole = index_format.memory_file

    @contextmanager
    def no_room():
        with whole() as opened, limited(resource.RLIMIT_FSIZE, 4096):
            yield opened

    before = list(Shard.objects.values_list("number", "unit"))
    with monkeypatch.context() as broken:
        broken.setattr(index_format, "memory_file", no_room)
        with pytest.raises(Unavailable, match="graph_not_saved"):
            services.seal_shards()
    assert list(Shard.objects.values_list("number", "unit")) == before
    assert_equals_brute_force(gallery)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_is_read_only_is_an_error_with_a_name(gallery):
    folders = [files.root(), *files.root().glob("*"), *files.root().glob("*/*")]
    for folder in folders:
        folder.chmod(0o500)
    try:
        with pytest.raises(Unavailable, match="disk_read_only"):
            services.seal_shards()
    finally:
        for folder in folders:
            folder.chmod(0o700)
    assert services.seal_shards() == 1
    assert_equals_brute_force(gallery)


def test_a_job_the_kernel_gives_no_memory_is_tried_again_and_nothing_is_lost(gallery, settings):
    forget_index()
    settings.DSR_SHARD_ROWS = 1 << 18
    more = random_templates(2, seed=60)
    gallery.update(zip(enrol(more), more, strict=True))
    with unit_of_work():
        services.enqueue_seal()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with limited(resource.RLIMIT_AS, used + (16 << 20)):
        assert jobs.run_due(limit=1, queues=["search"]) == 1
    job = Job.objects.get(kind="recognition.seal")
    assert (job.state, job.error_code) == (JobState.READY, "out_of_memory")
    assert not holder.holder().is_loaded()
    assert services.seal_shards() > 0
    assert_equals_brute_force(gallery)


def test_without_memory_to_load_a_job_waits_and_the_next_one_serves(gallery, monkeypatch):
    forget_index()

    def none_left(*_):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(damage, "read_rows", none_left)
        with pytest.raises(Unavailable, match="out_of_memory"):
            search(next(iter(gallery.values())))
    assert not holder.holder().is_loaded()
    assert_equals_brute_force(gallery)


def test_an_addition_that_breaks_off_half_way_leaves_no_half_index(gallery, monkeypatch):
    search(next(iter(gallery.values())))
    more = random_templates(3, seed=50)
    ids = enrol(more)

    def none_left(*_):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(holder, "add_rows", none_left)
        with pytest.raises(Unavailable, match="out_of_memory"):
            search(more[0])
    gallery.update(zip(ids, more, strict=True))
    assert_equals_brute_force(gallery)


def test_a_graph_cut_short_by_hnswlib_is_noticed_and_nothing_is_committed(gallery, monkeypatch):
    """A truncated save raises nothing in hnswlib; the check after it does."""
    from biometrics import index_format

    whole = index_format.read_all
    before = list(Shard.objects.values_list("number", "unit"))
    with monkeypatch.context() as broken:
        broken.setattr(index_format, "read_all", lambda descriptor: whole(descriptor)[:-7])
        with pytest.raises(Unavailable, match="graph_not_saved"):
            services.seal_shards()
    assert list(Shard.objects.values_list("number", "unit")) == before
    assert services.seal_shards() == 1
    assert_equals_brute_force(gallery)


def test_scores_at_the_threshold_stay_exact_through_files(gallery):
    probe = near(next(iter(gallery.values())), by=0.06)
    scores = sorted(float(np.dot(row.astype("f8"), probe.astype("f8"))) for row in gallery.values())
    for score in scores[-3:]:
        for threshold in (score - 1e-7, score + 1e-7):
            forget_index()
            found = {hit.record_id for hit in search(probe, threshold).hits}
            assert found == brute_force(gallery, probe, threshold)


def test_health_tells_a_damaged_shard_until_it_is_rebuilt(gallery, capsys):
    flip(path_of(Shard.objects.get(number=1), ROWS))
    forget_index()
    with pytest.raises(Unavailable, match="index_rebuilding"):
        search(next(iter(gallery.values())))
    with pytest.raises(SystemExit):
        call_command("index_health")
    assert "1 damaged shards are being rebuilt; searches wait." in capsys.readouterr().out
    Job.objects.filter(kind=damage.REBUILD).update(state=JobState.FAILED)
    with pytest.raises(SystemExit):
        call_command("index_health", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["failed"], told["rebuilding"], told["shards"], told["unsealed"]) == (1, 0, 3, 4)
    Job.objects.filter(kind=damage.REBUILD).update(state=JobState.READY)
    jobs.run_due(queues=["search"])
    call_command("index_health")
    assert "damaged" not in capsys.readouterr().out
