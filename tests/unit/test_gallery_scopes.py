"""Which pictures a stop of collection covers: rules about the source, never about people (R23)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsr_portal.gallery import scopes
from dsr_portal.gallery.listing import Item
from dsr_portal.gallery.models import CollectionStop


def item(page: str = "", **other: str) -> Item:
    known = {"page_url": page} if page else {}
    return Item(Path("x.jpg"), "x.jpg", known, other)


@pytest.mark.parametrize(
    ("one", "country"),
    [
        (item("https://site.fr/a"), "FR"), (item("https://www.site.co.uk/a"), "GB"),
        (item("https://site.com/a"), ""), (item("https://site.eu/a"), ""),
        (item("https://site.io/a"), ""), (item("https://192.0.2.7/a"), ""), (item(), ""),
        (item("https://site.de/a", site_country="fr"), "FR"), (item(source_country=" it "), "IT"),
        (item("no address"), ""), (item("https://site.fr:8443/a"), "FR"),
    ],
)  # fmt: skip
def test_the_country_of_the_site(one: Item, country: str) -> None:
    assert scopes.country_of(one) == country


@pytest.mark.parametrize(
    ("stop", "one", "covered"),
    [
        ({"country": "FR"}, item("https://site.fr/a"), True),
        ({"country": "FR"}, item("https://site.de/a"), False),
        ({"country": "FR"}, item(), False),
        ({"language": "de"}, item(language="de-AT"), True),
        ({"language": "de"}, item(language="fr"), False),
        ({"with_place": True}, item(latitude="52.1"), True),
        ({"with_place": True}, item(gps_lat="52.1"), True),
        ({"with_place": True}, item(latitude=""), False),
        ({"with_place": True}, item(translation="x"), False),
        ({"country": "FR", "language": "de"}, item("https://a.fr/", language="de"), True),
        ({"country": "FR", "language": "de"}, item("https://a.fr/", language="fr"), False),
        ({"country": "FR"}, item("https://a.de/", nationality="FR", caption="French"), False),
    ],
)
def test_every_rule_of_a_stop_has_to_fit(stop: dict[str, Any], one: Item, covered: bool) -> None:
    assert scopes.covered(one, [CollectionStop(**stop)]) is covered


def test_a_stop_of_the_whole_is_no_narrow_one() -> None:
    whole, narrow = CollectionStop(), CollectionStop(country="FR")
    assert scopes.narrow([whole, narrow]) == [narrow]
