"""The trail holds codes, ids, times and hashes; nothing of it is shredded with a person (R29)."""

from dsr_portal.core.inventory import F, Term, declare_model, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_HEADERS = stays(
    "evidence: number, time, type, who did it and hashes; without them the chain does not verify"
)
_PAYLOADS = Term(
    "3 years by default (trail_years), longer where a state needs it",
    "the closing of the request",
    ("dsr_portal.compliance.trail_end.sweep",),
    stays=(
        "payloads of events about no request (settings, staff, keys, orders): they show by "
        "which rules requests were answered"
    ),
)

_TRAIL = {
    "shredder": "none: no name, text or biometrics enters; payload rows can be removed",
    "verifier": "manage.py verify_audit",
}

declare_model(
    "audit.Chain", {"name": F.CODE, "number": F.COUNT, "hash": F.HASH}, **_TRAIL, term=_HEADERS
)
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
    term=_HEADERS,
)
declare_model(
    "audit.Payload", {"event": F.ID, "salt": F.HASH, "body": F.CODE}, **_TRAIL, term=_PAYLOADS
)
