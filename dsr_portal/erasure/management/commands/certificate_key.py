"""`manage.py certificate_key`: the public key certificates are signed with, to be published."""

from typing import Any

from django.core.management.base import BaseCommand

from dsr_portal.erasure import signed


class Command(BaseCommand):
    help = "Print the public key (Ed25519, 64 hex digits) with which certificates are checked."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(signed.public_key())
