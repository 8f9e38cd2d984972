"""The fixtures of the demo: complete, invented, and nobody's ready case in a visitor's way."""

import csv
import re
from datetime import date

from dsr_portal.accounts.models import Role
from dsr_portal.demo import cast

ROWS = list(csv.DictReader(cast.MANIFEST.open(newline="")))
LOOKUPS = list(csv.DictReader(cast.LOOKUPS.open(newline="")))


def test_manifest_and_folder_name_the_same_files():
    assert sorted(row["path"] for row in ROWS) == sorted(p.name for p in cast.GALLERY.iterdir())


def test_every_address_is_one_that_cannot_exist():
    """R35: invented sites only, under the name that is reserved for examples (RFC 2606)."""
    addresses = [row[name] for row in ROWS for name in ("page_url", "image_url")]
    hosts = {re.match(r"https://([^/]+)/", address)[1] for address in addresses}
    assert hosts
    assert all(host.endswith(".example") for host in hosts)
    assert all(one.email.endswith(".example") for one in (*cast.PEOPLE, *cast.STAFF))


def test_look_ups_name_pictures_of_the_gallery_inside_the_covered_time():
    images = {row["image_url"] for row in ROWS}
    for row in LOOKUPS:
        assert row["record"] in images
        assert cast.LOOKUPS_FROM <= date.fromisoformat(row["date"]) <= cast.LOOKUPS_TO


def test_three_companies_saw_mina():
    images = {row["image_url"] for row in ROWS if row["path"] in cast.MINA.own}
    assert len({row["recipient"] for row in LOOKUPS if row["record"] in images}) == 3


def test_no_probe_lies_in_the_gallery():
    held = {path.read_bytes() for path in cast.GALLERY.iterdir()}
    assert not held & {person.photo.read_bytes() for person in cast.PEOPLE}


def test_ready_cases_hold_no_picture_of_a_person_on_a_card():
    """R1: a hold of another case would keep a visitor's erasure waiting."""
    on_cards = {name for person in cast.CARDS for name in person.own}
    assert not on_cards & {name for person in cast.EXTRAS for name in person.own}


def test_the_demo_has_a_second_person_and_a_supervisor_who_took_no_part():
    roles = [member.role for member in cast.STAFF]
    assert roles.count(Role.OFFICER) >= 2
    assert {Role.SUPERVISOR, Role.DPO, Role.DIRECTOR, Role.REGULATOR} <= set(roles)
    assert len({member.staff_no for member in cast.STAFF}) == len(cast.STAFF)


def test_licence_note_and_origin_lie_beside_the_pictures():
    folder = cast.GALLERY.parent
    assert "CC0" in (folder / "LICENCE-NOTE.md").read_text()
    readme = (folder / "README.md").read_text()
    for person in cast.PEOPLE:
        assert person.key in readme
