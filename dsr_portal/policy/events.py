from django.utils.translation import gettext as _

from dsr_portal.audit.schema import Code, Count, EventType, Number
from dsr_portal.core.registries import event_types, sentences

event_types.register(
    EventType(
        "policy.proposed", {"setting": Code(), "version": Count(), "value": Number()}, ("L-15",)
    )
)
event_types.register(
    EventType("policy.approved", {"setting": Code(), "version": Count()}, ("L-15", "G-01"))
)
sentences.register("policy.proposed", lambda p: _("A change of a setting was proposed."))
sentences.register("policy.approved", lambda p: _("A change of a setting was approved."))
