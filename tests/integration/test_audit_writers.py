"""Many writers at once: no event is lost, no number twice, the chain verifies (R29)."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection

from dsr_portal.audit import services
from dsr_portal.audit.models import Event
from dsr_portal.core.errors import NotFound
from tests.support.trail import OFFICER

WRITERS = 12
UNITS = 15


def write(failures: list[BaseException], start: threading.Barrier) -> None:
    try:
        start.wait()
        for unit in range(UNITS):
            try:
                one_unit(unit)
            except NotFound:
                continue
    except BaseException as error:
        failures.append(error)
        raise
    finally:
        connection.close()


def one_unit(unit: int) -> None:
    """One to three events; every fifth unit is taken back."""
    with services.unit_of_work():
        for count in range(1 + unit % 3):
            services.record("testing.happened", actor=OFFICER, word="done", count=count)
        if unit % 5 == 4:
            raise NotFound("gone")


@pytest.mark.django_db(transaction=True)
@pytest.mark.db
def test_concurrent_writers_lose_no_event() -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(WRITERS)
    threads = [threading.Thread(target=write, args=(failures, start)) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    per_writer = sum(1 + unit % 3 for unit in range(UNITS) if unit % 5 != 4)
    found = services.verify()
    assert (found.ok, found.events) == (True, WRITERS * per_writer)
    assert Event.objects.count() == WRITERS * per_writer
    assert max(Counter(Event.objects.values_list("number", flat=True)).values()) == 1
