"""System checks of the places where keys and the ledger are kept (R26, R31).

The same checks stop a process that serves: see `refuse_unsafe_start`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from dsr_portal.vault import environment
from dsr_portal.vault import places as files
from dsr_portal.vault.models import Backup
from dsr_portal.vault.process import unencrypted_swap

_MENDING = ("ring", "check")
"""Commands that look at the places or make them run whatever is wrong there."""


def refuse_unsafe_start() -> None:
    """End a process that would work with keys others can read, or that a backup or swap would copy.

    A server or a worker runs no system checks, so it asks here. A missing place is no reason:
    work goes on with the other (R26).
    """
    if Path(sys.argv[0]).name in {"manage.py", "django-admin"} and sys.argv[1:2] in (
        [name] for name in _MENDING
    ):
        return
    wrong = [
        found
        for found in (*places_are_safe(), *swap_keeps_secrets())
        if found.is_serious() and found.id != "vault.E004"
    ]
    if wrong:
        lines = [f"{found.msg} {found.hint}" for found in wrong]
        raise ImproperlyConfigured(
            "\n".join(["Keys would not be safe, so nothing was started.", *lines])
        )


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
    return [*found, *_keys_in_environment()]


@register()
def swap_keeps_secrets(**_: Any) -> list[CheckMessage]:
    """Memory of this machine must not reach a disk in clear (law X-10).

    What lies under a swap area can't always be seen from here, as with a swap file on an encrypted
    file system. So production starts where somebody wrote down why it is safe; it stays a warning.
    """
    stated = settings.DSR_SWAP_STATED.strip()
    refused = settings.DSR_PRODUCTION and not stated
    kind, number = (Error, "vault.E007") if refused else (Warning, "vault.W002")
    said = f" Stated by the operator: {stated}" if stated else ""
    return [
        kind(
            f"The swap area {name} is not encrypted, as far as can be seen: keys and pictures in "
            f"memory may reach it.{said}",
            hint="Encrypt swap (dm-crypt with a random key) or switch it off. Where it is safe in "
            "a way that does not show here, name who says so and why in DSR_SWAP_STATED.",
            id=number,
        )
        for name in unencrypted_swap()
    ]


def _place_problems(name: str, place: Path) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for tree in _copied_by_backups():
        if place.resolve().is_relative_to(tree):
            found.append(
                Error(
                    f"{name}: {place} lies inside {tree}, which backups copy.",
                    hint=f"Move it outside {tree} and outside every backup path, and set {name}.",
                    id="vault.E002",
                )
            )
    if not place.exists():
        if settings.DSR_PRODUCTION:
            found.append(
                Error(
                    f"{name}: {place} does not exist.",
                    hint="Mount its disk. For a new installation `python manage.py ring init` "
                    "makes the folders with mode 0700; for a new disk see `ring copy`.",
                    id="vault.E004",
                )
            )
        return found
    problems = [files.folder_problem(place) or "", *files.file_problems(place)]
    found += [
        Error(
            f"{name}: {problem}.",
            hint="Folders of keys have mode 0700, files 0600, and belong to the portal's account.",
            id="vault.E003",
        )
        for problem in problems
        if problem
    ]
    return found


def _copied_by_backups() -> list[Path]:
    """What a backup copies; where it is written to, `backup` itself refuses (R31)."""
    var, vault = Path(settings.DSR_VAR).resolve(), Path(settings.DSR_VAULT_DIR).resolve()
    return [var] if vault.is_relative_to(var) else [var, vault]


def _keys_in_environment() -> list[CheckMessage]:
    """Every child, crash report and /proc reader sees the environment: no key may be there."""
    places = [Path(place) for place in settings.DSR_RING]
    return [
        Error(
            f"The environment variable {name} holds a key of this installation.",
            hint=f"Unset {name}: keys are files of the ring, the portal reads none from there.",
            id="vault.E005",
        )
        for name in environment.variables_with_keys(environment.given_at_start(), places)
    ]


def _same_disk(places: list[Path]) -> bool:
    return all(place.exists() for place in places) and (
        len({place.stat().st_dev for place in places}) == 1
    )


@register(Tags.database)
def restore_is_finished(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """An installation whose restore was interrupted must not serve: rows of erased people stand."""
    for alias in databases or ():
        connection = connections[alias]
        if Backup._meta.db_table not in connection.introspection.table_names():
            continue
        rows = Backup.objects.using(alias).filter(state=Backup.State.RESTORING)
        if rows.exists():
            return [
                Error(
                    "A restore was interrupted: what was erased since the backup is not gone yet.",
                    hint="Repeat the same `manage.py restore` before any process starts.",
                    id="vault.E006",
                )
            ]
    return []
