"""No document promises more than a search can show (R15)."""

from pathlib import Path

import pytest

from dsr_portal.documents import claims

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["documents", "letters", "mails"]
TEMPLATES = sorted(
    path for name in FOLDERS for path in (ROOT / "templates" / name).rglob("*") if path.is_file()
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_no_template_says_a_big_word_beside_a_search_result(path: Path) -> None:
    if path.suffix in {".html", ".txt"}:
        claims.refuse_big_words(claims.words_of_template(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        "We searched the complete database.",
        "We found all pictures of you.",
        "We compared your photo with every face.",
        "The search left no trace.",
        "We searched. You were not identified.",
        "The result is 100 % right.",
        "The match is certain.",
    ],
)
def test_big_words_beside_a_result_are_refused(text: str) -> None:
    with pytest.raises(claims.BigWords):
        claims.refuse_big_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "We did not find a picture of you with this search. That is not proof that there is none.",
        "Your photo was compared with 48,210 of 48,210 enrolled faces.",
        "You can withdraw your consent at all times.\n\nWe searched on 3 March.",
        "This list names every authority:",
    ],
)
def test_plain_claims_pass(text: str) -> None:
    claims.refuse_big_words(text)


def test_german_has_its_own_words() -> None:
    with pytest.raises(claims.BigWords, match="vollständig"):
        claims.refuse_big_words("Die Suche war vollständig.", language="de")
    claims.refuse_big_words("Wir haben gesucht und 3 Bilder gefunden.", language="de")


def test_a_language_without_words_is_not_let_through() -> None:
    with pytest.raises(LookupError):
        claims.big_words("Tout va bien", language="xx")


def test_a_planted_sentence_in_a_template_is_seen() -> None:
    source = '<p>{% translate "We found all pictures." %}</p>'
    with pytest.raises(claims.BigWords):
        claims.refuse_big_words(claims.words_of_template(source))
    block = "<p>{% blocktranslate trimmed %}We found {{ n }}, no trace\nwas left."
    with pytest.raises(claims.BigWords):
        claims.refuse_big_words(claims.words_of_template(block))
