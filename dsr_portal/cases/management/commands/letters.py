from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dsr_portal.cases.letters import as_markdown


class Command(BaseCommand):
    """Writes docs/letters.md from the registry the code runs on."""

    help = "Write docs/letters.md from the registry of letters."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        place = Path(settings.ROOT) / "docs" / "letters.md"
        place.write_text(as_markdown())
        self.stdout.write(f"Wrote {place.relative_to(settings.ROOT)}")
