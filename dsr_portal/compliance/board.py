"""The monthly report to those who lead the controller (law G-01; Art. 5(2), 24 GDPR).

After the end of a month one signed PDF is made: late cases, figures, breaches, orders, who answers
for what and where nobody does, the gate of the impact assessment, pages nobody answered. It is put
before each director as a page (rule R24), so the trail says when it was served, read and answered.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Case, Lateness
from dsr_portal.compliance import accountability, assessment_paper, director, statistics
from dsr_portal.compliance.models import BoardReport, Breach, Order, OrderState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.services import enqueue
from dsr_portal.policy import assessment

KIND = "compliance.board_report"
ACTOR = Actor.system("board-report")
MOST_ROWS = 200
SHEET = statements.to_office(
    "board_report",
    *(statements.ANSWER, statements.FACTS),
    *("late", "breaches", "orders", "people", "pages", "gate"),
    law="Art. 5(2), 24; rule R24",
)
Section = dict[str, Any]


# -- the schedule -------------------------------------------------------------------------------


def make_due() -> int:
    """Queue the report of the month that ended last; none of a month before the first request.

    Months in which nothing ran are made up for, oldest first, one with each run.
    """
    first = Case.objects.order_by("received_on").values_list("received_on", flat=True).first()
    if first is None:
        return 0
    this = clock.today().replace(day=1)
    month = first.replace(day=1)
    while month < this:
        if _queue(month):
            return 1
        month = _next(month)
    return 0


def _queue(month: date) -> bool:
    with unit_of_work():
        report, made = BoardReport.objects.get_or_create(
            month=month, defaults={"queued_at": clock.now()}
        )
        if made:
            enqueue(kind=KIND, subject=report.id, idempotency_key=f"{KIND}:{month:%Y-%m}")
    return made


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def make(ctx: JobContext) -> None:
    """Set and sign one report, and keep it."""
    report = BoardReport.objects.filter(id=ctx.subject_id, document_id=None).first()
    if report is None:
        return
    ctx.must_be_ours()
    prepared = _prepared(report.month)
    with ctx.complete():
        document = prepared.save(actor=ACTOR)
        report.document_id, report.made_at = document.id, clock.now()
        report.save(update_fields=["document_id", "made_at"])
        record(
            "board.report_made",
            actor=ACTOR,
            subject_id=report.id,
            month=report.month,
            document_id=document.id,
            sha256=document.sha256,
        )


def _prepared(month: date) -> documents.Prepared:
    last = _next(month) - timedelta(days=1)
    with translation.override(settings.LANGUAGE_CODE):
        parts = [
            _late(month, last),
            _breaches(month, last),
            _orders(),
            _people(),
            _pages(),
            _gate(),
            *statistics.of_period(month, last).sections(),
        ]
        return documents.prepare_document(
            kind=Kind.BOARD,
            case_id=None,
            reference=f"{month:%Y-%m}",
            template="documents/audit.html",
            context={
                "short_answer": _short_answer(),
                "facts": [
                    (_("Month"), f"{day(month)} – {day(last)}"),
                    (_("Late now"), str(_late_now())),
                    (_("Duties nobody answers for"), str(len(accountability.vacant()))),
                ],
                "contents": [(one["id"], one["heading"]) for one in parts],
                "sections": parts,
            },
            language=settings.LANGUAGE_CODE,
            title=_("Report to the board"),
            sheet=SHEET,
        )


# -- what it says -------------------------------------------------------------------------------


def _late_now() -> int:
    return Lateness.objects.filter(ended_at=None).values("case_id").distinct().count()


def _short_answer() -> str:
    wrong = [
        words
        for words, number in (
            (_("requests are late"), _late_now()),
            (_("kinds of decision have nobody who answers"), len(accountability.vacant())),
            (_("promised acts are overdue"), len(director.overdue_promises())),
            (_("face searches wait for the impact assessment"), assessment.closed() is not None),
        )
        if number
    ]
    if not wrong:
        return _("Nothing is late, vacant or overdue at the time of this report.")
    return _("At the time of this report: %(what)s.") % {"what": "; ".join(wrong)}


def _late(first: date, last: date) -> Section:
    """Dates missed in the month, and every one that is still open, by reference."""
    rows = list(
        (
            Lateness.objects.filter(missed_on__gte=first, missed_on__lte=last)
            | Lateness.objects.filter(ended_at=None)
        )
        .select_related("case")
        .order_by("missed_on", "id")
    )
    table = [
        (
            one.case.reference,
            day(one.missed_on),
            str(
                (
                    (clock.local_date(one.ended_at) if one.ended_at else clock.today())
                    - one.missed_on
                ).days
            ),
            one.get_reason_display() or _("no reason written down"),
            day(one.ended_at) or _("still late"),
        )
        for one in rows
    ]
    heads = [_("Request"), _("Date missed"), _("Days late"), _("Reason"), _("Ended")]
    return _section("late", _("Late requests"), heads, table, _("None was late."))


def _breaches(first: date, last: date) -> Section:
    rows = [
        one
        for one in Breach.objects.order_by("aware_at")
        if one.closed_at is None or first <= clock.local_date(one.aware_at) <= last
    ]
    table = [
        (
            one.get_kind_display(),
            moment(one.aware_at),
            moment(one.notified_at) or _("not notified"),
            day(one.closed_at) or _("open"),
        )
        for one in rows
    ]
    heads = [_("Kind"), _("Known since"), _("Authority notified"), _("Closed")]
    return _section("breaches", _("Breaches"), heads, table, _("None."))


def _orders() -> Section:
    rows = list(Order.objects.filter(state=OrderState.OPEN).order_by("due_on"))
    table = [
        (one.authority_code, one.reference, one.get_basis_display(), day(one.due_on), one.owner)
        for one in rows
    ]
    heads = [_("Authority"), _("Order"), _("Power"), _("Due"), _("Answers for it")]
    return _section("orders", _("Open orders of authorities"), heads, table, _("None."))


def _people() -> Section:
    table = [
        (
            str(line.duty.label),
            ", ".join(assessment_paper.person(one.staff_no) for one in line.first)
            or _("nobody in the first place"),
            ", ".join(assessment_paper.person(one.staff_no) for one in line.deputies) or "-",
            _("VACANT") if line.vacant else _("filled"),
        )
        for line in accountability.register()
    ]
    heads = [_("Decision"), _("Answers"), _("Stands in"), _("Today")]
    return _section("people", _("Who answers for what"), heads, table, "")


def _pages() -> Section:
    """What was put before directors and is open: unanswered, or promised and overdue."""
    table = [
        (one.get_kind_display(), one.to, day(one.served_at), _("unanswered"), str(one.times))
        for one in director.unanswered()
    ] + [
        (
            one.get_kind_display(),
            one.to,
            day(one.served_at),
            _("promised until %(day)s, not seen done") % {"day": day(one.by)},
            str(one.times),
        )
        for one in director.overdue_promises()
    ]
    heads = [_("Page"), _("Director"), _("Served"), _("State"), _("Times served")]
    none = _("Every page was answered, and what was promised is done or not yet due.")
    return _section("pages", _("Pages before directors"), heads, table, none)


def _gate() -> Section:
    return {
        "id": "gate",
        "heading": _("Impact assessment"),
        "text": assessment_paper.gate_words(),
        "rows": [
            (_("Task since %(day)s") % {"day": day(one.opened_at)}, f"{one.setting}: {one.value:g}")
            for one in assessment.reviews()
        ],
    }


def _section(name: str, heading: str, heads: list[str], table: list[Any], none: str) -> Section:
    """A heading with its table, or the words that there is nothing; a cut is said, never silent."""
    if not table:
        return {"id": name, "heading": heading, "text": none}
    shown, text = table[:MOST_ROWS], ""
    if len(table) > MOST_ROWS:
        text = _("The first %(shown)s of %(all)s.") % {"shown": MOST_ROWS, "all": len(table)}
    return {
        "id": name,
        "heading": heading,
        "text": text,
        "table": {"caption": "", "heads": heads, "rows": shown},
    }


# -- reading ------------------------------------------------------------------------------------


def reports() -> list[BoardReport]:
    return list(BoardReport.objects.order_by("-month"))


def of_id(report_id: UUID | str) -> BoardReport | None:
    return BoardReport.objects.filter(id=report_id).first()


def pdf_of(*, report_id: UUID) -> bytes:
    """The report as it was signed."""
    report = of_id(report_id)
    if report is None or report.document_id is None:
        raise NotFound("no_report", _("There is no such report."))
    return documents.open_document(report.document_id)
