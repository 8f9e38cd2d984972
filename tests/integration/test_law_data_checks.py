"""What nobody has compared yet is told to who runs the portal (law 5.4, D-03)."""

import html
import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from dsr_portal.cases.clocks import clock_of
from dsr_portal.core import clock
from dsr_portal.desk.clock_line import clock_line
from dsr_portal.law import authorities, deadlines, remedies
from tests.support import cases as support
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db

UNSURE = {"HR", "PL", "SK", "LI", "UK", "DE-BW", "DE-SN"}


def found(code: str) -> list[CheckMessage]:
    told = run_checks(tags=["database"], databases=["default"])
    return [one for one in told if one.id == code]


def listed(*words: str) -> tuple[list[dict[str, object]], int]:
    out = StringIO()
    code = 0
    try:
        call_command("authorities", *words, "--json", stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    return json.loads(out.getvalue()), code


def checked(*codes: str) -> dict[str, dict[str, str]]:
    return {code: {"address": "Street 1, Town", "source": "its own site"} for code in codes}


def test_the_operator_sees_which_addresses_no_letter_prints(settings):
    """T-14, A-10: code, what is unsure, source; what the operator compared is off the list."""
    rows, code = listed("--unsure")
    hidden = {row["code"] for row in rows if not row["printed"]}
    assert (hidden, code) == (UNSURE, 1)
    for row in rows:
        assert all(row[key] for key in ("unsure", "source", "website"))
    every, code = listed()
    assert (len(every), code) == (len(authorities.all_authorities()), 0)
    settings.DSR_AUTHORITIES = checked("HR")
    rows, _code = listed("--unsure")
    assert "HR" not in {row["code"] for row in rows}
    settings.DSR_AUTHORITIES = checked(*authorities.all_authorities())
    assert listed("--unsure") == ([], 0)


def test_the_list_for_a_reader_has_the_same(settings):
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("authorities", "--unsure", stdout=out)
    assert end.value.code == 1
    text = out.getvalue()
    assert "HR  Croatian Personal Data Protection Agency: the address is unsure" in text
    assert "compare with https://azop.hr; source: general knowledge" in text
    settings.DSR_AUTHORITIES = checked(*authorities.all_authorities())
    out = StringIO()
    call_command("authorities", "--unsure", stdout=out)
    assert out.getvalue() == "Nothing is left to compare.\n"


def test_the_check_names_the_codes_once_somebody_works_here(settings):
    """A-10: silent in an empty installation; each address that was checked leaves the list."""
    assert found("cases.W002") == []
    staff("S-1")
    (told,) = found("cases.W002")
    assert set(told.msg.rstrip(".").partition(": ")[2].split(", ")) == UNSURE
    settings.DSR_AUTHORITIES = checked(*UNSURE - {"PL"})
    (told,) = found("cases.W002")
    assert told.msg.endswith(": PL.")
    assert "authorities --unsure" in str(told.hint)
    settings.DSR_AUTHORITIES = checked(*UNSURE)
    assert found("cases.W002") == []
    block = remedies.for_country("PL", establishment_in_eu=True, overrides=settings.DSR_AUTHORITIES)
    assert "Street 1, Town" in block.authority_lines


@pytest.mark.parametrize(
    "entry", [{"XX": {"address": "a"}}, {"PL": {"adress": "a"}}, {"PL": {"confidence": "sure"}}]
)
def test_an_entry_nothing_would_take_is_told_before_a_letter_needs_it(settings, entry):
    settings.DSR_AUTHORITIES = entry
    (told,) = found("cases.E002")
    assert told.msg.startswith(("DSR_AUTHORITIES", "confidence"))
    with pytest.raises(CommandError, match="Nothing is listed") as refusal:
        call_command("authorities", "--unsure", stdout=StringIO())
    assert refusal.value.returncode == 2


@pytest.fixture
def november(monkeypatch):
    """A request of today may end in another year."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2027, 11, 20, 12, tzinfo=UTC))


def compared(monkeypatch, *sheets: tuple[str, int]) -> None:
    rows = [{"calendar": code, "year": year, "source": "OJ C"} for code, year in sheets]
    read = deadlines.read_sheets(rows)
    monkeypatch.setattr(deadlines, "_sheets", lambda: read)


def test_years_nobody_compared_are_told_to_the_operator(monkeypatch, november):
    """D-03: the year of today and the one in which the longest period of today ends."""
    assert found("cases.W001") == []
    staff("S-1")
    (told,) = found("cases.W001")
    assert "of NL in 2027 and 2028 with the official list" in told.msg
    compared(monkeypatch, ("NL", 2027), ("BE", 2028))
    (told,) = found("cases.W001")
    assert "of NL in 2028 with" in told.msg
    compared(monkeypatch, ("NL", 2027), ("NL", 2028))
    assert found("cases.W001") == []


def test_the_line_stands_under_the_clock_until_somebody_compared(
    monkeypatch, november, site, client
):
    """D-03: who tells a date sees what it goes by; the years are those of the date."""
    site("desk")
    case = support.opened()
    browser = sign_in(client, staff("S-1"))
    page = reverse("desk:case", args=[case.reference])
    words = "nobody compared them with the official list yet"
    assert f"of NL in 2027 as the library knows them; {words}" in text_of(browser.get(page))
    compared(monkeypatch, ("NL", 2026), ("NL", 2028))
    assert words in text_of(browser.get(page))
    compared(monkeypatch, ("NL", 2027))
    assert words not in text_of(browser.get(page))
    assert "Holidays" not in dict(clock_line(clock_of(case)).rows)


def text_of(response) -> str:
    assert response.status_code == 200
    return " ".join(html.unescape(response.content.decode()).split())
