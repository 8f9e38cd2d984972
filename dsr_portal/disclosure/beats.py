from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.disclosure import services

schedule.register("disclosure.failed", Beat(run=services.close_failed, every=timedelta(seconds=10)))
schedule.register("disclosure.packages", Beat(run=services.end_packages, every=timedelta(hours=1)))
