"""The Celery application: it carries ids of jobs, and nothing depends on it arriving.

Time, retries and results live in the job's row; so there is no result back end, and no task is
retried, delayed or chained by Celery.
"""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import kombu.transport
from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue
from kombu.exceptions import KombuError

from dsr_portal.core.registries import job_kinds
from dsr_portal.jobs import broker

log = logging.getLogger(__name__)
QUEUES = (
    *("light", "probe", "search", "enrol", "reenrol"),
    *(f"search.{group}" for group in range(1, settings.DSR_SEARCH_GROUPS)),
)
RUN = "jobs.run"

kombu.transport.TRANSPORT_ALIASES[broker.ALIAS] = "dsr_portal.jobs.broker:Transport"
_exchange = Exchange("dsr", type="direct")

app = Celery("dsr_portal")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=2,
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_publish_retry=False,
    task_default_queue="light",
    task_create_missing_queues=False,
    task_queues=[Queue(name, _exchange, routing_key=name) for name in QUEUES],
    task_default_exchange=_exchange.name,
    task_default_routing_key="light",
    worker_prefetch_multiplier=1,
    worker_concurrency=1,
    worker_lost_wait=1,
    worker_pool="dsr_portal.jobs.pool:TaskPool",
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    beat_scheduler="celery.beat:Scheduler",
    enable_utc=True,
)


def send(jobs: Iterable[tuple[UUID, str]], *, only_missing: bool = False) -> list[UUID]:
    """Tell workers about jobs (id, kind), as far as that goes; the ids that were sent.

    With `only_missing` a queue gets no more than makes its messages as many as `jobs` has for it.
    A broker that does not answer is no error: the sweep sends again.
    """
    by_queue: dict[str, list[UUID]] = {}
    for job_id, kind in jobs:
        by_queue.setdefault(job_kinds.get(kind).queue, []).append(job_id)
    sent: list[UUID] = []
    if not by_queue:
        return sent
    try:
        with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
            for queue, ids in by_queue.items():
                waiting = _waiting(producer, queue) if only_missing else 0
                for job_id in ids[: max(0, len(ids) - waiting)]:
                    app.send_task(RUN, args=[str(job_id)], queue=queue, producer=producer)
                    sent.append(job_id)
    except (KombuError, OSError) as error:
        log.warning("the broker takes no message now: %s", type(error).__name__)
    return sent


def _waiting(producer: Any, queue: str) -> int:
    """How many messages a queue holds now."""
    bound = app.amqp.queues[queue].bind(producer.channel)
    return int(bound.queue_declare().message_count)
