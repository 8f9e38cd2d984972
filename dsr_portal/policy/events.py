from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Number
from dsr_portal.core.registries import event_types, sentences

event_types.register(
    EventType(
        "policy.proposed",
        {"setting": Code(), "version": Count(), "value": Number(), "old": Number()},
        ("L-15",),
    )
)
event_types.register(
    EventType("policy.advised", {"setting": Code(), "version": Count()}, ("G-02", "G-04"))
)
event_types.register(
    EventType("policy.rejected", {"setting": Code(), "version": Count()}, ("L-15",))
)
event_types.register(
    EventType("policy.approved", {"setting": Code(), "version": Count()}, ("L-15", "G-01"))
)
sentences.register("policy.proposed", lambda p: _("A change of a setting was proposed."))
sentences.register("policy.approved", lambda p: _("A change of a setting was approved."))
sentences.register("policy.advised", lambda p: _("The data protection officer gave advice."))
sentences.register("policy.rejected", lambda p: _("A change of a setting was rejected."))
