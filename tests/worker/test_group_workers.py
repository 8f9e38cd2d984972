"""Two search workers share the shards while faces come and go: every answer is whole."""

from pathlib import Path

import numpy as np
import pytest
from kombu import Queue

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import job_kinds
from dsr_portal.jobs import messages
from dsr_portal.jobs.models import Job
from dsr_portal.recognition import group_search, groups, services
from dsr_portal.recognition import jobs as handlers
from dsr_portal.recognition.fusing import ProbeTemplate
from dsr_portal.recognition.models import GroupSearch, Holder
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.support.gallery import (
    PEOPLE,
    enrol,
    forget_index,
    near,
    own_places,
    random_templates,
)
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]
THRESHOLD = 0.8
ROUNDS = 4


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_LEASE_SECONDS = 2
    settings.DSR_SWEEP_SECONDS = 1
    settings.DSR_SEARCH_GROUPS = 2
    known = dict(job_kinds._entries)
    for name, handler in (
        ("recognition.erase", handlers.erase), ("recognition.graphs", handlers.graphs),
        ("recognition.rebuild_shard", handlers.rebuild),
        ("recognition.recycle", handlers.recycle), (group_search.PART, group_search.answer),
    ):  # fmt: skip
        kind = groups.kind(name, 1)
        job_kinds.register(type(job_kinds.get(name))(kind, groups.queue(1), handler, 20))
    # What a process started with two groups has from its beginning.
    queue = Queue(groups.queue(1), messages.app.amqp.queues["search"].exchange, groups.queue(1))
    messages.app.amqp.queues[queue.name] = queue
    with messages.app.connection_for_write() as connection:
        for name in (*messages.QUEUES, queue.name):
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    yield
    del messages.app.amqp.queues[queue.name]
    job_kinds._entries.clear()
    job_kinds._entries.update(known)
    forget_index()


def a_photo():
    """A rendered person's photo in the vault, and the template every process makes of it."""
    picture = jpeg_of(decode_picture((PEOPLE / "photos" / "mina.jpg").read_bytes()))
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=new_id())
    staged.add("picture", picture)
    with unit_of_work():
        unit = staged.save()
    with ProbeTemplate([picture]) as template:
        return unit, template.copy()


def ask(key, unit):
    with unit_of_work():
        group_search.ask(key=key, pictures=[(unit, "picture")], threshold=THRESHOLD)


def ended(key):
    return GroupSearch.objects.get(key=key).state != "RUNNING"


def workers(group):
    env = {"DSR_SHARD_ROWS": 8, "DSR_SEARCH_GROUPS": 2, "DSR_SEARCH_GROUP": group}
    return running_worker(groups.queue(group), env=env)


def test_two_groups_answer_whole_while_faces_are_added_sealed_and_erased():
    unit, template = a_photo()
    enrol(random_templates(30))
    mine = enrol(np.stack([near(template, seed=seed) for seed in range(4)]))
    with workers(0), workers(1), running_beat(env={"DSR_SEARCH_GROUPS": 2}):
        with unit_of_work():
            services.enqueue_seal()
        for number in range(ROUNDS):
            ask(f"before-{number}", unit)
            enrol(random_templates(5, seed=100 + number))
            mine += enrol(near(template, seed=50 + number)[None, :])
            with unit_of_work():
                services.enqueue_seal()
                services.erase_records(record_ids=[mine.pop(0)])
            ask(f"after-{number}", unit)
            until(lambda key=f"after-{number}": ended(key), seconds=120, what="an answer")
            outcome, _below = group_search.merged(f"after-{number}")
            assert {hit.record_id for hit in outcome.hits} == set(mine)
            assert outcome.compared == outcome.enrolled == 30 + 4 + 5 * (number + 1)
        for number in range(ROUNDS):
            until(lambda key=f"before-{number}": ended(key), what="an earlier answer")
            outcome, _below = group_search.merged(f"before-{number}")
            assert outcome.whole
        assert_both_hold_a_part()
    assert not Job.objects.filter(state="failed").exists()


def assert_both_hold_a_part():
    rows = Holder.objects.filter(state="LIVE")
    assert sorted(rows.values_list("group", flat=True)) == [0, 1]
    for row in rows:
        assert Path(f"/proc/{row.pid}").exists()
