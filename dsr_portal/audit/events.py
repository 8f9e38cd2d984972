from dsr_portal.audit.links import RESTORED
from dsr_portal.audit.schema import Code, Count, EventType, Hash
from dsr_portal.core.registries import event_types

event_types.register(
    EventType(
        "audit.payloads_removed",
        {"reason": Code(), "removed": Count(), "first": Count(), "last": Count()},
        ("L-13", "L-23"),
        lasting=True,
    )
)
event_types.register(
    EventType(
        RESTORED,
        {
            "backup_number": Count(),
            "backup_hash": Hash(),
            "known_number": Count(),
            "known_hash": Hash(),
            "ledger_from": Count(),
            "ledger_to": Count(),
        },
        ("E-15", "L-20"),
        lasting=True,
    )
)
