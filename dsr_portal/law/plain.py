"""Whether a text is plain enough to be sent to a person (law T-01; GDPR Art. 12(1)).

Measured on running text: labels and lists of two words would make any text look short.
"""

import re
from collections.abc import Iterable

LONGEST, MEAN = 35, 20

JARGON = {
    "en": r"pursuant|hereby|herein|thereof|notwithstanding|aforementioned|whereas|inter alia"
    r"|mutatis|ipso|prima facie|data subject|controllership",
    "nl": r"hierbij|ingevolge|derhalve|voornoemd\w*|onverminderd|bovengenoemd\w*|desalniettemin"
    r"|betrokkene|verwerkingsverantwoordelijke",
    "de": r"hiermit|gemäß|unbeschadet|vorgenannt\w*|obig\w*|diesbezüglich\w*|betroffene person"
    r"|verantwortlicher",
}
_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"\w[\w'’.-]*")


def sentences(text: str) -> list[str]:
    """The sentences of a text; a new line ends one too."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [one for line in lines if line for one in _END.split(line)]


def words_in(sentence: str) -> int:
    return len(_WORD.findall(sentence))


def problems(texts: Iterable[str], *, language: str) -> list[str]:
    """What is not plain: "long: …", "jargon: …", "mean: 23". Empty when the text may go out.

    Raises LookupError for a language nobody listed the words of: none is let through unread.
    """
    if language not in JARGON:
        raise LookupError(f"no list of lawyers' words for {language!r}")
    jargon = re.compile(rf"\b(?:{JARGON[language]})\b", re.IGNORECASE)
    every = [one for text in texts for one in sentences(text)]
    found = [f"long: {one}" for one in every if words_in(one) > LONGEST]
    found += [f"jargon: {word[0]}" for one in every for word in jargon.finditer(one)]
    lengths = [words_in(one) for one in every if one[-1] in ".!?"]
    if lengths and sum(lengths) / len(lengths) > MEAN:
        found.append(f"mean: {sum(lengths) / len(lengths):.0f}")
    return found
