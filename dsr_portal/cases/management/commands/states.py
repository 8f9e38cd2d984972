from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dsr_portal.cases.states import as_markdown


class Command(BaseCommand):
    """Writes docs/states.md from the table the code runs on."""

    help = "Write docs/states.md from the table of states."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        place = Path(settings.ROOT) / "docs" / "states.md"
        place.parent.mkdir(exist_ok=True)
        place.write_text(as_markdown())
        self.stdout.write(f"Wrote {place.relative_to(settings.ROOT)}")
