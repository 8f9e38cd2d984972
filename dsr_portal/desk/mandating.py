"""Who acts for the person, and a child who asks: checked by a person (R11; law C-01, C-04)."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import acting, acting_invites, children, invitations, mandate_checks, mandates
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.acting_models import AccountState
from dsr_portal.cases.mandate_models import Mandate, MandateDoubt, MandateMeans
from dsr_portal.cases.models import Case, RightCode
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import at_desk, for_intake, for_reviewers
from dsr_portal.desk.comparing import jpeg_response
from dsr_portal.desk.mandate_forms import (
    AcceptMandateForm,
    AskMandateForm,
    ChildForm,
    EndMandateForm,
    MandateForm,
    RecoverForm,
    RefuseMandateForm,
)
from dsr_portal.matching import representing
from dsr_portal.vault.confined import PictureRefused, decode_picture
from dsr_portal.vault.pictures import jpeg_of


def _page(request: HttpRequest, found: Case, actor: Actor, **forms: PlainForm) -> HttpResponse:
    """Everything about who acts, with the forms this person may use now."""
    mandate = mandates.newest(found)
    stands = mandate is not None and mandate.state in mandates.STANDING
    reviews = actor.role in REVIEWERS
    undecided = mandate is not None and mandate.state in mandate_checks.OPEN
    barred = mandate is not None and actor.id in {mandate.written_by, found.opener}
    context: dict[str, Any] = {
        "case": found,
        "mandate": mandate,
        "seen": None if mandate is None else _seen(mandate),
        "reached": mandates.person_reached(found),
        "opened": invitations.opened(found),
        "write_form": None if stands else forms.get("write") or _write_form(found),
        "barred": undecided and barred,
        "accept_form": forms.get("accept"),
        "ask_form": forms.get("ask"),
        "refuse_form": forms.get("refuse"),
        "end_form": forms.get("end"),
        "form": next(iter(forms.values()), None),
    }
    if mandate is not None:
        context["account"] = _account(mandate, actor, reviews=reviews)
        context["recover_form"] = forms.get("recover") or RecoverForm(prefix="recover")
    if reviews and undecided and not barred and mandate is not None:
        context["accept_form"] = context["accept_form"] or AcceptMandateForm(prefix="accept")
        context["refuse_form"] = context["refuse_form"] or RefuseMandateForm(
            prefix="refuse", kind=mandate.kind
        )
        if mandate.asked_at is None:
            context["ask_form"] = context["ask_form"] or AskMandateForm(prefix="ask")
    if reviews and stands:
        context["end_form"] = context["end_form"] or EndMandateForm(prefix="end")
    status = 422 if context["form"] is not None else 200
    return render(request, "desk/mandate.html", context, status=status)


def _account(mandate: Mandate, actor: Actor, *, reviews: bool) -> dict[str, Any]:
    """The account of who acts, and what this person may do about it."""
    row = acting.account_of(mandate)
    waiting = None if row is None else row.recoveries.filter(decided_at=None).first()
    invited = row is None or row.state == AccountState.INVITED
    can_have = mandates.in_force(mandate) and not mandate.holds_page
    return {
        "row": row,
        "waiting": waiting,
        "compared": "" if waiting is None else acting_invites.recovery_words(waiting),
        "own": waiting is not None and waiting.proposed_by == actor.id,
        "reviews": reviews,
        "may_invite": reviews and invited and can_have and bool(mandates.who_acts(mandate).email),
        "may_recover": reviews
        and waiting is None
        and row is not None
        and row.state in {AccountState.ACTIVE, AccountState.LOCKED},
    }


def _write_form(found: Case) -> MandateForm:
    return MandateForm(rights=_rights(found))


def _rights(found: Case) -> list[tuple[str, Any]]:
    asked = found.rights.order_by("id").values_list("right", flat=True)
    return [(right, RightCode(right).label) for right in asked]


def _seen(mandate: Mandate) -> dict[str, Any]:
    """The mandate as an officer reads it; outside a transaction."""
    who = mandates.who_acts(mandate)
    return {
        "who": who,
        "rights": [RightCode(one).label for one in mandate.rights],
        "doubts": [MandateDoubt(one).label for one in mandate.doubts],
        "means": [MandateMeans(one).label for one in mandate.means],
        "asked": mandates.words(mandate, "ask"),
        "answered": mandates.words(mandate, "answer"),
        "decided": mandates.words(mandate, "decision"),
        "ended": mandates.words(mandate, "end"),
        "in_force": mandates.in_force(mandate),
    }


@at_desk
@require_GET
def mandate(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    return _page(request, cases.case_for(staff_of(request), reference), actor)


@for_intake
@require_POST
def write(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Who acts, with the mandate as it came; another person decides about it."""
    found = cases.case_for(staff_of(request), reference)
    form = MandateForm(request.POST, request.FILES, rights=_rights(found))
    if form.is_valid():
        data = dict(form.cleaned_data)
        who = mandates.Representative(
            **{name: data.pop(name) for name in ("name", "organisation", "email", "postal")}
        )
        try:
            mandates.write_down(case_id=found.id, actor=actor, who=who, **data)
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Written down. Another person looks at the mandate next."))
            return redirect("desk:mandate", reference=found.reference)
    return _page(request, found, actor, write=form)


@for_reviewers
@require_POST
def accept(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = _found(request, reference)
    form = AcceptMandateForm(request.POST, prefix="accept")
    return _act(request, actor, found, form=form, service=representing.accept, said=_("Accepted."))


@for_reviewers
@require_POST
def ask(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Once: the fact, a sentence, at least two ways to choose from, none of them a notary."""
    found = _found(request, reference)
    form = AskMandateForm(request.POST, prefix="ask")
    said = _("Sent. The person can settle it too, with one yes.")
    return _act(request, actor, found, form=form, service=mandate_checks.ask, said=said)


@for_reviewers
@require_POST
def refuse(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    found = _found(request, reference)
    form = RefuseMandateForm(request.POST, prefix="refuse", kind=found.kind)
    said = _("Not accepted. The request stays the person's: they are told, and can go on.")
    return _act(request, actor, found, form=form, service=mandate_checks.refuse, said=said)


def _act(
    request: HttpRequest,
    actor: Actor,
    current: Mandate,
    *,
    form: PlainForm,
    service: Callable[..., object],
    said: str,
) -> HttpResponse:
    """Do what a form asks, or show the page again with what is wrong in it."""
    found = current.case
    if form.is_valid():
        try:
            service(mandate_id=current.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, said)
            return redirect("desk:mandate", reference=found.reference)
    return _page(request, found, actor, **{str(form.prefix): form})


@for_reviewers
@require_POST
def end(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The person told us that nobody acts for them any more."""
    found = cases.case_for(staff_of(request), reference)
    form = EndMandateForm(request.POST, prefix="end")
    if form.is_valid():
        representing.end(case_id=found.id, actor=actor, **form.cleaned_data)
        messages.success(request, _("Ended. Their access is closed, and both are told."))
        return redirect("desk:mandate", reference=found.reference)
    return _page(request, found, actor, end=form)


@for_reviewers
@require_POST
def link(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """A new link of their own for one of the two."""
    found = cases.case_for(staff_of(request), reference)
    mandates.invite_again(
        mandate_id=_mandate_of(found).id,
        addressee=request.POST.get("to", ""),
        actor=actor,
    )
    messages.success(request, _("A new link leaves by e-mail. The old one is over."))
    return redirect("desk:mandate", reference=found.reference)


@for_reviewers
@require_POST
def account(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Invite who acts to an account; or decide, as another person, about a lost second factor."""
    current = _found(request, reference)
    what = request.POST.get("do", "")
    if what == "invite":
        acting_invites.invite(mandate_id=current.id, actor=actor)
        messages.success(request, _("Invited. The link leaves by e-mail and opens for seven days."))
    else:
        row = acting.account_of(current)
        waiting = None if row is None else row.recoveries.filter(decided_at=None).first()
        if waiting is None:
            raise NotFound("no_proposal", _("There is no such proposal."))
        acting_invites.decide_recovery(recovery_id=waiting.id, agree=what == "agree", actor=actor)
        said = _("Agreed. The old second factor ended, and a new link leaves to the same address.")
        messages.success(request, said if what == "agree" else _("Turned down. Nothing changed."))
    return redirect("desk:mandate", reference=reference)


@for_reviewers
@require_POST
def recover(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Their phone is lost: one person writes down how they know who it is, another agrees."""
    current = _found(request, reference)
    row = acting.account_of(current)
    if row is None:
        raise NotFound("no_account", _("They have no account."))
    form = RecoverForm(request.POST, prefix="recover")
    if form.is_valid():
        try:
            acting_invites.propose_recovery(account_id=row.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Proposed. It counts when another person agrees."))
            return redirect("desk:mandate", reference=reference)
    return _page(request, current.case, actor, recover=form)


@at_desk
@require_http_methods(["GET"])
def document(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The mandate as it came: a picture as our own, anything else unopened, to be saved (R28)."""
    found = cases.case_for(staff_of(request), reference)
    data = mandates.document(_mandate_of(found))
    if data is None:
        raise NotFound("no_document", _("There is no such document."))
    with unit_of_work():
        record("mandate.seen", actor=actor, case_id=found.id)
    try:
        return jpeg_response(jpeg_of(decode_picture(data)), actor)
    except PictureRefused:
        response = HttpResponse(data, content_type="application/octet-stream")
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{found.reference}-mandate.bin"'
        )
        return response


@at_desk
@require_http_methods(["GET", "POST"])
def child(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """What to look for when a child asks, and what an officer decided (law C-01, C-02)."""
    found = cases.case_for(staff_of(request), reference)
    form = ChildForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            representing.decide_about_child(case_id=found.id, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            messages.success(request, _("Written down."))
            return redirect("desk:case", reference=found.reference)
    rows = found.child_reviews.select_related("case").order_by("-at", "-id")
    context = {
        "case": found,
        "form": form,
        "reviews": [{"row": row, "words": children.words(row)} for row in rows],
        "may_decide": actor.role in REVIEWERS and children.is_child(found),
    }
    return render(request, "desk/child.html", context, status=422 if form.errors else 200)


def _found(request: HttpRequest, reference: str) -> Mandate:
    return _mandate_of(cases.case_for(staff_of(request), reference))


def _mandate_of(found: Case) -> Mandate:
    current = mandates.newest(found)
    if current is None:
        raise NotFound("no_mandate", _("Nobody acts for this person."))
    return current
