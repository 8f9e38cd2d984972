from dsr_portal.core.inventory import F, declare_model

declare_model(
    "matching.Probe",
    {
        "id": F.ID,
        "case": F.ID,
        "unit": F.VAULT,
        "state": F.STATE,
        "channel": F.CODE,
        "entered_by": F.STAFF,
        "received_at": F.TIME,
        "judged_at": F.TIME,
        "verdict": F.CODE,
        "findings": F.CODE,
    },
    shredder="matching.delete_probes (the picture goes with its vault unit)",
)
declare_model(
    "matching.Search",
    {
        "id": F.ID,
        "case": F.ID,
        "probe": F.ID,
        "state": F.STATE,
        "model": F.CODE,
        "threshold": F.CONFIG,
        "strong_threshold": F.CONFIG,
        "compared": F.COUNT,
        "enrolled": F.COUNT,
        "found_by_graph": F.COUNT,
        "added_by_sweep": F.COUNT,
        "swept_only": F.COUNT,
        "applied_change": F.COUNT,
        "started_at": F.TIME,
        "finished_at": F.TIME,
    },
)
declare_model(
    "matching.Candidate",
    {
        "id": F.ID,
        "case": F.ID,
        "search": F.ID,
        "record": F.ID,
        "score": F.COUNT,
        "band": F.CODE,
        "found_by": F.CODE,
        "rank": F.COUNT,
    },
    shredder="matching.end_reviews: scores are set to zero when the case ends",
)
declare_model(
    "matching.Review",
    {
        "id": F.ID,
        "case": F.ID,
        "search": F.ID,
        "round": F.COUNT,
        "state": F.STATE,
        "opener": F.STAFF,
        "first_officer": F.STAFF,
        "second_officer": F.STAFF,
        "supervisor": F.STAFF,
        "opened_at": F.TIME,
        "first_done_at": F.TIME,
        "second_done_at": F.TIME,
        "done_at": F.TIME,
    },
)
declare_model(
    "matching.Decision",
    {
        "id": F.ID,
        "review": F.ID,
        "candidate": F.ID,
        "position": F.CODE,
        "officer": F.STAFF,
        "shown_at": F.TIME,
        "preliminary": F.CODE,
        "preliminary_at": F.TIME,
        "band_shown_at": F.TIME,
        "verdict": F.CODE,
        "decided_at": F.TIME,
        "reason_field": F.VAULT,
    },
)
