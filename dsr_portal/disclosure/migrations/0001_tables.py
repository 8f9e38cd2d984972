"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("disclosure", "0001_initial"),
        ("disclosure", "0002_not_identified"),
        ("disclosure", "0003_neutral_letter"),
    ]
    dependencies = [
        ("cases", "0001_tables"),
        ("gallery", "0001_tables"),
        ("matching", "0001_tables"),
    ]
    operations = [
        migrations.CreateModel(
            name="Answer",
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
                            ("disclosure", "Pictures of the person"),
                            ("nothing_found", "Nothing found"),
                            ("neutral", "Neither yes nor no: one check only"),
                            ("not_identified", "Not identified"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "is being made"),
                            ("ready", "waits for approval"),
                            ("approved", "approved; leaves with the daily batch"),
                            ("failed", "could not be made"),
                            ("set_aside", "set aside: the request goes on"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("document_id", models.UUIDField(null=True)),
                ("package_unit", models.UUIDField(null=True)),
                ("package_sha256", models.CharField(blank=True, max_length=64)),
                ("package_size", models.PositiveBigIntegerField(default=0)),
                ("delivery_id", models.UUIDField(null=True)),
                ("frozen_at", models.DateTimeField()),
                ("prepared_by", models.CharField(max_length=20)),
                ("approved_by", models.CharField(blank=True, max_length=20)),
                ("approved_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("reasons", models.JSONField(default=list)),
                ("reason_field", models.CharField(blank=True, max_length=60)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="cases.case",
                    ),
                ),
                (
                    "search",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="matching.search",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["failed", "set_aside"]), _negated=True),
                        fields=("case",),
                        name="answer_one_in_force",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "not_identified"), ("search__isnull", True)),
                            models.Q(
                                models.Q(("kind", "not_identified"), _negated=True),
                                ("search__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="answer_rests_on_a_search",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "not_identified"), _negated=True),
                            models.Q(("approved_by", models.F("prepared_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="answer_not_identified_by_two",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="AnswerRecord",
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
                ("ordinal", models.PositiveIntegerField()),
                ("covered", models.PositiveIntegerField(default=0)),
                (
                    "answer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="records",
                        to="disclosure.answer",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answer_records",
                        to="gallery.record",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("answer", "record"), name="answer_record_once"),
                    models.UniqueConstraint(
                        fields=("answer", "ordinal"), name="answer_ordinal_once"
                    ),
                ]
            },
        ),
    ]
