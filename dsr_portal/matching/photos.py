"""The photos of a case: up to five of one person that are searched with together.

Who is asking is checked against all of them (R2, R7), so whatever changes the set makes that check
lapse. Whether they show one person is a person's word where the program doubts it.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import services as cases
from dsr_portal.cases.drafts import MOST_PHOTOS
from dsr_portal.cases.messages import queue_needs_you
from dsr_portal.cases.models import Case, Direction
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.matching.models import Probe, ProbeState, Search, SearchPhoto, SearchState
from dsr_portal.matching.reviewers import require_reviewer
from dsr_portal.vault import services as vault

NOBODY_CHOSEN = "no_face_chosen"
"""The verdict on a photo of several people of which nobody said which face is theirs."""

_NOT_COUNTED = (ProbeState.DELETED, ProbeState.SET_ASIDE)


def kept(case_id: UUID) -> list[Probe]:
    """Every photo that still lies here, in the order they came."""
    rows = Probe.objects.filter(case_id=case_id).exclude(state=ProbeState.DELETED)
    return list(rows.order_by("received_at", "id"))


def counting(case_id: UUID) -> list[Probe]:
    """The photos that are searched with together, in the order they came."""
    rows = Probe.objects.filter(case_id=case_id).exclude(state__in=_NOT_COUNTED)
    return list(rows.order_by("received_at", "id"))


def token(photos: Iterable[Probe]) -> str:
    """Which photos a page was about, for the form that it posts; "" for none.

    By their units: the face chosen in a photo of several people is another picture (law P-05).
    """
    return ",".join(sorted(str(photo.unit) for photo in photos))


def photos_left(case: Case) -> int:
    """How many photos the person may still send before an officer writes again (law X-04).

    Photo after photo would be a way to try faces; a word from an officer opens five more.
    """
    sent = Probe.objects.filter(case=case, entered_by="")
    asked = case.messages.filter(direction=Direction.OUT).order_by("-at").first()
    if asked is not None:
        sent = sent.filter(received_at__gt=asked.at)
    return max(0, MOST_PHOTOS - sent.count())


def has_picture(photo: Probe) -> bool:
    """Whether there is a picture of this photo that staff may look at: none of several people's
    faces before one was chosen, and none where nobody chose (law P-05)."""
    gone = photo.state in {ProbeState.DELETED, ProbeState.CHOOSING}
    return not gone and photo.verdict != NOBODY_CHOSEN


# -- taking out ---------------------------------------------------------------------------------


def delete(photos: Iterable[Probe], *, actor: Actor, reason: str) -> None:
    """Mark photos deleted and order the destruction of each one's key, in the caller's unit."""
    gone = list(photos)
    for photo in gone:
        photo.state = ProbeState.DELETED
        photo.findings = []
        photo.save(update_fields=["state", "findings"])
        record(
            "probe.deleted",
            actor=actor,
            case_id=photo.case_id,
            subject_id=photo.id,
            reason=reason,
        )
    if gone:
        vault.request_shred([photo.unit for photo in gone], reason=reason)


def make_room(*, case: Case, actor: Actor, instead: UUID | None) -> None:
    """A photo takes the place of the one it is sent for, and of those that cannot be used."""
    here = kept(case.id)
    if instead is not None and instead not in {photo.id for photo in here}:
        raise NotFound("no_photo", _("This photo is not there any more."))
    replaced = [
        photo for photo in here if photo.id == instead or photo.state == ProbeState.UNUSABLE
    ]
    delete(replaced, actor=actor, reason="replaced")
    if replaced:
        vault.enqueue_shred()


def take_out_photo(*, case_id: UUID, photo_id: UUID, actor: Actor) -> Case:
    """The person takes one of several photos back; with the last one goes the consent instead.

    Raises `NotFound("no_photo")`, `Conflict` with photo_late or last_photo.
    """

    def take_out(case: Case) -> None:
        if case.status not in cases.BEFORE_SEARCH:
            raise Conflict("photo_late", _("We are already working with what you sent before."))
        here = kept(case.id)
        if photo_id not in {photo.id for photo in here}:
            raise NotFound("no_photo", _("This photo is not there any more."))
        if len(here) == 1:
            raise Conflict(
                "last_photo",
                _("This is your only photo. Replace it, or withdraw your consent to delete it."),
            )
        cases.identity_asked_again(case=case, actor=actor)
        gone = [photo for photo in here if photo.id == photo_id]
        delete(gone, actor=actor, reason="taken_out")
        vault.enqueue_shred()

    return cases.receive_message(case_id=case_id, actor=actor, also=take_out)


# -- photos that are unlike one another -----------------------------------------------------------


def found_apart(*, search: Search, actor: Actor) -> None:
    """Nothing is searched with photos too unlike to be one person's before a person looked.

    Runs in the job's unit of work, on the locked case. The person reads the same neutral question
    whatever the gallery holds, for nothing was compared with it (R3).
    """
    search.state, search.finished_at = SearchState.APART, clock.now()
    search.save(update_fields=["state", "finished_at"])
    record(
        "search.apart",
        actor=actor,
        case_id=search.case_id,
        subject_id=search.id,
        photos=search.photos,
    )
    case = Case.objects.get(id=search.case_id)
    cases.advance(case=case, action=Action.STOP_SEARCH, actor=actor)
    queue_needs_you(case)


def wait_for_choice(case: Case) -> bool:
    """Whether these very photos were found unlike one another and nobody has chosen yet."""
    return unlike(case) is not None


def unlike(case: Case) -> Search | None:
    """The search that found the photos of this case unlike one another, while that still waits."""
    if case.status not in cases.BEFORE_SEARCH:
        return None
    last = Search.objects.filter(case=case, state=SearchState.APART).order_by("-started_at").first()
    now = counting(case.id)
    if last is None or token(last.all_photos()) != token(now) or vouched(now):
        return None
    return last


def vouched(photos: Collection[Probe]) -> bool:
    """Whether a person of staff said of each of these photos that they show one person."""
    return bool(photos) and all(photo.chosen_by for photo in photos)


def may_choose(case: Case) -> bool:
    """Whether there is more than one photo to choose from, before the search."""
    return case.status in cases.BEFORE_SEARCH and len(kept(case.id)) > 1


def choose(*, case_id: UUID, actor: Actor, chosen: Collection[UUID], seen: str) -> Case:
    """An officer says which photos show the person who asks; the others do not count.

    `seen` is the `token` of the photos the officer's page showed. Where the set changes, who is
    asking has to be checked anew against those that count now (R2, R7). Raises `NotAllowed`,
    `BadInput` with none_chosen or photo_unusable, `Conflict` with photo_changed or no_such_step.
    """
    require_reviewer(actor)
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if case.opener and case.opener == actor.id:
            raise NotAllowed(
                "opener_barred", _("You entered this request, so another person chooses.")
            )
        if case.status not in cases.BEFORE_SEARCH:
            raise Conflict("no_such_step", _("The search has begun with these photos."))
        here = kept(case.id)
        if seen != token(here):
            raise Conflict("photo_changed", _("The photos changed meanwhile. Look at them again."))
        _require_usable(here, chosen)
        before = token(counting(case.id))
        unclear = [photo for photo in here if photo.state == ProbeState.CHOOSING]
        _give_up(unclear, actor=actor)
        for photo in here:
            if photo in unclear:
                continue
            counts = photo.id in chosen
            if counts:
                photo.state, photo.chosen_by = ProbeState.USABLE, actor.id
            else:
                photo.state, photo.chosen_by = ProbeState.SET_ASIDE, ""
            photo.save(update_fields=["state", "chosen_by"])
        if token(counting(case.id)) != before:
            cases.identity_asked_again(case=case, actor=actor)
        record(
            "photos.chosen",
            actor=actor,
            case_id=case.id,
            photos=len(chosen),
            set_aside=len(here) - len(chosen),
        )
        return case


def _give_up(photos: Collection[Probe], *, actor: Actor) -> None:
    """Photos in which nobody said which face is theirs: one that does not count does not lie here
    with other people in it (law P-05)."""
    delete(photos, actor=actor, reason="face_not_chosen")
    if photos:
        vault.enqueue_shred()


def _require_usable(here: Collection[Probe], chosen: Collection[UUID]) -> None:
    usable = {photo.id for photo in here if photo.verdict == "ok"}
    if not chosen:
        raise BadInput("none_chosen", _("Choose at least one photo."))
    if not set(chosen) <= usable:
        raise BadInput("photo_unusable", _("Choose only photos that were checked and can be used."))


# -- the search ---------------------------------------------------------------------------------


def ready(case: Case) -> list[Probe]:
    """The photos a search may be made with now; none while one of them can't be used or waits.

    Never some of them only: who is asking was compared with all (R2).
    """
    photos = counting(case.id)
    usable = all(photo.state == ProbeState.USABLE for photo in photos)
    return photos if usable and not wait_for_choice(case) else []


def begin(search: Search, photos: Collection[Probe]) -> None:
    """Keep which further photos a search is made with."""
    others = [photo for photo in photos if photo.id != search.probe_id]
    SearchPhoto.objects.bulk_create(SearchPhoto(search=search, probe=photo) for photo in others)


def used(photos: Collection[Probe]) -> int:
    """How many of them make the template: of more than five the best five (docs/fusion.md)."""
    return min(len(photos), MOST_PHOTOS)
