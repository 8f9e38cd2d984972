"""Who of staff must not work on a case: it is their own, or of somebody they know (GDPR Art. 32(4),
law X-09).

By itself: the case's confirmed address is the account's. By hand: the person of staff says so.
Both are rows of one kind, so that neither a later address of the case nor one of the account undoes
it, and no row tells which it was. Every step that names them in the trail is refused
(`refuse_recused`), and no page or command opens the case for them (`selectors`).
"""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import REVIEWERS, require_senior
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.intake import contact_hash
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Delivery, DeliveryState, MailCode
from dsr_portal.cases.recusal_models import Recusal
from dsr_portal.cases.states import OVER
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
    """Only a mailbox that answered a code counts: anybody can type the address of an officer.

    The codes of an earlier address are gone (`address_changes`), so these are of the one in force.
    """
    return Q(Exists(MailCode.objects.filter(case=OuterRef("pk"), confirmed_at__isnull=False)))


def _looked_at() -> QuerySet[Recusal]:
    """Lifted after the address in force had answered: a supervisor let them work on it."""
    answered = MailCode.objects.filter(
        case=OuterRef("case"), confirmed_at__lte=OuterRef("lifted_at")
    )
    return Recusal.objects.filter(Exists(answered), lifted_at__isnull=False)


def out_of_reach(staff: Staff) -> Q:
    """Which cases this person of staff has nothing to do with, as a filter on cases."""
    rows = Recusal.objects.filter(case=OuterRef("pk"), staff_no=staff.staff_no)
    own = Q(Exists(rows.filter(lifted_at=None)))
    address = contact_hash(staff.email)
    if not address:
        return own
    looked_at = _looked_at().filter(case=OuterRef("pk"), staff_no=staff.staff_no)
    return own | Q(contact_hash=address) & _address_confirmed() & ~Q(Exists(looked_at))


def kept_from(staff: Staff) -> QuerySet[Case]:
    """The cases this person of staff sees nothing of, for pages that list something of many."""
    return Case.objects.filter(out_of_reach(staff))


def stands(case_id: UUID, staff: Staff) -> bool:
    return Case.objects.filter(out_of_reach(staff), id=case_id).exists()


def kept_away(case_id: UUID) -> set[str]:
    """Staff numbers of everybody who must not work on a case, for draws and alarms."""
    return _by_row(case_id) | _by_address(case_id)


def _by_row(case_id: UUID) -> set[str]:
    return set(_in_force().filter(case=case_id).values_list("staff_no", flat=True))


def _by_address(case_id: UUID) -> set[str]:
    """Whose account has the address that answered, but for those a supervisor let work on it."""
    address = (
        Case.objects.filter(_address_confirmed(), id=case_id)
        .exclude(contact_hash=None)
        .values_list("contact_hash", flat=True)
        .first()
    )
    if address is None:
        return set()
    accounts = Staff.objects.values_list("staff_no", "email")
    numbers = {number for number, email in accounts if contact_hash(email) == address}
    return numbers - set(_looked_at().filter(case=case_id).values_list("staff_no", flat=True))


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


# -- by itself ---------------------------------------------------------------------------------


def write_down(case: Case) -> int:
    """Keep whose address this is, before either address can change; how many are new.

    In the caller's unit of work, under the case's lock. The event is that of the press at the page,
    in the same name: it must not tell which of the two it was.
    """
    new = _by_address(case.id) - _by_row(case.id)
    for person in Staff.objects.filter(staff_no__in=new).order_by("staff_no"):
        _bar(case, Actor.decided_by(person.staff_no, person.role))
    return len(new)


def write_down_due() -> int:
    """Also for accounts that came after the address had answered. Run regularly; how many."""
    emails = Staff.objects.values_list("email", flat=True)
    hashes = {contact_hash(email) for email in emails} - {None}
    found = Case.objects.filter(_address_confirmed(), contact_hash__in=hashes)
    new = 0
    for case_id in list(found.order_by("id").values_list("id", flat=True)):
        if _by_address(case_id) - _by_row(case_id):
            with unit_of_work():
                new += write_down(lock(case_id))
    return new


def _bar(case: Case, who: Actor) -> Recusal:
    if case.assignee == who.id:
        case.assignee = ""
        case.save(update_fields=["assignee"])
    row = Recusal.objects.create(case=case, staff_no=who.id, at=clock.now())
    record(EVENT, actor=who, case_id=case.id, subject_id=row.id)
    return row


# -- by hand -----------------------------------------------------------------------------------


def recuse(*, case_id: UUID, actor: Actor) -> Recusal:
    """Somebody says that it is their own or of somebody they know; it counts at once."""
    if not actor.is_human_staff:
        raise NotAllowed("staff_only", _("Only staff take themselves off a request."))
    with unit_of_work():
        case = lock(case_id)
        standing = _in_force().filter(case=case, staff_no=actor.id).first()
        return _bar(case, actor) if standing is None else standing


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


def cases_in_force() -> list[UUID]:
    """Cases that are not over and which somebody must not work on."""
    rows = _in_force().exclude(case__status__in=OVER)
    return sorted(set(rows.values_list("case_id", flat=True)))


def in_force(case: Case) -> list[Recusal]:
    return list(_in_force().filter(case=case).order_by("at", "id"))


def keep_answers(staff: Staff) -> bool:
    """Whether an answer waits that this person can't let go, for they don't work on that case."""
    waiting = Delivery.objects.filter(state=DeliveryState.READY)
    return Case.objects.filter(out_of_reach(staff), deliveries__in=waiting).exists()


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
