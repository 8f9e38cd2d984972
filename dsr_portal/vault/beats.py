from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.vault import health, jobs, services

schedule.register("vault.resume_shred", Beat(jobs.resume, timedelta(minutes=1)))
schedule.register("vault.watch_places", Beat(health.watch, timedelta(minutes=1)))
schedule.register("vault.sweep_files", Beat(services.sweep_files, timedelta(hours=1)))
