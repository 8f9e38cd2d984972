"""What the trail keeps of the index: counts and change numbers, never a template (L-21)."""

from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Count, EventType
from dsr_portal.core.registries import event_types, sentences

_COUNTS = {"shards": Count(), "rows": Count(), "change": Count()}

TYPES = (
    EventType("index.sealed", _COUNTS, ("L-04",)),
    EventType("index.rewritten", _COUNTS, ("E-04", "L-10")),
    EventType("index.recycled", {"change": Count()}, ("E-04", "L-10")),
)
for _type in TYPES:
    event_types.register(_type)

sentences.register("index.sealed", lambda p: _("New faces were written into the search index."))
sentences.register("index.rewritten", lambda p: _("The search index was written anew."))
sentences.register("index.recycled", lambda p: _("A search process gave up its memory."))
