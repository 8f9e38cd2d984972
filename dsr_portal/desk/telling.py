"""Recipients at the desk: their addresses, what they were told, what they answered (Art. 19)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import recusals
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, PortalError
from dsr_portal.desk.access import at_desk, for_listers, for_reviewers
from dsr_portal.desk.forms import ChannelForm, CopyForm, StatementForm, SystemForm
from dsr_portal.gallery import channels, copies, notices, selectors, statements, systems
from dsr_portal.gallery.models import Notice, PublicCopy, PublicCopyStep
from dsr_portal.jobs import selectors as jobs
from dsr_portal.jobs.outbox import transport


@at_desk
@require_GET
def recipients(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _page(request, actor)


def _page(request: HttpRequest, actor: Actor, **more: Any) -> HttpResponse:
    names = ("channel_form", "system_form", "statement_form")
    forms = [more[name] for name in names if name in more]
    rows = notices.open_notices().exclude(case_id__in=recusals.kept_from(staff_of(request)))
    context = {
        "recipients": [(one, _channels(one)) for one in channels.recipients()],
        "notices": [(one, _reference(one), _acts(one, actor)) for one in rows],
        "coverage": selectors.lookup_coverage(),
        "mails_waiting": jobs.mails_waiting(),
        "mail_ready": bool(transport()),
        "systems": list(systems.systems()),
        "may_list": actor.role in channels.MAY_LIST,
        "may_review": actor.role in REVIEWERS,
        "staff_no": actor.id,
        "channel_form": ChannelForm(),
        "system_form": SystemForm(),
        "statement_form": StatementForm(),
        "statement": statements.current(),
        "statements_waiting": statements.waiting(),
        **more,
    }
    refused = any(form.errors for form in forms)
    return render(request, "desk/recipients.html", context, status=422 if refused else 200)


def _channels(recipient: Any) -> list[Any]:
    states = ("SERVING", "PROPOSED")
    return [one for one in recipient.channels.all() if one.state in states]


def _reference(notice: Notice) -> str:
    found = Case.objects.filter(id=notice.case_id).values_list("reference", flat=True).first()
    return found or ""


def _acts(notice: Notice, actor: Actor) -> list[tuple[str, str]]:
    """What this person can do with a notice now: value and words of each button."""
    acts: list[tuple[str, str]] = []
    if actor.role in REVIEWERS:
        if notices.waits_to_be_posted(notice):
            acts.append(("posted", _("Posted")))
        if notice.sent_at is not None:
            acts += [
                ("received", _("Has it")),
                ("done", _("Did it")),
                ("refused", _("Refused")),
            ]
    if notice.excuse_proposed_by not in ("", actor.id) and actor.role in notices.MAY_EXCUSE:
        acts.append(("agree", _("Agree not to tell")))
    return acts


@for_listers
@require_POST
def propose_channel(request: HttpRequest, actor: Actor, recipient_id: UUID) -> HttpResponse:
    form = ChannelForm(request.POST)
    if form.is_valid():
        try:
            channels.propose(recipient_id=recipient_id, actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error("address", error.message)
    if not form.is_valid():
        return _page(request, actor, channel_form=form, open_recipient=recipient_id)
    messages.success(request, _("Proposed. Another person approves it before anything is sent."))
    return redirect("desk:recipients")


@for_listers
@require_POST
def decide_channel(request: HttpRequest, actor: Actor, channel_id: UUID) -> HttpResponse:
    if request.POST.get("do") == "approve":
        channels.approve(channel_id=channel_id, actor=actor)
        messages.success(request, _("In use. Notices that waited for it leave now."))
    else:
        channels.reject(channel_id=channel_id, actor=actor)
        messages.success(request, _("Rejected. Nothing changes."))
    return redirect("desk:recipients")


@at_desk
@require_POST
def notice(request: HttpRequest, actor: Actor, notice_id: UUID) -> HttpResponse:
    """One act on one notice; the service says who may do it."""
    act = request.POST.get("do", "")
    try:
        if act == "posted":
            notices.mark_posted(notice_id=notice_id, actor=actor)
        elif act == "excuse":
            reason = request.POST.get("reason", "")
            notices.propose_excuse(notice_id=notice_id, reason=reason, actor=actor)
        elif act == "agree":
            notices.excuse(notice_id=notice_id, actor=actor)
        else:
            notices.record_answer(notice_id=notice_id, answer=act, actor=actor)
    except BadInput as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Recorded."))
    return redirect("desk:recipients")


@for_listers
@require_POST
def propose_system(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = SystemForm(request.POST)
    if form.is_valid():
        try:
            systems.propose(name=form.cleaned_data["name"], actor=actor)
        except PortalError as error:
            form.add_error("name", error.message)
    if not form.is_valid():
        return _page(request, actor, system_form=form)
    messages.success(request, _("Proposed. The token is made when another person approves."))
    return redirect("desk:recipients")


@for_listers
@require_POST
def decide_system(request: HttpRequest, actor: Actor, system_id: UUID) -> HttpResponse:
    """Let a system in, and show its token on this one page; or end its access."""
    if request.POST.get("do") == "approve":
        token = systems.approve(system_id=system_id, actor=actor)
        # Rendered at once: a message would lie in the session, in clear.
        return _page(request, actor, token=token)
    systems.end(system_id=system_id, actor=actor)
    messages.success(request, _("Ended. Its token opens nothing any more."))
    return redirect("desk:recipients")


@for_listers
@require_POST
def propose_statement(request: HttpRequest, actor: Actor) -> HttpResponse:
    form = StatementForm(request.POST)
    if form.is_valid():
        try:
            statements.propose(actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error("words", error.message)
    if not form.is_valid():
        return _page(request, actor, statement_form=form)
    messages.success(request, _("Written down. Answers print it when another person agrees."))
    return redirect("desk:recipients")


@for_listers
@require_POST
def approve_statement(request: HttpRequest, actor: Actor, statement_id: UUID) -> HttpResponse:
    statements.approve(statement_id=statement_id, actor=actor)
    messages.success(request, _("In force. Answers made from now on print it."))
    return redirect("desk:recipients")


@for_reviewers
@require_http_methods(["GET", "POST"])
def public_copies(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Art. 17(2): who published a copy, what was done about it, and when (E-07)."""
    found = cases.case_for(staff_of(request), reference)
    form = CopyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            copies.add(case_id=found.id, actor=actor, **form.cleaned_data)
        except BadInput as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Written down."))
            return redirect("desk:copies", reference=found.reference)
    context = {
        "case": found,
        "form": form,
        "copies": [_copy_shown(row) for row in selectors.copies_of(found.id)],
        "ways": PublicCopyStep.Way.choices,
        "told": selectors.recipients_told(found.id),
        "results": PublicCopy.Result.choices,
    }
    return render(request, "desk/copies.html", context, status=422 if form.errors else 200)


def _copy_shown(row: PublicCopy) -> dict[str, Any]:
    return {"task": row, "steps": [(one, copies.words_of(one)) for one in row.steps.all()]}


@for_reviewers
@require_POST
def copy_step(request: HttpRequest, actor: Actor, reference: str, copy_id: UUID) -> HttpResponse:
    """Write down one step about a published copy (E-07)."""
    found = cases.case_for(staff_of(request), reference)
    try:
        copies.add_step(
            copy_id=copy_id,
            case_id=found.id,
            way=request.POST.get("way", ""),
            words=request.POST.get("words", ""),
            actor=actor,
        )
    except BadInput as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Written down."))
    return redirect("desk:copies", reference=found.reference)


@for_reviewers
@require_POST
def settle_copy(request: HttpRequest, actor: Actor, reference: str, copy_id: UUID) -> HttpResponse:
    found = cases.case_for(staff_of(request), reference)
    try:
        copies.settle(
            copy_id=copy_id,
            case_id=found.id,
            result=request.POST.get("result", ""),
            reason=request.POST.get("reason", ""),
            actor=actor,
        )
    except BadInput as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Recorded."))
    return redirect("desk:copies", reference=found.reference)
