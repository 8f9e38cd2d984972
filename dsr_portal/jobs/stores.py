"""Jobs and effects hold ids, codes, counts and times; nothing about a person."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_ENDED = Term(
    "3 years",
    "it was done or sent",
    ("dsr_portal.jobs.services.end_old",),
    stays="a failed job, which a person starts again or leaves: it has ids and a code only",
)

declare_model(
    "jobs.Job",
    {
        "id": F.ID,
        "kind": F.CODE,
        "subject": F.ID,
        "idempotency_key": F.ID,
        "state": F.STATE,
        "run_after": F.TIME,
        "attempts": F.COUNT,
        "lease_token": F.ID,
        "lease_until": F.TIME,
        "progress_done": F.COUNT,
        "progress_total": F.COUNT,
        "error_code": F.CODE,
        "created_at": F.TIME,
        "sent_at": F.TIME,
        "finished_at": F.TIME,
    },
    term=_ENDED,
)
declare_model(
    "jobs.Effect",
    {
        "id": F.ID,
        "kind": F.CODE,
        "subject_id": F.ID,
        "unique_key": F.ID,
        "state": F.STATE,
        "attempts": F.COUNT,
        "error_code": F.CODE,
        "created_at": F.TIME,
        "sent_at": F.TIME,
    },
    term=Term("3 years", "it was sent, or failed for good", ("dsr_portal.jobs.services.end_old",)),
)
declare_store(
    "queue messages",
    kind="queue",
    place="DSR_BROKER_DIR, or the server of CELERY_BROKER_URL",
    shredder="none: a message holds the id of a job row and is deleted when it is taken",
    verifier="test of the message's content",
    holds=("job ids",),
    term=stays(
        "a message goes when it is taken, and the queue sends no more of them than jobs wait"
    ),
)
