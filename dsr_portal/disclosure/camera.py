"""What a camera wrote into the file of a picture, as an answer tells it (law A-02, A-15).

The place, the time and the words in a file are about the person in it, so they are told with the
picture. What names or points to somebody else, as who took it or whose camera it was, is held back
and counted (Art. 15(4)); so is a preview, which would show the faces that are covered. Nothing here
stops an answer: a block nobody can read is named as such.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.vault.confined import Metadata

Row = tuple[str, str]
Entry = tuple[str, str, str]

# Parts of names under which files say who made, owns or wrote something, or whose device it was.
_OF_OTHERS = re.compile(
    "artist|author|by-?line|copyright|creator(?!tool)|credit|owner|rights|contact|writer|editor"
    "|photographer|publisher|contributor|agency|supplier|serial|person"
    "|hostcomputer|regions|makernote|historyparameters|licens|e-?mail|phone|address",
    re.IGNORECASE,
)
_MAILBOX = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_AN_ADDRESS_IN_WORDS = 200


@dataclass(frozen=True, slots=True)
class Camera:
    """The entries an answer gives, and how much it does not give for which reason."""

    entries: tuple[Entry, ...]
    held_back: int
    previews: int
    cut: int
    unreadable: tuple[str, ...]

    @classmethod
    def of(cls, found: Metadata) -> "Camera":
        own = tuple(one for one in found.entries if not of_others(one))
        return cls(
            entries=own,
            held_back=len(found.entries) - len(own),
            previews=found.previews,
            cut=found.cut,
            unreadable=found.unreadable,
        )

    @property
    def empty(self) -> bool:
        return not (self.entries or self.held_back or self.previews or self.unreadable)

    @property
    def has_place(self) -> bool:
        return any(block == "gps" for block, _name, _value in self.entries)

    def as_data(self) -> dict[str, Any]:
        return {
            "entries": [
                {"block": block, "name": name, "value": value}
                for block, name, value in self.entries
            ],
            "held_back": self.held_back,
            "previews": self.previews,
            "cut": self.cut,
            "unreadable": list(self.unreadable),
        }


def of_others(entry: Entry) -> bool:
    """Whether an entry says who took a picture, whose camera it was or how to reach somebody."""
    _block, name, value = entry
    return bool(_OF_OTHERS.search(name) or _MAILBOX.search(value))


def rows(camera: Camera) -> list[Row]:
    """What a person reads beside the picture: where, when and with what, and how much there is."""
    if camera.empty:
        return [(_("Camera data"), _("none in this file"))]
    told = [(label, value[:_AN_ADDRESS_IN_WORDS]) for label, value in _known(camera)]
    if camera.entries:
        number = len(camera.entries)
        told.append(
            (
                _("Camera data"),
                ngettext(
                    "%(number)s entry; you find it in data.json",
                    "%(number)s entries; you find them in data.json",
                    number,
                )
                % {"number": number},
            )
        )
    if camera.held_back:
        told.append((_("Camera data held back"), str(camera.held_back)))
    if camera.unreadable or camera.cut:
        told.append(
            (_("Camera data not read"), _("a part is damaged or too large; ask us for the file"))
        )
    return told or [(_("Camera data"), _("a preview only, which is not given"))]


def _known(camera: Camera) -> list[Row]:
    """The entries most people look for, under names they know; the first of each."""
    first: dict[str, str] = {}
    for _block, name, value in camera.entries:
        first.setdefault(name.rpartition(":")[2].casefold(), value)
    wanted = (
        (_("Place (GPS)"), ("position",)),
        (_("Taken on, says the camera"), ("datetimeoriginal", "datecreated", "datetime")),
        (_("Camera"), ("model", "make")),
        (_("Words in the file"), ("caption-abstract", "imagedescription", "description")),
    )
    return [
        (label, first[name])
        for label, names in wanted
        for name in [next((one for one in names if one in first), "")]
        if name
    ]


def left_out(cameras: Iterable[Camera]) -> list[str]:
    """What is held back of camera data, counted over the whole answer."""
    seen = list(cameras)
    points = []
    number = sum(one.held_back for one in seen)
    if number:
        points.append(
            ngettext(
                "%(number)s entry of camera data names or points to somebody else, such as who "
                "took the picture. We hold it back to protect them (Art. 15(4) GDPR).",
                "%(number)s entries of camera data name or point to somebody else, such as who "
                "took the picture. We hold them back to protect them (Art. 15(4) GDPR).",
                number,
            )
            % {"number": number}
        )
    previews = sum(one.previews for one in seen)
    if previews:
        points.append(
            ngettext(
                "%(number)s small preview inside a file is not given: it shows what is covered.",
                "%(number)s small previews inside files are not given: they show what is covered.",
                previews,
            )
            % {"number": previews}
        )
    return points
