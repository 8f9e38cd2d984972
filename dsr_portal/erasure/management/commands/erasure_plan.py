"""`manage.py erasure_plan REF --as STAFFNO`: what an erasure would touch, before anything (R20)."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.accounts.services import actor_for
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import selectors as cases
from dsr_portal.core.errors import PortalError
from dsr_portal.erasure import selectors
from dsr_portal.erasure.preview import preview


class Command(BaseCommand):
    help = (
        "Count per store what the erasure of a case would touch. Nothing is planned or erased. "
        "It stands in the trail as a look at the case."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument("--as", dest="staff", required=True, metavar="STAFFNO")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        staff = acting(options["staff"])
        try:
            case = cases.case_for(staff, options["reference"])
            lines = preview(case)
        except PortalError as error:
            raise failed(error) from error
        with unit_of_work():
            record("case.viewed", actor=actor_for(staff), case_id=case.id)
        plan = selectors.current_plan(case.id)
        state = plan.state if plan else "none"
        if options["json"]:
            told = [{"store": one.store, "what": one.what, "count": one.count} for one in lines]
            shown = {"reference": case.reference, "plan": state, "stores": told}
            self.stdout.write(json.dumps(shown))
            return
        self.stdout.write(f"{case.reference}, plan: {state}")
        for one in lines:
            self.stdout.write(f"  {one.store_label}: {one.text}")
