"""What a stop of collection covers: by rules about the source, never by nationality (R23).

A rule compares what a manifest says of a picture: the country of the source's site, its language,
whether place data came with it. Without a column the country follows from the page's address; a
picture of which nothing is known is not covered (docs/gallery.md says so).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Q

from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import outside
from dsr_portal.gallery.addresses import canonical
from dsr_portal.gallery.facts import facts_of
from dsr_portal.gallery.listing import Item
from dsr_portal.gallery.models import Appearance, CollectionStop, SourceImage

COUNTRY_COLUMNS = ("site_country", "source_country")
LANGUAGE_COLUMNS = ("language", "site_language")
_PLACE_COLUMN = re.compile(
    r"(?:^|_)(?:lat|latitude|lon|lng|longitude|gps|geo|location|place)(?:_|$)"
)
# Endings that are not the country's code (ISO 3166), and two-letter ones that everybody uses.
_OTHER_ENDINGS = {"uk": "GB", "eu": "", "io": "", "ai": "", "tv": "", "me": "", "co": ""}


def narrow(stops: Iterable[CollectionStop]) -> list[CollectionStop]:
    """Those that cover some pictures of an import and not the whole of it."""
    return [one for one in stops if one.country or one.language or one.with_place]


def standing(source_id: UUID) -> list[CollectionStop]:
    """Every stop in force that could cover pictures of a source."""
    covering = Q(source=None) | Q(source_id=source_id)
    return list(CollectionStop.objects.filter(covering, lifted_at=None))


@outside("Counting the pictures of a scope")
def held(stop: CollectionStop, *, since: datetime | None = None) -> int:
    """How many pictures that are still here fall under a stop's rules, saved or not.

    `since` counts only what was imported at or after that moment. With a rule beside the source
    every set of facts is opened, so this belongs in a job.
    """
    images = SourceImage.objects.exclude(state=SourceImage.State.ERASED)
    if stop.source_id is not None:
        images = images.filter(source_id=stop.source_id)
    if since is not None:
        images = images.filter(imported_at__gte=since)
    if not narrow([stop]):
        return images.count()
    rows = Appearance.objects.filter(image__in=images)
    found = {
        image_id
        for image_id, unit, field in rows.values_list("image_id", "image__unit", "field")
        if _covers(stop, _item(facts_of(unit, field)))
    }
    return len(found)


@outside("Reading what a stop covers")
def stopped(image: SourceImage) -> bool:
    """Whether a stop in force covers this picture, by any of the facts it came with."""
    stops = standing(image.source_id)
    rows = Appearance.objects.filter(image=image) if stops else Appearance.objects.none()
    return any(
        covered(_item(facts_of(image.unit, field)), stops)
        for field in rows.values_list("field", flat=True)
    )


def _item(facts: Mapping[str, Any]) -> Item:
    known = {name: str(value) for name, value in facts.items() if name not in {"path", "other"}}
    return Item(Path(), "", known, dict(facts.get("other") or {}))


def covered(item: Item, stops: Iterable[CollectionStop]) -> bool:
    """Whether a picture falls under one of these stops; every rule of a stop has to fit."""
    return any(_covers(stop, item) for stop in stops)


def _covers(stop: CollectionStop, item: Item) -> bool:
    if stop.country and stop.country != country_of(item):
        return False
    if stop.language and stop.language != language_of(item):
        return False
    return not stop.with_place or has_place(item)


def country_of(item: Item) -> str:
    """The source site's country: what the manifest says, else the ending of the page's address."""
    said = _column(item, COUNTRY_COLUMNS).upper()
    if said:
        return said
    for name in ("page_url", "image_url"):
        address = item.known.get(name, "")
        if address and (found := _ending(address)):
            return found
    return ""


def _ending(address: str) -> str:
    try:
        host = urlsplit(f"//{canonical(address)}").hostname or ""
    except BadInput:
        return ""
    last = host.rpartition(".")[2]
    if last in _OTHER_ENDINGS:
        return _OTHER_ENDINGS[last]
    return last.upper() if re.fullmatch(r"[a-z]{2}", last) else ""


def language_of(item: Item) -> str:
    """The language the manifest states, without its region: "de-AT" is "de"."""
    return re.split(r"[-_]", _column(item, LANGUAGE_COLUMNS).lower())[0]


def has_place(item: Item) -> bool:
    """Whether place data came with the picture, in any column for them."""
    columns = {**item.known, **item.other}
    return any(value and _PLACE_COLUMN.search(name.lower()) for name, value in columns.items())


def _column(item: Item, names: Iterable[str]) -> str:
    values = {name.lower(): value for name, value in item.other.items()}
    return next((values[name].strip() for name in names if values.get(name, "").strip()), "")
