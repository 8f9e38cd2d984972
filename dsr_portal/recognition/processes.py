"""Which processes hold templates in memory, told from what the system says of them."""

import os
import platform
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from dsr_portal.core import clock
from dsr_portal.recognition import groups
from dsr_portal.recognition.models import Holder

_PROC = Path("/proc")
KEEP_GONE = timedelta(days=30)


def this_host() -> str:
    return platform.node()


def started_at(pid: int) -> str:
    """When a process of this machine began, as boot and clock ticks; "" when there is none."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie has no memory left (proc(5): state is field 3, starttime field 22).
    return "" if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def register(*, applied: int, loaded: int) -> Holder:
    """This process's row, made at its first load and renewed at every later one."""
    now = clock.real_now()
    pid = os.getpid()
    with transaction.atomic():
        row, new = Holder.objects.get_or_create(
            host=this_host(),
            pid=pid,
            process_started=started_at(pid),
            defaults={
                "group": groups.own(),
                "started_at": now,
                "applied_change": applied,
                "loaded_change": loaded,
                "lease_until": clock.real_now(),
            },
        )
        if not new:
            # The process is the same, so what it once held may still lie in its memory.
            Holder.objects.filter(id=row.id).update(applied_change=applied, state=Holder.State.LIVE)
            row.refresh_from_db()
    renew(row.id, applied=applied)
    return row


def renew(holder_id: UUID, *, applied: int) -> bool:
    """Say how far this process has followed the changes; False when its row is gone."""
    until = clock.real_now() + timedelta(seconds=settings.DSR_LEASE_SECONDS)
    return bool(
        Holder.objects.filter(id=holder_id).update(applied_change=applied, lease_until=until)
    )


def own_row() -> Holder | None:
    pid = os.getpid()
    return Holder.objects.filter(host=this_host(), pid=pid, process_started=started_at(pid)).first()


def reap() -> int:
    """Mark holders of this machine whose process is seen gone; how many."""
    gone = [
        row.id
        for row in alive().filter(host=this_host())
        if started_at(row.pid) != row.process_started
    ]
    return Holder.objects.filter(id__in=gone).update(state=Holder.State.GONE)


def end_gone() -> int:
    """Remove rows of processes seen gone that were last heard of a month ago; how many."""
    before = clock.real_now() - KEEP_GONE
    return Holder.objects.filter(state=Holder.State.GONE, lease_until__lt=before).delete()[0]


def alive() -> QuerySet[Holder]:
    """Holders that were not seen gone, also those whose lease ran out."""
    return Holder.objects.exclude(state=Holder.State.GONE)
