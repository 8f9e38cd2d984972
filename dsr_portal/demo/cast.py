"""Who plays in the demo: invented people, invented staff, and what will happen to each.

Pictures, manifest and look-ups lie in fixtures/ (CC0). What a card promises is what DeepFace and
the desk give at the demo's thresholds: tests/engine/test_cast.py asks them, and every clause of a
card's `outcome` has its assertion in tests/e2e/test_cards.py.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts.models import Role

FIXTURES = Path(settings.ROOT) / "fixtures"
GALLERY = FIXTURES / "people" / "gallery"
PHOTOS = FIXTURES / "people" / "photos"
MANIFEST = FIXTURES / "gallery.csv"
LOOKUPS = FIXTURES / "lookups.csv"

SOURCE = "Halden web crawl and bought lists"
LEGAL_BASIS = "none"
LOOKUP_SYSTEM = "Halden FaceFinder"
LOOKUPS_FROM, LOOKUPS_TO = date(2025, 1, 1), date(2026, 6, 30)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks. `own` and `others` are gallery files: pictures of them, and pictures of
    other people that come up as possible matches and must be told apart."""

    key: str
    name: str | Promise
    story: str | Promise
    outcome: str | Promise
    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    verdict: str = "ok"

    @property
    def photo(self) -> Path:
        return PHOTOS / f"{self.key}.jpg"

    @property
    def email(self) -> str:
        return f"{self.key}@post.example"

    @property
    def usable(self) -> bool:
        return self.verdict == "ok"


MINA = Person(
    "mina",
    "Mina Verhoeven",
    _("A bookbinder. Six pictures of her were collected; three companies looked at some of them."),
    _("Six possible matches, all of her. In two pictures Tomas is covered."),
    own=(
        "team-atelier-noor.jpg",
        "canal-walk.jpg",
        "stage-side.jpg",
        "course-photo-2019.jpg",
        "summer-run.jpg",
        "housewarming.jpg",
    ),
)
TOMAS = Person(
    "tomas",
    "Tomas Wieland",
    _("Mina's friend. He is in two pictures with her."),
    _("Four possible matches, all of him. In two pictures Mina is covered."),
    own=("running-club.jpg", "alumni-2020.jpg", "summer-run.jpg", "housewarming.jpg"),
)
ILSE = Person(
    "ilse",
    "Ilse Tan",
    _("She is not in the gallery."),
    _("No possible match. Two people look at the ten nearest faces, and the answer says so."),
)
NORA = Person(
    "nora",
    "Nora Brandt",
    _("Her sister Ines is in the gallery, she herself is not."),
    _("Four possible matches, all of her sister. The officers must say no; then nothing is found."),
    others=("bar-night.jpg", "member-card.jpg", "picnic.jpg", "school-2018.jpg"),
)
RUTH = Person(
    "ruth",
    "Ruth Amadi",
    _("One picture, dark and years old."),
    _("One possible match, not a strong one. The officers need to look closely."),
    own=("concert-crowd-2012.jpg",),
)
PLANT = Person(
    "plant",
    _("A plant"),
    _("A photo with nobody in it."),
    _("No face is found; we ask for another photo."),
    verdict="no_face",
)
DARK = Person(
    "too-dark",
    _("A dark photo"),
    _("Somebody in a dark room."),
    _("No face is found; we ask for another photo."),
    verdict="no_face",
)
TWO = Person(
    "two-people",
    _("Two people"),
    _("A photo of two people: we can't know who is asking."),
    _("More than one face; we ask which is theirs, and keep that one alone."),
    verdict="several_faces",
)
FAR = Person(
    "far-away",
    _("Far away"),
    _("A face of 25 pixels."),
    _("The face is too small; we ask for another photo."),
    verdict="face_too_small",
)

CARDS: tuple[Person, ...] = (MINA, TOMAS, ILSE, NORA, RUTH, PLANT, DARK, TWO, FAR)

# Those whose cases stand ready. Their records are held or restricted by these cases, so none of
# them is on a card: what a visitor asks for Mina is not held up by anybody.
KOFI = Person(
    "kofi", "Kofi Lund", "", "", own=("speaker-2.jpg", "garden-day.jpg", "office-five.jpg")
)
PRIYA = Person("priya", "Priya Das", "", "", own=("staff-page.jpg", "choir.jpg", "office-five.jpg"))
HENK = Person("henk", "Henk Maas", "", "", own=("board.jpg", "reunion.jpg", "office-five.jpg"))
JUN = Person("jun", "Jun Sato", "", "", own=("programme.jpg", "harvest.jpg", "office-five.jpg"))
PAVEL = Person("pavel", "Pavel Novak", "", "", own=("contact-page.jpg", "market.jpg", "band.jpg"))
EMIL = Person("emil", "Emil Hartog", "", "", own=("jubilee.jpg", "hike.jpg", "archive-1.jpg"))

EXTRAS: tuple[Person, ...] = (KOFI, PRIYA, HENK, JUN, PAVEL, EMIL)
PEOPLE: tuple[Person, ...] = CARDS + EXTRAS


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of staff, or of an authority."""

    staff_no: str
    name: str
    role: Role
    site: str = "desk"
    authority: str = ""

    @property
    def email(self) -> str:
        place = "authority.example" if self.authority else "halden.example"
        return f"{self.staff_no.lower()}@{place}"


OFFICER = Member("H-104", "Nadia Roth", Role.OFFICER)
COLLEAGUE = Member("H-117", "Bram de Wit", Role.OFFICER)
SUPERVISOR = Member("H-020", "Carla Mendes", Role.SUPERVISOR)
DPO = Member("H-009", "Jonas Falk", Role.DPO)
DIRECTOR = Member("H-001", "Eva Halden", Role.DIRECTOR)
REGULATOR = Member("NL-31", "Saskia Postma", Role.REGULATOR, "oversight", "NL")
STAFF: tuple[Member, ...] = (OFFICER, COLLEAGUE, SUPERVISOR, DPO, DIRECTOR, REGULATOR)


def person(key: str) -> Person | None:
    return next((one for one in PEOPLE if one.key == key), None)


def member(staff_no: str) -> Member | None:
    return next((one for one in STAFF if one.staff_no == staff_no), None)
