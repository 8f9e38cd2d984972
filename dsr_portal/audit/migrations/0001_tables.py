"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import dsr_portal.core.ids
from dsr_portal.audit import triggers


def install_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """The database refuses changes of the trail by itself (see audit/triggers.py)."""
    triggers.install(editor.connection)


def remove_triggers(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    triggers.remove(editor.connection)


class Migration(migrations.Migration):
    initial = True
    replaces = [("audit", "0001_initial"), ("audit", "0002_triggers")]
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Chain",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=dsr_portal.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                ("type", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("clock", models.CharField(max_length=8)),
                ("actor_id", models.CharField(max_length=64)),
                ("actor_role", models.CharField(max_length=32)),
                ("actor_kind", models.CharField(max_length=12)),
                ("case_id", models.UUIDField(blank=True, null=True)),
                ("subject_id", models.UUIDField(blank=True, null=True)),
                ("commitment", models.CharField(max_length=64)),
                ("prev_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
                (
                    "chain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="audit.chain",
                    ),
                ),
            ],
            options={
                "ordering": ("chain", "number"),
                "indexes": [
                    models.Index(fields=["case_id", "number"], name="audit_event_of_case"),
                    models.Index(fields=["subject_id", "number"], name="audit_event_of_subject"),
                    models.Index(fields=["type", "number"], name="audit_event_of_type"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "number"), name="audit_event_in_order")
                ],
            },
        ),
        migrations.CreateModel(
            name="Payload",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="payload",
                        serialize=False,
                        to="audit.event",
                    ),
                ),
                ("salt", models.CharField(max_length=64)),
                ("body", models.TextField()),
            ],
        ),
        migrations.RunPython(install_triggers, remove_triggers),
    ]
