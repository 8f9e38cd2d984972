from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays, with_process
from dsr_portal.vault import lasting

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_UNITS = Term(
    "as what it holds: the term of the table that names the unit",
    "the making",
    ("dsr_portal.vault.jobs.shred",),
    stays="that a unit was destroyed, when and why: evidence of the erasure",
)
_RUNS = stays(
    "ids, counts and times of destruction: evidence, and a restored backup is brought up to it"
)
_STATE = stays("configuration: state and check values of the keys, nothing of what they open")
_NOTES = Term(
    "until the next ledger entry stands in both places",
    "the note",
    ("dsr_portal.vault.jobs.shred",),
)
_BACKUPS = Term(
    "the days named when it is made",
    "the making",
    ("dsr_portal.vault.backups.prune",),
    stays="that a backup was made and removed",
)
_LEDGER = Term(
    "as long as the oldest backup that is kept",
    "the entry",
    ("dsr_portal.vault.backups.prune",),
)
_FILES = Term(
    "as the unit; a file nobody saved six hours",
    "the making",
    (
        "dsr_portal.vault.jobs.shred",
        "dsr_portal.vault.services.sweep_files",
    ),
)

_SHRED = "vault.services.run_shred"
_SCAN = "byte scan of database and vault files"

lasting.declare("backup")

declare_model(
    "vault.RingState",
    {
        "id": F.ID,
        "generation": F.COUNT,
        "digest": F.HASH,
        "epoch": F.COUNT,
        "changed_at": F.TIME,
    },
    term=_STATE,
)
declare_model(
    "vault.LastingSecret",
    {"purpose": F.CODE, "check_value": F.KEYED_HASH, "made_at": F.TIME},
    term=_STATE,
)
declare_model(
    "vault.Bucket",
    {"id": F.ID, "kind": F.CODE, "created_at": F.TIME, "epoch": F.COUNT},
    shredder=_SHRED,
    term=_UNITS,
)
declare_model(
    "vault.UnitKey",
    {
        "id": F.ID,
        "kind": F.CODE,
        "owner": F.ID,
        "bucket": F.ID,
        "wrapped": F.WRAPPED_KEY,
        "created_at": F.TIME,
        "shred_requested_at": F.TIME,
        "shred_reason": F.CODE,
        "shred_run": F.ID,
    },
    shredder=_SHRED,
    verifier="vault.services.unit_state",
    term=_UNITS,
)
declare_model(
    "vault.Blob",
    {
        "id": F.ID,
        "unit": F.ID,
        "field": F.CODE,
        "seq": F.COUNT,
        "inline": F.SEALED,
        "file": F.ID,
        "size": F.COUNT,
        "version": F.CODE,
        "created_at": F.TIME,
    },
    shredder=_SHRED,
    verifier=_SCAN,
    term=_UNITS,
)
declare_model(
    "vault.Rotation",
    {"id": F.ID, "epoch": F.COUNT, "started_at": F.TIME, "done_at": F.TIME},
    term=_RUNS,
)
declare_model(
    "vault.ShredRun",
    {
        "id": F.ID,
        "state": F.STATE,
        "rotation": F.ID,
        "units": F.COUNT,
        "started_at": F.TIME,
        "destroyed_at": F.TIME,
        "done_at": F.TIME,
        "ledger_number": F.COUNT,
        "ledger_hash": F.HASH,
        "blocked": F.CODE,
    },
    term=_RUNS,
)
declare_model(
    "vault.ShredStep",
    {
        "id": F.ID,
        "run": F.ID,
        "old_bucket": F.ID,
        "new_bucket": F.ID,
        "new_bucket_used": F.STATE,
        "kind": F.CODE,
        "keyed": F.STATE,
        "moved": F.STATE,
        "ledger_number": F.COUNT,
    },
    term=_RUNS,
)
declare_model(
    "vault.Shredded",
    {
        "unit_id": F.ID,
        "kind": F.CODE,
        "owner": F.ID,
        "reason": F.CODE,
        "bucket": F.ID,
        "run": F.ID,
        "at": F.TIME,
    },
    term=_RUNS,
)
declare_model("vault.DoomedFile", {"name": F.ID, "run": F.ID}, term=_NOTES)
declare_model(
    "vault.LedgerNote",
    {"id": F.ID, "kind": F.CODE, "value": F.KEYED_HASH},
    shredder="goes when the next ledger entry stands in both places",
    term=_NOTES,
)
declare_model(
    "vault.Backup",
    {
        "id": F.ID,
        "state": F.STATE,
        "place": F.CONFIG,
        "name": F.CODE,
        "made_at": F.TIME,
        "ends_at": F.TIME,
        "removed_at": F.TIME,
        "ledger_number": F.COUNT,
        "audit_number": F.COUNT,
        "audit_hash": F.HASH,
        "files": F.COUNT,
        "bytes": F.COUNT,
    },
    term=_BACKUPS,
)

declare_store(
    "vault files",
    kind="file tree",
    place="DSR_VAULT_DIR",
    shredder="vault.services.run_shred and vault.services.sweep_files",
    verifier=_SCAN,
    holds=("ciphertext of blobs above 4 KiB",),
    term=_FILES,
)
declare_store(
    "ring",
    kind="file tree",
    place="DSR_RING (two folders)",
    shredder="vault.ring.Ring.destroy",
    verifier="vault.ring.Ring.ids",
    holds=("bucket keys", "lasting secrets", "number and hash of the newest ledger entry"),
    term=_UNITS,
)
declare_store(
    "erasure ledger",
    kind="file tree",
    place="DSR_LEDGER (two folders)",
    shredder="end of the oldest kept backup (R31)",
    verifier="vault.ledger.Ledger.verify",
    holds=("ids of shredded units and their owners", "wrapped key rows of survivors"),
    term=_LEDGER,
)
declare_store(
    "backups",
    kind="backup",
    place="folders named to `manage.py backup`, registered as vault.Backup",
    shredder="age out: erased units open nowhere once their keys are destroyed, rows of them go "
    "with `backup --prune` after the registered end",
    verifier="manage.py backup --check; vault.selectors.backups_holding tells what still exists",
    holds=("a copy of the database with wrapped keys", "ciphertext of blobs above 4 KiB"),
    term=_BACKUPS,
)
declare_store(
    "upload memory",
    kind="memory",
    place="memfd of the web process, for one request",
    shredder="closed at the end of the request",
    verifier="test: no file is written during an upload",
    term=with_process("one request"),
)
declare_store(
    "decoder child",
    kind="memory",
    place="process python -m biometrics.decode",
    shredder="the process ends after one upload or 500 pictures",
    verifier="test: FSIZE limit 0, no file can be written",
    term=with_process("one upload or 500 pictures"),
)
declare_store(
    "key caches",
    kind="memory",
    place="every process of the portal",
    shredder="overwritten after DSR_KEY_CACHE_SECONDS (at most 60)",
    verifier="a run of shredding ends only after that time",
    term=with_process("DSR_KEY_CACHE_SECONDS, at most 60 seconds"),
)
