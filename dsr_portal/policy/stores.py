from dsr_portal.core.inventory import F, declare_model, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_RULES = stays(
    "evidence of the rules by which requests were answered: each value, from when, why and "
    "by whom (R34, law L-15)"
)

declare_model(
    "policy.Setting",
    {
        "id": F.ID,
        "name": F.CODE,
        "version": F.COUNT,
        "value": F.CONFIG,
        "state": F.STATE,
        "reason": F.STAFF,
        "dpia_note": F.STAFF,
        "advice": F.STAFF,
        "advised_by": F.STAFF,
        "advised_at": F.TIME,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "approved_by": F.STAFF,
        "approved_at": F.TIME,
    },
    term=_RULES,
)
declare_model(
    "policy.Assessment",
    {
        "id": F.ID,
        "version": F.COUNT,
        "state": F.STATE,
        "sections": F.CONFIG,
        "risk_stays_high": F.STATE,
        "consulted": F.CODE,
        "consulted_on": F.TIME,
        "ai_class": F.CODE,
        "ai_class_by": F.STAFF,
        "ai_class_on": F.TIME,
        "covers": F.CONFIG,
        "writers": F.STAFF,
        "written_by": F.STAFF,
        "written_at": F.TIME,
        "submitted_by": F.STAFF,
        "submitted_at": F.TIME,
        "advice": F.STAFF,
        "advised_by": F.STAFF,
        "advised_at": F.TIME,
        "approved_by": F.STAFF,
        "approved_at": F.TIME,
    },
    term=_RULES,
)
declare_model(
    "policy.AssessmentReview",
    {
        "id": F.ID,
        "setting": F.CODE,
        "value": F.CONFIG,
        "why": F.CODE,
        "opened_at": F.TIME,
        "closed_at": F.TIME,
        "closed_by": F.ID,
    },
    term=_RULES,
)
