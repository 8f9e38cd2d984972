"""Pages about the clock: more time, why it is late, what waits for a second person, the post."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import (
    address_changes,
    answering,
    arrivals,
    extensions,
    lateness,
    letters,
    proposals,
    question_returns,
)
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.clocks import clock_of
from dsr_portal.cases.correction_models import Wrong
from dsr_portal.cases.models import (
    Case,
    LetterState,
    Means,
    Missing,
    PauseGround,
    Proposal,
    ProposalKind,
    RightCode,
)
from dsr_portal.cases.ordered import standing_dates
from dsr_portal.cases.paper_models import LetterReturn, ReturnStep
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotAllowed, NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.core.templatetags.ui import day
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.clock_line import clock_line
from dsr_portal.desk.facts import letters_shown
from dsr_portal.desk.forms import ArrivalForm, ExtensionForm, LateForm
from dsr_portal.law.articles import (
    CORRECTION_GROUNDS,
    EXEMPTIONS,
    REFUSAL_GROUNDS,
    CorrectionGround,
    Exemption,
    RefusalGround,
)
from dsr_portal.matching import came_in
from dsr_portal.matching.models import Review
from dsr_portal.matching.selectors import second_look


@for_reviewers
@require_http_methods(["GET", "POST"])
def extension(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Propose to take longer; another person agrees, then the letter leaves (law D-06)."""
    found = cases.case_for(staff_of(request), reference)
    form = ExtensionForm(request.POST or None)

    def act() -> None:
        extensions.propose(case_id=found.id, actor=actor, **form.cleaned_data)

    proposed = done(
        request, form, act, _("Proposed. Nothing changes before another person agrees.")
    )
    if proposed:
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/extension.html", found, form, not_yet=extensions.why_not(found))


@for_reviewers
@require_http_methods(["GET", "POST"])
def arrival(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Propose that it arrived on an earlier day; another person agrees (law D-05)."""
    found = cases.case_for(staff_of(request), reference)
    form = ArrivalForm(request.POST or None)

    def act() -> None:
        arrivals.propose(case_id=found.id, actor=actor, **form.cleaned_data)

    proposed = done(
        request, form, act, _("Proposed. Nothing changes before another person agrees.")
    )
    if proposed:
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/arrival.html", found, form, not_yet=arrivals.why_not(found))


@for_reviewers
@require_http_methods(["GET", "POST"])
def late(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Write down why a date was missed, and what is promised now (law D-09)."""
    found = cases.case_for(staff_of(request), reference)
    form = LateForm(request.POST or None)

    def act() -> None:
        lateness.explain(case_id=found.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, _("Recorded. The next letter names this date.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/late.html", found, form, missed=missed_of(found))


def done(request: HttpRequest, form: PlainForm, act: Callable[[], object], words: str) -> bool:
    """Whether a form was sent, was right and was taken; what is wrong stands in the form."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        act()
    except PortalError as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, words)
    return True


def form_page(
    request: HttpRequest, template: str, found: Case, form: PlainForm, **more: Any
) -> HttpResponse:
    context = {"case": found, "form": form, "clock_line": clock_line(clock_of(found)), **more}
    return render(request, template, context, status=422 if form.errors else 200)


@for_reviewers
@require_POST
def settle(request: HttpRequest, actor: Actor, reference: str, proposal_id: UUID) -> HttpResponse:
    """Agree to what a colleague proposed, or turn it down."""
    found = cases.case_for(staff_of(request), reference)
    proposal = Proposal.objects.filter(id=proposal_id, case=found).first()
    if proposal is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    if _is_hidden(proposal, second_look(found.id, actor), actor):
        raise NotAllowed(
            "second_look_first",
            _("You may be the second person who compares. Reason and words are shown after that."),
        )
    if request.POST.get("do") == "agree":
        proposals.agree(proposal_id=proposal_id, actor=actor)
        messages.success(request, _("Agreed."))
    else:
        proposals.turn_down(proposal_id=proposal_id, actor=actor)
        messages.success(request, _("Turned down. Nothing changed."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def posted(request: HttpRequest, actor: Actor, reference: str, letter_id: UUID) -> HttpResponse:
    """The printed letter went into the post today."""
    found = _with_letter(request, reference, letter_id)
    letters.record_posted(letter_id=letter_id, actor=actor)
    messages.success(request, _("Recorded. The letter counts as sent today."))
    return redirect("desk:case", reference=found.reference)


@for_reviewers
@require_POST
def letter_again(
    request: HttpRequest, actor: Actor, reference: str, letter_id: UUID
) -> HttpResponse:
    """Have a letter that could not be made be made once more."""
    found = _with_letter(request, reference, letter_id)
    letters.make_again(letter_id=letter_id, actor=actor)
    messages.success(request, _("The letter is made once more."))
    return redirect("desk:case", reference=found.reference)


def _with_letter(request: HttpRequest, reference: str, letter_id: UUID) -> Case:
    found = cases.case_for(staff_of(request), reference)
    if not found.letters.filter(id=letter_id).exists():
        raise NotFound("no_letter", _("There is no such letter."))
    return found


def missed_of(found: Case) -> list[dict[str, Any]]:
    """Each missed date with its reason and what was promised; they stay (law D-09)."""
    return [
        {
            "missed_on": row.missed_on,
            "reason": row.get_reason_display() or _("not written down yet"),
            "new_date": row.new_date,
            "broken_on": row.broken_on,
            "letters": lateness.letters_about(found, row).count(),
            "ended_at": row.ended_at,
        }
        for row in found.lateness.order_by("missed_on")
    ]


def clock_context(found: Case, actor: Actor) -> dict[str, Any]:
    """What the case page shows of the clock, of proposals and of letters on their way."""
    return {
        "clock_line": clock_line(clock_of(found)),
        "missed": missed_of(found),
        "ordered": standing_dates(found),
        "proposals": _proposals(found, actor),
        "to_post": _to_post(found, actor),
        "posted_questions": question_returns.under_way(found),
        "unsorted": answering.unsorted(found),
        "not_looked_at": came_in.not_looked_at(found),
        "failed_letters": found.letters.filter(state=LetterState.FAILED),
    }


def _to_post(found: Case, actor: Actor) -> list[dict[str, Any]]:
    """Letters to put in the post; of one that came back when and why, and whether it is kept."""
    back = question_returns.lying_here(found)
    rows = letters_shown(found, actor).filter(state=LetterState.TO_POST)
    return [
        {"letter": one, "back": back.get(one.id), "kept": _is_kept(back.get(one.id))}
        for one in rows.order_by("created_at")
    ]


def _is_kept(row: LetterReturn | None) -> bool:
    return row is not None and row.step == ReturnStep.HOLD


def _proposals(found: Case, actor: Actor) -> list[dict[str, Any]]:
    blind = second_look(found.id, actor)
    return [
        {
            "row": one,
            "hidden": _is_hidden(one, blind, actor),
            "words": "" if _is_hidden(one, blind, actor) else proposals.words_of(one),
            "detail": [] if _is_hidden(one, blind, actor) else _detail(one, actor),
            "own": one.proposed_by == actor.id,
            "left": one.needed - one.agreements.count(),
        }
        for one in proposals.waiting_in(found)
    ]


def _detail(proposal: Proposal, actor: Actor) -> list[tuple[str, str]]:
    """What is agreed to; a new address only for who may agree to it."""
    if proposal.kind == ProposalKind.ADDRESS and actor.role in REVIEWERS:
        return [(_("New e-mail address"), address_changes.proposed_email(proposal))]
    return proposal_words(proposal)


def _is_hidden(proposal: Proposal, blind: Review | None, actor: Actor) -> bool:
    """What was written since the review began may tell what the first person saw (R19)."""
    if blind is None or proposal.proposed_by == actor.id:
        return False
    return proposal.proposed_at >= blind.opened_at


def proposal_words(proposal: Proposal) -> list[tuple[str, str]]:
    """The codes of a proposal as people read them."""
    return [
        (_CODES[name](), _value(name, value))
        for name, value in proposal.codes.items()
        if name in _CODES
    ]


_CODES = {
    "wish": lambda: _("Wish"),
    "reason": lambda: _("Reason"),
    "arrived": lambda: _("Arrived on"),
    "months": lambda: _("Further months"),
    "ground": lambda: _("Ground"),
    "until": lambda: _("Until"),
    "refusal": lambda: _("Ground"),
    "exemption": lambda: _("Ground"),
    "missing": lambda: _("New fact"),
    "means": lambda: _("To choose from"),
    "picture": lambda: _("Picture"),
    "wrong": lambda: _("Said"),
    "how": lambda: _("What is done"),
    "untrue": lambda: _("Ground"),
}


_HOW = {
    "refuse": lambda: _("It is left as it is"),
    "state": lambda: _("Only the person's words are put beside it"),
    "otherwise": lambda: _("Something else than was asked is written: read it there"),
    "left": lambda: _("The picture is taken out: it shows somebody else"),
}


def _value(name: str, value: Any) -> str:
    words = {
        "wish": lambda one: RightCode(one).label,
        "reason": extensions.reason_words,
        "until": lambda one: day(date.fromisoformat(one)),
        "arrived": lambda one: day(date.fromisoformat(one)),
        "refusal": lambda one: REFUSAL_GROUNDS[RefusalGround(one)].text,
        "exemption": lambda one: EXEMPTIONS[Exemption(one)].text,
        "ground": lambda one: PauseGround(one).label,
        "missing": lambda those: "; ".join(str(Missing(one).label) for one in those),
        "means": lambda those: "; ".join(str(Means(one).label) for one in those),
        "wrong": lambda one: Wrong(one).label,
        "how": lambda one: _HOW[one](),
        "untrue": lambda one: CORRECTION_GROUNDS[CorrectionGround(one)].text,
    }
    return str(words[name](value)) if name in words else str(value)
