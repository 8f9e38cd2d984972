"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("erasure", "0001_initial"),
        ("erasure", "0002_shared_pictures"),
        ("erasure", "0003_duplicates"),
        ("erasure", "0004_said_not_me"),
        ("erasure", "0005_waits_for_evidence_lock"),
        ("erasure", "0006_plan_after_an_exemption"),
    ]
    dependencies = [("cases", "0001_tables"), ("gallery", "0001_tables")]
    operations = [
        migrations.CreateModel(
            name="Plan",
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
                            ("hold", "hold window"),
                            ("running", "running"),
                            ("verifying", "being checked"),
                            ("done", "verified and certified"),
                            ("stopped", "stopped before anything was erased"),
                            ("waiting", "waits for a decision"),
                        ],
                        default="hold",
                        max_length=10,
                    ),
                ),
                ("frozen_at", models.DateTimeField()),
                ("hold_until", models.DateTimeField()),
                ("requested_by", models.CharField(max_length=40)),
                ("requester_role", models.CharField(max_length=16)),
                ("approver", models.CharField(max_length=20)),
                ("approver_role", models.CharField(max_length=16)),
                (
                    "waits_for",
                    models.CharField(
                        blank=True,
                        choices=[
                            (
                                "held_by_other_case",
                                "another case has to decide about one of the records",
                            ),
                            ("inspection_hold", "an authority wants to look first"),
                            ("conflict_same_person", "another case claims one of the records"),
                            (
                                "duplicates_to_decide",
                                "copies of the pictures were found: two persons decide",
                            ),
                            ("said_not_me", "the person said that these pictures are not theirs"),
                            ("kept_as_evidence", "the person wants it kept, locked, as evidence"),
                            ("supervisor_needed", "more than 50 records: a supervisor starts it"),
                        ],
                        max_length=24,
                    ),
                ),
                ("change_number", models.PositiveBigIntegerField(default=0)),
                ("duplicates_looked_at", models.DateTimeField(null=True)),
                ("duplicates_examined", models.PositiveIntegerField(default=0)),
                ("kit_unit", models.UUIDField(null=True)),
                ("kit_until", models.DateTimeField(null=True)),
                ("document_id", models.UUIDField(null=True)),
                ("delivery_id", models.UUIDField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                ("stopped_by", models.CharField(blank=True, max_length=40)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasure_plans",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["stopped", "done"]), _negated=True),
                        fields=("case",),
                        name="plan_one_in_force",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Duplicate",
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
                ("exact", models.BooleanField(default=False)),
                ("first_officer", models.CharField(blank=True, max_length=20)),
                (
                    "first_verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("goes", "a copy: it goes too"),
                            ("stays", "another picture: it stays"),
                        ],
                        max_length=8,
                    ),
                ),
                ("first_record", models.UUIDField(null=True)),
                ("second_officer", models.CharField(blank=True, max_length=20)),
                (
                    "second_verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("goes", "a copy: it goes too"),
                            ("stays", "another picture: it stays"),
                        ],
                        max_length=8,
                    ),
                ),
                ("second_record", models.UUIDField(null=True)),
                ("supervisor", models.CharField(blank=True, max_length=20)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("goes", "a copy: it goes too"),
                            ("stays", "another picture: it stays"),
                        ],
                        max_length=8,
                    ),
                ),
                ("record_id", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duplicate_of_plans",
                        to="gallery.sourceimage",
                    ),
                ),
                (
                    "of_image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duplicates_in_plans",
                        to="gallery.sourceimage",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duplicates",
                        to="erasure.plan",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plan", "image"), name="duplicate_once_per_plan"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("first_officer", ""),
                            models.Q(("first_officer", models.F("second_officer")), _negated=True),
                            _connector="OR",
                        ),
                        name="duplicate_two_persons",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="PlanRecord",
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
                    "picture",
                    models.CharField(
                        choices=[
                            ("whole", "the whole picture goes"),
                            ("covered", "this face is covered, the others' picture stays"),
                            ("faces", "the picture goes, only the faces of the others stay in it"),
                        ],
                        max_length=8,
                    ),
                ),
                ("by_rule", models.BooleanField(default=True)),
                ("decided_by", models.CharField(blank=True, max_length=20)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="records",
                        to="erasure.plan",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="erasure_plans",
                        to="gallery.record",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "record"), name="plan_record_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="PlanUnit",
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
                ("unit", models.UUIDField()),
                ("bucket", models.UUIDField(null=True)),
                (
                    "holds",
                    models.CharField(
                        choices=[
                            ("face", "face code, crop, purposes of look-ups"),
                            ("picture", "picture, addresses, caption"),
                            ("probe", "photo sent with the request"),
                            ("shard", "part of the search index"),
                            ("cutout", "cut-out of a neighbour that showed a part of the face"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="units",
                        to="erasure.plan",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "unit"), name="plan_unit_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Step",
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
                ("store", models.CharField(max_length=60)),
                ("action", models.CharField(max_length=40)),
                ("subject", models.UUIDField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "to do"), ("running", "begun"), ("done", "done")],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("result", models.JSONField(default=dict)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="erasure.plan",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "ordinal"), name="step_ordinal_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Verification",
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
                ("store", models.CharField(max_length=60)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("verified", "VERIFIED"),
                            ("pending", "PENDING"),
                            ("unverified", "UNVERIFIED"),
                            ("needs_person", "NEEDS PERSON"),
                        ],
                        max_length=14,
                    ),
                ),
                ("method", models.CharField(max_length=60)),
                ("examined", models.PositiveBigIntegerField(default=0)),
                ("found", models.PositiveIntegerField(default=0)),
                ("canary_found", models.BooleanField(default=False)),
                ("until", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField()),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="erasure.plan",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plan", "store"), name="verification_store_once"
                    )
                ]
            },
        ),
    ]
