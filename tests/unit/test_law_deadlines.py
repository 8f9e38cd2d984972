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
    if row["holiday"]:
        assert deadlines.holiday_name(due.unrolled, row["calendar"]) == row["holiday"]


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


def test_greece_and_the_union_mean_the_same_calendar() -> None:
    assert deadlines.due_dates(date(2026, 3, 10), calendar="EL") == deadlines.due_dates(
        date(2026, 3, 10), calendar="GR"
    )


def test_an_unknown_calendar_is_an_error_and_not_a_year_without_holidays() -> None:
    with pytest.raises(DeadlineError, match="no holidays"):
        deadlines.due_dates(date(2026, 3, 10), calendar="XX")
    with pytest.raises(DeadlineError):
        deadlines.check_calendar("DE-XX")


def test_an_override_beats_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-03: the official list decides, year by year."""
    day = date(2026, 4, 27)
    assert deadlines.why_not_working(day, "NL") == "holiday"
    monkeypatch.setattr(
        deadlines, "_overrides", lambda: {("NL", day): True, ("NL", date(2026, 4, 28)): False}
    )
    assert deadlines.is_working_day(day, "NL")
    assert deadlines.why_not_working(date(2026, 4, 28), "NL") == "holiday"


def test_the_shipped_overrides_can_be_read() -> None:
    assert isinstance(deadlines._overrides(), dict)


def test_switzerland_counts_thirty_days_and_never_rolls() -> None:
    """D-11: FADP Art. 25(7); in February the month is the shorter one."""
    due = deadlines.due_dates(date(2026, 3, 20), calendar="CH", regime=Regime.CH)
    assert due == Due(date(2026, 4, 19), date(2026, 4, 19))
    assert due.unrolled.strftime("%a") == "Sun"
    february = deadlines.due_dates(date(2026, 2, 10), calendar="CH", regime=Regime.CH)
    assert february.unrolled == date(2026, 3, 10)


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


def test_erasure_starts_on_the_earlier_of_two_days() -> None:
    """R4: 14 days after delivery, 3 days before the due date."""
    due = Due(date(2026, 12, 22), date(2026, 12, 22))
    assert deadlines.erase_on(date(2026, 12, 1), due) == date(2026, 12, 15)
    assert deadlines.erase_on(date(2026, 12, 18), due) == date(2026, 12, 19)


def test_breach_hours_do_not_wait_for_monday() -> None:
    """O-07: GDPR Art. 33(1)."""
    friday = datetime(2026, 12, 18, 17, 0, tzinfo=UTC)
    assert deadlines.breach_due(friday) - friday == timedelta(hours=72)


def test_the_last_day_is_in_time_and_the_next_is_late() -> None:
    due = Due(date(2026, 12, 20), date(2026, 12, 21))
    assert due.rolled
    assert not due.is_late(date(2026, 12, 21))
    assert due.is_late(date(2026, 12, 22))
