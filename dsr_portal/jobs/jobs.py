from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs import outbox
from dsr_portal.jobs.services import DELIVER

job_kinds.register(JobKind(name=DELIVER, queue="light", handler=outbox.deliver, max_attempts=8))
