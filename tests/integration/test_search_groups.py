"""Several groups of shards, one job each: whole only when all of them answered (design, section 6).

One process plays every group in turn, as its setting says; real processes are in tests/worker.
"""

from functools import partial

import numpy as np
import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.errors import Conflict, Unavailable
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import runner
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import group_search, groups, holder, services
from dsr_portal.recognition.models import GroupSearch, Shard
from dsr_portal.vault import services as vault
from tests.support import grouped
from tests.support.gallery import (
    enrol,
    near,
    own_places,
    random_templates,
    without_engine,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
GROUPS = 3
THRESHOLD = 0.2


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 8
    settings.DSR_SEARCH_GROUPS = GROUPS
    without_engine(monkeypatch)
    with grouped.registered(GROUPS):
        yield


@pytest.fixture
def as_group(settings):
    return partial(grouped.become, settings)


def work(group, limit=None):
    """What a worker of the group's queue would do now."""
    ran = 0
    while limit is None or ran < limit:
        job_id = runner.leases.due_jobs([groups.queue(group)]).values_list("id", flat=True).first()
        if job_id is None:
            break
        ran += runner.run(job_id)
    return ran


def a_probe(template):
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=new_id())
    staged.add("picture", template.tobytes())
    with unit_of_work():
        return staged.save()


def ask(key, template, **more):
    unit = a_probe(template)
    with unit_of_work():
        return group_search.ask(key=key, pictures=[(unit, "picture")], threshold=THRESHOLD, **more)


def sealed_gallery(count):
    rows = random_templates(count)
    ids = enrol(rows)
    services.seal_shards()
    return dict(zip(ids, rows, strict=True))


def brute_force(held, template):
    return {
        one for one, row in held.items()
        if float(np.dot(row.astype("f8"), template.astype("f8"))) >= THRESHOLD
    }  # fmt: skip


def test_sealing_deals_shards_to_groups_and_the_open_one_stays_with_the_tail(as_group):
    """44 rows: five full shards of eight, one of four that group 0 fills up later."""
    sealed_gallery(44)
    rows = dict(Shard.objects.values_list("number", "rows"))
    (open_shard,) = [number for number, count in rows.items() if count == 4]
    assert groups.of_shard(open_shard) == 0
    assert sorted(rows) == [0, 1, 2, 3, 4, 6]
    held = {}
    for group in groups.every():
        with as_group(group), holder.holder().current() as loaded:
            held[group] = set(loaded.numbers)
            assert loaded.index.tail_rows == 0
    assert held == {0: {0, 3, 6}, 1: {1, 4}, 2: {2}}
    enrol(random_templates(12, seed=8))
    assert services.seal_shards() == 2
    rows = dict(Shard.objects.values_list("number", "rows"))
    assert rows == dict.fromkeys(range(7), 8)


def test_its_row_names_the_photo_and_holds_nothing_of_it():
    """Section 5: unit and field, no template; each group opens the photo itself."""
    template = random_templates(1)[0]
    unit = a_probe(template)
    confirmed = enrol(template[None, :])
    with unit_of_work():
        group_search.ask(
            key="case", pictures=[(unit, "picture")], threshold=THRESHOLD, confirmed=confirmed
        )
    row = GroupSearch.objects.get()
    assert row.pictures == [[str(unit), "picture"]]
    assert row.confirmed == [str(record_id) for record_id in confirmed]


def test_the_last_group_merges_and_before_it_nothing_is_claimed(as_group):
    held = sealed_gallery(44)
    more = random_templates(3, seed=30)
    held.update(zip(enrol(more), more, strict=True))
    probe = near(next(iter(held.values())), by=0.06)
    ask("case", probe, nearest=4, then=("recognition.graphs", new_id()))
    assert group_search.waiting_for("case") == [0, 1, 2]
    for group in (1, 0):
        with as_group(group):
            assert work(group) == 1
    assert group_search.waiting_for("case") == [2]
    with pytest.raises(Unavailable, match="search_waits"):
        group_search.merged("case")
    assert not Job.objects.filter(kind="recognition.graphs").exists()
    with as_group(2):
        assert work(2) == 1
    outcome, below = group_search.merged("case")
    assert {hit.record_id for hit in outcome.hits} == brute_force(held, probe)
    assert [hit.score for hit in outcome.hits] == sorted(
        (hit.score for hit in outcome.hits), reverse=True
    )
    assert (outcome.compared, outcome.enrolled, outcome.whole) == (47, 47, True)
    scores = sorted(float(np.dot(r.astype("f8"), probe.astype("f8"))) for r in held.values())
    under = [score for score in scores if score < THRESHOLD][::-1]
    assert np.allclose([hit.score for hit in below], under[:4], atol=1e-6)
    # Whoever asked is told once, by a job.
    assert Job.objects.filter(kind="recognition.graphs").count() == 1
    group_search.forget("case")
    assert not GroupSearch.objects.exists()


def test_rows_sealed_between_two_groups_are_not_missed_all_are_asked_again(as_group):
    """Group 1 answers, then the tail becomes its shard: it never saw those rows."""
    held = sealed_gallery(8)
    more = random_templates(16, seed=30)
    held.update(zip(enrol(more), more, strict=True))
    ask("case", more[9])
    for group in (1, 2):
        with as_group(group):
            assert work(group) == 1
    with as_group(0):
        assert services.seal_shards() == 2
        assert work(0) == 1 + 1
    search = GroupSearch.objects.get()
    assert (search.state, search.round) == ("RUNNING", 2)
    for group in (1, 2):
        with as_group(group):
            work(group)
    outcome, _below = group_search.merged("case")
    assert {hit.record_id for hit in outcome.hits} == brute_force(held, more[9])
    assert (outcome.compared, outcome.enrolled) == (24, 24)


def test_a_group_that_lost_a_row_makes_the_whole_incomplete_and_it_says_so(as_group, monkeypatch):
    sealed_gallery(24)
    monkeypatch.setattr(holder, "enrolled", lambda model, applied: 99)
    ask("case", random_templates(1)[0])
    for _round in range(group_search.MOST_ROUNDS):
        for group in groups.every():
            with as_group(group):
                work(group)
    assert GroupSearch.objects.get().state == "INCOMPLETE"
    with pytest.raises(Conflict, match="search_incomplete"):
        group_search.merged("case")


def test_an_erasure_reaches_every_group(as_group):
    held = sealed_gallery(32)
    going = list(held)[:20]
    with unit_of_work():
        number = services.erase_records(record_ids=going)[-1]
    for group in groups.every():
        assert not services.erasure_settled(number)
        with as_group(group):
            work(group)
    assert services.erasure_settled(number)
    for one in going:
        del held[one]
    ask("after", next(iter(held.values())))
    for group in groups.every():
        with as_group(group):
            work(group)
    outcome, _below = group_search.merged("after")
    assert {hit.record_id for hit in outcome.hits} == brute_force(held, next(iter(held.values())))
    assert outcome.compared == 12


def test_a_group_takes_only_its_own_part(as_group):
    sealed_gallery(16)
    ask("case", random_templates(1)[0])
    part = GroupSearch.objects.get().parts.get(group=1)
    job = Job.objects.get(subject=str(part.id))
    runner.run(job.id)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "wrong_group")
    assert group_search.waiting_for("case") == [0, 1, 2]


def test_a_search_of_one_process_is_refused_where_groups_share_the_shards():
    """It would compare a part and count a part: N of N of the wrong N."""
    sealed_gallery(16)
    with pytest.raises(Unavailable, match="search_in_groups"):
        services.search_probe(picture=random_templates(1)[0].tobytes(), threshold=THRESHOLD)


def test_with_one_group_the_same_way_leads_to_the_same_answer(settings):
    settings.DSR_SEARCH_GROUPS = 1
    held = sealed_gallery(20)
    probe = next(iter(held.values()))
    ask("case", probe)
    with pytest.raises(Unavailable, match="search_waits"):
        group_search.merged("case")
    assert work(0) == 1
    outcome, _below = group_search.merged("case")
    direct = services.search_probe(picture=probe.tobytes(), threshold=THRESHOLD)
    assert outcome.hits == direct.hits
    assert (outcome.compared, outcome.enrolled) == (direct.compared, direct.enrolled)
