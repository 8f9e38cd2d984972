"""Pages for mail: what waits to be read, what it asks for, and that it asks for nothing."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.accounts.services import staff_of
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import mail_desk, recusals
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.mailbox import MAIL_ORIGINAL
from dsr_portal.cases.models import MailRole, MailState
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.desk.access import for_intake, for_reviewers
from dsr_portal.desk.clocking import done, form_page
from dsr_portal.desk.forms import MailForm, NoRequestForm
from dsr_portal.vault import services as vault

MOST_ROWS = 200


@for_intake
@require_GET
def mails(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Mails nobody has read; their month runs all the same."""
    rows = mail_desk.waiting().filter(case__in=cases.visible_to(staff_of(request)))
    context = {"rows": rows[:MOST_ROWS], "total": rows.count()}
    return render(request, "desk/mails.html", context)


@for_intake
@require_GET
def next_mail(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The mail of a case that waits to be read, else its first."""
    found = cases.case_for(staff_of(request), reference)
    rows = mail_desk.mails_of(found)
    row = rows.filter(state=MailState.WAITING).first() or rows.first()
    if row is None:
        raise NotFound("no_mail", _("There is no such mail."))
    return redirect("desk:mail", reference=found.reference, mail_id=row.id)


@for_intake
@require_http_methods(["GET", "POST"])
def mail(request: HttpRequest, actor: Actor, reference: str, mail_id: UUID) -> HttpResponse:
    """Read one mail and say what it asks for (T-09)."""
    found = cases.case_for(staff_of(request), reference)
    row = mail_desk.find(found, mail_id)
    seen = mail_desk.seen(row)
    form = MailForm(request.POST or None, initial={"rights": seen.suggested})
    if request.method == "POST" and form.is_valid():
        try:
            mail_desk.read_as(mail=row, actor=actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error("narrower" if error.code == "narrower_reading" else None, error.message)
        else:
            messages.success(request, _("Read. The case goes on with what it asks for."))
            return redirect("desk:case", reference=found.reference)
    if request.method == "GET":
        with unit_of_work():
            record("original.seen", actor=actor, case_id=found.id)
    named = row.may_belong
    if named is not None and recusals.stands(named.id, staff_of(request)):
        named = None
    context = {
        "case": found,
        "named": named,
        "seen": seen,
        "form": form,
        "may_read": row.state == MailState.WAITING,
        "may_set_aside": row.role == MailRole.OPENED
        and actor.role in REVIEWERS
        and mail_desk.why_not_aside(found) is None,
    }
    return render(request, "desk/mail.html", context, status=422 if form.errors else 200)


@for_intake
@require_GET
def original(request: HttpRequest, actor: Actor, reference: str, mail_id: UUID) -> HttpResponse:
    """A mail as it came, unopened, to be saved (R28)."""
    found = cases.case_for(staff_of(request), reference)
    row = mail_desk.find(found, mail_id)
    with unit_of_work():
        record("original.seen", actor=actor, case_id=found.id)
    response = HttpResponse(
        vault.read(row.unit, MAIL_ORIGINAL), content_type="application/octet-stream"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{found.reference}-mail.eml"'
    return response


@for_reviewers
@require_http_methods(["GET", "POST"])
def no_request(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """Propose that a mail asks for nothing; another person reads it too (N-15)."""
    found = cases.case_for(staff_of(request), reference)
    form = NoRequestForm(request.POST or None)

    def act() -> None:
        mail_desk.propose_no_request(case_id=found.id, actor=actor, **form.cleaned_data)

    if done(request, form, act, _("Proposed. Nothing changes before another person agrees.")):
        return redirect("desk:case", reference=found.reference)
    return form_page(
        request,
        "desk/refuse.html",
        found,
        form,
        title=_("This mail asks for nothing"),
        lead=_(
            "A request needs no article and no right words. Somebody who asks what we hold, or "
            "wants a picture gone, asks for something. Another person reads it too. Whoever wrote "
            "hears that we closed it and how to go on."
        ),
        not_yet=mail_desk.why_not_aside(found),
    )
