from dsr_portal.core.inventory import F, declare_model, declare_store

_SHRED = "vault.services.run_shred"
_SCAN = "byte scan of database and vault files"

declare_model(
    "vault.RingState", {"id": F.ID, "generation": F.COUNT, "digest": F.HASH, "changed_at": F.TIME}
)
declare_model(
    "vault.LastingSecret", {"purpose": F.CODE, "check_value": F.KEYED_HASH, "made_at": F.TIME}
)
declare_model(
    "vault.Bucket",
    {"id": F.ID, "kind": F.CODE, "created_at": F.TIME},
    shredder=_SHRED,
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
)
declare_model(
    "vault.ShredRun",
    {
        "id": F.ID,
        "state": F.STATE,
        "units": F.COUNT,
        "started_at": F.TIME,
        "destroyed_at": F.TIME,
        "done_at": F.TIME,
        "ledger_number": F.COUNT,
        "ledger_hash": F.HASH,
        "blocked": F.CODE,
    },
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
        "moved": F.STATE,
    },
)
declare_model(
    "vault.Shredded",
    {"unit_id": F.ID, "kind": F.CODE, "owner": F.ID, "reason": F.CODE, "run": F.ID, "at": F.TIME},
)
declare_model("vault.DoomedFile", {"name": F.ID, "run": F.ID})

declare_store(
    "vault files",
    kind="file tree",
    place="DSR_VAULT_DIR",
    shredder="vault.services.run_shred and vault.services.sweep_files",
    verifier=_SCAN,
    holds=("ciphertext of blobs above 4 KiB",),
)
declare_store(
    "ring",
    kind="file tree",
    place="DSR_RING (two folders)",
    shredder="vault.ring.Ring.destroy",
    verifier="vault.ring.Ring.ids",
    holds=("bucket keys", "lasting secrets", "number and hash of the newest ledger entry"),
)
declare_store(
    "erasure ledger",
    kind="file tree",
    place="DSR_LEDGER (two folders)",
    shredder="end of the oldest kept backup (R31)",
    verifier="vault.ledger.Ledger.verify",
    holds=("ids of shredded units and their owners", "wrapped key rows of survivors"),
)
declare_store(
    "upload memory",
    kind="memory",
    place="memfd of the web process, for one request",
    shredder="closed at the end of the request",
    verifier="test: no file is written during an upload",
)
declare_store(
    "decoder child",
    kind="memory",
    place="process python -m biometrics.decode",
    shredder="the process ends after one upload or 500 pictures",
    verifier="test: FSIZE limit 0, no file can be written",
)
declare_store(
    "key caches",
    kind="memory",
    place="every process of the portal",
    shredder="overwritten after DSR_KEY_CACHE_SECONDS (at most 60)",
    verifier="a run of shredding ends only after that time",
)
