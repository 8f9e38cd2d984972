"""What the trail keeps of the gallery: counts, codes and ids; nothing of a picture (R29)."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.audit.schema import Code, Count, Day, EventType, Flag, Id
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
    EventType("gallery.purposes_declared", {"purposes": Count()}, ("A-05",)),
    EventType("gallery.import_started", {"source": Id(), "seen": Count()}, ("A-11",)),
    EventType("gallery.batch_enrolled", {**_BATCH, "ordinal": Count(), **_RUN}, ("A-11",)),
    EventType("gallery.imported", {"seen": Count(), **_RUN}, ("A-11",)),
    EventType(
        "gallery.collection_stopped",
        {
            "reason": Code(),
            "source": Id(optional=True),
            "country": Code(optional=True),
            "language": Code(optional=True),
            "with_place": Flag(),
        },
        ("E-12",),
    ),
    EventType("gallery.collection_resumed", {}, ("E-12",)),
    EventType(
        "gallery.picture_replaced",
        {"replaced_by": Id(), "covered": Count(), "cut_again": Count()},
        ("A-15", "E-04"),
    ),
    EventType("gallery.facts_corrected", {"column": Code()}, ("E-01",)),
    EventType("gallery.picture_destroyed", {}, ("E-04", "L-10")),
    EventType("picture.put_aside", {"kind": Code()}, ("C-09",)),
    EventType("picture.aside_seen", {}, ("C-09",)),
    EventType("picture.aside_confirmed", {"kind": Code()}, ("C-09",)),
    EventType("picture.lower_proposed", {}, ("C-09",)),
    EventType("picture.aside_lowered", {}, ("C-09",)),
    EventType("picture.aside_reported", {"to": Code(), "on": Day()}, ("C-09",)),
    EventType("picture.aside_freed", {}, ("C-09",)),
    EventType("picture.aside_shown", {"way": Code(choices=("visit", "call"))}, ("C-09",)),
    EventType("picture.release_proposed", {}, ("C-09",)),
    EventType("picture.released", {}, ("C-09",)),
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
    EventType("statement.proposed", {}, ("A-17",)),
    EventType("statement.approved", {}, ("A-17", "G-01")),
    EventType("system.proposed", {}, ("L-14",)),
    EventType("system.approved", {}, ("L-14", "G-01")),
    EventType("system.ended", {}, ("L-14",)),
    EventType("recipient.channel_proposed", {"recipient": Id(), "way": Code()}, ("L-11", "E-06")),
    EventType("recipient.channel_approved", {"recipient": Id(), "way": Code()}, ("L-11", "E-06")),
    EventType("recipient.channel_rejected", {"recipient": Id(), "way": Code()}, ("L-11",)),
    EventType(
        "recipient.notice_prepared",
        {"recipient": Id(), "ground": Code(), "look_ups": Count()},
        ("L-11", "E-06"),
    ),
    EventType("recipient.notice_released", {"recipient": Id(), "way": Code()}, ("L-11", "E-06")),
    EventType(
        "recipient.told", {"recipient": Id(), "way": Code(), "round": Count()}, ("L-11", "E-06")
    ),
    EventType(
        "recipient.not_reached",
        {"recipient": Id(), "error": Code(), "round": Count()},
        ("L-11", "E-06"),
    ),
    EventType(
        "recipient.answered",
        {"recipient": Id(), "answer": Code(), "source": Code(choices=("call", "staff"))},
        ("L-11", "E-06"),
    ),
    EventType("recipient.excuse_proposed", {"recipient": Id()}, ("L-11", "E-06")),
    EventType("recipient.excused", {"recipient": Id()}, ("L-11", "E-06", "G-01")),
    EventType("copy.task_made", {}, ("E-07", "L-11")),
    EventType("copy.step_done", {"way": Code()}, ("E-07", "L-11")),
    EventType("copy.task_settled", {"result": Code()}, ("E-07", "L-11")),
    EventType("block.added", {"pages": Count(), "images": Count(), "files": Count()}, ("E-12",)),
    EventType("face_block.made", {"until": Day()}, ("E-12", "E-13")),
    EventType("face_block.ended", {"reason": Code()}, ("E-13", "L-13")),
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
sentences.register("gallery.facts_corrected", lambda p: _("The facts of a picture were corrected."))
sentences.register("picture.put_aside", lambda p: _("A picture was put aside."))
sentences.register(
    "picture.aside_seen", lambda p: _("A senior officer looked at what was put aside.")
)
sentences.register(
    "picture.aside_confirmed", lambda p: _("A senior officer confirmed what was put aside.")
)
sentences.register(
    "picture.lower_proposed",
    lambda p: _("That what was put aside shows no abuse of a child was proposed."),
)
sentences.register(
    "picture.aside_lowered",
    lambda p: _("Two persons said that what was put aside shows no abuse of a child."),
)
sentences.register("picture.aside_reported", lambda p: _("An authority was told of it."))
sentences.register("picture.aside_freed", lambda p: _("What was put aside may be erased."))
sentences.register("picture.aside_shown", lambda p: _("The person saw what was put aside."))
sentences.register(
    "picture.release_proposed", lambda p: _("Showing what was put aside again was proposed.")
)
sentences.register("picture.released", lambda p: _("Two persons released what was put aside."))
sentences.register("record.held", lambda p: _("A picture is held for this case."))
sentences.register("record.released", lambda p: _("A picture is no longer held for this case."))
sentences.register("record.restricted", lambda p: _("A picture was locked."))
sentences.register("record.restriction_lifted", lambda p: _("A picture was unlocked."))
sentences.register("record.erasing", lambda p: _("The erasure of a picture began."))
sentences.register("record.spared", lambda p: _("The erasure of a picture was stopped."))
sentences.register("record.erased", lambda p: _("A picture was erased."))
sentences.register(
    "statement.proposed", lambda p: _("A statement about query pictures was written down.")
)
sentences.register(
    "statement.approved", lambda p: _("A statement about query pictures came into force.")
)
sentences.register("system.proposed", lambda p: _("A system of the controller was proposed."))
sentences.register("system.approved", lambda p: _("A system of the controller was approved."))
sentences.register("system.ended", lambda p: _("A system of the controller lost its access."))
sentences.register(
    "recipient.channel_proposed", lambda p: _("An address of a recipient was proposed.")
)
sentences.register(
    "recipient.channel_approved", lambda p: _("An address of a recipient was approved.")
)
sentences.register(
    "recipient.channel_rejected", lambda p: _("An address of a recipient was rejected.")
)
sentences.register(
    "recipient.notice_prepared", lambda p: _("A notice to a recipient was prepared.")
)
sentences.register(
    "recipient.notice_released", lambda p: _("A notice to a recipient was released.")
)
sentences.register("recipient.told", lambda p: _("A recipient was told."))
sentences.register("recipient.not_reached", lambda p: _("A recipient could not be reached."))
sentences.register("recipient.answered", lambda p: _("A recipient's answer was recorded."))
sentences.register(
    "recipient.excuse_proposed", lambda p: _("Not telling a recipient was proposed, with a reason.")
)
sentences.register("recipient.excused", lambda p: _("Two persons decided not to tell a recipient."))
sentences.register("copy.task_made", lambda p: _("A task about a published copy was made."))
sentences.register("copy.step_done", lambda p: _("A step about a published copy was written down."))
sentences.register("copy.task_settled", lambda p: _("A task about a published copy was settled."))
sentences.register("block.added", lambda p: _("Addresses were blocked from collection."))
sentences.register("face_block.made", lambda p: _("A face code was kept for the face block."))
sentences.register("face_block.ended", lambda p: _("The face block ended."))
sentences.register("block.removed", lambda p: _("A block of collection ended."))
