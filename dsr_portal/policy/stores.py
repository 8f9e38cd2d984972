from dsr_portal.core.inventory import F, declare_model

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
)
