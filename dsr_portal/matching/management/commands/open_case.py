"""`manage.py open_case`: enter a request that came by post, mail, phone or in person (R20)."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.models import Case, Channel, RightCode
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked
from dsr_portal.matching.selectors import latest_probe
from dsr_portal.matching.services import Entered, enter_request


class Command(BaseCommand):
    help = (
        "Open a case for a request that did not come through the website. A photo is searched "
        "only after the person's consent and after another person confirmed the original."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        channels = [channel for channel in Channel.values if channel != Channel.WEB]
        parser.add_argument("--as", required=True, dest="staff", metavar="STAFFNO")
        parser.add_argument("--channel", required=True, choices=channels)
        parser.add_argument(
            "--right", required=True, action="append", choices=RightCode.values, dest="rights",
            help="what was asked for; may be repeated",
        )  # fmt: skip
        parser.add_argument(
            "--received", type=_day, metavar="DATE", help="the day it arrived (YYYY-MM-DD)"
        )
        parser.add_argument("--probe", type=Path, metavar="FILE", help="the photo that was sent")
        parser.add_argument(
            "--consent", default="", metavar="REF",
            help="where the person's written consent is kept; without it the photo waits",
        )  # fmt: skip
        parser.add_argument("--email", default="")
        parser.add_argument("--name", default="", help="as it stands on the letterbox")
        parser.add_argument("--postal", default="", help="where the confirmation is posted to")
        parser.add_argument(
            "--on-paper", action="store_true", help="the answer goes by registered post"
        )
        parser.add_argument(
            "--page", action="append", default=[], dest="pages", metavar="URL",
            help="page on which the person saw a picture; may be repeated",
        )  # fmt: skip
        parser.add_argument("--country", default="", help="two letters, where the person lives")
        parser.add_argument("--language", default=settings.LANGUAGE_CODE)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = actor_for(acting(options["staff"]))
        if options["consent"] and not options["probe"]:
            raise not_asked("--consent is about a photo: name it with --probe.")
        try:
            entered = Entered(
                channel=options["channel"],
                rights=options["rights"],
                received_at=arrival_of(options["received"]),
                photo=_photo(options["probe"]),
                consent=options["consent"],
                email=options["email"],
                name=options["name"],
                postal=options["postal"],
                pages=options["pages"],
                country=options["country"],
                language=options["language"],
                on_paper=options["on_paper"],
            )
            case = enter_request(entered=entered, actor=actor).case
        except PortalError as error:
            raise failed(error) from error
        made = _as_json(case)
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(f"{made['reference']}: due on {made['due_on']}.")
            self.stdout.write(f"Photo: {made['photo']}. Next: {made['next']}.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date like 2026-03-31") from None


def _photo(path: Path | None) -> bytes:
    """The file's bytes, and one more than may be sent, so that the decoder refuses what is over."""
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            data = file.read(settings.DSR_MAX_UPLOAD + 1)
    except OSError as error:
        raise not_asked(f"{path} cannot be read: {error.strerror}") from error
    if not data:
        raise not_asked(f"{path} is empty.")
    return data


def _as_json(case: Case) -> dict[str, Any]:
    """No personal data: what the person gave stays in the vault."""
    probe = latest_probe(case.id)
    return {
        "reference": case.reference,
        "channel": case.channel,
        "status": case.status,
        "received_on": case.received_on.isoformat(),
        "due_on": case.due_on.isoformat(),
        "required_level": case.required_level,
        "photo": probe.state if probe else "none",
        "next": "another person confirms the original request",
    }
