"""Reading cases, already narrowed to what the reader may see."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case as Choose
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.accounts.services import actor_for, is_trained, require_trained
from dsr_portal.audit.selectors import TimelineEntry
from dsr_portal.audit.selectors import timeline as audit_timeline
from dsr_portal.cases import public_status, recusals
from dsr_portal.cases.correction_models import Correction, CorrectionState, Wrong
from dsr_portal.cases.deliveries import gone_at, is_kept
from dsr_portal.cases.intake import original_field
from dsr_portal.cases.mailbox import MAIL_ORIGINAL
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Delivery,
    DeliveryState,
    HeldBack,
    MailCode,
    MailRole,
    RightCode,
    WayIn,
    Withheld,
)
from dsr_portal.cases.public_status import PublicView
from dsr_portal.core import clock, references
from dsr_portal.core.errors import NotFound
from dsr_portal.vault import services as vault

MOST_LINKED = 20
DESK_ROLES = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})


@dataclass(frozen=True, slots=True)
class WaySeen:
    """A way in as an officer reads it. `text` is empty for a photo and for a file."""

    kind: str
    label: str
    text: str
    keyed_hash: str | None


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """What an officer recorded about who is asking, for those who decide on it."""

    label: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class MessageSeen:
    direction: str
    at: datetime
    by: str
    text: str


def visible_to(staff: Staff) -> QuerySet[Case]:
    """Cases this person of staff may open: the desk's roles see all but their own and those of
    people they know (X-09), nobody else any here, and nobody without training in force (P-17)."""
    if not staff.is_active or staff.role not in DESK_ROLES or not is_trained(staff):
        return Case.objects.none()
    return Case.objects.exclude(recusals.out_of_reach(staff))


def in_queue_order(rows: QuerySet[Case]) -> QuerySet[Case]:
    """Cases as the desk's queue has them: urgent first (R10), then by what is due first.

    That is the date of the request until its answer left, and longer where it asked for an erasure;
    then that of a later wish to erase or of what the person says is wrong (law D-01). Where an
    authority ordered an earlier date, that one counts (law O-04).
    """
    ordered = Min("ordered_dates__due_on", filter=Q(ordered_dates__ended_at=None))
    own = _own_date()
    sooner = Least(own, Coalesce(ordered, own))
    return (
        rows.prefetch_related("rights")
        .annotate(sooner=sooner)
        .order_by("-urgent", "sooner", "received_at", "id")
    )


def _own_date() -> Choose:
    """The earliest date of what is owed in a case, by the dates of all its wishes."""
    erases = Q(rights__right=RightCode.ERASURE)
    later = Min("rights__due_on", filter=erases)
    wrong = Min(
        "corrections__due_on",
        filter=Q(corrections__state=CorrectionState.OPEN, withdrawn_at=None),
    )
    from_filing = CaseRight.objects.filter(
        case=OuterRef("id"), right=RightCode.ERASURE, due_on=None
    )
    return Choose(
        When(Q(delivered_at=None) | Exists(from_filing), then=F("due_on")),
        default=Least(Coalesce(later, wrong, "due_on"), Coalesce(wrong, later, "due_on")),
    )


def case_for(staff: Staff, reference: str) -> Case:
    """The case of a reference; NotFound looks the same for "none" and "not yours".

    Whose training has run out is told so, and what to do (P-17). So is who must not work on it
    (X-09): they know the reference, from their own receipt or because
    they had the case before they said whose it is.
    """
    written = references.normalise(reference)
    case = visible_to(staff).filter(reference=written).first() if written else None
    if case is not None:
        return case
    kept_away = by_reference(reference)
    if kept_away is not None and staff.role in DESK_ROLES and staff.is_active:
        require_trained(staff)
        recusals.require_free(kept_away.id, actor_for(staff))
    raise NotFound("no_case", _("There is no such case."))


def by_reference(reference: str) -> Case | None:
    """The case of a typed reference, for those who prove themselves by code."""
    written = references.normalise(reference)
    return Case.objects.filter(reference=written).first() if written else None


def get_case(case_id: UUID) -> Case | None:
    return Case.objects.filter(id=case_id).first()


def rights_of(case: Case) -> list[str]:
    return list(case.rights.order_by("id").values_list("right", flat=True))


def ways_of(case: Case) -> list[WaySeen]:
    """What the person gave to be found by; outside a transaction."""
    return [
        WaySeen(
            kind=way.kind,
            label=str(way.get_kind_display()),
            text=_text(case.file_unit, way.field) if way.field and way.kind != "file" else "",
            keyed_hash=way.keyed_hash,
        )
        for way in case.ways.order_by("id")
    ]


def way_text(case: Case, way: WayIn) -> str:
    """The words of one way in; outside a transaction."""
    return _text(case.file_unit, way.field) if way.field else ""


def checks_of(case: Case) -> list[CheckSeen]:
    """What stands about who is asking, in the officers' words; outside a transaction."""
    seen = []
    for check in case.identity_checks.filter(lapsed_at=None).order_by("at"):
        element = check.get_element_display() if check.element else ""
        label = ", ".join(str(one) for one in (check.get_way_display(), element) if one)
        seen.append(CheckSeen(label, check.level_reached, _text(case.file_unit, check.field)))
    return seen


def note_of(case: Case) -> str:
    """The person's own words at intake; outside a transaction."""
    return str(vault.read_json(case.file_unit, "intake").get("note", ""))


def original_of(case: Case) -> tuple[UUID, str] | None:
    """Unit and field of what came by another way than the website, as it came (T-08)."""
    if vault.has(case.file_unit, original_field(1)):
        return case.file_unit, original_field(1)
    mail = case.mails.filter(role=MailRole.OPENED).first()
    return (mail.unit, MAIL_ORIGINAL) if mail and vault.has(mail.unit, MAIL_ORIGINAL) else None


def linked_cases(staff: Staff, case: Case) -> QuerySet[Case]:
    """Other requests from the same address, the newest first: a hint for officers, never outside
    (R3). Each is a request of its own, with its own clock and its own check of who is asking."""
    if case.contact_hash is None:
        return Case.objects.none()
    others = visible_to(staff).filter(contact_hash=case.contact_hash).exclude(id=case.id)
    return others.order_by("-received_at", "id")[:MOST_LINKED]


def contact_of(case: Case) -> dict[str, str]:
    found: dict[str, str] = vault.read_json(case.contact_unit, "contact")
    return found


def messages_of(case: Case) -> list[MessageSeen]:
    return [
        MessageSeen(row.direction, row.at, row.by, _text(case.file_unit, row.field))
        for row in case.messages.order_by("at", "id")
    ]


def timeline(case: Case) -> list[TimelineEntry]:
    """What happened, for the desk."""
    return audit_timeline(case.id)


def public_view(case: Case) -> PublicView:
    """What the status page knows: no matches, by construction (R3)."""
    return public_status.public_view(case, today=clock.today())


def open_deliveries(case: Case) -> list[Delivery]:
    """Released links of the case that still open, newest first."""
    rows = case.deliveries.filter(
        state=DeliveryState.RELEASED, expires_at__gt=clock.now(), locked_at=None
    )
    return [one for one in rows.order_by("-released_at") if is_kept(one)]


def has_lost_link(case: Case) -> bool:
    """Whether a released link is locked or over and its files are here, so that a new one helps."""
    released = case.deliveries.filter(state=DeliveryState.RELEASED)
    lost = released.exclude(expires_at__gt=clock.now(), locked_at=None)
    return any(is_kept(one) for one in lost)


def answer_gone_at(case: Case) -> datetime | None:
    """When what was released was deleted (R4); None while something can still be opened."""
    released = list(case.deliveries.filter(state=DeliveryState.RELEASED))
    if not released or all(is_kept(one) for one in released):
        return None
    return gone_at(case.id)


def held_back(case_id: UUID, what: str) -> dict[UUID, Withheld]:
    """Records two persons held back from the answer or from the erasure, by record id."""
    rows = Withheld.objects.filter(case_id=case_id, what=what).select_related("proposal")
    return {row.record_id: row for row in rows.order_by("at", "id")}


def exempted(case_id: UUID) -> set[UUID]:
    """Records an exemption of Art. 17(3) keeps or kept: locked and out of search until they are
    erased, also when its last day has passed (law E-03)."""
    return set(held_back(case_id, HeldBack.ERASURE))


def kept_from_erasure(case_id: UUID) -> set[UUID]:
    """Records that are not erased today: an exemption keeps them, until its last day, or the person
    says that they show somebody else and nobody has decided about that yet (E-01)."""
    today = clock.today()
    rows = held_back(case_id, HeldBack.ERASURE)
    kept = {one for one, row in rows.items() if row.until is not None and row.until >= today}
    return kept | _said_not_me(case_id, CorrectionState.OPEN)


def taken_out(case_id: UUID) -> set[UUID]:
    """Records two persons took out of what is this person's, for they said so (law E-01)."""
    return _said_not_me(case_id, CorrectionState.LEFT)


def _said_not_me(case_id: UUID, state: str) -> set[UUID]:
    rows = Correction.objects.filter(case_id=case_id, what=Wrong.NOT_ME, state=state)
    return set(rows.values_list("record_id", flat=True))


def mailbox(case: Case) -> MailCode | None:
    """The newest code sent to the mailbox; `confirmed_at` says whether it came back."""
    return case.mail_codes.order_by("-sent_at").first()


def _text(unit: UUID, field: str) -> str:
    return vault.read(unit, field).decode()
