from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.gallery.importing import KIND, QUEUE, import_batch

job_kinds.register(JobKind(KIND, QUEUE, import_batch))
