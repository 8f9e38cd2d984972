from dsr_portal.audit.schema import Code, Count, EventType
from dsr_portal.core.registries import event_types

event_types.register(
    EventType("jobs.failed", {"kind": Code(), "error": Code(), "attempts": Count()})
)
event_types.register(EventType("jobs.requeued", {"kind": Code(), "error": Code(optional=True)}))
event_types.register(
    EventType("outbox.sent", {"kind": Code(), "transport": Code(), "attempts": Count()}, ("L-09",))
)
event_types.register(
    EventType("outbox.failed", {"kind": Code(), "error": Code(), "attempts": Count()}, ("L-09",))
)
