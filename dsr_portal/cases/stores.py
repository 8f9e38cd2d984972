"""What this app keeps. Everything that says something about a person lies behind VAULT."""

from dsr_portal.core.inventory import F, declare_model

_KEYS = "vault: the units' keys are destroyed"

declare_model(
    "cases.Case",
    {
        "id": F.ID,
        "reference": F.CODE,
        "draft_id": F.ID,
        "received_at": F.TIME,
        "received_on": F.TIME,
        "channel": F.CODE,
        "language": F.CODE,
        "country": F.CODE,
        "regime": F.CODE,
        "calendar": F.CODE,
        "due_unrolled": F.TIME,
        "due_on": F.TIME,
        "status": F.STATE,
        "outcome": F.STATE,
        "level": F.COUNT,
        "required_level": F.COUNT,
        "urgent": F.STATE,
        "age_band": F.CODE,
        "opener": F.STAFF,
        "assignee": F.STAFF,
        "contact_unit": F.VAULT,
        "file_unit": F.VAULT,
        "code_counter": F.COUNT,
        "origin_confirmed_by": F.STAFF,
        "decided_at": F.TIME,
        "delivered_at": F.TIME,
        "delete_now_at": F.TIME,
        "closed_at": F.TIME,
        "purged_at": F.TIME,
    },
    shredder=_KEYS,
)
declare_model("cases.CaseRight", {"id": F.ID, "case": F.ID, "right": F.CODE})
declare_model(
    "cases.WayIn",
    {"id": F.ID, "case": F.ID, "kind": F.CODE, "keyed_hash": F.KEYED_HASH, "field": F.VAULT},
    shredder=f"{_KEYS}; the keyed hash is emptied when the case is purged",
)
declare_model(
    "cases.Consent",
    {
        "id": F.ID,
        "case": F.ID,
        "scope": F.CODE,
        "text_version": F.CODE,
        "text_hash": F.HASH,
        "given_at": F.TIME,
        "channel": F.CODE,
        "language": F.CODE,
        "withdrawn_at": F.TIME,
    },
)
declare_model(
    "cases.IdentityCheck",
    {
        "id": F.ID,
        "case": F.ID,
        "way": F.CODE,
        "element": F.CODE,
        "level_reached": F.COUNT,
        "officer": F.STAFF,
        "at": F.TIME,
        "field": F.VAULT,
        "lapsed_at": F.TIME,
    },
    shredder=_KEYS,
)
declare_model(
    "cases.Flag",
    {"id": F.ID, "case": F.ID, "code": F.CODE, "raised_at": F.TIME, "raised_by": F.STAFF},
)
declare_model(
    "cases.Receipt",
    {
        "id": F.ID,
        "case": F.ID,
        "created_at": F.TIME,
        "unit": F.VAULT,
        "field": F.VAULT,
        "head_number": F.COUNT,
        "head_hash": F.HASH,
    },
    shredder=_KEYS,
)
declare_model(
    "cases.Draft",
    {
        "id": F.ID,
        "unit": F.VAULT,
        "photo_unit": F.VAULT,
        "file_unit": F.VAULT,
        "created_at": F.TIME,
        "expires_at": F.TIME,
        "step": F.COUNT,
    },
    shredder=f"{_KEYS} at Send or after 24 hours (cases.draft_sweep)",
)
declare_model(
    "cases.MailCode",
    {"id": F.ID, "case": F.ID, "sent_at": F.TIME, "confirmed_at": F.TIME, "tries": F.COUNT},
)
declare_model(
    "cases.Delivery",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "token_hash": F.KEYED_HASH,
        "approved_by": F.STAFF,
        "approver_role": F.CODE,
        "created_at": F.TIME,
        "released_at": F.TIME,
        "expires_at": F.TIME,
        "wrong_codes": F.COUNT,
        "locked_at": F.TIME,
        "first_opened_at": F.TIME,
    },
)
declare_model(
    "cases.DeliveryPart",
    {
        "id": F.ID,
        "delivery": F.ID,
        "ordinal": F.COUNT,
        "document_id": F.ID,
        "unit": F.VAULT,
        "field": F.VAULT,
        "name": F.CODE,
        "media_type": F.CODE,
        "size": F.COUNT,
    },
    shredder=_KEYS,
)
declare_model(
    "cases.Message",
    {
        "id": F.ID,
        "case": F.ID,
        "direction": F.CODE,
        "at": F.TIME,
        "by": F.STAFF,
        "field": F.VAULT,
    },
    shredder=_KEYS,
)
