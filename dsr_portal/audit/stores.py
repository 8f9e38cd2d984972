"""The trail holds codes, ids, times and hashes; nothing of it is shredded with a person (R29)."""

from dsr_portal.core.inventory import F, Term, declare_model, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_HEADERS = stays(
    "evidence: number, time, type, who did it and hashes; without them the chain does not verify"
)
_PAYLOADS = Term(
    "3 years by default (trail_years), longer where a state needs it; beside requests "
    "(settings, staff, keys, orders) 3 years by default (rules_years) and as long as a request of "
    "that time or the order itself; of sign-ins 1 year by default (access_years)",
    "the closing of the request; beside requests, the event",
    (
        "dsr_portal.compliance.trail_end.sweep",
        "dsr_portal.compliance.trail_rules.sweep",
    ),
    stays=(
        "counts and hashes that prove a destruction or a restore, and the newest value of a "
        "setting of the installation, which stands nowhere else"
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
