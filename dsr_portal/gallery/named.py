"""Pictures by what a person named: an address, the very file, an account name (law T-06).

Addresses and files are found by keyed hash, without opening anything. Account names have no hash of
their own: every set of facts is opened in memory and compared, so this belongs in a job.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.db.models import Q

from dsr_portal.core.transactions import outside
from dsr_portal.gallery.facts import facts_of
from dsr_portal.gallery.models import Appearance, Record, SourceImage

_ACCOUNT_COLUMN = re.compile(
    r"(?:^|_)(?:account|user|username|handle|profile|owner|author|nick|nickname|screen_name)(?:_|$)"
)
_LIKE_A_HANDLE = re.compile(r"[\d._@-]")
_AROUND_WORD = "\"'(){}[]<>,;:!?."


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures found by one thing a person named, and the standing records in them."""

    images: tuple[UUID, ...]
    records: tuple[UUID, ...]


def at_address(hashed: str) -> Pictures:
    """Pictures found at a page or picture address, by its keyed hash (`hashes.of_address`)."""
    seen = Appearance.objects.filter(Q(page_hash=hashed) | Q(image_hash=hashed))
    return _pictures(seen.values_list("image_id", flat=True))


def of_file(hashed: str) -> Pictures:
    """The picture with exactly these bytes, by their keyed hash (`hashes.of_file`)."""
    return _pictures(SourceImage.objects.filter(file_hash=hashed).values_list("id", flat=True))


@outside("Looking for account names")
def of_account(words: str) -> Pictures:
    """Pictures whose facts name this account.

    `words` are the person's own: the site and the name there, in any order. A name counts on the
    site named only, where a column for accounts holds it or a part of the page's path is it; facts
    without a page address tell no site, so there the column alone decides. Which word is the name
    has to be plain (`_handles`): a sentence nobody can read a name from finds nothing.
    """
    wanted = _words(words)
    if not wanted:
        return Pictures((), ())
    rows = Appearance.objects.exclude(image__state=SourceImage.State.ERASED)
    found = {
        image_id
        for image_id, unit, field in rows.values_list("image_id", "image__unit", "field")
        if _names(facts_of(unit, field), wanted)
    }
    return _pictures(found)


def has_arrived_since(moment: datetime) -> bool:
    """Whether a picture, or another address of one, was imported at this moment or later."""
    return (
        SourceImage.objects.filter(imported_at__gte=moment).exists()
        or Appearance.objects.filter(seen_at__gte=moment).exists()
    )


def can_read_account(words: str) -> bool:
    """Whether a name can be read from these words, whatever site they may mean (`of_account`)."""
    wanted = _words(words)
    sites = [word for word in wanted if "." in word] or list(wanted)
    if len(wanted) == 1:
        return True
    readings = [{site, site.split(".")[0]} for site in sites]
    if not any("." in word for word in wanted):
        readings.append(set())
    return any(
        _handles({word: wanted[word] for word in wanted.keys() - names}) for names in readings
    )


def _pictures(image_ids: Iterable[UUID]) -> Pictures:
    images = SourceImage.objects.filter(id__in=set(image_ids)).exclude(
        state=SourceImage.State.ERASED
    )
    ids = tuple(images.order_by("imported_at", "id").values_list("id", flat=True))
    standing = Record.objects.filter(
        image_id__in=ids, state__in=[Record.State.HELD, Record.State.RESTRICTED]
    )
    rows = standing.order_by("image__imported_at", "image_id", "face_number")
    return Pictures(ids, tuple(rows.values_list("id", flat=True)))


def _names(facts: Mapping[str, object], wanted: Mapping[str, bool]) -> bool:
    """Whether these facts name the account: on the site named, under the name named."""
    page_url = str(facts.get("page_url") or "")
    if not page_url:
        undotted = {word: marked for word, marked in wanted.items() if "." not in word}
        return _column_names(facts, _handles(wanted) | _handles(undotted))
    try:
        parts = urlsplit(page_url)
        site = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return False
    own_names = {site, site.split(".")[0]}
    if not site or not own_names & wanted.keys():
        return False
    handles = _handles({word: wanted[word] for word in wanted.keys() - own_names})
    path = {_word(unquote(one)) for one in parts.path.split("/") if one}
    return bool(path & handles) or _column_names(facts, handles)


def _column_names(facts: Mapping[str, object], handles: frozenset[str]) -> bool:
    other = facts.get("other")
    columns = {**facts, **other} if isinstance(other, dict) else facts
    return any(
        _ACCOUNT_COLUMN.search(str(name).casefold()) and _word(str(value)) in handles
        for name, value in columns.items()
    )


def _handles(words: Mapping[str, bool]) -> frozenset[str]:
    """Which of the words can be the name: the only one, else those that look like a handle.

    A handle has an @ before it or a digit, dot, underscore or hyphen in it. Words of two letters
    ("at", "on") are passed over where a longer one stands; of several plain words none is taken.
    """
    plain = {word for word in words if len(word) > 2} or set(words)
    if len(plain) == 1 and not any(words[word] for word in words.keys() - plain):
        return frozenset(plain)
    return frozenset(word for word, marked in words.items() if marked)


def _words(text: str) -> dict[str, bool]:
    """Each word written, and whether it looks like a handle.

    An address gives its site and the last part of its path.
    """
    found: dict[str, bool] = {}
    for piece in re.sub(r"\w+://", " ", text).split():
        parts = [one for one in re.split(r"[?#]", piece)[0].split("/") if one]
        for part in parts[:1] + parts[1:][-1:]:
            raw = unquote(part)
            word = _word(raw)
            if len(word) > 1:
                marked = bool(_LIKE_A_HANDLE.search(word)) or _plain(raw).startswith("@")
                found[word] = found.get(word, False) or marked
    return found


def _word(text: str) -> str:
    return _plain(text).removeprefix("@").removeprefix("www.")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip().strip(_AROUND_WORD)
