"""What erasure keeps: ids, times, states, counts; and the stores it looks into (law A-17, R30)."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays, with_process
from dsr_portal.erasure import signed

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_KITS = Term(
    "24 hours at most",
    "the making of the patterns; sooner when the checks are done",
    ("dsr_portal.erasure.services.expire_kits",),
    stays="dates, ids, states and counts: evidence that it was erased (Art. 17, 5(2))",
)
_EVIDENCE = stays("dates, ids, states and counts: evidence that it was erased (Art. 17, 5(2))")
_WORDS = Term(
    "as the file of its case",
    "the answer",
    ("dsr_portal.cases.services.close_due",),
    stays="the ground as a code and who decided",
)

signed.declare()

declare_model(
    "erasure.Plan",
    {
        "id": F.ID,
        "case": F.ID,
        "state": F.STATE,
        "frozen_at": F.TIME,
        "hold_until": F.TIME,
        "requested_by": F.STAFF,
        "requester_role": F.CODE,
        "own": F.STATE,
        "approver": F.STAFF,
        "approver_role": F.CODE,
        "waits_for": F.CODE,
        "change_number": F.COUNT,
        "duplicates_looked_at": F.TIME,
        "duplicates_examined": F.COUNT,
        "kit_unit": F.VAULT,
        "kit_until": F.TIME,
        "document_id": F.ID,
        "delivery_id": F.ID,
        "started_at": F.TIME,
        "verified_at": F.TIME,
        "done_at": F.TIME,
        "stopped_at": F.TIME,
        "stopped_by": F.STAFF,
    },
    shredder="vault: the kit's key is destroyed after the checks, at the latest after 24 hours",
    verifier="vault: state of the unit",
    term=_KITS,
)
declare_model(
    "erasure.OrderedErasure",
    {
        "id": F.ID,
        "case": F.ID,
        "order_id": F.ID,
        "authority_code": F.CODE,
        "since": F.TIME,
        "ended_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "erasure.Ground",
    {
        "id": F.ID,
        "case": F.ID,
        "plan": F.ID,
        "ground": F.CODE,
        "why": F.CODE,
        "field": F.VAULT,
        "by_rule": F.STATE,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
    },
    shredder="vault: the words lie in the case file and go with its key",
    verifier="vault: state of the unit",
    term=_WORDS,
)
declare_model(
    "erasure.PlanRecord",
    {
        "id": F.ID,
        "plan": F.ID,
        "record": F.ID,
        "picture": F.CODE,
        "by_rule": F.STATE,
        "decided_by": F.STAFF,
        "decided_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "erasure.Duplicate",
    {
        "id": F.ID,
        "plan": F.ID,
        "image": F.ID,
        "of_image": F.ID,
        "exact": F.STATE,
        "first_officer": F.STAFF,
        "first_verdict": F.CODE,
        "first_record": F.ID,
        "second_officer": F.STAFF,
        "second_verdict": F.CODE,
        "second_record": F.ID,
        "supervisor": F.STAFF,
        "verdict": F.CODE,
        "record_id": F.ID,
        "decided_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "erasure.PlanUnit",
    {"id": F.ID, "plan": F.ID, "unit": F.VAULT, "bucket": F.ID, "holds": F.CODE},
    shredder="vault: these are the units the plan destroys",
    verifier="vault: state of the unit; the key holder does not know the bucket",
    term=_EVIDENCE,
)
declare_model(
    "erasure.Step",
    {
        "id": F.ID,
        "plan": F.ID,
        "ordinal": F.COUNT,
        "store": F.CODE,
        "action": F.CODE,
        "subject": F.ID,
        "state": F.STATE,
        "attempts": F.COUNT,
        "started_at": F.TIME,
        "finished_at": F.TIME,
        "result": F.COUNT,
    },
    term=_EVIDENCE,
)
declare_model(
    "erasure.Verification",
    {
        "id": F.ID,
        "plan": F.ID,
        "store": F.CODE,
        "state": F.STATE,
        "method": F.CODE,
        "examined": F.COUNT,
        "found": F.COUNT,
        "canary_found": F.STATE,
        "until": F.TIME,
        "checked_at": F.TIME,
    },
    term=_EVIDENCE,
)
_RETIRED = stays("ids, days and counts: evidence that what was past its term went (Art. 5(2))")
declare_model(
    "erasure.Retirement",
    {
        "id": F.ID,
        "source": F.ID,
        "state": F.STATE,
        "days": F.COUNT,
        "term_version": F.COUNT,
        "pictures": F.COUNT,
        "records": F.COUNT,
        "change_number": F.COUNT,
        "began_at": F.TIME,
        "checked_at": F.TIME,
    },
    term=_RETIRED,
)
declare_model(
    "erasure.RetiredPicture",
    {"id": F.ID, "retirement": F.ID, "image": F.ID},
    term=_RETIRED,
)
declare_model(
    "erasure.RetiredUnit",
    {"id": F.ID, "retirement": F.ID, "unit": F.ID, "bucket": F.ID},
    term=_RETIRED,
)
declare_store(
    "erasure canary",
    kind="file",
    place="erasure-canary.* in every folder that is scanned: random bytes that prove it is read",
    shredder="removed by the run that wrote it",
    verifier="the scan of files, which must find it",
    term=Term("the run that wrote it", stays="the run removes it itself"),
)
declare_store(
    "looks of pictures",
    kind="memory",
    place="the search process, while copies of a plan's pictures are looked for",
    shredder="dropped after the comparison; the process ends with the erasure",
    verifier="test: no row and no file has one",
    term=with_process("the comparison"),
)
declare_store(
    "memory of other processes",
    kind="memory",
    place="web sites, beat, light workers: pictures of a page or letter while it is made",
    shredder="ends with the request, or with the process",
    verifier="not tested: only search processes are scanned",
    holds=("pictures", "crops"),
    term=with_process("the request or the piece of work"),
)
