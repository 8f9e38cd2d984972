"""Which one thing a case waits for, in words: the Next step card (ui.md, page template 4)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure.models import AnswerState
from dsr_portal.erasure import selectors as erasure
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import ProbeState, Review, ReviewState


@dataclass(frozen=True, slots=True)
class NextStep:
    """`form` names the form the card shows; `href` a page to go to; neither: waiting."""

    title: str
    text: str = ""
    who: str = ""
    law: str = ""
    due: date | None = None
    form: str = ""
    href: str = ""
    button: str = ""
    wait: bool = False


def next_step(case: Case, actor: Actor) -> NextStep:
    match case.status:
        case Status.RECEIVED | Status.NEEDS_INFO | Status.IDENTITY:
            return _before_search(case)
        case Status.SEARCHING:
            return NextStep(
                _("The search is running"),
                _("hnswlib looks first, then every row is compared. This takes seconds."),
                wait=True,
                due=case.due_on,
            )
        case Status.IN_REVIEW | Status.SECOND_REVIEW:
            return _review(case, actor)
        case Status.DECIDED:
            return _answer(case)
        case Status.DELIVERED:
            return _after_delivery(case)
        case Status.ERASING:
            return _erasing(case)
    return NextStep(_("Nothing is left to do"), _("The case is closed."))


def _before_search(case: Case) -> NextStep:
    if case.opener and not case.origin_confirmed_by:
        return NextStep(
            _("Confirm the original request"),
            _(
                "This request was entered by a colleague. Another person must have seen the "
                "original and a reply that confirmed the contact."
            ),
            law="R20",
            form="origin",
            button=_("I saw both"),
            due=case.due_on,
        )
    if case.level < case.required_level:
        return NextStep(
            _("Check who is asking"),
            _("No search runs before the level is met, whatever would be found."),
            law=_("Art. 12(6), rules R2, R6, R7"),
            form="identity",
            button=_("Record the check"),
            due=case.due_on,
        )
    probe = matching.latest_probe(case.id)
    if probe is None:
        text = _("The person has not sent a photo. Look at the other ways in below.")
    elif probe.state == ProbeState.WAITING_CONSENT:
        text = _("The photo waits, encrypted, until the person agrees to the comparison.")
    elif probe.state == ProbeState.UNUSABLE:
        text = _("The photo cannot be used. The person was asked for another one.")
    else:
        text = _("The photo is being checked.")
    return NextStep(_("Wait for the person"), text, wait=True, due=case.due_on)


def _review(case: Case, actor: Actor) -> NextStep:
    review = matching.current_review(case.id)
    if review is None:
        return NextStep(_("The search is running"), wait=True)
    law = _("Art. 22, AI Act Art. 14(5), rule R19")
    compare = reverse("desk:compare", kwargs={"reference": case.reference})
    if matching.position_of(review, actor) is not None:
        return NextStep(
            _("Compare the pictures"),
            _("Say what you see, then the band appears, then you confirm."),
            who=_("You"),
            law=law,
            href=compare,
            button=_("Compare"),
            due=case.due_on,
        )
    if review.state == ReviewState.FIRST and not review.first_officer:
        return NextStep(
            _("Take the case"),
            _("Two persons decide. The first one takes it; the second is drawn."),
            law=law,
            form="take",
            button=_("Take this case"),
            due=case.due_on,
        )
    if review.state == ReviewState.SUPERVISOR and not review.supervisor:
        return NextStep(
            _("Decide a disagreement"),
            _("The two persons see something differently. A supervisor decides, with a reason."),
            law=law,
            form="take",
            button=_("Take the disagreement"),
            due=case.due_on,
        )
    return NextStep(
        _("Waits for a colleague"), who=_who(review), law=law, wait=True, due=case.due_on
    )


def _who(review: Review) -> str:
    number = {
        ReviewState.FIRST: review.first_officer,
        ReviewState.SECOND: review.second_officer,
        ReviewState.SUPERVISOR: review.supervisor,
    }.get(ReviewState(review.state))
    staff = Staff.objects.filter(staff_no=number).first() if number else None
    return staff.display_name if staff else _("nobody yet")


def _answer(case: Case) -> NextStep:
    law = _("Art. 12(3), 15(1), 15(3)")
    answer = disclosure.current_answer(case.id)
    if answer is None or answer.state == AnswerState.FAILED:
        return NextStep(
            _("Make the answer"),
            _("The letter, the pictures with other faces covered, and the package."),
            law=law,
            form="answer",
            button=_("Make the answer"),
            due=case.due_on,
        )
    if answer.state == AnswerState.QUEUED:
        return NextStep(_("The answer is being made"), law=law, wait=True, due=case.due_on)
    if answer.state == AnswerState.READY:
        return NextStep(
            _("Read the answer and approve it"),
            _("It leaves with the next daily batch, whatever it says."),
            law=law,
            form="approve",
            button=_("Approve the answer"),
            due=case.due_on,
        )
    return NextStep(
        _("Waits for the daily batch"),
        _("Answers leave together once a day."),
        law=_("rule R3"),
        wait=True,
        due=case.due_on,
    )


def _after_delivery(case: Case) -> NextStep:
    asked = set(case.rights.values_list("right", flat=True))
    if RightCode.ERASURE not in asked:
        return NextStep(_("Nothing is left to do"), _("The answer was delivered."))
    return NextStep(
        _("Erase the records"),
        _(
            "The person may press Delete now. Otherwise it happens on the planned day, "
            "after the hold window."
        ),
        law=_("Art. 17(1), rule R4"),
        form="erasure",
        button=_("Start the erasure"),
        due=case.due_on,
    )


def _erasing(case: Case) -> NextStep:
    plan: Any = erasure.current_plan(case.id)
    text = _("The plan is being carried out and checked.")
    if plan is not None and plan.hold_until is not None and plan.state == "hold":
        text = _("The hold window runs. Until then anything can still stop it.")
    return NextStep(_("Erasure runs"), text, law=_("Art. 17(1)"), wait=True, due=case.due_on)
