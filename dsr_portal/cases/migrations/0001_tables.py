"""The tables as they stand. Where the steps named in ``replaces`` ran, nothing is left to do."""

import django.db.models.deletion
from django.db import migrations, models

import dsr_portal.core.ids


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("cases", "0001_initial"),
        ("cases", "0002_received_at_fixed"),
        ("cases", "0003_identity_checks_lapse"),
        ("cases", "0004_withdrawal_and_asks"),
        ("cases", "0005_draft_photos"),
        ("cases", "0006_remove_draft_photo_unit"),
        ("cases", "0007_clock_and_letters"),
        ("cases", "0008_refusals"),
        ("cases", "0009_neutral_letter"),
        ("cases", "0010_social_channel"),
        ("cases", "0011_objection_letter"),
        ("cases", "0012_states_known"),
        ("cases", "0013_receipt_on_paper"),
        ("cases", "0014_rights_added_later"),
        ("cases", "0015_mails"),
        ("cases", "0016_ordered_dates"),
        ("cases", "0017_representation"),
        ("cases", "0018_evidence_lock"),
        ("cases", "0019_locks_asked_before"),
        ("cases", "0020_mails_read"),
        ("cases", "0021_answers_suspended"),
        ("cases", "0022_children"),
        ("cases", "0023_batches"),
        ("cases", "0024_requests_from_one_address"),
        ("cases", "0025_alarm_of_an_exemption"),
    ]
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Batch",
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
                ("content_hash", models.CharField(max_length=64, unique=True)),
                ("made_by", models.CharField(max_length=20)),
                ("made_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("lines", models.PositiveIntegerField()),
                ("left_out", models.PositiveIntegerField(default=0)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Draft",
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
                ("file_unit", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("step", models.PositiveSmallIntegerField(default=1)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Case",
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
                ("reference", models.CharField(max_length=8, unique=True)),
                ("draft_id", models.UUIDField(null=True, unique=True)),
                ("received_at", models.DateTimeField()),
                ("received_on", models.DateField()),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("web", "Website"),
                            ("email", "E-mail"),
                            ("post", "Post"),
                            ("phone", "Phone"),
                            ("social", "Social message"),
                            ("visit", "Visit"),
                            ("dpo", "Data protection officer"),
                            ("representative", "Representative"),
                            ("authority", "Data protection authority"),
                        ],
                        max_length=16,
                    ),
                ),
                ("language", models.CharField(max_length=8)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("regime", models.CharField(max_length=2)),
                ("calendar", models.CharField(max_length=8)),
                ("clock_from", models.DateField(null=True)),
                ("due_unrolled", models.DateField()),
                ("due_on", models.DateField(db_index=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("needs_info", "Waits for the person"),
                            ("identity", "Identity"),
                            ("searching", "Searching"),
                            ("in_review", "First decision"),
                            ("second_review", "Second decision"),
                            ("decided", "Decided"),
                            ("delivered", "Delivered"),
                            ("erasing", "Erasing"),
                            ("closed", "Closed"),
                            ("purged", "Purged"),
                        ],
                        db_index=True,
                        default="received",
                        max_length=16,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("disclosed", "Disclosed"),
                            ("nothing_found", "Nothing found"),
                            ("neutral", "Done, findings not told"),
                            ("erased", "Erased"),
                            ("partly_refused", "Partly refused"),
                            ("refused", "Refused"),
                            ("not_identified", "Not identified"),
                            ("no_request", "No request"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=16,
                    ),
                ),
                ("level", models.PositiveSmallIntegerField(default=0)),
                ("required_level", models.PositiveSmallIntegerField()),
                ("urgent", models.BooleanField(default=False)),
                ("age_band", models.CharField(blank=True, max_length=12)),
                ("opener", models.CharField(blank=True, max_length=20)),
                ("assignee", models.CharField(blank=True, db_index=True, max_length=20)),
                ("contact_unit", models.UUIDField()),
                ("file_unit", models.UUIDField()),
                ("contact_hash", models.CharField(db_index=True, max_length=64, null=True)),
                ("code_counter", models.PositiveIntegerField(default=0)),
                ("origin_confirmed_by", models.CharField(blank=True, max_length=20)),
                ("decided_at", models.DateTimeField(null=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("delete_now_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("purged_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("level__lte", 2), ("required_level__lte", 2)),
                        name="case_levels",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("origin_confirmed_by", ""),
                            models.Q(("origin_confirmed_by", models.F("opener")), _negated=True),
                            _connector="OR",
                        ),
                        name="case_origin_by_another_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_on__gte", models.F("received_on"))),
                        name="case_due_after",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "received",
                                    "needs_info",
                                    "identity",
                                    "searching",
                                    "in_review",
                                    "second_review",
                                    "decided",
                                    "delivered",
                                    "erasing",
                                    "closed",
                                    "purged",
                                ],
                            )
                        ),
                        name="case_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                [
                                    "",
                                    "disclosed",
                                    "nothing_found",
                                    "neutral",
                                    "erased",
                                    "partly_refused",
                                    "refused",
                                    "not_identified",
                                    "no_request",
                                    "withdrawn",
                                ],
                            )
                        ),
                        name="case_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "delivered"), _negated=True),
                            ("delivered_at__isnull", False),
                            _connector="OR",
                        ),
                        name="case_delivered_has_its_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "purged"), _negated=True),
                            ("purged_at__isnull", False),
                            _connector="OR",
                        ),
                        name="case_purged_has_its_moment",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("clock_from__isnull", True),
                            ("clock_from__gte", models.F("received_on")),
                            _connector="OR",
                        ),
                        name="case_clock_not_before_receipt",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Delivery",
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
                            ("answer", "Answer"),
                            ("letter", "Letter"),
                            ("certificate", "Certificate of erasure"),
                            ("notice", "Letter on the way"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ready", "Waits for the daily batch"),
                            ("released", "Released"),
                            ("replaced", "Replaced by a newer link"),
                            ("suspended", "Closed: the person says it shows somebody else"),
                            ("ended", "Ended"),
                        ],
                        default="ready",
                        max_length=10,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("approved_by", models.CharField(max_length=40)),
                ("approver_role", models.CharField(max_length=16)),
                ("created_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("wrong_codes", models.PositiveSmallIntegerField(default=0)),
                ("locked_at", models.DateTimeField(null=True)),
                ("first_opened_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="DraftPhoto",
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
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="photos",
                        to="cases.draft",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="IdentityCheck",
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
                        choices=[
                            ("pose_check", "Pose check"),
                            ("three_photos", "Three photos in a drawn order"),
                            ("call", "Video or phone call"),
                            ("visit", "Visit"),
                            ("post_form", "Signed form with a confirmed photo"),
                            ("eid", "Electronic identity"),
                            ("document", "Masked document, as the person preferred"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "element",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("mailbox_in_record", "Mailbox named in a found record"),
                            ("capture_data", "Capture data of an original match"),
                            (
                                "named_control",
                                "Showed that the page or account they named is theirs",
                            ),
                            ("second_way", "Another way, independent of the first"),
                            ("supervisor_release", "Released by a supervisor with a reason"),
                        ],
                        max_length=20,
                    ),
                ),
                ("level_reached", models.PositiveSmallIntegerField()),
                ("officer", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("field", models.CharField(max_length=60)),
                ("lapsed_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identity_checks",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Letter",
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
                            ("extension", "We need more time"),
                            ("late", "We are late"),
                            ("refusal", "We refuse"),
                            ("objection", "We stop"),
                            ("lock_ends", "The lock ends"),
                            ("breach", "Something went wrong with your data"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Is being made"),
                            ("to_post", "Waits for the post"),
                            ("sent", "Sent"),
                            ("failed", "Could not be made"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("unique_key", models.CharField(max_length=120, unique=True)),
                ("field", models.CharField(max_length=60)),
                ("written_by", models.CharField(max_length=20)),
                ("agreed_by", models.CharField(blank=True, max_length=20)),
                ("created_at", models.DateTimeField()),
                ("document_id", models.UUIDField(null=True)),
                ("delivery_id", models.UUIDField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("posted_by", models.CharField(blank=True, max_length=20)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("sent_at__isnull", False), ("state", "sent")),
                            models.Q(
                                models.Q(("state", "sent"), _negated=True),
                                ("sent_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="letter_sent_has_its_moment",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="EvidenceLock",
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
                ("asked_at", models.DateTimeField()),
                ("asked_by", models.CharField(blank=True, max_length=20)),
                ("until", models.DateField()),
                (
                    "ending",
                    models.CharField(
                        blank=True,
                        choices=[("wish", "The person said so"), ("period", "Its period is over")],
                        max_length=8,
                    ),
                ),
                ("ends_on", models.DateField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "ended_how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("lifted", "Lifted after the letter"),
                            ("deleted", "The person asked to delete now"),
                            ("withdrawn", "The person took the request back"),
                        ],
                        max_length=10,
                    ),
                ),
                ("ended_by", models.CharField(blank=True, max_length=20)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_locks",
                        to="cases.case",
                    ),
                ),
                (
                    "letter",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_lock",
                        to="cases.letter",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("case",),
                        name="evidence_lock_one_in_force",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ending", ""), ("ends_on__isnull", True), ("letter__isnull", True)
                            ),
                            models.Q(
                                models.Q(("ending", ""), _negated=True),
                                ("ends_on__isnull", False),
                                ("letter__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="evidence_lock_ends_by_letter",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_how", "lifted"), _negated=True),
                            models.Q(
                                ("letter__isnull", False), models.Q(("ended_by", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="evidence_lock_lifted_after_letter",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_how", "")),
                            models.Q(
                                ("ended_at__isnull", False),
                                models.Q(("ended_how", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="evidence_lock_over_says_how",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Mail",
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
                    "role",
                    models.CharField(
                        choices=[
                            ("opened", "Opened the case"),
                            ("added", "Added to the case it answers"),
                            ("automatic", "Automatic answer to a mail of ours"),
                        ],
                        max_length=12,
                    ),
                ),
                ("unit", models.UUIDField()),
                ("content_hash", models.CharField(max_length=64, null=True, unique=True)),
                ("arrived_at", models.DateTimeField()),
                (
                    "arrived_by",
                    models.CharField(
                        choices=[
                            ("received", "Received line of our own server"),
                            ("file", "Time of the file in the mailbox"),
                        ],
                        max_length=8,
                    ),
                ),
                ("fetched_at", models.DateTimeField()),
                ("size", models.PositiveBigIntegerField()),
                ("parts", models.PositiveIntegerField()),
                ("trouble", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits to be read"),
                            ("read", "Read"),
                            ("aside", "No request"),
                        ],
                        db_index=True,
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("read_by", models.CharField(blank=True, max_length=20)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mails",
                        to="cases.case",
                    ),
                ),
                (
                    "may_belong",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="named_by_mails",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="MailCode",
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
                ("sent_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mail_codes",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Mandate",
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
                            ("lawyer", "A lawyer"),
                            ("body", "A non-profit body (Art. 80)"),
                            ("guardian", "A guardian, or holder of a lasting power"),
                            ("parent", "Somebody with parental responsibility for a child"),
                            ("heir", "An heir or next of kin of somebody who died"),
                            ("other", "Somebody else the person chose"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits to be checked"),
                            ("doubted", "We asked about it"),
                            ("accepted", "Accepted"),
                            ("refused", "Not accepted"),
                            ("ended", "Ended"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("line", models.PositiveIntegerField(null=True)),
                ("rights", models.JSONField(default=list)),
                ("until", models.DateField(null=True)),
                (
                    "answer_to",
                    models.CharField(
                        choices=[
                            ("person", "To the person"),
                            ("representative", "To the representative"),
                            ("both", "To both"),
                        ],
                        default="person",
                        max_length=16,
                    ),
                ),
                ("law_of", models.CharField(blank=True, max_length=2)),
                ("holds_page", models.BooleanField(default=False)),
                ("proof_unit", models.UUIDField(null=True)),
                ("proof_ended_at", models.DateTimeField(null=True)),
                ("written_by", models.CharField(max_length=20)),
                ("written_at", models.DateTimeField()),
                ("doubts", models.JSONField(default=list)),
                ("means", models.JSONField(default=list)),
                ("asked_by", models.CharField(blank=True, max_length=20)),
                ("asked_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("wanted_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=20)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not_given", "The person told us that they gave no mandate"),
                            ("not_shown", "We asked, and nothing showed a mandate"),
                            ("not_covered", "The mandate covers nothing of what is asked"),
                            ("over", "The mandate had ended before the request"),
                            ("child", "It is against the interest of the child"),
                            ("national_law", "National law gives them no right to act here"),
                        ],
                        max_length=16,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(blank=True, max_length=16)),
                (
                    "batch",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="cases.batch",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandates",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "doubted", "accepted"])),
                        fields=("case",),
                        name="mandate_one_standing",
                    ),
                    models.UniqueConstraint(fields=("batch", "line"), name="mandate_line_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", ""),
                            models.Q(("decided_by", models.F("written_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="mandate_decided_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason__gt", ""), ("state", "refused")),
                            models.Q(models.Q(("state", "refused"), _negated=True), ("reason", "")),
                            _connector="OR",
                        ),
                        name="mandate_refused_with_reason",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Invitation",
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
                    "addressee",
                    models.CharField(
                        choices=[
                            ("person", "The person"),
                            ("representative", "The representative"),
                        ],
                        max_length=16,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("counter", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="cases.case",
                    ),
                ),
                (
                    "mandate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="cases.mandate",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Message",
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
                    "direction",
                    models.CharField(
                        choices=[("in", "From the person"), ("out", "To the person")], max_length=3
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, max_length=20)),
                ("field", models.CharField(max_length=60)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Ask",
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
                ("missing", models.JSONField(default=list)),
                ("means", models.JSONField(default=list)),
                ("officer", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("reminded_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asks",
                        to="cases.case",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="asks",
                        to="cases.message",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="OrderedDate",
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
                ("order_id", models.UUIDField()),
                ("authority_code", models.CharField(max_length=20)),
                ("due_on", models.DateField()),
                ("since", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ordered_dates",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("case", "order_id"), name="ordered_date_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="Pause",
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
                    "ground",
                    models.CharField(
                        choices=[
                            ("identity", "We need to know whose data are meant"),
                            ("specifying", "We need to know which data are meant"),
                        ],
                        max_length=10,
                    ),
                ),
                ("by", models.CharField(max_length=20)),
                ("agreed_by", models.CharField(blank=True, max_length=20)),
                ("from_on", models.DateField(null=True)),
                ("until_on", models.DateField(null=True)),
                (
                    "ask",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pause",
                        to="cases.ask",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pauses",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("agreed_by", ""),
                            models.Q(("agreed_by", models.F("by")), _negated=True),
                            _connector="OR",
                        ),
                        name="pause_agreed_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("from_on__isnull", True),
                            ("until_on__isnull", True),
                            ("until_on__gte", models.F("from_on")),
                            _connector="OR",
                        ),
                        name="pause_ends_after_it_began",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Proposal",
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
                            ("pause", "Stop the clock for a question that was asked late"),
                            ("extension", "Take longer than a month"),
                            ("withhold", "Hold one picture back from the answer"),
                            ("exempt", "Keep one picture although erasure was asked"),
                            ("refuse", "Refuse the request as abusive"),
                            ("no_request", "Set a mail aside that asks for nothing"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waits for another person"),
                            ("agreed", "Agreed"),
                            ("turned_down", "Turned down"),
                            ("lapsed", "Came to nothing"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=20)),
                ("proposed_at", models.DateTimeField()),
                ("codes", models.JSONField(default=dict)),
                ("field", models.CharField(blank=True, max_length=60)),
                ("needed", models.PositiveSmallIntegerField(default=1)),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("state", "waiting")),
                            models.Q(
                                models.Q(("state", "waiting"), _negated=True),
                                ("settled_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_settled_when_over",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Extension",
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
                ("reason", models.CharField(max_length=20)),
                ("months", models.PositiveSmallIntegerField()),
                ("told_on", models.DateField(null=True)),
                ("void", models.BooleanField(default=False)),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extension",
                        to="cases.case",
                    ),
                ),
                (
                    "letter",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extension",
                        to="cases.letter",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="extension",
                        to="cases.proposal",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("months__gte", 1), ("months__lte", 2)),
                        name="extension_two_months_most",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("void", False), ("told_on__isnull", True), _connector="OR"
                        ),
                        name="extension_void_or_told",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Agreement",
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
                ("proposed_by", models.CharField(max_length=20)),
                ("by", models.CharField(max_length=20)),
                ("role", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="agreements",
                        to="cases.proposal",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("proposal", "by"), name="agreement_once"),
                    models.CheckConstraint(
                        condition=models.Q(("by", models.F("proposed_by")), _negated=True),
                        name="agreement_by_another",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Receipt",
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
                ("created_at", models.DateTimeField()),
                ("unit", models.UUIDField()),
                ("field", models.CharField(max_length=60)),
                ("head_number", models.PositiveBigIntegerField()),
                ("head_hash", models.CharField(max_length=64)),
                ("handed_at", models.DateTimeField(null=True)),
                ("handed_by", models.CharField(blank=True, max_length=20)),
                (
                    "handed_how",
                    models.CharField(
                        blank=True,
                        choices=[("post", "Put in the post"), ("hand", "Given into their hand")],
                        max_length=8,
                    ),
                ),
                ("handed_counter", models.PositiveIntegerField(null=True)),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="receipt",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="WayIn",
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
                            ("selfie", "Photo"),
                            ("page", "Page address"),
                            ("file", "Exact file"),
                            ("account", "Account name"),
                            ("other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("keyed_hash", models.CharField(db_index=True, max_length=64, null=True)),
                ("field", models.CharField(blank=True, max_length=60)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ways",
                        to="cases.case",
                    ),
                ),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Withheld",
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
                (
                    "what",
                    models.CharField(
                        choices=[("answer", "from the answer"), ("erasure", "from the erasure")],
                        max_length=8,
                    ),
                ),
                ("ground", models.CharField(max_length=20)),
                ("until", models.DateField(null=True)),
                ("agreed_by", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withheld",
                        to="cases.case",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withheld",
                        to="cases.proposal",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("case", "record_id", "what"), name="withheld_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("until__isnull", False), ("what", "erasure")),
                            models.Q(("until__isnull", True), ("what", "answer")),
                            _connector="OR",
                        ),
                        name="withheld_from_erasure_until",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="CaseRight",
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
                    "right",
                    models.CharField(
                        choices=[
                            ("access", "Access"),
                            ("erasure", "Erasure"),
                            ("restriction", "Restriction"),
                            ("objection", "Objection"),
                            ("rectification", "Rectification"),
                        ],
                        max_length=16,
                    ),
                ),
                ("added_at", models.DateTimeField(null=True)),
                ("due_on", models.DateField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rights",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("case", "right"), name="case_right_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="ChildReview",
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
                    "acts",
                    models.CharField(
                        choices=[
                            (
                                "alone",
                                "The child asks alone, and understands what they ask and what follows",
                            ),
                            (
                                "with",
                                "Somebody with parental responsibility asks, for the child's own good",
                            ),
                        ],
                        max_length=8,
                    ),
                ),
                ("conflict", models.BooleanField(default=False)),
                ("photo", models.BooleanField(default=False)),
                ("by", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("field", models.CharField(max_length=60)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="child_reviews",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("conflict", False), ("photo", False), _connector="OR"),
                        name="child_conflict_no_photo",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Consent",
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
                    "scope",
                    models.CharField(
                        choices=[
                            ("comparison", "Comparison"),
                            ("check_frames", "Camera frames for the check"),
                            ("search_frames", "Camera frames for the search"),
                            ("block_list", "Face block list"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text_version", models.CharField(max_length=20)),
                ("text_hash", models.CharField(max_length=64)),
                ("given_at", models.DateTimeField()),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("web", "Website"),
                            ("email", "E-mail"),
                            ("post", "Post"),
                            ("phone", "Phone"),
                            ("social", "Social message"),
                            ("visit", "Visit"),
                            ("dpo", "Data protection officer"),
                            ("representative", "Representative"),
                            ("authority", "Data protection authority"),
                        ],
                        max_length=16,
                    ),
                ),
                ("language", models.CharField(max_length=8)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("case", "scope"),
                        name="consent_one_in_force",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="DeliveryPart",
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
                ("ordinal", models.PositiveSmallIntegerField()),
                ("document_id", models.UUIDField(null=True)),
                ("unit", models.UUIDField(null=True)),
                ("field", models.CharField(blank=True, max_length=60)),
                ("name", models.CharField(max_length=80)),
                ("media_type", models.CharField(max_length=60)),
                ("size", models.PositiveBigIntegerField(default=0)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="cases.delivery",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("delivery", "ordinal"), name="part_ordinal_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("document_id__isnull", False),
                            ("unit__isnull", False),
                            _connector="XOR",
                        ),
                        name="part_document_or_unit",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Escalation",
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
                    "code",
                    models.CharField(
                        choices=[
                            ("unseen", "Urgent, and nobody looked at it today"),
                            ("target", "Our own date for the answer has passed"),
                            ("due_7", "Due in seven days"),
                            ("due_3", "Due in three days"),
                            ("due_1", "Due tomorrow"),
                            ("late", "Late"),
                            ("unanswered", "The person wrote and got no answer"),
                            ("second_review", "The second review is missing"),
                            ("proposal", "A proposal waits for another person"),
                            ("letter", "A letter could not be made or waits for the post"),
                            ("lock", "A lock has ended and waits to be lifted"),
                            ("exemption", "The last day of an exemption has come"),
                        ],
                        max_length=16,
                    ),
                ),
                ("about", models.CharField(max_length=60)),
                ("to", models.CharField(db_index=True, max_length=20)),
                ("raised_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="escalations",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("case", "code", "about", "to"), name="escalation_once"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Flag",
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
                ("code", models.CharField(max_length=40)),
                ("raised_at", models.DateTimeField()),
                ("raised_by", models.CharField(max_length=40)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="flags",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("case", "code"), name="flag_once")]
            },
        ),
        migrations.CreateModel(
            name="Lateness",
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
                ("missed_on", models.DateField()),
                ("noticed_at", models.DateTimeField()),
                ("new_date", models.DateField()),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("staff", "Too few people"),
                            ("backlog", "Too many requests at once"),
                            ("technical", "Something technical failed"),
                            ("hard", "The case was hard"),
                            ("mistake", "It was overlooked"),
                            ("others", "We waited for somebody else"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason_by", models.CharField(blank=True, max_length=20)),
                ("field", models.CharField(blank=True, max_length=60)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lateness",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("case", "missed_on"), name="lateness_once"),
                    models.CheckConstraint(
                        condition=models.Q(("new_date__gt", models.F("missed_on"))),
                        name="lateness_new_date",
                    ),
                ]
            },
        ),
    ]
