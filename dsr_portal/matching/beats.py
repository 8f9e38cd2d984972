from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.matching.services import assign_waiting_seconds

schedule.register(
    "matching.assign_seconds", Beat(run=assign_waiting_seconds, every=timedelta(minutes=1))
)
