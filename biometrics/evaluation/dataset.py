"""Which picture shows whom: from folders, one per person, or from a manifest."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from biometrics.errors import BiometricsError

SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".avif",
     ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"}
)  # fmt: skip
MANIFEST_NAME: Final = "manifest.csv"
GROUP_COLUMNS: Final = ("dataset", "gender", "ethnicity", "condition")

_DATE_COLUMNS = ("date", "taken", "taken_at", "year")
_DAYS_PER_YEAR = 365.2425


class BadDataSet(BiometricsError):
    """A folder or manifest that can't be evaluated; the text says what to change."""

    code = "bad_data_set"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture and who it shows.

    ``path`` is relative to the folder, with forward slashes; ``identity`` is unique over all data
    sets; ``years`` is when the picture was taken, as a decimal year or as the person's age (only
    differences within one person are used), None where not known; ``groups`` holds the values of
    GROUP_COLUMNS that are known.
    """

    path: str
    identity: str
    years: float | None = None
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataSet:
    """Labelled pictures, sorted by path, and what was left out: reason -> paths or lines."""

    folder: Path
    source: str
    pictures: tuple[Labelled, ...]
    left_out: dict[str, tuple[str, ...]]


def read(folder: Path, manifest: Path | None = None) -> DataSet:
    """The labelled pictures of a folder.

    ``manifest`` names the pictures and people; without it ``manifest.csv`` in the folder does, if
    it has a column ``path``; else every folder that holds pictures is one person. Raises
    BadDataSet in plain words.
    """
    if not folder.is_dir():
        raise BadDataSet(f"{folder} is no folder.")
    if manifest is None and _is_manifest(folder / MANIFEST_NAME):
        manifest = folder / MANIFEST_NAME
    found = _from_folders(folder) if manifest is None else _from_manifest(folder, manifest)
    if not found.pictures:
        raise BadDataSet(
            f"{folder} holds no pictures of labelled people: expected a folder per person "
            "(JPEG, PNG, WebP, HEIC) or a manifest."
        )
    return found


def _from_folders(folder: Path) -> DataSet:
    pictures, loose = [], []
    for path in _files(folder):
        if PurePosixPath(path).suffix.lower() not in SUFFIXES:
            continue
        parent = str(PurePosixPath(path).parent)
        if parent == ".":
            loose.append(path)
            continue
        groups = {"dataset": path.split("/", 1)[0]} if "/" in parent else {}
        pictures.append(Labelled(path, parent, None, groups))
    left_out = {"in no person's folder": tuple(loose)} if loose else {}
    return DataSet(folder, "a folder per person", tuple(pictures), left_out)


def _files(folder: Path) -> Iterator[str]:
    """Relative paths of all files in order; linked folders are followed once each."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield (Path(place) / name).relative_to(folder).as_posix()


def _is_manifest(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return "path" in [_plain(name) for name in next(csv.reader(stream), [])]
    except (UnicodeDecodeError, csv.Error):
        return False


def _from_manifest(folder: Path, manifest: Path) -> DataSet:
    left_out: dict[str, list[str]] = {}
    pictures: dict[str, Labelled] = {}
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = [_plain(name) for name in reader.fieldnames or []]
            if "path" not in columns:
                raise BadDataSet(f"{manifest.name} has no column 'path'.")
            reader.fieldnames = columns
            for row in reader:
                one, reason = _labelled(folder, row)
                if one is None:
                    named = f"line {reader.line_num}"
                    left_out.setdefault(reason, []).append(row.get("path") or named)
                elif one.path in pictures:
                    left_out.setdefault("named twice in the manifest", []).append(one.path)
                else:
                    pictures[one.path] = one
    except FileNotFoundError:
        raise BadDataSet(f"{manifest} is not there.") from None
    except UnicodeDecodeError:
        raise BadDataSet(f"{manifest.name} is not written in UTF-8.") from None
    except csv.Error as error:
        raise BadDataSet(f"{manifest.name} can't be read as CSV: {error}.") from None
    ordered = tuple(pictures[path] for path in sorted(pictures))
    reasons = {reason: tuple(paths) for reason, paths in left_out.items()}
    return DataSet(folder, f"the manifest {manifest.name}", ordered, reasons)


def _labelled(folder: Path, row: dict[str, str]) -> tuple[Labelled | None, str]:
    """One line of a manifest as a picture, or None and why not."""
    values = {name: value.strip() for name, value in row.items() if isinstance(value, str)}
    path = PurePosixPath(values.get("path", "").replace("\\", "/"))
    if not path.parts:
        return None, "no path in the manifest"
    if path.is_relative_to(folder.absolute().as_posix()):
        path = path.relative_to(folder.absolute().as_posix())
    if path.is_absolute() or ".." in path.parts:
        return None, "outside the folder"
    if not (folder / path).is_file():
        return None, "not in the folder"
    groups = {name: values[name] for name in GROUP_COLUMNS if values.get(name)}
    name = values.get("identity", "")
    if not name:
        parent = path.parent.as_posix()
        if parent == ".":
            return None, "no identity in the manifest"
        identity = parent
    else:
        identity = f"{groups['dataset']}/{name}" if "dataset" in groups else name
    return Labelled(path.as_posix(), identity, _years(values), groups), ""


def _plain(name: str | None) -> str:
    return (name or "").strip().lower()


def _years(values: dict[str, str]) -> float | None:
    """When the picture was taken: a date or year, else the age it shows."""
    for column in _DATE_COLUMNS:
        text = values.get(column, "")
        if re.fullmatch(r"\d{4}", text):
            return float(text) + 0.5
        try:
            # Day 1 is the first of January of year 1.
            return 1 + date.fromisoformat(text[:10]).toordinal() / _DAYS_PER_YEAR
        except ValueError:
            continue
    try:
        age = float(values.get("age", ""))
    except ValueError:
        return None
    return age if 0 <= age < 130 else None


def people(pictures: tuple[Labelled, ...]) -> Counter[str]:
    """How many pictures each person has."""
    return Counter(picture.identity for picture in pictures)
