"""What gallery keeps: companies plain, everything about a data subject behind the vault."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays
from dsr_portal.gallery import hashes, webhooks
from dsr_portal.vault import lasting

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_COMPANIES = stays(
    "configuration and evidence about companies: from where, to whom and on what basis data "
    "came and went"
)
_CONTROLLER = Term(
    "the term of its source (source_days), no end where none was stated; a person's wish ends it "
    "sooner, a request or an authority that needs it keeps it",
    "the day it was collected, else its import",
    ("dsr_portal.erasure.retiring.start_due", "dsr_portal.erasure.steps.run"),
    stays=(
        "ids, states and times of a record, so that a copy of it is known and an erasure "
        "can be shown"
    ),
)
_LOCKS = stays(
    "ids, reasons as codes and times: evidence of what was locked or kept for a request and "
    "until when"
)
_ASIDES = Term(
    "until the picture is erased and the case over; what authorities were told 3 years by "
    "default (order_years)",
    "the last word about it",
    (
        "dsr_portal.gallery.asides_end.end_due",
        "dsr_portal.gallery.asides_end.purge",
    ),
)
_WORDS = Term(
    "as the file of its case",
    "the answer",
    (
        "dsr_portal.cases.services.close_due",
        "dsr_portal.gallery.letters.purge",
    ),
    stays="whom a request was told to and when (Art. 19), without the person",
)
_FACE_BLOCKS = Term(
    "until the day the person chose, or their wish",
    "the wish",
    ("dsr_portal.gallery.face_blocks.expire",),
    stays="that there was a block and from when to when",
)
_BLOCKS = stays(
    "a keyed hash the person wants kept, so that what was erased does not come back (Art. "
    "21); it goes at their wish"
)
_IMPORTS = stays("counts of an import: evidence of when pictures came, from which source")

# The key that signs what recipients' systems get (docs/recipients.md).
lasting.declare(webhooks.PURPOSE, webhooks.make_key)
# Keys of the hashes by which addresses and files are found and blocked (R26).
for _purpose in hashes.PURPOSES:
    lasting.declare(_purpose)

_UNIT = "vault: the unit's key is destroyed"
_UNIT_CHECK = "vault: state of the unit; byte scan of files and database"

declare_model(
    "gallery.Source",
    {
        "id": F.ID,
        "name": F.COMPANY,
        "legal_basis": F.COMPANY,
        "purposes": F.COMPANY,
        "created_at": F.TIME,
    },
    term=_COMPANIES,
)
declare_model(
    "gallery.CollectionStop",
    {
        "id": F.ID,
        "source": F.ID,
        "country": F.CODE,
        "language": F.CODE,
        "with_place": F.CODE,
        "reason_code": F.CODE,
        "since": F.TIME,
        "lifted_at": F.TIME,
    },
    term=_LOCKS,
)
declare_model(
    "gallery.InspectionHold",
    {"id": F.ID, "source": F.ID, "since": F.TIME, "lifted_at": F.TIME},
    term=_LOCKS,
)
declare_model(
    "gallery.ImportRun",
    {
        "id": F.ID,
        "source": F.ID,
        "listing_hash": F.KEYED_HASH,
        "started_at": F.TIME,
        "finished_at": F.TIME,
        "state": F.STATE,
        "seen": F.COUNT,
        "imported": F.COUNT,
        "duplicates": F.COUNT,
        "unreadable": F.COUNT,
        "faceless": F.COUNT,
        "refused": F.COUNT,
        "faces": F.COUNT,
    },
    term=_IMPORTS,
)
declare_model(
    "gallery.ImportBatch",
    {
        "id": F.ID,
        "run": F.ID,
        "ordinal": F.COUNT,
        "first": F.COUNT,
        "size": F.COUNT,
        "state": F.STATE,
    },
    term=_IMPORTS,
)
declare_model(
    "gallery.SourceImage",
    {
        "id": F.ID,
        "source": F.ID,
        "run": F.ID,
        "unit": F.VAULT,
        "file_hash": F.KEYED_HASH,
        "state": F.STATE,
        "problem": F.CODE,
        "width": F.COUNT,
        "height": F.COUNT,
        "faces_left_out": F.COUNT,
        "imported_at": F.TIME,
        "counted_from": F.TIME,
        "covered_from": F.ID,
    },
    shredder=f"{_UNIT} (picture, addresses, caption, other columns); the file's hash is emptied",
    verifier=_UNIT_CHECK,
    term=_CONTROLLER,
)
declare_model(
    "gallery.Appearance",
    {
        "id": F.ID,
        "image": F.ID,
        "run": F.ID,
        "field": F.CODE,
        "facts_hash": F.KEYED_HASH,
        "page_hash": F.KEYED_HASH,
        "image_hash": F.KEYED_HASH,
        "path_hash": F.KEYED_HASH,
        "seen_at": F.TIME,
    },
    shredder="rows deleted with their picture's erasure",
    verifier="no row of the picture left",
    term=_CONTROLLER,
)
declare_model(
    "gallery.Record",
    {
        "id": F.ID,
        "image": F.ID,
        "face_number": F.COUNT,
        "unit": F.VAULT,
        "state": F.STATE,
        "state_changed_at": F.TIME,
        "enrolled_at": F.TIME,
    },
    shredder=f"{_UNIT} (crop, landmarks, template, purposes of look-ups)",
    verifier=_UNIT_CHECK,
    term=_CONTROLLER,
)
declare_model(
    "gallery.Hold",
    {"id": F.ID, "record": F.ID, "case_id": F.ID, "since": F.TIME, "until": F.TIME},
    term=_LOCKS,
)
declare_model(
    "gallery.Restriction",
    {
        "id": F.ID,
        "record": F.ID,
        "case_id": F.ID,
        "reason_code": F.CODE,
        "since": F.TIME,
        "lifted_at": F.TIME,
    },
    term=_LOCKS,
)
declare_model(
    "gallery.PutAside",
    {
        "id": F.ID,
        "image": F.ID,
        "case_id": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "found_by": F.STAFF,
        "found_at": F.TIME,
        "confirmed_by": F.STAFF,
        "confirmed_at": F.TIME,
        "told_to": F.CODE,
        "told_on": F.TIME,
        "told_reference": F.STAFF,
        "told_by": F.STAFF,
        "freed_by": F.STAFF,
        "freed_at": F.TIME,
        "freed_reference": F.STAFF,
        "lower_by": F.STAFF,
        "lower_reason": F.STAFF,
        "lowered_by": F.STAFF,
        "release_by": F.STAFF,
        "release_reason": F.STAFF,
        "released_by": F.STAFF,
        "released_at": F.TIME,
    },
    shredder=(
        "beat and purge: case and kind of an intimate picture go with the case and the picture; "
        "the row goes when it was released and the case is over, and a term after the erasure "
        "(order_years), which is when case, kind and reference of what authorities were told go"
    ),
    verifier="none of its own: rows in plain columns, a reference and a reason in words among them",
    term=_ASIDES,
)
declare_model(
    "gallery.Recipient",
    {"id": F.ID, "name": F.COMPANY, "country": F.COMPANY, "address": F.COMPANY},
    term=_COMPANIES,
)
declare_model(
    "gallery.LookUpLog",
    {
        "id": F.ID,
        "system": F.COMPANY,
        "covers_from": F.TIME,
        "covers_to": F.TIME,
        "rows": F.COUNT,
        "unmatched": F.COUNT,
        "file_hash": F.KEYED_HASH,
        "recorded_at": F.TIME,
        "state": F.STATE,
    },
    term=_IMPORTS,
)
declare_model(
    "gallery.LookUp",
    {
        "id": F.ID,
        "log": F.ID,
        "row_number": F.COUNT,
        "recipient": F.ID,
        "record": F.ID,
        "at": F.TIME,
        "way": F.CODE,
    },
    shredder=f"{_UNIT} (the purpose, the recipient's reference); the row names a record by id only",
    verifier=_UNIT_CHECK,
    term=_CONTROLLER,
)
declare_model(
    "gallery.RecipientChannel",
    {
        "id": F.ID,
        "recipient": F.ID,
        "kind": F.CODE,
        "address": F.COMPANY,
        "state": F.STATE,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
    },
    term=_COMPANIES,
)
declare_model(
    "gallery.ConnectedSystem",
    {
        "id": F.ID,
        "name": F.COMPANY,
        "state": F.STATE,
        "token_hash": F.HASH,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "approved_by": F.STAFF,
        "approved_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=_COMPANIES,
)
declare_model(
    "gallery.Notice",
    {
        "id": F.ID,
        "case_id": F.ID,
        "recipient": F.ID,
        "ground": F.CODE,
        "state": F.STATE,
        "look_ups": F.COUNT,
        "first_shown": F.TIME,
        "last_shown": F.TIME,
        "prepared_at": F.TIME,
        "confirmed_at": F.TIME,
        "released_at": F.TIME,
        "channel": F.ID,
        "letter_id": F.ID,
        "sent_at": F.TIME,
        "answered_at": F.TIME,
        "answered_by": F.STAFF,
        "rounds": F.COUNT,
        "posted_round": F.COUNT,
        "next_round_at": F.TIME,
        "error_code": F.CODE,
        "excuse_reason": F.STAFF,
        "excuse_proposed_by": F.STAFF,
        "excused_by": F.STAFF,
    },
    shredder="vault: the case's file is shredded when the case is purged (references, times)",
    verifier=_UNIT_CHECK,
    term=_WORDS,
)
declare_model(
    "gallery.PublicCopy",
    {
        "id": F.ID,
        "case_id": F.ID,
        "controller": F.COMPANY,
        "made_by": F.STAFF,
        "made_at": F.TIME,
        "result": F.CODE,
        "reason": F.STAFF,
        "settled_by": F.STAFF,
        "settled_at": F.TIME,
    },
    shredder="vault: the case's file is shredded when the case is purged (address of the copy)",
    verifier=_UNIT_CHECK,
    term=_WORDS,
)
declare_model(
    "gallery.PublicCopyStep",
    {"id": F.ID, "copy": F.ID, "way": F.CODE, "by": F.STAFF, "at": F.TIME},
    shredder="vault: the case's file is shredded when the case is purged (what was done)",
    verifier=_UNIT_CHECK,
    term=_WORDS,
)
declare_model(
    "gallery.QueryPictureStatement",
    {
        "id": F.ID,
        "words": F.COMPANY,
        "name": F.STAFF,
        "stated_on": F.TIME,
        "state": F.STATE,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "approved_by": F.STAFF,
        "approved_at": F.TIME,
    },
    term=_COMPANIES,
)
declare_model(
    "gallery.FaceBlock",
    {
        "id": F.ID,
        "case_id": F.ID,
        "unit": F.VAULT,
        "model": F.CODE,
        "since": F.TIME,
        "until": F.TIME,
        "ended_at": F.TIME,
    },
    shredder=f"{_UNIT} (protected face code), on wish or when its time is over",
    verifier=_UNIT_CHECK,
    term=_FACE_BLOCKS,
)
declare_model(
    "gallery.BlockEntry",
    {"id": F.ID, "kind": F.CODE, "hash": F.KEYED_HASH, "case_id": F.ID, "since": F.TIME},
    shredder="row deleted when the person ends the block",
    verifier="no row of the case left",
    term=_BLOCKS,
)
declare_store(
    "import folder",
    kind="export",
    place="the folder or manifest the operator names; never copied in clear",
    shredder="the controller's own; stated by the controller",
    verifier="stated by NAME, not checked",
    holds=("pictures", "addresses", "captions"),
    term=stays(
        "the controller's own folder: nothing of it is copied in clear, and its end is the "
        "controller's to state"
    ),
)
