"""An officer checks a mandate: accepted, one ask with its fact, or not accepted with a reason.

No form of ours, no notary, no certified copy is ever asked for (EDPB 01/2022, section 3.4): the
choices are a fixed list, and words that ask for more are refused.
"""

import re
from collections.abc import Sequence
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import acting_invites
from dsr_portal.cases.asking import LEAST_MEANS, MAX_ASK, WAIT_FOR_ANSWER
from dsr_portal.cases.mandate_models import (
    Mandate,
    MandateDoubt,
    MandateKind,
    MandateMeans,
    MandateRefusal,
    MandateState,
)
from dsr_portal.cases.mandates import (
    DOCUMENT,
    ENDS_WITH_DECISION,
    destroy_proof,
    locked,
    may_look,
    tell,
    words_field,
)
from dsr_portal.cases.messages import queue_wrote, words_of
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

OPEN = frozenset({MandateState.WAITING, MandateState.DOUBTED})
CURABLE = frozenset({MandateRefusal.NOT_SHOWN, MandateRefusal.NOT_COVERED})
"""What one ask could mend is never refused before it was asked (law R-06)."""

_TOO_MUCH = re.compile(
    r"notar|apostil|certified (?:cop|true)|legali[sz]ed|gelegaliseerd|gewaarmerkt|beglaubig",
    re.IGNORECASE,
)


def accept(*, mandate_id: UUID, actor: Actor, words: str) -> Mandate:
    """The mandate is good: who acts may see the stage, and the answer where it says so.

    `words` are what the officer looked at. Raises `Conflict` with mandate_settled, no_mandate where
    neither paper nor person showed one, mandate_over.
    """
    seen = words_of(words, code="words_missing")
    with unit_of_work():
        mandate = _open_for(mandate_id, actor)
        # A parent's statement is the mildest proof; a doubt is asked about (law C-03).
        stated = mandate.holds_page
        if mandate.proof_unit is None and mandate.wanted_at is None and not stated:
            raise Conflict(
                "no_mandate",
                _("There is no mandate to accept. Ask for one, or wait for the person's yes."),
            )
        if mandate.until is not None and mandate.until < mandate.case.received_on:
            raise Conflict("mandate_over", _("It had ended before the request came."))
        _decide(mandate, MandateState.ACCEPTED, actor, seen)
        record(
            "mandate.accepted",
            actor=actor,
            case_id=mandate.case_id,
            subject_id=mandate.id,
            kind=mandate.kind,
        )
        acting_invites.link_accepted(mandate, actor=actor)
    return mandate


def ask(
    *, mandate_id: UUID, actor: Actor, doubts: Sequence[str], means: Sequence[str], words: str
) -> Mandate:
    """Ask who acts, once: the fact, a sentence, and at least two ways to choose from.

    The person is told too, and can settle it with one yes. Raises `BadInput` with no_fact,
    two_means, too_much_asked; `Conflict("asked_already")`.
    """
    facts = _codes(MandateDoubt, doubts)
    choices = _codes(MandateMeans, means)
    if not facts:
        raise BadInput("no_fact", _("Choose which fact makes you ask."))
    if len(choices) < LEAST_MEANS:
        raise BadInput("two_means", _("Offer at least two ways to choose from."))
    sentence = words_of(words, code="words_missing", limit=MAX_ASK)
    if _TOO_MUCH.search(sentence):
        raise BadInput(
            "too_much_asked",
            _("We never ask for a notary, a certified copy or an apostille. Ask for less."),
        )
    with unit_of_work():
        mandate = _open_for(mandate_id, actor)
        if mandate.asked_at is not None:
            raise Conflict("asked_already", _("We ask once. Decide with what is here."))
        mandate.state = MandateState.DOUBTED
        mandate.doubts, mandate.means = facts, choices
        mandate.asked_by, mandate.asked_at = actor.id, clock.now()
        mandate.save(update_fields=["state", "doubts", "means", "asked_by", "asked_at"])
        _keep(mandate, "ask", sentence)
        record(
            "mandate.doubted",
            actor=actor,
            case_id=mandate.case_id,
            subject_id=mandate.id,
            facts=facts,
            means=choices,
        )
        tell(mandate, "mail.mandate")
        queue_wrote(mandate.case)
    return mandate


def refuse(*, mandate_id: UUID, actor: Actor, reason: str, words: str) -> Mandate:
    """The mandate is not accepted: who acts and the person are told why, and the request waits.

    It is the person's to go on with: nothing is refused to them. Raises `Conflict("ask_first")`
    where one ask could mend it and none was answered or waited for.
    """
    if reason not in MandateRefusal.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    told = words_of(words, code="words_missing", limit=MAX_ASK)
    with unit_of_work():
        mandate = _open_for(mandate_id, actor)
        if reason == MandateRefusal.NATIONAL_LAW and mandate.kind != MandateKind.HEIR:
            raise BadInput("no_such_choice", _("That is about who acts for the dead only."))
        if reason in CURABLE and not _asked_enough(mandate):
            raise Conflict(
                "ask_first",
                _("Ask first: say the fact, and what would do. They have 14 days to answer."),
            )
        mandate.reason = reason
        _decide(mandate, MandateState.REFUSED, actor, told)
        record(
            "mandate.refused",
            actor=actor,
            case_id=mandate.case_id,
            subject_id=mandate.id,
            reason=str(reason),
        )
        queue_wrote(mandate.case)
    return mandate


def answer(*, mandate_id: UUID, actor: Actor, words: str, document: bytes = b"") -> Mandate:
    """Who acts answers what we asked, with words or a paper that takes the place of the first."""
    require_outside_transaction("Keeping a mandate")
    said = words_of(words, code="words_missing", limit=MAX_ASK)
    return _answer(mandate_id, actor, said, document)


@vault.retry_stale
def _answer(mandate_id: UUID, actor: Actor, said: str, document: bytes) -> Mandate:
    proof = None
    if document:
        owner = Mandate.objects.values_list("case_id", flat=True).get(id=mandate_id)
        proof = vault.stage_unit(kind=UnitKind.PROOF, owner=owner)
        proof.add(DOCUMENT, document)
    with unit_of_work():
        mandate = locked(mandate_id)
        own = actor == Actor.representative(mandate.id)
        holder = mandate.holds_page and actor == Actor.person(mandate.case_id)
        if not (own or holder) or not may_look(mandate):
            raise NotAllowed("not_yours", _("Only who acts for the person answers this."))
        if mandate.state != MandateState.DOUBTED:
            raise Conflict("nothing_asked", _("We ask you nothing now."))
        if mandate.answered_at is not None:
            raise Conflict("answered_already", _("We have your answer. An officer reads it."))
        if proof is not None:
            destroy_proof(mandate, actor=actor, reason="replaced")
            mandate.proof_unit, mandate.proof_ended_at = proof.save(), None
        mandate.answered_at = clock.now()
        mandate.save(update_fields=["proof_unit", "proof_ended_at", "answered_at"])
        _keep(mandate, "answer", said)
        record(
            "mandate.answered",
            actor=actor,
            case_id=mandate.case_id,
            subject_id=mandate.id,
            document=proof is not None,
        )
    return mandate


def _open_for(mandate_id: UUID, actor: Actor) -> Mandate:
    """The mandate, locked, for a named person who may decide about it (R20)."""
    require_reviewer(actor)
    mandate = locked(mandate_id)
    if mandate.state not in OPEN:
        raise Conflict("mandate_settled", _("This was decided already."))
    if actor.id in {mandate.written_by, mandate.case.opener}:
        raise NotAllowed(
            "opener_barred", _("You wrote this down, so another person decides about it.")
        )
    return mandate


def _decide(mandate: Mandate, state: MandateState, actor: Actor, words: str) -> None:
    mandate.state = state
    mandate.decided_by, mandate.decided_at = actor.id, clock.now()
    mandate.save(update_fields=["state", "reason", "decided_by", "decided_at"])
    _keep(mandate, "decision", words)
    if mandate.kind in ENDS_WITH_DECISION:
        destroy_proof(mandate, actor=actor, reason="decided")
    tell(mandate, "mail.mandate")


def _asked_enough(mandate: Mandate) -> bool:
    if mandate.asked_at is None:
        return False
    return mandate.answered_at is not None or clock.now() - mandate.asked_at >= WAIT_FOR_ANSWER


def _keep(mandate: Mandate, what: str, words: str) -> None:
    vault.write_small(mandate.case.file_unit, words_field(mandate, what), words.encode())


def _codes(kind: type[TextChoices], given: Sequence[str]) -> list[str]:
    known = [str(value) for value in kind.values if value in set(given)]
    if len(known) != len(set(given)):
        raise BadInput("no_such_choice", _("Choose among the choices."))
    return known
