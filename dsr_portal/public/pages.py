"""Pages that say who we are, what we hold and how to ask; no session, nothing about a case."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dsr_portal.audit.services import head
from dsr_portal.cases.consents import consent_text
from dsr_portal.cases.models import ConsentScope, RightCode
from dsr_portal.cases.texts import rights_words
from dsr_portal.core import clock
from dsr_portal.policy import selectors as policy
from dsr_portal.public import sessions
from dsr_portal.public.words import authority_of, dpo_email


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    context = {"unfinished": sessions.draft_of(request) is not None}
    return render(request, "public/home.html", context)


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "public/help.html", _law())


@require_GET
def paper_form(request: HttpRequest) -> HttpResponse:
    """A form to print and post: nobody needs this site to ask (law T-06, T-08)."""
    context = {
        **_law(),
        "rights": rights_words(RightCode.values),
        "consent": consent_text(ConsentScope.COMPARISON).text,
    }
    return render(request, "public/paper.html", context)


@require_GET
def notice(request: HttpRequest) -> HttpResponse:
    """What people in the database are told in public (GDPR Art. 14; law P-18)."""
    context = {
        **_law(),
        "purposes": _purposes(),
        "retention": settings.DSR_RETENTION,
        "terms": _terms(),
        "transfers": settings.DSR_TRANSFERS,
        "sources": _sources(),
        "recipients": _recipients(),
    }
    return render(request, "public/notice.html", context)


def _sources() -> list[tuple[str, str]]:
    from dsr_portal.gallery.models import Source

    return list(Source.objects.order_by("name").values_list("name", "legal_basis"))


def _terms() -> list[tuple[str, str]]:
    """How long pictures of each source are kept (Art. 14(2)(a))."""
    from dsr_portal.gallery import terms
    from dsr_portal.gallery.models import Source

    rows = Source.objects.order_by("name").values_list("id", "name")
    return [(name, terms.words(terms.term_of(source_id))) for source_id, name in rows]


def _purposes() -> list[str]:
    """What is stated for all sources, then what is stated for one alone."""
    from dsr_portal.gallery.models import Source

    own = Source.objects.exclude(purposes=[]).order_by("name").values_list("name", "purposes")
    of_one = [f"{name}: {purpose}" for name, stated in own for purpose in stated]
    return [*settings.DSR_PURPOSES, *of_one]


def _recipients() -> list[tuple[str, str]]:
    from dsr_portal.gallery.models import Recipient

    return list(Recipient.objects.order_by("name").values_list("name", "country"))


@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """How this portal itself handles a request (GDPR Art. 13; law P-01, 9(f))."""
    return render(request, "public/privacy.html", _law())


@require_GET
def children(request: HttpRequest) -> HttpResponse:
    """The same notice in words a child reads alone (law T-03; GDPR Art. 12(1), 13)."""
    return render(request, "public/children.html", _law())


@require_GET
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "public/accessibility.html", {})


@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    """The newest head of the audit trail: who writes it down can prove a later change (R29)."""
    return render(request, "public/trail.html", {"head": head(), "at": clock.now()})


def _law() -> dict[str, object]:
    return {
        "request_transfers": settings.DSR_REQUEST_TRANSFERS,
        "authority": authority_of(None),
        "dpo_email": dpo_email(),
        "demo": settings.DSR_DEMO,
        "hours": policy.current("release_hour"),
        "package_days": policy.current("package_days"),
        "child_days": policy.current("child_keep_days"),
        "link_days": policy.current("link_days"),
    }
