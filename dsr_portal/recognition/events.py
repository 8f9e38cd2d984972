"""What the trail keeps of the index: counts and change numbers, never a template (L-21)."""

from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Number
from dsr_portal.core.registries import event_types, sentences

_COUNTS = {"shards": Count(), "rows": Count(), "change": Count()}

TYPES = (
    EventType("index.sealed", _COUNTS, ("L-04",)),
    EventType("index.rewritten", _COUNTS, ("E-04", "L-10")),
    EventType("index.recycled", {"change": Count()}, ("E-04", "L-10")),
    EventType(
        "index.model_published",
        {"number": Count(), "rows": Count(), "change": Count()},
        ("L-04", "L-15"),
    ),
    EventType(
        "index.damaged",
        {"shard": Count(), "part": Code(choices=("rows", "graph")), "reason": Code()},
        ("L-10",),
    ),
    EventType(
        "recognition.outgrown",
        {
            "version": Count(),
            "enrolled": Count(),
            "made_for": Count(),
            "strangers": Number(optional=True),
            "desk": Count(),
        },
        ("L-04", "L-15"),
    ),
    EventType("recognition.outgrown_settled", {"version": Count()}, ("L-04", "L-15")),
    EventType("index.rebuilt", {"shard": Count(), "rows": Count(), "change": Count()}, ("L-10",)),
)
for _type in TYPES:
    event_types.register(_type)

sentences.register("index.sealed", lambda p: _("New faces were written into the search index."))
sentences.register("index.rewritten", lambda p: _("The search index was written anew."))
sentences.register("index.recycled", lambda p: _("A search process gave up its memory."))
sentences.register(
    "index.damaged",
    lambda p: _("A file of the search index was found damaged and is made anew."),
)
sentences.register("index.rebuilt", lambda p: _("A part of the search index was made anew."))
sentences.register(
    "recognition.outgrown",
    lambda p: (
        _("The gallery has outgrown its thresholds: %(enrolled)s faces, measured for %(made_for)s.")
        % p
    ),
)
sentences.register(
    "recognition.outgrown_settled",
    lambda p: _("The notice that the gallery has outgrown its thresholds does not stand any more."),
)
sentences.register("index.model_published", lambda p: _("Searches use another model from now on."))
