"""What a search was made in the midst of: when, in which systems, after which errors (law L-04).

The comparison itself counts faces; what no search reaches, and what the controller keeps elsewhere
and nobody searched, stands beside it in the trail, so that a search is never more than it was.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dsr_portal.audit.schema import Code, Count, Field, Many, Moment, code
from dsr_portal.cases.models import WayKind
from dsr_portal.gallery.selectors import coverage
from dsr_portal.jobs.context import JobContext

FACES = "gallery_faces"
LOOKED_IN = {
    WayKind.PAGE: "gallery_addresses",
    WayKind.FILE: "gallery_files",
    WayKind.ACCOUNT: "gallery_accounts",
}
SYSTEMS = (FACES, *LOOKED_IN.values())
NOT_SEARCHED = ("product_queries", "product_results")
"""Pictures customers of the product sent in, and what it stored of its own searches (R16)."""

FIELDS: dict[str, Field] = {
    "systems": Many(Code(choices=SYSTEMS)),
    "not_searched": Many(Code(choices=NOT_SEARCHED)),
    "unsearchable": Count(),
    "began_at": Moment(),
    "attempts": Count(),
    "errors": Many(Code()),
}


@dataclass(frozen=True, slots=True)
class Around:
    """When it began, pictures no search reaches, how often it was tried and what failed before."""

    began_at: datetime
    unsearchable: int
    attempts: int
    errors: tuple[str, ...]

    def fields(self, systems: list[str]) -> dict[str, Any]:
        """For the event of a search."""
        return {
            "systems": systems,
            "not_searched": list(NOT_SEARCHED),
            "unsearchable": self.unsearchable,
            "began_at": self.began_at,
            "attempts": self.attempts,
            "errors": list(self.errors),
        }


def around(ctx: JobContext, began_at: datetime) -> Around:
    """Read before the results are written, which ends the job and clears its last error."""
    failed = ctx.last_error()
    return Around(
        began_at=began_at,
        unsearchable=coverage().not_searchable,
        attempts=ctx.attempt,
        errors=(failed if code(failed) else "other",) if failed else (),
    )
