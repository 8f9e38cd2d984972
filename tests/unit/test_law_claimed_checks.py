"""No word promises a check that was never measured (rule R7, law B-06).

A camera check that nobody measured by ISO/IEC 30107-3 shows moving pictures of a face and nothing
else; words that say more stand in no page, letter, document, catalogue, page of docs or code.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("dsr_portal", "biometrics", "templates", "docs", "fixtures")
KINDS = {".py", ".html", ".txt", ".md", ".po", ".js", ".css", ".json", ".svg"}
# Written from the catalogue of the law, whose words these are.
QUOTES_THE_LAW = {"docs/law-coverage.md"}
BIGGER_THAN_MEASURED = re.compile(
    r"live[- ]?ness|anti[-_ ]?spoof|spoof[-_ ]?(?:proof|detect)|presentation[-_ ]attack"
    r"|verified[-_ ]identit|identity[-_ ](?:is |was |has been )?verified|proof of life"
    # Dutch and German.
    r"|levend(?:ig)?heid|echtheidscontrole|geverifieerde identiteit|identiteit geverifieerd"
    r"|lebend(?:ig(?:keits?)?)?[-_ ]?(?:erkennung|prüfung|nachweis)"
    r"|verifizierte identität|identität verifiziert",
    re.IGNORECASE,
)
# A word of its own in capitals: numpy and Keras pad arrays.
SHORT = re.compile(r"\b(?:i?PAD|APCER|BPCER)\b")


def claims_in(text: str) -> list[str]:
    """What a text claims about a check that nobody measured."""
    plain = text.replace('"\n"', "")
    return [found[0] for rule in (BIGGER_THAN_MEASURED, SHORT) for found in rule.finditer(plain)]


def texts() -> list[Path]:
    beside = [ROOT / "README.md", ROOT / "manage.py", ROOT / "Makefile"]
    found = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.suffix in KINDS]
    return [
        path
        for path in [*beside, *found]
        if path.is_file() and path.relative_to(ROOT).as_posix() not in QUOTES_THE_LAW
    ]


def test_no_page_document_or_code_names_a_check_nobody_measured() -> None:
    """B-06, R7."""
    read = texts()
    assert {path.suffix for path in read} >= {".py", ".html", ".md", ".po", ".js"}
    assert len(read) > 500
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in read
        if (words := claims_in(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "We do a secure liveness check.",
        "is_live_ness = True  # Live-ness",
        "An anti-spoofing step looks at the frames.",
        "Your identity was verified.",
        "Verified identity",
        "PAD level 2",
        "APCER 0.1 %",
        'msgstr ""\n"We controleren uw leven"\n"digheid."',
        "Wir machen eine Lebenderkennung.",
        "Ihre Identität verifiziert",
    ],
)
def test_a_planted_claim_is_seen(planted: str) -> None:
    assert claims_in(planted)


@pytest.mark.parametrize(
    "plain",
    [
        "Pose check, ISO/IEC 30107-3 figures: not tested",
        "np.pad(rows, ((0, 0), (0, missing)))",
        "Who asks was checked on a call. They live in Utrecht.",
        "padding: 12px; Wie die Bilder leben",
    ],
)
def test_plain_words_pass(plain: str) -> None:
    assert not claims_in(plain)
