"""What the audit report of a case says, from the trail and from checks made now (law 9(e), L-25).

The report is pseudonymous: the case by its reference, staff by number, nothing of the person.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit import selectors as audit
from dsr_portal.audit import services as audit_services
from dsr_portal.audit.models import Event
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.registries import event_types, sentences
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.law import authorities
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Position, Verdict

# The rows of the law's section 7 a whole case should show, and the words for them.
EVIDENCE: tuple[tuple[str, Any], ...] = (
    ("L-01", lambda: _("Receipt")),
    ("L-02", lambda: _("Identity")),
    ("L-03", lambda: _("Consent")),
    ("L-04", lambda: _("Search performed")),
    ("L-05", lambda: _("Review by people")),
    ("L-06", lambda: _("Redaction")),
    ("L-07", lambda: _("Decision")),
    ("L-08", lambda: _("Disclosure")),
    ("L-09", lambda: _("Delivery")),
    ("L-10", lambda: _("Erasure")),
    ("L-11", lambda: _("Recipients told")),
    ("L-12", lambda: _("Clock")),
    ("L-13", lambda: _("Deletion of the request's own data")),
    ("L-14", lambda: _("Access by staff")),
)


@dataclass(frozen=True, slots=True)
class Report:
    """The template's context and whether the trail verified when it was made."""

    context: dict[str, Any]
    verified: bool


def build(*, case: Case, authority_code: str, requested_by: str, role: str) -> Report:
    """Read the case's events, verify the whole chain now, and put it into words."""
    verification = audit_services.verify()
    events = list(audit.events_for_case(case.id))
    verdict = (
        _("The trail was verified from its first event to number %(number)s: nothing was changed.")
        % {"number": verification.head.number if verification.head else 0}
        if verification.ok
        else _("The trail does NOT verify. First broken event: %(number)s (%(reason)s).")
        % {"number": verification.first_broken, "reason": verification.reason}
    )
    context = {
        "short_answer": verdict,
        "facts": [
            (_("Due"), day(case.due_on)),
            (_("State"), case.get_status_display()),
            (_("Late"), _lateness(case)),
        ],
        "contents": [
            ("scope", _("Scope and maker of this report")),
            ("clock", _("Clock")),
            ("evidence", _("Evidence by kind")),
            ("search", _("How the search was made")),
            ("review", _("Review by people")),
            ("events", _("The trail of this case")),
            ("gaps", _("Known gaps")),
        ],
        "scope": _scope(case, authority_code, requested_by, role),
        "clock": _clock(case),
        "evidence": _evidence(events),
        "search": _search(case),
        "review": _review(case),
        "events": _events(events),
        "gaps": _gaps(),
    }
    return Report(context, bool(verification.ok))


def _lateness(case: Case) -> str:
    done = case.delivered_at or case.decided_at
    last = clock.local_date(done) if done else clock.today()
    days = (last - case.due_on).days
    if days <= 0:
        return _("no")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


def _scope(case: Case, authority_code: str, requested_by: str, role: str) -> dict[str, Any]:
    authority = authorities.get(authority_code) if authority_code else None
    return {
        "id": "scope",
        "heading": _("Scope and maker of this report"),
        "text": _(
            "This report is about one case and everything the trail holds about it. No filter was "
            "applied. Staff appear by number and the person not at all."
        ),
        "rows": [
            (_("Case"), case.reference),
            (_("Authority"), authority.name if authority else _("none (for the DPO)")),
            (_("Asked for by"), f"{requested_by} ({role})"),
            (_("Controller"), settings.DSR_CONTROLLER["name"]),
            (_("Data protection officer"), settings.DSR_CONTROLLER["dpo"]),
            (_("AI Act, Art. 5(1)(e)"), _("date collection stopped: not stated by the controller")),
        ],
    }


def _clock(case: Case) -> dict[str, Any]:
    return {
        "id": "clock",
        "heading": _("Clock"),
        "text": _("One month from the day of arrival (Art. 12(3); Reg. 1182/71)."),
        "rows": [
            (_("Arrived"), f"{day(case.received_on)} ({case.get_channel_display()})"),
            (_("Date before rolling"), day(case.due_unrolled)),
            (_("Last legal day"), f"{day(case.due_on)} ({case.calendar})"),
            (_("Decided"), moment(case.decided_at) or _("not yet")),
            (_("Delivered"), moment(case.delivered_at) or _("not yet")),
            (_("Closed"), moment(case.closed_at) or _("not yet")),
        ],
    }


def _evidence(events: list[Event]) -> dict[str, Any]:
    """For each row of L-01 to L-14: how many events prove it, or that there is none."""
    counts: dict[str, list[int]] = {row: [] for row, _words in EVIDENCE}
    for event in events:
        if event.type in event_types:
            for row in event_types.get(event.type).law:
                if row in counts:
                    counts[row].append(event.number)
    return {
        "caption": _("Evidence by kind"),
        "heads": [_("Row"), _("What"), _("Events"), _("Numbers")],
        "rows": [
            (
                row,
                str(words()),
                str(len(counts[row])) if counts[row] else _("none in the trail"),
                _numbers(counts[row]),
            )
            for row, words in EVIDENCE
        ],
    }


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:6])
    return shown + (" …" if len(numbers) > 6 else "")


def _search(case: Case) -> dict[str, Any]:
    search = matching.latest_search(case.id)
    heading = {"id": "search", "heading": _("How the search was made")}
    if search is None:
        return {**heading, "text": _("No search was made in this case.")}
    test = settings.DSR_RECOGNITION_TEST
    return {
        **heading,
        "text": _(
            "hnswlib proposes, then an exact sweep compares every enrolled face. Counts rest on "
            "the union after the sweep."
        ),
        "rows": [
            (_("Model"), search.model or _("not recorded")),
            (_("Review threshold"), f"{search.threshold:.3f}"),
            (_("Strong band from"), f"{search.strong_threshold:.3f}"),
            (_("Compared"), f"{search.compared} / {search.enrolled}"),
            (_("Found by hnswlib"), str(search.found_by_graph)),
            (_("Added by the sweep"), str(search.added_by_sweep)),
            (_("Parts without a graph"), str(search.swept_only)),
            (_("FPIR, FNIR at this gallery size"), test.get("name") or _("not tested here")),
            (_("Pose check, ISO/IEC 30107-3 figures"), _("not tested")),
            (_("Ended"), moment(search.finished_at)),
        ],
    }


def _review(case: Case) -> dict[str, Any]:
    review = matching.current_review(case.id)
    heading = {"id": "review", "heading": _("Review by people")}
    if review is None:
        return {**heading, "text": _("No person has compared pictures in this case.")}
    rows = review.decisions.exclude(verdict="")

    def words(position: Position) -> str:
        kinds = list(rows.filter(position=position).values_list("verdict", flat=True))
        return ", ".join(f"{kinds.count(kind)} {kind.label}" for kind in Verdict if kind in kinds)

    return {
        **heading,
        "text": _("First and second person are different people; the second was drawn."),
        "rows": [
            (_("First person"), f"{review.first_officer or '-'}: {words(Position.FIRST)}"),
            (_("Second person"), f"{review.second_officer or '-'}: {words(Position.SECOND)}"),
            (_("Supervisor"), f"{review.supervisor or '-'}: {words(Position.SUPERVISOR)}"),
            (_("State"), review.get_state_display()),
        ],
    }


def _events(events: list[Event]) -> dict[str, Any]:
    return {
        "caption": _("The trail of this case"),
        "heads": [_("No."), _("Time"), _("What"), _("By"), _("Details")],
        "rows": [
            (
                str(event.number),
                moment(event.at),
                _sentence(event),
                f"{event.actor_id} ({event.actor_role})" if event.actor_kind == "staff"
                else event.actor_role,
                _details(event),
            )
            for event in events
        ],
    }


def _sentence(event: Event) -> str:
    if event.data is not None and event.type in sentences:
        return str(sentences.get(event.type)(event.data))
    return event.type


def _details(event: Event) -> str:
    if event.data is None:
        return _("payload removed by schedule")
    return ", ".join(
        f"{name} {value}" for name, value in event.data.items() if not _is_long(value)
    )


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > 40


def _gaps() -> dict[str, Any]:
    return {
        "id": "gaps",
        "heading": _("Known gaps"),
        "points": [
            _("A change is detected by whoever kept an earlier head; a trail alone proves nothing."),
            _("The time of an event is the clock of this machine; no time stamp server is used."),
            _("Recipients are as good as the logs the controller gave."),
            _("How many pictures a search misses at this gallery size: not tested here.")
            if not settings.DSR_RECOGNITION_TEST
            else _("The recognition test was made on other pictures than this gallery."),
        ],
    }
