"""The computed examples of the law catalogue and the rules around them (law D-01 to D-11)."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dsr_portal.law import deadlines
from dsr_portal.law.deadlines import DeadlineError, Due, Pause, Regime

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "deadline_vectors.json").read_text("utf-8")
)


def test_all_vectors_are_there() -> None:
    assert len(VECTORS) == 38


@pytest.mark.parametrize("row", VECTORS, ids=lambda r: f"{r['received']}-{r['calendar']}")
def test_last_day_is_the_computed_one(row: dict[str, Any]) -> None:
    """D-01, D-02, D-03, D-05, D-06, D-07."""
    due = deadlines.due_dates(
        date.fromisoformat(row["received"]),
        calendar=row["calendar"],
        months=row["months"],
        paused_days=row["paused_days"],
    )
    assert due.unrolled.isoformat() == row["unrolled"]
    assert due.legal.isoformat() == row["legal_last_day"]
    assert due.unrolled.strftime("%a") == row["unrolled_weekday"]
    assert deadlines.holiday_name(due.unrolled, row["calendar"]) == row["holiday"]


@pytest.mark.parametrize("row", VECTORS, ids=lambda r: f"{r['received']}-{r['calendar']}")
def test_the_one_clock_of_requests_and_wishes_has_the_computed_days(row: dict[str, Any]) -> None:
    """D-01, D-06, D-07: the same days from a question that stood so long and a letter in time."""
    day = date.fromisoformat(row["received"])
    stood = timedelta(days=row["paused_days"])
    found = deadlines.period(
        day,
        calendar=row["calendar"],
        as_of=day + timedelta(days=400),
        pauses=(Pause(day, day + stood),),
        extra_months=row["months"] - 1,
        told_on=day,
    )
    assert found.due.unrolled.isoformat() == row["unrolled"]
    assert found.due.legal.isoformat() == row["legal_last_day"]


def test_an_extension_is_counted_from_receipt_not_from_the_rolled_day() -> None:
    """D-06 trap: 31 January rolls to 2 March, its extension ends on 30 April, not 2 June."""
    day = date(2026, 1, 31)
    due = deadlines.extended(day, calendar="FR", extra_months=2, letter_sent_on=date(2026, 2, 20))
    assert due == Due(date(2026, 4, 30), date(2026, 4, 30))


@pytest.mark.parametrize(
    ("sent", "code"),
    [(None, "extension_not_told"), (date(2026, 3, 3), "extension_too_late")],
)
def test_an_extension_nobody_was_told_of_in_time_does_not_exist(
    sent: date | None, code: str
) -> None:
    """D-06: no letter or a letter on the day after the last day."""
    with pytest.raises(DeadlineError) as error:
        deadlines.extended(date(2026, 1, 31), calendar="FR", extra_months=2, letter_sent_on=sent)
    assert error.value.code == code
    deadlines.extended(
        date(2026, 1, 31), calendar="FR", extra_months=2, letter_sent_on=date(2026, 3, 2)
    )


def test_a_letter_older_than_the_request_extends_nothing() -> None:
    """D-06."""
    with pytest.raises(DeadlineError, match="older than the request"):
        deadlines.extended(
            date(2026, 1, 31), calendar="FR", extra_months=1, letter_sent_on=date(2026, 1, 30)
        )


@pytest.mark.parametrize("months", [0, 3])
def test_at_most_two_further_months(months: int) -> None:
    with pytest.raises(DeadlineError, match="two further months"):
        deadlines.extended(
            date(2026, 1, 31), calendar="FR", extra_months=months, letter_sent_on=None
        )


def test_a_pause_moves_the_end_by_whole_days_and_the_unpaused_date_stays_visible() -> None:
    """D-07: asked on the 12th, answered on the 16th: four days."""
    paused, plain = deadlines.due_with_pauses(
        date(2026, 9, 10),
        calendar="NL",
        pauses=[Pause(date(2026, 9, 12), date(2026, 9, 16))],
        as_of=date(2026, 9, 20),
    )
    assert paused.legal == date(2026, 10, 14)
    assert plain.legal == date(2026, 10, 12)


def test_overlapping_pauses_count_once_and_an_open_one_runs() -> None:
    received = date(2026, 9, 1)
    pauses = [
        Pause(date(2026, 9, 3), date(2026, 9, 8)),
        Pause(date(2026, 9, 5), date(2026, 9, 10)),
        Pause(date(2026, 9, 20)),
    ]
    count = deadlines.paused_days(pauses, received_on=received, as_of=date(2026, 9, 22))
    assert count == 7 + 2


def test_a_question_after_the_last_day_does_not_make_a_late_case_early() -> None:
    """D-07, D-09: what is late stays late."""
    pause = [Pause(date(2026, 10, 2), date(2026, 10, 30))]
    assert deadlines.paused_days(pause, received_on=date(2026, 9, 1), as_of=date(2026, 11, 1)) == 0


def test_a_late_question_is_noticed() -> None:
    """D-07: within three working days, the weekend between not counted."""
    friday = date(2026, 9, 11)
    assert deadlines.asked_without_delay(friday, date(2026, 9, 16), "NL")
    assert not deadlines.asked_without_delay(friday, date(2026, 9, 17), "NL")


def test_an_answer_before_its_question_is_refused() -> None:
    with pytest.raises(DeadlineError, match="before its question"):
        deadlines.paused_days(
            [Pause(date(2026, 9, 5), date(2026, 9, 4))],
            received_on=date(2026, 9, 1),
            as_of=date(2026, 9, 9),
        )


def test_of_two_zones_the_earlier_local_date_counts() -> None:
    """D-10: 23:30 in Lisbon is already the next day in Paris."""
    moment = datetime(2026, 3, 5, 23, 30, tzinfo=ZoneInfo("Europe/Lisbon"))
    assert moment.astimezone(ZoneInfo("Europe/Paris")).date() == date(2026, 3, 6)
    for pair in (("Europe/Lisbon", "Europe/Paris"), ("Europe/Paris", "Europe/Lisbon")):
        assert deadlines.receipt_day(moment, *pair) == date(2026, 3, 5)
    assert deadlines.receipt_day(moment, None, "Europe/Paris") == date(2026, 3, 6)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(DeadlineError, match="no zone"):
        deadlines.receipt_day(datetime(2026, 3, 5), None, "Europe/Paris")


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc", "/etc/passwd"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(DeadlineError) as error:
        deadlines.receipt_day(datetime(2026, 3, 5, tzinfo=UTC), zone, "Europe/Paris")
    assert error.value.code == "unknown_zone"


def test_greece_and_the_union_mean_the_same_calendar() -> None:
    assert deadlines.due_dates(date(2026, 3, 10), calendar="EL") == deadlines.due_dates(
        date(2026, 3, 10), calendar="GR"
    )


@pytest.mark.parametrize(
    ("calendar", "code"),
    [
        ("XX", "unknown_calendar"),
        ("", "unknown_calendar"),
        ("nl", "unknown_calendar"),
        ("DE-XX", "unknown_region"),
        ("DE-", "unknown_region"),
        ("LU-1", "unknown_region"),
    ],
)
def test_an_unknown_calendar_is_an_error_and_not_a_year_without_holidays(
    calendar: str, code: str
) -> None:
    """D-03."""
    with pytest.raises(DeadlineError) as error:
        deadlines.due_dates(date(2026, 3, 10), calendar=calendar)
    assert error.value.code == code
    with pytest.raises(DeadlineError, match="no holidays are known"):
        deadlines.check_calendar(calendar)


def test_a_region_has_the_days_of_its_state_and_its_own() -> None:
    """D-03: Good Friday is a holiday in Moselle and not in the rest of France."""
    good_friday = date(2026, 4, 3)
    assert deadlines.due_dates(date(2026, 3, 3), calendar="FR").legal == good_friday
    assert deadlines.due_dates(date(2026, 3, 3), calendar="FR-57").legal == date(2026, 4, 7)


def test_a_year_beyond_the_known_holidays_is_an_error() -> None:
    """D-03: a year the library knows nothing of would look like one without holidays."""
    last = deadlines.due_dates(date(2100, 11, 10), calendar="FR")
    assert last.legal == date(2100, 12, 10)
    for received in (date(2100, 12, 10), date(1750, 1, 10)):
        with pytest.raises(DeadlineError, match="from 1803 to 2100, not for") as error:
            deadlines.due_dates(received, calendar="FR")
        assert error.value.code == "year_out_of_range"


@pytest.mark.parametrize(
    ("received", "paused"), [(date(9999, 12, 1), 0), (date(2026, 1, 1), 9_000_000)]
)
def test_a_period_without_end_is_an_error(received: date, paused: int) -> None:
    with pytest.raises(DeadlineError, match="after the year 9999"):
        deadlines.due_dates(received, calendar="FR", paused_days=paused)


def sheets(*rows: dict[str, Any]) -> Any:
    table = deadlines.read_sheets(rows)
    return lambda: table


def test_a_year_sheet_beats_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-03: the official list decides, year by year."""
    kings_day = date(2026, 4, 27)
    assert deadlines.holiday_name(kings_day, "NL") == "King's Day"
    sheet = {
        "calendar": "NL",
        "year": 2026,
        "source": "a test",
        "working": ["2026-04-27"],
        "holidays": {"2026-04-28": "Day of Mourning"},
    }
    monkeypatch.setattr(deadlines, "_sheets", sheets(sheet))
    assert deadlines.is_working_day(kings_day, "NL")
    assert deadlines.holiday_name(kings_day, "NL") is None
    assert deadlines.why_not_working(date(2026, 4, 28), "NL") == "holiday"
    assert deadlines.holiday_name(date(2026, 4, 28), "NL") == "Day of Mourning"
    assert not deadlines.is_working_day(date(2027, 4, 27), "NL")  # the other years stay


def test_the_sheet_of_a_state_holds_in_its_regions_and_theirs_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D-03."""
    state = {"calendar": "DE", "year": 2027, "source": "a", "holidays": {"2027-03-10": "X"}}
    region = {"calendar": "DE-BY", "year": 2027, "source": "b", "working": ["2027-03-10"]}
    monkeypatch.setattr(deadlines, "_sheets", sheets(state, region))
    assert deadlines.holiday_name(date(2027, 3, 10), "DE-HH") == "X"
    assert deadlines.is_working_day(date(2027, 3, 10), "DE-BY")


def test_a_year_is_compared_when_it_has_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-03: EL and GR are one calendar; a sheet without days says that nothing differs."""
    monkeypatch.setattr(
        deadlines, "_sheets", sheets({"calendar": "EL", "year": 2027, "source": "OJ C"})
    )
    assert deadlines.is_compared("GR", 2027)
    assert not deadlines.is_compared("GR", 2028)
    assert not deadlines.is_compared("GR-X", 2027)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"working": ["2028-05-05"]}], "in the sheet of NL 2027"),
        ([{}, {}], "two sheets"),
        ([{"working": ["2027-05-05"], "holidays": {"2027-05-05": "X"}}], "both"),
        ([{"working": ["2027-02-30"]}], "day is out of range"),
    ],
)
def test_a_wrong_sheet_is_refused(rows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        deadlines.read_sheets({"calendar": "NL", "year": 2027, "source": "OJ C"} | r for r in rows)


def test_the_shipped_sheets_name_known_calendars_and_their_source() -> None:
    for (calendar, _year), sheet in deadlines._sheets().items():
        deadlines.check_calendar(calendar)
        assert sheet.source


def test_switzerland_counts_thirty_days_and_never_rolls() -> None:
    """D-11: FADP Art. 25(7); in February the month is the shorter one."""
    due = deadlines.due_dates(date(2026, 3, 20), calendar="CH", regime=Regime.CH)
    assert due == Due(date(2026, 4, 19), date(2026, 4, 19))
    assert due.unrolled.strftime("%a") == "Sun"
    with pytest.raises(DeadlineError):
        deadlines.due_dates(date(9999, 12, 10), calendar="CH", regime=Regime.CH)
    february = deadlines.due_dates(date(2026, 2, 10), calendar="CH", regime=Regime.CH)
    assert february.unrolled == date(2026, 3, 10)


def test_the_united_kingdom_is_counted_like_the_union_by_its_own_calendar() -> None:
    """D-11: Boxing Day 2026 falls on a Saturday, Monday the 28th is its substitute."""
    received = date(2026, 11, 26)
    british = deadlines.due_dates(received, calendar="UK", regime=Regime.UK)
    assert british == Due(date(2026, 12, 26), date(2026, 12, 29))
    assert british == deadlines.due_dates(received, calendar="GB")


def test_own_targets_lie_on_working_days_before_the_due_date() -> None:
    """R4 for a request of Sunday, 22 November 2026."""
    received = date(2026, 11, 22)
    plan = deadlines.targets(
        received,
        calendar="NL",
        probe_usable_on=date(2026, 11, 27),
        level_met_on=date(2026, 11, 27),
    )
    assert plan.search_by == date(2026, 11, 30)
    assert plan.first_decision_by == date(2026, 12, 1)
    assert plan.review_by == date(2026, 12, 2)
    assert plan.answer_by == date(2026, 12, 4)  # day 14 is Sunday, 6 December
    assert plan.erase_by == date(2026, 12, 19)


def test_targets_wait_for_what_they_count_from() -> None:
    plan = deadlines.targets(date(2026, 11, 2), calendar="NL")
    assert plan.search_by is None
    assert plan.first_decision_by is None


def test_an_extended_case_keeps_its_distance_to_the_end() -> None:
    plan = deadlines.targets(date(2026, 11, 2), calendar="NL", months=3)
    assert date(2027, 1, 2) < plan.answer_by < date(2027, 2, 2)


@pytest.mark.parametrize(
    ("received", "months", "delivered", "starts"),
    [
        # One month from Sunday, 22 November 2026: unrolled Tuesday, 22 December.
        (date(2026, 11, 22), 1, date(2026, 11, 30), date(2026, 12, 14)),
        (date(2026, 11, 22), 1, date(2026, 12, 5), date(2026, 12, 19)),
        (date(2026, 11, 22), 1, date(2026, 12, 6), date(2026, 12, 19)),
        (date(2026, 11, 22), 1, date(2026, 12, 18), date(2026, 12, 19)),
        # The roll from Saturday to Monday is not used: 28 February 2026, less three days.
        (date(2026, 1, 31), 1, date(2026, 2, 20), date(2026, 2, 25)),
        # An extended case has more room, and the 14 days decide.
        (date(2026, 11, 22), 3, date(2026, 12, 18), date(2027, 1, 1)),
    ],
)
def test_erasure_starts_on_the_earlier_of_two_days(
    received: date, months: int, delivered: date, starts: date
) -> None:
    """R4: 14 days after delivery, 3 days before the unrolled due date."""
    due = deadlines.due_dates(received, calendar="FR", months=months)
    assert deadlines.erase_on(delivered, due) == starts


def test_breach_hours_do_not_wait_for_monday() -> None:
    """O-07: GDPR Art. 33(1)."""
    friday = datetime(2026, 12, 18, 17, 0, tzinfo=UTC)
    assert deadlines.breach_due(friday) - friday == timedelta(hours=72)


def test_the_last_day_is_in_time_and_the_next_is_late() -> None:
    due = Due(date(2026, 12, 20), date(2026, 12, 21))
    assert due.rolled
    assert not due.is_late(date(2026, 12, 21))
    assert due.is_late(date(2026, 12, 22))
