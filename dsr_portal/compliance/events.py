from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, Day, EventType, Flag, Hash, Id, Many
from dsr_portal.core.registries import event_types, sentences

for _type in (
    EventType("oversight.granted", {"authority": Code(), "until": Day()}, ("L-17", "O-06")),
    EventType("oversight.viewed", {"authority": Code(), "what": Code()}, ("L-14", "O-06")),
    EventType("oversight.report_requested", {"authority": Code()}, ("L-17",)),
    EventType(
        "oversight.report_made",
        {
            "document_id": Id(),
            "sha256": Hash(),
            "trail_verified": Flag(),
            "first_broken": Count(optional=True),
            "missing": Many(Code(), most=14),
        },
        ("L-17", "L-25"),
    ),
    EventType("oversight.report_failed", {"reason": Code()}, ("L-17",)),
    EventType("collection.lift_proposed", {}, ("L-15", "G-01")),
    EventType("collection.lift_turned_down", {}, ("L-15", "G-01")),
):
    event_types.register(_type)

sentences.register(
    "oversight.granted",
    lambda p: _("The case was opened to the authority %(code)s.") % {"code": p["authority"]},
)
sentences.register("oversight.viewed", lambda p: _("An authority looked at the case."))
sentences.register("oversight.report_requested", lambda p: _("An audit report was asked for."))
sentences.register("oversight.report_made", lambda p: _("An audit report was made."))
sentences.register("oversight.report_failed", lambda p: _("An audit report could not be made."))
