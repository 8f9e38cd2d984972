import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="bucket",
            name="epoch",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ringstate",
            name="epoch",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="shredded",
            name="bucket",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="shredstep",
            name="ledger_number",
            field=models.BigIntegerField(null=True),
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
                ],
            },
        ),
        migrations.AddField(
            model_name="shredrun",
            name="rotation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="runs",
                to="vault.rotation",
            ),
        ),
    ]
