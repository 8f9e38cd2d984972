from dsr_portal.audit import services as audit
from dsr_portal.core import clock
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.jobs.services import JobContext
from dsr_portal.vault import rotation, shredding


def shred(ctx: JobContext) -> None:
    """Destroy what waits; what is left to do (caches, a missing place) is another row."""
    report = shredding.run_shred(wait=False)
    seconds = report.wait_seconds
    again = seconds > 0
    if report.done and rotation.is_unfinished():
        on = rotation.go_on(wait=False, runs=1)
        seconds, again = on.wait_seconds, not on.done and not on.blocked
    with ctx.complete():
        if again:
            shredding.enqueue_shred(after_seconds=seconds + 0.1)


def resume() -> None:
    """Once a minute: order the run or rotation that a crash or a missing place left unfinished."""
    if shredding.something_waits():
        minute = clock.real_now().replace(second=0, microsecond=0)
        with audit.unit_of_work():
            shredding.enqueue_shred(key=minute.strftime("%Y%m%dT%H%M"))


job_kinds.register(JobKind("vault.shred", "light", shred))
