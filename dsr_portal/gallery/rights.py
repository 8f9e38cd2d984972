"""What a process that takes requests may do in the database: nothing that enrols (law P-04, X-08).

On PostgreSQL the public site signs in as a role of its own. It may read and keep requests; into
the tables that an import fills it can put no row, whatever its code does.
"""

from django.apps import apps
from django.db import models

from dsr_portal.gallery.models import (
    Appearance,
    ImportBatch,
    ImportRun,
    Record,
    Source,
    SourceImage,
)
from dsr_portal.recognition.models import ModelVersion, Shard, Template

ENROLMENT: tuple[type[models.Model], ...] = (
    Source,
    ImportRun,
    ImportBatch,
    SourceImage,
    Appearance,
    Record,
    ModelVersion,
    Template,
    Shard,
)
"""What the gallery and its index consist of."""

STATE_ONLY: tuple[type[models.Model], ...] = (Record,)
"""Of these a request may change rows: a person who takes it back ends a lock of theirs."""

_TRAIL = {
    "audit_event": "SELECT, INSERT",
    "audit_payload": "SELECT, INSERT, DELETE",
    "audit_chain": "SELECT, INSERT, UPDATE",
}


def statements(role: str) -> list[str]:
    """SQL that gives a role these rights and takes away others; `role` is a quoted name."""
    every = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
    enrolled = {model._meta.db_table for model in ENROLMENT}
    changes = {model._meta.db_table for model in STATE_ONLY}
    rights = dict.fromkeys(every, "SELECT, INSERT, UPDATE, DELETE") | _TRAIL
    rights |= {
        table: "SELECT, UPDATE" if table in changes else "SELECT" for table in sorted(enrolled)
    }
    made = [f"GRANT USAGE ON SCHEMA public TO {role};"]
    for table, given in rights.items():
        made.append(f'REVOKE ALL ON "{table}" FROM {role};')
        made.append(f'GRANT {given} ON "{table}" TO {role};')
    made.append(f"GRANT SELECT ON django_migrations TO {role};")
    made.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};")
    return made
