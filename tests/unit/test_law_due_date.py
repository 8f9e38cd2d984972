"""`manage.py due_date` says what the clock says, in three facts or one sentence."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.cases.checks import calendar_is_known
from dsr_portal.law import deadlines

ROOT = Path(__file__).parents[2]
VECTORS: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "data" / "deadline_vectors.json").read_text("utf-8")
)


def due_date(*words: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("due_date", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("row", VECTORS, ids=lambda r: f"{r['received']}-{r['calendar']}")
def test_the_three_facts_of_every_computed_example(row: dict[str, Any]) -> None:
    """D-01, D-02, D-03."""
    out, _ = due_date(
        *("--received", row["received"], "--calendar", row["calendar"], "--json"),
        *("--months", str(row["months"]), "--paused-days", str(row["paused_days"])),
    )
    assert json.loads(out) == {key: row[key] for key in ("unrolled", "legal_last_day", "holiday")}


def test_a_sentence_says_what_moved_the_day() -> None:
    out, _ = due_date("--received", "2026-03-05", "--calendar", "NL")
    assert out == (
        "Received on Thursday, 5 March 2026, the period ends on Sunday, 5 April 2026, Easter"
        " Sunday. That is no working day in NL: the last day is Tuesday, 7 April 2026.\n"
    )
    out, _ = due_date("--received", "2026-08-31", "--calendar", "IT")
    assert out == (
        "Received on Monday, 31 August 2026, the period ends on Wednesday, 30 September 2026:"
        " that is the last day.\n"
    )


def test_another_law_is_counted_by_its_own_rule() -> None:
    """D-11."""
    words = ("--received", "2026-03-20", "--calendar", "CH", "--json")
    assert json.loads(due_date(*words, "--regime", "ch")[0])["legal_last_day"] == "2026-04-19"
    assert json.loads(due_date(*words)[0])["legal_last_day"] == "2026-04-20"


def test_years_nobody_compared_are_said_beside_the_facts_and_not_in_them() -> None:
    """D-03: known feasts, and a warning."""
    out, err = due_date("--received", "2030-12-02", "--calendar", "FR", "--json")
    assert set(json.loads(out)) == {"unrolled", "legal_last_day", "holiday"}
    assert "Holidays of FR in 2031 are the feasts the library knows" in err


def test_a_compared_year_needs_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """D-03."""
    monkeypatch.setattr(
        deadlines,
        "_sheets",
        lambda: deadlines.read_sheets([{"calendar": "FR", "year": 2031, "source": "OJ C"}]),
    )
    assert due_date("--received", "2030-12-02", "--calendar", "FR")[1] == ""


BAD = [
    (("--received", "2026-01-31", "--calendar", "XX"), "no holidays are known for 'XX'"),
    (("--received", "2026-01-31", "--calendar", "FR-ZZ"), "regions of FR: 57"),
    (("--received", "2026-02-30"), "'2026-02-30' is no date of the form 2026-01-31"),
    (("--received", "20260131"), "'20260131' is no date"),
    (("--received", "soon"), "'soon' is no date"),
    (("--received", "2026-01-31", "--months", "0"), "one to three months"),
    (("--received", "2026-01-31", "--months", "4"), "one to three months"),
    (("--received", "2026-01-31", "--months", "-1"), "'-1' is no whole number"),
    (("--received", "2026-01-31", "--paused-days", "-3"), "'-3' is no whole number"),
    (("--received", "2026-01-31", "--paused-days", "1.5"), "'1.5' is no whole number"),
    (("--received", "2026-01-31", "--paused-days", "999999999"), "after the year 9999"),
    (("--received", "2100-12-31", "--calendar", "FR"), "not for 2101"),
    (("--received", "2026-01-31", "--regime", "us"), "'us' is none of eu, uk, ch"),
    ((), "--received"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=lambda value: " ".join(value)[-24:])
def test_bad_input_is_answered_in_words(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as error:
        due_date(*words)
    assert message in str(error.value)


@pytest.mark.parametrize("words", [BAD[0][0], BAD[2][0]])
def test_bad_input_ends_with_2(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "due_date", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_wrong_calendar_in_the_settings_stops_the_start(settings: Any) -> None:
    """D-04: not the first request that comes in."""
    assert calendar_is_known() == []
    settings.DSR_CALENDAR = "DE-XX"
    (found,) = calendar_is_known()
    assert found.id == "cases.E001"
    assert "regions of DE: BB" in found.msg
