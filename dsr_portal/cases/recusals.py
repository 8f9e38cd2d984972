"""Who of staff must not work on a case: it is their own, or of somebody they know (GDPR Art. 32(4),
law X-09).

By itself: the case's confirmed address is the account's. By hand: the person of staff says so.
Every step that names them in the trail is refused (`refuse_recused`), and no page or command opens
the case for them (`selectors`).
"""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import REVIEWERS, require_senior
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.address_models import AddressChange, AddressKind, ChangeState
from dsr_portal.cases.intake import contact_hash
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, MailCode
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.registries import barriers
from dsr_portal.vault import services as vault

EVENT = "case.recused"
MAX_REASON = 500
TWO_PERSONS = 2


def _in_force() -> QuerySet[Recusal]:
    return Recusal.objects.filter(lifted_at=None)


def _address_confirmed() -> Q:
    """Only an address that answered counts: anybody can type that of an officer."""
    coded = MailCode.objects.filter(case=OuterRef("pk"), confirmed_at__isnull=False)
    changed = AddressChange.objects.filter(
        case=OuterRef("pk"), what=AddressKind.EMAIL, state=ChangeState.DONE
    )
    return Q(Exists(coded)) | Q(Exists(changed))


def out_of_reach(staff: Staff) -> Q:
    """Which cases this person of staff has nothing to do with, as a filter on cases."""
    own = Q(Exists(_in_force().filter(case=OuterRef("pk"), staff_no=staff.staff_no)))
    address = contact_hash(staff.email)
    return own | Q(contact_hash=address) & _address_confirmed() if address else own


def kept_from(staff: Staff) -> QuerySet[Case]:
    """The cases this person of staff sees nothing of, for pages that list something of many."""
    return Case.objects.filter(out_of_reach(staff))


def stands(case_id: UUID, staff: Staff) -> bool:
    return Case.objects.filter(out_of_reach(staff), id=case_id).exists()


def kept_away(case_id: UUID) -> set[str]:
    """Staff numbers of everybody who must not work on a case, for draws and alarms."""
    numbers = set(_in_force().filter(case=case_id).values_list("staff_no", flat=True))
    address = (
        Case.objects.filter(_address_confirmed(), id=case_id)
        .exclude(contact_hash=None)
        .values_list("contact_hash", flat=True)
        .first()
    )
    if address is not None:
        accounts = Staff.objects.filter(is_active=True).values_list("staff_no", "email")
        numbers |= {number for number, email in accounts if contact_hash(email) == address}
    return numbers


def refusal() -> NotAllowed:
    """One sentence for all grounds: it must not tell a colleague whose request it is."""
    return NotAllowed(
        "recused",
        _(
            "You can't work on this request: it may be your own or of somebody you know. A "
            "colleague works on it. If that is wrong, ask a supervisor to lift it."
        ),
    )


def require_free(case_id: UUID, actor: Actor) -> None:
    """Raises `NotAllowed` for whoever must not work on this case."""
    if not actor.is_human_staff:
        return
    found = Staff.objects.filter(staff_no=actor.id).first()
    if found is not None and stands(case_id, found):
        raise refusal()


def refuse_recused(event: str, actor: Actor, case_id: UUID) -> None:
    """No step of a case is written down in the name of somebody who must not work on it."""
    if event != EVENT:
        require_free(case_id, actor)


barriers.register("cases.recusal", refuse_recused)


# -- by hand -----------------------------------------------------------------------------------


def recuse(*, case_id: UUID, actor: Actor) -> Recusal:
    """Somebody says that it is their own or of somebody they know; it counts at once."""
    if not actor.is_human_staff:
        raise NotAllowed("staff_only", _("Only staff take themselves off a request."))
    with unit_of_work():
        case = lock(case_id)
        standing = _in_force().filter(case=case, staff_no=actor.id).first()
        if standing is not None:
            return standing
        if case.assignee == actor.id:
            case.assignee = ""
            case.save(update_fields=["assignee"])
        row = Recusal.objects.create(case=case, staff_no=actor.id, at=clock.now())
        record(EVENT, actor=actor, case_id=case.id, subject_id=row.id)
    return row


@vault.retry_stale
def lift(*, case_id: UUID, recusal_id: UUID, actor: Actor, reason: str) -> Recusal:
    """Another person, a supervisor, lets them work on it again and writes why."""
    require_senior(actor)
    words = reason.strip()
    if not words or len(words) > MAX_REASON:
        raise BadInput("reason_missing", _("Write why, in at most 500 characters."))
    with unit_of_work():
        case = lock(case_id)
        row = Recusal.objects.select_for_update().filter(id=recusal_id, case=case).first()
        if row is None:
            raise NotFound("no_recusal", _("Nobody took themselves off this request."))
        if row.staff_no == actor.id:
            raise NotAllowed("two_persons", _("This takes a second person."))
        if row.lifted_at is not None:
            raise Conflict("recusal_lifted", _("This was lifted already."))
        row.lifted_by, row.lifted_at = actor.id, clock.now()
        row.field = f"recusal.{row.id}"
        row.save(update_fields=["lifted_by", "lifted_at", "field"])
        vault.write_small(case.file_unit, row.field, words.encode())
        record(
            "case.recusal_lifted",
            actor=actor,
            case_id=case.id,
            subject_id=row.id,
            officer=row.staff_no,
        )
    return row


def in_force(case: Case) -> list[Recusal]:
    return list(_in_force().filter(case=case).order_by("at", "id"))


# -- when nobody is left -----------------------------------------------------------------------


def too_few_left(case: Case) -> bool:
    """Whether a recusal leaves fewer than the two persons a case needs (R19)."""
    away = kept_away(case.id)
    if not away:
        return False
    able = Staff.objects.filter(
        is_active=True, role__in=REVIEWERS, trained_until__gte=clock.today()
    )
    left = set(able.values_list("staff_no", flat=True)) - away - {case.opener}
    return len(left) < TWO_PERSONS
