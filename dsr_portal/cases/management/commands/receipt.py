"""`manage.py receipt`: the receipt on paper and a new code, as a named staff account (R12, R20)."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.cases import confirmations, selectors
from dsr_portal.cases.models import Case, IdentityWay, PaperWay, Receipt
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked


class Command(BaseCommand):
    help = (
        "What the desk's page Receipt and address does. Done in this order: address, new code, "
        "print, record that it left. The code stands in the PDF only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument("--as", required=True, dest="staff", metavar="STAFFNO")
        parser.add_argument("--name", default="", help="as it stands on the letterbox")
        parser.add_argument("--postal", default="", help="where the confirmation is posted to")
        parser.add_argument(
            "--renew-code", choices=IdentityWay.values, dest="renew", metavar="WAY",
            help="make a new code after this check; the old one ends",
        )  # fmt: skip
        parser.add_argument("--compared", default="", help="what was compared with what")
        parser.add_argument(
            "--print", type=Path, dest="target", metavar="FILE", help="write the confirmation"
        )
        parser.add_argument("--handed", choices=PaperWay.values, help="it left: post or hand")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        staff = acting(options["staff"])
        if options["name"] and not options["postal"]:
            raise not_asked("--name belongs to an address: give --postal too.")
        try:
            case = selectors.case_for(staff, options["reference"])
            _act(case, actor_for(staff), options)
        except PortalError as error:
            raise failed(error) from error
        case.refresh_from_db()
        shown = _as_json(case)
        if options["json"]:
            self.stdout.write(json.dumps(shown))
        else:
            for name, value in shown.items():
                self.stdout.write(f"{name}: {value}")


def _act(case: Case, actor: Actor, options: dict[str, Any]) -> None:
    if options["postal"]:
        confirmations.set_postal(
            case_id=case.id, actor=actor, name=options["name"], postal=options["postal"]
        )
    if options["renew"]:
        confirmations.renew_code(
            case_id=case.id, actor=actor, way=options["renew"], compared=options["compared"]
        )
    if options["target"]:
        _write(options["target"], confirmations.print_confirmation(case_id=case.id, actor=actor))
    if options["handed"]:
        confirmations.record_handed(case_id=case.id, actor=actor, how=options["handed"])


def _write(path: Path, pdf: bytes) -> None:
    """A new file that only this account reads: it has the code."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pdf)
    except OSError as error:
        raise not_asked(f"{path} cannot be written: {error.strerror}") from error


def _as_json(case: Case) -> dict[str, Any]:
    """No address and no code."""
    row = Receipt.objects.get(case=case)
    return {
        "reference": case.reference,
        "code_number": case.code_counter,
        "on_paper": confirmations.on_paper(case),
        "left_at": row.handed_at.isoformat() if row.handed_at else "",
        "left_by": row.handed_by,
        "how": row.handed_how,
        "waits": confirmations.waits_for_paper(case),
    }
