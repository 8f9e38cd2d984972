from django.utils.translation import gettext_lazy as _

from dsr_portal.audit.schema import Count, EventType, Hash, Id
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
    ),
)
sentences.register(
    "vault.shredded",
    lambda payload: _("Keys of %(units)s stored items were destroyed.") % payload,
)
