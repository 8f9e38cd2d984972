from dsr_portal.core.inventory import F, declare_model

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
    },
    shredder="disclosure.shred_package (document and package go with their vault units)",
)
declare_model(
    "disclosure.AnswerRecord",
    {"id": F.ID, "answer": F.ID, "record": F.ID, "ordinal": F.COUNT, "covered": F.COUNT},
)
