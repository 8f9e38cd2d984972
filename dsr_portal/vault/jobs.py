from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.services import JobContext
from dsr_portal.vault import shredding


def shred(ctx: JobContext) -> None:
    """Destroy what waits; what is left to do (caches, a missing place) is another row."""
    report = shredding.run_shred(wait=False)
    with ctx.complete():
        if report.wait_seconds:
            shredding.enqueue_shred(after_seconds=report.wait_seconds + 0.1)


def resume() -> None:
    """Once a minute: order the run that a crash or a missing place left unfinished."""
    if shredding.something_waits():
        minute = clock.real_now().replace(second=0, microsecond=0)
        with audit.unit_of_work():
            shredding.enqueue_shred(key=minute.strftime("%Y%m%dT%H%M"))


job_kinds.register(JobKind("vault.shred", "light", shred))
