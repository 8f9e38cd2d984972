"""`manage.py staff`: accounts by two persons on the command line, as named staff (R19, R20)."""

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from dsr_portal.accounts import roster, services
from dsr_portal.accounts.models import ProposalKind, Role, Staff, StaffProposal
from dsr_portal.accounts.twins import acting, failed
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked

NEEDED = {
    "propose": ("staff_no", "name", "email", "role"),
    "role": ("staff_no", "role"),
    "reset-factor": ("staff_no",),
    "close": ("staff_no",),
    "approve": ("proposal",),
    "refuse": ("proposal",),
    "training": ("staff_no", "until"),
}
CHANGES = {
    "role": ProposalKind.ROLE,
    "reset-factor": ProposalKind.RESET_FACTOR,
    "close": ProposalKind.DEACTIVATE,
}


class Command(BaseCommand):
    help = (
        "List accounts and proposals, or act as a member of staff: propose a new account, another "
        "role, a new second factor or the end of an account; approve or refuse what another person "
        "proposed; note a training."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["list", *NEEDED], nargs="?", default="list")
        parser.add_argument("--as", dest="staff", metavar="STAFFNO", default="")
        parser.add_argument("--staff-no", dest="staff_no", help="of whom it is about")
        parser.add_argument("--name")
        parser.add_argument("--email")
        parser.add_argument("--role", choices=Role.values)
        parser.add_argument("--authority", default="", help="code, for accounts of an authority")
        parser.add_argument("--proposal", metavar="ID", help="from `staff list`")
        parser.add_argument("--until", metavar="DATE", help="2027-12-31: end of the training")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = options["verb"]
        if verb == "list":
            self._list(as_json=options["json"])
            return
        missing = [name for name in NEEDED[verb] if not options[name]]
        if missing or not options["staff"]:
            names = ["--as", *(f"--{name.replace('_', '-')}" for name in NEEDED[verb])]
            raise not_asked(f"{verb} needs {', '.join(names)}.")
        by = acting(options["staff"])
        try:
            said = _act(verb, by, options)
        except PortalError as error:
            raise failed(error) from error
        if options["json"]:
            self.stdout.write(json.dumps(said))
        else:
            self.stdout.write("  ".join(f"{name}: {value}" for name, value in said.items()))

    def _list(self, *, as_json: bool) -> None:
        rows = [{**row, "trained_until": str(row["trained_until"] or "")} for row in roster.staff()]
        waiting = [_proposal_row(one) for one in roster.proposals()]
        if as_json:
            self.stdout.write(json.dumps({"staff": rows, "proposals": waiting}, default=str))
            return
        for row in rows:
            ends = "" if row["active"] else "  closed"
            training = row["trained_until"] or "none"
            self.stdout.write(f"{row['staff_no']:<10} {row['role']:<11} training {training}{ends}")
        for one in waiting:
            self.stdout.write(
                f"{one['proposal']}  {one['kind']} {one['staff_no']} {one['role']}, proposed by "
                f"{one['proposed_by']}"
            )


def _act(verb: str, by: Staff, options: dict[str, Any]) -> dict[str, str]:
    if verb == "propose":
        made = services.propose_staff(
            by=by,
            staff_no=options["staff_no"],
            display_name=options["name"],
            email=options["email"],
            role=options["role"],
            authority_code=options["authority"],
        )
        return _proposal_row(made)
    if verb in CHANGES:
        whom = services.staff_by_number(options["staff_no"])
        role = options["role"] or ""
        return _proposal_row(
            services.propose_change(by=by, staff=whom, kind=CHANGES[verb], role=role)
        )
    if verb == "training":
        whom = services.staff_by_number(options["staff_no"])
        services.set_training(by=by, staff=whom, until=_day(options["until"]))
        return {"staff_no": whom.staff_no, "trained_until": str(whom.trained_until)}
    waiting = roster.proposal(_id(options["proposal"]))
    if verb == "refuse":
        return _proposal_row(services.refuse_staff(by=by, proposal=waiting))
    staff = services.approve_staff(by=by, proposal=waiting)
    said = {"staff_no": staff.staff_no, "state": "approved"}
    if waiting.kind == ProposalKind.CREATE:
        said["choose_a_password_once"] = services.start_link(staff)
    return said


def _proposal_row(row: StaffProposal) -> dict[str, str]:
    return {
        "proposal": str(row.id),
        "kind": str(row.kind),
        "staff_no": row.staff_no,
        "role": str(row.role),
        "state": str(row.state),
        "proposed_by": row.proposed_by.staff_no,
    }


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = f"{text!r} is no proposal's id; see `staff list`."
        raise not_asked(message) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no date; write it like 2027-12-31."
        raise not_asked(message) from None
