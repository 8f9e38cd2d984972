"""What of this room's keeps a request past its days (`cases.keeping`, law L-23)."""

from django.utils.translation import gettext as _

from dsr_portal.cases.keeping import Keeper, keepers
from dsr_portal.compliance import retention

keepers.register(
    "compliance.breach",
    Keeper(retention.breached_cases, lambda: _("A breach about it is open.")),
)
keepers.register(
    "compliance.order",
    Keeper(retention.ordered_cases, lambda: _("An open order names it.")),
)
keepers.register(
    "compliance.inspection",
    Keeper(
        lambda: None if retention.inspected() else (),
        lambda: _("An authority inspects."),
    ),
)
