"""What `celery -A dsr_portal.celery worker|beat` loads; stands above the table of layers."""

import os
from typing import Any

import django
from django.apps import apps

from dsr_portal.core import starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dsr_portal.settings.production")
# Celery has each worker run Django's checks, with every page and template, and drops what they
# find. What must stop a worker stops `django.setup` (vault/checks.py).
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
if not apps.ready:
    starting.begin()
    django.setup()
    starting.loaded()

from celery.signals import worker_init

from dsr_portal.core import egress
from dsr_portal.core.registries import schedule
from dsr_portal.jobs.tasks import app


@worker_init.connect
def close_the_door(sender: Any, **_: Any) -> None:
    """Workers that touch faces call nobody, nor do the children they fork (R33)."""
    if queue := egress.kind_of_worker(list(sender.app.amqp.queues.consume_from)):
        egress.refuse_in_this_process(queue)


# A run nobody took in time is dropped: the next one does the same work.
app.conf.beat_schedule = {
    name: {
        "task": "jobs.beat",
        "schedule": beat.every,
        "args": (name,),
        "options": {"queue": "light", "expires": max(10.0, beat.every.total_seconds())},
    }
    for name, beat in schedule.items()
}
