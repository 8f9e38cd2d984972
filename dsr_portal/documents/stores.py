from dsr_portal.core.inventory import F, declare_model, declare_store
from dsr_portal.documents import identity

identity.declare()

declare_model(
    "documents.Document",
    {
        "id": F.ID,
        "kind": F.CODE,
        "case_id": F.ID,
        "reference": F.CODE,
        "unit": F.VAULT,
        "sha256": F.HASH,
        "size": F.COUNT,
        "pages": F.COUNT,
        "language": F.CODE,
        "template": F.CONFIG,
        "template_version": F.HASH,
        "signer": F.HASH,
        "head_number": F.COUNT,
        "head_hash": F.HASH,
        "created_at": F.TIME,
    },
    shredder="vault.services.run_shred (the unit); the row stays as evidence",
    verifier="vault.services.unit_state",
)
declare_store(
    "typesetting",
    kind="memory",
    place="the process that makes a document, while it makes it",
    shredder="freed when the document is made",
    verifier="test: no file but two fonts is written while a document is made",
)
declare_store(
    "typesetting fonts",
    kind="temporary folder",
    place="weasyprint-* in the folder for temporary files",
    shredder="removed when the process ends",
    verifier="test: it holds Source Sans Pro and nothing else",
)
