"""The first two accounts (R19). All others: People at the desk, or `staff propose`."""

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.services import create_staff, start_link
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.exits import not_asked, refused


class Command(BaseCommand):
    help = "Make one of the first two staff accounts; the audit trail shows it as the operator's."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--staff-no", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument(
            "--link", action="store_true", help="no password now: print a one-time link instead"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            staff = create_staff(
                actor=Actor.operator(),
                staff_no=options["staff_no"],
                role=options["role"],
                display_name=options["name"],
                email=options["email"],
                password=None if options["link"] else self._password(options),
            )
        except PortalError as error:
            raise refused(error) from error
        made = f"{staff.staff_no} made: {staff.display_name}, {staff.get_role_display()}."
        self.stdout.write(made)
        if options["link"]:
            self.stdout.write(f"Choose a password here, once: {start_link(staff)}")
        self.stdout.write("At the first sign-in an authenticator app is set up.")

    def _password(self, options: dict[str, Any]) -> str:
        if options["password_stdin"]:
            return sys.stdin.readline().rstrip("\r\n")
        first, again = getpass.getpass("Password: "), getpass.getpass("Again: ")
        if first != again:
            raise not_asked("The two passwords differ. Nothing was made; begin again.")
        return first
