from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.erasure import freed, own_decisions, retiring, services

schedule.register("erasure.due", Beat(run=services.start_due, every=timedelta(minutes=10)))
schedule.register("erasure.own", Beat(run=own_decisions.start_due, every=timedelta(minutes=10)))
schedule.register("erasure.freed", Beat(run=freed.start_due, every=timedelta(minutes=10)))
schedule.register("erasure.retention", Beat(run=retiring.start_due, every=timedelta(minutes=10)))
schedule.register("erasure.waiting", Beat(run=services.resume_waiting, every=timedelta(minutes=5)))
schedule.register("erasure.settled", Beat(run=services.certify_settled, every=timedelta(minutes=5)))
schedule.register("erasure.kits", Beat(run=services.expire_kits, every=timedelta(minutes=10)))
schedule.register(
    "erasure.nothing_found", Beat(run=services.close_without_records, every=timedelta(hours=6))
)
