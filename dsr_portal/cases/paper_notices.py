"""What staff write down about paper is told to the mailbox, and waits 72 hours (R12, R13).

Without it one person could lead an answer elsewhere: the mail says that something was written
down, never the address. What the person chose themselves needs neither mail nor wait.
"""

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.cases import address_waits
from dsr_portal.cases.address_waits import WAIT
from dsr_portal.cases.messages import has_mailbox
from dsr_portal.cases.models import Case
from dsr_portal.cases.paper_models import NoticeOf, PaperNotice, PaperWish
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.jobs.services import queue_effect


def tell(case: Case, *, actor: Actor, what: NoticeOf) -> None:
    """Queue the mail about what a colleague wrote down, in the caller's unit of work.

    A case without a mailbox, as of a letter, has nobody to tell: there the post goes at once.
    """
    if not actor.is_human_staff or not has_mailbox(case):
        return
    row = PaperNotice.objects.create(case=case, what=what, by=actor.id, at=clock.now())
    queue_effect(
        kind="mail.paper_noted", subject_id=row.id, unique_key=f"mail.paper_noted:{row.id}"
    )


def waits_until(case: Case) -> datetime | None:
    """The moment before which nothing on paper leaves; None where nothing holds it now."""
    newest = _standing(case).order_by("-at").first()
    moments = (newest.at + WAIT if newest else None, address_waits.waits_until(case))
    until = max((one for one in moments if one is not None), default=None)
    return until if until and clock.now() < until else None


def require_may_leave(case: Case, actor: Actor) -> None:
    """Who wrote down address or wish neither packs nor posts, and others only after the wait.

    Raises `NotAllowed("wrote_it_down")`, `Conflict` with paper_waits, address_waits.
    """
    address_waits.require_not_writer(case, actor)
    address_waits.require_waited(case)
    if _standing(case).filter(by=actor.id).exists():
        raise NotAllowed(
            "wrote_it_down",
            _(
                "You wrote down the address or the wish for paper,"
                " so other people pack it and post it."
            ),
        )
    if waits_until(case) is not None:
        raise Conflict(
            "paper_waits",
            _(
                "We told the person by e-mail that paper was written down."
                " Nothing leaves on paper until 72 hours after it. Come back then."
            ),
        )


def require_not_told_of(case: Case, actor: Actor) -> None:
    """Who wrote down a postal address beside a mailbox makes no new code (R12, R13)."""
    if PaperNotice.objects.filter(case=case, what=NoticeOf.ADDRESS, by=actor.id).exists():
        raise NotAllowed(
            "changed_address",
            _("You had part in a new address of this request, so other people see to the code."),
        )


def _standing(case: Case) -> QuerySet[PaperNotice]:
    """Notices that still matter: a wish that ended, or that the person made theirs, does not."""
    rows = PaperNotice.objects.filter(case=case)
    by_staff = PaperWish.objects.filter(case=case, ended_at=None).exclude(chosen_by="")
    return rows if by_staff.exists() else rows.filter(what=NoticeOf.ADDRESS)
