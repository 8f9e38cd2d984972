"""A search worker that held erased templates ends; the next search waits for its successor."""

import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.jobs import messages
from dsr_portal.jobs.models import Job
from dsr_portal.jobs.services import enqueue
from dsr_portal.recognition import services
from dsr_portal.recognition.models import Holder, Shard
from tests.support.gallery import enrol, forget_index, own_places, random_templates
from tests.support.workers import running_beat, running_worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db, pytest.mark.broker]


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    # Nobody is killed here: no lease has to run out, and on a busy machine none does by itself.
    settings.DSR_LEASE_SECONDS = 20
    with messages.app.connection_for_write() as connection:
        for name in messages.QUEUES:
            connection.default_channel.queue_declare(queue=name, durable=True)
            connection.default_channel.queue_purge(name)
    yield
    forget_index()


def seal(number):
    with unit_of_work():
        return enqueue(kind="recognition.seal", subject="index", idempotency_key=f"seal:{number}")


def done(job):
    return Job.objects.get(id=job.id).state == "done"


def test_the_process_ends_after_its_job_and_another_one_takes_over():
    """Design, section 6: VERIFIED in memory only when the holder has been recycled."""
    ids = enrol(random_templates(12))
    # A job that has to be tried again is sent again by the beat, here as in any installation.
    beside = {"DSR_SHARD_ROWS": 8}
    with running_beat(), running_worker("probe,search", env=beside) as worker:
        first = seal(1)
        until(lambda: done(first), what="sealing")
        assert Shard.objects.count() == 2
        (child,) = worker.children()
        assert Holder.objects.get().pid == child
        with unit_of_work():
            (number,) = services.erase_records(record_ids=ids[:1])
        until(lambda: services.erasure_settled(number), what="the rewrite")
        until(lambda: services.holders_applied(number), what="the change")
        assert not services.holders_recycled(number)
        with unit_of_work():
            assert services.recycle_holders(number) == 1
        until(lambda: services.holders_recycled(number), what="the end of the process")
        assert Holder.objects.get(pid=child).state == "GONE"
        enrol(random_templates(3, seed=5))
        second = seal(2)
        until(lambda: done(second), what="work of the next process")
        (successor,) = worker.children()
        assert successor != child
        assert worker.log().count("its memory is given back") == 1
        assert "WorkerLostError" not in worker.log()
        assert "Traceback" not in worker.log()
        assert not Job.objects.filter(kind__startswith="recognition.", state="failed").exists()
        assert services.holders_recycled(number)
        row = Holder.objects.get(pid=successor)
        assert row.loaded_change >= number
