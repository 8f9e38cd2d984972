"""The answer on paper: the wish, the print pack, the post, and that it was handed over (T-13)."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import paper, paper_notices, paper_packs, paper_returns, question_returns
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.cases.paper_models import PaperPack, PaperReturn, ReturnStep
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_intake, for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import ArrivedForm, PostedForm, ReturnedForm

_BACK = "back."
_AGAIN_SAID = gettext_lazy("It waits for the post again. Pack it anew.")
_HOLD_SAID = gettext_lazy("It stays here until the person says where to.")
_STEPS = {
    "again": (paper_returns.post_again, _AGAIN_SAID),
    "hold": (
        paper_returns.keep_here,
        _HOLD_SAID,
    ),
}
_LETTER_STEPS = {
    "again": (
        question_returns.make_anew,
        gettext_lazy("The letter is made with the address we have now."),
    ),
    "hold": (question_returns.keep_here, _HOLD_SAID),
}


@for_intake
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """What waits for the post and what was posted; the wish is written down or ended here."""
    found = cases.case_for(staff_of(request), reference)
    if request.method == "POST":
        chosen = request.POST.get("do") == "choose"
        act = paper.choose if chosen else paper_packs.back_to_link
        try:
            act(case_id=found.id, actor=actor)
        except PortalError as error:
            messages.warning(request, str(error.message))
        else:
            messages.success(
                request,
                _("What leaves from now on goes by registered post.")
                if chosen
                else _("What waits leaves by link with the next batch. What was posted opens too."),
            )
        return redirect("desk:paper", reference=found.reference)
    return _page(request, found, actor)


@for_reviewers
@require_POST
def print_pack(
    request: HttpRequest, actor: Actor, reference: str, delivery_id: UUID
) -> HttpResponse:
    """Cover letter and answer as one file; made now, kept nowhere, and an event."""
    found = _with_delivery(request, reference, delivery_id)
    pack = paper_packs.print_pack(delivery_id=delivery_id, actor=actor)
    response = HttpResponse(pack, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.reference}-post.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response


@for_reviewers
@require_POST
def posted(request: HttpRequest, actor: Actor, reference: str, delivery_id: UUID) -> HttpResponse:
    """Another person than who packed it gave it to the post."""
    found = _with_delivery(request, reference, delivery_id)
    form = PostedForm(request.POST, prefix=str(delivery_id))
    if form.is_valid():
        try:
            paper_packs.record_posted(delivery_id=delivery_id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("number", error.message)
        else:
            messages.success(request, _("Recorded. It counts as delivered today."))
            return redirect("desk:paper", reference=found.reference)
    return _page(request, found, actor, form)


@for_reviewers
@require_POST
def arrived(request: HttpRequest, actor: Actor, reference: str, delivery_id: UUID) -> HttpResponse:
    """The post says that it was handed over."""
    found = _with_delivery(request, reference, delivery_id)
    form = ArrivedForm(request.POST, prefix=str(delivery_id))
    if form.is_valid():
        try:
            paper_packs.record_arrived(delivery_id=delivery_id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("on", error.message)
        else:
            messages.success(request, _("Recorded."))
            return redirect("desk:paper", reference=found.reference)
    return _page(request, found, actor, form)


@for_reviewers
@require_POST
def returned(request: HttpRequest, actor: Actor, reference: str, delivery_id: UUID) -> HttpResponse:
    """The post brought it back; then it is posted again or kept here."""
    found = _with_delivery(request, reference, delivery_id)
    if request.POST.get("do") in _STEPS:
        act, said = _STEPS[request.POST["do"]]
        try:
            act(delivery_id=delivery_id, actor=actor)
        except PortalError as error:
            messages.warning(request, str(error.message))
        else:
            messages.success(request, str(said))
        return redirect("desk:paper", reference=found.reference)
    form = ReturnedForm(request.POST, prefix=_BACK + str(delivery_id))
    if form.is_valid():
        try:
            paper_returns.record_returned(delivery_id=delivery_id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("on", error.message)
        else:
            messages.success(request, _("Recorded. The person is told where we know a mailbox."))
            return redirect("desk:paper", reference=found.reference)
    return _page(request, found, actor, form)


def _with_delivery(request: HttpRequest, reference: str, delivery_id: UUID) -> Case:
    found = cases.case_for(staff_of(request), reference)
    if not found.deliveries.filter(id=delivery_id).exists():
        raise NotFound("no_delivery", _("There is no such letter."))
    return found


def _page(
    request: HttpRequest, found: Case, actor: Actor, sent: PlainForm | None = None
) -> HttpResponse:
    def form(kind: type[PlainForm], delivery_id: UUID, before: str = "") -> PlainForm:
        prefix = before + str(delivery_id)
        return sent if sent is not None and sent.prefix == prefix else kind(prefix=prefix)

    back = {one.delivery_id: one for one in paper_returns.not_posted_again(found)}

    context = {
        "case": found,
        "form": sent,
        "wanted": paper.wanted(found),
        "waits_until": paper_notices.waits_until(found),
        "contact": cases.contact_of(found),
        "may_post": actor.role in REVIEWERS,
        "waiting": [
            {"row": one, "pack": getattr(one, "pack", None), "form": form(PostedForm, one.id)}
            for one in paper_packs.waiting(found)
        ],
        "posted": [
            {
                "pack": one,
                "number": paper_packs.number_of(one),
                "back": back.get(one.delivery_id),
                "form": _unless_over(one, back) and form(ArrivedForm, one.delivery_id),
                "back_form": _unless_over(one, back) and form(ReturnedForm, one.delivery_id, _BACK),
            }
            for one in paper_packs.posted(found)
        ],
        "earlier": [
            {"row": one, "number": paper_returns.number_of(one)}
            for one in paper_returns.returns_of(found).filter(step=ReturnStep.AGAIN)
        ],
    }
    return render(request, "desk/paper.html", context, status=422 if sent else 200)


def _unless_over(pack: PaperPack, back: Mapping[UUID, PaperReturn]) -> bool:
    """Whether the post can still say something about it: neither handed over nor back here."""
    return pack.arrived_on is None and pack.delivery_id not in back


@for_reviewers
@require_http_methods(["GET", "POST"])
def question_returned(
    request: HttpRequest, actor: Actor, reference: str, letter_id: UUID
) -> HttpResponse:
    """A letter that asks came back from the post: it was never asked (law D-07). Then it is made
    anew or kept here."""
    found = cases.case_for(staff_of(request), reference)
    if request.POST.get("do") in _LETTER_STEPS:
        settle, said = _LETTER_STEPS[request.POST["do"]]
        try:
            settle(case_id=found.id, letter_id=letter_id, actor=actor)
        except PortalError as error:
            messages.warning(request, str(error.message))
        else:
            messages.success(request, str(said))
        return redirect("desk:case", reference=found.reference)
    form = ReturnedForm(request.POST or None)

    def act() -> None:
        question_returns.record_returned(
            case_id=found.id, letter_id=letter_id, actor=actor, **form.cleaned_data
        )

    if done(request, form, act, _("Recorded. The letter waits for the post again.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(request, "desk/question_returned.html", found, form)
