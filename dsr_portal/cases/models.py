"""The request's life: what was asked, when, by which way, and what became of it.

Plain columns hold ids, times, states and codes. Whatever says something about the person lies in
one of two vault units of the case: the contact (address, receipt) and the file (ways in, messages,
what was compared), or in the draft before Send (design, section 5).
"""

from datetime import date, datetime

from django.db import models
from django.db.models.functions import Coalesce
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
    NEUTRAL = "neutral", _("Done, findings not told")
    ERASED = "erased", _("Erased")
    PARTLY_REFUSED = "partly_refused", _("Partly refused")
    REFUSED = "refused", _("Refused")
    NOT_IDENTIFIED = "not_identified", _("Not identified")
    NAMED_PAGE = "named_page", _("One page dealt with, not identified")
    NO_REQUEST = "no_request", _("No request")
    WITHDRAWN = "withdrawn", _("Withdrawn")


UNIDENTIFIED = frozenset({Outcome.NOT_IDENTIFIED, Outcome.NAMED_PAGE})
"""Nobody could tell who asks: nothing was disclosed, and who gives more opens the request again."""


class Channel(models.TextChoices):
    """How the request reached us; every official channel counts (law T-08)."""

    WEB = "web", _("Website")
    EMAIL = "email", _("E-mail")
    POST = "post", _("Post")
    PHONE = "phone", _("Phone")
    SOCIAL = "social", _("Social message")
    VISIT = "visit", _("Visit")
    DPO = "dpo", _("Data protection officer")
    REPRESENTATIVE = "representative", _("Representative")
    EU_REPRESENTATIVE = "art_27", _("Our representative in the EU")
    THIRD_PARTY = "third_party", _("Portal of somebody else")
    AUTHORITY = "authority", _("Data protection authority")


class RightCode(models.TextChoices):
    ACCESS = "access", _("Access")
    ERASURE = "erasure", _("Erasure")
    RESTRICTION = "restriction", _("Restriction")
    OBJECTION = "objection", _("Objection")
    RECTIFICATION = "rectification", _("Rectification")
    PORTABILITY = "portability", _("Portability")


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
    NAMED_CONTROL = "named_control", _("Showed that the page or account they named is theirs")
    SECOND_WAY = "second_way", _("Another way, independent of the first")
    SUPERVISOR_RELEASE = "supervisor_release", _("Released by a supervisor with a reason")


class PaperWay(models.TextChoices):
    """How the confirmation on paper reached the person (R12)."""

    POST = "post", _("Put in the post")
    HAND = "hand", _("Given into their hand")


class Missing(models.TextChoices):
    """Which fact makes us ask (R-06): never what was found, never a suspicion about a person."""

    NOTHING_TO_LOOK_UP = "nothing_to_look_up", _("Nothing we can look for was given")
    NO_WAY_TAKEN = "no_way_taken", _("No way to show who is asking was taken yet")
    WAY_DID_NOT_SHOW = "way_did_not_show", _("The way that was taken did not show it")
    NAMED_NOT_LINKED = "named_not_linked", _("What was named is not linked to who is asking")
    WHICH_MEANT = "which_meant", _("There is very much, and which of it is meant is not clear")
    """Recital 63: a question about the request, not about the person."""


class Means(models.TextChoices):
    """What the person may choose from when we ask; at least two are offered (R6, R-06)."""

    PHOTO = "photo", _("a photo of you, sent on this page")
    NAMED = "named", _("a page address, a file or an account name, given on this page")
    CONTROL = "control", _("a sign we agree on, placed on the page or account you named")
    CALL = "call", _("a video or phone call with an officer")
    VISIT = "visit", _("a visit")
    POST_FORM = "post_form", _("a signed form by post")
    EID = "eid", _("an electronic identity")
    DOCUMENT = "document", _("a document with everything covered that we do not need")
    IN_WORDS = "in_words", _("a few words on this page: which pictures, years or uses you mean")
    WHOLE = "whole", _("the word “everything”: then we go on without knowing more")


class PauseGround(models.TextChoices):
    """Why the clock may stand still (law D-07); nothing else stops it."""

    IDENTITY = "identity", _("We need to know whose data are meant")
    SPECIFYING = "specifying", _("We need to know which data are meant")


class ProposalKind(models.TextChoices):
    """What one person proposes and another agrees to before it has any effect."""

    PAUSE = "pause", _("Stop the clock for a question that was asked late")
    EXTENSION = "extension", _("Take longer than a month")
    WITHHOLD = "withhold", _("Hold one picture back from the answer")
    EXEMPT = "exempt", _("Keep one picture although erasure was asked")
    TEMPLATE = "template", _("Hold the face code of one picture back from the answer")
    LENGTHEN = "lengthen", _("Keep one picture longer than was said")
    CORRECTION = "correction", _("Do less than was asked about something wrong in a picture")
    REFUSE = "refuse", _("Refuse the request as abusive")
    NO_REQUEST = "no_request", _("Set a mail aside that asks for nothing")
    ASK_AGAIN = "ask_again", _("Ask the person once more")
    WISH_EXTENSION = "wish_extension", _("Take longer for a wish that was added later")
    WISH_PAUSE = "wish_pause", _("Stop the clock of an added wish for a question asked late")
    ARRIVAL = "arrival", _("It arrived on an earlier day")
    ADDRESS = "address", _("Write to a new e-mail address")


class HeldBack(models.TextChoices):
    """From what a record is held back: each on its own ground, one record at a time."""

    ANSWER = "answer", _("from the answer")
    ERASURE = "erasure", _("from the erasure")
    TEMPLATE = "template", _("from the answer, the face code alone")


class ProposalState(models.TextChoices):
    WAITING = "waiting", _("Waits for another person")
    AGREED = "agreed", _("Agreed")
    TURNED_DOWN = "turned_down", _("Turned down")
    LAPSED = "lapsed", _("Came to nothing")


class LetterKind(models.TextChoices):
    """Letters beside the answer; docs/letters.md is made from the registry of these."""

    EXTENSION = "extension", _("We need more time")
    LATE = "late", _("We are late")
    REFUSAL = "refusal", _("We refuse")
    OBJECTION = "objection", _("We stop")
    LOCK_ENDS = "lock_ends", _("The lock ends")
    BREACH = "breach", _("Something went wrong with your data")
    RECTIFICATION = "rectification", _("What you told us to correct")
    EXEMPTION = "exemption", _("We keep a picture longer")
    NEED_INFO = "need_info", _("We need something from you")
    IDENTITY_DOUBT = "identity_doubt", _("We need to know that it is you")
    WISH_EXTENSION = "wish_extension", _("We need more time for something you asked later")
    WISH_ASK = "wish_ask", _("A question about something you asked later")
    ASK_REMINDER = "ask_reminder", _("We asked you for something")
    PHOTO = "photo", _("We need another photo")
    NAME_CORRECTION = "name_correction", _("How to name what is wrong")
    ADDRESS = "address", _("A new address of yours")


class LetterState(models.TextChoices):
    QUEUED = "queued", _("Is being made")
    TO_POST = "to_post", _("Waits for the post")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Could not be made")
    DROPPED = "dropped", _("Not needed any more")
    """The person answered, or the case went on, before the letter had left."""


class LockEnd(models.TextChoices):
    """Why a lock kept as evidence comes to its end (Art. 18(3))."""

    WISH = "wish", _("The person said so")
    PERIOD = "period", _("Its period is over")


class LockOver(models.TextChoices):
    """What a lock kept as evidence ended with."""

    LIFTED = "lifted", _("Lifted after the letter")
    DELETED = "deleted", _("The person asked to delete now")
    WITHDRAWN = "withdrawn", _("The person took the request back")


class LateReason(models.TextChoices):
    """Why a date was missed, in the controller's own words to itself (law D-09)."""

    STAFF = "staff", _("Too few people")
    BACKLOG = "backlog", _("Too many requests at once")
    TECHNICAL = "technical", _("Something technical failed")
    HARD = "hard", _("The case was hard")
    MISTAKE = "mistake", _("It was overlooked")
    OTHERS = "others", _("We waited for somebody else")


class Alarm(models.TextChoices):
    """What is told to named persons before and after a date is missed (law D-04)."""

    UNSEEN = "unseen", _("Urgent, and nobody looked at it today")
    TARGET = "target", _("Our own date for the answer has passed")
    DUE_7 = "due_7", _("Due in seven days")
    DUE_3 = "due_3", _("Due in three days")
    DUE_1 = "due_1", _("Due tomorrow")
    LATE = "late", _("Late")
    NO_DATE = "no_date", _("Late, and nobody has named a new date")
    STANDS = "stands", _("The clock stands still; without that it would be due in seven days")
    STANDS_LATE = "stands_late", _("The clock stands still; without that it would be late")
    CLOSE_DUE = "close_due", _("Nobody answered our question: write the closing letter")
    WISH_SILENT = "wish_silent", _("Nobody answered our question about an added wish")
    UNANSWERED = "unanswered", _("The person wrote and got no answer")
    SEARCH = "search", _("The search is not done")
    FIRST_DECISION = "first_decision", _("Nobody decided yet, also not what to lock")
    SECOND_REVIEW = "second_review", _("The second review is missing")
    PROPOSAL = "proposal", _("A proposal waits for another person")
    LETTER = "letter", _("A letter could not be made or waits for the post")
    LOCK = "lock", _("A lock has ended and waits to be lifted")
    EXEMPTION = "exemption", _("The last day of an exemption is near or has come")
    NOBODY_LEFT = "nobody_left", _("Too few are left who may work on it: two persons are needed")
    PUT_ASIDE = "put_aside", _("A picture is put aside and waits for a supervisor")
    ANSWER_CLOSED = (
        "answer_closed",
        _("An answer that left is closed, for a picture in it is put aside: write to the person"),
    )


class DeliveryKind(models.TextChoices):
    ANSWER = "answer", _("Answer")
    LETTER = "letter", _("Letter")
    CERTIFICATE = "certificate", _("Certificate of erasure")
    NOTICE = "notice", _("Letter on the way")
    """A letter that is no answer: it moves no case and leaves at once."""


NO_ANSWER = frozenset({DeliveryKind.LETTER, DeliveryKind.NOTICE})
"""What may lie behind a link and is not yet what was asked for."""


class DeliveryState(models.TextChoices):
    READY = "ready", _("Waits for the daily batch")
    RELEASED = "released", _("Released")
    TO_POST = "to_post", _("Waits for the post")
    POSTED = "posted", _("Posted, registered")
    REPLACED = "replaced", _("Replaced by a newer link")
    SUSPENDED = "suspended", _("Closed: the person says it shows somebody else")
    TAKEN_BACK = "taken_back", _("Closed: the answer is made anew without a picture")
    ENDED = "ended", _("Ended")


class MailRole(models.TextChoices):
    """What became of a message that came by mail when it was fetched."""

    OPENED = "opened", _("Opened the case")
    ADDED = "added", _("Added to the case it answers")
    AUTOMATIC = "automatic", _("Automatic answer to a mail of ours")


class MailState(models.TextChoices):
    """Whether a person read it; the clock runs all the same (law D-05)."""

    WAITING = "waiting", _("Waits to be read")
    READ = "read", _("Read")
    ASIDE = "aside", _("No request")


class ArrivedBy(models.TextChoices):
    """Which trace tells the moment a message reached us; never the `Date` its sender wrote."""

    RECEIVED = "received", _("Received line of our own server")
    FILE = "file", _("Time of the file in the mailbox")


class Direction(models.TextChoices):
    IN = "in", _("From the person")
    OUT = "out", _("To the person")


class Case(Row):
    """One request and our handling of it. A trigger keeps `received_at` as it was (D-05)."""

    reference = models.CharField(max_length=8, unique=True)
    draft_id = models.UUIDField(null=True, unique=True)
    """The draft it was sent from: the same draft sent twice is one case."""
    received_at = models.DateTimeField()
    received_on = models.DateField()
    corrected_on = models.DateField(null=True)
    """An earlier day on which it reached us: two persons agreed that the first was wrong (D-05)."""
    channel = models.CharField(max_length=16, choices=Channel.choices)
    language = models.CharField(max_length=8)
    country = models.CharField(max_length=2, blank=True)
    regime = models.CharField(max_length=2)
    calendar = models.CharField(max_length=8)
    clock_from = models.DateField(null=True)
    """The day the period counts from where that is not the day of receipt: the person came back."""
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
    contact_hash = models.CharField(max_length=64, null=True, db_index=True)  # noqa: DJ001 - absent
    """Keyed hash of the e-mail address: other requests from it are shown beside this one."""
    code_counter = models.PositiveIntegerField(default=0)
    origin_confirmed_by = models.CharField(max_length=20, blank=True)
    """R20: who saw the original of a request that staff entered."""
    decided_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    delete_now_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    """When the person took the request back; an erasure nobody outside saw may still end (R3)."""

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
                condition=models.Q(due_on__gte=Coalesce("corrected_on", "received_on")),
                name="case_due_after",
            ),
            models.CheckConstraint(
                condition=models.Q(corrected_on__isnull=True)
                | models.Q(corrected_on__lt=models.F("received_on")),
                name="case_corrected_to_an_earlier_day",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values), name="case_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["", *Outcome.values]), name="case_outcome_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="delivered") | models.Q(delivered_at__isnull=False),
                name="case_delivered_has_its_moment",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="purged") | models.Q(purged_at__isnull=False),
                name="case_purged_has_its_moment",
            ),
            models.CheckConstraint(
                condition=models.Q(clock_from__isnull=True)
                | models.Q(clock_from__gte=models.F("received_on")),
                name="case_clock_not_before_receipt",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def arrived_on(self) -> date:
        """The day it reached us, by which every date counts and every letter speaks."""
        return self.corrected_on or self.received_on


class CaseRight(Row):
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="rights")
    right = models.CharField(max_length=16, choices=RightCode.choices)
    added_at = models.DateTimeField(null=True)
    """When it was asked later than the request; its month counts from then, until `due_on`."""
    due_on = models.DateField(null=True)

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
    """When something came nobody was checked about yet, or the photo it compared with went."""

    def __str__(self) -> str:
        return f"{self.way} L{self.level_reached}"


class Ask(Row):
    """That we asked the person for what is missing, why, and with which choices (T-07, R-06).

    It is a letter, and asked on the day that letter was sent or posted; the same words lie in the
    case file as a message for the page. `level` is what the request needed then (R2). From the
    second of a case on another person agreed to it, with a fact no ask had before (law N-07).
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="asks")
    number = models.PositiveSmallIntegerField(default=1)
    missing = models.JSONField(default=list)
    means = models.JSONField(default=list)
    officer = models.CharField(max_length=20)
    at = models.DateTimeField()
    message = models.ForeignKey("cases.Message", on_delete=models.PROTECT, related_name="asks")
    agreed_by = models.CharField(max_length=20, blank=True)
    level = models.PositiveSmallIntegerField(default=0)
    letter = models.OneToOneField(
        "cases.Letter", null=True, on_delete=models.PROTECT, related_name="ask"
    )
    reminder = models.OneToOneField(
        "cases.Letter", null=True, on_delete=models.PROTECT, related_name="reminds_of"
    )
    answered_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    """When the reminder was sent or posted."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="ask_number_once"),
            models.CheckConstraint(
                condition=models.Q(number=1) | models.Q(number__gt=1) & ~models.Q(agreed_by=""),
                name="ask_again_agreed_to",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_by="") | ~models.Q(agreed_by=models.F("officer")),
                name="ask_agreed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.at:%Y-%m-%d}"

    @property
    def sent_at(self) -> datetime | None:
        """When the person could read it; None while its letter has not left. One that was asked
        before questions were letters was read on the page at once."""
        return self.at if self.letter is None else self.letter.sent_at


class AskedFact(Row):
    """One fact an ask named; a case is never asked for the same one again (law N-07)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="asked_facts")
    ask = models.ForeignKey(Ask, on_delete=models.PROTECT, related_name="facts")
    fact = models.CharField(max_length=24, choices=Missing.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "fact"], name="asked_fact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.fact}"


class Pause(Row):
    """The clock stands still while a recorded question is open (law D-07).

    `from_on` is None while another person has not agreed to it yet; `until_on` while the answer is
    outstanding. Days are whole: a question answered on the same day moves nothing.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="pauses")
    ask = models.OneToOneField(Ask, on_delete=models.PROTECT, related_name="pause")
    ground = models.CharField(max_length=10, choices=PauseGround.choices)
    by = models.CharField(max_length=20)
    agreed_by = models.CharField(max_length=20, blank=True)
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(agreed_by="") | ~models.Q(agreed_by=models.F("by")),
                name="pause_agreed_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(from_on__isnull=True)
                | models.Q(until_on__isnull=True)
                | models.Q(until_on__gte=models.F("from_on")),
                name="pause_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ground} {self.from_on or '-'}"


class Proposal(Row):
    """What takes two persons: one proposes it with reasons, another agrees or turns it down.

    `codes` holds codes, ids and dates; the words lie in the case file under `field`.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="proposals")
    kind = models.CharField(max_length=16, choices=ProposalKind.choices)
    state = models.CharField(
        max_length=12, choices=ProposalState.choices, default=ProposalState.WAITING
    )
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    codes = models.JSONField(default=dict)
    field = models.CharField(max_length=60, blank=True)
    needed = models.PositiveSmallIntegerField(default=1)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="waiting", settled_at__isnull=True)
                | ~models.Q(state="waiting") & models.Q(settled_at__isnull=False),
                name="proposal_settled_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Agreement(Row):
    """One person's yes to a proposal; never the proposer's own, never twice (R19)."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="agreements")
    proposed_by = models.CharField(max_length=20)
    by = models.CharField(max_length=20)
    role = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "by"], name="agreement_once"),
            models.CheckConstraint(
                condition=~models.Q(by=models.F("proposed_by")), name="agreement_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.proposal_id} {self.by}"


class Letter(Row):
    """One letter beside the answer: written, made by a job, sent; what it says is in the file."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="letters")
    kind = models.CharField(max_length=24, choices=LetterKind.choices)
    state = models.CharField(max_length=8, choices=LetterState.choices, default=LetterState.QUEUED)
    unique_key = models.CharField(max_length=120, unique=True)
    field = models.CharField(max_length=60)
    written_by = models.CharField(max_length=20)
    agreed_by = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField()
    document_id = models.UUIDField(null=True)
    delivery_id = models.UUIDField(null=True)
    sent_at = models.DateTimeField(null=True)
    posted_by = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="sent", sent_at__isnull=False)
                | ~models.Q(state="sent") & models.Q(sent_at__isnull=True),
                name="letter_sent_has_its_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Extension(Row):
    """A longer period (Art. 12(3); law D-06): in force from the day its letter was sent in time.

    One for each request; one whose letter came too late is void and stays as such.
    """

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="extension")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="extension")
    letter = models.OneToOneField(Letter, on_delete=models.PROTECT, related_name="extension")
    reason = models.CharField(max_length=20)
    months = models.PositiveSmallIntegerField()
    told_on = models.DateField(null=True)
    void = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(months__gte=1, months__lte=2), name="extension_two_months_most"
            ),
            models.CheckConstraint(
                condition=models.Q(void=False) | models.Q(told_on__isnull=True),
                name="extension_void_or_told",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.months}"


class Withheld(Row):
    """One record that two persons held back, from the answer or from the erasure (law R-02, E-03),
    or its face code alone (law A-04).

    Never a group: a blanket exemption has no row to stand in. What is kept from erasure has a last
    day; it stays locked and out of search until then. The facts are the proposal's words.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="withheld")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="withheld")
    record_id = models.UUIDField()
    what = models.CharField(max_length=8, choices=HeldBack.choices)
    ground = models.CharField(max_length=20)
    until = models.DateField(null=True)
    agreed_by = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "record_id", "what"], name="withheld_once"),
            models.CheckConstraint(
                condition=models.Q(what="erasure", until__isnull=False)
                | ~models.Q(what="erasure") & models.Q(until__isnull=True),
                name="withheld_from_erasure_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.ground}"


class EvidenceLock(Row):
    """The person wants their records kept, locked, for legal claims and not erased (Art. 18(1)(c)).

    Written when it is asked, whatever a search finds (R3). `until` is the last day of its period.
    `ends_on` is the day the letter of Art. 18(3) names; nobody lifts it before that letter was
    sent. One in force for each request.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence_locks")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=20, blank=True)
    """Staff number of who wrote the wish down; empty when the person did."""
    until = models.DateField()
    ending = models.CharField(max_length=8, choices=LockEnd.choices, blank=True)
    ends_on = models.DateField(null=True)
    letter = models.OneToOneField(
        Letter, null=True, on_delete=models.PROTECT, related_name="evidence_lock"
    )
    ended_at = models.DateTimeField(null=True)
    ended_how = models.CharField(max_length=10, choices=LockOver.choices, blank=True)
    ended_by = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=models.Q(ended_at__isnull=True),
                name="evidence_lock_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(ending="", ends_on__isnull=True, letter__isnull=True)
                | ~models.Q(ending="") & models.Q(ends_on__isnull=False, letter__isnull=False),
                name="evidence_lock_ends_by_letter",
            ),
            models.CheckConstraint(
                condition=~models.Q(ended_how="lifted")
                | models.Q(letter__isnull=False) & ~models.Q(ended_by=""),
                name="evidence_lock_lifted_after_letter",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, ended_how="")
                | models.Q(ended_at__isnull=False) & ~models.Q(ended_how=""),
                name="evidence_lock_over_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.until}"


class Lateness(Row):
    """A date that was missed. It stays, whatever happens later (law D-09)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="lateness")
    missed_on = models.DateField()
    noticed_at = models.DateTimeField()
    new_date = models.DateField(null=True)
    """What a person promised; None while nobody did, or where the day passed."""
    broken_on = models.DateField(null=True)
    """The newest promised day that passed too."""
    reason = models.CharField(max_length=12, choices=LateReason.choices, blank=True)
    reason_by = models.CharField(max_length=20, blank=True)
    field = models.CharField(max_length=60, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "missed_on"], name="lateness_once"),
            models.CheckConstraint(
                condition=models.Q(new_date__gt=models.F("missed_on")), name="lateness_new_date"
            ),
            models.CheckConstraint(
                condition=models.Q(new_date__isnull=True) | ~models.Q(reason_by=""),
                name="lateness_promised_by_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.missed_on}"


class OrderedDate(Row):
    """Until when an authority ordered an answer; the date of the request stays beside it (O-03).

    The order itself belongs to compliance and is known here by its id.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="ordered_dates")
    order_id = models.UUIDField()
    authority_code = models.CharField(max_length=20)
    due_on = models.DateField()
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "order_id"], name="ordered_date_once"),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.due_on}"


class Escalation(Row):
    """That a named person was told of a case that needs them; a row and a mail (law D-04)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="escalations")
    code = models.CharField(max_length=16, choices=Alarm.choices)
    about = models.CharField(max_length=60)
    to = models.CharField(max_length=20, db_index=True)
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "code", "about", "to"], name="escalation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.to}"


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
    handed_at = models.DateTimeField(null=True)
    """When the confirmation on paper left, with the code of `handed_counter`."""
    handed_by = models.CharField(max_length=20, blank=True)
    handed_how = models.CharField(max_length=8, choices=PaperWay.choices, blank=True)
    handed_counter = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.case_id)


class Draft(Row):
    """A request being written on the public site; the session holds this id and nothing else.

    Photos and exact file are units of their own, so that taking one out destroys it at once.
    """

    unit = models.UUIDField()
    file_unit = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    step = models.PositiveSmallIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.id)


class DraftPhoto(Row):
    """A photo of a request being written; up to `drafts.MOST_PHOTOS`, in the order they came."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="photos")
    unit = models.UUIDField()

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
    answers = models.CharField(max_length=24, blank=True)
    """Which question of ours it answers (`answering`); empty where that had not to be said."""

    def __str__(self) -> str:
        return f"{self.direction} {self.at:%Y-%m-%d}"


class Mail(Row):
    """A message as it came into a mailbox of ours. It lies whole in a vault unit of its own.

    `content_hash` is a keyed hash of its bytes: fetched twice, it is one. `may_belong` is another
    case the message names; nothing was added to that one, for the address was not its own (R12).
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="mails")
    role = models.CharField(max_length=12, choices=MailRole.choices)
    may_belong = models.ForeignKey(
        Case, on_delete=models.PROTECT, null=True, related_name="named_by_mails"
    )
    unit = models.UUIDField()
    content_hash = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - absent
    arrived_at = models.DateTimeField()
    arrived_by = models.CharField(max_length=8, choices=ArrivedBy.choices)
    fetched_at = models.DateTimeField()
    size = models.PositiveBigIntegerField()
    parts = models.PositiveIntegerField()
    trouble = models.JSONField(default=list)
    state = models.CharField(
        max_length=8, choices=MailState.choices, default=MailState.WAITING, db_index=True
    )
    read_by = models.CharField(max_length=20, blank=True)
    read_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.role} {self.arrived_at:%Y-%m-%d}"
