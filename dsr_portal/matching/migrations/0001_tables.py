"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("matching", "0001_initial"),
        ("matching", "0002_look_ups"),
        ("matching", "0003_officer_loop"),
        ("matching", "0004_several_photos"),
        ("matching", "0005_repeated_search"),
    ]
    dependencies = [("cases", "0001_tables"), ("gallery", "0001_tables")]
    operations = [
        migrations.CreateModel(
            name="Probe",
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
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting_consent", "waits for consent"),
                            ("received", "received"),
                            ("usable", "usable"),
                            ("unusable", "cannot be used"),
                            ("set_aside", "does not count"),
                            ("deleted", "deleted"),
                        ],
                        default="received",
                        max_length=20,
                    ),
                ),
                ("channel", models.CharField(max_length=20)),
                ("entered_by", models.CharField(blank=True, max_length=20)),
                ("received_at", models.DateTimeField()),
                ("judged_at", models.DateTimeField(null=True)),
                ("verdict", models.CharField(blank=True, max_length=40)),
                ("findings", models.JSONField(default=list)),
                ("chosen_by", models.CharField(blank=True, max_length=20)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="probes",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Search",
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
                            ("face", "comparison of faces"),
                            ("look_up", "look-up by what the person named"),
                            ("both", "comparison of faces and look-up"),
                        ],
                        default="face",
                        max_length=8,
                    ),
                ),
                ("photos", models.PositiveSmallIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "running"),
                            ("preliminary", "first hits stand, the sweep is running"),
                            ("complete", "swept"),
                            ("stale", "replaced by a newer search"),
                            ("apart", "not made: the photos are unlike one another"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=120)),
                ("threshold", models.FloatField(null=True)),
                ("strong_threshold", models.FloatField(null=True)),
                ("compared", models.PositiveIntegerField(default=0)),
                ("enrolled", models.PositiveIntegerField(default=0)),
                ("found_by_graph", models.PositiveIntegerField(default=0)),
                ("added_by_sweep", models.PositiveIntegerField(default=0)),
                ("swept_only", models.PositiveIntegerField(default=0)),
                ("applied_change", models.PositiveBigIntegerField(default=0)),
                ("since", models.PositiveBigIntegerField(null=True)),
                ("looked_up", models.JSONField(default=list)),
                ("pictures", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="searches",
                        to="cases.case",
                    ),
                ),
                (
                    "probe",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="searches",
                        to="matching.probe",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "look_up"),
                                ("probe__isnull", True),
                                ("strong_threshold__isnull", True),
                                ("threshold__isnull", True),
                            ),
                            models.Q(
                                models.Q(("kind", "look_up"), _negated=True),
                                ("probe__isnull", False),
                                ("strong_threshold__isnull", False),
                                ("threshold__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="search_face_has_probe",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Review",
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
                ("round", models.PositiveSmallIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("first", "first person decides"),
                            ("widening", "searched again with what was confirmed"),
                            ("second", "second person decides"),
                            ("supervisor", "supervisor decides"),
                            ("done", "decided"),
                            ("stopped", "stopped"),
                        ],
                        default="first",
                        max_length=12,
                    ),
                ),
                ("opener", models.CharField(blank=True, max_length=20)),
                ("first_officer", models.CharField(max_length=20, null=True)),
                ("second_officer", models.CharField(max_length=20, null=True)),
                ("supervisor", models.CharField(max_length=20, null=True)),
                ("hops", models.PositiveSmallIntegerField(default=0)),
                ("opened_at", models.DateTimeField()),
                ("first_done_at", models.DateTimeField(null=True)),
                ("second_done_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="cases.case",
                    ),
                ),
                (
                    "search",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="matching.search",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("case", "round"), name="review_round_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("second_officer__isnull", True),
                            models.Q(("second_officer", models.F("first_officer")), _negated=True),
                            _connector="OR",
                        ),
                        name="review_two_persons",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("first_officer__isnull", True),
                                ("opener", ""),
                                models.Q(("first_officer", models.F("opener")), _negated=True),
                                _connector="OR",
                            ),
                            models.Q(
                                ("second_officer__isnull", True),
                                ("opener", ""),
                                models.Q(("second_officer", models.F("opener")), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="review_not_by_opener",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Candidate",
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
                ("score", models.FloatField(null=True)),
                (
                    "band",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("strong", "strong"),
                            ("review", "review"),
                            ("below", "below the threshold"),
                        ],
                        max_length=10,
                    ),
                ),
                ("found_by", models.CharField(max_length=10)),
                ("rank", models.PositiveIntegerField()),
                ("hop", models.PositiveSmallIntegerField(default=0)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="cases.case",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="gallery.record",
                    ),
                ),
                (
                    "way",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="cases.wayin",
                    ),
                ),
                (
                    "search",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="matching.search",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("case", "record"), name="candidate_once_per_case"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("score__isnull", False), models.Q(("band", ""), _negated=True)
                            ),
                            models.Q(("band", ""), ("score__isnull", True), ("way__isnull", False)),
                            _connector="OR",
                        ),
                        name="candidate_scored_or_named",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="SearchPhoto",
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
                    "probe",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="more_searches",
                        to="matching.probe",
                    ),
                ),
                (
                    "search",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="more_photos",
                        to="matching.search",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("search", "probe"), name="search_photo_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Decision",
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
                    "position",
                    models.CharField(
                        choices=[
                            ("first", "first person"),
                            ("second", "second person"),
                            ("supervisor", "supervisor"),
                        ],
                        max_length=12,
                    ),
                ),
                ("officer", models.CharField(max_length=20)),
                ("shown_at", models.DateTimeField(null=True)),
                (
                    "preliminary",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("same", "same person"),
                            ("not_same", "not the same"),
                            ("inconclusive", "inconclusive"),
                        ],
                        max_length=14,
                    ),
                ),
                ("preliminary_at", models.DateTimeField(null=True)),
                ("band_shown_at", models.DateTimeField(null=True)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("same", "same person"),
                            ("not_same", "not the same"),
                            ("inconclusive", "inconclusive"),
                        ],
                        max_length=14,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("reason_field", models.CharField(blank=True, max_length=60)),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="matching.candidate",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="matching.review",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("review", "candidate", "position"),
                        name="decision_once_per_position",
                    )
                ]
            },
        ),
    ]
