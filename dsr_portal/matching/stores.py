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
        "chosen_by": F.STAFF,
    },
    shredder="matching.delete_probes (the picture goes with its vault unit)",
)
declare_model("matching.SearchPhoto", {"id": F.ID, "search": F.ID, "probe": F.ID})
declare_model(
    "matching.Search",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "probe": F.ID,
        "photos": F.COUNT,
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
        "since": F.COUNT,
        "looked_up": F.CODE,
        "pictures": F.COUNT,
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
        "way": F.ID,
        "found_by": F.CODE,
        "rank": F.COUNT,
        "hop": F.COUNT,
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
        "hops": F.COUNT,
        "beside": F.STATE,
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
declare_model(
    "matching.AsideWord",
    {"id": F.ID, "candidate": F.ID, "officer": F.STAFF, "verdict": F.CODE, "at": F.TIME},
)
declare_model(
    "matching.BreakGlass",
    {
        "id": F.ID,
        "case": F.ID,
        "staff_no": F.STAFF,
        "on": F.TIME,
        "at": F.TIME,
        "why": F.CODE,
        "field": F.VAULT,
    },
)
declare_model(
    "matching.BrowsingAlarm",
    {
        "id": F.ID,
        "on": F.TIME,
        "staff_no": F.STAFF,
        "opened": F.COUNT,
        "to": F.STAFF,
        "raised_at": F.TIME,
    },
)
