"""What a document must say before it leaves, looked for in the page as it was set (law 9(d), A-19).

Who makes a document names its sheet: ids of parts that the law asks for. They are looked for in the
finished HTML, in the person's language, not in what it was made from: a template that lost a part
is refused as well as a text that says nothing. A heading, a label or an empty list is no statement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from dsr_portal.core.registries import Catalogue
from dsr_portal.jobs.errors import Permanent

ANSWER = "first-answer"
"""The sentence that answers before anything is explained."""
FACTS = "first-facts"
CODE = "code"
SIMPLE = "simple"
"""The child version beside the full text (law T-03)."""

TO_ALL = ("contacts", "check")
TO_PEOPLE = ("complaint", *TO_ALL)

_NOT_SAID = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt", "th", "caption", "figcaption"})
_VOID = frozenset({"br", "img", "meta", "link", "hr", "input", "col", "wbr"})


class DocumentIncomplete(Permanent):
    """A document lacks what it must say; `context` names it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One kind of document and the ids of what it must say."""

    name: str
    required: tuple[str, ...]
    law: str


sheets: Catalogue[Sheet] = Catalogue("list of required statements")


def to_person(name: str, *required: str, law: str) -> Sheet:
    """A document to a person: it also says how to complain, whom to ask and how to check it."""
    return sheets.register(Sheet(name, (ANSWER, *required, *TO_PEOPLE), law))


def to_office(name: str, *required: str, law: str) -> Sheet:
    """A document to an authority, a recipient or the controller's own directors."""
    return sheets.register(Sheet(name, (*required, *TO_ALL), law))


ANY = Sheet("any", TO_ALL, "Art. 13(1)(a), 13(1)(b); O-08")
"""What holds for each document, whatever it is about."""


def refuse(html: str, sheet: Sheet, also: Iterable[str] = ()) -> None:
    """Raise `DocumentIncomplete` where a statement is missing; `also` are those of this case."""
    absent = missing(html, (*sheet.required, *also))
    if absent:
        raise _incomplete(sheet, absent)


def refuse_words(text: str, sheet: Sheet, told: Mapping[str, Iterable[str]]) -> None:
    """The same of a plain mail: the words of each part, and at least one, stand in it."""
    absent = []
    for name, words in told.items():
        wanted = [str(one) for one in words]
        if not any(one.strip() for one in wanted) or any(one not in text for one in wanted):
            absent.append(name)
    if absent:
        raise _incomplete(sheet, absent)


def _incomplete(sheet: Sheet, absent: list[str]) -> DocumentIncomplete:
    return DocumentIncomplete("statements_missing", sheet=sheet.name, missing=absent)


def missing(html: str, required: Iterable[str]) -> list[str]:
    """Ids of parts that are not there or say nothing."""
    reader = _Said()
    reader.feed(html)
    reader.close()
    return [name for name in required if name not in reader.said]


class _Said(HTMLParser):
    """Ids of elements in which something is said that is no heading and no label."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: set[str] = set()
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append((tag, dict(attrs).get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        while any(one == tag for one, _name in self._open):
            if self._open.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(tag in _NOT_SAID for tag, _name in self._open):
            self.said.update(name for _tag, name in self._open if name)
