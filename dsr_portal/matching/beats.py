from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.matching import photo_letters
from dsr_portal.matching.browsing import end_told, tell_due
from dsr_portal.matching.own_face import end_due
from dsr_portal.matching.recusing import free_parts
from dsr_portal.matching.services import assign_waiting_seconds, end_failed_widenings
from dsr_portal.matching.stopped import flag_stopped

schedule.register(
    "matching.assign_seconds", Beat(run=assign_waiting_seconds, every=timedelta(minutes=1))
)
schedule.register("matching.freed", Beat(run=free_parts, every=timedelta(minutes=1)))
schedule.register("matching.photos", Beat(run=photo_letters.remind_due, every=timedelta(hours=1)))
schedule.register("matching.browsing", Beat(run=tell_due, every=timedelta(hours=1)))
schedule.register("matching.told", Beat(run=end_told, every=timedelta(days=1)))
schedule.register("matching.failed", Beat(run=end_failed_widenings, every=timedelta(seconds=10)))
schedule.register("matching.own_face", Beat(run=end_due, every=timedelta(minutes=10)))
schedule.register("matching.stopped", Beat(run=flag_stopped, every=timedelta(minutes=1)))
