"""A list with mandates, entered at once: checked line by line, then a case for each (R11)."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import mandates, recusals
from dsr_portal.cases.intake import arrival_of
from dsr_portal.cases.mandate_models import Batch
from dsr_portal.cases.public_status import WORDS, word_for
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.desk.access import for_intake
from dsr_portal.desk.mandate_forms import BatchForm
from dsr_portal.matching import batches


@for_intake
@require_http_methods(["GET", "POST"])
def batch(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Nothing is made while a line is wrong; what is wrong stands beside its number."""
    form = BatchForm(request.POST or None, request.FILES or None)
    problems: tuple[batches.Problem, ...] = ()
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            checked = batches.check(listed=data["listed"], papers=data["papers"])
            problems = checked.problems
            row = batches.open_batch(
                actor=actor,
                who=mandates.Representative(
                    name=data["name"],
                    organisation=data["organisation"],
                    email=data["email"],
                    postal=data["postal"],
                ),
                kind=data["kind"],
                received_at=arrival_of(data["received"]),
                checked=checked,
                only_good=data["only_good"],
            )
        except PortalError as error:
            form.add_error(None, str(error.message))
        else:
            made = row.mandates.count()
            words = ngettext("%(made)s case is open.", "%(made)s cases are open.", made)
            messages.success(request, words % {"made": made})
            return redirect("desk:batch_made", batch_id=row.id)
    context = {"form": form, "problems": problems}
    return render(request, "desk/batch.html", context, status=422 if form.errors else 200)


@for_intake
@require_GET
def batch_made(request: HttpRequest, actor: Actor, batch_id: UUID) -> HttpResponse:
    """The receipt of a list: each reference, its date and its stage, and nothing that was found."""
    row = Batch.objects.filter(id=batch_id).first()
    if row is None:
        raise NotFound("no_batch", _("There is no such list."))
    rows = [
        {"mandate": one, "case": one.case, "word": WORDS[word_for(one.case)]}
        for one in row.mandates.exclude(case__in=recusals.kept_from(staff_of(request)))
        .select_related("case")
        .order_by("line")
    ]
    return render(request, "desk/batch_made.html", {"batch": row, "rows": rows})
