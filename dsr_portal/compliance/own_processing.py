"""What shows that the portal's own processing is as the law asks, row by row (law P-01 to P-18).

Each line rests on an event of the case's trail, on a row of the database or on a check made now;
where nothing of the kind happened, or nothing shows it here, the line says so. It is accountability
for handling one request (Art. 5(2), P-14), beside the evidence of what was done in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.cases.models import Case, Outcome
from dsr_portal.compliance import processing, processors
from dsr_portal.compliance.evidence import Told
from dsr_portal.core import links
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.policy import assessment
from dsr_portal.recognition.models import Template
from dsr_portal.vault.checks import places_are_safe

_JUDGED = "probe.judged"
ROWS = tuple(f"P-{number:02}" for number in range(1, 19))


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the law, what it asks in a few words, and what shows it."""

    row: str
    title: str
    words: str


class _Trail:
    """The events of the case, counted by type, with their numbers."""

    def __init__(self, events: Sequence[Told]) -> None:
        self.events = events

    def of(self, *types: str) -> list[Told]:
        return [one for one in self.events if one.type in types]

    def numbers(self, *types: str) -> str:
        """The numbers of these events in words, or that there is none."""
        found = [str(one.number) for one in self.of(*types)]
        if not found:
            return _("nothing of this kind happened in the case")
        return _("events %(numbers)s") % {"numbers": ", ".join(found)}


def shown(case: Case, events: Sequence[Told]) -> list[Shown]:
    """Every row P-01 to P-18, in order."""
    trail = _Trail(events)
    photos = Probe.objects.filter(case=case)
    words = {
        "P-01": (_("Notice before upload"), _notice(trail)),
        "P-02": (_("Consent to the comparison, apart"), _consents(trail)),
        "P-03": (_("Consent can be withdrawn"), trail.numbers("consent.withdrawn")),
        "P-04": (
            _("No photo enters the gallery"),
            _apart(list(photos.values_list("unit", flat=True))),
        ),
        "P-05": (_("Faces of others in the photo"), _judged(trail)),
        "P-06": (_("Photos end"), _ended(trail, photos.exclude(state=ProbeState.DELETED).count())),
        "P-07": (
            _("Metadata of photos dropped"),
            _("each photo is encoded anew when it arrives: %(events)s")
            % {"events": trail.numbers("probe.received")},
        ),
        "P-08": (
            _("Record of processing"),
            _("%(count)s lines, made anew at the desk each time")
            % {"count": len(processing.lines())},
        ),
        "P-09": (_("Impact assessment"), _assessed()),
        "P-10": (_("Security of keys"), _safe()),
        "P-11": (_("Optional consents are off"), _optional(trail)),
        "P-12": (_("Decisions by people alone"), _decided(trail)),
        "P-13": (_('"Nothing found" takes two persons'), _nothing(case, trail)),
        "P-14": (_("Each of these can be shown"), _("this table")),
        "P-15": (_("Processors bound by contract"), _processors()),
        "P-16": (
            _("Strictly necessary cookies"),
            ", ".join(public_cookies()),
        ),
        "P-17": (_("Staff who acted are trained"), _trained(trail)),
        "P-18": (_("Public notice about the gallery"), links.url_for("public", "public:notice")),
    }
    return [Shown(row, *words[row]) for row in ROWS]


def public_cookies() -> list[str]:
    """Those of the public site, whichever site the process that writes this belongs to."""
    here = (
        settings.SESSION_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
        settings.LANGUAGE_COOKIE_NAME,
    )
    return [f"dsr_public_{name.removeprefix(f'dsr_{settings.DSR_SITE}_')}" for name in here]


def _notice(trail: _Trail) -> str:
    """Each consent keeps version and hash of the text the person had read."""
    versions = {str((one.data or {}).get("version")) for one in trail.of("consent.given")}
    if not versions:
        return _("no consent was given, so no photo was used")
    return _("text of version %(versions)s, its hash in %(events)s") % {
        "versions": ", ".join(sorted(versions)),
        "events": trail.numbers("consent.given"),
    }


def _consents(trail: _Trail) -> str:
    given = trail.of("consent.given")
    scopes = ", ".join(str((one.data or {}).get("scope")) for one in given)
    return f"{scopes}: {trail.numbers('consent.given')}" if given else _("none was given")


def _apart(units: Sequence[object]) -> str:
    """Looked up now: units of this case's photos among those of the gallery."""
    mixed = sum(
        rows.filter(unit__in=list(units)).count()
        for rows in (SourceImage.objects, Record.objects, Template.objects)
    )
    return _("checked now: of %(photos)s photos %(mixed)s in the gallery") % {
        "photos": len(units),
        "mixed": mixed,
    }


def _judged(trail: _Trail) -> str:
    several = sum((one.data or {}).get("verdict") == "several_faces" for one in trail.of(_JUDGED))
    return _("photos with several faces, no face code made of them: %(count)s; %(events)s") % {
        "count": several,
        "events": trail.numbers(_JUDGED),
    }


def _ended(trail: _Trail, left: int) -> str:
    return _("photos still kept: %(count)s; deleted: %(events)s") % {
        "count": left,
        "events": trail.numbers("probe.deleted"),
    }


def _assessed() -> str:
    newest = assessment.in_force()
    if newest is None:
        return _("none is in force; no face is compared without one")
    return _("version %(version)s, approved by %(who)s on %(day)s") % {
        "version": newest.version,
        "who": newest.approved_by,
        "day": day(newest.approved_at),
    }


def _safe() -> str:
    wrong = [one.id for one in places_are_safe() if one.is_serious()]
    found = ", ".join(str(one) for one in wrong) or _("nothing")
    return _("checked now, wrong with the places of keys: %(found)s") % {"found": found}


def _optional(trail: _Trail) -> str:
    extra = [
        str((one.data or {}).get("scope"))
        for one in trail.of("consent.given")
        if (one.data or {}).get("scope") != "comparison"
    ]
    return _("given beside the comparison: %(scopes)s") % {
        "scopes": ", ".join(extra) or _("none"),
    }


def _decided(trail: _Trail) -> str:
    made = trail.of("decision.made", "answer.approved", "erasure.grounds_chosen")
    machine = sum(one.actor_kind != "staff" for one in made)
    return _("decisions by a program: %(machine)s of %(all)s") % {
        "machine": machine,
        "all": len(made),
    }


def _nothing(case: Case, trail: _Trail) -> str:
    people = {one.actor_id for one in trail.of("decision.made", "review.finished")}
    if case.outcome != Outcome.NOTHING_FOUND:
        return _("not the outcome of this case")
    return _("signed by %(people)s") % {"people": ", ".join(sorted(people)) or "-"}


def _processors() -> str:
    without = processors.without_entry()
    return _("in the register: %(count)s; servers in the settings without entry: %(without)s") % {
        "count": len(processors.register()),
        "without": ", ".join(name for name, _host in without) or _("none"),
    }


def _trained(trail: _Trail) -> str:
    """Who acted in the case, each with the last day of the training there is now."""
    numbers = {one.actor_id for one in trail.events if one.actor_kind == "staff"}
    rows = Staff.objects.filter(staff_no__in=numbers).order_by("staff_no")
    nothing = _("no training")
    return "; ".join(f"{one.staff_no}: {day(one.trained_until) or nothing}" for one in rows) or _(
        "nobody of staff has acted"
    )
