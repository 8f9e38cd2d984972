"""`manage.py verify_erasure REF`: checks an erasure again; ends with 1 if something is found."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from dsr_portal.accounts.twins import failed
from dsr_portal.cases import selectors as cases
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, NotFound, PortalError
from dsr_portal.core.exits import ANSWER_IS_NO
from dsr_portal.erasure import words
from dsr_portal.erasure.models import VerificationState
from dsr_portal.erasure.repeat import Repeat, repeat
from dsr_portal.erasure.verification import Finding


class Command(BaseCommand):
    help = (
        "Repeat the checks of an erasure: keys, rows, index. The byte scan needs what was erased; "
        "with the person's own answer package it is repeated in memory."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument(
            "--with", dest="package", type=Path, metavar="PACKAGE.zip", help="the answer we sent"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            case = cases.by_reference(options["reference"])
            if case is None:
                raise NotFound("no_case", _("There is no such case."))
            package = _bytes(options["package"]) if options["package"] else None
            result = repeat(case_id=case.id, actor=Actor.operator(), package=package)
        except PortalError as error:
            raise failed(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(case.reference, result)))
        else:
            self._print(case.reference, result)
        if result.found:
            raise SystemExit(ANSWER_IS_NO)

    def _print(self, reference: str, result: Repeat) -> None:
        self.stdout.write(f"{reference}, {result.at:%Y-%m-%d %H:%M}")
        for one in result.findings:
            label = VerificationState(one.state).label
            said = words.method(one.method, one.examined)
            found = f", FOUND {one.found}" if one.found else ""
            self.stdout.write(f"  {words.store(one.store)}: {label}, {said}{_when(one)}{found}")


def _when(one: Finding) -> str:
    return "" if one.at is None else f" ({one.at:%Y-%m-%d %H:%M})"


def _as_json(reference: str, result: Repeat) -> dict[str, Any]:
    return {
        "reference": reference,
        "at": result.at.isoformat(),
        "with_package": result.with_package,
        "found": result.found,
        "stores": [
            {
                "store": one.store,
                "state": str(one.state),
                "method": one.method,
                "examined": one.examined,
                "found": one.found,
                "at": (one.at or result.at).isoformat(),
                "until": None if one.until is None else one.until.isoformat(),
            }
            for one in result.findings
        ],
    }


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(
            "package_unreadable",
            _("%(path)s can't be read (%(why)s).") % {"path": path, "why": error.strerror or ""},
        ) from error
