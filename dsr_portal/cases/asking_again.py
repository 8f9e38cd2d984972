"""Asking a person more than once: only about a fact no ask had before, and agreed to by another.

Jumbo Privacy was asked for one proof after the other over nine mails; here the first ask is the
last unless two persons see something new (law N-07).
"""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import asking, letters, proposals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import require_room, words_of
from dsr_portal.cases.models import Case, Missing, Proposal, ProposalKind
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.vault import services as vault

MAX_FACT = 500
_BETWEEN = "\n\n"


def facts_left(case: Case) -> list[str]:
    """Facts this person was never asked about."""
    asked = set(case.asked_facts.values_list("fact", flat=True))
    return [fact for fact in Missing.values if fact not in asked]


def propose(
    *,
    case_id: UUID,
    actor: Actor,
    missing: Sequence[str],
    means: Sequence[str],
    text: str,
    new_fact: str,
    stop_clock: bool = False,
) -> Proposal:
    """Propose to ask once more; nothing reaches the person before another person agrees.

    `new_fact` says what came to light since the last ask, for colleagues only. Raises `BadInput`
    with fact_missing, fact_asked and those of `asking.checked` and `letters.own_words`;
    `Conflict` with not_asked_yet and those of `asking.require_may_ask`.
    """
    require_reviewer(actor)
    facts, choices = asking.checked(missing=missing, means=means)
    fact = " ".join(words_of(new_fact, code="fact_missing", limit=MAX_FACT).split())
    with unit_of_work():
        case = lock(case_id)
        _require_new(case, facts)
        kept = fact + _BETWEEN + letters.own_words(text, case)
        require_room(kept, limit=len(kept))
        return proposals.propose(
            case=case,
            kind=ProposalKind.ASK_AGAIN,
            actor=actor,
            codes={"missing": facts, "means": choices, "stop_clock": stop_clock},
            words=kept,
        )


def _require_new(case: Case, facts: Sequence[str]) -> None:
    asking.require_may_ask(case)
    if not asking.was_asked(case):
        raise Conflict("not_asked_yet", _("The person was not asked yet: ask them directly."))
    if set(facts) - set(facts_left(case)):
        raise BadInput(
            "fact_asked", _("The person was asked about this before. Name a fact that is new.")
        )


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    _require_new(case, proposal.codes["missing"])


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    kept = vault.read(case.file_unit, proposal.field).decode()
    asking.send_ask(
        case,
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        facts=proposal.codes["missing"],
        means=proposal.codes["means"],
        words=kept.split(_BETWEEN, 1)[1],
        stop_clock=proposal.codes["stop_clock"],
        agreed_by=actor.id,
    )


HANDLER = proposals.Handler(agreed=_agreed, check=_check)
