"""What this app keeps. Everything that says something about a person lies behind VAULT."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays
from dsr_portal.vault import lasting

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_ROWS = (
    "codes, dates and who decided, under the id of the request alone: evidence of how it was "
    "answered (Art. 5(2))"
)
_ENDS = Term(
    "30 days until it is closed and 30 more until it is destroyed, of who is under 18 "
    "child_keep_days each; longer while a lock, an exemption, a breach, an order or an inspection "
    "needs it",
    "the answer; of a request taken back, its end",
    ("dsr_portal.cases.services.close_due",),
    stays=_ROWS,
)
_EVIDENCE = stays(_ROWS)
_TOKENS = stays(
    "a keyed hash of a random token that opens nothing once it ended; when it was used is evidence"
)
_DRAFTS = Term(
    "24 hours",
    "its first step; at once when it is sent or thrown away",
    ("dsr_portal.cases.services.sweep_drafts",),
)
_PROOFS = Term(
    "DSR_PROOF_DAYS (7 days), at most until the decision",
    "the arrival of the document",
    (
        "dsr_portal.cases.proofs.end_due",
        "dsr_portal.cases.proofs.delete_all",
    ),
    stays="that a document was shown, by which way and to whom",
)
_FOUND = Term(
    "until the case closes or is taken back; the copy in the answer's package as that",
    "the day it was attached",
    ("dsr_portal.cases.found_files.delete_all",),
    stays="kind, size and who attached it",
)
_MANDATES = Term(
    "as the case; the proof of a parent until it was decided about",
    "the answer",
    (
        "dsr_portal.cases.services.close_due",
        "dsr_portal.cases.mandates.delete_proofs",
    ),
    stays=_ROWS,
)
_ALARMS = Term(
    "1 year",
    "it was settled, of a destroyed request",
    ("dsr_portal.cases.alarms.end_settled",),
)
_ACCOUNTS = Term(
    "30 days",
    "no mandate is in force any more",
    ("dsr_portal.cases.acting.close_idle",),
    stays="that there was an account and when it was used, without name or address",
)
_MAILBOX = Term(
    "14 days",
    "it was taken in",
    ("dsr_portal.cases.mailbox.sweep_done",),
    stays="what was not taken in yet: the mail server's",
)

# Keys of the hashes by which links to answers and account names are found (R26).
lasting.declare("delivery-token")
lasting.declare("account-name")
# The same list of mandates sent twice is made once (R11).
lasting.declare("mandate-batch")
# Key of the hash by which a message fetched twice is known.
lasting.declare("mail-content")
# Key of the hash by which requests from one address are shown side by side.
lasting.declare("contact-address")
# Key of the hash by which an account and the mandates of one mailbox find each other (R11).
lasting.declare("acting-account")

_KEYS = "vault: the units' keys are destroyed"

declare_model(
    "cases.Case",
    {
        "id": F.ID,
        "reference": F.CODE,
        "draft_id": F.ID,
        "received_at": F.TIME,
        "received_on": F.TIME,
        "corrected_on": F.TIME,
        "channel": F.CODE,
        "language": F.CODE,
        "country": F.CODE,
        "regime": F.CODE,
        "calendar": F.CODE,
        "clock_from": F.TIME,
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
        "contact_hash": F.KEYED_HASH,
        "code_counter": F.COUNT,
        "origin_confirmed_by": F.STAFF,
        "decided_at": F.TIME,
        "delivered_at": F.TIME,
        "delete_now_at": F.TIME,
        "closed_at": F.TIME,
        "purged_at": F.TIME,
        "withdrawn_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.OtherSystem",
    {
        "id": F.ID,
        "name": F.COMPANY,
        "kind": F.CODE,
        "entered_by": F.STAFF,
        "entered_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=stays("configuration: which other systems the controller has, and who said so"),
)
declare_model(
    "cases.NoOtherSystems",
    {"id": F.ID, "stated_by": F.STAFF, "stated_at": F.TIME, "ended_at": F.TIME},
    term=stays("configuration: which other systems the controller has, and who said so"),
)
declare_model(
    "cases.SearchedSystem",
    {
        "id": F.ID,
        "case": F.ID,
        "system": F.ID,
        "outcome": F.CODE,
        "field": F.VAULT,
        "by": F.STAFF,
        "at": F.TIME,
        "standing": F.ID,
        "erased": F.CODE,
        "erased_field": F.VAULT,
        "erased_by": F.STAFF,
        "erased_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.StandingAnswer",
    {
        "id": F.ID,
        "system": F.ID,
        "reason": F.CONFIG,
        "until": F.TIME,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "agreed_by": F.STAFF,
        "agreed_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=stays("configuration: which other systems the controller has, and who said so"),
)
declare_model(
    "cases.FoundFile",
    {
        "id": F.ID,
        "searched": F.ID,
        "unit": F.VAULT,
        "media": F.CODE,
        "size": F.COUNT,
        "others": F.CODE,
        "by": F.STAFF,
        "at": F.TIME,
        "ended_at": F.TIME,
    },
    shredder=_KEYS,
    term=_FOUND,
)
declare_model(
    "cases.CaseRight",
    {"id": F.ID, "case": F.ID, "right": F.CODE, "added_at": F.TIME, "due_on": F.TIME},
    term=_EVIDENCE,
)
declare_model(
    "cases.WayIn",
    {"id": F.ID, "case": F.ID, "kind": F.CODE, "keyed_hash": F.KEYED_HASH, "field": F.VAULT},
    shredder=f"{_KEYS}; the keyed hash is emptied when the case is purged",
    term=_ENDS,
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
    term=_EVIDENCE,
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
    term=_ENDS,
)
declare_model(
    "cases.Ask",
    {
        "id": F.ID,
        "case": F.ID,
        "number": F.COUNT,
        "missing": F.CODE,
        "means": F.CODE,
        "officer": F.STAFF,
        "at": F.TIME,
        "message": F.ID,
        "agreed_by": F.STAFF,
        "level": F.STATE,
        "letter": F.ID,
        "reminder": F.ID,
        "answered_at": F.TIME,
        "reminded_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.AskedFact", {"id": F.ID, "case": F.ID, "ask": F.ID, "fact": F.CODE}, term=_EVIDENCE
)
declare_model(
    "cases.Pause",
    {
        "id": F.ID,
        "case": F.ID,
        "ask": F.ID,
        "ground": F.CODE,
        "by": F.STAFF,
        "agreed_by": F.STAFF,
        "from_on": F.TIME,
        "until_on": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Proposal",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "codes": F.CODE,
        "field": F.VAULT,
        "needed": F.COUNT,
        "settled_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.Agreement",
    {
        "id": F.ID,
        "proposal": F.ID,
        "proposed_by": F.STAFF,
        "by": F.STAFF,
        "role": F.CODE,
        "at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Letter",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "unique_key": F.CODE,
        "field": F.VAULT,
        "written_by": F.STAFF,
        "agreed_by": F.STAFF,
        "created_at": F.TIME,
        "document_id": F.ID,
        "delivery_id": F.ID,
        "sent_at": F.TIME,
        "posted_by": F.STAFF,
        "error_code": F.CODE,
    },
    shredder=_KEYS,
    term=_ENDS,
)
_EXTENSION = {
    "id": F.ID,
    "proposal": F.ID,
    "letter": F.ID,
    "reason": F.CODE,
    "months": F.COUNT,
    "told_on": F.TIME,
    "void": F.STATE,
}
declare_model("cases.Extension", _EXTENSION | {"case": F.ID}, term=_EVIDENCE)
declare_model("cases.WishExtension", _EXTENSION | {"right": F.ID}, term=_EVIDENCE)
declare_model(
    "cases.WishPause",
    {
        "id": F.ID,
        "right": F.ID,
        "ground": F.CODE,
        "letter": F.ID,
        "reminder": F.ID,
        "by": F.STAFF,
        "agreed_by": F.STAFF,
        "from_on": F.TIME,
        "until_on": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Recusal",
    {
        "id": F.ID,
        "case": F.ID,
        "staff_no": F.STAFF,
        "at": F.TIME,
        "lifted_by": F.STAFF,
        "lifted_at": F.TIME,
        "field": F.VAULT,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.CaseLink",
    {
        "id": F.ID,
        "first": F.ID,
        "second": F.ID,
        "kind": F.CODE,
        "field": F.VAULT,
        "made_by": F.STAFF,
        "made_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=_ENDS,
)
declare_model(
    "cases.PageWish",
    {
        "id": F.ID,
        "case": F.ID,
        "way": F.ID,
        "asked_at": F.TIME,
        "asked_by": F.STAFF,
        "ended_at": F.TIME,
        "ended_how": F.CODE,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.PageVerdict",
    {
        "id": F.ID,
        "wish": F.ID,
        "image_id": F.ID,
        "action": F.CODE,
        "ground": F.CODE,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
        "agreed_by": F.STAFF,
        "agreed_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.PageUnlock",
    {
        "id": F.ID,
        "verdict": F.ID,
        "reason": F.STAFF,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
        "agreed": F.STATE,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.EvidenceLock",
    {
        "id": F.ID,
        "case": F.ID,
        "asked_at": F.TIME,
        "asked_by": F.STAFF,
        "until": F.TIME,
        "ending": F.CODE,
        "ends_on": F.TIME,
        "letter": F.ID,
        "ended_at": F.TIME,
        "ended_how": F.CODE,
        "ended_by": F.STAFF,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Correction",
    {
        "id": F.ID,
        "case": F.ID,
        "record_id": F.ID,
        "number": F.COUNT,
        "place": F.VAULT,
        "what": F.CODE,
        "field": F.VAULT,
        "asked_at": F.TIME,
        "entered_by": F.STAFF,
        "due_on": F.TIME,
        "state": F.STATE,
        "ground": F.CODE,
        "proposal": F.ID,
        "decided_by": F.STAFF,
        "agreed_by": F.STAFF,
        "decided_at": F.TIME,
        "letter": F.ID,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.Lengthening",
    {
        "id": F.ID,
        "withheld": F.ID,
        "proposal": F.ID,
        "letter": F.ID,
        "ground": F.CODE,
        "before": F.TIME,
        "until": F.TIME,
        "agreed_by": F.STAFF,
        "at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Withheld",
    {
        "id": F.ID,
        "case": F.ID,
        "proposal": F.ID,
        "record_id": F.ID,
        "what": F.CODE,
        "ground": F.CODE,
        "until": F.TIME,
        "agreed_by": F.STAFF,
        "at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Lateness",
    {
        "id": F.ID,
        "case": F.ID,
        "missed_on": F.TIME,
        "noticed_at": F.TIME,
        "new_date": F.TIME,
        "broken_on": F.TIME,
        "reason": F.CODE,
        "reason_by": F.STAFF,
        "field": F.VAULT,
        "ended_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.OrderedDate",
    {
        "id": F.ID,
        "case": F.ID,
        "order_id": F.ID,
        "authority_code": F.CODE,
        "due_on": F.TIME,
        "since": F.TIME,
        "ended_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.Escalation",
    {
        "id": F.ID,
        "case": F.ID,
        "code": F.CODE,
        "about": F.CODE,
        "to": F.STAFF,
        "raised_at": F.TIME,
        "settled_at": F.TIME,
    },
    term=_ALARMS,
)
declare_model(
    "cases.Flag",
    {"id": F.ID, "case": F.ID, "code": F.CODE, "raised_at": F.TIME, "raised_by": F.STAFF},
    term=_EVIDENCE,
)
declare_model(
    "cases.ChildReview",
    {
        "id": F.ID,
        "case": F.ID,
        "acts": F.CODE,
        "conflict": F.STATE,
        "photo": F.STATE,
        "by": F.STAFF,
        "at": F.TIME,
        "field": F.VAULT,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.Batch",
    {
        "id": F.ID,
        "content_hash": F.KEYED_HASH,
        "made_by": F.STAFF,
        "made_at": F.TIME,
        "received_at": F.TIME,
        "lines": F.COUNT,
        "left_out": F.COUNT,
    },
    term=stays(
        "a keyed hash and counts: the same list sent twice is known; the mandates in it end "
        "with their cases"
    ),
)
declare_model(
    "cases.Mandate",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "rights": F.CODE,
        "until": F.TIME,
        "answer_to": F.CODE,
        "law_of": F.CODE,
        "holds_page": F.STATE,
        "batch": F.ID,
        "line": F.COUNT,
        "email_hash": F.KEYED_HASH,
        "proof_unit": F.VAULT,
        "proof_ended_at": F.TIME,
        "written_by": F.STAFF,
        "written_at": F.TIME,
        "doubts": F.CODE,
        "means": F.CODE,
        "asked_by": F.STAFF,
        "asked_at": F.TIME,
        "answered_at": F.TIME,
        "wanted_at": F.TIME,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
        "reason": F.CODE,
        "ended_at": F.TIME,
        "ended_by": F.STAFF,
    },
    shredder=f"{_KEYS} with the case; the paper of a parent once decided, any other at the end",
    term=_MANDATES,
)
declare_model(
    "cases.Invitation",
    {
        "id": F.ID,
        "case": F.ID,
        "mandate": F.ID,
        "addressee": F.CODE,
        "token_hash": F.KEYED_HASH,
        "counter": F.COUNT,
        "made_at": F.TIME,
        "opened_at": F.TIME,
        "ended_at": F.TIME,
    },
    term=_TOKENS,
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
        "handed_at": F.TIME,
        "handed_by": F.STAFF,
        "handed_how": F.CODE,
        "handed_counter": F.COUNT,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.Draft",
    {
        "id": F.ID,
        "unit": F.VAULT,
        "file_unit": F.VAULT,
        "created_at": F.TIME,
        "expires_at": F.TIME,
        "step": F.COUNT,
    },
    shredder=f"{_KEYS} at Send or after 24 hours (drafts.sweep_drafts)",
    term=_DRAFTS,
)
declare_model(
    "cases.DraftPhoto",
    {"id": F.ID, "draft": F.ID, "unit": F.VAULT},
    shredder=f"{_KEYS} at Send, when it is taken out or replaced, or after 24 hours",
    term=_DRAFTS,
)
declare_model(
    "cases.MailCode",
    {"id": F.ID, "case": F.ID, "sent_at": F.TIME, "confirmed_at": F.TIME, "tries": F.COUNT},
    term=_EVIDENCE,
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
    term=_TOKENS,
)
declare_model(
    "cases.ProofDocument",
    {
        "id": F.ID,
        "case": F.ID,
        "kind": F.CODE,
        "why": F.CODE,
        "given_at": F.TIME,
        "given_by": F.STAFF,
        "unit": F.VAULT,
        "covered": F.STATE,
        "laid_before": F.STAFF,
        "shows": F.STATE,
        "checked_by": F.STAFF,
        "checked_on": F.TIME,
        "destroyed_at": F.TIME,
        "ended_how": F.CODE,
        "lapsed_at": F.TIME,
    },
    shredder=_KEYS,
    term=_PROOFS,
)
declare_model(
    "cases.PaperWish",
    {"id": F.ID, "case": F.ID, "chosen_at": F.TIME, "chosen_by": F.STAFF, "ended_at": F.TIME},
    term=_EVIDENCE,
)
declare_model(
    "cases.PaperNotice",
    {"id": F.ID, "case": F.ID, "what": F.CODE, "by": F.STAFF, "at": F.TIME},
    term=_EVIDENCE,
)
declare_model(
    "cases.PhoneWish",
    {
        "id": F.ID,
        "case": F.ID,
        "field": F.VAULT,
        "chosen_at": F.TIME,
        "chosen_by": F.STAFF,
        "ended_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.PhoneCall",
    {
        "id": F.ID,
        "case": F.ID,
        "delivery": F.ID,
        "by": F.STAFF,
        "at": F.TIME,
        "end": F.CODE,
        "check_made": F.CODE,
        "told": F.CODE,
        "field": F.VAULT,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.AddressChange",
    {
        "id": F.ID,
        "case": F.ID,
        "what": F.CODE,
        "state": F.STATE,
        "field": F.VAULT,
        "token_hash": F.KEYED_HASH,
        "by": F.STAFF,
        "way": F.CODE,
        "at": F.TIME,
        "until": F.TIME,
        "proposal": F.ID,
        "letter": F.ID,
        "stopped_by": F.CODE,
        "settled_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.PaperPack",
    {
        "id": F.ID,
        "delivery": F.ID,
        "packed_by": F.STAFF,
        "packed_at": F.TIME,
        "pages": F.COUNT,
        "posted_by": F.STAFF,
        "posted_on": F.TIME,
        "field": F.VAULT,
        "arrived_on": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.PaperReturn",
    {
        "id": F.ID,
        "delivery": F.ID,
        "reason": F.CODE,
        "on": F.TIME,
        "posted_on": F.TIME,
        "field": F.VAULT,
        "noted_by": F.STAFF,
        "noted_at": F.TIME,
        "step": F.STATE,
        "settled_by": F.STAFF,
        "settled_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.LetterReturn",
    {
        "id": F.ID,
        "letter": F.ID,
        "reason": F.CODE,
        "on": F.TIME,
        "posted_on": F.TIME,
        "noted_by": F.STAFF,
        "noted_at": F.TIME,
        "step": F.STATE,
        "settled_by": F.STAFF,
        "settled_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "cases.CameIn",
    {
        "id": F.ID,
        "case": F.ID,
        "how": F.CODE,
        "what": F.CODE,
        "on": F.TIME,
        "field": F.VAULT,
        "message": F.ID,
        "probe_id": F.ID,
        "by": F.STAFF,
        "at": F.TIME,
        "seen_by": F.STAFF,
        "seen_at": F.TIME,
    },
    shredder=_KEYS,
    term=_ENDS,
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
    term=_ENDS,
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
        "answers": F.CODE,
    },
    shredder=_KEYS,
    term=_ENDS,
)
declare_model(
    "cases.Mail",
    {
        "id": F.ID,
        "case": F.ID,
        "role": F.CODE,
        "may_belong": F.ID,
        "unit": F.VAULT,
        "content_hash": F.KEYED_HASH,
        "arrived_at": F.TIME,
        "arrived_by": F.CODE,
        "fetched_at": F.TIME,
        "size": F.COUNT,
        "parts": F.COUNT,
        "trouble": F.CODE,
        "state": F.STATE,
        "read_by": F.STAFF,
        "read_at": F.TIME,
    },
    shredder=f"{_KEYS}; the keyed hash is emptied when the case is purged",
    term=_ENDS,
)
declare_store(
    "mailbox",
    kind="file tree",
    place="the Maildir named to `manage.py fetch_mail`: new, cur, and .dsr-done for what was taken",
    shredder="manage.py fetch_mail removes what it took 14 days ago; new mail is the mail server's",
    verifier="test: nothing older than that stays in .dsr-done",
    holds=("messages as they came, in clear",),
    term=_MAILBOX,
)
_ACCOUNT = "the account's unit when no mandate was in force for thirty days"
declare_model(
    "cases.ActingAccount",
    {
        "id": F.ID,
        "email_hash": F.KEYED_HASH,
        "unit": F.VAULT,
        "state": F.STATE,
        "invited_by": F.STAFF,
        "invited_at": F.TIME,
        "factor": F.ID,
        "last_step": F.COUNT,
        "wrong": F.COUNT,
        "locked_until": F.TIME,
        "epoch": F.COUNT,
        "signed_in_at": F.TIME,
        "idle_since": F.TIME,
        "closed_at": F.TIME,
    },
    shredder=_ACCOUNT,
    term=_ACCOUNTS,
)
declare_model(
    "cases.ActingMandate",
    {"id": F.ID, "account": F.ID, "mandate": F.ID, "linked_at": F.TIME},
    term=_ACCOUNTS,
)
declare_model(
    "cases.ActingLink",
    {
        "id": F.ID,
        "account": F.ID,
        "purpose": F.CODE,
        "token_hash": F.KEYED_HASH,
        "made_at": F.TIME,
        "until": F.TIME,
        "used_at": F.TIME,
        "ended_at": F.TIME,
    },
    shredder=_ACCOUNT,
    term=_ACCOUNTS,
)
declare_model(
    "cases.ActingRecovery",
    {
        "id": F.ID,
        "account": F.ID,
        "field": F.VAULT,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
        "agreed": F.STATE,
    },
    shredder=_ACCOUNT,
    term=_ACCOUNTS,
)
