"""A connection that can't write, for the checks of an erasure (rule R30).

Code that believes no shredder must not be able to do a shredder's work, not even by mistake: the
database itself refuses every write of this connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from dsr_portal.core.transactions import require_outside_transaction

_SQLITE = "PRAGMA query_only=ON;"


@contextmanager
def read_only() -> Iterator[None]:
    """Every query of this thread goes through a connection of its own that was opened to read.

    SQLite: the file is opened with mode=ro; PostgreSQL: default_transaction_read_only. A write
    inside the block raises the database's own error.
    """
    require_outside_transaction("Reading without the right to write")
    ordinary = connections[DEFAULT_DB_ALIAS]
    own = type(ordinary)(_settings(ordinary), DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = ordinary
        own.close()


def _settings(ordinary: Any) -> dict[str, Any]:
    chosen = dict(ordinary.settings_dict)
    options = dict(chosen.get("OPTIONS", {}))
    if ordinary.vendor == "sqlite":
        path = Path(chosen["NAME"]).resolve()
        chosen["NAME"] = f"{path.as_uri()}?mode=ro"
        options["init_command"] = _SQLITE
    else:
        # The later of two words for one setting counts.
        given = options.get("options", "")
        options["options"] = f"{given} -c default_transaction_read_only=on".strip()
    chosen["OPTIONS"] = options
    return chosen
