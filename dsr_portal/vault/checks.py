"""System checks of the places where keys and the ledger are kept (R26, R31)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from dsr_portal.vault import places as files
from dsr_portal.vault.process import unencrypted_swap


@register()
def places_are_safe(**_: Any) -> list[CheckMessage]:
    """Two folders each, readable by this account only, outside var/ and its backups."""
    found: list[CheckMessage] = []
    for name in ("DSR_RING", "DSR_LEDGER"):
        places = [Path(place) for place in getattr(settings, name)]
        if len(places) != 2 or len({place.resolve() for place in places}) != 2:
            found.append(
                Error(
                    f"{name} must name two different folders.",
                    hint=f"Set {name} to two folders on two disks, separated by a comma.",
                    id="vault.E001",
                )
            )
            continue
        for place in places:
            found += _place_problems(name, place)
        if settings.DSR_PRODUCTION and _same_disk(places):
            found.append(
                Warning(
                    f"Both folders of {name} are on one disk: if it is lost, so are both.",
                    hint="Put the second folder on another disk.",
                    id="vault.W001",
                )
            )
    return found


@register()
def swap_keeps_secrets(**_: Any) -> list[CheckMessage]:
    """Memory of this machine must not reach a disk in clear."""
    return [
        Warning(
            f"The swap area {name} is not encrypted: keys and pictures in memory may reach it.",
            hint="Encrypt swap (dm-crypt with a random key) or switch it off.",
            id="vault.W002",
        )
        for name in unencrypted_swap()
    ]


def _place_problems(name: str, place: Path) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    var = Path(settings.DSR_VAR).resolve()
    if place.resolve().is_relative_to(var):
        found.append(
            Error(
                f"{name}: {place} lies inside {var}, which backups copy.",
                hint="Key places and ledger lie outside var/ and outside every backup path.",
                id="vault.E002",
            )
        )
    problem = files.folder_problem(place) if place.exists() else ""
    if not problem and not place.exists() and settings.DSR_PRODUCTION:
        problem = f"{place} does not exist"
    if problem:
        found.append(
            Error(
                f"{name}: {problem}.",
                hint="`python manage.py ring init` makes the folders with mode 0700.",
                id="vault.E003",
            )
        )
    return found


def _same_disk(places: list[Path]) -> bool:
    return all(place.exists() for place in places) and (
        len({place.stat().st_dev for place in places}) == 1
    )
