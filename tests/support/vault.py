"""Helpers of the vault's tests: a ring of one's own, copies of everything as an attacker has it."""

import shutil
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from dsr_portal.core.transactions import in_transaction
from dsr_portal.vault import crypto, keys, lasting
from dsr_portal.vault.ring import KeyGone, Ring


def use_places(settings, folder: Path) -> None:
    """Give the test a ring, a ledger and a vault folder of its own."""
    for name in ("ring-a", "ring-b", "ledger-a", "ledger-b"):
        (folder / name).mkdir(mode=0o700, parents=True)
    settings.DSR_RING = [folder / "ring-a", folder / "ring-b"]
    settings.DSR_LEDGER = [folder / "ledger-a", folder / "ledger-b"]
    settings.DSR_VAULT_DIR = folder / "vault"
    settings.DSR_KEY_CACHE_SECONDS = 0
    keys.forget_all()
    lasting.forget()


def copy_ring(places, target: Path) -> list[Path]:
    """Copy both places as a backup of the key holder would (which R26 forbids to keep)."""
    copies = []
    for number, place in enumerate(places):
        copies.append(target / str(number))
        shutil.copytree(place, copies[-1])
    return copies


def open_with(database: Path, vault_dir: Path, ring_places, unit: UUID, field: str) -> bytes | None:
    """Open a value from copies of database, files and ring alone; None when no key opens it."""
    rows = sqlite3.connect(database)
    found = rows.execute(
        "select kind, owner, bucket_id, wrapped from vault_unitkey where id = ?", [unit.hex]
    ).fetchone()
    if found is None:
        return None
    kind, owner, bucket, wrapped = found
    blob, inline, file = rows.execute(
        "select id, inline, file from vault_blob where unit_id = ? and field = ? "
        "order by seq desc limit 1",
        [unit.hex, field],
    ).fetchone()
    rows.close()
    try:
        bucket_key = Ring(ring_places).get(UUID(bucket))
    except KeyGone:
        return None
    bound = unit.bytes + UUID(owner).bytes + UUID(bucket).bytes + kind.encode()
    key = crypto.unwrap(bucket_key, wrapped, bound)
    name = crypto.BlobName(UUID(blob), unit, kind, UUID(owner), field)
    sealed = (
        inline if inline is not None else (vault_dir / file[:2] / file[2:4] / file).read_bytes()
    )
    return crypto.open_blob(key, name, sealed)


@contextmanager
def never_in_transaction():
    """Fail when the guarded block is run inside the portal's transaction."""
    assert not in_transaction()
    yield
