"""Who had asked to lock what was to be erased keeps that lock, with a period from now on."""

from django.db import migrations
from django.utils import timezone

YEARS = 3


def write_locks(apps, schema_editor):
    rights = apps.get_model("cases", "CaseRight").objects
    locks = apps.get_model("cases", "EvidenceLock").objects
    asked = rights.filter(right="restriction", added_at__isnull=False, case__withdrawn_at=None)
    erased = rights.filter(right="erasure").values("case_id")
    today = timezone.localdate()
    # The 28th is in every month of every year.
    until = today.replace(year=today.year + YEARS, day=min(today.day, 28))
    for right in asked.filter(case_id__in=erased).exclude(case__status="purged"):
        locks.create(case_id=right.case_id, asked_at=right.added_at, until=until)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0018_evidence_lock"),
    ]

    operations = [migrations.RunPython(write_locks, migrations.RunPython.noop)]
