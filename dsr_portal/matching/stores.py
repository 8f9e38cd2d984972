from dsr_portal.core.inventory import F, Term, declare_model, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_ROWS = (
    "codes, counts, times and who decided, by ids: evidence of how two persons compared "
    "(Art. 5(2), 22)"
)
_PHOTOS = Term(
    "30 days, of who is under 18 child_keep_days; at once when consent is withdrawn; of several "
    "people 14 days after its check, where nobody chose a face",
    "the answer",
    (
        "dsr_portal.cases.services.close_due",
        "dsr_portal.matching.services.delete_probes",
        "dsr_portal.matching.own_face.end_due",
    ),
    stays="how many photos there were, what was found of their quality, and when they went",
)
_SCORES = Term(
    "30 days, of who is under 18 child_keep_days",
    "the answer",
    (
        "dsr_portal.cases.services.close_due",
        "dsr_portal.matching.services.end_reviews",
    ),
    stays="which record was compared, without a score",
)
_WORDS = Term(
    "as the file of its case",
    "the answer",
    ("dsr_portal.cases.services.close_due",),
    stays=_ROWS,
)
_EVIDENCE = stays(_ROWS)

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
        "faces": F.COUNT,
        "faces_left_out": F.COUNT,
        "choose_until": F.TIME,
    },
    shredder="matching.delete_probes (the picture goes with its vault unit)",
    term=_PHOTOS,
)
declare_model("matching.SearchPhoto", {"id": F.ID, "search": F.ID, "probe": F.ID}, term=_EVIDENCE)
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
    term=_EVIDENCE,
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
    term=_SCORES,
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
    term=_EVIDENCE,
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
        "far": F.STATE,
    },
    term=_WORDS,
)
declare_model(
    "matching.AsideWord",
    {"id": F.ID, "candidate": F.ID, "officer": F.STAFF, "verdict": F.CODE, "at": F.TIME},
    term=_EVIDENCE,
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
    term=_WORDS,
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
    term=Term("1 year", "the day it is about", ("dsr_portal.matching.browsing.end_told",)),
)
