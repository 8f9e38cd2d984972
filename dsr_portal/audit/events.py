from dsr_portal.audit.schema import Code, Count, EventType
from dsr_portal.core.registries import event_types

event_types.register(
    EventType(
        "audit.payloads_removed",
        {"reason": Code(), "removed": Count(), "first": Count(), "last": Count()},
        ("L-13", "L-23"),
    )
)
