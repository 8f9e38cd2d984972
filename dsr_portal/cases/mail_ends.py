"""A mail of ours that did not arrive: returned by another server, or refused by our relay (T-11).

The desk gets a flag, the person a line on the page of the request: what the mail was about stands
there whatever became of it. Nothing here says to which address, or why.
"""

from dataclasses import dataclass
from uuid import UUID

from dsr_portal.audit.services import record
from dsr_portal.cases.address_models import AddressChange
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.mandate_models import Invitation, Mandate
from dsr_portal.cases.models import Case, Delivery, Escalation, MailCode, Status
from dsr_portal.cases.paper_models import PaperNotice, PaperReturn
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import Reader
from dsr_portal.jobs.mail import NOT_TAKEN

BOUNCED = "mail_bounced"
"""No mail reaches the person: whoever has the case looks for another way."""
REPRESENTATIVE_BOUNCED = "representative_mail_bounced"
ALARM_LOST = "alarm_mail_failed"
"""A colleague was not told by mail; the alarm itself stands at the desk."""

_FLAGS = {
    Reader.PERSON: BOUNCED,
    Reader.REPRESENTATIVE: REPRESENTATIVE_BOUNCED,
    Reader.STAFF: ALARM_LOST,
}
_OF_A_CASE = (Delivery, MailCode, PaperNotice, AddressChange, Invitation, Mandate, Escalation)
_OUTBOX = Actor.system("outbox")


@dataclass(frozen=True, slots=True)
class MailEnd:
    """How the sending of one kind of mail ended, told by the outbox in its transaction."""

    to: Reader

    def __call__(self, *, subject_id: UUID, sent: bool, code: str) -> None:
        if sent or code not in NOT_TAKEN:
            return
        for case_id in _cases_of(subject_id):
            note(case_id=case_id, to=self.to, actor=_OUTBOX)


def note(*, case_id: UUID, to: Reader, actor: Actor) -> None:
    """Raise the flag, in the caller's unit of work; the person's own mails are in the trail, too,
    from which their page has its line."""
    if to is Reader.PERSON:
        record("mail.bounced", actor=actor, case_id=case_id)
    raise_flag(case_id=case_id, code=_FLAGS[to], actor=actor)


def _cases_of(subject_id: UUID) -> list[UUID]:
    """The cases a mail was about, but for those of which nothing is kept any more.

    A link to an account is about none, a receipt for a list about each of it.
    """
    found = {
        case_id
        for model in _OF_A_CASE
        for case_id in model.objects.filter(id=subject_id).values_list("case_id", flat=True)
    }
    found |= set(Mandate.objects.filter(batch=subject_id).values_list("case_id", flat=True))
    returned = PaperReturn.objects.filter(id=subject_id)
    found |= set(returned.values_list("delivery__case_id", flat=True))
    standing = Case.objects.exclude(status=Status.PURGED).filter(id__in=found | {subject_id})
    return list(standing.order_by("id").values_list("id", flat=True))
