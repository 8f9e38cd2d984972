"""What an import was given: a folder or a manifest, read and checked whole before it starts."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from dsr_portal.core.errors import BadInput
from dsr_portal.gallery.addresses import canonical

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".bmp",
     ".tif", ".tiff"}
)  # fmt: skip
_KNOWN = ("page_url", "image_url", "collected_at", "collector", "caption")
_ADDRESSES = ("page_url", "image_url")
_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to import and what came with it."""

    path: Path
    shown: str
    known: dict[str, str] = field(default_factory=dict)
    other: dict[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What is kept of it in the vault: empty values left out, other columns as they were."""
        facts: dict[str, Any] = {name: value for name, value in self.known.items() if value}
        facts["path"] = self.shown
        if self.other:
            facts["other"] = self.other
        return facts


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything one import is about, in a fixed order; `digest` recognises the same listing."""

    items: tuple[Item, ...]
    skipped: int
    digest: bytes


def read_listing(path: Path, manifest: Path | None) -> Listing:
    """The pictures of a folder, one picture, or those a manifest names. Raises `BadInput`."""
    root = path.resolve()
    if not root.exists():
        raise BadInput("no_such_path", _("There is no folder or file %(path)s.") % {"path": path})
    if manifest is None:
        items, skipped = _from_folder(root)
    else:
        items, skipped = _from_manifest(root if root.is_dir() else root.parent, manifest), 0
    if not items:
        raise BadInput("no_pictures", _("No pictures were found in %(path)s.") % {"path": path})
    return Listing(tuple(items), skipped, _digest(items))


def _from_folder(root: Path) -> tuple[list[Item], int]:
    if root.is_file():
        return [Item(root, root.name)], 0
    items, skipped = [], 0
    for found in sorted(root.rglob("*")):
        inside = found.relative_to(root)
        if any(part.startswith(".") for part in inside.parts) or found.is_symlink():
            continue
        if not found.is_file():
            continue
        if found.suffix.lower() in PICTURE_SUFFIXES:
            items.append(Item(found, inside.as_posix()))
        else:
            skipped += 1
    return items, skipped


def _from_manifest(root: Path, manifest: Path) -> list[Item]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(
            "manifest_unreadable",
            _("The manifest %(path)s can't be read (%(why)s).")
            % {"path": manifest, "why": error.strerror or ""},
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(
            "manifest_not_utf8", _("The manifest %(path)s is not in UTF-8.") % {"path": manifest}
        ) from error
    rows = _json_rows(text) if manifest.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows(text)
    items: list[Item] = []
    problems: list[str] = []
    for line, row in rows:
        try:
            items.append(_item(root, row))
        except BadInput as error:
            problems.append(_("line %(line)s: %(what)s") % {"line": line, "what": error.message})
            if len(problems) == _SHOWN_PROBLEMS:
                break
    if problems:
        raise BadInput(
            "bad_manifest",
            _("Nothing was imported, for the manifest has errors:") + "\n" + "\n".join(problems),
        )
    return items


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    # Not cut by str.splitlines: a value may hold a mark that ends a line to Python alone.
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="")
    try:
        names = reader.fieldnames or []
    except csv.Error as error:
        raise BadInput("bad_manifest", _("line 1: %(what)s") % {"what": error}) from error
    if "path" not in names:
        raise BadInput(
            "manifest_no_path", _("The first line of the manifest names no column path.")
        )
    if len(set(names)) != len(names):
        raise BadInput("manifest_columns", _("The manifest names a column twice."))
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(
                "bad_manifest", _("line %(line)s: %(what)s") % {"line": line, "what": error}
            ) from error
        yield line, row


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError:
            row = None
        yield line, row if isinstance(row, dict) else {}


def _item(root: Path, row: dict[str, Any]) -> Item:
    if "" in row:
        raise BadInput("row_too_long", _("more values than columns"))
    if any(value is None for value in row.values()) and len(row) > 1:
        row = {name: "" if value is None else value for name, value in row.items()}
    values = {str(name): _text(value) for name, value in row.items()}
    named = values.pop("path", "").strip()
    if not named:
        raise BadInput("row_without_path", _("no path (or not a JSON object)"))
    try:
        found = (root / named).resolve()
        is_file = found.is_file()
    except (OSError, ValueError):
        raise BadInput("path_unusable", _("the path is none a file can have")) from None
    if not found.is_relative_to(root):
        raise BadInput("path_outside", _("%(path)s lies outside the folder") % {"path": named})
    if not is_file:
        raise BadInput("path_missing", _("there is no file %(path)s") % {"path": named})
    known = {name: values.pop(name, "").strip() for name in _KNOWN}
    _check(known)
    return Item(found, named, known, {name: value for name, value in values.items() if value})


def _check(known: dict[str, str]) -> None:
    for name in _ADDRESSES:
        if known[name]:
            try:
                canonical(known[name])
            except BadInput:
                raise BadInput(
                    "bad_address", _("%(name)s is no address") % {"name": name}
                ) from None
    if known["collected_at"]:
        try:
            datetime.fromisoformat(known["collected_at"])
        except ValueError:
            raise BadInput(
                "bad_date", _("collected_at is no date like 2024-05-31 or 2024-05-31T14:00:00Z")
            ) from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _digest(items: list[Item]) -> bytes:
    running = hashlib.sha256()
    for item in items:
        size = item.path.stat().st_size
        row = json.dumps([item.facts, size], ensure_ascii=False, sort_keys=True)
        running.update(row.encode("utf-8", "surrogateescape") + b"\n")
    return running.digest()
