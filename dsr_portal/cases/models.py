"""The request's life: what was asked, when, by which way, and what became of it.

Plain columns hold ids, times, states and codes. Whatever says something about the person lies in
one of two vault units of the case: the contact (address, receipt) and the file (ways in, messages,
what was compared), or in the draft before Send (design, section 5).
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Status(models.TextChoices):
    """Where the case stands. What was decided is `Outcome`; lateness follows from `due_on`."""

    RECEIVED = "received", _("Received")
    NEEDS_INFO = "needs_info", _("Waits for the person")
    IDENTITY = "identity", _("Identity")
    SEARCHING = "searching", _("Searching")
    IN_REVIEW = "in_review", _("First decision")
    SECOND_REVIEW = "second_review", _("Second decision")
    DECIDED = "decided", _("Decided")
    DELIVERED = "delivered", _("Delivered")
    ERASING = "erasing", _("Erasing")
    CLOSED = "closed", _("Closed")
    PURGED = "purged", _("Purged")


class Outcome(models.TextChoices):
    DISCLOSED = "disclosed", _("Disclosed")
    NOTHING_FOUND = "nothing_found", _("Nothing found")
    ERASED = "erased", _("Erased")
    PARTLY_REFUSED = "partly_refused", _("Partly refused")
    REFUSED = "refused", _("Refused")
    NOT_IDENTIFIED = "not_identified", _("Not identified")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Channel(models.TextChoices):
    """How the request reached us; every official channel counts (law T-08)."""

    WEB = "web", _("Website")
    EMAIL = "email", _("E-mail")
    POST = "post", _("Post")
    PHONE = "phone", _("Phone")
    VISIT = "visit", _("Visit")
    DPO = "dpo", _("Data protection officer")
    REPRESENTATIVE = "representative", _("Representative")
    AUTHORITY = "authority", _("Data protection authority")


class RightCode(models.TextChoices):
    ACCESS = "access", _("Access")
    ERASURE = "erasure", _("Erasure")
    RESTRICTION = "restriction", _("Restriction")
    OBJECTION = "objection", _("Objection")
    RECTIFICATION = "rectification", _("Rectification")


class WayKind(models.TextChoices):
    """What the person gave to be found by; none is compulsory (law T-06)."""

    SELFIE = "selfie", _("Photo")
    PAGE = "page", _("Page address")
    FILE = "file", _("Exact file")
    ACCOUNT = "account", _("Account name")
    OTHER = "other", _("Other")


class ConsentScope(models.TextChoices):
    COMPARISON = "comparison", _("Comparison")
    CHECK_FRAMES = "check_frames", _("Camera frames for the check")
    SEARCH_FRAMES = "search_frames", _("Camera frames for the search")
    BLOCK_LIST = "block_list", _("Face block list")


class IdentityWay(models.TextChoices):
    """The ways of R6."""

    POSE_CHECK = "pose_check", _("Pose check")
    THREE_PHOTOS = "three_photos", _("Three photos in a drawn order")
    CALL = "call", _("Video or phone call")
    VISIT = "visit", _("Visit")
    POST_FORM = "post_form", _("Signed form with a confirmed photo")
    EID = "eid", _("Electronic identity")
    DOCUMENT = "document", _("Masked document, as the person preferred")


class IdentityElement(models.TextChoices):
    """One further independent element (R7)."""

    MAILBOX_IN_RECORD = "mailbox_in_record", _("Mailbox named in a found record")
    CAPTURE_DATA = "capture_data", _("Capture data of an original match")
    SECOND_WAY = "second_way", _("Another way, independent of the first")
    SUPERVISOR_RELEASE = "supervisor_release", _("Released by a supervisor with a reason")


class DeliveryKind(models.TextChoices):
    ANSWER = "answer", _("Answer")
    LETTER = "letter", _("Letter")
    CERTIFICATE = "certificate", _("Certificate of erasure")


class DeliveryState(models.TextChoices):
    READY = "ready", _("Waits for the daily batch")
    RELEASED = "released", _("Released")
    REPLACED = "replaced", _("Replaced by a newer link")
    ENDED = "ended", _("Ended")


class Direction(models.TextChoices):
    IN = "in", _("From the person")
    OUT = "out", _("To the person")


class Case(Row):
    """One request and our handling of it. A trigger keeps `received_at` as it was (law D-05)."""

    reference = models.CharField(max_length=8, unique=True)
    draft_id = models.UUIDField(null=True, unique=True)
    """The draft it was sent from: the same draft sent twice is one case."""
    received_at = models.DateTimeField()
    received_on = models.DateField()
    channel = models.CharField(max_length=16, choices=Channel.choices)
    language = models.CharField(max_length=8)
    country = models.CharField(max_length=2, blank=True)
    regime = models.CharField(max_length=2)
    calendar = models.CharField(max_length=8)
    due_unrolled = models.DateField()
    due_on = models.DateField(db_index=True)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.RECEIVED, db_index=True
    )
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    level = models.PositiveSmallIntegerField(default=0)
    required_level = models.PositiveSmallIntegerField()
    urgent = models.BooleanField(default=False)
    age_band = models.CharField(max_length=12, blank=True)
    opener = models.CharField(max_length=20, blank=True)
    """Staff number of who entered it; empty when the person sent it."""
    assignee = models.CharField(max_length=20, blank=True, db_index=True)
    contact_unit = models.UUIDField()
    file_unit = models.UUIDField()
    code_counter = models.PositiveIntegerField(default=0)
    origin_confirmed_by = models.CharField(max_length=20, blank=True)
    """R20: who saw the original of a request that staff entered."""
    decided_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    delete_now_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(level__lte=2, required_level__lte=2), name="case_levels"
            ),
            models.CheckConstraint(
                condition=models.Q(origin_confirmed_by="")
                | ~models.Q(origin_confirmed_by=models.F("opener")),
                name="case_origin_by_another_person",
            ),
            models.CheckConstraint(
                condition=models.Q(due_on__gte=models.F("received_on")), name="case_due_after"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class CaseRight(Row):
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rights")
    right = models.CharField(max_length=16, choices=RightCode.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "right"], name="case_right_once"),
        ]

    def __str__(self) -> str:
        return self.right


class WayIn(Row):
    """A way to be found. `field` names the vault field of the case file that holds what was sent;
    `keyed_hash` finds it without opening (canonical address, account name, exact file)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="ways")
    kind = models.CharField(max_length=10, choices=WayKind.choices)
    keyed_hash = models.CharField(max_length=64, null=True, db_index=True)  # noqa: DJ001 - absent
    field = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return self.kind


class Consent(Row):
    """What was agreed to, in which words, when and how (R8, law P-02)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="consents")
    scope = models.CharField(max_length=16, choices=ConsentScope.choices)
    text_version = models.CharField(max_length=20)
    text_hash = models.CharField(max_length=64)
    given_at = models.DateTimeField()
    channel = models.CharField(max_length=16, choices=Channel.choices)
    language = models.CharField(max_length=8)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "scope"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="consent_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.text_version}"


class IdentityCheck(Row):
    """A named person's record of what was compared (R6, R7); the words are in the case file."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="identity_checks")
    way = models.CharField(max_length=16, choices=IdentityWay.choices)
    element = models.CharField(max_length=20, choices=IdentityElement.choices, blank=True)
    level_reached = models.PositiveSmallIntegerField()
    officer = models.CharField(max_length=20)
    at = models.DateTimeField()
    field = models.CharField(max_length=60)
    lapsed_at = models.DateTimeField(null=True)
    """When another photo came, with which nobody was compared yet."""

    def __str__(self) -> str:
        return f"{self.way} L{self.level_reached}"


class Flag(Row):
    """Something an officer should know about a case; never shown outside (R3)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="flags")
    code = models.CharField(max_length=40)
    raised_at = models.DateTimeField()
    raised_by = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "code"], name="flag_once")]

    def __str__(self) -> str:
        return self.code


class Receipt(Row):
    """The receipt, written with the case (R14). Its text is JSON in the contact unit."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="receipt")
    created_at = models.DateTimeField()
    unit = models.UUIDField()
    field = models.CharField(max_length=60)
    head_number = models.PositiveBigIntegerField()
    head_hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return str(self.case_id)


class Draft(Row):
    """A request being written on the public site; the session holds this id and nothing else.

    Photo and exact file are units of their own, so that taking one out destroys it at once.
    """

    unit = models.UUIDField()
    photo_unit = models.UUIDField(null=True)
    file_unit = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    step = models.PositiveSmallIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.id)


class MailCode(Row):
    """A code sent to the mailbox at filing (R12). The code is derived, never stored."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="mail_codes")
    sent_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.case_id)


class Delivery(Row):
    """Something that waits behind a link and the receipt code (R13).

    The token is derived from the contact unit's key; only its keyed hash is stored.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=12, choices=DeliveryKind.choices)
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.READY
    )
    token_hash = models.CharField(max_length=64, unique=True)
    approved_by = models.CharField(max_length=40)
    approver_role = models.CharField(max_length=16)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    locked_at = models.DateTimeField(null=True)
    first_opened_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class DeliveryPart(Row):
    """One file of a delivery: a document, or a field of a vault unit."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="parts")
    ordinal = models.PositiveSmallIntegerField()
    document_id = models.UUIDField(null=True)
    unit = models.UUIDField(null=True)
    field = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=80)
    media_type = models.CharField(max_length=60)
    size = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "ordinal"], name="part_ordinal_once"),
            models.CheckConstraint(
                condition=models.Q(document_id__isnull=False) ^ models.Q(unit__isnull=False),
                name="part_document_or_unit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Message(Row):
    """What the person said to us or we to the person; the words are in the case file."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages")
    direction = models.CharField(max_length=3, choices=Direction.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=20, blank=True)
    field = models.CharField(max_length=60)

    def __str__(self) -> str:
        return f"{self.direction} {self.at:%Y-%m-%d}"
