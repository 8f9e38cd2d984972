"""Orders of authorities: entered, measured, checked, complied with, challenged (R23; law O-01 ff.).

The date stands as the authority wrote it and moves for nobody. "Complied" is a director's
signature under evidence, possible only while every check passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import ordered
from dsr_portal.cases.models import Case
from dsr_portal.compliance import measures, reopening
from dsr_portal.compliance.models import (
    Basis,
    Measure,
    MeasureCase,
    MeasureKind,
    Order,
    OrderState,
    Penalty,
    StopReason,
)
from dsr_portal.core import clock, references
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import grounds as erasure_grounds
from dsr_portal.gallery import services as gallery
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.services import enqueue
from dsr_portal.law import authorities
from dsr_portal.vault import services as vault

MAY_ENTER = frozenset({Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})
KIND = "compliance.check_order"
EVERY = timedelta(days=7)
FRESH = timedelta(days=1)
"""How old the checks may be that "complied" rests on."""
MAX_WORDS = 2000
ORDER, EVIDENCE = "order", "evidence"
_CHECKS = Actor.system("order-checks")


@dataclass(frozen=True, slots=True)
class Served:
    """An order as it was served."""

    authority_code: str
    reference: str
    basis: str
    served_on: date
    due_on: date
    owner: str
    document: bytes
    penalty: str = Penalty.NONE
    penalty_amount: Decimal | None = None
    penalty_cap: Decimal | None = None
    currency: str = "EUR"


def enter(*, served: Served, actor: Actor) -> Order:
    """Keep an order with its date as written and the director who answers for it.

    Raises `BadInput` with no_authority, order_reference, order_dates, order_penalty, order_owner,
    order_document; `Conflict("order_there")`.
    """
    _require(actor)
    code = _checked(served)
    order_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.DOCUMENT, owner=order_id)
    staged.add(ORDER, served.document)
    with unit_of_work():
        if Order.objects.filter(authority_code=code, reference=served.reference.strip()).exists():
            raise Conflict("order_there", _("This order was entered already."))
        order = Order.objects.create(
            id=order_id,
            authority_code=code,
            reference=served.reference.strip(),
            basis=served.basis,
            served_on=served.served_on,
            due_on=served.due_on,
            penalty=served.penalty,
            penalty_amount=served.penalty_amount,
            penalty_cap=served.penalty_cap,
            currency=served.currency,
            owner=served.owner,
            unit=staged.save(),
            entered_by=actor.id,
            entered_at=clock.now(),
        )
        record(
            "order.entered",
            actor=actor,
            subject_id=order.id,
            authority=code,
            basis=str(served.basis),
            served_on=served.served_on,
            due_on=served.due_on,
            penalty=str(served.penalty),
            owner=served.owner,
            sha256=sha256(served.document).hexdigest(),
        )
    return order


def _checked(served: Served) -> str:
    code = authorities.normalise(served.authority_code)
    if code not in authorities.all_authorities():
        raise BadInput("no_authority", _("There is no authority with this code."))
    if served.basis not in Basis.values or not served.reference.strip():
        raise BadInput("order_reference", _("Give the authority's reference and its power."))
    if served.served_on > clock.today() or served.due_on < served.served_on:
        raise BadInput("order_dates", _("Served today or earlier, and due after that."))
    amount, cap = served.penalty_amount, served.penalty_cap
    if (served.penalty == Penalty.NONE) != (amount is None) or (amount is not None and amount <= 0):
        raise BadInput("order_penalty", _("Give the amount of the penalty, or choose none."))
    if cap is not None and (served.penalty != Penalty.DAILY or cap <= 0):
        raise BadInput("order_penalty", _("Only a penalty for each day has a highest sum."))
    director = Staff.objects.filter(staff_no=served.owner, role=Role.DIRECTOR, is_active=True)
    if not director.exists():
        raise BadInput("order_owner", _("Choose the director who answers for it."))
    if not served.document:
        raise BadInput("order_document", _("Attach the order itself."))
    return code


# -- measures -------------------------------------------------------------------------------------


def add_measure(
    *,
    order_id: UUID,
    kind: str,
    words: str,
    actor: Actor,
    named: Sequence[str] = (),
    country: str = "",
    language: str = "",
    with_place: bool = False,
) -> Measure:
    """Write down one thing the order asks for; a case it orders to answer opens again (O-03).

    Raises `BadInput` with measure_kind, measure_words, measure_cases, measure_scope, and what
    `cases.ordered.order_date` refuses.
    """
    _require(actor)
    kept = words.strip()
    if kind not in MeasureKind.values:
        raise BadInput("measure_kind", _("Choose what is ordered."))
    if not kept or len(kept) > MAX_WORDS or not vault.fits_row(kept):
        raise BadInput("measure_words", _("Write in a few sentences what is ordered."))
    cases = _cases(kind, named)
    if (kind not in measures.SCOPED or cases) and (country or language or with_place):
        raise BadInput("measure_scope", _("Rules of a scope fit a stop or an erasure only."))
    with unit_of_work():
        order = _open_order(order_id)
        measure = Measure(
            id=new_id(),
            order=order,
            kind=kind,
            country=country.strip().upper(),
            language=language.strip().lower(),
            with_place=with_place,
            added_at=clock.now(),
        )
        measure.field = f"measure.{measure.id}"
        vault.write_json(order.unit, measure.field, kept)
        measure.save(force_insert=True)
        for case in cases:
            MeasureCase.objects.create(measure=measure, case=case)
            if kind == MeasureKind.ANSWER:
                ordered.order_date(
                    case_id=case.id,
                    order_id=order.id,
                    authority_code=order.authority_code,
                    due_on=order.due_on,
                    actor=actor,
                )
                reopening.answer_anew(case_id=case.id, actor=actor)
            if kind == MeasureKind.ERASE:
                erasure_grounds.order(
                    case_id=case.id, order_id=order.id, authority_code=order.authority_code
                )
        record(
            "order.measure_added",
            actor=actor,
            subject_id=order.id,
            measure=measure.id,
            kind=kind,
            cases=len(cases),
            country=measure.country or None,
            language=measure.language or None,
            with_place=with_place,
        )
        _check_soon(order)
    return measure


def _cases(kind: str, named: Sequence[str]) -> list[Case]:
    if named and kind not in measures.TAKES_CASES:
        raise BadInput("measure_cases", _("This kind of measure names no cases."))
    found = []
    for one in dict.fromkeys(named):
        reference = references.normalise(one)
        case = Case.objects.filter(reference=reference).first() if reference else None
        if case is None:
            raise BadInput(
                "measure_cases", _("There is no case %(reference)s.") % {"reference": one[:12]}
            )
        found.append(case)
    return found


def sign_scope(*, measure_id: UUID, actor: Actor) -> Measure:
    """A director signs the rules; a stop of collection is in force from this moment (R23)."""
    _require_director(actor)
    with unit_of_work():
        measure = _measure(measure_id)
        if not measures.needs_signature(measure):
            raise Conflict("no_scope", _("This measure has no scope to sign."))
        if measure.signed_by:
            raise Conflict("scope_signed", _("This scope is signed already."))
        measure.signed_by, measure.signed_at = actor.id, clock.now()
        if measure.kind == MeasureKind.STOP:
            measure.stop = gallery.stop_collection(
                source=None,
                reason=str(StopReason.ORDER),
                actor=actor,
                country=measure.country,
                language=measure.language,
                with_place=measure.with_place,
            )
        measure.save(update_fields=["signed_by", "signed_at", "stop"])
        record(
            "order.scope_signed",
            actor=actor,
            subject_id=measure.order_id,
            measure=measure.id,
            kind=measure.kind,
        )
        _check_soon(measure.order)
    return measure


def state_done(*, measure_id: UUID, actor: Actor) -> Measure:
    """A named person says a measure is done that no check covers; never in place of a check."""
    _require(actor)
    with unit_of_work():
        measure = _measure(measure_id)
        if measures.is_covered(measure):
            raise Conflict("measure_checked", _("A check covers this; nobody's word replaces it."))
        measure.stated_by, measure.stated_at = actor.id, clock.now()
        measure.save(update_fields=["stated_by", "stated_at"])
        record(
            "order.measure_stated",
            actor=actor,
            subject_id=measure.order_id,
            measure=measure.id,
            kind=measure.kind,
        )
    return measure


# -- checks ---------------------------------------------------------------------------------------


def check_now(*, order_id: UUID, actor: Actor) -> None:
    """Have every measure checked by a job, now."""
    _require(actor)
    with unit_of_work():
        _check_soon(_locked(order_id))


def _check_soon(order: Order) -> None:
    enqueue(kind=KIND, subject=order.id, idempotency_key=f"{KIND}:{order.id}:{new_id()}")


def check_due() -> int:
    """Have the checks of orders repeated that are a week old, complied with or not (R23)."""
    before = clock.now() - EVERY
    due = Order.objects.exclude(state=OrderState.ENDED).filter(destroyed_at=None)
    due = due.filter(measures__isnull=False).distinct()
    queued = 0
    for order in due:
        if order.checked_at is not None and order.checked_at > before:
            continue
        with unit_of_work():
            key = f"{KIND}:{order.id}:{clock.today().isoformat()}"
            enqueue(kind=KIND, subject=order.id, idempotency_key=key)
        queued += 1
    return queued


def run_checks(ctx: JobContext) -> None:
    """The job: look, then write what was found; an order that was complied with opens again."""
    rows = list(Measure.objects.filter(order_id=ctx.subject_id).select_related("order", "stop"))
    found = [(row, measures.check(row)) for row in rows]
    ctx.must_be_ours()
    with ctx.complete():
        order = Order.objects.select_for_update().filter(id=ctx.subject_id).first()
        if order is None or order.state == OrderState.ENDED or order.destroyed_at is not None:
            return
        moment = clock.now()
        for row, finding in found:
            row.passes, row.left, row.checked_at = finding.passes, finding.left, moment
            row.save(update_fields=["passes", "left", "checked_at"])
            if row.kind == MeasureKind.ANSWER and finding.passes:
                named = row.cases.values_list("case_id", flat=True)
                ordered.end_dates(order_id=order.id, case_ids=named)
        order.checked_at = moment
        order.save(update_fields=["checked_at"])
        failing = sum(finding.passes is False for _row, finding in found)
        record(
            "order.checked",
            actor=_CHECKS,
            subject_id=order.id,
            passing=sum(finding.passes is True for _row, finding in found),
            failing=failing,
            unchecked=sum(finding.passes is None for _row, finding in found),
        )
        if failing and order.state == OrderState.COMPLIED:
            order.state = OrderState.OPEN
            order.save(update_fields=["state"])
            record("order.open_again", actor=_CHECKS, subject_id=order.id, failing=failing)


# -- how it ends ----------------------------------------------------------------------------------


def stands_in_the_way(order: Order) -> str:
    """Why "complied" can't be offered now; empty where it can."""
    rows = list(order.measures.all())
    if order.state != OrderState.OPEN:
        return _("The order is not open.")
    if not rows:
        return _("Nobody wrote down yet what is ordered.")
    if not all(measures.settled(row) for row in rows):
        return _("Not every measure is done.")
    newest = max(row.added_at for row in rows)
    if order.checked_at is None or order.checked_at < newest:
        return _("The newest measure was not checked yet.")
    if order.checked_at < clock.now() - FRESH:
        return _("The checks are older than a day. Check again first.")
    return ""


def comply(*, order_id: UUID, evidence: bytes, actor: Actor) -> Order:
    """A director signs that the order is complied with, under a file that shows it (law O-02)."""
    _require_director(actor)
    if not evidence:
        raise BadInput("evidence_missing", _("Attach what shows it."))
    before = Order.objects.filter(id=order_id).first()
    if before is None:
        raise _no_order()
    staged = vault.stage_into(before.unit)
    staged.add(EVIDENCE, evidence)
    with unit_of_work():
        order = _open_order(order_id)
        if reason := stands_in_the_way(order):
            raise Conflict("not_complied", reason)
        staged.save()
        order.state = OrderState.COMPLIED
        order.complied_by, order.complied_at = actor.id, clock.now()
        order.save(update_fields=["state", "complied_by", "complied_at"])
        record(
            "order.complied",
            actor=actor,
            subject_id=order.id,
            sha256=sha256(evidence).hexdigest(),
            late_days=max(0, (clock.today() - order.due_on).days),
        )
    return order


def acknowledge(*, order_id: UUID, on: date, actor: Actor) -> Order:
    """The authority said it has our answer."""
    _require(actor)
    with unit_of_work():
        order = _locked(order_id)
        if not order.served_on <= on <= clock.today():
            raise BadInput("acknowledged_on", _("A day between the order and today."))
        order.acknowledged_on = on
        order.save(update_fields=["acknowledged_on"])
        record("order.acknowledged", actor=actor, subject_id=order.id, on_day=on)
    return order


def challenge(
    *, order_id: UUID, court: str, reference: str, suspensive: bool, actor: Actor
) -> Order:
    """Note that a court looks at the order (law O-05). Its date and penalty clock go on."""
    _require_director(actor)
    if not court.strip() or not reference.strip():
        raise BadInput("court_reference", _("Give the court and its reference."))
    with unit_of_work():
        order = _open_order(order_id)
        order.court, order.court_reference = court.strip()[:120], reference.strip()[:80]
        order.suspensive = suspensive
        order.save(update_fields=["court", "court_reference", "suspensive"])
        record("order.challenged", actor=actor, subject_id=order.id, suspensive=suspensive)
    return order


def end(*, order_id: UUID, decision: str, actor: Actor) -> Order:
    """A court or the authority ended it; a stop of collection it brought stays until lifted.

    An order that was complied with ends so too where a court looked at it (law O-05).
    """
    _require_director(actor)
    if not decision.strip():
        raise BadInput("decision_missing", _("Name the decision that ended the order."))
    with unit_of_work():
        order = _locked(order_id)
        if not may_end(order):
            raise Conflict("order_over", _("This order is not open any more."))
        order.state, order.ended_by_decision = OrderState.ENDED, decision.strip()[:120]
        order.ended_at = clock.now()
        order.save(update_fields=["state", "ended_by_decision", "ended_at"])
        ordered.end_dates(order_id=order.id)
        erasure_grounds.end_order(order_id=order.id)
        record("order.ended", actor=actor, subject_id=order.id)
    return order


# -- reading --------------------------------------------------------------------------------------


def may_end(order: Order) -> bool:
    """Whether a decision can still end it: it is open, or a court looks at what was done."""
    if order.state == OrderState.OPEN:
        return True
    return order.state == OrderState.COMPLIED and bool(order.court) and not order.destroyed_at


def days_over(order: Order) -> int:
    """Whole days past the written date: up to today, or to the day it was complied with where it
    stayed so. An order that opened again counts on."""
    if order.state == OrderState.ENDED:
        return 0
    kept = order.complied_at if order.state == OrderState.COMPLIED else None
    last = clock.local_date(kept) if kept else clock.today()
    return max(0, (last - order.due_on).days)


def penalty_so_far(order: Order) -> Decimal:
    """What the written penalty comes to; the authority decides what is paid."""
    days = days_over(order)
    if order.penalty_amount is None or not days:
        return Decimal(0)
    if order.penalty == Penalty.SUM:
        return order.penalty_amount
    total = order.penalty_amount * days
    return total if order.penalty_cap is None else min(total, order.penalty_cap)


def all_orders() -> list[Order]:
    """Open ones first, by their date."""
    rows = {state: number for number, state in enumerate(OrderState.values)}
    found = Order.objects.prefetch_related("measures").order_by("due_on", "id")
    return sorted(found, key=lambda one: rows[one.state] if one.state != "open" else -1)


def by_id(order_id: UUID) -> Order:
    found = Order.objects.filter(id=order_id).first()
    if found is None:
        raise _no_order()
    return found


def file_of(*, order_id: UUID, field: str, actor: Actor) -> bytes:
    """The order or the evidence as it came; who read it is in the trail (law L-14)."""
    _require(actor)
    order = by_id(order_id)
    if field not in {ORDER, EVIDENCE} or not vault.has(order.unit, field):
        raise NotFound("no_file", _("There is no such file."))
    with unit_of_work():
        record("order.file_read", actor=actor, subject_id=order.id, what=field)
    return vault.read(order.unit, field)


def names() -> dict[str, str]:
    return dict(Staff.objects.values_list("staff_no", "display_name"))


# -- guards ---------------------------------------------------------------------------------------


def _locked(order_id: UUID) -> Order:
    order = Order.objects.select_for_update().filter(id=order_id).first()
    if order is None:
        raise _no_order()
    return order


def _open_order(order_id: UUID) -> Order:
    order = _locked(order_id)
    if order.state != OrderState.OPEN:
        raise Conflict("order_over", _("This order is not open any more."))
    return order


def _measure(measure_id: UUID) -> Measure:
    found = Measure.objects.filter(id=measure_id).values_list("order_id", flat=True).first()
    if found is None:
        raise NotFound("no_measure", _("There is no such measure."))
    order = _open_order(found)
    measure = Measure.objects.select_for_update().get(id=measure_id)
    measure.order = order
    return measure


def _no_order() -> NotFound:
    return NotFound("no_order", _("There is no such order."))


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_ENTER:
        raise NotAllowed(
            "order_role", _("Only a supervisor, the DPO or a director works on orders.")
        )


def _require_director(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role != Role.DIRECTOR:
        raise NotAllowed("director_only", _("Only an accountable director signs this."))
