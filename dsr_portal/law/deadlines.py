"""The clock of GDPR Art. 12(3), as pure functions over dates.

The period is a month, never 30 days, and runs by Regulation (EEC, Euratom) 1182/71 Art. 3: the day
of receipt is not counted, the period ends with the same date number (or the last day of a shorter
month) and, where that is no working day, with the next working day. Holidays are those of the
state where the controller must act (Art. 2(1)). The portal works towards `unrolled`; `legal` is
what the law allows.
"""

import json
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

APPLIES_FROM: Final = date(2018, 5, 25)
"""The first day of the GDPR (Art. 99(2)): no request under it arrived before."""

MAX_EXTRA_MONTHS = 2
ASK_WITHIN_WORKING_DAYS = 3
BREACH_HOURS = 72
_SWISS_DAYS = 30
_SATURDAY = 5
_REVIEW_DAY, _ANSWER_DAY = 10, 14
_ERASE_AFTER_DELIVERY, _ERASE_BEFORE_DUE = 14, 3
# The Union and the Greeks say EL, the British UK; ISO 3166 and the holiday data GR and GB.
_ISO = {"EL": "GR", "UK": "GB"}

NotWorking = Literal["saturday", "sunday", "holiday"]


class DeadlineError(ValueError):
    """A date that the law does not allow; `code` says which rule."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Regime(StrEnum):
    """Whose law the period follows (law D-11). EU is the default and the strictest."""

    EU = "eu"
    UK = "uk"
    CH = "ch"


@dataclass(frozen=True, slots=True)
class Due:
    """The last day. `unrolled` may fall on a Sunday; `legal` is never before it."""

    unrolled: date
    legal: date

    @property
    def rolled(self) -> bool:
        return self.legal != self.unrolled

    def is_late(self, day: date) -> bool:
        """The last day is still in time, to 24:00 (Reg. 1182/71 Art. 3(2)(c))."""
        return day > self.legal


@dataclass(frozen=True, slots=True)
class Pause:
    """A question the controller must ask to identify the person (GDPR Art. 12(6), 11(2)).

    `answered_on` is None while the answer is outstanding.
    """

    asked_on: date
    answered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """One period of GDPR Art. 12(3) counted by itself: of a request, or of a wish added later.

    `first` is its end without an extension; `unpaused` is always shown beside `due` (law D-07).
    """

    counts_from: date
    months: int
    paused_days: int
    due: Due
    unpaused: Due
    first: Due


@dataclass(frozen=True, slots=True)
class Targets:
    """The portal's own dates, planned backwards from the unrolled one (R4).

    `search_by` and `first_decision_by` are None until what they count from has happened.
    """

    search_by: date | None
    first_decision_by: date | None
    review_by: date
    answer_by: date
    erase_by: date


# --- working days ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YearSheet:
    """What the official list (OJ C) says of one calendar and year, where the library differs.

    A sheet without days means: compared, nothing differs (law D-03).
    """

    source: str
    working: frozenset[date] = frozenset()
    holidays: Mapping[date, str] = field(default_factory=dict)


def _state_of(code: str) -> str:
    return code.partition("-")[0]


def _canonical(code: str) -> str:
    """The code with the state in its ISO form: EL and GR, UK and GB are one calendar each."""
    state, dash, region = code.partition("-")
    return _ISO.get(state, state) + dash + region


@cache
def _calendar(code: str) -> holidays.HolidayBase:
    state, dash, region = _canonical(code).partition("-")
    try:
        national = holidays.country_holidays(state, language="en_US")
    except NotImplementedError:
        raise DeadlineError("unknown_calendar", f"no holidays are known for {code!r}") from None
    if not dash:
        return national
    if region not in national.subdivisions:
        known = ", ".join(national.subdivisions) or "none"
        raise DeadlineError(
            "unknown_region", f"no holidays are known for {code!r}; regions of {state}: {known}"
        )
    return holidays.country_holidays(state, subdiv=region, language="en_US")


def _calendar_of(code: str, year: int) -> holidays.HolidayBase:
    """The calendar, if it reaches the year: outside its years the library knows no holiday."""
    found = _calendar(code)
    if not found.start_year <= year <= found.end_year:
        raise DeadlineError(
            "year_out_of_range",
            f"holidays of {code} are known from {found.start_year} to {found.end_year},"
            f" not for {year}",
        )
    return found


def read_sheets(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], YearSheet]:
    """Year sheets by calendar and year; `ValueError` for a day of another year or a second sheet.

    A row: `{"calendar": "NL", "year": 2027, "source": "OJ C ...", "working": ["2027-05-05"],
    "holidays": {"2027-05-06": "name"}}`; the last two may be missing.
    """
    sheets: dict[tuple[str, int], YearSheet] = {}
    for row in rows:
        sheet = YearSheet(
            source=row["source"],
            working=frozenset(map(date.fromisoformat, row.get("working", ()))),
            holidays={date.fromisoformat(k): v for k, v in row.get("holidays", {}).items()},
        )
        key = (_canonical(row["calendar"]), int(row["year"]))
        if key in sheets:
            raise ValueError(f"two sheets for {row['calendar']} {row['year']}")
        if stray := [d for d in {*sheet.working, *sheet.holidays} if d.year != key[1]]:
            raise ValueError(f"{min(stray)} is in the sheet of {row['calendar']} {row['year']}")
        if both := sheet.working & set(sheet.holidays):
            raise ValueError(f"{min(both)} is both a working day and a holiday")
        sheets[key] = sheet
    return sheets


@cache
def _sheets() -> dict[tuple[str, int], YearSheet]:
    """The shipped table; a year without a sheet goes by the library's own days."""
    text = resources.files(__package__).joinpath("data/holiday_overrides.json").read_text("utf-8")
    return read_sheets(json.loads(text))


def _sheets_for(calendar: str, year: int) -> list[YearSheet]:
    """The sheet of the region before the one of its state: the nearer list decides."""
    code = _canonical(calendar)
    keys = dict.fromkeys([(code, year), (_state_of(code), year)])
    return [_sheets()[key] for key in keys if key in _sheets()]


def check_calendar(code: str) -> None:
    """Raise `DeadlineError` ("unknown_calendar", "unknown_region") unless `code` has holidays."""
    _calendar(code)


def is_compared(calendar: str, year: int) -> bool:
    """Whether the year was compared with the official list; if not, say so beside the date."""
    return (_canonical(calendar), year) in _sheets()


def not_compared(calendar: str, *days: date) -> list[int]:
    """The years of these days that nobody compared with the official list, for who relies on a
    date in them."""
    return [year for year in sorted({day.year for day in days}) if not is_compared(calendar, year)]


def holiday_name(day: date, calendar: str) -> str | None:
    """The English name of the holiday on `day`, for officers; letters say only that it is one.

    Raises `DeadlineError("year_out_of_range")` where no holidays are known for the year.
    """
    library = _calendar_of(calendar, day.year)
    for sheet in _sheets_for(calendar, day.year):
        if day in sheet.working:
            return None
        if day in sheet.holidays:
            return sheet.holidays[day]
    name = library.get(day)
    return str(name) if name else None


def why_not_working(day: date, calendar: str) -> NotWorking | None:
    """Why nothing can end on `day`: "saturday", "sunday", "holiday", or None on a working day."""
    if day.weekday() > _SATURDAY:
        return "sunday"
    if day.weekday() == _SATURDAY:
        return "saturday"
    return "holiday" if holiday_name(day, calendar) else None


def is_working_day(day: date, calendar: str) -> bool:
    return why_not_working(day, calendar) is None


def next_working_day(day: date, calendar: str) -> date:
    """`day` itself, or the first working day after it (Reg. 1182/71 Art. 3(4))."""
    while not is_working_day(day, calendar):
        day += timedelta(days=1)
    return day


def last_working_day(day: date, calendar: str) -> date:
    """`day` itself, or the last working day before it: where the portal's own targets go."""
    while not is_working_day(day, calendar):
        day -= timedelta(days=1)
    return day


def working_days_after(day: date, count: int, calendar: str) -> date:
    """The `count`-th working day after `day`, which itself is not counted."""
    for _ in range(count):
        day = next_working_day(day + timedelta(days=1), calendar)
    return day


# --- receipt --------------------------------------------------------------------------------------


def receipt_day(received_at: datetime, person_tz: str | None, controller_tz: str) -> date:
    """The local date of arrival, of two zones the earlier one (law D-10).

    `received_at` must carry a zone. Weekends, holidays and unread mail do not move it (law D-05).
    """
    if received_at.tzinfo is None:
        raise DeadlineError("naive_time", "the time of receipt has no zone")
    zones = {controller_tz, person_tz or controller_tz}
    return min(received_at.astimezone(_zone(name)).date() for name in zones)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # ValueError: a name that is no relative path
        raise DeadlineError("unknown_zone", f"{name!r} is no time zone") from None


# --- the period -----------------------------------------------------------------------------------


def add_months(day: date, months: int) -> date:
    """The same date number `months` later, or the last day of that month (Art. 3(2)(c))."""
    whole = day.year * 12 + day.month - 1 + months
    year, month = whole // 12, whole % 12 + 1
    if year > date.max.year:
        raise DeadlineError("year_out_of_range", "the period ends after the year 9999")
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def due_dates(
    received_on: date,
    *,
    calendar: str,
    months: int = 1,
    paused_days: int = 0,
    regime: Regime = Regime.EU,
) -> Due:
    """The last day to answer, before and after rolling (GDPR Art. 12(3); law D-01 to D-03).

    An extended period is counted from receipt: `months=3` is the longest (law D-06). Switzerland
    counts 30 days (FADP Art. 25(7)): there the earlier of the two rules holds and nothing rolls.
    The United Kingdom is counted like the Union, which is never the later (law D-11). Raises
    `DeadlineError`: unknown calendar or region, a year without known holidays, a period of
    another length, a pause that would shorten it.
    """
    if not 1 <= months <= 1 + MAX_EXTRA_MONTHS:
        raise DeadlineError("months_out_of_range", "the period is one to three months")
    if paused_days < 0:
        raise DeadlineError("negative_pause", "a pause cannot shorten the period")
    base = _period_end(received_on, months, regime)
    if paused_days > (date.max - base).days:
        raise DeadlineError("year_out_of_range", "the period ends after the year 9999")
    unrolled = base + timedelta(days=paused_days)
    legal = unrolled if regime is Regime.CH else next_working_day(unrolled, calendar)
    return Due(unrolled=unrolled, legal=legal)


def _period_end(received_on: date, months: int, regime: Regime) -> date:
    """The last day without pauses and before rolling."""
    end = add_months(received_on, months)
    if regime is Regime.CH:
        end = min(end, received_on + timedelta(days=_SWISS_DAYS * months))
    return end


def paused_days(
    pauses: Iterable[Pause],
    *,
    received_on: date,
    as_of: date,
    months: int = 1,
    regime: Regime = Regime.EU,
) -> int:
    """Whole days the clock stood still until `as_of` (law D-07: it resumes, never restarts).

    Overlapping pauses count once; one asked after the period had run out does not count: what is
    late stays late (law D-09).
    """
    total, counted_to = 0, received_on
    last = _period_end(received_on, months, regime)
    for pause in sorted(pauses, key=lambda item: item.asked_on):
        end = min(pause.answered_on or as_of, as_of)
        if pause.answered_on is not None and pause.answered_on < pause.asked_on:
            raise DeadlineError("pause_backwards", "an answer came before its question")
        if pause.asked_on > last + timedelta(days=total):
            continue
        start = max(pause.asked_on, counted_to)
        total += max(0, (end - start).days)
        counted_to = max(counted_to, end)
    return total


def due_with_pauses(
    received_on: date,
    *,
    calendar: str,
    pauses: Sequence[Pause],
    as_of: date,
    months: int = 1,
    regime: Regime = Regime.EU,
) -> tuple[Due, Due]:
    """The due dates with pauses and, always shown beside them, without (law D-07)."""
    stood = paused_days(pauses, received_on=received_on, as_of=as_of, months=months, regime=regime)
    return (
        due_dates(received_on, calendar=calendar, months=months, paused_days=stood, regime=regime),
        due_dates(received_on, calendar=calendar, months=months, regime=regime),
    )


def asked_without_delay(received_on: date, asked_on: date, calendar: str) -> bool:
    """Whether a question came soon enough to stop the clock without a second person (law D-07)."""
    return asked_on <= working_days_after(received_on, ASK_WITHIN_WORKING_DAYS, calendar)


def extended(
    received_on: date,
    *,
    calendar: str,
    extra_months: int,
    letter_sent_on: date | None,
    paused_days: int = 0,
    regime: Regime = Regime.EU,
) -> Due:
    """The last day after an extension (GDPR Art. 12(3); law D-06), counted from receipt.

    Raises `extension_not_told` while no letter was sent, `extension_too_late` when it was sent
    after the first last day, `extension_too_early` when before the request: an extension nobody
    was told of in time does not exist.
    """
    if not 1 <= extra_months <= MAX_EXTRA_MONTHS:
        raise DeadlineError("extension_too_long", "at most two further months")
    first = due_dates(received_on, calendar=calendar, paused_days=paused_days, regime=regime)
    if letter_sent_on is None:
        raise DeadlineError("extension_not_told", "the letter with the reasons was not sent")
    if letter_sent_on < received_on:
        raise DeadlineError("extension_too_early", "the letter is older than the request")
    if first.is_late(letter_sent_on):
        raise DeadlineError("extension_too_late", "the first last day had passed")
    return due_dates(
        received_on,
        calendar=calendar,
        months=1 + extra_months,
        paused_days=paused_days,
        regime=regime,
    )


def period(
    counts_from: date,
    *,
    calendar: str,
    as_of: date,
    pauses: Sequence[Pause] = (),
    extra_months: int = 0,
    told_on: date | None = None,
    regime: Regime = Regime.EU,
) -> Period:
    """The period that began on `counts_from`, moved by its own pauses and extension and by nothing
    else (law D-01, D-06, D-07).

    An extension counts only where its letter was sent (`told_on`) within the first month as that
    stood on the day it left; else the period is the first one. Raises `DeadlineError` as
    `due_dates` and `paused_days` do, and extension_too_long.
    """
    if not 0 <= extra_months <= MAX_EXTRA_MONTHS:
        raise DeadlineError("extension_too_long", "at most two further months")

    def ends(months: int, stood: int) -> Due:
        return due_dates(
            counts_from, calendar=calendar, months=months, paused_days=stood, regime=regime
        )

    def stood(day: date, months: int) -> int:
        return paused_days(pauses, received_on=counts_from, as_of=day, months=months, regime=regime)

    in_time = (
        told_on is not None
        and told_on >= counts_from
        and not ends(1, stood(told_on, 1)).is_late(told_on)
    )
    months = 1 + (extra_months if in_time else 0)
    days = stood(as_of, months)
    return Period(
        counts_from=counts_from,
        months=months,
        paused_days=days,
        due=ends(months, days),
        unpaused=ends(months, 0),
        first=ends(1, stood(as_of, 1)),
    )


# --- the portal's own dates -----------------------------------------------------------------------


def targets(
    received_on: date,
    *,
    calendar: str,
    months: int = 1,
    paused_days: int = 0,
    probe_usable_on: date | None = None,
    level_met_on: date | None = None,
    regime: Regime = Regime.EU,
) -> Targets:
    """The dates the desk works to (R4); each is pulled back to a working day.

    The search follows a usable probe by one working day, the first decision the identity level by
    two (R1). Reviews are due on day 10 and the answer on day 14 of the first month; a longer period
    keeps the same distance to its end.
    """
    due = due_dates(
        received_on, calendar=calendar, months=months, paused_days=paused_days, regime=regime
    )
    first_end = due_dates(received_on, calendar=calendar, paused_days=paused_days, regime=regime)
    later = due.unrolled - first_end.unrolled

    def own_day(number: int) -> date:
        day = received_on + timedelta(days=number + paused_days) + later
        return max(received_on, last_working_day(day, calendar))

    return Targets(
        search_by=_after(probe_usable_on, 1, calendar),
        first_decision_by=_after(level_met_on, 2, calendar),
        review_by=own_day(_REVIEW_DAY),
        answer_by=own_day(_ANSWER_DAY),
        erase_by=due.unrolled - timedelta(days=_ERASE_BEFORE_DUE),
    )


def _after(day: date | None, count: int, calendar: str) -> date | None:
    return None if day is None else working_days_after(day, count, calendar)


def erase_on(delivered_on: date, due: Due) -> date:
    """When erasure starts by itself (R4): 14 days after delivery, 3 days before the due date."""
    return min(
        delivered_on + timedelta(days=_ERASE_AFTER_DELIVERY),
        due.unrolled - timedelta(days=_ERASE_BEFORE_DUE),
    )


def breach_due(aware_at: datetime) -> datetime:
    """The end of the 72 hours of GDPR Art. 33(1): hours, weekends included, never rolled."""
    return aware_at + timedelta(hours=BREACH_HOURS)
