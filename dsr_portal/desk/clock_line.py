"""The clock of a case as a line: what passed, where it stood still, what is due. Numbers for SVG.

The same facts stand beside it as text, for who cannot see it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.cases.clocks import Clock
from dsr_portal.core.templatetags.ui import day
from dsr_portal.law import deadlines

WIDTH, HEIGHT, LEFT = 480, 44, 8
_BAR = WIDTH - 2 * LEFT
_LABEL = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the line, from `x`, `width` wide; `kind` is past, paused or ahead."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A day on the line with its label; `kind` is today, due or first."""

    x: float
    text_x: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class ClockLine:
    """Everything the template draws, and the same as rows."""

    parts: tuple[Part, ...]
    marks: tuple[Mark, ...]
    rows: tuple[tuple[str, str], ...]
    summary: str


def clock_line(counted: Clock) -> ClockLine:
    """The line of one case, from the day its period counts from to its last day."""
    start = counted.counts_from
    end = max(counted.due.legal, counted.today)
    days = max(1, (end - start).days)

    def at(when: date) -> float:
        inside = min(max((when - start).days, 0), days)
        return round(LEFT + _BAR * inside / days, 1)

    def part(first: date, last: date, kind: str) -> Part:
        return Part(at(first), round(at(last) - at(first), 1), kind)

    parts = [part(start, counted.today, "past"), part(counted.today, end, "ahead")]
    parts += [
        part(one.asked_on, one.answered_on or counted.today, "paused") for one in counted.pauses
    ]
    named = [(counted.today, _("today"), "today"), (counted.due.legal, _("due"), "due")]
    return ClockLine(
        parts=tuple(parts),
        marks=tuple(
            Mark(at(when), min(max(at(when), _LABEL / 2), WIDTH - _LABEL / 2), label, kind)
            for when, label, kind in named
        ),
        rows=tuple(_rows(counted)),
        summary=_summary(counted),
    )


def _summary(counted: Clock) -> str:
    words: dict[str, Any] = {"due": day(counted.due.legal), "days": counted.paused_days}
    if counted.stands:
        return _("The clock stands still. As of today it is due on %(due)s.") % words
    if counted.paused_days:
        return _("Due on %(due)s, after standing still for %(days)s days.") % words
    return _("Due on %(due)s.") % words


def _rows(counted: Clock) -> list[tuple[str, str]]:
    rows = [(_("Arrived"), day(counted.received_on))]
    if counted.first_written != counted.received_on:
        rows.append((_("Written down at first"), day(counted.first_written)))
    if counted.counts_from != counted.received_on:
        rows.append((_("Counts anew from"), day(counted.counts_from)))
    rows += [(_("Stood still"), _stretch(one.asked_on, one.answered_on)) for one in counted.pauses]
    rows.append((_("Due"), _rolled(counted)))
    if years := deadlines.not_compared(counted.calendar, counted.due.unrolled, counted.due.legal):
        rows.append((_("Holidays"), _holidays(counted.calendar, years)))
    if counted.due != counted.unpaused:
        rows.append((_("Due without pauses"), day(counted.unpaused.legal)))
    if counted.months > 1:
        rows.append((_("First date, before the extension"), day(counted.first.legal)))
    for name, by in (
        (_("Search by"), counted.targets.search_by),
        (_("First decision by"), counted.targets.first_decision_by),
    ):
        if by is not None:
            rows.append((name, day(by)))
    rows += [
        (_("Reviews by"), day(counted.targets.review_by)),
        (_("Answer by"), day(counted.targets.answer_by)),
        (_("Erasure by"), day(counted.targets.erase_by)),
    ]
    return rows


def _holidays(calendar: str, years: list[int]) -> str:
    """That the date may move: who tells somebody a day should know what it goes by (D-03)."""
    words = {"calendar": calendar, "years": ", ".join(map(str, years))}
    return (
        _(
            "of %(calendar)s in %(years)s as the library knows them; nobody compared them with the"
            " official list yet"
        )
        % words
    )


def _stretch(first: date, last: date | None) -> str:
    words = {"first": day(first), "last": day(last) if last else ""}
    if last is None:
        return _("since %(first)s") % words
    return _("%(first)s to %(last)s") % words


def _rolled(counted: Clock) -> str:
    legal, unrolled = counted.due.legal, counted.due.unrolled
    if legal == unrolled:
        return day(legal)
    return _("%(legal)s; without weekends and holidays %(unrolled)s") % {
        "legal": day(legal),
        "unrolled": day(unrolled),
    }
