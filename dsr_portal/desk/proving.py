"""A document as proof: take it, cover, look, note; then it is destroyed (law R-07, R-08)."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dsr_portal.accounts.services import staff_of
from dsr_portal.cases import proofs
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case
from dsr_portal.cases.proof_models import ProofDocument
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound, PortalError
from dsr_portal.core.forms import PlainForm
from dsr_portal.desk.access import for_reviewers
from dsr_portal.desk.comparing import jpeg_response
from dsr_portal.desk.forms import CoverForm, NoteDocumentForm, ScanForm, ShowsForm

_FORMS: dict[str, type[PlainForm]] = {
    "cover": CoverForm,
    "check": ShowsForm,
    "scan": ScanForm,
    "note": NoteDocumentForm,
}


@for_reviewers
@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, actor: Actor, reference: str) -> HttpResponse:
    """The document of one request; each form posts what it does."""
    found = cases.case_for(staff_of(request), reference)
    asked = request.POST.get("do", "")
    form = _FORMS[asked](request.POST, request.FILES, prefix=asked) if asked in _FORMS else None
    if asked == "take" or (form is not None and form.is_valid()):
        try:
            _act(asked, found, actor, {} if form is None else dict(form.cleaned_data))
        except PortalError as error:
            if form is None:
                messages.warning(request, str(error.message))
            else:
                at = "areas" if error.code == "area_unfit" else None
                form.add_error(at, str(error.message))
        else:
            messages.success(request, _("Recorded."))
        if form is None or form.is_valid():
            return redirect("desk:proof", reference=found.reference)
    return _page(request, found, actor, asked, form)


def _act(asked: str, found: Case, actor: Actor, given: dict[str, Any]) -> None:
    if asked == "scan":
        areas = proofs.areas_of(given.pop("areas"))
        data = given.pop("scan")
        proofs.give(case_id=found.id, actor=actor, data=data, areas=areas, **given)
        return
    if asked == "note":
        proofs.note_seen(case_id=found.id, actor=actor, **given)
        return
    standing = _standing(found)
    if asked == "take":
        proofs.take(proof_id=standing.id, actor=actor)
    elif asked == "cover":
        areas_given = proofs.areas_of(given["areas"])
        proofs.cover(proof_id=standing.id, actor=actor, areas=areas_given)
    else:
        proofs.check(proof_id=standing.id, actor=actor, **given)


def _standing(found: Case) -> ProofDocument:
    proof = found.proof_documents.filter(destroyed_at=None).first()
    if proof is None:
        raise NotFound("no_proof", _("This document is not here any more."))
    return proof


def _page(
    request: HttpRequest, found: Case, actor: Actor, asked: str, sent: PlainForm | None
) -> HttpResponse:
    forms = {name: form(prefix=name) for name, form in _FORMS.items()}
    if sent is not None:
        forms[asked] = sent
    proof = found.proof_documents.filter(destroyed_at=None).first()
    context = {
        "case": found,
        "proof": proof,
        "mine": proof is not None and proof.laid_before == actor.id,
        "before": found.proof_documents.exclude(destroyed_at=None).order_by("given_at"),
        "forms": forms,
        "form": sent,
    }
    return render(request, "desk/proof.html", context, status=422 if sent else 200)


@for_reviewers
@never_cache
@require_GET
def picture(request: HttpRequest, actor: Actor, reference: str, proof_id: UUID) -> HttpResponse:
    """The document, for the officer it was laid before; no store keeps it."""
    found = cases.case_for(staff_of(request), reference)
    if not found.proof_documents.filter(id=proof_id).exists():
        raise NotFound("no_proof", _("This document is not here any more."))
    response = jpeg_response(proofs.picture_of(proof_id=proof_id, actor=actor), actor)
    response.headers["Cache-Control"] = "no-store, private"
    return response
