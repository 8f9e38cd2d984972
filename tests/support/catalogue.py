"""The catalogues of translations read for tests, and the list of what persons read.

Desk, oversight, demo tour, API and commands are English for now: their strings stay untranslated.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "dsr_portal" / "locale"
LANGUAGES = ("nl", "de")

# Rooms whose words reach persons: site, mails, letters, receipt, answer, certificate, errors.
FOR_PERSONS = (
    "dsr_portal/accounts/models.py",
    "dsr_portal/cases/",
    "dsr_portal/core/forms.py",
    "dsr_portal/core/templatetags/",
    "dsr_portal/disclosure/",
    "dsr_portal/documents/",
    "dsr_portal/erasure/certificate.py",
    "dsr_portal/erasure/grounds.py",
    "dsr_portal/erasure/models.py",
    "dsr_portal/erasure/services.py",
    "dsr_portal/erasure/words.py",
    "dsr_portal/gallery/addresses.py",
    "dsr_portal/gallery/models.py",
    "dsr_portal/law/",
    "dsr_portal/matching/own_data.py",
    "dsr_portal/matching/photo_letters.py",
    "dsr_portal/matching/photos.py",
    "dsr_portal/matching/probes.py",
    "dsr_portal/matching/words.py",
    "dsr_portal/public/",
    "dsr_portal/settings/",
    "dsr_portal/vault/confined.py",
    "dsr_portal/vault/errors.py",
    "templates/base.html",
    "templates/base_public.html",
    "templates/documents/",
    "templates/errors/",
    "templates/mail/",
    "templates/public/",
    "templates/ui/",
)
# Of these rooms, what only staff, authorities, recipients or the demo's visitors read.
FOR_OTHERS = (
    "dsr_portal/cases/acting_invites.py",
    "dsr_portal/cases/acting_models.py",
    "dsr_portal/cases/address_models.py",
    "dsr_portal/cases/confirmations.py",
    "dsr_portal/cases/events.py",
    "dsr_portal/cases/lateness.py",
    "dsr_portal/cases/link_models.py",
    "dsr_portal/cases/mail_intake.py",
    "dsr_portal/cases/mail_reading.py",
    "dsr_portal/cases/mailbox.py",
    "dsr_portal/cases/management/",
    "dsr_portal/cases/mandate_events.py",
    "dsr_portal/cases/moves.py",
    "dsr_portal/cases/reopening.py",
    "dsr_portal/cases/page_models.py",
    "dsr_portal/cases/paper_models.py",
    "dsr_portal/cases/proposals.py",
    "dsr_portal/cases/refusals.py",
    "dsr_portal/disclosure/events.py",
    "dsr_portal/disclosure/services.py",
    "dsr_portal/disclosure/withholding.py",
    "dsr_portal/documents/events.py",
    "templates/documents/audit.html",
    "templates/documents/recipient_notice.html",
    "templates/mail/recipient_notice.txt",
    "templates/ui/account_menu.html",
    "templates/ui/all.html",
)

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|</?\w+[^>]*>|https?://\S+")
_LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d)\])?)\s+(".*")$')


@dataclass
class Entry:
    """One text of a catalogue: where it stands, its English forms and their translations."""

    places: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    english: list[str] = field(default_factory=list)
    said: dict[int, str] = field(default_factory=dict)

    @property
    def forms(self) -> list[str]:
        return [self.said.get(number, "") for number in range(len(self.english))]

    @property
    def for_persons(self) -> bool:
        return any(read_by_persons(place) for place in self.places)


def read_by_persons(place: str) -> bool:
    return _in(place, FOR_PERSONS) and not _in(place, FOR_OTHERS)


def _in(place: str, files: Iterable[str]) -> bool:
    return any(place.startswith(one) if one.endswith("/") else place == one for one in files)


def entries(path: Path) -> list[Entry]:
    """Every entry of a .po file but its head."""
    return [one for one in _read(path) if one.english and one.english[0]]


def _read(path: Path) -> Iterator[Entry]:
    for block in path.read_text("utf-8").split("\n\n"):
        entry, part, form = Entry(), "", 0
        for line in block.splitlines():
            found = _LINE.match(line)
            if line.startswith("#:"):
                entry.places += [one.rsplit(":", 1)[0] for one in line[2:].split()]
            elif line.startswith("#,"):
                entry.flags |= {one.strip() for one in line[2:].split(",")}
            elif found:
                part, form, text = found[1], int(found[2] or 0), ast.literal_eval(found[3])
                if part.startswith("msgid"):
                    entry.english.append(text)
                elif part.startswith("msgstr"):
                    entry.said[form] = text
            elif line.startswith('"'):
                text = ast.literal_eval(line)
                if part.startswith("msgid"):
                    entry.english[-1] += text
                elif part.startswith("msgstr"):
                    entry.said[form] += text
        yield entry


@cache
def catalogue(language: str) -> tuple[Entry, ...]:
    """Every entry of a language, read once: who looks through them changes none."""
    return tuple(entries(LOCALE / language / "LC_MESSAGES" / "django.po"))


def english_left(text: str, language: str) -> list[str]:
    """English sentences of the catalogue that stand in a text written in another language.

    Pieces between what is filled in count, from three words on, where the translation differs.
    """
    plain = " ".join(text.split())
    said = _all_said(language)
    return [words for words in _pieces(language) if words in plain and words not in said]


@cache
def _all_said(language: str) -> str:
    return " ".join(form for one in catalogue(language) for form in one.forms)


@cache
def _pieces(language: str) -> tuple[str, ...]:
    """What persons read, in English, in order, without the places that are filled in."""
    pieces = (
        " ".join(piece.split())
        for entry in catalogue(language)
        if entry.for_persons
        for form in entry.english
        for piece in PLACEHOLDER.split(form)
    )
    return tuple(sorted({words for words in pieces if len(words.split()) > 2}))
