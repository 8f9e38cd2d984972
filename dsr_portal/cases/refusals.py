"""Refusing a whole request as abusive (Art. 12(5)): evidence, three persons, a letter (law R-04).

No rule of the program can make one: a person writes down the facts and the aim they show, two
others agree, one of them a supervisor. There is no fee anywhere (law R-03), and the number of
requests is no ground. The month for saying no is never longer (Art. 12(4)).
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import letters, proposals
from dsr_portal.cases.clocks import clock_of
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import (
    Case,
    Letter,
    LetterKind,
    Outcome,
    Proposal,
    ProposalKind,
)
from dsr_portal.cases.moves import advance
from dsr_portal.cases.states import BEFORE_SEARCH, Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.law.articles import ABUSE
from dsr_portal.vault import services as vault


def propose(*, case_id: UUID, actor: Actor, ground: str, facts: str, aim: str) -> Proposal:
    """Propose to refuse: the facts, and the abusive aim they show (CJEU C-526/24).

    Raises `BadInput` with no_such_ground, facts_missing, aim_missing and those of
    `letters.own_words`; `Conflict` with refuse_state, refusal_late.
    """
    require_reviewer(actor)
    if ground not in list(ABUSE):
        raise BadInput("no_such_ground", _("Choose the ground."))
    with unit_of_work():
        case = lock(case_id)
        _require_may_refuse(case)
        words = [
            letters.own_words(facts, case, code="facts_missing"),
            letters.own_words(aim, case, code="aim_missing"),
        ]
        return proposals.propose(
            case=case,
            kind=ProposalKind.REFUSE,
            actor=actor,
            codes={"refusal": str(ground)},
            words="\n\n".join(words),
        )


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of a refusal now; None where it may be proposed."""
    if case.status not in BEFORE_SEARCH or case.withdrawn_at is not None:
        return Conflict("refuse_state", _("The work on the answer has begun: it is answered."))
    if clock_of(case).first.is_late(clock.today()):
        return Conflict("refusal_late", _("The month for saying no has passed: it is answered."))
    return None


def _require_may_refuse(case: Case) -> None:
    problem = why_not(case)
    if problem is not None:
        raise problem


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_may_refuse(case)


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    agreed = list(proposal.agreements.order_by("at").values_list("by", "role"))
    supervisor = next(by for by, role in agreed if role == "supervisor")
    advance(
        case=case,
        action=Action.REFUSE,
        actor=Actor.decided_by(supervisor, "supervisor"),
        outcome=Outcome.REFUSED,
    )
    numbers = [proposal.proposed_by, *(by for by, _role in agreed)]
    names = dict(Staff.objects.filter(staff_no__in=numbers).values_list("staff_no", "display_name"))
    words = vault.read(case.file_unit, proposal.field).decode()
    letters.write(
        case=case,
        kind=LetterKind.REFUSAL,
        key=f"refusal:{proposal.id}",
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        agreed_by=supervisor,
        facts={
            "ground": proposal.codes["refusal"],
            "words": [part for part in words.split("\n\n") if part],
            "by": [names.get(number, number) for number in numbers],
        },
    )


def sent(letter: Letter, case: Case) -> None:
    """The refusal is the answer: with its letter the case is delivered."""
    advance(
        case=case, action=Action.DELIVER, actor=Actor.decided_by(letter.agreed_by, "supervisor")
    )


HANDLER = proposals.Handler(agreed=_agreed, check=_check, needed=2, needs_supervisor=True)
