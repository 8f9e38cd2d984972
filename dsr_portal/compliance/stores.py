from dsr_portal.core.inventory import F, declare_model

declare_model(
    "compliance.CaseGrant",
    {
        "id": F.ID,
        "case": F.ID,
        "authority_code": F.CODE,
        "granted_by": F.STAFF,
        "since": F.TIME,
        "until": F.TIME,
        "revoked_at": F.TIME,
    },
)
declare_model(
    "compliance.AuditReport",
    {
        "id": F.ID,
        "case": F.ID,
        "state": F.STATE,
        "authority_code": F.CODE,
        "requested_by": F.STAFF,
        "requester_role": F.STAFF,
        "requested_at": F.TIME,
        "document_id": F.ID,
        "trail_verified": F.STATE,
        "error_code": F.CODE,
    },
    shredder="none: audit reports are pseudonymous and kept as evidence",
)
declare_model(
    "compliance.StopLift",
    {
        "id": F.ID,
        "stop": F.ID,
        "reason": F.STAFF,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
        "agreed": F.STATE,
    },
)
