"""What the data protection officers are told: every change of who may do what (R19)."""

from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.accounts.models import Role, Staff, StaffProposal
from dsr_portal.accounts.services import NOTICE
from dsr_portal.core.registries import Mail, MailAbout, Reader, register_mail

ABOUT = MailAbout(
    Reader.STAFF,
    gettext_lazy("A staff account was changed: %(number)s"),
    "two persons changed who may do what; to every data protection officer",
    "speak to the accountable director if it looks wrong",
    links=0,
)


class ChangeNotice:
    """One mail per approved proposal, to every data protection officer."""

    def render(self, subject_id: UUID) -> Mail:
        row = StaffProposal.objects.select_related("proposed_by", "decided_by").get(pk=subject_id)
        officers = Staff.objects.filter(role=Role.DPO, is_active=True)
        text = _(
            "%(what)s: staff number %(number)s.\n"
            "Proposed by %(first)s, approved by %(second)s.\n"
            "You need not do anything. If this looks wrong, speak to the accountable director."
        ) % {
            "what": row.get_kind_display(),
            "number": row.staff_no,
            "first": row.proposed_by,
            "second": row.decided_by,
        }
        return Mail(
            to=", ".join(officers.values_list("email", flat=True)),
            subject=str(ABOUT.subject) % {"number": row.staff_no},
            text=text,
        )


register_mail(NOTICE, ChangeNotice(), ABOUT)
