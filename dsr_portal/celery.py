"""What `celery -A dsr_portal.celery worker|beat` loads; stands above the table of layers."""

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dsr_portal.settings.production")
if not apps.ready:
    django.setup()

from dsr_portal.core.registries import schedule
from dsr_portal.jobs.tasks import app

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
