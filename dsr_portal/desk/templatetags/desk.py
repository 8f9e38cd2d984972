"""Small pieces of the desk's pages: facts lines and words for codes."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.cases.models import Case, WayKind
from dsr_portal.cases.states import OVER
from dsr_portal.core.templatetags.ui import day, due_words
from dsr_portal.desk.facts import CaseFacts
from dsr_portal.gallery.connector import ImageFacts
from dsr_portal.matching.models import Probe, ProbeState, Search, Verdict
from dsr_portal.matching.photos import has_picture
from dsr_portal.matching.words import desk_words

register = template.Library()

_ACTIONS = {
    "again": "desk:again",
    "origin": "desk:origin",
    "take": "desk:take",
    "answer": "desk:answer",
    "approve": "desk:answer",
    "letter": "desk:answer",
    "identity": "desk:identity",
    "consent": "desk:consent",
    "message": "desk:message",
}


@register.simple_tag
def desk_facts(facts: CaseFacts) -> list[tuple[str, Any]]:
    """The sticky line: reference, rights, due words, state, level, with whom."""
    case = facts.case
    return [
        (_("Request"), case.reference),
        (_("Asked"), ", ".join(str(one.get_right_display()) for one in case.rights.all())),
        (_("Due"), _due(case)),
        (_("State"), case.get_status_display()),
        (_("Level"), _("%(is)s of %(needed)s") % {"is": case.level, "needed": case.required_level}),
        (_("With"), _name(case.assignee) or _("nobody")),
    ]


def _due(case: Case) -> str:
    """Days are counted only while something is owed."""
    over = case.status in OVER
    return day(case.due_on) if over else f"{due_words(case.due_on)} ({day(case.due_on)})"


def _name(number: str) -> str:
    staff = Staff.objects.filter(staff_no=number).first() if number else None
    return staff.display_name if staff else number


@register.simple_tag
def desk_action(reference: str, form: str) -> str:
    return reverse(_ACTIONS[form], kwargs={"reference": reference})


@register.simple_tag
def source_facts(facts: ImageFacts) -> list[tuple[str, str]]:
    """Where the picture came from, as text: scraped addresses are never links (law X-13)."""
    lines = [
        (_("Page"), facts.page_url),
        (_("Picture"), facts.image_url),
        (_("Collected"), _date(facts.collected_at)),
        (_("By"), facts.collector),
        (_("Caption"), facts.caption),
        (_("Source"), facts.source),
    ]
    return [(label, value) for label, value in lines if value]


def _date(value: str) -> str:
    try:
        read = parse_datetime(value) or parse_date(value)
    except ValueError:
        read = None
    return day(read) if read else value


@register.filter
def noticed(probe: Probe) -> str:
    """Why a photo cannot be used, or what was noticed about one that can."""
    if probe.state in {ProbeState.UNUSABLE, ProbeState.CHOOSING}:
        return desk_words(probe.verdict)
    return quality_words(probe.findings)


register.filter("has_picture", has_picture)


@register.filter
def quality_words(codes: list[str]) -> str:
    """What the checks noticed about a picture, in a few words."""
    return ", ".join(desk_words(code) for code in codes) or _("nothing noticed")


@register.filter
def verdict_words(value: str) -> str:
    return str(Verdict(value).label) if value else _("not seen")


@register.filter
def looked_up_lines(search: Search) -> list[str]:
    """What a look-up found, one line for each kind of what was named."""
    return [
        _("%(kind)s: %(named)s looked up, %(found)s found among %(pictures)s pictures.")
        % {
            "kind": WayKind(one["kind"]).label,
            "named": one["named"],
            "found": one["found"],
            "pictures": search.pictures,
        }
        for one in search.looked_up
    ]
