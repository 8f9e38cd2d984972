"""What this app and the libraries behind sign-in keep. Nothing here says anything of a person
whose request we handle; staff are plain by decision (design, section 5)."""

from dsr_portal.core.inventory import F, declare_model, declare_store
from dsr_portal.vault import lasting

declare_model(
    "accounts.Staff",
    {
        "id": F.ID,
        "password": F.STAFF,
        "last_login": F.TIME,
        "staff_no": F.STAFF,
        "display_name": F.STAFF,
        "email": F.STAFF,
        "role": F.CODE,
        "authority_code": F.CODE,
        "trained_until": F.STAFF,
        "is_active": F.STATE,
        "created_at": F.TIME,
    },
)
declare_model(
    "accounts.StaffProposal",
    {
        "id": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "staff": F.ID,
        "staff_no": F.STAFF,
        "display_name": F.STAFF,
        "email": F.STAFF,
        "role": F.CODE,
        "authority_code": F.CODE,
        "proposed_by": F.ID,
        "decided_by": F.ID,
        "proposed_at": F.TIME,
        "decided_at": F.TIME,
    },
)
declare_model("accounts.UsedTicket", {"id": F.ID, "nonce": F.HASH, "used_at": F.TIME})

# allauth: e-mail addresses of staff (unused tables, kept empty) and sealed second-factor secrets.
declare_model(
    "account.EmailAddress",
    {"id": F.ID, "user": F.ID, "email": F.STAFF, "verified": F.STATE, "primary": F.STATE},
)
declare_model(
    "account.EmailConfirmation",
    {"id": F.ID, "email_address": F.ID, "created": F.TIME, "sent": F.TIME, "key": F.HASH},
)
declare_model(
    "mfa.Authenticator",
    {
        "id": F.ID,
        "user": F.ID,
        "type": F.CODE,
        "data": F.SEALED,
        "created_at": F.TIME,
        "last_used_at": F.TIME,
    },
)

# Django's own tables.
declare_model("contenttypes.ContentType", {"id": F.ID, "app_label": F.CONFIG, "model": F.CONFIG})
declare_model(
    "auth.Permission",
    {"id": F.ID, "name": F.CONFIG, "content_type": F.ID, "codename": F.CONFIG},
)
declare_model("auth.Group", {"id": F.ID, "name": F.CONFIG})
declare_model("auth.Group_permissions", {"id": F.ID, "group": F.ID, "permission": F.ID})
declare_model(
    "sessions.Session",
    # Sessions hold ids and codes only (design, section 5); nothing a person typed.
    {"session_key": F.HASH, "session_data": F.ID, "expire_date": F.TIME},
    shredder="clearsessions, daily",
)
declare_store(
    "sign-in counters",
    kind="cache",
    place="memory of the desk and oversight processes",
    shredder="ends with the process; entries last minutes",
    verifier="process restarted",
    holds=("counts per staff number and address",),
)

# The key that seals second-factor secrets lies in the ring (R26).
lasting.declare("mfa")
