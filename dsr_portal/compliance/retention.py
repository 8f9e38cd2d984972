"""The end of orders and breaches: kept for a term after they are over, then destroyed (law L-23).

An inspection holds them, every request, and the pictures the authority wants kept as they are.

What goes: letters, words, evidence and notices. What stays: kinds, dates, counts, results, who
decided, and the case by its id, as the trail has it; whom a case was about is destroyed with the
case. Nothing goes while something is open, while a court looks at it, or an authority inspects.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.cases.moves import quietly
from dsr_portal.cases.states import OVER
from dsr_portal.compliance import breaches, orders
from dsr_portal.compliance.models import (
    Breach,
    InspectionHold,
    MeasureCase,
    Order,
    OrderState,
    Pictures,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.documents import selectors as documents
from dsr_portal.gallery import services as gallery
from dsr_portal.law import authorities
from dsr_portal.law.evidence_terms import latest, term
from dsr_portal.policy import selectors as policy
from dsr_portal.vault import services as vault

ORDER_YEARS, BREACH_YEARS = "order_years", "breach_years"
MAX_REFERENCE = 80
_REASON = "retention"
_SCHEDULE = Actor.system("retention")


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when something is kept at least, and what else keeps it; no day while it is open.

    `term` says why until then, by the state whose term is the longest.
    """

    until: date | None
    why: tuple[str, ...]
    term: str = ""
    years: int = 0

    @property
    def is_due(self) -> bool:
        return self.until is not None and self.until <= clock.today() and not self.why


# -- until when -----------------------------------------------------------------------------------


def order_kept(order: Order) -> Kept:
    """The term counts from the last of: complied with, ended, confirmed by the authority."""
    why = []
    if order.state == OrderState.OPEN:
        why.append(_("It is open."))
    elif order.court and order.state != OrderState.ENDED:
        why.append(_("A court looks at it."))
    if order.measures.filter(stop__isnull=False, stop__lifted_at=None).exists():
        why.append(_("The stop of collection it brought is in force."))
    if _open_cases(order.measures.values_list("cases__case__status", flat=True)):
        why.append(_("A case it names is open."))
    if inspected():
        why.append(_("An authority inspects."))
    return _kept(settled_on(order), ORDER_YEARS, {order.authority_code}, why)


def breach_kept(breach: Breach) -> Kept:
    """The term counts from the closing; an open order about one of its cases keeps it longer."""
    why = []
    if breach.closed_at is None:
        why.append(_("It is open."))
    cases = set(breach.letters.values_list("case_id", flat=True))
    if breach.case_id is not None:
        cases.add(breach.case_id)
    ordered = MeasureCase.objects.filter(case_id__in=cases)
    if ordered.filter(measure__order__state=OrderState.OPEN).exists():
        why.append(_("An open order is about its case."))
    if inspected():
        why.append(_("An authority inspects."))
    closed = clock.local_date(breach.closed_at) if breach.closed_at else None
    states = set(Case.objects.filter(id__in=cases).values_list("country", flat=True))
    return _kept(closed, BREACH_YEARS, {*states, breach.authority_code}, why)


def settled_on(order: Order) -> date | None:
    """The day after which nobody has to do anything any more; None while it is open."""
    done = order.ended_at if order.state == OrderState.ENDED else order.complied_at
    if order.state == OrderState.OPEN or done is None:
        return None
    day = clock.local_date(done)
    return max(day, order.acknowledged_on) if order.acknowledged_on else day


def _kept(since: date | None, setting: str, states: set[str], why: list[str]) -> Kept:
    """The longest term of the states a claim can be brought in, the controller's among them.

    Codes of authorities may name a Land: its state counts (Art. 79(2); law L-23).
    """
    if since is None:
        return Kept(None, tuple(why))
    named = {code.upper().partition("-")[0] for code in states if code}
    named.add(str(settings.DSR_CONTROLLER["country"]).upper())
    years = int(policy.current(setting))
    terms = [term(closed_on=since, state=one, years=years) for one in sorted(named)]
    longest = latest(terms)
    return Kept(longest.free_on, tuple(why), longest.why, longest.years)


def _open_cases(states: Iterable[str | None]) -> bool:
    return any(state is not None and state not in OVER for state in states)


def inspected() -> bool:
    return InspectionHold.objects.filter(ended_at=None).exists()


# -- what keeps a request -------------------------------------------------------------------------


def breached_cases() -> set[UUID]:
    """Cases of which somebody may still have to be written to: their breach is open."""
    breached = Breach.objects.filter(closed_at=None)
    own = breached.exclude(case=None).values_list("case_id", flat=True)
    return {*own, *breached.exclude(letters=None).values_list("letters__case_id", flat=True)}


def ordered_cases() -> set[UUID]:
    """Cases that an open order names."""
    named = MeasureCase.objects.filter(measure__order__state=OrderState.OPEN)
    return set(named.values_list("case_id", flat=True))


# -- the sweeper ----------------------------------------------------------------------------------


def sweep() -> int:
    """Destroy what has come to its end; each in a unit of work with its receipt in the trail."""
    done = Order.objects.filter(destroyed_at=None).exclude(state=OrderState.OPEN)
    closed = Breach.objects.filter(destroyed_at=None).exclude(closed_at=None)
    due: list[tuple[str, Callable[[UUID], bool], UUID]]
    due = [("order", destroy_order, one.id) for one in done if order_kept(one).is_due]
    due += [("breach", destroy_breach, one.id) for one in closed if breach_kept(one).is_due]
    return sum(
        quietly(partial(act, one), doing=f"the end of {what}", of=one) for what, act, one in due
    )


def destroy_order(order_id: UUID) -> bool:
    """Asked again under the lock: a hold or a decision may have come between."""
    with unit_of_work():
        order = Order.objects.select_for_update().get(id=order_id)
        settled, kept = settled_on(order), order_kept(order)
        if order.destroyed_at is not None or settled is None or not kept.is_due:
            return False
        _shred([order.unit])
        # Who was told that it was late; the trail keeps it (order.escalated).
        order.alarms.all().delete()
        order.destroyed_at = clock.now()
        order.save(update_fields=["destroyed_at"])
        record(
            "order.destroyed",
            actor=_SCHEDULE,
            subject_id=order.id,
            settled_on=settled,
            years=kept.years,
        )
    return True


def destroy_breach(breach_id: UUID) -> bool:
    with unit_of_work():
        breach = Breach.objects.select_for_update().get(id=breach_id)
        closed, kept = breach.closed_at, breach_kept(breach)
        if breach.destroyed_at is not None or closed is None or not kept.is_due:
            return False
        papers = list(breach.notices.values_list("document_id", flat=True))
        papers += [breach.document_id] if breach.document_id else []
        _shred([breach.unit, *documents.units_of(papers)])
        breach.destroyed_at = clock.now()
        breach.save(update_fields=["destroyed_at"])
        record(
            "breach.destroyed",
            actor=_SCHEDULE,
            case_id=breach.case_id,
            subject_id=breach.id,
            closed_on=clock.local_date(closed),
            years=kept.years,
            told=breach.letters.count(),
        )
    return True


def _shred(units: Iterable[UUID]) -> None:
    """After a restore the ledger may have destroyed a unit already; its row is new again."""
    live = [one for one in units if vault.unit_state(one) == vault.UnitState.LIVE]
    vault.request_shred(live, reason=_REASON)


# -- holds of an inspection -----------------------------------------------------------------------


def hold(
    *,
    authority_code: str,
    reference: str,
    actor: Actor,
    pictures: str = Pictures.NONE,
    source_id: UUID | None = None,
) -> InspectionHold:
    """An authority inspects: nothing comes to its end until two persons say it is over.

    Raises `NotAllowed` and `BadInput` (no_authority, hold_reference, hold_pictures, no_source).
    """
    _require(actor, orders.MAY_ENTER)
    code = authorities.normalise(authority_code)
    if code not in authorities.all_authorities():
        raise BadInput("no_authority", _("There is no authority with this code."))
    name = reference.strip()
    if not name or len(name) > MAX_REFERENCE:
        raise BadInput("hold_reference", _("Give the authority's reference of its inspection."))
    if pictures not in Pictures.values or (pictures == Pictures.SOURCE) != bool(source_id):
        raise BadInput("hold_pictures", _("Choose which pictures the authority wants kept."))
    with unit_of_work():
        kept = None
        if pictures != Pictures.NONE:
            kept = gallery.keep_for_inspection(source_id=source_id)
        row = InspectionHold.objects.create(
            authority_code=code,
            reference=name,
            pictures=kept,
            since=clock.now(),
            placed_by=actor.id,
        )
        record(
            "retention.held",
            actor=actor,
            subject_id=row.id,
            authority=code,
            pictures=pictures,
            source=source_id,
        )
    return row


def propose_end(*, hold_id: UUID, actor: Actor) -> InspectionHold:
    """Say that the inspection is over; the hold stands until another person agrees."""
    with unit_of_work():
        row = _standing(hold_id, actor)
        if row.end_proposed_by:
            raise Conflict("proposed_already", _("This was proposed already."))
        row.end_proposed_by, row.end_proposed_at = actor.id, clock.now()
        row.save(update_fields=["end_proposed_by", "end_proposed_at"])
        _tell("retention.end_proposed", row, actor)
    return row


def agree_end(*, hold_id: UUID, actor: Actor) -> InspectionHold:
    """The second person; what is past its term goes with the next run."""
    with unit_of_work():
        row = _proposed(hold_id, actor)
        if row.end_proposed_by == actor.id:
            raise NotAllowed("second_person", _("You proposed this, so another person decides."))
        row.ended_by, row.ended_at = actor.id, clock.now()
        row.save(update_fields=["ended_by", "ended_at"])
        if row.pictures_id is not None:
            gallery.let_go_after_inspection(hold_id=row.pictures_id)
        _tell("retention.hold_ended", row, actor)
    return row


def turn_down_end(*, hold_id: UUID, actor: Actor) -> InspectionHold:
    """The hold stays; who proposed its end may take that back."""
    with unit_of_work():
        row = _proposed(hold_id, actor)
        row.end_proposed_by, row.end_proposed_at = "", None
        row.save(update_fields=["end_proposed_by", "end_proposed_at"])
        _tell("retention.end_turned_down", row, actor)
    return row


def holds() -> list[InspectionHold]:
    """Those that stand first."""
    rows = InspectionHold.objects.select_related("pictures__source").order_by("since")
    return sorted(rows, key=lambda one: one.ended_at is not None)


def _standing(hold_id: UUID, actor: Actor) -> InspectionHold:
    _require(actor, breaches.MAY_SPARE)
    row = InspectionHold.objects.select_for_update().filter(id=hold_id).first()
    if row is None:
        raise NotFound("no_hold", _("There is no such hold."))
    if row.ended_at is not None:
        raise Conflict("hold_over", _("This hold has ended."))
    return row


def _proposed(hold_id: UUID, actor: Actor) -> InspectionHold:
    row = _standing(hold_id, actor)
    if not row.end_proposed_by:
        raise Conflict("no_proposal", _("Nobody proposed to end it."))
    return row


def _tell(event: str, row: InspectionHold, actor: Actor) -> None:
    record(event, actor=actor, subject_id=row.id, authority=row.authority_code)


def _require(actor: Actor, roles: frozenset[str]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("retention_role", _("Your role does not include this."))
