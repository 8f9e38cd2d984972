from django.utils.translation import gettext_lazy as _

from dsr_portal.audit.schema import Code, Count, EventType, Flag, Hash, Id, Moment
from dsr_portal.core.registries import event_types, sentences

event_types.register(
    EventType(
        "vault.shredded",
        {
            "run_id": Id(),
            "units": Count(),
            "buckets": Count(),
            "ledger_number": Count(),
            "ledger_hash": Hash(),
        },
        ("E-04", "E-15"),
        lasting=True,
    ),
)
event_types.register(
    EventType(
        "backup.made",
        {
            "ends_at": Moment(),
            "ledger_number": Count(),
            "audit_number": Count(),
            "files": Count(),
            "bytes": Count(),
            "damaged": Count(),
        },
        ("E-15",),
    )
)
event_types.register(
    EventType(
        "backup.found",
        {"ends_at": Moment(), "ledger_number": Count(), "files": Count(), "bytes": Count()},
        ("E-15", "L-20"),
    )
)
event_types.register(EventType("backup.failed", {"reason": Code()}, ("E-15",)))
event_types.register(EventType("backup.removed", {"found": Flag()}, ("E-15", "L-13")))
event_types.register(
    EventType(
        "vault.ledger_trimmed",
        {"entries": Count(), "until": Count()},
        ("E-15", "L-13"),
        lasting=True,
    )
)
sentences.register(
    "vault.shredded",
    lambda payload: _("Keys of %(units)s stored items were destroyed.") % payload,
)
event_types.register(
    EventType("vault.rotation_begun", {"rotation_id": Id(), "buckets": Count()}, ("P-10",)),
)
event_types.register(
    EventType(
        "vault.rotated",
        {
            "rotation_id": Id(),
            "buckets": Count(),
            "ledger_number": Count(optional=True),
            "ledger_hash": Hash(optional=True),
        },
        ("P-10",),
    ),
)
event_types.register(
    EventType("vault.places_copied", {"places": Count(), "secrets": Count()}, ("P-10",)),
)
event_types.register(EventType("vault.secrets_made", {"secrets": Count()}, ("P-10",)))
sentences.register(
    "vault.rotation_begun",
    lambda payload: _("Replacing %(buckets)s keys of the key place was begun.") % payload,
)
sentences.register(
    "vault.rotated",
    lambda payload: _("%(buckets)s keys of the key place were replaced.") % payload,
)
sentences.register(
    "vault.places_copied",
    lambda payload: _("%(places)s key places and %(secrets)s secrets were copied again.") % payload,
)
sentences.register(
    "vault.secrets_made",
    lambda payload: _("%(secrets)s lasting secrets were made.") % payload,
)
