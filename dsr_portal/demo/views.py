"""Pages of the demo: tour, people, mails, clock, one-click sign-in. They exist nowhere else."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from dsr_portal.accounts import tickets
from dsr_portal.accounts.services import actor_for, staff_by_number
from dsr_portal.cases import drafts
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, ConsentScope, RightCode
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import PortalError
from dsr_portal.core.registries import schedule
from dsr_portal.demo import cast
from dsr_portal.demo import tour as tours
from dsr_portal.demo.state import State
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure import services as erasure
from dsr_portal.jobs import selectors as jobs
from dsr_portal.jobs import services as job_services
from dsr_portal.jobs.models import Effect
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of

View = Callable[..., HttpResponseBase]
FORWARD = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "fortnight": timedelta(days=14),
}
_MAILS = 60
# Processes remember the clock's offset for a second.
_CLOCK_HEARD = 1.1


def demo_only(view: View) -> View:
    """These pages sign anybody in: outside the demo they do not exist (R35)."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if (
            settings.DSR_DEMO is not True
            or settings.DSR_PRODUCTION
            or settings.DSR_SITE != "public"
        ):
            raise Http404
        return view(request, *args, **kwargs)

    return inner


@demo_only
@require_GET
def tour(request: HttpRequest) -> HttpResponse:
    case = tours.newest_visit()
    names = State().made
    by_id = {one.id: one for one in Case.objects.filter(id__in=names.values())}
    steps = tours.steps(case)
    context = {
        "case": case,
        "steps": steps,
        "finished": all(step.state == "done" for step in steps),
        "staff": cast.STAFF,
        "ready": [(_(name), by_id[found]) for name, found in names.items() if found in by_id],
        "moment": clock.now(),
        "waiting": tours.waiting_deliveries(),
    }
    return render(request, "demo/tour.html", context)


@demo_only
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/people.html", {"cards": cast.CARDS})


@demo_only
@require_GET
def photo(request: HttpRequest, key: str) -> HttpResponseBase:
    """A card's photo, to use as the selfie; shown in the page, or saved with ?save=1."""
    person = _card(key)
    return FileResponse(
        person.photo.open("rb"),
        content_type="image/jpeg",
        as_attachment=bool(request.GET.get("save")),
        filename=f"{person.key}.jpg",
    )


def _card(key: str) -> cast.Person:
    found = next((one for one in cast.CARDS if one.key == key), None)
    if found is None:
        raise Http404
    return found


@demo_only
@require_POST
def ask(request: HttpRequest, key: str) -> HttpResponse:
    """Answer the five questions for one of the people; Send is left to the visitor."""
    person = _card(key)
    draft = drafts.start_draft()
    drafts.put_photo(draft=draft, data=jpeg_of(decode_picture(person.photo.read_bytes())))
    drafts.save_answers(
        draft=draft,
        changes={
            "rights": [str(RightCode.ACCESS), str(RightCode.ERASURE)],
            "urgent": False,
            "pages": [],
            "account": "",
            "other": "",
            "consents": [str(ConsentScope.COMPARISON)],
            "consent_language": "en",
            "contact": {"how": "email", "email": person.email, "country": "NL", "language": "en"},
        },
        step=4,
    )
    request.session["draft"] = str(draft.id)
    return redirect("public:check")


# -- mails --------------------------------------------------------------------------------------


@demo_only
@require_GET
def mail(request: HttpRequest) -> HttpResponse:
    """Every mail the portal sent, newest first, opened from the vault now."""
    rows = [(effect, _preview(effect)) for effect in jobs.effects()[:_MAILS]]
    return render(request, "demo/mail.html", {"rows": rows})


@demo_only
@require_GET
def letter(request: HttpRequest, effect_id: UUID) -> HttpResponse:
    effect = jobs.effects().filter(id=effect_id).first()
    if effect is None:
        raise Http404
    return render(request, "demo/letter.html", {"effect": effect, "mail": _preview(effect)})


def _preview(effect: Effect) -> Any:
    """The mail, or None once the key of what it is made from was destroyed."""
    try:
        return job_services.preview(effect)
    except PortalError:
        return None


# -- clock and acts -----------------------------------------------------------------------------


@demo_only
def clock_page(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        by = FORWARD.get(request.POST.get("by", ""))
        if by is None:
            raise Http404
        forward(by)
        messages.success(request, _("The clock moved on. What was due is being done."))
        return redirect("demo:clock")
    return render(request, "demo/clock.html", {"moment": clock.now()})


def forward(by: timedelta) -> None:
    """Move the clock and let the worker do what is due now."""
    from dsr_portal.jobs.tasks import beat

    clock.forward(by)
    time.sleep(_CLOCK_HEARD)
    for name in schedule:
        beat.apply_async(args=(name,), queue="light")


@demo_only
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """A one-minute ticket to the other site, for the person of staff that was pressed."""
    member = cast.member(request.POST.get("who", ""))
    if member is None:
        raise Http404
    address = tickets.url(staff_by_number(member.staff_no), member.site)
    case = tours.newest_visit()
    if case is not None and request.POST.get("case") == case.reference:
        address += f"&next=/cases/{case.reference}/"
    return redirect(address)


@demo_only
@require_POST
def act(request: HttpRequest) -> HttpResponse:
    """A button of the tour that does what otherwise time or another page does."""
    acts = {"batch": _batch, "hold": _end_hold, "grant": _grant}
    wanted = acts.get(request.POST.get("act", ""))
    if wanted is None:
        raise Http404
    messages.success(request, wanted())
    return redirect("demo:tour")


def _batch() -> str:
    sent = cases.release_batch(actor=_supervisor())
    return ngettext("%(sent)s answer left.", "%(sent)s answers left.", sent) % {"sent": sent}


def _end_hold() -> str:
    plan = plans.current_plan(_visit().id)
    if plan is None:
        raise Http404
    erasure.end_hold(plan_id=plan.id, actor=Actor.operator())
    return _("The hold window is over. The erasure runs.")


def _grant() -> str:
    compliance.grant_case(
        case_id=_visit().id,
        authority_code=cast.REGULATOR.authority,
        until=clock.now() + timedelta(days=30),
        actor=_supervisor(),
    )
    return _("The case is open to the authority for 30 days.")


def _visit() -> Case:
    case = tours.newest_visit()
    if case is None:
        raise Http404
    return case


def _supervisor() -> Actor:
    return actor_for(staff_by_number(cast.SUPERVISOR.staff_no))


@demo_only
@require_GET
def camera(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/camera.html")
