from dsr_portal.core.inventory import F, Term, declare_model, stays

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_EVIDENCE = stays(
    "evidence of what was decided, told or reported, by whom and when (Art. 5(2), 30, "
    "33(5)); no name of who asked"
)
_ORDERS = Term(
    "3 years by default (order_years), longer where a state needs it",
    "the last of: complied with, ended, confirmed; never while it is open or an authority inspects",
    ("dsr_portal.compliance.retention.sweep",),
    stays="dates, codes, counts and who decided",
)
_BREACHES = Term(
    "3 years by default (breach_years), longer where a state needs it",
    "the closing; never while it is open or an authority inspects",
    ("dsr_portal.compliance.retention.sweep",),
    stays="dates, codes, counts and who decided: the register of Art. 33(5)",
)

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
    term=_EVIDENCE,
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
    term=_EVIDENCE,
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
    term=_EVIDENCE,
)
# What an order or breach says may name persons, so it lies in a unit and goes with its end. Dates,
# codes, counts, ids and who decided stay.
_KEPT = "compliance.retention: the unit after its term"
declare_model(
    "compliance.Order",
    {
        "id": F.ID,
        "authority_code": F.CODE,
        "reference": F.STAFF,
        "basis": F.CODE,
        "served_on": F.TIME,
        "due_on": F.TIME,
        "penalty": F.CODE,
        "penalty_amount": F.CONFIG,
        "penalty_cap": F.CONFIG,
        "currency": F.CODE,
        "owner": F.STAFF,
        "unit": F.VAULT,
        "state": F.STATE,
        "entered_by": F.STAFF,
        "entered_at": F.TIME,
        "checked_at": F.TIME,
        "complied_by": F.STAFF,
        "complied_at": F.TIME,
        "acknowledged_on": F.TIME,
        "court": F.PUBLIC,
        "court_reference": F.PUBLIC,
        "suspensive": F.STATE,
        "ended_by_decision": F.PUBLIC,
        "ended_at": F.TIME,
        "destroyed_at": F.TIME,
    },
    shredder=_KEPT,
    term=_ORDERS,
)
declare_model(
    "compliance.OrderAlarm",
    {
        "id": F.ID,
        "order": F.ID,
        "code": F.CODE,
        "to": F.STAFF,
        "raised_at": F.TIME,
        "settled_at": F.TIME,
    },
    term=Term(
        "as long as the words of its order",
        "the end of the order",
        ("dsr_portal.compliance.retention.sweep",),
    ),
)
declare_model(
    "compliance.Measure",
    {
        "id": F.ID,
        "order": F.ID,
        "kind": F.CODE,
        "field": F.VAULT,
        "country": F.CODE,
        "language": F.CODE,
        "with_place": F.STATE,
        "signed_by": F.STAFF,
        "signed_at": F.TIME,
        "stop": F.ID,
        "stated_by": F.STAFF,
        "stated_at": F.TIME,
        "checked_at": F.TIME,
        "passes": F.STATE,
        "left": F.COUNT,
        "added_at": F.TIME,
    },
    shredder=_KEPT,
    term=_ORDERS,
)
declare_model(
    "compliance.MeasureCase",
    {"id": F.ID, "measure": F.ID, "case": F.ID},
    shredder=_KEPT,
    term=_ORDERS,
)
declare_model(
    "compliance.Breach",
    {
        "id": F.ID,
        "kind": F.CODE,
        "case": F.ID,
        "aware_at": F.TIME,
        "opened_by": F.STAFF,
        "opened_at": F.TIME,
        "write_by": F.TIME,
        "unit": F.VAULT,
        "described_at": F.TIME,
        "people": F.COUNT,
        "records": F.COUNT,
        "authority_code": F.CODE,
        "document_id": F.ID,
        "notified_at": F.TIME,
        "notified_by": F.STAFF,
        "closed_at": F.TIME,
        "closed_by": F.STAFF,
        "destroyed_at": F.TIME,
    },
    shredder=_KEPT,
    term=_BREACHES,
)
declare_model(
    "compliance.BreachDecision",
    {
        "id": F.ID,
        "breach": F.ID,
        "what": F.CODE,
        "field": F.VAULT,
        "proposed_by": F.STAFF,
        "proposed_at": F.TIME,
        "agreed_by": F.STAFF,
        "agreed_at": F.TIME,
        "refused_by": F.STAFF,
        "refused_at": F.TIME,
        "refusal_field": F.VAULT,
    },
    shredder=_KEPT,
    term=_BREACHES,
)
declare_model(
    "compliance.BreachLetter",
    {"id": F.ID, "breach": F.ID, "case": F.ID, "letter": F.ID},
    shredder=_KEPT,
    term=_BREACHES,
)
declare_model(
    "compliance.BreachNotice", {"id": F.ID, "breach": F.ID, "document_id": F.ID}, term=_BREACHES
)
declare_model(
    "compliance.Accountable",
    {
        "id": F.ID,
        "duty": F.CODE,
        "staff_no": F.STAFF,
        "stands_in": F.STATE,
        "from_on": F.TIME,
        "until_on": F.TIME,
        "named_by": F.STAFF,
        "named_at": F.TIME,
        "agreed_by": F.STAFF,
        "agreed_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "compliance.DirectorPage",
    {
        "id": F.ID,
        "kind": F.CODE,
        "about": F.CODE,
        "to": F.STAFF,
        "facts": F.CONFIG,
        "served_at": F.TIME,
        "read_at": F.TIME,
        "answered_at": F.TIME,
        "acts": F.STATE,
        "words": F.STAFF,
        "who": F.STAFF,
        "by": F.TIME,
        "times": F.COUNT,
        "served_again_at": F.TIME,
        "settled_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "compliance.BoardReport",
    {
        "id": F.ID,
        "month": F.TIME,
        "queued_at": F.TIME,
        "document_id": F.ID,
        "made_at": F.TIME,
    },
    shredder="none: figures and references, kept as evidence",
    term=_EVIDENCE,
)
declare_model(
    "compliance.InspectionHold",
    {
        "id": F.ID,
        "authority_code": F.CODE,
        "reference": F.STAFF,
        "pictures": F.ID,
        "since": F.TIME,
        "placed_by": F.STAFF,
        "end_proposed_by": F.STAFF,
        "end_proposed_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "compliance.BanStatement",
    {
        "id": F.ID,
        "stopped_on": F.TIME,
        "proof": F.STAFF,
        "written_by": F.STAFF,
        "written_at": F.TIME,
        "signed_by": F.STAFF,
        "signed_at": F.TIME,
    },
    term=_EVIDENCE,
)
declare_model(
    "compliance.Processor",
    {
        "id": F.ID,
        "name": F.COMPANY,
        "role": F.CODE,
        "hosts": F.CONFIG,
        "country": F.CODE,
        "contract_on": F.TIME,
        "terms": F.COMPANY,
        "safeguard": F.COMPANY,
        "entered_by": F.STAFF,
        "entered_at": F.TIME,
        "ended_by": F.STAFF,
        "ended_at": F.TIME,
    },
    term=_EVIDENCE,
)
