import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dsr_portal.gallery import rights


class Command(BaseCommand):
    help = "Print the SQL that keeps a database role of the public site out of the gallery (P-04)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="name of a PostgreSQL role that exists")

    def handle(self, *args: Any, role: str, **options: Any) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
            message = f"{role!r} is no name of a role: lower-case letters, digits and underscores."
            raise CommandError(message, returncode=2)
        self.stdout.write("\n".join(rights.statements(f'"{role}"')))
