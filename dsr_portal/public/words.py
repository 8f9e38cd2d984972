"""Words of the public site that depend on what was checked (shared voice: short, no blame)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.law import authorities
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.matching.words import finding_words, verdict_words


@dataclass(frozen=True, slots=True)
class PhotoWords:
    """What is said about a photo: a notice of `kind`, its title and further lines."""

    kind: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhotoSeen:
    """One of the person's photos as their page shows it; `number` counts from 1."""

    id: UUID
    number: int
    words: PhotoWords
    being_checked: bool
    choose: bool


def photos_seen(photos: Iterable[Probe], *, stopped: Collection[UUID] = ()) -> list[PhotoSeen]:
    """`stopped`: photos whose check failed for good; nothing of them is being checked."""
    return [
        PhotoSeen(
            photo.id,
            number,
            stopped_words() if photo.id in stopped else photo_words(photo),
            photo.state == ProbeState.RECEIVED and photo.id not in stopped,
            photo.state == ProbeState.CHOOSING,
        )
        for number, photo in enumerate(photos, start=1)
    ]


def stopped_words() -> PhotoWords:
    return PhotoWords(
        "note",
        _("The check of your photo stopped"),
        (
            _(
                "That is our fault. We have your photo, and a person starts the check again. You"
                " can send another one, too. Your request keeps its date."
            ),
        ),
    )


def photo_words(probe: Probe) -> PhotoWords:
    """The state of a photo that lies here; it says nothing of any search (R3)."""
    if probe.state == ProbeState.WAITING_CONSENT:
        return PhotoWords(
            "note",
            _("Your photo waits"),
            (
                _(
                    "You did not agree to the comparison. Your photo lies encrypted and nobody"
                    " works with it."
                ),
            ),
        )
    if probe.state == ProbeState.RECEIVED:
        return PhotoWords("note", _("We are checking your photo"), ())
    if probe.state == ProbeState.SET_ASIDE:
        return PhotoWords("note", _("We go on without this photo"), ())
    if probe.state == ProbeState.CHOOSING:
        return _choose_words(probe)
    if probe.state == ProbeState.UNUSABLE:
        return PhotoWords("needs", _("We need another photo"), (verdict_words(probe.verdict),))
    hints = tuple(words for words in map(finding_words, probe.findings) if words)
    title = _("Your photo can be used")
    return PhotoWords("note" if hints else "done", title, hints)


def _choose_words(probe: Probe) -> PhotoWords:
    """More than one face: which is theirs, and what becomes of the others (law P-05)."""
    until = probe.choose_until or clock.now()
    lines = (
        _(
            "There is more than one face in your photo. Choose yours. We remove the others then "
            "and do not examine them."
        ),
        _("If you choose none by %(day)s, we delete the photo.")
        % {"day": day_words(clock.local_date(until))},
    )
    return PhotoWords("needs", _("Which face is yours?"), lines)


def authority_of(case: Case | None) -> dict[str, Any]:
    """The authority a complaint page names, in the form the complaint block takes."""
    overrides = getattr(settings, "DSR_AUTHORITIES", None)
    found = authorities.get(case.country if case else None, overrides=overrides)
    if found.is_generic:
        return {"name": _("Every data protection authority"), "url": found.website}
    return {
        "name": found.name,
        "address": found.printed_address,
        "url": found.website,
        "email": found.printed_email,
    }


def dpo_email() -> str:
    """The e-mail address inside the operator's line about the officer, if there is one."""
    words: Iterable[str] = settings.DSR_CONTROLLER["dpo"].replace(",", " ").split()
    return next((word for word in words if "@" in word), "")
