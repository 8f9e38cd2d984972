"""What this app and the libraries behind sign-in keep. Nothing here says anything of a person
whose request we handle; staff are plain by decision (design, section 5)."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays, with_process
from dsr_portal.vault import lasting

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_STAFF = Term(
    "as long as the trail has details of what the account did, or that name it",
    "the closing of the account",
    ("dsr_portal.accounts.name_ends.sweep",),
    stays="number and role, by which a decision still has a doer; it opens nothing",
)
_PROPOSALS = Term(
    "3 years",
    "the decision; an open one stays",
    ("dsr_portal.accounts.services.end_proposals",),
)
_TICKETS = Term(
    "2 minutes",
    "its use, seen at the next one; demo only",
    ("dsr_portal.accounts.tickets.redeem",),
)
_EMPTY = stays("a table of a library that is not used and kept empty")
_FACTORS = Term(
    "until it is replaced or the account ends",
    "the making",
    ("dsr_portal.accounts.services.approve_staff",),
)
_DJANGO = stays("configuration: Django's own names of tables and rights")
_SESSIONS = Term(
    "until it is over, and at most a day more",
    "the last sign-in",
    ("dsr_portal.accounts.beats.clear_sessions",),
)
_COUNTERS = with_process("minutes")

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
        "name_ended_at": F.TIME,
    },
    term=_STAFF,
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
    term=_PROPOSALS,
)
declare_model(
    "accounts.UsedTicket", {"id": F.ID, "nonce": F.HASH, "used_at": F.TIME}, term=_TICKETS
)

# allauth: e-mail addresses of staff (unused tables, kept empty) and sealed second-factor secrets.
declare_model(
    "account.EmailAddress",
    {"id": F.ID, "user": F.ID, "email": F.STAFF, "verified": F.STATE, "primary": F.STATE},
    term=_EMPTY,
)
declare_model(
    "account.EmailConfirmation",
    {"id": F.ID, "email_address": F.ID, "created": F.TIME, "sent": F.TIME, "key": F.HASH},
    term=_EMPTY,
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
    term=_FACTORS,
)

# Django's own tables.
declare_model(
    "contenttypes.ContentType", {"id": F.ID, "app_label": F.CONFIG, "model": F.CONFIG}, term=_DJANGO
)
declare_model(
    "auth.Permission",
    {"id": F.ID, "name": F.CONFIG, "content_type": F.ID, "codename": F.CONFIG},
    term=_DJANGO,
)
declare_model("auth.Group", {"id": F.ID, "name": F.CONFIG}, term=_DJANGO)
declare_model(
    "auth.Group_permissions", {"id": F.ID, "group": F.ID, "permission": F.ID}, term=_DJANGO
)
declare_model(
    "sessions.Session",
    # Sessions hold ids and codes only (design, section 5); nothing a person typed.
    {"session_key": F.HASH, "session_data": F.ID, "expire_date": F.TIME},
    shredder="clearsessions, daily",
    term=_SESSIONS,
)
declare_store(
    "sign-in counters",
    kind="cache",
    place="memory of the desk and oversight processes",
    shredder="ends with the process; entries last minutes",
    verifier="process restarted",
    holds=("counts per staff number and address",),
    term=_COUNTERS,
)

# The key that seals second-factor secrets lies in the ring (R26).
lasting.declare("mfa")
