from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.recognition import outgrowing, processes

schedule.register("recognition.gone", Beat(run=processes.end_gone, every=timedelta(days=1)))
schedule.register("recognition.outgrown", Beat(run=outgrowing.look, every=timedelta(days=1)))
