"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("vault", "0001_initial"),
        ("vault", "0002_rotation"),
        ("vault", "0003_backups"),
        ("vault", "0004_units_waiting_found_by_index"),
        ("vault", "0005_mail_units"),
    ]
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Backup",
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
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("making", "Making"),
                            ("kept", "Kept"),
                            ("restoring", "Restoring"),
                            ("removed", "Removed"),
                            ("failed", "Failed"),
                        ],
                        default="making",
                        max_length=10,
                    ),
                ),
                ("place", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=80, unique=True)),
                ("made_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
                ("ledger_number", models.BigIntegerField(default=0)),
                ("audit_number", models.PositiveBigIntegerField(default=0)),
                ("audit_hash", models.CharField(blank=True, max_length=64)),
                ("files", models.PositiveBigIntegerField(default=0)),
                ("bytes", models.PositiveBigIntegerField(default=0)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Bucket",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("source_image", "Source Image"),
                            ("enrolled_face", "Enrolled Face"),
                            ("index_shard", "Index Shard"),
                            ("case_contact", "Case Contact"),
                            ("case_file", "Case File"),
                            ("draft", "Draft"),
                            ("probe", "Probe"),
                            ("proof", "Proof"),
                            ("document", "Document"),
                            ("verification_kit", "Verification Kit"),
                            ("blocked_face", "Blocked Face"),
                            ("mail", "Mail"),
                        ],
                        max_length=20,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("epoch", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="LastingSecret",
            fields=[
                ("purpose", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("check_value", models.CharField(max_length=16)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="LedgerNote",
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
                ("kind", models.CharField(max_length=40)),
                ("value", models.CharField(max_length=200)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="RingState",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("generation", models.BigIntegerField(default=0)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("epoch", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="vault_ring_state_one_row"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Rotation",
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
                ("epoch", models.PositiveIntegerField(unique=True)),
                ("started_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.Case(
                            models.When(done_at__isnull=False, then=models.Value(None)),
                            default=models.Value(1),
                            output_field=models.SmallIntegerField(),
                        ),
                        name="vault_one_unfinished_rotation",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="ShredRun",
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
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("taken", "Taken"),
                            ("keyed", "Keyed"),
                            ("moved", "Moved"),
                            ("ledgered", "Ledgered"),
                            ("destroyed", "Destroyed"),
                            ("done", "Done"),
                        ],
                        default="taken",
                        max_length=10,
                    ),
                ),
                ("units", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("destroyed_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("ledger_number", models.BigIntegerField(null=True)),
                ("ledger_hash", models.CharField(blank=True, max_length=64)),
                ("blocked", models.CharField(blank=True, max_length=40)),
                (
                    "rotation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="vault.rotation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.Case(
                            models.When(state="done", then=models.Value(None)),
                            default=models.Value(1),
                            output_field=models.SmallIntegerField(),
                        ),
                        name="vault_one_unfinished_run",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Shredded",
            fields=[
                ("unit_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("source_image", "Source Image"),
                            ("enrolled_face", "Enrolled Face"),
                            ("index_shard", "Index Shard"),
                            ("case_contact", "Case Contact"),
                            ("case_file", "Case File"),
                            ("draft", "Draft"),
                            ("probe", "Probe"),
                            ("proof", "Proof"),
                            ("document", "Document"),
                            ("verification_kit", "Verification Kit"),
                            ("blocked_face", "Blocked Face"),
                            ("mail", "Mail"),
                        ],
                        max_length=20,
                    ),
                ),
                ("owner", models.UUIDField(db_index=True)),
                ("reason", models.CharField(max_length=40)),
                ("bucket", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="markers",
                        to="vault.shredrun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DoomedFile",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="vault.shredrun",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ShredStep",
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
                ("old_bucket", models.UUIDField()),
                ("new_bucket", models.UUIDField(null=True)),
                ("new_bucket_used", models.BooleanField(default=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("source_image", "Source Image"),
                            ("enrolled_face", "Enrolled Face"),
                            ("index_shard", "Index Shard"),
                            ("case_contact", "Case Contact"),
                            ("case_file", "Case File"),
                            ("draft", "Draft"),
                            ("probe", "Probe"),
                            ("proof", "Proof"),
                            ("document", "Document"),
                            ("verification_kit", "Verification Kit"),
                            ("blocked_face", "Blocked Face"),
                            ("mail", "Mail"),
                        ],
                        max_length=20,
                    ),
                ),
                ("moved", models.BooleanField(default=False)),
                ("ledger_number", models.BigIntegerField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="vault.shredrun",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "old_bucket"), name="vault_step_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="UnitKey",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("source_image", "Source Image"),
                            ("enrolled_face", "Enrolled Face"),
                            ("index_shard", "Index Shard"),
                            ("case_contact", "Case Contact"),
                            ("case_file", "Case File"),
                            ("draft", "Draft"),
                            ("probe", "Probe"),
                            ("proof", "Proof"),
                            ("document", "Document"),
                            ("verification_kit", "Verification Kit"),
                            ("blocked_face", "Blocked Face"),
                            ("mail", "Mail"),
                        ],
                        max_length=20,
                    ),
                ),
                ("owner", models.UUIDField(db_index=True)),
                ("wrapped", models.BinaryField(max_length=64)),
                ("created_at", models.DateTimeField()),
                ("shred_requested_at", models.DateTimeField(null=True)),
                ("shred_reason", models.CharField(blank=True, max_length=40)),
                (
                    "bucket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="units",
                        to="vault.bucket",
                    ),
                ),
                (
                    "shred_run",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="victims",
                        to="vault.shredrun",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("shred_requested_at__isnull", False)),
                        fields=["bucket", "kind"],
                        name="vault_unit_ordered",
                    ),
                    models.Index(
                        condition=models.Q(("shred_run__isnull", False)),
                        fields=["shred_run"],
                        name="vault_unit_victim",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Blob",
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
                ("field", models.CharField(max_length=60)),
                ("seq", models.PositiveIntegerField()),
                ("inline", models.BinaryField(null=True)),
                ("file", models.CharField(blank=True, max_length=64)),
                ("size", models.BigIntegerField()),
                ("version", models.SmallIntegerField()),
                ("created_at", models.DateTimeField()),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="blobs",
                        to="vault.unitkey",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("file", ""), _negated=True),
                        fields=["file"],
                        name="vault_blob_file",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("unit", "field", "seq"), name="vault_blob_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("file", ""), ("inline__isnull", False)),
                            models.Q(
                                ("inline__isnull", True), models.Q(("file", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="vault_blob_row_or_file",
                    ),
                ],
            },
        ),
    ]
