"""The child version: short, plain, complete (law T-03; GDPR Art. 12(1), recitals 38 and 58)."""

import re

import pytest

from dsr_portal.cases import child_texts, letters
from dsr_portal.cases.public_status import Word
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.law import plain

LONG_WORD = 10
"""Letters of the longest word a child's text may have."""


def every_line() -> list[str]:
    groups = [*child_texts.LETTERS.values(), *child_texts.ANSWERS.values()]
    groups += [*child_texts.RECEIPT.values(), child_texts.ANY_LETTER]
    groups.append((*child_texts.STATUS.values(), str(child_texts.KEPT) % {"days": 14}))
    return [str(line) for group in groups for line in group]


def own_words_of(page: str) -> list[str]:
    """What a template says in its own words."""
    texts = re.findall(r'{% translate "(.*?)" %}', page)
    texts += re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", page)
    return [re.sub(r"{{.*?}}", "we", one) for one in texts]


def page() -> str:
    with open("templates/public/children.html", encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("text", [*every_line(), *own_words_of(page())])
def test_a_child_of_twelve_reads_it_alone(text):
    """T-03: at most 15 words a sentence, no lawyer's word, no long word."""
    for sentence in plain.sentences(text):
        assert plain.words_in(sentence) <= 15, sentence
    assert not [one for one in plain.problems([text], language="en") if "jargon" in one]
    for word in re.findall(r"[A-Za-z]+", text):
        assert len(word) <= LONG_WORD, word


def test_sentences_are_short_on_average():
    """T-03: nine words."""
    lengths = [
        plain.words_in(one)
        for text in [*every_line(), *own_words_of(page())]
        for one in plain.sentences(text)
    ]
    assert sum(lengths) / len(lengths) <= 9


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("controller, Art. 13(1)(a)", "Who we are"),
        ("data protection officer, 13(1)(b)", "data protection officer"),
        ("purpose, 13(1)(c)", "We use it to answer you, and for nothing else"),
        ("legal basis, 13(1)(c)", "The law says that we must answer"),
        ("consent, 13(1)(c) and 9(2)(a)", "We compare a photo only if you say yes"),
        ("recipients, 13(1)(e)", "Only people who work here see it"),
        ("third countries, 13(1)(f)", "It stays in our own computers"),
        ("how long, 13(2)(a)", "How long we keep it"),
        ("rights, 13(2)(b)", "What you can ask"),
        ("withdrawing, 13(2)(c)", "You can say no later too"),
        ("complaint, 13(2)(d)", "You can complain about us"),
        ("no duty to give anything, 13(2)(e)", "Nothing is a must"),
        ("what follows without, 13(2)(e)", "Without any sign of you we can find less"),
        ("automated decisions, 13(2)(f)", "Does a computer decide? No."),
    ],
)
def test_the_child_page_has_every_item_of_the_notice(item, words):
    """T-03: all mandatory items of Art. 13, in a child's words."""
    assert words in " ".join(page().split()), item


def test_every_word_of_a_request_and_every_answer_has_its_child_version():
    """T-03: and a letter nobody wrote one for still has plain words beside it."""
    assert set(child_texts.STATUS) == set(Word)
    assert set(child_texts.ANSWERS) == set(AnswerKind.values)
    for kind in letters.kinds:
        assert child_texts.of_letter(kind), kind
    assert child_texts.of_letter("a kind of tomorrow") == [
        str(line) for line in child_texts.ANY_LETTER
    ]
