"""Somebody acts for the person: written down, wanted or ended by the person (R11; law C-04, C-06).

What a represented request may go on with is said here, in `in_the_way`; checking a mandate is
`mandate_checks`, the links of both are `invitations`. A representative never consents to a
comparison and never shows a face: that is the person's own (R8, C-06).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE, require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import invitations, proofs
from dsr_portal.cases.codes import representative_code, same_code
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mandate_models import (
    Addressee,
    AnswerTo,
    Invitation,
    Mandate,
    MandateKind,
    MandateState,
)
from dsr_portal.cases.messages import has_mailbox, queue_wrote, words_of
from dsr_portal.cases.models import Case, Channel, Delivery
from dsr_portal.cases.states import OVER
from dsr_portal.core import clock, mailboxes
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.registries import GoneUnit
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.jobs.services import queue_effect
from dsr_portal.law import authorities
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

DOCUMENT = "document"
BY_SOMEBODY = frozenset({Channel.REPRESENTATIVE, Channel.THIRD_PARTY})
"""Where the person was not here themselves when the request came (law C-05, C-06)."""
STANDING = (MandateState.WAITING, MandateState.DOUBTED, MandateState.ACCEPTED)
ENDS_WITH_DECISION = frozenset({MandateKind.PARENT})
"""Whose proof is destroyed once somebody decided about it (law C-03)."""
MAX_NAME, MAX_POSTAL = 200, 500


@dataclass(frozen=True, slots=True)
class Representative:
    """Who acts, and how they are reached: never how the person is."""

    name: str
    organisation: str = ""
    email: str = ""
    postal: str = ""

    def cleaned(self) -> "Representative":
        """Without space around; raises `BadInput` for what is missing or can't be an address."""
        kept = Representative(**{name: text.strip() for name, text in asdict(self).items()})
        if not kept.name:
            raise BadInput("representative_name", _("Write who acts for the person."))
        if not kept.email and not kept.postal:
            raise BadInput(
                "representative_address",
                _("Write an e-mail or postal address of who acts for the person."),
            )
        if kept.email:
            try:
                validate_email(kept.email)
            except ValidationError as error:
                raise BadInput(
                    "email_unfit",
                    _("This is no e-mail address. Write it like name@example.org."),
                ) from error
        too_long = max(len(kept.name), len(kept.organisation)) > MAX_NAME
        if too_long or len(kept.postal) > MAX_POSTAL:
            raise BadInput("representative_long", _("A name or an address is too long."))
        return kept


# -- writing down ---------------------------------------------------------------------------------


def write_down(
    *,
    case_id: UUID,
    actor: Actor,
    who: Representative,
    kind: str,
    rights: Collection[str],
    answer_to: str = AnswerTo.PERSON,
    until: date | None = None,
    law_of: str = "",
    document: bytes = b"",
) -> Mandate:
    """Write down who acts for the person of a case, and give both a link of their own.

    `document` is the mandate as it came: kept encrypted and read by nobody here (R28). Nothing
    follows from it before another person has looked at it. Call it outside a transaction. Raises
    `BadInput`, `NotAllowed`, `Conflict` with represented_already or case_over.
    """
    require_outside_transaction("Writing down a mandate")
    if not actor.is_human_staff or actor.role not in INTAKE:
        raise NotAllowed("entering_role", _("Your role does not include this."))
    if kind not in MandateKind.values or answer_to not in AnswerTo.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    row = Mandate(
        kind=kind,
        answer_to=answer_to,
        until=until,
        law_of=_state(kind, law_of),
        written_by=actor.id,
    )
    return _write_down(
        row=row,
        case_id=case_id,
        actor=actor,
        who=who.cleaned(),
        rights=tuple(rights),
        document=document,
    )


def _state(kind: str, law_of: str) -> str:
    code = law_of.strip().upper()
    if kind != MandateKind.HEIR:
        return ""
    if code not in {one.code for one in authorities.states()}:
        raise BadInput(
            "law_of_state",
            _("Write in two letters the state whose law says who may act for the dead."),
        )
    return code


@vault.retry_stale
def _write_down(
    *,
    row: Mandate,
    case_id: UUID,
    actor: Actor,
    who: Representative,
    rights: Sequence[str],
    document: bytes,
) -> Mandate:
    proof = staged_proof(case_id, document)
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        if standing(case) is not None:
            raise Conflict(
                "represented_already",
                _("Somebody acts for this person already. That has to end first."),
            )
        keep(row=row, case=case, actor=actor, who=who, rights=rights, proof=proof)
    return row


def staged_proof(case_id: UUID, document: bytes) -> vault.Staged | None:
    """The mandate sealed in a unit of its own, ready for the unit of work that keeps it."""
    if not document:
        return None
    proof = vault.stage_unit(kind=UnitKind.PROOF, owner=case_id)
    proof.add(DOCUMENT, document)
    return proof


def keep(
    *,
    row: Mandate,
    case: Case,
    actor: Actor,
    who: Representative,
    rights: Sequence[str],
    proof: vault.Staged | None,
) -> None:
    """Keep a mandate and give both a link, in the caller's unit of work; `who` is cleaned."""
    row.case, row.written_at = case, clock.now()
    row.rights = _covered(case, rights)
    row.email_hash = mailbox_hash(who.email) if who.email else None
    if proof is not None:
        row.proof_unit = proof.save()
    row.save(force_insert=True)
    vault.write_json(case.contact_unit, _field(row), asdict(who))
    record(
        "mandate.written",
        actor=actor,
        case_id=case.id,
        subject_id=row.id,
        kind=row.kind,
        rights=row.rights,
        answer_to=row.answer_to,
        until=row.until,
        document=proof is not None,
    )
    _invite(row, actor)


def mailbox_hash(email: str) -> str:
    """By which an account and the mandates of one mailbox find each other (R11)."""
    return vault.keyed_hash("acting-account", mailboxes.compared(email).encode())


def write_for_child(*, case: Case, name: str) -> Mandate:
    """A parent asks on the website for their child: their own statement, and nothing more (C-03).

    Runs in the unit of work that opens the case. The page of the request is theirs; an officer
    looks at it before anything is searched.
    """
    words = name.strip()
    if not words:
        raise BadInput("representative_name", _("Write who acts for the child."))
    contact = vault.read_json(case.contact_unit, "contact")
    who = Representative(name=words[:MAX_NAME], email=contact["email"], postal=contact["postal"])
    row = Mandate.objects.create(
        case=case,
        kind=MandateKind.PARENT,
        rights=list(case.rights.order_by("id").values_list("right", flat=True)),
        answer_to=AnswerTo.REPRESENTATIVE,
        holds_page=True,
        written_at=clock.now(),
    )
    vault.write_json(case.contact_unit, _field(row), asdict(who))
    record(
        "mandate.written",
        actor=Actor.person(case.id),
        case_id=case.id,
        subject_id=row.id,
        kind=row.kind,
        rights=row.rights,
        answer_to=row.answer_to,
        until=None,
        document=False,
    )
    return row


def _covered(case: Case, rights: Sequence[str]) -> list[str]:
    asked = list(case.rights.order_by("id").values_list("right", flat=True))
    covered = [right for right in asked if right in set(rights)]
    if not covered or len(covered) != len(set(rights)):
        raise BadInput("mandate_rights", _("Choose which of the rights asked for it covers."))
    return covered


def _invite(mandate: Mandate, actor: Actor) -> None:
    """A link for each of the two that has a mailbox; who has none gets theirs on paper (R12).

    The person's link shows their receipt code, so it is made where nobody gave them one yet. Who
    asked themselves, or opened a link before, has the code: their page says who acts, and no words
    of somebody else bring the code into a mailbox.
    """
    if has_mailbox(mandate.case) and mandate.kind != MandateKind.HEIR:
        if has_code(mandate.case):
            queue_wrote(mandate.case)
        else:
            invitations.make(mandate, Addressee.PERSON, actor=actor)
    if who_acts(mandate).email:
        invitations.make(mandate, Addressee.REPRESENTATIVE, actor=actor)


def has_code(case: Case) -> bool:
    """Whether the person has their receipt code from elsewhere than a link of ours: they asked
    themselves, or opened such a link."""
    return case.channel not in BY_SOMEBODY or invitations.opened(case)


@vault.retry_stale
def invite_again(*, mandate_id: UUID, addressee: str, actor: Actor) -> Invitation:
    """A new link where the old one went astray; the old one ends.

    The person's link shows their receipt code: once it was opened, a lost code is renewed by a new
    check instead (R12). Raises `Conflict` with link_opened, no_address or mandate_settled.
    """
    require_reviewer(actor)
    if addressee not in Addressee.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    with unit_of_work():
        mandate = locked(mandate_id)
        if mandate.state not in STANDING:
            raise Conflict("mandate_settled", _("Nobody acts for this person any more."))
        to_person = addressee == Addressee.PERSON
        if to_person and has_code(mandate.case):
            raise Conflict(
                "link_opened",
                _(
                    "The person has their receipt code. If it was lost or seen by somebody else, "
                    "make a new one after a check."
                ),
            )
        if not (has_mailbox(mandate.case) if to_person else who_acts(mandate).email):
            raise Conflict("no_address", _("There is no e-mail address to send it to."))
        return invitations.make(mandate, Addressee(addressee), actor=actor)


# -- reading --------------------------------------------------------------------------------------


def standing(case: Case) -> Mandate | None:
    """Who acts now, whether or not that was checked yet."""
    return case.mandates.filter(state__in=STANDING).first()


def newest(case: Case) -> Mandate | None:
    """Who acts or acted last."""
    return case.mandates.order_by("-written_at", "-id").first()


def who_acts(mandate: Mandate) -> Representative:
    """Name and addresses, opened from the case's contact unit."""
    return Representative(**vault.read_json(mandate.case.contact_unit, _field(mandate)))


def document(mandate: Mandate) -> bytes | None:
    """The mandate as it came, None once it is destroyed or where none came."""
    return None if mandate.proof_unit is None else vault.read(mandate.proof_unit, DOCUMENT)


def words(mandate: Mandate, what: str) -> str:
    """What was asked, answered or decided about a mandate, "" where nothing was."""
    field = words_field(mandate, what)
    unit = mandate.case.file_unit
    return vault.read(unit, field).decode() if vault.has(unit, field) else ""


def words_field(mandate: Mandate, what: str) -> str:
    return f"mandate.{mandate.id}.{what}"


def _field(mandate: Mandate) -> str:
    return f"representative.{mandate.id}"


def is_represented(case: Case) -> bool:
    return case.channel in BY_SOMEBODY or case.mandates.exists()


def is_for_the_dead(case: Case) -> bool:
    """No face search for who died: what an heir named is looked up by hand (law C-07)."""
    return case.mandates.filter(kind=MandateKind.HEIR).exists()


def person_reached(case: Case) -> bool:
    """Whether the person of a represented request was here themselves (law C-06)."""
    return (
        not is_represented(case)
        or invitations.opened(case)
        or case.mandates.filter(wanted_at__isnull=False).exists()
    )


def in_force(mandate: Mandate) -> bool:
    """Accepted, not ended, and within its time."""
    if mandate.state != MandateState.ACCEPTED:
        return False
    return mandate.until is None or mandate.until >= clock.today()


def may_look(mandate: Mandate) -> bool:
    """Whether who acts may still see the stage of the request, and what we ask them."""
    over = mandate.until is not None and mandate.until < clock.today()
    return mandate.state in STANDING and not over


def may_read_answer(mandate: Mandate) -> bool:
    """Whether the answer is theirs to read: an accepted mandate that says so, and covers all that
    is asked (law C-04). What it leaves out is the person's own, and one answer holds both."""
    asked = set(mandate.case.rights.values_list("right", flat=True))
    to_them = in_force(mandate) and mandate.answer_to != AnswerTo.PERSON
    return to_them and asked <= set(mandate.rights)


def may_say(case: Case, actor: Actor) -> bool:
    """Whether what an answer shows is for this one to call wrong: the person, or who acts for them
    and reads that answer now (R11; law C-04)."""
    if actor == Actor.person(case.id):
        return True
    mandate = newest(case)
    return (
        mandate is not None
        and actor == Actor.representative(mandate.id)
        and may_read_answer(mandate)
    )


def by_code(case: Case, code: str) -> Mandate | None:
    """Who acts for this case with this code of their own; compared in constant time (R12)."""
    mandate = standing(case)
    if mandate is None or not may_look(mandate):
        return None
    try:
        right = representative_code(case, mandate.id)
    except vault.Shredded:
        return None
    return mandate if same_code(right, code) else None


# -- what a represented request may go on with ----------------------------------------------------


def in_the_way(case: Case) -> str:
    """Why nothing is searched or disclosed yet, as a code; "" where nothing is in the way.

    A request goes on when its mandate was accepted, or when the person said on the page of their
    own that they want it. What ends later does not undo a request that was good when it came.
    """
    if not is_represented(case):
        return ""
    if case.mandates.filter(wanted_at__isnull=False).exists():
        return ""
    mandate = newest(case)
    if mandate is None:
        return "mandate_missing"
    if mandate.state == MandateState.ACCEPTED:
        return ""
    if mandate.state in {MandateState.WAITING, MandateState.DOUBTED}:
        return "mandate_open"
    return "mandate_refused" if mandate.state == MandateState.REFUSED else "mandate_ended"


def require_clear(case: Case) -> None:
    """Raise `Conflict` with what stands in the way of a search or an answer (law C-04)."""
    code = in_the_way(case)
    if code:
        raise Conflict(
            code,
            _(
                "Somebody else sent this request. Nothing is searched or sent before their mandate"
                " is accepted, or the person says that they want it."
            ),
        )


# -- the person's own acts ------------------------------------------------------------------------


def want(*, case_id: UUID, actor: Actor) -> Mandate:
    """The person says on the page of their own: yes, this request is mine (law C-04, C-06).

    It confirms who acts for them, and keeps the request alive where a mandate was not accepted.
    """
    _require_person(actor, case_id)
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        mandate = newest(case)
        if mandate is None:
            raise NotFound("no_mandate", _("Nobody acts for you in this request."))
        mandate = locked(mandate.id)
        _require_not_holder(mandate)
        if mandate.wanted_at is None:
            mandate.wanted_at = clock.now()
            mandate.save(update_fields=["wanted_at"])
            record("mandate.wanted", actor=actor, case_id=case.id, subject_id=mandate.id)
    return mandate


def end(*, case_id: UUID, actor: Actor, compared: str = "") -> Mandate:
    """Nobody acts for the person any more: their access ends now, and both are told (R11).

    One click of the person, whose request then goes on as their own; or an officer who writes down
    in `compared` how they heard it from the person. Raises `NotFound("no_mandate")`.
    """
    if actor.kind == "person":
        _require_person(actor, case_id)
    else:
        require_reviewer(actor)
    said = "" if actor.kind == "person" else words_of(compared, code="compared_missing")
    with unit_of_work():
        case = lock(case_id)
        mandate = standing(case)
        if mandate is None:
            raise NotFound("no_mandate", _("Nobody acts for this person."))
        if actor.kind == "person":
            _require_not_holder(mandate)
        mandate.state, mandate.ended_at = MandateState.ENDED, clock.now()
        mandate.ended_by = "person" if actor.kind == "person" else actor.id
        if actor.kind == "person" and mandate.wanted_at is None:
            mandate.wanted_at = mandate.ended_at
        mandate.save(update_fields=["state", "ended_at", "ended_by", "wanted_at"])
        if said:
            vault.write_small(case.file_unit, words_field(mandate, "end"), said.encode())
        invitations.end(mandate, Addressee.REPRESENTATIVE)
        record(
            "mandate.ended",
            actor=actor,
            case_id=case.id,
            subject_id=mandate.id,
            by_person=actor.kind == "person",
        )
        tell(mandate, "mail.mandate_ended")
        if has_mailbox(case):
            queue_effect(
                kind="mail.mandate_ended_person",
                subject_id=mandate.id,
                unique_key=f"mail.mandate_ended_person:{mandate.id}",
            )
    return mandate


# -- the answer, for who may read it --------------------------------------------------------------


def reader_of(delivery: Delivery, code: str) -> Mandate | None:
    """The representative whose code this is, where the answer is theirs to read."""
    mandate = by_code(delivery.case, code)
    return mandate if mandate is not None and may_read_answer(mandate) else None


def may_still_read(mandate_id: UUID) -> bool:
    """Asked again with every part that is fetched: access ends with the click that ends it."""
    mandate = Mandate.objects.filter(id=mandate_id).first()
    return mandate is not None and may_read_answer(mandate)


def queue_ready(delivery: Delivery) -> bool:
    """Tell who acts that something is there to open; whether the person is told too (law C-04)."""
    mandate = standing(delivery.case)
    if mandate is None or mandate.holds_page or not may_read_answer(mandate):
        return True
    if not who_acts(mandate).email:
        return True
    queue_effect(
        kind="mail.represented_answer",
        subject_id=delivery.id,
        unique_key=f"mail.represented_answer:{delivery.id}",
    )
    return mandate.answer_to == AnswerTo.BOTH


def tell(mandate: Mandate, kind: str) -> None:
    """Queue a mail to who acts, if they have a mailbox; the words are on their page."""
    if who_acts(mandate).email:
        queue_effect(
            kind=kind,
            subject_id=mandate.id,
            unique_key=f"{kind}:{mandate.id}:{clock.now():%Y%m%d%H%M%S%f}",
        )


# -- the end of the mandate itself ----------------------------------------------------------------


def destroy_proof(mandate: Mandate, *, actor: Actor, reason: str) -> None:
    """Destroy the paper; that there was one, of which kind, and until when stays (law C-03)."""
    if mandate.proof_unit is None:
        return
    if vault.unit_state(mandate.proof_unit) == vault.UnitState.LIVE:
        vault.request_shred([mandate.proof_unit], reason=f"mandate_{reason}")
        vault.enqueue_shred()
    mandate.proof_unit, mandate.proof_ended_at = None, clock.now()
    mandate.save(update_fields=["proof_unit", "proof_ended_at"])
    record(
        "mandate.proof_destroyed",
        actor=actor,
        case_id=mandate.case_id,
        subject_id=mandate.id,
        kind=mandate.kind,
        reason=reason,
    )


def delete_proofs(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Purger: mandates go when the case closes, is taken back or is purged (law P-06)."""
    if reason not in {"closed", "withdrawn", "purged"}:
        return
    with unit_of_work():
        for mandate in Mandate.objects.select_for_update().filter(case_id=case_id):
            destroy_proof(mandate, actor=actor, reason=reason)
            invitations.end(mandate, Addressee.REPRESENTATIVE)
            invitations.end(mandate, Addressee.PERSON)
        if reason == "purged":
            Mandate.objects.filter(case_id=case_id).update(email_hash=None)


def proofs_gone(*, units: Sequence[GoneUnit], actor: Actor) -> int:
    """After a restore: mandates whose paper was destroyed have none (R31); how many."""
    ids = [unit.id for unit in units]
    ended = Mandate.objects.filter(proof_unit__in=ids).update(proof_unit=None)
    return ended + proofs.proofs_gone(units=units, actor=actor)


# -- guards ---------------------------------------------------------------------------------------


def locked(mandate_id: UUID) -> Mandate:
    """The mandate, its case locked first, as every change of a case begins."""
    found = Mandate.objects.filter(id=mandate_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound("no_mandate", _("There is no such mandate."))
    case = lock(found)
    mandate = Mandate.objects.select_for_update().get(id=mandate_id)
    mandate.case = case
    return mandate


def _require_person(actor: Actor, case_id: UUID) -> None:
    if actor != Actor.person(case_id):
        raise NotAllowed("not_yours", _("Only the person themselves says this."))


def _require_not_holder(mandate: Mandate) -> None:
    """Who acts can't say yes to themselves on a page that is theirs (law C-06)."""
    if mandate.holds_page:
        raise Conflict("not_the_child", _("An officer decides about this, not this page."))


def _require_open(case: Case) -> None:
    if case.withdrawn_at is not None or case.status in OVER:
        raise Conflict("case_over", _("This request is closed."))
