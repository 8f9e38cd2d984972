"""Small pieces of the desk's pages: facts lines, the two sides of a comparison, words for codes."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.core.templatetags.ui import day, due_words
from dsr_portal.matching.models import Decision, Probe, Verdict
from dsr_portal.matching.words import finding_words

register = template.Library()

_ACTIONS = {
    "origin": "desk:origin",
    "take": "desk:take",
    "answer": "desk:answer",
    "approve": "desk:answer",
    "erasure": "desk:erasure",
}


@register.simple_tag
def desk_facts(case: Case, rights: list[str]) -> list[tuple[str, Any]]:
    return [
        (_("Asked"), ", ".join(str(right) for right in rights)),
        (_("Due"), f"{day(case.due_on)}, {due_words(case.due_on)}"),
        (_("State"), case.get_status_display()),
        (_("Level"), f"{case.level} / {case.required_level}"),
        (_("Arrived"), f"{day(case.received_on)}, {case.get_channel_display()}"),
        (_("With"), case.assignee or _("nobody")),
    ]


@register.simple_tag
def desk_action(case: Case, form: str) -> str:
    return reverse(_ACTIONS[form], kwargs={"reference": case.reference})


@register.simple_tag
def compare_sides(case: Case, probe: Probe | None, current: Decision) -> dict[str, dict[str, str]]:
    reference = case.reference
    return {
        "left": {
            "src": reverse(
                "desk:probe_picture",
                kwargs={"reference": reference, "probe_id": probe.id if probe else current.id},
            ),
            "alt": _("The photo that was sent"),
            "caption": _("Probe"),
        },
        "right": {
            "src": reverse(
                "desk:face_picture",
                kwargs={"reference": reference, "decision_id": current.id},
            ),
            "alt": _("The face in the picture we hold"),
            "caption": _("Candidate"),
        },
    }


@register.simple_tag
def source_facts(facts: Any) -> list[tuple[str, str]]:
    """Where the picture came from, as text: scraped addresses are never links (law X-13)."""
    lines = [
        (_("Page"), facts.page_url),
        (_("Picture"), facts.image_url),
        (_("Collected"), _date(facts.collected_at)),
        (_("By"), facts.collector),
        (_("Caption"), facts.caption),
    ]
    return [(label, value) for label, value in lines if value]


def _date(value: Any) -> str:
    if not value:
        return ""
    return value if isinstance(value, str) else formats.date_format(value)


@register.filter
def quality_words(code: str) -> str:
    return finding_words(code)


@register.filter
def verdict_words(value: str) -> str:
    return str(Verdict(value).label) if value else _("not seen")
