from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.gallery import importing, letters, notices, reenrolling

job_kinds.register(JobKind(importing.KIND, importing.QUEUE, importing.import_batch))
job_kinds.register(JobKind(reenrolling.KIND, reenrolling.QUEUE, reenrolling.reenrol_batch))
job_kinds.register(JobKind(notices.LETTER, "light", letters.make_letter))
