"""The wish for an answer on paper: asked by the person or written down for them (law T-13).

While it stands nothing of ours waits behind a link: the daily batch lays it ready for the post.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import paper_notices
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.paper_models import NoticeOf, PaperWish
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.vault import services as vault


def wanted(case: Case) -> bool:
    """Whether what we send to this person goes by post."""
    return PaperWish.objects.filter(case=case, ended_at=None).exists()


def choose(*, case_id: UUID, actor: Actor) -> None:
    """What has not left yet goes on paper. Raises `BadInput("no_postal")`, `Conflict`."""
    require_may(case_id, actor)
    with unit_of_work():
        write(lock(case_id), actor=actor)


def write(case: Case, *, actor: Actor) -> None:
    """Write the wish in the caller's unit of work; a second one is the first.

    A mailbox is told of what staff write down, and paper waits for 72 hours (R13).
    """
    _require_open(case)
    if not vault.read_json(case.contact_unit, "contact").get("postal"):
        raise BadInput("no_postal", _("Write down the postal address first."))
    if wanted(case):
        return
    PaperWish.objects.update_or_create(
        case=case,
        defaults={
            "chosen_at": clock.now(),
            "chosen_by": actor.id if actor.is_human_staff else "",
            "ended_at": None,
        },
    )
    record("paper.chosen", actor=actor, case_id=case.id)
    paper_notices.tell(case, actor=actor, what=NoticeOf.WISH)


def end_wish(case: Case, *, actor: Actor) -> None:
    """The wish ends, in the caller's unit of work; `Conflict("no_paper_wish")` without one."""
    _require_open(case)
    if not PaperWish.objects.filter(case=case, ended_at=None).update(ended_at=clock.now()):
        raise Conflict("no_paper_wish", _("This answer does not go by post."))
    record("paper.ended", actor=actor, case_id=case.id)


def require_may(case_id: UUID, actor: Actor) -> None:
    """The person themselves, or who may enter a request."""
    own = actor == Actor.person(case_id)
    if not own and not (actor.is_human_staff and actor.role in INTAKE):
        raise NotAllowed("entering_role", _("Your role does not include this."))


def _require_open(case: Case) -> None:
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        raise Conflict("case_over", _("This request is closed."))
