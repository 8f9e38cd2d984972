"""Words of the public site that depend on what was checked (shared voice: short, no blame)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.law import authorities
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.matching.words import finding_words, verdict_words


@dataclass(frozen=True, slots=True)
class PhotoWords:
    """What is said about the photo: a notice of `kind`, and whether another one may be sent."""

    kind: str
    title: str
    lines: tuple[str, ...]
    again: bool


def photo_words(probe: Probe | None) -> PhotoWords | None:
    """The state of the newest photo; it says nothing of any search (R3)."""
    if probe is None or probe.state == ProbeState.DELETED:
        return None
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
            again=False,
        )
    if probe.state == ProbeState.RECEIVED:
        return PhotoWords("note", _("We are checking your photo"), (), again=False)
    if probe.state == ProbeState.UNUSABLE:
        return PhotoWords(
            "needs", _("We need another photo"), (verdict_words(probe.verdict),), again=True
        )
    hints = tuple(words for words in map(finding_words, probe.findings) if words)
    title = _("Your photo can be used")
    return PhotoWords("note" if hints else "done", title, hints, again=bool(hints))


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
