"""The trail holds codes, ids, times and hashes; nothing of it is shredded with a person (R29)."""

from dsr_portal.core.inventory import F, declare_model

_TRAIL = {
    "shredder": "none: no name, text or biometrics enters; payload rows can be removed",
    "verifier": "manage.py verify_audit",
}

declare_model("audit.Chain", {"name": F.CODE, "number": F.COUNT, "hash": F.HASH}, **_TRAIL)
declare_model(
    "audit.Event",
    {
        "id": F.ID,
        "chain": F.CODE,
        "number": F.COUNT,
        "type": F.CODE,
        "at": F.TIME,
        "clock": F.CODE,
        "actor_id": F.STAFF,
        "actor_role": F.CODE,
        "actor_kind": F.CODE,
        "case_id": F.ID,
        "subject_id": F.ID,
        "commitment": F.HASH,
        "prev_hash": F.HASH,
        "hash": F.HASH,
    },
    **_TRAIL,
)
declare_model("audit.Payload", {"event": F.ID, "salt": F.HASH, "body": F.CODE}, **_TRAIL)
