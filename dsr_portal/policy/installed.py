"""Settings of the installation that shape how requests are handled: each change is in the trail.

Nobody proposes them at the desk: an operator changes a variable or installs other texts. So what
is in force is compared with what the trail saw last; a difference is an event with the old and the
new value, the impact assessment then in force, and a question to a named person why (L-15; Art. 24,
25, 35(11)). Words of the controller stand in the trail by their hash. No secret is among them.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.audit.models import Event
from dsr_portal.audit.schema import code
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotFound
from dsr_portal.policy import assessment
from dsr_portal.policy.services import require_may_change

CHANGED, EXPLAINED = "installation.changed", "installation.explained"
WHYS = ("law", "decision", "new_version", "mistake", "other_machine")
_WATCH = Actor.system("policy")


@functools.cache
def _texts() -> str:
    """Every word people read, in all languages; without the comments that name source files."""
    digest = hashlib.sha256()
    for folder in settings.LOCALE_PATHS:
        for path in sorted(Path(folder).rglob("*.po")):
            lines = path.read_bytes().splitlines()
            digest.update(b"\n".join(one for one in lines if not one.startswith((b"#", b'"'))))
    return digest.hexdigest()


WATCHED: Mapping[str, Callable[[], Any]] = {
    "calendar": lambda: settings.DSR_CALENDAR,
    "time_zone": lambda: settings.TIME_ZONE,
    "texts": _texts,
    "retention_statement": lambda: settings.DSR_RETENTION,
    "purposes": lambda: settings.DSR_PURPOSES,
    "automated_use": lambda: settings.DSR_AUTOMATED_USE,
    "transfers": lambda: settings.DSR_TRANSFERS,
    "request_transfers": lambda: settings.DSR_REQUEST_TRANSFERS,
    "authorities": lambda: settings.DSR_AUTHORITIES,
    "proof_days": lambda: settings.DSR_PROOF_DAYS,
    "link_days": lambda: settings.DSR_LINK_DAYS,
    "package_days": lambda: settings.DSR_PACKAGE_DAYS,
    "backup_days": lambda: settings.DSR_BACKUP_DAYS,
    "release_hour": lambda: settings.DSR_RELEASE_HOUR,
    "hold_minutes": lambda: settings.DSR_HOLD_MINUTES,
    "review_threshold": lambda: settings.DSR_REVIEW_THRESHOLD,
    "strong_threshold": lambda: settings.DSR_STRONG_THRESHOLD,
    "widen": lambda: settings.DSR_WIDEN,
    "models": lambda: settings.DSR_MODELS,
}
"""By the name that stands in the trail; of a period that `policy` has, this is the start value."""

LABELS: Mapping[str, Any] = {
    "law": gettext_lazy("the law asks for it"),
    "decision": gettext_lazy("it was decided"),
    "new_version": gettext_lazy("a new version was installed"),
    "mistake": gettext_lazy("a mistake was put right"),
    "other_machine": gettext_lazy("the installation moved"),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One change the trail saw; `why` and `by` once a named person said it."""

    number: int
    at: datetime
    setting: str
    old: str
    new: str
    assessment: int | None
    why: str = ""
    by: str = ""


def look() -> int:
    """Compare what is in force with what the trail saw last; how many changes were written.

    The first look writes down what is in force and asks nobody.
    """
    with unit_of_work():
        seen = _seen()
        version = assessment.in_force()
        found = 0
        for name, value in WATCHED.items():
            shown, hashed = _written(value())
            before = seen.get(name)
            if before is not None and before["new_hash"] == hashed:
                continue
            record(
                CHANGED,
                actor=_WATCH,
                setting=name,
                old=before["new"] if before else None,
                old_hash=before["new_hash"] if before else None,
                new=shown,
                new_hash=hashed,
                assessment=version.version if version else None,
            )
            found += before is not None
    return found


def changes() -> list[Changed]:
    """Every change since the first look, newest first, with who said why."""
    said = {
        int(event.data["change"]): event
        for event in Event.objects.filter(type=EXPLAINED).select_related("payload")
        if event.data
    }
    found = []
    for event in Event.objects.filter(type=CHANGED).select_related("payload").order_by("-number"):
        data = event.data
        if not data or data["old_hash"] is None:
            continue
        told = said.get(event.number)
        found.append(
            Changed(
                number=event.number,
                at=event.at,
                setting=data["setting"],
                old=data["old"] or data["old_hash"][:12],
                new=data["new"] or data["new_hash"][:12],
                assessment=data["assessment"],
                why=told.data["why"] if told and told.data else "",
                by=told.actor_id if told else "",
            )
        )
    return found


def unexplained() -> list[Changed]:
    return [one for one in changes() if not one.why]


def explain(*, number: int, why: str, actor: Actor) -> Changed:
    """Say why a setting was changed; once, by a supervisor or a director, by number and code."""
    require_may_change(actor)
    with unit_of_work():
        found = next((one for one in changes() if one.number == number), None)
        if found is None or why not in WHYS:
            raise NotFound("no_change", _("There is no such change, or no such reason."))
        if found.why:
            raise Conflict("change_explained", _("Somebody said already why."))
        record(EXPLAINED, actor=actor, setting=found.setting, change=number, why=why)
    return found


def standing() -> set[int]:
    """Numbers of the events that say what is in force, and why: the trail is their only place.

    They stay while they do (law L-23): without them the next look would see no change.
    """
    rows = Event.objects.filter(type=CHANGED, payload__isnull=False).select_related("payload")
    newest = {one.data["setting"]: one.number for one in rows.order_by("number") if one.data}
    told = Event.objects.filter(type=EXPLAINED, payload__isnull=False).select_related("payload")
    kept = set(newest.values())
    return kept | {one.number for one in told if one.data and int(one.data["change"]) in kept}


def _seen() -> dict[str, dict[str, Any]]:
    rows = Event.objects.filter(type=CHANGED).select_related("payload").order_by("number")
    return {event.data["setting"]: event.data for event in rows if event.data}


def _written(value: Any) -> tuple[str | None, str]:
    """The value where it is a word or number, and the hash of it in any case."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if code(text) else None, hashlib.sha256(text.encode()).hexdigest()
