"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("recognition", "0001_initial"),
        ("recognition", "0002_groups_of_shards"),
        ("recognition", "0003_template_indexes"),
        ("recognition", "0004_group_search_confirmed"),
    ]
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Change",
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
                ("number", models.BigIntegerField(unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ENROL", "Enrol"),
                            ("RESTRICT", "Restrict"),
                            ("LIFT", "Lift"),
                            ("ERASE", "Erase"),
                        ],
                        max_length=10,
                    ),
                ),
                ("record_id", models.UUIDField(db_index=True)),
                ("at", models.DateTimeField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="GroupPart",
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
                ("group", models.PositiveSmallIntegerField()),
                ("round", models.PositiveSmallIntegerField(default=1)),
                ("done", models.BooleanField(default=False)),
                ("layout", models.CharField(blank=True, max_length=64)),
                ("compared", models.PositiveBigIntegerField(default=0)),
                ("enrolled", models.PositiveBigIntegerField(default=0)),
                ("found_by_graph", models.PositiveIntegerField(default=0)),
                ("added_by_sweep", models.PositiveIntegerField(default=0)),
                ("swept_only", models.PositiveIntegerField(default=0)),
                ("applied_change", models.BigIntegerField(default=0)),
                ("milliseconds", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="GroupSearch",
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
                ("key", models.CharField(max_length=100, unique=True)),
                ("pictures", models.JSONField()),
                ("confirmed", models.JSONField(default=list)),
                ("threshold", models.FloatField()),
                ("nearest", models.PositiveSmallIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("RUNNING", "Running"),
                            ("COMPLETE", "Complete"),
                            ("INCOMPLETE", "Incomplete"),
                        ],
                        default="RUNNING",
                        max_length=10,
                    ),
                ),
                ("round", models.PositiveSmallIntegerField(default=1)),
                ("then_kind", models.CharField(blank=True, max_length=64)),
                ("then_subject", models.CharField(blank=True, max_length=64)),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="ChangeHead",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="change_head_one_row"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="GroupHit",
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
                ("record_id", models.UUIDField()),
                ("score", models.FloatField()),
                ("found_by", models.CharField(max_length=10)),
                ("below", models.BooleanField(default=False)),
                (
                    "part",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hits",
                        to="recognition.grouppart",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.AddField(
            model_name="grouppart",
            name="search",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="parts",
                to="recognition.groupsearch",
            ),
        ),
        migrations.CreateModel(
            name="Holder",
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
                ("host", models.CharField(max_length=200)),
                ("pid", models.PositiveIntegerField()),
                ("process_started", models.CharField(max_length=80)),
                ("group", models.PositiveSmallIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("applied_change", models.BigIntegerField(default=0)),
                ("loaded_change", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("LIVE", "Live"), ("RECYCLING", "Recycling"), ("GONE", "Gone")],
                        default="LIVE",
                        max_length=10,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("host", "pid", "process_started"), name="holder_once_per_process"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
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
                ("name", models.CharField(max_length=40)),
                ("weights_sha256", models.CharField(max_length=64)),
                ("alignment_version", models.CharField(max_length=40)),
                ("mean_face_sha256", models.CharField(max_length=64)),
                ("dimensions", models.PositiveSmallIntegerField()),
                ("active", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "weights_sha256", "alignment_version", "mean_face_sha256"),
                        name="model_version_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("active",),
                        name="one_active_model",
                    ),
                ]
            },
        ),
        migrations.AddField(
            model_name="grouppart",
            name="model",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="recognition.modelversion",
            ),
        ),
        migrations.CreateModel(
            name="Shard",
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
                ("number", models.PositiveIntegerField()),
                ("unit", models.UUIDField(unique=True)),
                ("rows", models.PositiveIntegerField()),
                ("live_rows", models.PositiveIntegerField()),
                ("sealed_at", models.DateTimeField()),
                ("rewritten_change", models.BigIntegerField(default=0)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="recognition.modelversion"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("model", "number"), name="shard_once_per_model")
                ]
            },
        ),
        migrations.CreateModel(
            name="Template",
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
                ("record_id", models.UUIDField()),
                ("unit", models.UUIDField(db_index=True)),
                ("change_number", models.BigIntegerField()),
                ("erased_change", models.BigIntegerField(blank=True, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="recognition.modelversion"
                    ),
                ),
                (
                    "shard",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="recognition.shard",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["model", "change_number"], name="template_counted"),
                    models.Index(
                        condition=models.Q(("erased_change__isnull", False)),
                        fields=["erased_change"],
                        name="template_erased",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("record_id", "model"), name="template_once_per_model"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="grouppart",
            constraint=models.UniqueConstraint(
                fields=("search", "group", "round"), name="group_part_once"
            ),
        ),
    ]
