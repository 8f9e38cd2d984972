from dsr_portal.core.inventory import F, Term, declare_model, declare_store

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_PACKAGES = Term(
    "30 days by default (package_days)",
    "the day the answer left; a request taken back: at once",
    (
        "dsr_portal.disclosure.services.end_packages",
        "dsr_portal.disclosure.services.shred_package",
    ),
    stays=(
        "dates, counts, ids of records and hashes of what was handed over: evidence of the answer"
    ),
)

declare_model(
    "disclosure.Answer",
    {
        "id": F.ID,
        "case": F.ID,
        "search": F.ID,
        "kind": F.CODE,
        "state": F.STATE,
        "document_id": F.ID,
        "package_unit": F.VAULT,
        "package_sha256": F.HASH,
        "package_size": F.COUNT,
        "delivery_id": F.ID,
        "frozen_at": F.TIME,
        "prepared_by": F.STAFF,
        "approved_by": F.STAFF,
        "approved_at": F.TIME,
        "error_code": F.CODE,
        "reasons": F.CODE,
        "reason_field": F.VAULT,
    },
    shredder="disclosure.shred_package (document and package go with their vault units)",
    verifier="vault: state of the units",
    term=_PACKAGES,
)
declare_model(
    "disclosure.AnswerRecord",
    {"id": F.ID, "answer": F.ID, "record": F.ID, "ordinal": F.COUNT, "covered": F.COUNT},
    term=_PACKAGES,
)
declare_store(
    "answer packages",
    kind="vault",
    place="vault units of kind document: letter, pictures with covered faces, data.json",
    shredder="disclosure.end_packages (package_days after the answer left); the units' keys go",
    verifier="vault: state of the units; PENDING on a certificate until their own end (R4)",
    holds=("pictures", "templates", "facts", "recipients"),
    term=_PACKAGES,
)
