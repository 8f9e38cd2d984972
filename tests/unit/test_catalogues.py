"""The catalogues of languages: whole, true to their placeholders, in the words of one glossary."""

from __future__ import annotations

import gettext
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from dsr_portal.documents import claims
from dsr_portal.law import plain
from tests.support import catalogue
from tests.support.catalogue import LANGUAGES, PLACEHOLDER, ROOT, Entry

# The same word in both languages, or a name, or nothing but what is filled in.
SAME_WORD = {
    "nl": {
        "Cyprus",
        "Finland",
        "Liechtenstein",
        "Malta",
        "Portugal",
        "Post",
        "Website",
        "Cookies",
        "DEMO",
        "Demo",
        "Mail",
        "PDF",
        "E-mail",
        "Later",
        "Records",
    },
    "de": {
        "Liechtenstein",
        "Malta",
        "Portugal",
        "Post",
        "Website",
        "Cookies",
        "DEMO",
        "Demo",
        "Mail",
        "PDF",
        "Problem",
    },
}
SAME_SHAPE = re.compile(r"^(?:[\W\d]|%\(\w+\)s)*$")
# What the voice of the portal never says (ui.md), in the other languages.
NEVER = {
    "nl": r"helaas|let op|ongeldige?|mislukt|gebruikers?",
    "de": r"leider|bitte beachten|ungültige?[rnms]?|fehlgeschlagen|benutzer\w*|nutzer",
}
_GLOSSARY = re.compile(r"^(?:\| [^|]+ ){3}\| `([^`]+)` \| `([^`]+)` \| `([^`]+)`")


def persons(language: str) -> list[Entry]:
    return [one for one in catalogue.catalogue(language) if one.for_persons]


def pairs(language: str) -> list[tuple[str, str]]:
    return [
        pair
        for one in persons(language)
        for pair in zip(one.english, one.forms, strict=True)
        if pair[1]
    ]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Every text that stands in the code now, as `make messages` collects it.

    From a copy: beside each template a file is written and taken away again, which another
    process that collects at the same time would find gone.
    """
    if shutil.which("xgettext") is None:
        pytest.skip("needs the package gettext")
    folder = tmp_path_factory.mktemp("collected")
    code = tmp_path_factory.mktemp("code")
    for name in ("biometrics", "dsr_portal", "templates"):
        without = shutil.ignore_patterns("__pycache__", "locale", "static")
        shutil.copytree(ROOT / name, code / name, ignore=without)
    patch = pytest.MonkeyPatch()
    with patch.context() as here:
        here.chdir(code)
        here.setattr(django_settings, "LOCALE_PATHS", [folder])
        call_command(
            "makemessages",
            locale=["nl"],
            no_obsolete=True,
            verbosity=0,
        )
    return catalogue.entries(folder / "nl" / "LC_MESSAGES" / "django.po")


def test_all_strings_can_be_collected(collected: list[Entry]) -> None:
    """`make messages`: one text used as a singular and alone, for one, stops the collecting."""
    found = [one.english for one in collected]
    assert ["Your photo"] in found
    assert ["Your %(photos)s photo", "Your %(photos)s photos"] in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_a_person_reads_is_in_the_catalogue(
    language: str, collected: list[Entry]
) -> None:
    """T-02: a text written today and not translated fails here (`make messages`)."""
    known = {tuple(one.english) for one in catalogue.catalogue(language) if all(one.forms)}
    missing = [one for one in collected if one.for_persons and tuple(one.english) not in known]
    assert [(one.english, one.places) for one in missing] == []


def test_offered_are_the_languages_with_a_catalogue() -> None:
    assert {code for code, _name in django_settings.LANGUAGES} == {"en", *LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_for_a_person_is_open_or_guessed(language: str) -> None:
    """T-02: translated in each form, and by a person: msgmerge's guesses are not used."""
    texts = persons(language)
    assert len(texts) > 1000
    assert [one.english for one in texts if not all(one.forms) or "fuzzy" in one.flags] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_filled_in_stands_in_the_translation(language: str) -> None:
    """Names in percent signs and braces, links, tags; ends of lines and the last sign, too.

    One picture may be "this picture" without its number; several need theirs.
    """
    wrong = []
    for one in persons(language):
        for number, (english, said) in enumerate(zip(one.english, one.forms, strict=True)):
            wanted, given = set(PLACEHOLDER.findall(english)), set(PLACEHOLDER.findall(said))
            allowed = set().union(*(PLACEHOLDER.findall(form) for form in one.english))
            singular = len(one.english) > 1 and number == 0
            if (given - allowed) if singular else given != wanted:
                wrong.append((english, said))
            signs = " \n.?!:,"
            if any((english[at] in signs) != (said[at:][:1] in signs) for at in (0, -1)):
                wrong.append((english, said))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_english_is_left_by_mistake(language: str) -> None:
    left = {
        english
        for english, said in pairs(language)
        if english == said and english not in SAME_WORD[language] and not SAME_SHAPE.match(english)
    }
    assert left == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    """Nothing needs gettext where the portal runs: the .mo is here and equals the .po."""
    folder = ROOT / "dsr_portal" / "locale" / language / "LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        compiled: dict[Any, str] = dict(gettext.GNUTranslations(file)._catalog)
    compiled.pop("")
    written: dict[Any, str] = {}
    for one in catalogue.catalogue(language):
        if not all(one.forms) or "fuzzy" in one.flags:
            continue
        if len(one.english) == 1:
            written[one.english[0]] = one.forms[0]
        else:
            written |= {(one.english[0], number): form for number, form in enumerate(one.forms)}
    assert compiled == written


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_promise_no_more_than_the_english(language: str) -> None:
    """R15, B-01: beside a search no "alles", no "vollständig", no "identificeren"."""
    promised = [
        (english, said)
        for english, said in pairs(language)
        if claims.big_words(said, language=language) and not claims.big_words(english)
    ]
    assert promised == []
    assert claims.big_words("We hebben gezocht en alles gevonden.", language="nl")


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_are_plain(language: str) -> None:
    """T-01: no sentence above the limit, none of the lawyers' words, the voice of ui.md.

    What is measured is the length of sentences and listed words; nobody measured how well a reader
    of Dutch or German understands them.
    """
    texts = [said for english, said in pairs(language) if not english.startswith("# ")]
    assert plain.problems(texts, language=language) == []
    never = re.compile(rf"\b(?:{NEVER[language]})\b", re.IGNORECASE)
    assert [said for said in texts if never.search(said)] == []
    planted = "Hierbij delen wij mee dat het klaar is." if language == "nl" else "Hiermit gilt das."
    assert plain.problems([planted], language=language)


def glossary() -> list[tuple[str, dict[str, str]]]:
    """Pattern of the English term, and what its translation must hold, from docs/languages.md."""
    page = (ROOT / "docs" / "languages.md").read_text("utf-8")
    rows = [_GLOSSARY.match(line) for line in page.splitlines()]
    return [(row[1], {"nl": row[2], "de": row[3]}) for row in rows if row]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_term_is_translated_as_the_glossary_says(language: str) -> None:
    terms = glossary()
    assert len(terms) > 12
    stray = []
    for english, said in pairs(language):
        bare = PLACEHOLDER.sub(" ", english)
        for term, words in terms:
            if re.search(rf"\b(?:{term})\b", bare, re.IGNORECASE) and not re.search(
                words[language], said, re.IGNORECASE
            ):
                stray.append((term, english, said))
    assert stray == []


def test_the_list_of_files_names_what_is_there() -> None:
    for place in (*catalogue.FOR_PERSONS, *catalogue.FOR_OTHERS):
        assert (ROOT / place).exists(), place


def test_planted_english_is_seen() -> None:
    assert catalogue.english_left("Hallo. We have your request", "de") == ["We have your request"]
    assert catalogue.english_left("Wir haben Ihren Antrag", "de") == []


def test_a_po_file_is_read_with_its_forms_and_places(tmp_path: Path) -> None:
    file = tmp_path / "django.po"
    file.write_text(
        'msgid ""\nmsgstr ""\n"Language: de\\n"\n\n'
        "#: templates/public/home.html:3 dsr_portal/desk/a.py\n#, python-format, fuzzy\n"
        'msgid "%(n)s \\"day\\""\nmsgid_plural ""\n"%(n)s "\n"days"\n'
        'msgstr[0] "Tag"\nmsgstr[1] "Tage"\n'
    )
    (one,) = catalogue.entries(file)
    assert one.english == ['%(n)s "day"', "%(n)s days"]
    assert one.forms == ["Tag", "Tage"]
    assert one.places == ["templates/public/home.html", "dsr_portal/desk/a.py"]
    assert one.for_persons
    assert "fuzzy" in one.flags
