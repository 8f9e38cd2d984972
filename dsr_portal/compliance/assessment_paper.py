"""The impact assessment on paper: as PDF and as Markdown, from one and the same content (P-09).

A version that nobody approved says so in its first line.
"""

from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.core.transactions import outside
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day, moment
from dsr_portal.law import authorities
from dsr_portal.policy import assessment
from dsr_portal.policy.assessment_draft import EUROPE_LINE, PARTS
from dsr_portal.policy.assessment_models import Assessment, AssessmentState
from dsr_portal.policy.catalogue import all_names, definition

Section = dict[str, Any]
SHEET = statements.to_office(
    "assessment",
    *(statements.ANSWER, statements.FACTS, *(part.code for part in PARTS), "covers", "who"),
    law="Art. 35(7), 35(2), 35(9); P-09",
)


def person(staff_no: str) -> str:
    """A named person, as accountability asks for: name and staff number."""
    if not staff_no:
        return _("nobody")
    found = Staff.objects.filter(staff_no=staff_no).first()
    return f"{found.display_name} ({staff_no})" if found else staff_no


def short_answer(version: Assessment) -> str:
    if version.state in {AssessmentState.IN_FORCE, AssessmentState.REPLACED}:
        words = _("Version %(version)s was approved by %(who)s on %(day)s.") % {
            "version": version.version,
            "who": person(version.approved_by),
            "day": day(version.approved_at),
        }
        if version.state == AssessmentState.REPLACED:
            words += " " + _("A newer version has replaced it.")
        return words
    return _("DRAFT. Version %(version)s was approved by nobody and opens no search.") % {
        "version": version.version
    }


def sections(version: Assessment) -> list[Section]:
    """Art. 35(7) in its parts, views, consultation, class under the AI Act, and who answers."""
    rows = {"consultation": _consultation(version), "ai_memo": _ai_class(version)}
    nothing = _("Nothing is written.")
    found: list[Section] = [
        {
            "id": part.code,
            "heading": str(part.title),
            "text": f"{part.law}\n\n{version.sections.get(part.code) or nothing}",
            "rows": rows.get(part.code, []),
            "points": [str(EUROPE_LINE)] if part.code == "europe" else [],
        }
        for part in PARTS
    ]
    return [*found, _covers(version), _who(version)]


def _consultation(version: Assessment) -> list[tuple[str, str]]:
    high = {None: _("not stated"), True: _("yes"), False: _("no")}[version.risk_stays_high]
    who = authorities.all_authorities().get(version.consulted)
    return [
        (_("A high risk is left after the measures"), high),
        (_("Authority consulted"), who.name if who else _("none")),
        (_("Consulted on"), day(version.consulted_on) or "-"),
    ]


def _ai_class(version: Assessment) -> list[tuple[str, str]]:
    return [
        (_("Class"), version.get_ai_class_display() or _("not stated")),
        (_("Author of this memo"), version.ai_class_by or _("not stated")),
        (_("Date of this memo"), day(version.ai_class_on) or _("not stated")),
    ]


def _covers(version: Assessment) -> Section:
    rows = [
        (str(definition(name).label), ", ".join(f"{value:g}" for value in values))
        for name, values in sorted(version.covers.items())
        if name in all_names()
    ]
    return {
        "id": "covers",
        "heading": _("What it was written for"),
        "text": _(
            "Values in force and proposed when the text was closed. While a model or threshold "
            "serves that does not stand here, no face is compared."
        ),
        "rows": rows or [(_("Not closed yet"), "-")],
    }


def _who(version: Assessment) -> Section:
    return {
        "id": "who",
        "heading": _("Who wrote, advised and approved"),
        "text": "",
        "rows": [
            (_("Written by"), f"{person(version.written_by)}, {moment(version.written_at)}"),
            (_("Closed by"), f"{person(version.submitted_by)}, {moment(version.submitted_at)}"),
            (
                _("Data protection officer"),
                f"{person(version.advised_by)}, {moment(version.advised_at)}",
            ),
            (_("The advice (Art. 35(2))"), version.advice or _("none yet")),
            (_("Approved by"), f"{person(version.approved_by)}, {moment(version.approved_at)}"),
        ],
    }


@outside("Setting an impact assessment")
def pdf(version: Assessment) -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        parts = sections(version)
        context = {
            "short_answer": short_answer(version),
            "facts": [
                (_("State"), version.get_state_display()),
                (_("Class under the AI Act"), version.get_ai_class_display() or _("not stated")),
                (_("Open tasks"), str(len(assessment.reviews()))),
            ],
            "contents": [(one["id"], one["heading"]) for one in parts],
            "sections": parts,
        }
        return documents.render_signed(
            kind=Kind.ASSESSMENT,
            reference=f"DPIA-{version.version}",
            template="documents/audit.html",
            context=context,
            language=settings.LANGUAGE_CODE,
            title=_("Impact assessment (Art. 35 GDPR)"),
            sheet=SHEET,
        )


def markdown(version: Assessment) -> str:
    """The same text for a controller's own files."""
    with translation.override(settings.LANGUAGE_CODE):
        title = _("Impact assessment (Art. 35 GDPR)")
        lines = [f"# {title}", "", short_answer(version)]
        if settings.DSR_DEMO:
            lines += ["", _("DEMO: invented controller, staged approval.")]
        for one in sections(version):
            lines += ["", f"## {one['heading']}", "", one["text"]]
            lines += [f"- {point}" for point in one.get("points", [])]
            lines += [f"- **{label}**: {value}" for label, value in one.get("rows", [])]
    return "\n".join(lines) + "\n"


def gate_words() -> str:
    """The gate in a line, for pages and reports."""
    why = assessment.closed()
    return (
        why.words
        if why
        else _("Open: version %(version)s covers what is in force.")
        % {"version": getattr(assessment.in_force(), "version", 0)}
    )
