"""What the data protection officers are told of collection: that a stop was lifted (R19)."""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.compliance import collection
from dsr_portal.compliance.models import StopLift
from dsr_portal.core.registries import Mail, senders


class LiftNotice:
    """One mail for each stop that two persons lifted, to every data protection officer."""

    def render(self, subject_id: UUID) -> Mail:
        row = StopLift.objects.select_related("stop__source").get(pk=subject_id)
        officers = Staff.objects.filter(role=Role.DPO, is_active=True)
        text = _(
            "Collected again: %(what)s.\n"
            "Proposed by %(first)s, agreed to by %(second)s.\n"
            "You need not do anything. If this looks wrong, speak to the accountable director."
        ) % {
            "what": collection.words_of(row.stop),
            "first": row.proposed_by,
            "second": row.decided_by,
        }
        return Mail(
            to=", ".join(officers.values_list("email", flat=True)),
            subject=_("A stop of collection was lifted"),
            text=text,
        )


senders.register(collection.LIFTED, LiftNotice())
