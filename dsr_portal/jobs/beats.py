from datetime import timedelta

from django.conf import settings

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.jobs import services

schedule.register("jobs.mail", Beat(run=services.send_waiting, every=timedelta(minutes=1)))
schedule.register("jobs.ended", Beat(run=services.end_old, every=timedelta(hours=1)))
schedule.register(
    "jobs.sweep", Beat(run=services.sweep, every=timedelta(seconds=settings.DSR_SWEEP_SECONDS))
)
