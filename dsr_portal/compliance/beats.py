from datetime import timedelta

from dsr_portal.compliance import services
from dsr_portal.core.registries import Beat, schedule

schedule.register("compliance.failed", Beat(run=services.close_failed, every=timedelta(seconds=10)))
