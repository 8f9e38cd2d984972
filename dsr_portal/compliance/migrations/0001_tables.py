"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("compliance", "0001_initial"),
        ("compliance", "0002_stop_lift"),
        ("compliance", "0003_orders"),
        ("compliance", "0004_breaches"),
        ("compliance", "0005_director_pages"),
    ]
    dependencies = [("cases", "0001_tables"), ("gallery", "0001_tables")]
    operations = [
        migrations.CreateModel(
            name="AuditReport",
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
                            ("queued", "is being made"),
                            ("ready", "ready"),
                            ("failed", "could not be made"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("authority_code", models.CharField(blank=True, max_length=20)),
                ("requested_by", models.CharField(max_length=20)),
                ("requester_role", models.CharField(max_length=16)),
                ("requested_at", models.DateTimeField()),
                ("document_id", models.UUIDField(null=True)),
                ("trail_verified", models.BooleanField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_reports",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Breach",
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
                            ("wrong_person", "Pictures of somebody else were disclosed"),
                            ("disclosed", "Data reached who should not have them"),
                            ("changed", "Data were changed or destroyed"),
                            ("lost", "Data could not be reached"),
                        ],
                        max_length=12,
                    ),
                ),
                ("aware_at", models.DateTimeField()),
                ("opened_by", models.CharField(blank=True, max_length=20)),
                ("opened_at", models.DateTimeField()),
                ("write_by", models.DateField(null=True)),
                ("unit", models.UUIDField()),
                ("described_at", models.DateTimeField(null=True)),
                ("people", models.PositiveIntegerField(null=True)),
                ("records", models.PositiveIntegerField(null=True)),
                ("authority_code", models.CharField(blank=True, max_length=20)),
                ("document_id", models.UUIDField(null=True)),
                ("notified_at", models.DateTimeField(null=True)),
                ("notified_by", models.CharField(blank=True, max_length=20)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.CharField(blank=True, max_length=20)),
                (
                    "case",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="breaches",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("notified_at__isnull", True),
                            models.Q(
                                ("document_id__isnull", False),
                                models.Q(("notified_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="breach_notified_with_a_document",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closed_at__isnull", True),
                            models.Q(("closed_by", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="breach_closed_by_somebody",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="BreachDecision",
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
                    "what",
                    models.CharField(
                        choices=[
                            ("authority", "The authority is not notified"),
                            ("persons", "The persons are not told"),
                            ("no_breach", "It was no breach; closed links open again"),
                        ],
                        max_length=12,
                    ),
                ),
                ("field", models.CharField(max_length=60)),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("agreed_by", models.CharField(blank=True, max_length=20)),
                ("agreed_at", models.DateTimeField(null=True)),
                (
                    "breach",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="compliance.breach",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("breach", "what"), name="breach_decision_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("agreed_at__isnull", True), ("agreed_by", "")),
                            models.Q(
                                models.Q(("agreed_by", ""), _negated=True),
                                models.Q(("agreed_by", models.F("proposed_by")), _negated=True),
                                ("agreed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="breach_decision_two_persons",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="BreachLetter",
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
                    "breach",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="compliance.breach",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cases.case",
                    ),
                ),
                (
                    "letter",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cases.letter",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("breach", "case"), name="breach_letter_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="CaseGrant",
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
                ("authority_code", models.CharField(db_index=True, max_length=20)),
                ("granted_by", models.CharField(max_length=20)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("case", "authority_code"),
                        name="grant_once",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="DirectorPage",
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
                            ("first_late", "A request is late"),
                            ("order", "An order was served"),
                            ("order_due", "An order is due within seven days"),
                            ("order_fails", "An order you signed fails a check"),
                            ("breach", "A breach is open"),
                            ("verification", "A check after an erasure failed"),
                            ("capacity", "More falls due than is done"),
                        ],
                        max_length=16,
                    ),
                ),
                ("about", models.CharField(max_length=80)),
                ("to", models.CharField(db_index=True, max_length=20)),
                ("facts", models.JSONField(default=dict)),
                ("served_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("acts", models.BooleanField(null=True)),
                ("words", models.CharField(blank=True, max_length=500)),
                ("who", models.CharField(blank=True, max_length=20)),
                ("by", models.DateField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "about", "to"), name="director_page_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("acts__isnull", True), ("answered_at__isnull", True)),
                            models.Q(
                                ("acts", True),
                                ("answered_at__isnull", False),
                                ("by__isnull", False),
                                models.Q(("who", ""), _negated=True),
                                models.Q(("words", ""), _negated=True),
                            ),
                            models.Q(
                                ("acts", False),
                                ("answered_at__isnull", False),
                                models.Q(("words", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="director_page_answered_whole",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Measure",
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
                            ("answer", "Answer these requests"),
                            ("erase", "Erase this set"),
                            ("stop", "Stop collection"),
                            ("inform", "Inform these persons"),
                            ("representative", "Name a representative"),
                            ("questions", "Answer the authority's questions"),
                            ("other", "Something else"),
                        ],
                        max_length=16,
                    ),
                ),
                ("field", models.CharField(max_length=60)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("language", models.CharField(blank=True, max_length=3)),
                ("with_place", models.BooleanField(default=False)),
                ("signed_by", models.CharField(blank=True, max_length=20)),
                ("signed_at", models.DateTimeField(null=True)),
                ("stated_by", models.CharField(blank=True, max_length=20)),
                ("stated_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("passes", models.BooleanField(null=True)),
                ("left", models.PositiveIntegerField(default=0)),
                ("added_at", models.DateTimeField()),
                (
                    "stop",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measures",
                        to="gallery.collectionstop",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="MeasureCase",
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
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measures",
                        to="cases.case",
                    ),
                ),
                (
                    "measure",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to="compliance.measure",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("measure", "case"), name="measure_case_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Order",
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
                ("authority_code", models.CharField(db_index=True, max_length=20)),
                ("reference", models.CharField(max_length=80)),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("question", "Art. 31, 58(1): a question or demand for information"),
                            ("request", "Art. 58(2)(c): answer requests of persons"),
                            ("conform", "Art. 58(2)(d): bring processing into line"),
                            ("tell", "Art. 58(2)(e): tell persons of a breach"),
                            ("ban", "Art. 58(2)(f): limit or ban processing"),
                            ("erase", "Art. 58(2)(g): correct, erase, tell recipients"),
                            ("other", "Another power"),
                        ],
                        max_length=12,
                    ),
                ),
                ("served_on", models.DateField()),
                ("due_on", models.DateField()),
                (
                    "penalty",
                    models.CharField(
                        choices=[("none", "none"), ("daily", "for each day"), ("sum", "one sum")],
                        default="none",
                        max_length=8,
                    ),
                ),
                ("penalty_amount", models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ("penalty_cap", models.DecimalField(decimal_places=2, max_digits=14, null=True)),
                ("currency", models.CharField(default="EUR", max_length=3)),
                ("owner", models.CharField(max_length=20)),
                ("unit", models.UUIDField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("complied", "complied with"),
                            ("ended", "ended by a decision"),
                        ],
                        db_index=True,
                        default="open",
                        max_length=8,
                    ),
                ),
                ("entered_by", models.CharField(max_length=20)),
                ("entered_at", models.DateTimeField()),
                ("checked_at", models.DateTimeField(null=True)),
                ("complied_by", models.CharField(blank=True, max_length=20)),
                ("complied_at", models.DateTimeField(null=True)),
                ("acknowledged_on", models.DateField(null=True)),
                ("court", models.CharField(blank=True, max_length=120)),
                ("court_reference", models.CharField(blank=True, max_length=80)),
                ("suspensive", models.BooleanField(default=False)),
                ("ended_by_decision", models.CharField(blank=True, max_length=120)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("authority_code", "reference"), name="order_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_on__gte", models.F("served_on"))),
                        name="order_due_after",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("penalty", "none"), ("penalty_amount__isnull", True)),
                            models.Q(
                                models.Q(("penalty", "none"), _negated=True),
                                ("penalty_amount__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="order_penalty_has_its_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "complied"), _negated=True),
                            models.Q(
                                models.Q(("complied_by", ""), _negated=True),
                                ("complied_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="order_complied_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("court", ""),
                            models.Q(("court_reference", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="order_challenged_with_reference",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ended"), _negated=True),
                            models.Q(("ended_by_decision", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="order_ended_by_a_decision",
                    ),
                ]
            },
        ),
        migrations.AddField(
            model_name="measure",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="measures",
                to="compliance.order",
            ),
        ),
        migrations.CreateModel(
            name="StopLift",
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
                ("reason", models.CharField(max_length=500)),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=20)),
                ("decided_at", models.DateTimeField(null=True)),
                ("agreed", models.BooleanField(default=False)),
                (
                    "stop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lifts",
                        to="gallery.collectionstop",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("decided_at__isnull", True)),
                        fields=("stop",),
                        name="stop_lift_one_waits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("agreed", False),
                            models.Q(
                                models.Q(("decided_by", ""), _negated=True),
                                models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="stop_lift_two_persons",
                    ),
                ]
            },
        ),
    ]
