from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.policy import assessment, installed

# An operator's variable can change a threshold without anybody proposing it.
schedule.register("policy.reviews", Beat(run=assessment.keep_reviews, every=timedelta(minutes=5)))
schedule.register("policy.installed", Beat(run=installed.look, every=timedelta(minutes=15)))
