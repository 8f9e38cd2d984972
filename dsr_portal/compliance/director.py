"""One page to the accountable director for each event that is theirs (R24; law G-01).

It says the facts, the duty and what is asked. That it was served, read and answered, and when, are
events of the trail: who answers "not" says why, by name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.lateness import owed
from dsr_portal.cases.models import NO_ANSWER, Case, Delivery, Lateness
from dsr_portal.cases.texts import day_words
from dsr_portal.compliance import breaches
from dsr_portal.compliance.models import (
    Breach,
    DirectorKind,
    DirectorPage,
    Order,
    OrderState,
)
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.erasure.models import Verification, VerificationState
from dsr_portal.jobs.services import queue_effect

SERVED = "compliance.director_page"
DAYS_BEFORE = 7
AHEAD = timedelta(days=28)
"""How far the forecast of the work looks, back and ahead."""
MAX_WORDS = 500
MAY_SEE = frozenset({Role.DIRECTOR, Role.DPO})
_EVENTS = Actor.system("director-pages")


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that asks for a page: about what, the facts as codes, and to whom if not to all."""

    kind: DirectorKind
    about: str
    facts: dict[str, Any]
    to: str = ""


# -- serving --------------------------------------------------------------------------------------


def serve_due() -> int:
    """Serve a page for everything that is true now and has none yet, once to each director."""
    directors = list(
        Staff.objects.filter(role=Role.DIRECTOR, is_active=True)
        .order_by("staff_no")
        .values_list("staff_no", flat=True)
    )
    return sum(
        _serve(one, number)
        for one in list(happening())
        for number in ([one.to] if one.to in directors else directors)
    )


def _serve(one: Happened, number: str) -> bool:
    with unit_of_work():
        page, created = DirectorPage.objects.get_or_create(
            kind=one.kind,
            about=one.about,
            to=number,
            defaults={"facts": one.facts, "served_at": clock.now()},
        )
        if created:
            queue_effect(kind=SERVED, subject_id=page.id, unique_key=f"{SERVED}:{page.id}")
            record(
                "director.served",
                actor=_EVENTS,
                subject_id=page.id,
                kind=str(one.kind),
                to=number,
            )
    return created


def happening() -> Iterable[Happened]:
    """What is true now and belongs before a director."""
    yield from _late()
    yield from _orders()
    for breach in Breach.objects.filter(closed_at=None).select_related("case"):
        reference = breach.case.reference if breach.case else ""
        until = breaches.due_at(breach).isoformat()
        facts = {"what": breach.kind, "reference": reference, "until": until}
        yield Happened(DirectorKind.BREACH, str(breach.id), facts)
    unverified = Verification.objects.filter(state=VerificationState.UNVERIFIED)
    failed = unverified.select_related("plan__case")
    for plan in {one.plan for one in failed}:
        facts = {"reference": plan.case.reference}
        yield Happened(DirectorKind.VERIFICATION, str(plan.id), facts)
    yield from _capacity()


def _late() -> Iterable[Happened]:
    """The first late case: none while an earlier page's case is still late."""
    rows = list(Lateness.objects.filter(ended_at=None).select_related("case").order_by("missed_on"))
    told = set(
        DirectorPage.objects.filter(
            kind=DirectorKind.FIRST_LATE, about__in=[str(one.id) for one in rows]
        ).values_list("about", flat=True)
    )
    first = next((one for one in rows if str(one.id) in told), rows[0] if rows else None)
    if first is not None:
        facts = {"reference": first.case.reference, "day": first.missed_on.isoformat()}
        yield Happened(DirectorKind.FIRST_LATE, str(first.id), facts)


def _orders() -> Iterable[Happened]:
    for order in Order.objects.filter(state=OrderState.OPEN):
        facts = {
            "authority": order.authority_code,
            "order": order.reference,
            "day": order.due_on.isoformat(),
        }
        yield Happened(DirectorKind.ORDER, str(order.id), facts, order.owner)
        if order.due_on - clock.today() <= timedelta(days=DAYS_BEFORE):
            yield Happened(DirectorKind.ORDER_DUE, str(order.id), facts, order.owner)
        if order.complied_at is not None:
            about = f"{order.id}:{order.complied_at.isoformat()}"
            yield Happened(DirectorKind.ORDER_FAILS, about, facts, order.owner)


def _capacity() -> Iterable[Happened]:
    """More answers fall due than left in as many days: once a week, not before there is a past."""
    today = clock.today()
    if not Case.objects.filter(received_on__lte=today - AHEAD).exists():
        return
    due = Case.objects.filter(due_on__lte=today + AHEAD, delivered_at=None)
    wanted = sum(owed(one) == "answer" for one in due.iterator())
    since = clock.now() - AHEAD
    left = Delivery.objects.filter(released_at__gte=since).exclude(kind__in=NO_ANSWER)
    done = left.values("case").distinct().count()
    if wanted > done:
        year, week, _day = today.isocalendar()
        facts = {"wanted": wanted, "done": done, "days": AHEAD.days}
        yield Happened(DirectorKind.CAPACITY, f"{year}-W{week:02d}", facts)


# -- reading and answering ------------------------------------------------------------------------


def read(*, page_id: UUID, actor: Actor) -> DirectorPage:
    """Open a page; the first time its director does is written down."""
    _require(actor)
    with unit_of_work():
        page = _locked(page_id)
        if page.to == actor.id and page.read_at is None:
            page.read_at = clock.now()
            page.save(update_fields=["read_at"])
            record("director.read", actor=actor, subject_id=page.id, kind=page.kind)
    return page


def answer_act(*, page_id: UUID, what: str, who: str, by: date, actor: Actor) -> DirectorPage:
    """Act: what is done, who does it, until when."""
    words = what.strip()
    if not words or len(words) > MAX_WORDS:
        raise BadInput("what_missing", _("Write what is done."))
    if by < clock.today():
        raise BadInput("by_past", _("The day can't be in the past."))
    if not Staff.objects.filter(staff_no=who, is_active=True).exclude(role=Role.REGULATOR).exists():
        raise BadInput("who_missing", _("Name the person who does it by staff number."))
    return _answer(page_id, actor, acts=True, words=words, who=who, by=by)


def answer_not(*, page_id: UUID, reason: str, actor: Actor) -> DirectorPage:
    """Not act: the reason, under the director's name."""
    words = reason.strip()
    if not words or len(words) > MAX_WORDS:
        raise BadInput("reason_missing", _("Write why nothing is done."))
    return _answer(page_id, actor, acts=False, words=words)


def _answer(
    page_id: UUID,
    actor: Actor,
    *,
    acts: bool,
    words: str,
    who: str = "",
    by: date | None = None,
) -> DirectorPage:
    _require(actor)
    with unit_of_work():
        page = _locked(page_id)
        if page.to != actor.id:
            raise NotAllowed("other_director", _("This page was served to another person."))
        if page.answered_at is not None:
            raise Conflict("answered", _("You answered this already; the answer stays."))
        page.acts, page.words, page.who, page.by = acts, words, who, by
        page.answered_at = clock.now()
        page.save(update_fields=["acts", "words", "who", "by", "answered_at"])
        record(
            "director.answered",
            actor=actor,
            subject_id=page.id,
            kind=page.kind,
            acts=acts,
            who=who or None,
            by=by,
        )
    return page


def pages_for(actor: Actor) -> list[DirectorPage]:
    """A director's own pages, open ones first; the data protection officer sees all."""
    _require(actor)
    rows = DirectorPage.objects.order_by("-served_at")
    if actor.role == Role.DIRECTOR:
        rows = rows.filter(to=actor.id)
    return sorted(rows, key=lambda one: one.answered_at is not None)


def fact_lines(page: DirectorPage) -> list[tuple[str, str]]:
    """The facts of a page as people read them."""
    said = page.facts
    rows = [
        (_("Case"), said.get("reference", "")),
        (_("Order"), " ".join(filter(None, (said.get("authority", ""), said.get("order", ""))))),
        (_("Date"), day_words(date.fromisoformat(said["day"])) if "day" in said else ""),
        (_("The 72 hours end"), said.get("until", "")[:16].replace("T", " ")),
        (_("Answers due in the next days"), _of_days(said, "wanted")),
        (_("Answers that left in as many days"), _of_days(said, "done")),
    ]
    return [(label, value) for label, value in rows if value]


def _of_days(said: dict[str, Any], name: str) -> str:
    if name not in said:
        return ""
    return _("%(number)s in %(days)s days") % {"number": said[name], "days": said["days"]}


def duty_of(kind: str) -> tuple[str, str]:
    """What the law asks, and what is asked of the director."""
    words = {
        DirectorKind.FIRST_LATE: (
            _("Every request has an answer within a month (Art. 12(3) GDPR). One has not."),
            _("Say who answers it and when, and what keeps the next one in time."),
        ),
        DirectorKind.ORDER: (
            _("An order of an authority binds from the day it was served (Art. 58, 83(6) GDPR)."),
            _("Read it, see what it asks for, and say who carries it out until when."),
        ),
        DirectorKind.ORDER_DUE: (
            _("The date of the order stands as the authority wrote it."),
            _("Say what is still missing and who does it in these days."),
        ),
        DirectorKind.ORDER_FAILS: (
            _("You signed this order as complied with. A check of it fails since."),
            _("Say who puts it right and when, and who tells the authority."),
        ),
        DirectorKind.BREACH: (
            _("The authority is notified within 72 hours, unless a risk is unlikely (Art. 33)."),
            _("Say who notifies, and who tells the persons where the risk is high (Art. 34)."),
        ),
        DirectorKind.VERIFICATION: (
            _("What was promised to be gone is shown to be gone (Art. 5(2), 17 GDPR)."),
            _("A check after an erasure failed. Say who finds out why, and until when."),
        ),
        DirectorKind.CAPACITY: (
            _("The controller has the people its duties take (Art. 24, 12(3) GDPR)."),
            _("More answers fall due than leave. Say what changes before dates are missed."),
        ),
    }
    return words[DirectorKind(kind)]


def _locked(page_id: UUID) -> DirectorPage:
    page = DirectorPage.objects.select_for_update().filter(id=page_id).first()
    if page is None:
        raise NotFound("no_page", _("There is no such page."))
    return page


def _require(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in MAY_SEE:
        raise NotAllowed("director_only", _("This is for the accountable director and the DPO."))
