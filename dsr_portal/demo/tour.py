"""The tour: seven steps, each ticked from rows of the newest request a visitor made (R35)."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.models import Case, Delivery, DeliveryState, Status
from dsr_portal.compliance.models import AuditReport, CaseGrant, ReportState
from dsr_portal.demo import cast
from dsr_portal.demo.cast import Member
from dsr_portal.demo.state import State
from dsr_portal.disclosure import selectors as answers
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure.models import PlanState
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import ProbeState, ReviewState

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to press: a sign-in as somebody, an act of the demo, or a link."""

    label: Words
    member: Member | None = None
    act: str = ""
    href: str = ""
    key: str = ""

    @property
    def url(self) -> str:
        return reverse(self.href, args=[self.key] if self.key else [])


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `state` is done, now or next, `now_words` what it waits for at this moment."""

    number: int
    title: Words
    text: Words
    state: str
    now_words: Words = ""
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A step before anything is known of the case."""

    title: Words
    text: Words
    done: Callable[[Case], bool]
    now: Callable[[Case], tuple[Words, tuple[Button, ...]]]


def newest_visit() -> Case | None:
    """The newest request sent on the public site; the ready cases have no draft."""
    ready = set(State().made.values())
    found = Case.objects.filter(draft_id__isnull=False).exclude(id__in=ready)
    return found.order_by("-received_at", "-id").first()


def steps(case: Case | None) -> list[Step]:
    """The seven steps as they stand; the first one that is not done is the one to do now."""
    made: list[Step] = []
    current = True
    for number, plan in enumerate(PLANS, 1):
        done = case is not None and plan.done(case)
        state = "done" if done else "now" if current else "next"
        words: Words = ""
        buttons: tuple[Button, ...] = ()
        if state == "now":
            current = False
            words, buttons = plan.now(case) if case is not None else _start()
        made.append(Step(number, plan.title, plan.text, state, words, buttons))
    return made


def _start() -> tuple[Words, tuple[Button, ...]]:
    return (
        _("Fill it in yourself with Mina's photo, or let the demo fill it in and press Send."),
        (
            Button(_("Fill it in for Mina"), act="ask", key=cast.MINA.key),
            Button(_("Start a request"), href="public:home"),
            Button(_("Mina's photo"), href="demo:people"),
        ),
    )


# -- what is done -------------------------------------------------------------------------------


def _filed(case: Case) -> bool:
    return True


def _identified(case: Case) -> bool:
    return case.level >= case.required_level


def _compared(case: Case) -> bool:
    review = matching.current_review(case.id)
    return review is not None and review.state not in {ReviewState.FIRST, ReviewState.WIDENING}


def _decided(case: Case) -> bool:
    review = matching.current_review(case.id)
    return review is not None and review.state == ReviewState.DONE


def _opened(case: Case) -> bool:
    return Delivery.objects.filter(case=case, first_opened_at__isnull=False).exists()


def _erased(case: Case) -> bool:
    plan = plans.current_plan(case.id)
    return plan is not None and plan.state == PlanState.DONE


def _audited(case: Case) -> bool:
    """The authority's report is there, not only one the DPO made."""
    return (
        AuditReport.objects.filter(case=case, state=ReportState.READY)
        .exclude(authority_code="")
        .exists()
    )


# -- what to do now -----------------------------------------------------------------------------


def _now_identity(case: Case) -> tuple[Words, tuple[Button, ...]]:
    probe = matching.latest_probe(case.id)
    if probe is not None and probe.state == ProbeState.CHOOSING:
        return (
            _("There is more than one face in the photo, so the request needs you. Choose yours."),
            (Button(_("The request's page"), href="public:case"),),
        )
    if probe is not None and probe.state == ProbeState.UNUSABLE:
        return (
            _("The photo can't be used, so the request needs you. Send another on its page."),
            (
                Button(_("The request's page"), href="public:case"),
                Button(_("People and photos"), href="demo:people"),
            ),
        )
    return (
        _("Sign in as the officer, open the case, choose a way and a further fact, record it."),
        (Button(_("Sign in as Nadia Roth, officer"), member=cast.OFFICER),),
    )


def _now_compare(case: Case) -> tuple[Words, tuple[Button, ...]]:
    if case.status not in {Status.IN_REVIEW, Status.SECOND_REVIEW}:
        return (_("The search runs. Look again in a moment."), ())
    review = matching.current_review(case.id)
    if review is not None and review.state == ReviewState.WIDENING:
        return (_("What was confirmed is searched with. Look again in a moment."), ())
    return (
        _("Take the case and say of each picture what you see. The band appears afterwards."),
        (Button(_("Sign in as Nadia Roth, officer"), member=cast.OFFICER),),
    )


def _now_second(case: Case) -> tuple[Words, tuple[Button, ...]]:
    review = matching.current_review(case.id)
    number = ""
    if review is not None:
        disputed = review.state == ReviewState.SUPERVISOR
        number = cast.SUPERVISOR.staff_no if disputed else (review.second_officer or "")
    who = cast.member(number) or cast.COLLEAGUE
    return (
        _("The second person was drawn and sees nothing of what the first decided."),
        (Button(_("Sign in as %(name)s") % {"name": who.name}, member=who),),
    )


def _now_answer(case: Case) -> tuple[Words, tuple[Button, ...]]:
    officer = Button(_("Sign in as Nadia Roth, officer"), member=cast.OFFICER)
    if case.status == Status.DECIDED:
        answer = answers.current_answer(case.id)
        if answer is None or answer.state == AnswerState.FAILED:
            return (_("An officer makes the answer and reads it."), (officer,))
        if answer.state == AnswerState.QUEUED:
            return (_("The answer is being made. Look again in a moment."), ())
        if answer.state == AnswerState.READY:
            return (_("The answer is made. An officer reads and approves it."), (officer,))
        return (
            _("The answer leaves with the daily batch."),
            (Button(_("Send today's batch"), act="batch"),),
        )
    return (
        _("The mail has the link. The code is on the receipt page, never in a mail."),
        (
            Button(_("Mail"), href="demo:mail"),
            Button(_("Receipt with the code"), href="public:receipt"),
        ),
    )


def _now_delete(case: Case) -> tuple[Words, tuple[Button, ...]]:
    if case.status == Status.ERASING:
        plan = plans.current_plan(case.id)
        if plan is not None and plan.state == PlanState.HOLD:
            return (
                _("The hold window runs for an hour, so that a mistake can be stopped."),
                (Button(_("End the hold window"), act="hold"),),
            )
        if plan is not None and plan.state == PlanState.WAITING:
            return (_("The erasure waits: another case has to decide first."), ())
        return (_("Deleted; now every place is checked. This takes up to a minute."), ())
    if not plans_possible(case):
        return (_("There is nothing to delete in this request. Try it as Mina."), ())
    return (
        _("On the request's page press Delete now and enter the receipt code once more."),
        (
            Button(_("The request's page"), href="public:case"),
            Button(_("Receipt with the code"), href="public:receipt"),
        ),
    )


def plans_possible(case: Case) -> bool:
    outcome = matching.outcome(case.id)
    return outcome is not None and bool(outcome.same)


def _now_audit(case: Case) -> tuple[Words, tuple[Button, ...]]:
    granted = CaseGrant.objects.filter(case=case, revoked_at=None)
    if not granted.filter(authority_code=cast.REGULATOR.authority).exists():
        return (
            _("A supervisor opens the case to the authority; it sees no other."),
            (
                Button(_("Sign in as Carla Mendes, supervisor"), member=cast.SUPERVISOR),
                Button(_("Open it to the authority now"), act="grant"),
            ),
        )
    return (
        _("Make an audit report and download it. The trail is checked while it is made."),
        (Button(_("Sign in as Saskia Postma, data protection authority"), member=cast.REGULATOR),),
    )


PLANS: tuple[Plan, ...] = (
    Plan(
        _("Ask"),
        _("Five questions, a photo, no account. The receipt shows a reference and a code."),
        _filed,
        lambda case: _start(),
    ),
    Plan(
        _("Check who is asking"),
        _("No search runs before this, whatever it would find."),
        _identified,
        _now_identity,
    ),
    Plan(
        _("Compare"),
        _("hnswlib finds, an exact sweep of every face proves, a person decides."),
        _compared,
        _now_compare,
    ),
    Plan(
        _("A second person"),
        _("Blind, drawn and never the same person."),
        _decided,
        _now_second,
    ),
    Plan(
        _("Open the answer"),
        _("A signed PDF and a package, behind a link and the receipt code. Others are covered."),
        _opened,
        _now_answer,
    ),
    Plan(
        _("Delete now"),
        _("Pictures, face codes, index rows and keys; then every place is searched for them."),
        _erased,
        _now_delete,
    ),
    Plan(
        _("The authority looks"),
        _("One case, one report, a trail that verifies."),
        _audited,
        _now_audit,
    ),
)


def waiting_deliveries() -> int:
    return Delivery.objects.filter(state=DeliveryState.READY).count()
