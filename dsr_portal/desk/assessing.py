"""The impact assessment at the desk: written, advised on, approved, handed out (P-09; R34)."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts.models import Role
from dsr_portal.compliance import assessment_paper as paper
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.desk.access import for_governance
from dsr_portal.desk.governance_forms import AdviceForm, AssessmentForm
from dsr_portal.policy import assessment
from dsr_portal.policy.assessment_models import Assessment, AssessmentState


@for_governance
@require_GET
def overview(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor)


def _page(
    request: HttpRequest, actor: Actor, *, form: AssessmentForm | None = None, status: int = 200
) -> HttpResponse:
    writing = assessment.being_written()
    is_draft = writing is not None and writing.state == AssessmentState.DRAFT
    may_write = actor.role in assessment.MAY_WRITE
    if form is None and writing is not None and is_draft and may_write:
        form = AssessmentForm.of(writing)
    wrote = {writing.written_by, writing.submitted_by} if writing else set()
    context = {
        "closed": assessment.closed(),
        "in_force": assessment.in_force(),
        "reviews": assessment.reviews(),
        "versions": assessment.versions(),
        "writing": writing,
        "is_draft": is_draft,
        "missing": assessment.missing(writing) if writing and is_draft else [],
        "form": form,
        "may_write": may_write,
        "may_advise": actor.role == Role.DPO,
        "may_approve": actor.role == Role.DIRECTOR and actor.id not in wrote,
        "is_director": actor.role == Role.DIRECTOR,
        "advice_form": AdviceForm(),
        "parts": paper.sections(writing) if writing and not is_draft else [],
    }
    return render(request, "desk/assessment.html", context, status=status)


@for_governance
@require_POST
def act(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One step with the version that is being written; the service asks who may."""
    wish = request.POST.get("do", "")
    writing = assessment.being_written()
    if wish == "begin":
        return _done(request, actor, lambda: assessment.begin(actor=actor), _("Begun."))
    if writing is None:
        raise Http404
    if wish in {"save", "submit"}:
        return _written(request, actor, writing, closes=wish == "submit")
    steps: dict[str, tuple[Callable[[], object], str]] = {
        "advise": (
            lambda: assessment.advise(
                assessment_id=writing.id, advice=request.POST.get("advice", ""), actor=actor
            ),
            _("Your advice stands in the version and in the trail."),
        ),
        "send_back": (
            lambda: assessment.send_back(assessment_id=writing.id, actor=actor),
            _("Open again for writing."),
        ),
        "approve": (
            lambda: assessment.approve(assessment_id=writing.id, actor=actor),
            _("Approved under your name. Searches that waited begin."),
        ),
    }
    if wish not in steps:
        raise Http404
    step, words = steps[wish]
    return _done(request, actor, step, words)


def _written(
    request: HttpRequest, actor: Actor, writing: Assessment, *, closes: bool
) -> HttpResponse:
    form = AssessmentForm(request.POST)
    if not form.is_valid():
        return _page(request, actor, form=form, status=422)

    try:
        assessment.write(
            assessment_id=writing.id, sections=form.sections(), said=form.said(), actor=actor
        )
        if closes:
            assessment.submit(assessment_id=writing.id, actor=actor)
    except (BadInput, Conflict) as error:
        form.add_error(None, str(error.message))
        return _page(request, actor, form=form, status=422)
    words = _("Closed. It waits for advice and approval.") if closes else _("Saved.")
    messages.success(request, words)
    return redirect("desk:assessment")


def _done(
    request: HttpRequest, actor: Actor, step: Callable[[], object], words: str
) -> HttpResponse:
    try:
        step()
    except (BadInput, Conflict) as error:
        messages.error(request, str(error.message))
        return _page(request, actor, status=error.http_status)
    messages.success(request, words)
    return redirect("desk:assessment")


@for_governance
@require_GET
def file(request: HttpRequest, actor: Actor, assessment_id: UUID, kind: str) -> HttpResponse:
    """A version as PDF or Markdown."""
    version = assessment.by_id(assessment_id)
    if kind == "pdf":
        response = HttpResponse(paper.pdf(version), content_type="application/pdf")
    elif kind == "md":
        response = HttpResponse(
            paper.markdown(version), content_type="text/markdown; charset=utf-8"
        )
    else:
        raise Http404
    name = f"impact-assessment-{version.version}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
