from datetime import timedelta

from dsr_portal.core.registries import Beat, schedule
from dsr_portal.gallery import asides_end, face_blocks, notices

schedule.register("gallery.notices", Beat(run=notices.chase, every=timedelta(hours=6)))
schedule.register("gallery.put_aside", Beat(run=asides_end.end_due, every=timedelta(hours=6)))
schedule.register("gallery.face_blocks", Beat(run=face_blocks.expire, every=timedelta(hours=6)))
