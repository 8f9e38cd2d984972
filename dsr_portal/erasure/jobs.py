"""The jobs of an erasure: carry out and check where the index is held, certify anywhere."""

from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.erasure import certificate, retiring, services, steps, term_ends, verification

for _kind in (
    JobKind(services.RUN, "search", steps.run, max_attempts=50),
    JobKind(services.VERIFY, "search", verification.run, max_attempts=12),
    JobKind(term_ends.RETIRE, "search", retiring.run, max_attempts=50),
    JobKind(term_ends.CHECK, "search", retiring.check, max_attempts=12),
    JobKind(services.CERTIFY, "light", certificate.run, max_attempts=12),
):
    job_kinds.register(_kind)
