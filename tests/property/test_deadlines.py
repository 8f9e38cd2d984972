"""What holds of the clock on any day (law D-01 to D-10)."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.law import deadlines
from dsr_portal.law.deadlines import Pause, Regime

DAYS = st.dates(date(2024, 1, 1), date(2035, 12, 31))
CALENDARS = st.sampled_from(
    ["NL", "DE", "DE-BY", "DE-HH", "FR", "FR-57", "IT", "GR", "ES", "AT", "SE", "BG", "HU", "UK"]
)
REGIMES = st.sampled_from(Regime)
# Hungary, 24 to 29 December 2024, is the longest row of free days that the calendars have.
MOST_FREE_DAYS = 6
MONTHS = st.integers(1, 3)
PAUSED = st.integers(0, 60)
ZONES = st.sampled_from(["Europe/Lisbon", "Europe/Paris", "Pacific/Auckland", "America/Lima"])


@given(DAYS, CALENDARS, MONTHS, PAUSED)
def test_the_legal_day_is_the_first_working_day_not_before_the_unrolled(
    day: date, calendar: str, months: int, paused: int
) -> None:
    due = deadlines.due_dates(day, calendar=calendar, months=months, paused_days=paused)
    assert due.legal >= due.unrolled
    assert deadlines.is_working_day(due.legal, calendar)
    assert deadlines.holiday_name(due.legal, calendar) is None
    between = (due.legal - due.unrolled).days
    assert between <= MOST_FREE_DAYS
    assert not any(
        deadlines.is_working_day(due.unrolled + timedelta(days=n), calendar) for n in range(between)
    )


@given(DAYS, CALENDARS, MONTHS)
def test_the_unrolled_day_has_the_same_number_or_is_the_last_of_its_month(
    day: date, calendar: str, months: int
) -> None:
    end = deadlines.due_dates(day, calendar=calendar, months=months).unrolled
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (
        end.day < day.day and end.day == monthrange(end.year, end.month)[1]
    )


@given(DAYS, st.integers(0, 400), CALENDARS, MONTHS)
def test_a_later_request_is_never_due_earlier(
    day: date, later: int, calendar: str, months: int
) -> None:
    first = deadlines.due_dates(day, calendar=calendar, months=months)
    second = deadlines.due_dates(day + timedelta(days=later), calendar=calendar, months=months)
    assert first.unrolled <= second.unrolled
    assert first.legal <= second.legal


@given(DAYS, CALENDARS, st.integers(1, 2), PAUSED, REGIMES)
def test_more_months_never_end_earlier(
    day: date, calendar: str, months: int, paused: int, regime: Regime
) -> None:
    def due(count: int) -> deadlines.Due:
        return deadlines.due_dates(
            day, calendar=calendar, months=count, paused_days=paused, regime=regime
        )

    assert due(months).unrolled < due(months + 1).unrolled
    assert due(months).legal < due(months + 1).legal


@given(DAYS, CALENDARS, PAUSED, st.integers(0, 30), REGIMES)
def test_a_pause_moves_the_end_before_rolling_by_its_days_and_never_forward(
    day: date, calendar: str, paused: int, more: int, regime: Regime
) -> None:
    """D-07: base plus whole days, then roll."""

    def due(count: int) -> deadlines.Due:
        return deadlines.due_dates(day, calendar=calendar, paused_days=count, regime=regime)

    assert (due(paused + more).unrolled - due(paused).unrolled).days == more
    assert due(paused).legal <= due(paused + more).legal


@given(DAYS, CALENDARS, CALENDARS, MONTHS, PAUSED)
def test_the_unrolled_day_does_not_depend_on_the_calendar(
    day: date, calendar: str, other: str, months: int, paused: int
) -> None:
    """D-04: what the portal works towards stays when the state of the controller is in doubt."""
    one = deadlines.due_dates(day, calendar=calendar, months=months, paused_days=paused)
    two = deadlines.due_dates(day, calendar=other, months=months, paused_days=paused)
    assert one.unrolled == two.unrolled


@given(DAYS, CALENDARS, MONTHS, PAUSED)
def test_the_british_date_is_the_one_of_the_union(
    day: date, calendar: str, months: int, paused: int
) -> None:
    """D-11."""
    british, union = (
        deadlines.due_dates(
            day, calendar=calendar, months=months, paused_days=paused, regime=regime
        )
        for regime in (Regime.UK, Regime.EU)
    )
    assert british == union


@given(DAYS, CALENDARS, st.integers(1, 2), PAUSED)
def test_an_extension_ends_after_the_first_period_and_within_three_months(
    day: date, calendar: str, extra: int, paused: int
) -> None:
    first = deadlines.due_dates(day, calendar=calendar, paused_days=paused)
    due = deadlines.extended(
        day, calendar=calendar, extra_months=extra, letter_sent_on=day, paused_days=paused
    )
    assert first.unrolled < due.unrolled
    assert due.unrolled <= deadlines.add_months(day, 3) + timedelta(days=paused)


@given(
    DAYS,
    CALENDARS,
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=4),
    st.integers(0, 90),
)
def test_pauses_never_shorten_and_never_count_a_day_twice(
    day: date, calendar: str, spans: list[tuple[int, int]], seen: int
) -> None:
    pauses = [
        Pause(day + timedelta(days=start), day + timedelta(days=start + length))
        for start, length in spans
    ]
    as_of = day + timedelta(days=seen)
    paused, plain = deadlines.due_with_pauses(day, calendar=calendar, pauses=pauses, as_of=as_of)
    assert paused.unrolled >= plain.unrolled
    assert (paused.unrolled - plain.unrolled).days <= min(seen, sum(n for _, n in spans))


@given(DAYS, CALENDARS, MONTHS)
def test_the_swiss_date_is_never_after_the_union_one(day: date, calendar: str, months: int) -> None:
    swiss = deadlines.due_dates(day, calendar=calendar, months=months, regime=Regime.CH)
    union = deadlines.due_dates(day, calendar=calendar, months=months)
    assert swiss.legal <= union.unrolled


@given(DAYS, CALENDARS, MONTHS)
def test_own_targets_come_before_the_due_date_and_in_order(
    day: date, calendar: str, months: int
) -> None:
    plan = deadlines.targets(day, calendar=calendar, months=months)
    due = deadlines.due_dates(day, calendar=calendar, months=months)
    assert day <= plan.review_by <= plan.answer_by < plan.erase_by < due.unrolled


@given(DAYS, st.integers(0, 10), CALENDARS)
def test_working_days_after_skips_no_working_day(day: date, count: int, calendar: str) -> None:
    end = deadlines.working_days_after(day, count, calendar)
    passed = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert sum(deadlines.is_working_day(one, calendar) for one in passed) == count


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    ZONES,
    ZONES,
)
def test_the_receipt_day_does_not_depend_on_the_order_of_zones(
    moment: datetime, one: str, other: str
) -> None:
    day = deadlines.receipt_day(moment, one, other)
    assert day == deadlines.receipt_day(moment, other, one)
    assert day <= deadlines.receipt_day(moment, None, one)
    assert day in {moment.astimezone(ZoneInfo(zone)).date() for zone in (one, other)}


@given(DAYS, st.integers(0, 60), CALENDARS, MONTHS)
def test_erasure_by_itself_comes_before_the_due_date(
    received: date, delivered_after: int, calendar: str, months: int
) -> None:
    """R4: whenever the answer was delivered, and by no weekend later."""
    due = deadlines.due_dates(received, calendar=calendar, months=months)
    delivered = received + timedelta(days=delivered_after)
    day = deadlines.erase_on(delivered, due)
    assert day < due.unrolled
    assert day <= delivered + timedelta(days=14)
    assert day in {delivered + timedelta(days=14), due.unrolled - timedelta(days=3)}


# -- the period of one wish -----------------------------------------------------------------------


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """One period with questions in order, an extension told at any time, and a day it is seen."""
    day = draw(DAYS)
    pauses, at = [], day
    for _number in range(draw(st.integers(0, 3))):
        at += timedelta(days=draw(st.integers(0, 20)))
        end = at + timedelta(days=draw(st.integers(0, 30)))
        pauses.append(Pause(at, end))
        at = end
    told = draw(st.none() | st.integers(-5, 90))
    return {
        "counts_from": day,
        "calendar": draw(CALENDARS),
        "pauses": tuple(pauses),
        "extra_months": draw(st.integers(0, 2)),
        "told_on": None if told is None else day + timedelta(days=told),
        "regime": draw(REGIMES),
        "as_of": day + timedelta(days=draw(st.integers(0, 150))),
    }


@given(wishes())
def test_a_wish_is_never_due_earlier_than_its_own_first_month(wish: dict[str, Any]) -> None:
    """D-01, D-06, D-07: pauses and extension only ever move the end on, by whole days stood."""
    found = deadlines.period(**wish)
    assert found.unpaused.unrolled <= found.due.unrolled
    assert found.first.unrolled <= found.due.unrolled
    assert (found.due.unrolled - found.unpaused.unrolled).days == found.paused_days
    longest = deadlines.due_dates(
        wish["counts_from"],
        calendar=wish["calendar"],
        months=3,
        paused_days=found.paused_days,
        regime=wish["regime"],
    )
    assert found.due.unrolled <= longest.unrolled


@given(wishes())
def test_an_extension_nobody_was_told_of_in_the_first_month_is_none(wish: dict[str, Any]) -> None:
    """D-06: the same period as without one; told in time it has its months."""
    found = deadlines.period(**wish)
    bare = deadlines.period(**{**wish, "extra_months": 0})
    told = wish["told_on"]
    if told is None or told < wish["counts_from"]:
        assert found == bare
        return
    then = deadlines.period(**{**wish, "extra_months": 0, "as_of": told})
    in_time = not then.first.is_late(told)
    assert found.months == 1 + (wish["extra_months"] if in_time else 0)


@given(wishes(), st.integers(1, 60))
def test_while_nothing_is_asked_the_end_of_a_wish_stays(wish: dict[str, Any], days: int) -> None:
    """D-07: after the last answer no day moves the date, whatever happens elsewhere."""
    over = max([wish["as_of"], *(one.answered_on for one in wish["pauses"])])
    first = deadlines.period(**{**wish, "as_of": over})
    later = deadlines.period(**{**wish, "as_of": over + timedelta(days=days)})
    assert first == later
