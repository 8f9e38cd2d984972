"""The clock of GDPR Art. 12(3) at the command line, for checking a date by hand."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dsr_portal.core.exits import not_asked
from dsr_portal.law import deadlines
from dsr_portal.law.deadlines import DeadlineError, Due, Regime


class Command(BaseCommand):
    help = "Count the last day to answer a request (Reg. 1182/71, GDPR Art. 12(3))."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--received", type=_day, required=True, help="2026-01-31")
        parser.add_argument(
            "--calendar",
            default=settings.DSR_CALENDAR,
            help="a state (FR) or one of its regions (FR-57); DSR_CALENDAR when left out",
        )
        parser.add_argument("--months", type=_whole, default=1, help="1, or up to 3 when extended")
        parser.add_argument("--paused-days", type=_whole, default=0)
        parser.add_argument("--regime", type=_regime, default=Regime.EU, help="eu, uk or ch")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        received, calendar = options["received"], options["calendar"]
        try:
            deadlines.check_calendar(calendar)
            due = deadlines.due_dates(
                received,
                calendar=calendar,
                months=options["months"],
                paused_days=options["paused_days"],
                regime=options["regime"],
            )
            holiday = deadlines.holiday_name(due.unrolled, calendar)
        except DeadlineError as error:
            raise not_asked(f"{error} ({error.code})") from error
        if options["json"]:
            self.stdout.write(json.dumps(_facts(due, holiday), ensure_ascii=False))
        else:
            self.stdout.write(_sentence(received, due, calendar, holiday))
        for year in deadlines.not_compared(calendar, due.unrolled, due.legal):
            self.stderr.write(
                f"Holidays of {calendar} in {year} are the feasts the library knows; nobody"
                " has compared them with the official list yet (docs/deadlines.md)."
            )


def _facts(due: Due, holiday: str | None) -> dict[str, str | None]:
    return {
        "unrolled": due.unrolled.isoformat(),
        "legal_last_day": due.legal.isoformat(),
        "holiday": holiday,
    }


def _sentence(received: date, due: Due, calendar: str, holiday: str | None) -> str:
    start = f"Received on {_words(received)}, the period ends on {_words(due.unrolled)}"
    name = f", {holiday}" if holiday else ""
    if not due.rolled:
        return f"{start}{name}: that is the last day."
    return (
        f"{start}{name}. That is no working day in {calendar}: the last day is {_words(due.legal)}."
    )


def _words(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B} {day.year}"


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ArgumentTypeError(f"{text!r} is no date of the form 2026-01-31")
    return day


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def _regime(text: str) -> Regime:
    try:
        return Regime(text.lower())
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is none of eu, uk, ch") from None
