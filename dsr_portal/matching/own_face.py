"""Choosing one's own face in a photo of several people (law P-05).

Where the check of a photo saw more than one face no face code is made. Whoever sent it sees each
face alone and says which is theirs; the cut-out of that face, with all others covered, takes the
photo's place, and the photo with the other cut-outs is destroyed. Where they say that none is
theirs, or nothing for two weeks, it is destroyed too, and another photo is asked for.
"""

from datetime import timedelta
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.asking import end_waiting, take_from_person
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.messages import queue_needs_you, words_of
from dsr_portal.cases.models import Case, Status
from dsr_portal.cases.moves import quietly
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.matching import photo_letters
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.matching.photos import NOBODY_CHOSEN
from dsr_portal.matching.probes import locked_unchecked, queue_check
from dsr_portal.matching.reviewers import require_reviewer
from dsr_portal.matching.shared import PICTURE
from dsr_portal.recognition.services import FacesFound
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

CHOICE_TERM = timedelta(days=14)
"""A photo with other people in it lies here as long as an answer by post takes, no longer."""

MAX_WORDS = 500
_SWEEP = Actor.system("matching")
_WAITS_FOR_PERSON = (ProbeState.CHOOSING, ProbeState.UNUSABLE)


def field_of(number: int, *, small: bool = False) -> str:
    """The field of the photo's unit that has one face alone, counted from 1 at the left."""
    return f"face.{number}.small" if small else f"face.{number}"


# -- asking --------------------------------------------------------------------------------------


def stage(probe: Probe, found: FacesFound) -> vault.Staged:
    """Each face alone, on its way into the photo's own unit; with that unit all of them go."""
    staged = vault.stage_into(probe.unit)
    for number, face in enumerate(found.faces, start=1):
        staged.add(field_of(number), face.picture)
        staged.add(field_of(number, small=True), face.shown)
    return staged


def ask_which(*, probe_id: UUID, found: FacesFound, actor: Actor) -> Probe | None:
    """The check saw several faces: the case waits for whoever sent them; None when it is gone.

    In the job's unit of work, which saves what was staged.
    """
    probe = locked_unchecked(probe_id)
    if probe is None:
        return None
    probe.state = ProbeState.CHOOSING
    probe.verdict, probe.findings = "several_faces", []
    probe.faces, probe.faces_left_out = len(found.faces), found.left_out
    probe.judged_at = clock.now()
    probe.choose_until = clock.now() + CHOICE_TERM
    probe.save()
    record(
        "probe.judged",
        actor=actor,
        case_id=probe.case_id,
        subject_id=probe.id,
        verdict=probe.verdict,
        findings=0,
    )
    cases.ask_for_photo(case=probe.case, actor=actor)
    photo_letters.tell(Case.objects.get(id=probe.case_id))
    return probe


# -- choosing ------------------------------------------------------------------------------------


@vault.retry_stale
def choose(*, case_id: UUID, photo_id: UUID, number: int, actor: Actor, words: str = "") -> Case:
    """Keep one face of a photo of several people, and destroy the rest (law P-05).

    `number` counts from 1. Staff need `words`: what the person said, and how it reached us; it
    lies in the case file. Who acts for the person chooses while their accepted mandate is in force
    (R11). Who is asking is checked anew (R2, R7), and the photo is checked again.
    Raises `NotFound("no_choice")`, `BadInput("no_such_face")`, `Conflict("photo_late")`,
    `NotAllowed`.
    """
    said = _word_for_it(case_id, actor, words)
    photo = waiting(case_id, photo_id)
    if not 1 <= number <= photo.faces:
        raise BadInput("no_such_face", _("Choose one of these."))
    alone = vault.stage_unit(kind=UnitKind.PROBE, owner=case_id)
    alone.add(PICTURE, vault.read(photo.unit, field_of(number)))
    with unit_of_work():
        case = lock(case_id)
        _require_chooser(case, actor)
        mover = _moves_the_case(actor)
        take_from_person(case, mover)
        photo = _locked(case, photo_id)
        if said:
            vault.write_small(case.file_unit, f"own_face.{photo.id}", said.encode())
        cases.identity_asked_again(case=case, actor=actor)
        alone.save()
        _destroy(photo, outcome="chosen", actor=actor)
        photo.unit, photo.state = alone.unit_id, ProbeState.RECEIVED
        photo.verdict, photo.judged_at = "", None
        photo.save()
        queue_check(photo)
        if not case.probes.filter(state__in=_WAITS_FOR_PERSON).exists():
            end_waiting(case, mover)
    return case


def none_of_these(*, case_id: UUID, photo_id: UUID, actor: Actor, words: str = "") -> Case:
    """None of the faces is theirs: the photo is destroyed, and another one is asked for."""
    said = _word_for_it(case_id, actor, words)
    with unit_of_work():
        case = lock(case_id)
        _require_chooser(case, actor)
        photo = _locked(case, photo_id)
        if said:
            vault.write_small(case.file_unit, f"own_face.{photo.id}", said.encode())
        _refuse(photo, outcome="none", actor=actor)
    return case


def _word_for_it(case_id: UUID, actor: Actor, words: str) -> str:
    """What the person said, where staff choose for them: somebody who did not enter the request."""
    if actor.kind != "staff":
        return ""
    require_reviewer(actor)
    if Case.objects.filter(id=case_id, opener=actor.id).exists():
        raise NotAllowed("opener_barred", _("You entered this request, so another person chooses."))
    return words_of(words, code="own_face_words", limit=MAX_WORDS)


def may_choose_for(mandate: Mandate) -> bool:
    """Whether who acts may see these faces: their mandate was accepted and is in force (C-04)."""
    return mandates.in_force(mandate)


def _require_chooser(case: Case, actor: Actor) -> None:
    """The person, staff with the person's words, or who acts for the person now."""
    if actor.kind == "staff" or actor == Actor.person(case.id):
        return
    mandate = mandates.newest(case)
    acts = mandate is not None and actor == Actor.representative(mandate.id)
    if mandate is None or not acts or not may_choose_for(mandate):
        raise NotAllowed("not_acting", _("Only the person, or who acts for them, chooses here."))


def _moves_the_case(actor: Actor) -> Actor:
    """Who acts for a person moves no case: once they chose, the program goes on with it."""
    return _SWEEP if actor.role == "representative" else actor


def waiting(case_id: UUID, photo_id: UUID) -> Probe:
    """The photo, while one of its faces may be chosen; `NotFound("no_choice")` else."""
    rows = Probe.objects.filter(case_id=case_id, id=photo_id, state=ProbeState.CHOOSING)
    photo = rows.first()
    if photo is None:
        raise NotFound("no_choice", _("There is nothing to choose in this photo any more."))
    return photo


def _locked(case: Case, photo_id: UUID) -> Probe:
    if case.status not in cases.BEFORE_SEARCH:
        raise Conflict("photo_late", _("We are already working with what you sent before."))
    Probe.objects.select_for_update().filter(case=case, id=photo_id).first()
    return waiting(case.id, photo_id)


def to_choose_in(case: Case) -> list[Probe]:
    """The photos of a request in which a face may be chosen now."""
    if case.status not in cases.BEFORE_SEARCH:
        return []
    return list(case.probes.filter(state=ProbeState.CHOOSING).order_by("received_at", "id"))


def _destroy(photo: Probe, *, outcome: str, actor: Actor) -> None:
    """Photo and cut-outs lie in one unit, and its key goes with the next shred."""
    photo.choose_until = None
    vault.request_shred([photo.unit], reason="face_choice")
    vault.enqueue_shred()
    record(
        "probe.face_choice",
        actor=actor,
        case_id=photo.case_id,
        subject_id=photo.id,
        faces=photo.faces,
        outcome=outcome,
    )


def _refuse(photo: Probe, *, outcome: str, actor: Actor) -> None:
    _destroy(photo, outcome=outcome, actor=actor)
    photo.state, photo.verdict = ProbeState.UNUSABLE, NOBODY_CHOSEN
    photo.save()


# -- the end of the choice -----------------------------------------------------------------------


def end_due() -> int:
    """Destroy photos of several people of which nobody chose a face in time; how many.

    Run regularly. Where the case waits for the person a mail says that it still does.
    """
    due = Probe.objects.filter(state=ProbeState.CHOOSING, choose_until__lte=clock.now())
    ids = list(due.order_by("choose_until", "id").values_list("case_id", "id"))
    return sum(quietly(partial(_end, *one), doing="a choice of a face", of=one[1]) for one in ids)


def _end(case_id: UUID, photo_id: UUID) -> bool:
    with unit_of_work():
        case = lock(case_id)
        photo = Probe.objects.select_for_update().get(id=photo_id)
        if photo.state != ProbeState.CHOOSING:
            return False
        _refuse(photo, outcome="over", actor=_SWEEP)
        if case.status == Status.NEEDS_INFO:
            queue_needs_you(case)
    return True
