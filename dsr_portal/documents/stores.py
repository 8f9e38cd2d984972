from dsr_portal.core.inventory import F, Term, declare_model, declare_store, with_process
from dsr_portal.documents import identity

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_PAPERS = Term(
    "as long as what it was made for",
    "the making",
    (
        "dsr_portal.disclosure.services.end_packages",
        "dsr_portal.cases.services.close_due",
        "dsr_portal.compliance.retention.sweep",
    ),
    stays=(
        "the row with its hash, by which a file that comes back is compared; certificates "
        "and audit reports, which are evidence and name nobody"
    ),
)

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
    term=_PAPERS,
)
declare_store(
    "typesetting",
    kind="memory",
    place="the process that makes a document, while it makes it",
    shredder="freed when the document is made",
    verifier="test: no file but two fonts is written while a document is made",
    term=with_process("until the document is made"),
)
declare_store(
    "typesetting fonts",
    kind="temporary folder",
    place="weasyprint-* in the folder for temporary files",
    shredder="removed when the process ends",
    verifier="test: it holds Source Sans Pro and nothing else",
    term=Term(
        "until the process ends",
        stays="the process removes it; the fonts are the program's, not about anybody",
    ),
)
