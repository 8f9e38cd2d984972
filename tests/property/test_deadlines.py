"""What holds of the clock on any day (law D-01 to D-10)."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dsr_portal.law import deadlines
from dsr_portal.law.deadlines import Pause, Regime

DAYS = st.dates(date(2024, 1, 1), date(2035, 12, 31))
CALENDARS = st.sampled_from(["NL", "DE", "DE-BY", "DE-HH", "FR", "IT", "GR", "ES", "AT", "SE"])
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
    between = (due.legal - due.unrolled).days
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
