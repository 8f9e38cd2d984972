"""One page to the accountable director for each event that is theirs (R24; law G-01).

It says the facts, the duty and what is asked. That it was served, read and answered, and when, are
events of the trail: who answers "not" says why, by name.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.lateness import owed
from dsr_portal.cases.models import NO_ANSWER, Case, Delivery, Lateness
from dsr_portal.cases.texts import day_words
from dsr_portal.compliance import accountability, breaches
from dsr_portal.compliance.accountable_models import Accountable, Duty
from dsr_portal.compliance.models import (
    BoardReport,
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
from dsr_portal.policy import assessment
from dsr_portal.policy.catalogue import definition
from dsr_portal.recognition import outgrowing

SERVED = "compliance.director_page"
DAYS_BEFORE = 7
AGAIN_AFTER = timedelta(days=7)
"""After how long an unanswered page is served again, for as long as its event lasts."""
DPO_FROM = 3
"""From this time on the data protection officer is told too that nobody answers."""
AHEAD = timedelta(days=28)
"""How far the forecast of the work looks, back and ahead."""
MAX_WORDS = 500
MAY_SEE = frozenset({Role.DIRECTOR, Role.DPO})
NOBODY = UUID(int=0)
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
    """Serve a page for everything that is true now and has none yet, once to each director.

    A page nobody answered is served again after a week while its event lasts. What a director said
    would be done is looked for after its day, and asked about where it is not there (R24).
    """
    directors = list(
        Staff.objects.filter(role=Role.DIRECTOR, is_active=True)
        .order_by("staff_no")
        .values_list("staff_no", flat=True)
    )
    true_now = list(happening())
    settle({(one.kind, one.about) for one in true_now})
    return sum(
        _serve(one, number)
        for one in [*true_now, *_promises()]
        for number in ([one.to] if one.to in directors else directors)
    )


def _serve(one: Happened, number: str) -> bool:
    with unit_of_work():
        page, created = DirectorPage.objects.select_for_update().get_or_create(
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
        elif _is_silent(page):
            _serve_again(page)
            return True
    return created


def _is_silent(page: DirectorPage) -> bool:
    last = page.served_again_at or page.served_at
    return page.answered_at is None and clock.now() - last >= AGAIN_AFTER


def _serve_again(page: DirectorPage) -> None:
    page.times += 1
    page.served_again_at = clock.now()
    page.save(update_fields=["times", "served_again_at"])
    key = f"{SERVED}:{page.id}:{page.times}"
    queue_effect(kind=SERVED, subject_id=page.id, unique_key=key)
    record(
        "director.served_again",
        actor=_EVENTS,
        subject_id=page.id,
        kind=page.kind,
        to=page.to,
        times=page.times,
    )


# -- what was promised --------------------------------------------------------------------------


def settle(true_now: set[tuple[DirectorKind, str]]) -> int:
    """Note which promised acts are seen to be done: their event is over. How many.

    No program sees whether what a monthly report led to was done: that stays to be asked.
    """
    settled = 0
    for page in _promised().exclude(kind__in=[DirectorKind.BOARD, DirectorKind.PROMISE]):
        still = {(DirectorKind(page.kind), page.about)}
        if page.kind == DirectorKind.CAPACITY:
            still = {one for one in true_now if one[0] == DirectorKind.CAPACITY} or still
        if not still & true_now:
            settled += _settle(page)
    for page in _promised().filter(kind=DirectorKind.PROMISE):
        if _asked_about(page).settled_at is not None:
            settled += _settle(page)
    return settled


def _settle(page: DirectorPage) -> bool:
    with unit_of_work():
        page.settled_at = clock.now()
        page.save(update_fields=["settled_at"])
        record("director.settled", actor=_EVENTS, subject_id=page.id, kind=page.kind, by=page.by)
    return True


def _promised() -> QuerySet[DirectorPage]:
    return DirectorPage.objects.filter(acts=True, settled_at=None).order_by("served_at")


def _promises() -> Iterable[Happened]:
    """Acts whose day has passed and that nobody sees done, each asked about once by a page of its
    own; a new day promised there is looked at in its turn."""
    for page in _promised().filter(by__lt=clock.today()):
        facts = {"promised": str(page.id), "day": page.by.isoformat() if page.by else ""}
        yield Happened(DirectorKind.PROMISE, str(page.id), facts, page.to)


def _asked_about(page: DirectorPage) -> DirectorPage:
    """The page in which the first promise was made."""
    while page.kind == DirectorKind.PROMISE:
        page = DirectorPage.objects.get(id=page.about)
    return page


def overdue_promises() -> list[DirectorPage]:
    return list(_promised().filter(by__lt=clock.today()))


def unanswered() -> list[DirectorPage]:
    return list(DirectorPage.objects.filter(answered_at=None).order_by("served_at"))


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
    yield from _outgrown()
    yield from _vacant()
    for task in assessment.reviews():
        label = str(definition(task.setting).label)
        named = {"setting": label, "value": f"{task.value:g}"}
        yield Happened(DirectorKind.ASSESSMENT, str(task.id), named)
    newest = BoardReport.objects.exclude(made_at=None).order_by("-month").first()
    if newest is not None:
        yield Happened(DirectorKind.BOARD, str(newest.id), {"month": newest.month.isoformat()})


def _vacant() -> Iterable[Happened]:
    """Duties nobody answers for. Those that never had anybody are one page; one that becomes vacant
    again is another event than its first vacancy."""
    named = Counter(Accountable.objects.exclude(agreed_by="").values_list("duty", flat=True))
    empty = accountability.vacant()
    never = [one for one in empty if not named[one]]
    if never:
        yield Happened(DirectorKind.VACANT, "never", {"duties": [str(one) for one in never]})
    for duty in empty:
        if named[duty]:
            about = f"{duty}:{named[duty]}"
            yield Happened(DirectorKind.VACANT, about, {"duties": [str(duty)]})


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


def _outgrown() -> Iterable[Happened]:
    """The gallery has outgrown its thresholds, or its searches the desk (R22)."""
    grown = outgrowing.standing()
    if grown is not None:
        facts = {
            "faces": grown.enrolled,
            "made_for": grown.made_for,
            "strangers": None if grown.strangers is None else round(grown.strangers, 1),
            "desk": grown.desk,
        }
        yield Happened(DirectorKind.OUTGROWN, str(grown.id), facts)


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
        (_("Faces enrolled"), _count(said, "faces")),
        (_("Thresholds were measured for"), _count(said, "made_for")),
        (_("Strangers expected per search"), _count(said, "strangers")),
        (_("Strangers per search the desk can look at"), _count(said, "desk")),
        (
            _("Nobody answers for"),
            "; ".join(str(Duty(one).label) for one in said.get("duties", [])),
        ),
        (_("Setting"), said.get("setting", "")),
        (_("Value"), str(said.get("value", ""))),
        (_("Month"), f"{date.fromisoformat(said['month']):%Y-%m}" if "month" in said else ""),
        *_promise_lines(said),
    ]
    return [(label, value) for label, value in rows if value]


def _count(said: dict[str, Any], name: str) -> str:
    number = said.get(name)
    return "" if number is None else f"{number:,}"


def _promise_lines(said: dict[str, Any]) -> list[tuple[str, str]]:
    page = DirectorPage.objects.filter(id=said.get("promised", NOBODY)).first()
    if page is None:
        return []
    root = _asked_about(page)
    return [
        (_("About"), str(root.get_kind_display())),
        *fact_lines(root),
        (_("You said"), page.words),
        (_("Who was to do it"), page.who),
    ]


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
        DirectorKind.OUTGROWN: (
            _("Figures of a face search hold for a size of gallery (Art. 5(1)(d), 24, 32 GDPR)."),
            _(
                "Say who calibrates anew and when, or what helps the desk: more photos, a second "
                "model. Candidates nobody looks at are counted and named in the letter."
            ),
        ),
        DirectorKind.VACANT: (
            _("Every decision has a named person who answers for it (Art. 5(2), 24 GDPR)."),
            _("Name somebody for each of these, or say until when somebody will be."),
        ),
        DirectorKind.ASSESSMENT: (
            _("The impact assessment is reviewed when the risk changes (Art. 35(11) GDPR)."),
            _("Say who writes the new version and when you can approve it."),
        ),
        DirectorKind.BOARD: (
            _("Who leads the controller knows how its duties are met (Art. 5(2), 24 GDPR)."),
            _("Read the report. Say what follows from it, who does it and when; or why nothing."),
        ),
        DirectorKind.PROMISE: (
            _("What was promised is done, or it is said why not (Art. 5(2) GDPR)."),
            _(
                "The day has passed and it can't be seen done. Say who does it until when now; or "
                "that nothing is left to do, and since when."
            ),
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
