"""What the trail keeps of the gallery: counts, codes and ids; nothing of a picture (R29)."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import Code, Count, Day, EventType, Id
from dsr_portal.core.registries import event_types, sentences

_RUN = {
    "imported": Count(),
    "duplicates": Count(),
    "unreadable": Count(),
    "faceless": Count(),
    "refused": Count(),
    "faces": Count(),
}
_BATCH = {"run": Id(), "first_change": Count(), "last_change": Count()}

TYPES = (
    EventType("gallery.source_declared", {"basis": Code(choices=("stated", "none"))}, ("A-11",)),
    EventType("gallery.import_started", {"source": Id(), "seen": Count()}, ("A-11",)),
    EventType("gallery.batch_enrolled", {**_BATCH, "ordinal": Count(), **_RUN}, ("A-11",)),
    EventType("gallery.imported", {"seen": Count(), **_RUN}, ("A-11",)),
    EventType("gallery.collection_stopped", {"reason": Code()}, ("E-12",)),
    EventType("gallery.collection_resumed", {}, ("E-12",)),
    EventType(
        "gallery.picture_replaced", {"replaced_by": Id(), "covered": Count()}, ("A-15", "E-04")
    ),
    EventType("gallery.picture_destroyed", {}, ("E-04", "L-10")),
    EventType("record.held", {}, ("A-16",)),
    EventType("record.released", {}, ("A-16",)),
    EventType("record.restricted", {"reason": Code(), "change": Count()}, ("E-08",)),
    EventType("record.restriction_lifted", {"reason": Code(), "change": Count()}, ("E-08",)),
    EventType("record.erasing", {}, ("E-04", "L-10")),
    EventType("record.spared", {}, ("E-01", "L-10")),
    EventType("record.erased", {}, ("E-04", "L-10")),
    EventType(
        "lookups.recorded",
        {"rows": Count(), "unmatched": Count(), "covers_from": Day(), "covers_to": Day()},
        ("A-07", "A-14"),
    ),
    EventType("block.added", {"pages": Count(), "images": Count(), "files": Count()}, ("E-12",)),
    EventType("block.removed", {"entries": Count()}, ("E-13",)),
)
for _type in TYPES:
    event_types.register(_type)

sentences.register(
    "gallery.batch_enrolled",
    lambda p: (
        ngettext("%(faces)s face was enrolled.", "%(faces)s faces were enrolled.", p["faces"])
        % {"faces": p["faces"]}
    ),
)
sentences.register("record.held", lambda p: _("A picture is held for this case."))
sentences.register("record.released", lambda p: _("A picture is no longer held for this case."))
sentences.register("record.restricted", lambda p: _("A picture was locked."))
sentences.register("record.restriction_lifted", lambda p: _("A picture was unlocked."))
sentences.register("record.erasing", lambda p: _("The erasure of a picture began."))
sentences.register("record.spared", lambda p: _("The erasure of a picture was stopped."))
sentences.register("record.erased", lambda p: _("A picture was erased."))
sentences.register("block.added", lambda p: _("Addresses were blocked from collection."))
sentences.register("block.removed", lambda p: _("A block of collection ended."))
