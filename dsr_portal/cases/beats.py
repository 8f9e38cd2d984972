from datetime import timedelta

from dsr_portal.cases import services
from dsr_portal.core.registries import Beat, schedule

schedule.register("cases.release", Beat(run=services.release_due, every=timedelta(minutes=5)))
schedule.register("cases.drafts", Beat(run=services.sweep_drafts, every=timedelta(minutes=30)))
schedule.register("cases.close", Beat(run=services.close_due, every=timedelta(hours=6)))
