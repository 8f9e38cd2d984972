"""The impact assessment and the gate before the search (Art. 35 and 36 GDPR; P-09, AI-03; R34).

One person writes, the data protection officer advises, a director who wrote nothing approves. Until
a version is in force no face of a request is compared; nor while a model or threshold serves that
the version in force was not written for. Other ways to find pictures go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.jobs import services as jobs
from dsr_portal.law import authorities
from dsr_portal.policy import assessment_draft as drafts
from dsr_portal.policy.assessment_models import (
    AiClass,
    Assessment,
    AssessmentReview,
    AssessmentState,
    ReviewWhy,
)
from dsr_portal.policy.catalogue import CALIBRATED, CALIBRATION, DEFINITIONS, definition
from dsr_portal.policy.models import Setting, SettingState
from dsr_portal.policy.selectors import SEARCHED_UNDER, current, serving

MAY_WRITE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
MAY_READ = frozenset({Role.SUPERVISOR, Role.DIRECTOR, Role.DPO})
MISSING, OUTGROWN = "no_impact_assessment", "impact_assessment_review"
LONGEST, LONGEST_ADVICE = 20_000, 2_000
_GATE = Actor.system("impact-assessment")
_BEING_WRITTEN = (AssessmentState.DRAFT, AssessmentState.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why no search may run: no version in force, or settings it was not written for."""

    code: str
    settings: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        if self.code == MISSING:
            return _("No impact assessment is approved.")
        names = "; ".join(str(definition(name).label) for name in self.settings)
        return _("The impact assessment was not written for what is in force now: %(what)s.") % {
            "what": names
        }


@dataclass(frozen=True, slots=True)
class Said:
    """What a writer says beside the sections: consultation (Art. 36) and class (AI Act)."""

    risk_stays_high: bool | None = None
    consulted: str = ""
    consulted_on: date | None = None
    ai_class: str = ""
    ai_class_by: str = ""
    ai_class_on: date | None = None


# -- the gate -------------------------------------------------------------------------------------


def closed() -> Closed | None:
    """Why the gate is closed; None while a version in force covers what a search runs under."""
    version = in_force()
    if version is None:
        return Closed(MISSING)
    outgrown = tuple(name for name in SEARCHED_UNDER if not _covers(version, name, current(name)))
    return Closed(OUTGROWN, outgrown) if outgrown else None


def covers(name: str, value: float | None) -> bool:
    """Whether the version in force was written for a value a search was queued with."""
    version = in_force()
    return version is not None and value is not None and _covers(version, name, value)


def _covers(version: Assessment, name: str, value: float) -> bool:
    return float(value) in map(float, version.covers.get(name, []))


def in_force() -> Assessment | None:
    return Assessment.objects.filter(state=AssessmentState.IN_FORCE).first()


def in_force_at(moment: datetime) -> int:
    """The number of the version that was in force at a moment; 0 before the first."""
    rows = Assessment.objects.filter(approved_at__lte=moment).order_by("-approved_at")
    return rows.values_list("version", flat=True).first() or 0


# -- tasks to look at it again --------------------------------------------------------------------


def keep_reviews() -> int:
    """Open a task for each value the version in force does not know, close those that are done.

    Before the first version there is nothing to look at again: the gate says so itself.
    """
    with unit_of_work():
        version = in_force()
        unknown = _unknown_to(version) if version is not None else {}
        for task in AssessmentReview.objects.select_for_update().filter(closed_at=None):
            if unknown.pop((task.setting, task.value), None) is None:
                _close(task, version)
        for (name, value), why in unknown.items():
            _open(name, value, why)
    return len(unknown)


def _unknown_to(version: Assessment) -> dict[tuple[str, float], ReviewWhy]:
    found = {}
    for name, values in _wanted().items():
        for value, why in values.items():
            if not _covers(version, name, value):
                found[name, value] = why
    return found


def _wanted() -> dict[str, dict[float, ReviewWhy]]:
    """Every value in force or proposed, of the settings an assessment is about (R34)."""
    wanted: dict[str, dict[float, ReviewWhy]] = {
        name: {} for name, one in DEFINITIONS.items() if one.dpia
    }
    # Of a family only what people proposed or put in force: a source without a term states none.
    named = Setting.objects.filter(state__in=[SettingState.PROPOSED, SettingState.SERVING])
    others = named.exclude(name__in=[CALIBRATION, *DEFINITIONS]).values_list("name", flat=True)
    wanted |= {name: {} for name in others if definition(name).dpia}
    for row in Setting.objects.filter(state=SettingState.PROPOSED):
        for name, value in _values_of(row).items():
            if name in wanted:
                wanted[name][float(value)] = ReviewWhy.PROPOSED
    for name, values in wanted.items():
        if name in DEFINITIONS or serving(name) is not None:
            values[float(current(name))] = ReviewWhy.IN_FORCE
    return wanted


def _values_of(row: Setting) -> dict[str, float]:
    if row.name != CALIBRATION:
        return {row.name: row.value}
    return {name: row.value[key]["value"] for name, key in CALIBRATED.items()}


def _open(name: str, value: float, why: ReviewWhy) -> None:
    task = AssessmentReview.objects.create(
        setting=name, value=value, why=why, opened_at=clock.now()
    )
    record(
        "assessment.review_opened",
        actor=_GATE,
        subject_id=task.id,
        setting=name,
        value=value,
        why=str(why),
    )


def _close(task: AssessmentReview, version: Assessment | None) -> None:
    covered = version is not None and _covers(version, task.setting, task.value)
    task.closed_at, task.closed_by = clock.now(), version if covered else None
    task.save(update_fields=["closed_at", "closed_by"])
    record(
        "assessment.review_closed",
        actor=_GATE,
        subject_id=task.id,
        setting=task.setting,
        covered=covered,
    )


def reviews() -> list[AssessmentReview]:
    """The open tasks, oldest first."""
    return list(AssessmentReview.objects.filter(closed_at=None).order_by("opened_at"))


# -- writing --------------------------------------------------------------------------------------


def begin(*, actor: Actor) -> Assessment:
    """A new version to write: from the one in force, else from the shipped draft."""
    _require(actor, MAY_WRITE)
    with unit_of_work():
        if being_written() is not None:
            raise Conflict("assessment_begun", _("A version is being written already."))
        before, last = in_force(), Assessment.objects.order_by("-version").first()
        version = Assessment.objects.create(
            version=(last.version if last else 0) + 1,
            sections=dict(before.sections) if before else drafts.text(),
            writers=[actor.id],
            written_by=actor.id,
            written_at=clock.now(),
        )
        _record("assessment.begun", version, actor)
    return version


def write(
    *, assessment_id: UUID, sections: Mapping[str, str], said: Said, actor: Actor
) -> Assessment:
    """Replace the text of a draft; nobody who ever wrote in it can approve it."""
    _require(actor, MAY_WRITE)
    unknown = set(sections) - set(drafts.CODES)
    if unknown or any(len(text) > LONGEST for text in sections.values()):
        raise BadInput("assessment_sections", _("Write each section in at most 20,000 characters."))
    if said.ai_class and said.ai_class not in AiClass.values:
        raise BadInput("assessment_class", _("Choose among the choices."))
    if said.consulted and said.consulted not in authorities.all_authorities():
        raise BadInput("no_authority", _("There is no authority with this code."))
    if any(day and day > clock.today() for day in (said.consulted_on, said.ai_class_on)):
        raise BadInput("day_ahead", _("The day can't be in the future."))
    with unit_of_work():
        version = _locked(assessment_id, AssessmentState.DRAFT)
        version.sections = {**version.sections, **{k: v.strip() for k, v in sections.items()}}
        version.risk_stays_high = said.risk_stays_high
        version.consulted, version.consulted_on = said.consulted, said.consulted_on
        version.ai_class, version.ai_class_by = said.ai_class, said.ai_class_by.strip()
        version.ai_class_on = said.ai_class_on
        version.written_by, version.written_at = actor.id, clock.now()
        _note_writer(version, actor)
        version.save()
        _record("assessment.written", version, actor)
    return version


def _note_writer(version: Assessment, actor: Actor) -> None:
    version.writers = sorted({*version.writers, actor.id})


def missing(version: Assessment) -> list[str]:
    """What still has to be written before it can be submitted, in words."""
    absent = [
        str(part.title)
        for part in drafts.PARTS
        if not (text := str(version.sections.get(part.code, "")).strip())
        or drafts.OPEN_POINT in text.upper()
    ]
    if version.risk_stays_high is None:
        absent.append(_("whether a high risk is left after the measures"))
    if version.risk_stays_high and not (version.consulted and version.consulted_on):
        absent.append(_("which authority was consulted, and when (Art. 36)"))
    if not (version.ai_class and version.ai_class_by and version.ai_class_on):
        absent.append(_("the class under the AI Act, its author and date"))
    return absent


def submit(*, assessment_id: UUID, actor: Actor) -> Assessment:
    """Close the text. It covers the values in force now and those that are proposed."""
    _require(actor, MAY_WRITE)
    with unit_of_work():
        version = _locked(assessment_id, AssessmentState.DRAFT)
        absent = missing(version)
        if absent:
            raise Conflict(
                "assessment_unfinished", _("Still missing: %(what)s.") % {"what": "; ".join(absent)}
            )
        version.state = AssessmentState.SUBMITTED
        version.covers = {name: sorted(values) for name, values in _wanted().items()}
        version.submitted_by, version.submitted_at = actor.id, clock.now()
        _note_writer(version, actor)
        version.save()
        _record("assessment.submitted", version, actor)
    return version


def advise(*, assessment_id: UUID, advice: str, actor: Actor) -> Assessment:
    """The data protection officer's advice (Art. 35(2)): to be heard, not to be followed."""
    if not actor.is_human_staff or actor.role != Role.DPO:
        raise NotAllowed("dpo_only", _("Only the data protection officer gives this advice."))
    if not advice.strip() or len(advice) > LONGEST_ADVICE:
        raise BadInput("advice_missing", _("Write your advice."))
    with unit_of_work():
        version = _locked(assessment_id, AssessmentState.SUBMITTED)
        version.advice = advice.strip()
        version.advised_by, version.advised_at = actor.id, clock.now()
        version.save(update_fields=["advice", "advised_by", "advised_at"])
        _record("assessment.advised", version, actor)
    return version


def send_back(*, assessment_id: UUID, actor: Actor) -> Assessment:
    """Open the text again; advice is asked for anew, for it was about another text."""
    _require(actor, MAY_READ)
    with unit_of_work():
        version = _locked(assessment_id, AssessmentState.SUBMITTED)
        version.state, version.covers = AssessmentState.DRAFT, {}
        version.submitted_by, version.submitted_at = "", None
        version.advice, version.advised_by, version.advised_at = "", "", None
        version.save()
        _record("assessment.sent_back", version, actor)
    return version


def approve(*, assessment_id: UUID, actor: Actor) -> Assessment:
    """A director answers for it by name; searches that waited begin."""
    _require(actor, frozenset({Role.DIRECTOR}))
    with unit_of_work():
        version = _locked(assessment_id, AssessmentState.SUBMITTED)
        if actor.id in {*version.writers, version.written_by, version.submitted_by}:
            raise NotAllowed("second_person", _("Somebody who did not write it approves."))
        if not version.advised_by:
            raise Conflict("needs_advice", _("First the data protection officer gives advice."))
        Assessment.objects.filter(state=AssessmentState.IN_FORCE).update(
            state=AssessmentState.REPLACED
        )
        version.state = AssessmentState.IN_FORCE
        version.approved_by, version.approved_at = actor.id, clock.now()
        version.save(update_fields=["state", "approved_by", "approved_at"])
        record(
            "assessment.approved",
            actor=actor,
            subject_id=version.id,
            version=version.version,
            advised_by=version.advised_by,
            ai_class=version.ai_class,
        )
        keep_reviews()
        for code in (MISSING, OUTGROWN):
            jobs.wake(code)
    return version


def being_written() -> Assessment | None:
    return Assessment.objects.filter(state__in=_BEING_WRITTEN).first()


def by_id(assessment_id: UUID) -> Assessment:
    found = Assessment.objects.filter(id=assessment_id).first()
    if found is None:
        raise NotFound("no_assessment", _("There is no such version."))
    return found


def versions() -> list[Assessment]:
    return list(Assessment.objects.order_by("-version"))


def _locked(assessment_id: UUID, state: AssessmentState) -> Assessment:
    version = Assessment.objects.select_for_update().filter(id=assessment_id).first()
    if version is None:
        raise NotFound("no_assessment", _("There is no such version."))
    if version.state != state:
        raise Conflict("assessment_state", _("This version is at another step."))
    return version


def _record(event: str, version: Assessment, actor: Actor) -> None:
    record(event, actor=actor, subject_id=version.id, version=version.version)


def _require(actor: Actor, roles: frozenset[Role]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("assessment_role", _("Your role does not include this."))
