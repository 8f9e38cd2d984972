"""What recognition keeps, and where templates are outside tables (law A-02, A-17)."""

from dsr_portal.core.inventory import F, declare_model, declare_store
from dsr_portal.vault import lasting

# The secret turn of every template (R32), made at set-up with the other lasting secrets.
lasting.declare("template-turn")

declare_model(
    "recognition.ModelVersion",
    {
        "id": F.ID,
        "name": F.CONFIG,
        "weights_sha256": F.HASH,
        "alignment_version": F.CONFIG,
        "mean_face_sha256": F.HASH,
        "dimensions": F.COUNT,
        "active": F.STATE,
        "created_at": F.TIME,
    },
)
declare_model("recognition.ChangeHead", {"id": F.ID, "number": F.COUNT})
declare_model(
    "recognition.Change",
    {"id": F.ID, "number": F.COUNT, "kind": F.CODE, "record_id": F.ID, "at": F.TIME},
)
declare_model(
    "recognition.Shard",
    {
        "id": F.ID,
        "number": F.COUNT,
        "model": F.ID,
        "unit": F.VAULT,
        "rows": F.COUNT,
        "live_rows": F.COUNT,
        "sealed_at": F.TIME,
        "rewritten_change": F.COUNT,
    },
    shredder="rewrite without the erased rows under a new key, old unit shredded",
    verifier="absent(): every row of the rewritten shard compared; byte scan of the files",
)
declare_model(
    "recognition.Template",
    {
        "id": F.ID,
        "record_id": F.ID,
        "model": F.ID,
        "unit": F.VAULT,
        "change_number": F.COUNT,
        "shard": F.ID,
        "erased_change": F.COUNT,
    },
    shredder="vault: the enrolled face's unit",
    verifier="vault: state of the unit",
)
declare_model(
    "recognition.Holder",
    {
        "id": F.ID,
        "host": F.CONFIG,
        "pid": F.CONFIG,
        "process_started": F.CONFIG,
        "started_at": F.TIME,
        "applied_change": F.COUNT,
        "loaded_change": F.COUNT,
        "lease_until": F.TIME,
        "state": F.STATE,
    },
)
declare_store(
    "search memory",
    kind="index",
    place="memory of the processes of queue search: template rows and hnswlib graphs",
    shredder="rows overwritten, graphs dropped, process recycled",
    verifier="applied change number of every holder; byte scan of the process's memory",
    holds=("templates", "record ids"),
)
declare_store(
    "enrolment memory",
    kind="memory",
    place="memory of an import while it runs",
    shredder="ends with the process of the import",
    verifier="process seen gone",
    holds=("pictures", "templates"),
)
