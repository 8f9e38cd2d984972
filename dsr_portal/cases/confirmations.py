"""The receipt on paper, for who never saw the receipt page, and a new code for who lost it (R12).

The confirmation is set from the receipt's row whenever it is printed (R14); the code in it is
derived then and kept nowhere. Which code left, how and by whose hand stands in the row.
"""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE, require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import address_waits, invitations, paper_notices, receipts
from dsr_portal.cases.codes import receipt_code
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import has_mailbox, words_of
from dsr_portal.cases.models import Case, IdentityWay, PaperWay, Receipt, Status
from dsr_portal.cases.paper_models import NoticeOf, PaperPack
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

CODE_RENEWED = "case.code_renewed"
"""Note of the erasure ledger: no restore brings the older code back (R31)."""
MAX_NAME, MAX_POSTAL = 120, 500


def on_paper(case: Case) -> bool:
    """Whether the code in force reaches the person on paper: no page of theirs shows it."""
    return bool(case.opener) or case.code_counter > 0


def waits_for_paper(case: Case) -> bool:
    """Whether the code in force has not left yet."""
    handed = Receipt.objects.filter(case=case).values_list("handed_counter", flat=True).first()
    return on_paper(case) and handed != case.code_counter and not invitations.opened(case)


def print_confirmation(*, case_id: UUID, actor: Actor) -> bytes:
    """The confirmation for the post or the hand; that somebody had it in hand is an event.

    Only where the person has no page that shows the code. Raises `NotAllowed`, `Conflict`.
    """
    require_outside_transaction("Printing a confirmation")
    _require_may_hand(actor)
    case = Case.objects.get(id=case_id)
    _require_paper(case)
    address_waits.require_not_changer(case, actor)
    pdf = receipts.as_pdf(case)
    with unit_of_work():
        locked = lock(case_id)
        if locked.code_counter != case.code_counter:
            raise Conflict("code_renewed", _("A newer code was made meanwhile. Print it again."))
        # Again under the lock: either of the two comes first.
        address_waits.require_not_changer(locked, actor)
        record("receipt.printed", actor=actor, case_id=case_id, counter=locked.code_counter)
    return pdf


def record_handed(*, case_id: UUID, actor: Actor, how: str) -> Receipt:
    """A person put the confirmation in the post, or gave it to the person's hand (T-10)."""
    _require_may_hand(actor)
    if how not in PaperWay.values:
        raise BadInput("no_such_way", _("Choose one of the ways."))
    with unit_of_work():
        case = lock(case_id)
        _require_paper(case)
        contact = vault.read_json(case.contact_unit, "contact")
        if how == PaperWay.POST and not contact.get("postal"):
            raise BadInput("no_postal", _("Write down the postal address first."))
        if how == PaperWay.POST:
            paper_notices.require_may_leave(case, actor)
        row = Receipt.objects.select_for_update().get(case=case)
        if row.handed_counter == case.code_counter:
            raise Conflict("already_handed", _("This is recorded already."))
        row.handed_at, row.handed_by = clock.now(), actor.id
        row.handed_how, row.handed_counter = how, case.code_counter
        row.save(update_fields=["handed_at", "handed_by", "handed_how", "handed_counter"])
        record(
            "receipt.handed",
            actor=actor,
            case_id=case.id,
            how=how,
            counter=case.code_counter,
        )
    return row


@vault.retry_stale
def set_postal(*, case_id: UUID, actor: Actor, name: str, postal: str) -> None:
    """Write down where letters go, for who gave it by letter, phone or in person.

    It stands once something was posted to it: a letter with the code must not be led elsewhere by
    one person (R13). A mailbox is told, and nothing leaves on paper for 72 hours.
    Raises `BadInput`, `NotAllowed`, `Conflict`.
    """
    _require_may_hand(actor)
    name, postal = name.strip(), postal.strip()
    if not postal:
        raise BadInput("no_postal", _("Write the postal address."))
    if len(name) > MAX_NAME or len(postal) > MAX_POSTAL:
        raise BadInput("postal_too_long", _("This address is too long. Shorten it."))
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        contact: dict[str, Any] = vault.read_json(case.contact_unit, "contact")
        if (contact.get("name", ""), contact.get("postal", "")) == (name, postal):
            return
        if contact.get("email"):
            address_waits.require_not_renewer(case, actor)
        packs = PaperPack.objects.filter(delivery__case=case)
        posted = (
            Receipt.objects.filter(case=case, handed_how=PaperWay.POST).exists()
            or packs.exclude(posted_on=None).exists()
        )
        if contact.get("postal") and (posted or not case.opener):
            raise Conflict(
                "postal_stands", _("The address stands: the person gave it, or we wrote to it.")
            )
        contact |= {"name": name or contact.get("name", ""), "postal": postal}
        vault.write_json(case.contact_unit, "contact", contact)
        # What was printed has the old address on it.
        packs.filter(posted_on=None).delete()
        record("contact.postal_set", actor=actor, case_id=case.id)
        paper_notices.tell(case, actor=actor, what=NoticeOf.ADDRESS)


@vault.retry_stale
def renew_code(*, case_id: UUID, actor: Actor, way: str, compared: str) -> str:
    """A new receipt code after a new check; what the old one opened is closed (R12).

    The officer says by which way they checked and what they compared; the words go to the vault.
    A person with a mailbox is told that the code changed, never the code. Returns the new code for
    the caller's own eyes; it reaches the person on paper only. Raises `BadInput`, `Conflict`;
    `NotAllowed("changed_address")` for who had part in a new address.
    """
    require_reviewer(actor)
    if way not in IdentityWay.values:
        raise BadInput("no_such_way", _("Choose one of the ways."))
    words = words_of(compared, code="compared_missing")
    with unit_of_work():
        case = lock(case_id)
        _require_open(case)
        address_waits.require_not_changer(case, actor)
        paper_notices.require_not_told_of(case, actor)
        case.code_counter += 1
        case.save(update_fields=["code_counter"])
        vault.note_in_ledger(kind=CODE_RENEWED, value=f"{case.id}:{case.code_counter}")
        vault.write_small(case.file_unit, f"code.{new_id()}", words.encode())
        record(
            "case.code_renewed", actor=actor, case_id=case.id, counter=case.code_counter, way=way
        )
        if has_mailbox(case):
            queue_effect(
                kind="mail.code_renewed",
                subject_id=case.id,
                unique_key=f"mail.code_renewed:{case.id}:{case.code_counter}",
            )
    return receipt_code(case)


def _require_may_hand(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in INTAKE:
        raise NotAllowed("entering_role", _("Your role does not include this."))


def _require_open(case: Case) -> None:
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        raise Conflict("case_over", _("This request is closed."))


def _require_paper(case: Case) -> None:
    _require_open(case)
    if not on_paper(case):
        raise Conflict(
            "receipt_was_seen",
            _("The person saw their receipt when they sent the request. A lost code is renewed."),
        )
