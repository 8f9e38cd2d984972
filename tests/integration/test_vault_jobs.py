"""Destroying as a job: ordered in the service's transaction, finished by whoever comes next."""

import threading

import pytest
from django.db import connection

from dsr_portal.audit import services as audit
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job
from dsr_portal.vault import jobs as vault_jobs
from dsr_portal.vault import keys, services
from dsr_portal.vault.kinds import UnitKind, UnitState
from tests.support.vault import use_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    yield
    keys.forget_all()


@services.retry_stale
def make(note=b"kept", kind=UnitKind.DRAFT):
    with audit.unit_of_work():
        staged = services.stage_unit(kind=kind, owner=new_id())
        staged.add("note", note)
        return staged.save()


def test_an_ordered_destruction_is_done_by_a_job():
    unit, other = make(), make()
    with audit.unit_of_work():
        services.request_shred([unit], reason="expired")
        services.enqueue_shred()
    jobs.run_due()
    assert services.unit_state(unit) == UnitState.SHREDDED
    assert services.read(other, "note") == b"kept"


def test_an_unfinished_run_is_ordered_again_once_a_minute(settings, tmp_path):
    unit = make()
    place = settings.DSR_RING[0]
    place.rename(tmp_path / "unmounted")
    with audit.unit_of_work():
        services.request_shred([unit], reason="expired")
        services.enqueue_shred()
    jobs.run_due()
    assert services.unit_state(unit) == UnitState.WAITING
    vault_jobs.resume()
    vault_jobs.resume()
    assert Job.objects.filter(state="queued").count() <= 1
    (tmp_path / "unmounted").rename(place)
    jobs.run_due()
    assert services.unit_state(unit) == UnitState.SHREDDED
    before = Job.objects.count()
    vault_jobs.resume()
    assert Job.objects.count() == before


def test_services_and_destruction_side_by_side_lose_nothing():
    """Threads make units while others of the same buckets are destroyed: every one opens."""
    made, failed = [], []
    stop = threading.Event()

    def work():
        try:
            while not stop.is_set() and len(made) < 120:
                made.append(make(new_id().bytes))
        except Exception as error:  # noqa: BLE001 - reported by the test below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    shredded = []
    try:
        for _ in range(6):
            while len(made) < 2 * len(shredded) + 4 and not failed:
                stop.wait(0.01)
            victim = next(unit for unit in made if unit not in shredded)
            assert services.shred_now([victim], "race").done
            shredded.append(victim)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    for unit in made:
        if unit in shredded:
            assert services.unit_state(unit) == UnitState.SHREDDED
        else:
            assert len(services.read(unit, "note")) == 16
