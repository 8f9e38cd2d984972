"""How the key places stand: looked at, never mended and never destroyed (rule R26)."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dsr_portal.core.errors import PortalError
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import keys, lasting, shredding
from dsr_portal.vault.models import Bucket, ShredRun, ShredStep, UnitKey
from dsr_portal.vault.ring import Ring

log = logging.getLogger(__name__)

UNNAMED = "unnamed"
"""What a key without a row is filed under: only rows know kinds."""
DESTROYED = "destroyed"
"""A key that a finished run had destroyed and that is back: an old copy was put in its place."""


@dataclass(frozen=True, slots=True)
class Without:
    """Buckets of one kind whose key or row is not there; `units` that do not open for it."""

    kind: str
    buckets: int
    units: int
    ids: list[str]


@dataclass(slots=True)
class RingHealth:
    """What `manage.py ring check` tells."""

    places: list[dict[str, Any]] = field(default_factory=list)
    rows_without_key: list[Without] = field(default_factory=list)
    keys_without_row: list[Without] = field(default_factory=list)
    secrets: list[lasting.SecretStatus] = field(default_factory=list)
    ledger_entries: int | None = None
    buckets: int = 0
    units: int = 0
    broken: str = ""
    """Why the ring or the ledger can't be read at all: a code, "" when they can."""

    @property
    def well(self) -> bool:
        """True when nobody has to do anything."""
        return not (
            self.broken
            or self.rows_without_key
            or self.keys_without_row
            or any(place["state"] != "whole" for place in self.places)
            or any(one.state != "whole" for one in self.secrets)
        )


def examine() -> RingHealth:
    """Compare rows and keys as they are at one moment, the portal running."""
    require_outside_transaction("Looking at the key places")
    ring = keys.plain_ring()
    found = RingHealth(secrets=lasting.status())
    found.places = [
        {
            "place": number,
            "folder": str(row.place),
            "state": row.state,
            "generation": row.generation,
            "problem": row.detail,
        }
        for number, row in enumerate(ring.status(), start=1)
    ]
    try:
        with keys.plain_errors():
            head = ring.ledger_head()
            _compare(found, ring)
        found.ledger_entries = shredding.ledger().verify(head)
    except PortalError as error:
        found.broken = f"{error.code}: {error.context.get('why', '')}".rstrip(": ")
    return found


def _compare(found: RingHealth, ring: Ring) -> None:
    # Whoever makes or destroys keys holds the lock row until their rows are committed: what is
    # read under it belongs together.
    with keys.locked_ring():
        named = ring.ids()
        rows = dict(Bucket.objects.values_list("id", "kind"))
        at_work = ShredStep.objects.exclude(run__state=ShredRun.State.DONE)
        journaled = {
            one for pair in at_work.values_list("old_bucket", "new_bucket") for one in pair
        }
    found.buckets = len(rows)
    found.units = UnitKey.objects.count()
    found.rows_without_key = _by_kind((rows[one], one) for one in rows.keys() - named)
    unnamed = named - rows.keys() - journaled
    again = set(
        ShredStep.objects.filter(old_bucket__in=unnamed).values_list("old_bucket", flat=True)
    )
    found.keys_without_row = _by_kind(
        (DESTROYED if one in again else UNNAMED, one) for one in unnamed
    )


def _by_kind(named: Iterable[tuple[str, UUID]]) -> list[Without]:
    by_kind = defaultdict(list)
    for kind, bucket in named:
        by_kind[kind].append(bucket)
    return [
        Without(
            kind,
            len(ids),
            UnitKey.objects.filter(bucket_id__in=ids).count(),
            [str(one) for one in sorted(ids)],
        )
        for kind, ids in sorted(by_kind.items())
    ]


def watch() -> None:
    """Once a minute: an alarm in the log for every key place that is not whole (R26)."""
    for number, row in enumerate(keys.plain_ring().status(), start=1):
        if row.state != "whole":
            log.critical("ring: place %s is %s; run: ring check", number, row.state)
