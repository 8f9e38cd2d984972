#!/usr/bin/env python
"""Run one of the portal's commands."""

import os
import sys

from dsr_portal.core import starting


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dsr_portal.settings.demo")
    starting.begin()
    from django.core.management import ManagementUtility
    from django.core.management.base import BaseCommand

    class Commands(ManagementUtility):
        """Django's own; a command is looked for when everything else is loaded."""

        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            starting.loaded()
            return command

    Commands(sys.argv).execute()


if __name__ == "__main__":
    main()
