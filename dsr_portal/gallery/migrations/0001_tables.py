"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("gallery", "0001_initial"),
        ("gallery", "0002_recipients_told"),
        ("gallery", "0003_connected_systems"),
        ("gallery", "0004_face_blocks"),
        ("gallery", "0005_stop_scopes"),
        ("gallery", "0006_query_picture_statement"),
        ("gallery", "0007_notice_posted_round"),
    ]
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="FaceBlock",
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
                ("case_id", models.UUIDField(unique=True)),
                ("unit", models.UUIDField(unique=True)),
                ("model", models.CharField(max_length=32)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="LookUpLog",
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
                ("system", models.CharField(max_length=200)),
                ("covers_from", models.DateField()),
                ("covers_to", models.DateField()),
                ("rows", models.PositiveIntegerField(default=0)),
                ("unmatched", models.PositiveIntegerField(default=0)),
                ("file_hash", models.CharField(max_length=64, unique=True)),
                ("recorded_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("RUNNING", "Running"), ("DONE", "Done")],
                        default="RUNNING",
                        max_length=10,
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="PublicCopy",
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
                ("case_id", models.UUIDField(db_index=True)),
                ("controller", models.CharField(max_length=200)),
                ("made_by", models.CharField(max_length=20)),
                ("made_at", models.DateTimeField()),
                (
                    "result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("DONE", "removed"),
                            ("REFUSED", "refused by the other controller"),
                            ("NOT_REASONABLE", "no reasonable step left"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("settled_by", models.CharField(blank=True, max_length=20)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"ordering": ("made_at", "id")},
        ),
        migrations.CreateModel(
            name="Record",
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
                ("face_number", models.PositiveSmallIntegerField()),
                ("unit", models.UUIDField(unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("HELD", "Held"),
                            ("RESTRICTED", "Restricted"),
                            ("ERASING", "Erasing"),
                            ("ERASED", "Erased"),
                        ],
                        db_index=True,
                        default="HELD",
                        max_length=12,
                    ),
                ),
                ("state_changed_at", models.DateTimeField()),
                ("enrolled_at", models.DateTimeField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Source",
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
                ("name", models.CharField(max_length=200, unique=True)),
                ("legal_basis", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="BlockEntry",
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
                        choices=[("PAGE", "Page"), ("IMAGE", "Image"), ("FILE", "File")],
                        max_length=8,
                    ),
                ),
                ("hash", models.CharField(max_length=64)),
                ("case_id", models.UUIDField(blank=True, null=True)),
                ("since", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("kind", "hash"), name="block_once")]
            },
        ),
        migrations.CreateModel(
            name="ConnectedSystem",
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
                ("name", models.CharField(max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "waits for a second person"),
                            ("SERVING", "in use"),
                            ("ENDED", "ended"),
                        ],
                        default="PROPOSED",
                        max_length=8,
                    ),
                ),
                ("token_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("approved_by", models.CharField(blank=True, max_length=20)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=20)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ("name", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "ENDED"), _negated=True),
                        fields=("name",),
                        name="connected_system_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "SERVING"), _negated=True),
                            models.Q(
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                                models.Q(("token_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="connected_system_two_persons",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QueryPictureStatement",
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
                ("words", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=120)),
                ("stated_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "waits for a second person"),
                            ("SERVING", "in force"),
                            ("REPLACED", "replaced"),
                        ],
                        default="PROPOSED",
                        max_length=8,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("approved_by", models.CharField(blank=True, max_length=20)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "SERVING")),
                        fields=("state",),
                        name="one_statement_serves",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "PROPOSED"),
                            models.Q(
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="statement_two_persons",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Recipient",
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
                ("name", models.CharField(max_length=200)),
                ("country", models.CharField(max_length=2)),
                ("address", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("name", "country"), name="recipient_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="RecipientChannel",
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
                            ("MAIL", "E-mail"),
                            ("LETTER", "Letter by post"),
                            ("CALL", "Signed call to an https address"),
                        ],
                        max_length=8,
                    ),
                ),
                ("address", models.CharField(max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "waits for a second person"),
                            ("SERVING", "in use"),
                            ("REPLACED", "replaced"),
                            ("REJECTED", "rejected"),
                        ],
                        default="PROPOSED",
                        max_length=8,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=20)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="channels",
                        to="gallery.recipient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "SERVING")),
                        fields=("recipient",),
                        name="one_channel_serves",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["PROPOSED", "REJECTED"]),
                            models.Q(
                                models.Q(("decided_by", ""), _negated=True),
                                models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="channel_two_persons",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Notice",
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
                ("case_id", models.UUIDField(db_index=True)),
                (
                    "ground",
                    models.CharField(
                        choices=[
                            ("ERASURE", "Erasure"),
                            ("RECTIFICATION", "Correction"),
                            ("RESTRICTION", "Restriction"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PREPARED", "leaves after the answer to the person"),
                            ("CANCELLED", "not needed: nothing was erased"),
                            ("NO_WAY", "waits: no address is listed for this recipient"),
                            ("SENDING", "on its way"),
                            ("NOT_REACHED", "not reached yet"),
                            ("PRINTED", "letter made, waits to be posted"),
                            ("SENT", "told, no answer yet"),
                            ("RECEIVED", "says it has the notice"),
                            ("DONE", "says it is done"),
                            ("REFUSED", "refused"),
                            ("EXCUSED", "not told: impossible or disproportionate effort"),
                        ],
                        db_index=True,
                        default="PREPARED",
                        max_length=12,
                    ),
                ),
                ("look_ups", models.PositiveIntegerField(default=0)),
                ("first_shown", models.DateTimeField()),
                ("last_shown", models.DateTimeField()),
                ("prepared_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("letter_id", models.UUIDField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("answered_by", models.CharField(blank=True, max_length=20)),
                ("rounds", models.PositiveSmallIntegerField(default=0)),
                ("posted_round", models.PositiveSmallIntegerField(default=0)),
                ("next_round_at", models.DateTimeField(blank=True, db_index=True, null=True)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("excuse_reason", models.CharField(blank=True, max_length=500)),
                ("excuse_proposed_by", models.CharField(blank=True, max_length=20)),
                ("excused_by", models.CharField(blank=True, max_length=20)),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="gallery.recipient",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="gallery.recipientchannel",
                    ),
                ),
            ],
            options={
                "ordering": ("prepared_at", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("case_id", "recipient", "ground"), name="notice_once_per_recipient"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "EXCUSED"), _negated=True),
                            models.Q(
                                models.Q(("excused_by", ""), _negated=True),
                                models.Q(
                                    ("excused_by", models.F("excuse_proposed_by")), _negated=True
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="excuse_two_persons",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LookUp",
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
                    "way",
                    models.CharField(
                        choices=[("SHOWN", "shown"), ("EXPORTED", "given a copy")],
                        default="SHOWN",
                        max_length=8,
                    ),
                ),
                ("row_number", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "log",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.lookuplog"
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.recipient"
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.record"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("log", "row_number", "record"), name="look_up_row_once"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Hold",
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
                ("case_id", models.UUIDField(db_index=True)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.record"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("record", "case_id"),
                        name="one_hold_per_case",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Restriction",
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
                ("case_id", models.UUIDField(db_index=True)),
                ("reason_code", models.CharField(max_length=40)),
                ("since", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.record"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at", None)),
                        fields=("record", "case_id"),
                        name="one_restriction_per_case",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="InspectionHold",
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
                ("since", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="gallery.source",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="ImportRun",
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
                ("listing_hash", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("RUNNING", "Running"),
                            ("DONE", "Done"),
                            ("SUPERSEDED", "Superseded"),
                        ],
                        default="RUNNING",
                        max_length=12,
                    ),
                ),
                ("seen", models.PositiveIntegerField(default=0)),
                ("imported", models.PositiveIntegerField(default=0)),
                ("duplicates", models.PositiveIntegerField(default=0)),
                ("unreadable", models.PositiveIntegerField(default=0)),
                ("faceless", models.PositiveIntegerField(default=0)),
                ("refused", models.PositiveIntegerField(default=0)),
                ("faces", models.PositiveIntegerField(default=0)),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.source"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "RUNNING")),
                        fields=("source", "listing_hash"),
                        name="one_running_import_per_listing",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="CollectionStop",
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
                ("country", models.CharField(blank=True, max_length=2)),
                ("language", models.CharField(blank=True, max_length=8)),
                ("with_place", models.BooleanField(default=False)),
                ("reason_code", models.CharField(max_length=40)),
                ("since", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="gallery.source",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="SourceImage",
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
                ("unit", models.UUIDField(unique=True)),
                ("file_hash", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("SEARCHABLE", "Searchable"),
                            ("NO_FACE", "No Face"),
                            ("UNREADABLE", "Unreadable"),
                            ("PENDING", "Pending"),
                            ("ERASED", "Erased"),
                        ],
                        db_index=True,
                        default="PENDING",
                        max_length=12,
                    ),
                ),
                ("problem", models.CharField(blank=True, max_length=40)),
                ("width", models.PositiveIntegerField(default=0)),
                ("height", models.PositiveIntegerField(default=0)),
                ("imported_at", models.DateTimeField()),
                (
                    "covered_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="gallery.sourceimage",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.importrun"
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.source"
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.AddField(
            model_name="record",
            name="image",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="gallery.sourceimage"
            ),
        ),
        migrations.CreateModel(
            name="Appearance",
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
                ("field", models.CharField(max_length=20)),
                ("facts_hash", models.CharField(max_length=64)),
                ("page_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                ("image_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                ("path_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                ("seen_at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.importrun"
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.sourceimage"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("image", "facts_hash"), name="facts_once_per_picture"
                    ),
                    models.UniqueConstraint(
                        fields=("image", "field"), name="field_once_per_picture"
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="ImportBatch",
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
                ("first", models.PositiveIntegerField()),
                ("size", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("PENDING", "Pending"), ("DONE", "Done")],
                        default="PENDING",
                        max_length=10,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="gallery.importrun"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "ordinal"), name="batch_once_per_run")
                ]
            },
        ),
    ]
