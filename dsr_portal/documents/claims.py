"""Words that promise more than a search can show (R15), refused before they reach a letter.

A face search misses pictures. Beside its result no text says complete, all, every, no trace,
identified or 100 %. The lint reads templates and texts sentence by sentence; a sentence stands
beside a search result when it, or the one before it in the same paragraph, speaks of one.
"""

import html
import re
from dataclasses import dataclass

_BIG: dict[str, str] = {
    "en": r"complete(?:ly|ness)?|all|every(?:thing|where|one)?|no traces?|identif(?:y|ied|ies)"
    r"|guaranteed?|certain(?:ly|ty)?|100\s?%",
    "de": r"vollständig\w*|alle[mnrs]?|alles|jede[mnrs]?|überall|keine spur\w*|identifizier\w*"
    r"|garantier\w*|sicherheit|100\s?%",
    "nl": r"volledig\w*|compleet|complete|alles|alle|allemaal|iedereen|overal|geen spo(?:or|ren)"
    r"|(?:ge)?[iï]dentific\w*|ge[iï]dentificeerd\w*|gegarandeerd\w*|garande\w*|zeker(?:heid)?"
    r"|100\s?%",
}
_SEARCH: dict[str, str] = {
    "en": r"search\w*|compar(?:e|ed|ing|ison)|f(?:i|ou)nd|match(?:es|ed)?|results?|look(?:ed)? for",
    "de": r"such(?:e|en|te|ten|t)|gesucht|verglich\w*|vergleich\w*|gefunden|finden|fanden|treffer"
    r"|ergebnis\w*",
    "nl": r"zoek\w*|(?:ge|door)zocht\w*|zocht(?:en)?|vergel[ei]\w*|vergeleken|gevonden|vond(?:en)?"
    r"|vind(?:en|t)?|treffers?|uitkomst\w*",
}
_BLOCK = re.compile(
    r"</?(?:p|li|ul|ol|dl|dt|dd|h[1-6]|td|th|tr|table|section|div|title|figcaption)\b[^>]*>"
    r"|\{%\s*(?:block|endblock|if|elif|else|endif|for|endfor|translate|endblocktranslate|include)"
    r"\b[^%]*%\}",
    re.IGNORECASE,
)
_STRING = re.compile(r"\{%\s*translate\s+\"([^\"]+)\"[^%]*%\}")
_TAG = re.compile(r"\{[%#].*?[%#]\}|<[^>]+>", re.DOTALL)
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+")


@dataclass(frozen=True, slots=True)
class BigWord:
    """One finding: the word and the sentence it stands in."""

    word: str
    sentence: str


class BigWords(ValueError):
    """A text claims more than a search shows; `findings` has the words."""

    def __init__(self, findings: list[BigWord]) -> None:
        super().__init__("; ".join(f"{one.word!r} in: {one.sentence}" for one in findings))
        self.findings = findings


def big_words(text: str, *, language: str = "en") -> list[BigWord]:
    """Every refused word beside a search result in a plain text; paragraphs by empty lines.

    Raises LookupError for a language nobody listed the words of: none is let through unread.
    """
    if language not in _BIG:
        raise LookupError(f"no list of refused words for {language!r}")
    big = re.compile(rf"(?<!\w)(?:{_BIG[language]})(?!\w)", re.IGNORECASE)
    search = re.compile(rf"(?<!\w)(?:{_SEARCH[language]})(?!\w)", re.IGNORECASE)
    findings = []
    for paragraph in re.split(r"\n\s*\n", text):
        before = ""
        for sentence in _SENTENCE.split(" ".join(paragraph.split())):
            if search.search(sentence) or search.search(before):
                findings += [BigWord(found[0], sentence) for found in big.finditer(sentence)]
            before = sentence
    return findings


def refuse_big_words(text: str, *, language: str = "en") -> None:
    """Raise `BigWords` when a plain text claims more than a search shows (R15)."""
    if findings := big_words(text, language=language):
        raise BigWords(findings)


def words_of_template(source: str) -> str:
    """What a template says, without markup, tags and values, a paragraph per block."""
    text = _STRING.sub(r"\n\n\1\n\n", source)
    text = _VALUE.sub("…", _BLOCK.sub("\n\n", text))
    return html.unescape(_TAG.sub(" ", text))
