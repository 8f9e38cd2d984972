"""Orders and breaches that touch one case, as its audit report tells them (law 9(e), L-17, L-25).

An authority reads its own orders only: what another ordered is that authority's secret (GDPR
Art. 54(2)). Breaches of a case opened to it are told whole (Art. 33(5)), without the reference of
any other case and without a word that may name a person; staff appear by number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.accounts.models import Role
from dsr_portal.cases.models import Case
from dsr_portal.compliance import breaches, measures, orders
from dsr_portal.compliance.models import (
    Breach,
    BreachDecision,
    Measure,
    MeasureKind,
    Order,
    OrderState,
    Spared,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.law import authorities

Rows = list[tuple[str, str]]
_NO_NAMES: Mapping[str, str] = {}
"""Staff appear by number in a report."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One order or breach: in words for people, and as codes and times for machines."""

    rows: Rows
    data: dict[str, Any]


# -- orders ---------------------------------------------------------------------------------------


def orders_of(case: Case, authority_code: str) -> list[Entry]:
    """Orders that name the case, or that order every request of that day to be answered; of one
    authority, or of all where the report is the DPO's."""
    named = Q(measures__cases__case=case)
    every = Q(
        measures__kind=MeasureKind.ANSWER,
        measures__cases__isnull=True,
        served_on__gte=case.received_on,
    )
    rows = Order.objects.filter(authority_code=authority_code) if authority_code else Order.objects
    found = rows.filter(named | every).distinct()
    return [_order_entry(one, case) for one in found.order_by("served_on", "id")]


def readable_orders(*, actor: Actor, authority_code: str) -> QuerySet[Order]:
    """A regulator reads the own authority's; the DPO every one (G-02); nobody else any."""
    if actor.kind == "staff" and actor.role == Role.DPO:
        return Order.objects.all()
    if actor.kind != "regulator" or not authority_code:
        return Order.objects.none()
    return Order.objects.filter(authority_code=authority_code)


def _order_entry(order: Order, case: Case) -> Entry:
    touching = [one for one in measures_of(order) if _touches(one, case)]
    rows: Rows = [
        (_("Order"), f"{authority_name(order.authority_code)}, {order.reference}"),
        (_("Power"), str(order.get_basis_display())),
        (_("Served, due as written"), f"{day(order.served_on)}, {day(order.due_on)}"),
        (_("Answers for it"), order.owner),
        *((str(one.get_kind_display()), check_words(one)) for one in touching),
        (_("Fulfilled"), fulfilled(order)),
        (_("Penalty"), penalty_words(order)),
    ]
    data = {
        "authority": order.authority_code,
        "reference": order.reference,
        "basis": order.basis,
        "served_on": order.served_on.isoformat(),
        "due_on": order.due_on.isoformat(),
        "owner": order.owner,
        "state": order.state,
        "measures": [
            {
                "kind": one.kind,
                "covered_by_a_check": measures.is_covered(one),
                "passes": one.passes,
                "left": one.left,
                "checked_at": _iso(one.checked_at),
                "stated_by": one.stated_by or None,
            }
            for one in touching
        ],
        "complied_by": order.complied_by or None,
        "complied_at": _iso(order.complied_at),
        "acknowledged_on": order.acknowledged_on.isoformat() if order.acknowledged_on else None,
        "court": order.court or None,
        "court_reference": order.court_reference or None,
        "suspended_by_the_court": order.suspensive,
        "ended_by_decision": order.ended_by_decision or None,
        "penalty": order.penalty,
        "penalty_days": orders.days_over(order),
        "penalty_to_date": str(orders.penalty_so_far(order)),
        "currency": order.currency,
    }
    return Entry(rows, data)


def _touches(measure: Measure, case: Case) -> bool:
    named = {row.case_id for row in measure.cases.all()}
    if not named:
        return measure.kind == MeasureKind.ANSWER and case.received_on <= measure.order.served_on
    return case.id in named


def measures_of(order: Order) -> Sequence[Measure]:
    rows = list(order.measures.order_by("added_at", "id").prefetch_related("cases__case"))
    for one in rows:
        one.order = order
    return rows


def check_words(measure: Measure) -> str:
    """Where a measure stands, and when that was looked at; what is ordered is not repeated."""
    words = measures.words(measure, _NO_NAMES)
    if not measures.is_covered(measure) or measure.checked_at is None:
        return words
    return _("%(words)s; checked %(when)s") % {"words": words, "when": moment(measure.checked_at)}


def fulfilled(order: Order) -> str:
    """How an order stands: signed with evidence, ended by a decision, or open, with its court."""
    said = []
    if order.state == OrderState.ENDED:
        said.append(_("ended by a decision: %(name)s") % {"name": order.ended_by_decision})
    if order.complied_at:
        said.append(
            _("signed as complied with by %(by)s on %(when)s, with evidence")
            % {"by": order.complied_by, "when": moment(order.complied_at)}
        )
    if order.state == OrderState.OPEN:
        said.append(_("open again: a check fails since") if order.complied_at else _("open"))
    if order.acknowledged_on:
        said.append(
            _("confirmed by the authority on %(day)s") % {"day": day(order.acknowledged_on)}
        )
    if order.court:
        held = _("suspended by the court") if order.suspensive else _("not suspended")
        said.append(f"{order.court}, {order.court_reference}: {held}")
    if order.destroyed_at:
        said.append(
            _("letter and evidence destroyed on %(day)s") % {"day": day(order.destroyed_at)}
        )
    return "; ".join(said)


def penalty_words(order: Order) -> str:
    """Whole days past the written date and what the written penalty comes to."""
    over = orders.days_over(order)
    days = ngettext("%(days)s day over the date", "%(days)s days over the date", over) % {
        "days": over
    }
    if order.penalty_amount is None:
        return _("none; %(days)s") % {"days": days}
    return _("%(currency)s %(sum)s as the order writes it; %(days)s") % {
        "currency": order.currency,
        "sum": orders.penalty_so_far(order),
        "days": days,
    }


def authority_name(code: str) -> str:
    found = authorities.get(code)
    return found.short or found.name or code


# -- breaches -------------------------------------------------------------------------------------


def breaches_of(case: Case, authority_code: str) -> list[Entry]:
    """Breaches that began in the case, and those about which its person was written to."""
    found = Breach.objects.filter(Q(case=case) | Q(letters__case=case)).distinct()
    return [_breach_entry(one, case, authority_code) for one in found.order_by("aware_at", "id")]


def _breach_entry(breach: Breach, case: Case, authority_code: str) -> Entry:
    letter = breach.letters.filter(case=case).select_related("letter").first()
    sent = letter.letter.sent_at if letter else None
    told = _("not written to about it")
    if letter is not None:
        told = _("written to on %(when)s") % {"when": moment(sent)} if sent else _("letter waits")
    due = breaches.due_at(breach)
    taken = list(breach.decisions.order_by("proposed_at"))
    rows: Rows = [
        (_("Breach"), str(breach.get_kind_display())),
        (_("Known since"), moment(breach.aware_at)),
        (_("End of the 72 hours"), moment(due)),
        (_("Authority notified"), _notified(breach, authority_code)),
        *((str(one.get_what_display()), _decided(one)) for one in taken),
        (_("The person of this case"), told),
        (_("Closed"), moment(breach.closed_at) or _("not yet")),
    ]
    data = {
        "kind": breach.kind,
        "began_in_this_case": breach.case_id == case.id,
        "aware_at": _iso(breach.aware_at),
        "due_at": _iso(due),
        "notified_at": _iso(breach.notified_at),
        "hours_late": breaches.hours_late(breach),
        "decisions": [
            {
                "what": one.what,
                "proposed_by": one.proposed_by,
                "proposed_at": _iso(one.proposed_at),
                "agreed_by": one.agreed_by or None,
                "agreed_at": _iso(one.agreed_at),
                "turned_down_by": one.refused_by or None,
                "turned_down_at": _iso(one.refused_at),
            }
            for one in taken
        ],
        "person_told_at": _iso(sent),
        "closed_at": _iso(breach.closed_at),
    }
    return Entry(rows, data)


def _notified(breach: Breach, authority_code: str) -> str:
    if breach.notified_at is None:
        agreed = breach.decisions.exclude(agreed_by="")
        if agreed.filter(what__in=(Spared.AUTHORITY, Spared.NO_BREACH)).exists():
            return _("no, by a decision of two persons")
        late = clock.now() > breaches.due_at(breach)
        return _("not yet, and the 72 hours are over") if late else _("not yet")
    hours = breaches.hours_late(breach)
    shown = not authority_code or authority_code == breach.authority_code
    return _("%(when)s, %(whom)s; %(late)s") % {
        "when": moment(breach.notified_at),
        "whom": authority_name(breach.authority_code) if shown else _("another authority"),
        "late": ngettext("%(hours)s hour late", "%(hours)s hours late", hours) % {"hours": hours}
        if hours
        else _("in time"),
    }


def _decided(one: BreachDecision) -> str:
    """Who proposed, agreed to or turned down; the reasons stand in the register, not here."""
    said = _("proposed by %(by)s on %(when)s") % {
        "by": one.proposed_by,
        "when": moment(one.proposed_at),
    }
    if one.agreed_at:
        end = _("agreed to by %(by)s on %(when)s") % {
            "by": one.agreed_by,
            "when": moment(one.agreed_at),
        }
    elif one.refused_at:
        end = _("turned down by %(by)s on %(when)s") % {
            "by": one.refused_by,
            "when": moment(one.refused_at),
        }
    else:
        end = _("waits for another person, so not in force")
    return f"{said}; {end}"


def _iso(at: Any) -> str | None:
    return at.isoformat() if at else None
