"""What an authority may see, and what it was handed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class CaseGrant(Row):
    """One case opened to one authority, for a time (law O-06). An authority is data: its code."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="grants")
    authority_code = models.CharField(max_length=20, db_index=True)
    granted_by = models.CharField(max_length=20)
    since = models.DateTimeField()
    until = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "authority_code"],
                condition=models.Q(revoked_at__isnull=True),
                name="grant_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.case_id}"


class ReportState(models.TextChoices):
    QUEUED = "queued", _("is being made")
    READY = "ready", _("ready")
    FAILED = "failed", _("could not be made")


class AuditReport(Row):
    """An audit report about one case, made on request of a person of an authority or the desk."""

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="audit_reports")
    state = models.CharField(max_length=8, choices=ReportState.choices, default=ReportState.QUEUED)
    authority_code = models.CharField(max_length=20, blank=True)
    requested_by = models.CharField(max_length=20)
    requester_role = models.CharField(max_length=16)
    requested_at = models.DateTimeField()
    document_id = models.UUIDField(null=True)
    trail_verified = models.BooleanField(null=True)
    error_code = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return str(self.id)


class StopReason(models.TextChoices):
    """Why collection was stopped: a code, for it stands in the trail."""

    ORDER = "order", _("Order of an authority")
    COURT = "court", _("Decision of a court")
    OWN = "own", _("Our own decision")


class StopLift(Row):
    """The wish to collect again: a lowered safeguard, so one asks and another decides (R19)."""

    stop = models.ForeignKey(
        "gallery.CollectionStop", on_delete=models.PROTECT, related_name="lifts"
    )
    reason = models.CharField(max_length=500)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=20, blank=True)
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stop"],
                condition=models.Q(decided_at__isnull=True),
                name="stop_lift_one_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed=False)
                | ~models.Q(decided_by="") & ~models.Q(decided_by=models.F("proposed_by")),
                name="stop_lift_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"lift of {self.stop_id}"


class OrderState(models.TextChoices):
    OPEN = "open", _("open")
    COMPLIED = "complied", _("complied with")
    ENDED = "ended", _("ended by a decision")


class Basis(models.TextChoices):
    """By which power the authority ordered; the words name the article of the GDPR."""

    QUESTION = "question", _("Art. 31, 58(1): a question or demand for information")
    REQUEST = "request", _("Art. 58(2)(c): answer requests of persons")
    CONFORM = "conform", _("Art. 58(2)(d): bring processing into line")
    TELL = "tell", _("Art. 58(2)(e): tell persons of a breach")
    BAN = "ban", _("Art. 58(2)(f): limit or ban processing")
    ERASE = "erase", _("Art. 58(2)(g): correct, erase, tell recipients")
    OTHER = "other", _("Another power")


class Penalty(models.TextChoices):
    NONE = "none", _("none")
    DAILY = "daily", _("for each day")
    SUM = "sum", _("one sum")


class Order(Row):
    """What an authority orders or asks: its date as written, an owner, the proof (law O-01, O-02).

    The unit holds the order itself, the words of its measures and the evidence.
    """

    authority_code = models.CharField(max_length=20, db_index=True)
    reference = models.CharField(max_length=80)
    basis = models.CharField(max_length=12, choices=Basis.choices)
    served_on = models.DateField()
    due_on = models.DateField()
    penalty = models.CharField(max_length=8, choices=Penalty.choices, default=Penalty.NONE)
    penalty_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    penalty_cap = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, default="EUR")
    owner = models.CharField(max_length=20)
    """Staff number of the director who answers for it."""
    unit = models.UUIDField()
    state = models.CharField(
        max_length=8, choices=OrderState.choices, default=OrderState.OPEN, db_index=True
    )
    entered_by = models.CharField(max_length=20)
    entered_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)
    complied_by = models.CharField(max_length=20, blank=True)
    complied_at = models.DateTimeField(null=True)
    acknowledged_on = models.DateField(null=True)
    court = models.CharField(max_length=120, blank=True)
    court_reference = models.CharField(max_length=80, blank=True)
    suspensive = models.BooleanField(default=False)
    ended_by_decision = models.CharField(max_length=120, blank=True)
    ended_at = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    """When its letter, words and evidence went; dates, powers and results stay (law L-23)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["authority_code", "reference"], name="order_once"),
            models.CheckConstraint(
                condition=models.Q(due_on__gte=models.F("served_on")), name="order_due_after"
            ),
            models.CheckConstraint(
                condition=models.Q(penalty="none", penalty_amount__isnull=True)
                | ~models.Q(penalty="none") & models.Q(penalty_amount__gt=0),
                name="order_penalty_has_its_amount",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="complied")
                | ~models.Q(complied_by="") & models.Q(complied_at__isnull=False),
                name="order_complied_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(court="") | ~models.Q(court_reference=""),
                name="order_challenged_with_reference",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ended") | ~models.Q(ended_by_decision=""),
                name="order_ended_by_a_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.reference}"


class OrderAlarmCode(models.TextChoices):
    """What is told of an order's date (R23)."""

    DUE_3 = "due_3", _("An order is due within three days")
    DUE_1 = "due_1", _("An order is due tomorrow or today")
    LATE = "late", _("An order is late")


class OrderAlarm(Row):
    """That a named person was told of an order's date; `settled_at` once it is not true any more.

    One for each person and step: an order that opens again is shown again, and mailed once.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="alarms")
    code = models.CharField(max_length=8, choices=OrderAlarmCode.choices)
    to = models.CharField(max_length=20, db_index=True)
    raised_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "code", "to"], name="order_alarm_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.order_id} to {self.to}"


class MeasureKind(models.TextChoices):
    """What is ordered; `measures.CHECKS` says which of them a check covers (R23)."""

    ANSWER = "answer", _("Answer these requests")
    ERASE = "erase", _("Erase this set")
    STOP = "stop", _("Stop collection")
    INFORM = "inform", _("Inform these persons")
    REPRESENTATIVE = "representative", _("Name a representative")
    QUESTIONS = "questions", _("Answer the authority's questions")
    OTHER = "other", _("Something else")


class Measure(Row):
    """One thing an order asks for. Its words are in the order's unit, under `field`.

    A scope (a stop, or an erasure without cases) is rules about the source; it counts from the
    day a director signed it. `passes` is the newest check's result, None where none covers it.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="measures")
    kind = models.CharField(max_length=16, choices=MeasureKind.choices)
    field = models.CharField(max_length=60)
    country = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=3, blank=True)
    with_place = models.BooleanField(default=False)
    signed_by = models.CharField(max_length=20, blank=True)
    signed_at = models.DateTimeField(null=True)
    stop = models.ForeignKey(
        "gallery.CollectionStop", null=True, on_delete=models.PROTECT, related_name="measures"
    )
    stated_by = models.CharField(max_length=20, blank=True)
    stated_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    passes = models.BooleanField(null=True)
    left = models.PositiveIntegerField(default=0)
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} of {self.order_id}"


class MeasureCase(Row):
    """A case that a measure names."""

    measure = models.ForeignKey(Measure, on_delete=models.PROTECT, related_name="cases")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="measures")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["measure", "case"], name="measure_case_once"),
        ]

    def __str__(self) -> str:
        return f"{self.measure_id} {self.case_id}"


class BreachKind(models.TextChoices):
    WRONG_PERSON = "wrong_person", _("Pictures of somebody else were disclosed")
    DISCLOSED = "disclosed", _("Data reached who should not have them")
    CHANGED = "changed", _("Data were changed or destroyed")
    LOST = "lost", _("Data could not be reached")


class Breach(Row):
    """One breach in the register of Art. 33(5), notified or not; its words lie in its unit.

    The clock of 72 hours counts from `aware_at`. `opened_by` is empty where the person told us.
    """

    kind = models.CharField(max_length=12, choices=BreachKind.choices)
    case = models.ForeignKey(
        "cases.Case", null=True, on_delete=models.PROTECT, related_name="breaches"
    )
    aware_at = models.DateTimeField()
    opened_by = models.CharField(max_length=20, blank=True)
    opened_at = models.DateTimeField()
    write_by = models.DateField(null=True)
    """Until when somebody writes to the person who told us, as their page said."""
    unit = models.UUIDField()
    described_at = models.DateTimeField(null=True)
    people = models.PositiveIntegerField(null=True)
    records = models.PositiveIntegerField(null=True)
    authority_code = models.CharField(max_length=20, blank=True)
    document_id = models.UUIDField(null=True)
    notified_at = models.DateTimeField(null=True)
    notified_by = models.CharField(max_length=20, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=20, blank=True)
    destroyed_at = models.DateTimeField(null=True)
    """When its words and notices went; times, counts and who decided stay."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(notified_at__isnull=True)
                | models.Q(document_id__isnull=False) & ~models.Q(notified_by=""),
                name="breach_notified_with_a_document",
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True) | ~models.Q(closed_by=""),
                name="breach_closed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.aware_at:%Y-%m-%d}"


class Spared(models.TextChoices):
    """What two persons decide not to do, with a reason (Art. 33(1), 33(5), 34(3))."""

    AUTHORITY = "authority", _("The authority is not notified")
    PERSONS = "persons", _("The persons are not told")
    NO_BREACH = "no_breach", _("It was no breach; closed links open again")


class BreachDecision(Row):
    """One such decision: in force when another person has agreed. The reasons are in the unit.

    Turned down by another person it stays with its reason, and another can be proposed.
    """

    breach = models.ForeignKey(Breach, on_delete=models.PROTECT, related_name="decisions")
    what = models.CharField(max_length=12, choices=Spared.choices)
    field = models.CharField(max_length=60)
    proposed_by = models.CharField(max_length=20)
    proposed_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=20, blank=True)
    agreed_at = models.DateTimeField(null=True)
    refused_by = models.CharField(max_length=20, blank=True)
    refused_at = models.DateTimeField(null=True)
    refusal_field = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["breach", "what"],
                condition=models.Q(refused_at__isnull=True),
                name="breach_decision_once",
            ),
            models.CheckConstraint(
                condition=models.Q(refused_by="", refused_at__isnull=True, refusal_field="")
                | ~models.Q(refused_by="")
                & ~models.Q(refused_by=models.F("proposed_by"))
                & ~models.Q(refusal_field="")
                & models.Q(refused_at__isnull=False, agreed_by=""),
                name="breach_refusal_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_by="", agreed_at__isnull=True)
                | ~models.Q(agreed_by="")
                & ~models.Q(agreed_by=models.F("proposed_by"))
                & models.Q(agreed_at__isnull=False),
                name="breach_decision_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.breach_id}"


class BreachLetter(Row):
    """That a person was written to about a breach (Art. 34); the letter belongs to their case."""

    breach = models.ForeignKey(Breach, on_delete=models.PROTECT, related_name="letters")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="+")
    letter = models.OneToOneField("cases.Letter", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["breach", "case"], name="breach_letter_once"),
        ]

    def __str__(self) -> str:
        return f"{self.breach_id} {self.case_id}"


class BreachNotice(Row):
    """Each notice that was made of a breach: later facts make it anew, and all go together."""

    breach = models.ForeignKey(Breach, on_delete=models.PROTECT, related_name="notices")
    document_id = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return f"{self.breach_id} {self.document_id}"


class DirectorKind(models.TextChoices):
    """What is put before the accountable director (R24)."""

    FIRST_LATE = "first_late", _("A request is late")
    ORDER = "order", _("An order was served")
    ORDER_DUE = "order_due", _("An order is due within seven days")
    ORDER_FAILS = "order_fails", _("An order you signed fails a check")
    BREACH = "breach", _("A breach is open")
    VERIFICATION = "verification", _("A check after an erasure failed")
    CAPACITY = "capacity", _("More falls due than is done")
    OUTGROWN = "outgrown", _("The gallery has outgrown its thresholds")
    VACANT = "vacant", _("Nobody answers for a kind of decision")
    ASSESSMENT = "assessment", _("The impact assessment has to be looked at again")
    BOARD = "board", _("The monthly report")
    PROMISE = "promise", _("What you said would be done is not done")


class DirectorPage(Row):
    """One page to one director: facts as codes when served, and the answer, which stays.

    Nobody answered: it is served again, `times` counts. `settled_at`: an act that was promised was
    seen to be done.
    """

    kind = models.CharField(max_length=16, choices=DirectorKind.choices)
    about = models.CharField(max_length=80)
    to = models.CharField(max_length=20, db_index=True)
    facts = models.JSONField(default=dict)
    served_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    acts = models.BooleanField(null=True)
    words = models.CharField(max_length=500, blank=True)
    who = models.CharField(max_length=20, blank=True)
    by = models.DateField(null=True)
    times = models.PositiveSmallIntegerField(default=1)
    served_again_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "about", "to"], name="director_page_once"),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, acts__isnull=True)
                | models.Q(answered_at__isnull=False, acts=True, by__isnull=False)
                & ~models.Q(who="")
                & ~models.Q(words="")
                | models.Q(answered_at__isnull=False, acts=False) & ~models.Q(words=""),
                name="director_page_answered_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class BoardReport(Row):
    """The report of one month to those who lead the controller (law G-01). `month` is its first
    day; without a document it is being made."""

    month = models.DateField(unique=True)
    queued_at = models.DateTimeField()
    document_id = models.UUIDField(null=True)
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(document_id__isnull=True, made_at__isnull=True)
                | models.Q(document_id__isnull=False, made_at__isnull=False),
                name="board_report_made_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class BanStatement(Row):
    """Since when no faces are collected from the internet (AI Act Art. 5(1)(e); law AI-02).

    Never changed: a later statement stands beside it, and the one signed last counts.
    """

    stopped_on = models.DateField()
    proof = models.CharField(max_length=1000)
    written_by = models.CharField(max_length=20)
    written_at = models.DateTimeField()
    signed_by = models.CharField(max_length=20, blank=True)
    signed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(signed_by="", signed_at__isnull=True)
                | ~models.Q(signed_by="")
                & ~models.Q(signed_by=models.F("written_by"))
                & models.Q(signed_at__isnull=False),
                name="ban_statement_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"since {self.stopped_on}"


class Pictures(models.TextChoices):
    """What of the gallery an inspection keeps as it is; erasures of persons wait for it."""

    NONE = "none", _("No: requests, orders and breaches only")
    ALL = "all", _("All pictures")
    SOURCE = "source", _("Pictures of one source")


class InspectionHold(Row):
    """An authority inspects: while it stands nothing comes to its end by a schedule (law L-23).

    No order, no breach and no request; where the authority wants pictures kept as they are as well,
    `pictures` keeps those of the gallery or of a source. Ending it lowers a safeguard, so one
    proposes and another agrees (R19).
    """

    authority_code = models.CharField(max_length=20)
    reference = models.CharField(max_length=80)
    pictures = models.OneToOneField(
        "gallery.InspectionHold", null=True, on_delete=models.PROTECT, related_name="asked_by"
    )
    since = models.DateTimeField()
    placed_by = models.CharField(max_length=20)
    end_proposed_by = models.CharField(max_length=20, blank=True)
    end_proposed_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, ended_by="")
                | ~models.Q(end_proposed_by="")
                & ~models.Q(ended_by="")
                & ~models.Q(ended_by=models.F("end_proposed_by"))
                & models.Q(ended_at__isnull=False),
                name="inspection_hold_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority_code} {self.reference}"
