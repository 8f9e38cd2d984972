"""What recognition keeps, and where templates are outside tables (law A-02, A-17)."""

from dsr_portal.core.inventory import F, Term, declare_model, declare_store, stays, with_process
from dsr_portal.vault import lasting

# How long: the terms of the tables and stores below (law L-23, X-10; docs/retention.md).
_MODEL = stays("configuration: which model made the templates, and how far the index has followed")
_TEMPLATES = Term(
    "as the picture in the gallery; a person's wish ends it sooner",
    "the import",
    ("dsr_portal.recognition.jobs.erase",),
    stays="ids and numbers by which processes follow what was erased",
)
_CHANGES = stays("ids and numbers only: a process that comes back learns by them what to drop")
_HOLDERS = Term(
    "30 days",
    "its process was last heard of, once it was seen gone",
    ("dsr_portal.recognition.processes.end_gone",),
)
_GROUPS = Term(
    "minutes: until whoever asked has the answer, or the case ends",
    "the question",
    ("dsr_portal.recognition.group_search.forget",),
)
_NOTICES = stays("counts and times: evidence of when the gallery outgrew its calibration")

# The secret turn of every template (R32), made at set-up with the other lasting secrets.
lasting.declare("template-turn")
lasting.declare("blocked-face-turn")

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
    term=_MODEL,
)
declare_model("recognition.ChangeHead", {"id": F.ID, "number": F.COUNT}, term=_MODEL)
declare_model(
    "recognition.Change",
    {"id": F.ID, "number": F.COUNT, "kind": F.CODE, "record_id": F.ID, "at": F.TIME},
    term=_CHANGES,
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
    term=_TEMPLATES,
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
    term=_TEMPLATES,
)
declare_model(
    "recognition.Holder",
    {
        "id": F.ID,
        "host": F.CONFIG,
        "pid": F.CONFIG,
        "process_started": F.CONFIG,
        "group": F.CONFIG,
        "started_at": F.TIME,
        "applied_change": F.COUNT,
        "loaded_change": F.COUNT,
        "lease_until": F.TIME,
        "state": F.STATE,
    },
    term=_HOLDERS,
)
declare_model(
    "recognition.GroupSearch",
    {
        "id": F.ID,
        "key": F.ID,
        "pictures": F.ID,
        "confirmed": F.ID,
        "threshold": F.COUNT,
        "nearest": F.COUNT,
        "state": F.STATE,
        "round": F.COUNT,
        "then_kind": F.CODE,
        "then_subject": F.ID,
        "asked_at": F.TIME,
        "finished_at": F.TIME,
    },
    shredder="deleted with its parts and hits when whoever asked has taken the answer",
    verifier="no row is left under the key",
    term=_GROUPS,
)
declare_model(
    "recognition.GroupPart",
    {
        "id": F.ID,
        "search": F.ID,
        "group": F.CONFIG,
        "round": F.COUNT,
        "done": F.STATE,
        "layout": F.HASH,
        "model": F.ID,
        "compared": F.COUNT,
        "enrolled": F.COUNT,
        "found_by_graph": F.COUNT,
        "added_by_sweep": F.COUNT,
        "swept_only": F.COUNT,
        "applied_change": F.COUNT,
        "milliseconds": F.COUNT,
    },
    term=_GROUPS,
)
declare_model(
    "recognition.GroupHit",
    {
        "id": F.ID,
        "part": F.ID,
        "record_id": F.ID,
        "score": F.COUNT,
        "found_by": F.CODE,
        "below": F.STATE,
    },
    term=_GROUPS,
)
declare_model(
    "recognition.GalleryNotice",
    {
        "id": F.ID,
        "version": F.COUNT,
        "enrolled": F.COUNT,
        "made_for": F.COUNT,
        "strangers": F.COUNT,
        "desk": F.COUNT,
        "raised_at": F.TIME,
        "settled_at": F.TIME,
    },
    term=_NOTICES,
)
declare_store(
    "search memory",
    kind="index",
    place="memory of the processes of queue search: template rows and hnswlib graphs",
    shredder="rows overwritten, graphs dropped, process recycled",
    verifier="applied change number of every holder; byte scan of the process's memory",
    holds=("templates", "record ids"),
    term=with_process("as the template; then it is overwritten or the process ends"),
)
declare_store(
    "grouping memory",
    kind="memory",
    place="memory of a compare page, and of the child that groups its candidates, while it is made",
    shredder="the joined templates are overwritten, the child ends with its answer",
    verifier="process seen gone; copies in the page's process are freed, not overwritten",
    holds=("templates",),
    term=with_process("the page"),
)
declare_store(
    "enrolment memory",
    kind="memory",
    place="memory of an import while it runs",
    shredder="ends with the process of the import",
    verifier="process seen gone",
    holds=("pictures", "templates"),
    term=with_process("the import"),
)
