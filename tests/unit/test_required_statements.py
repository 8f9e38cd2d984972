"""Every document that leaves says what it must, on the page as it was set (law 9(d), A-19, R-01).

One table of all kinds of documents and what each has to say; a kind that is not here, a call that
names no list, and a page that lost a part are all refused.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import get_template

import dsr_portal.cases.complaint
import dsr_portal.cases.paper_packs
import dsr_portal.compliance.assessment_paper
import dsr_portal.compliance.processing  # made by pages, so nothing else loads them
from dsr_portal.cases import letters
from dsr_portal.cases.models import LetterKind
from dsr_portal.disclosure.models import AnswerKind
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind

ROOT = Path(__file__).parents[2]
ASKS = "what why choices cover data clock silence rights"
PERSON = "first-answer complaint contacts check"
OFFICE = "contacts check"
FIRST = "first-answer first-facts"
TABLE = {
    "answer.disclosure": f"{PERSON} first-facts compared wrong-person face-code categories"
    " purposes recipients look-ups sources retention transfers automatic rights left-out"
    " other-systems request-data files",
    "answer.nothing_found": f"{PERSON} first-facts compared try-again other-systems other-data"
    " automatic rights left-out request-data",
    "answer.not_identified": f"{PERSON} first-facts why asked more data rights",
    "answer.named_page": f"{PERSON} first-facts done why more data rights",
    "answer.neutral": f"{PERSON} first-facts done why more rights",
    "assessment": f"{OFFICE} {FIRST}",
    "audit_report": f"{OFFICE} {FIRST} scope clock evidence identity search systems review answer"
    " erasure refusals settings people events gaps verify",
    "board_report": f"{OFFICE} {FIRST} late breaches orders people pages gate",
    "breach_notice": f"{OFFICE} {FIRST} nature effects measures contact",
    "certificate": f"{PERSON} first-facts erased places recipients not-again kept not-covered later"
    " machines",
    "complaint_pack": f"{PERSON} so-far messages letters receipt proof",
    "letter.address": f"{PERSON} first-facts page what stop",
    "letter.ask_reminder": f"{PERSON} first-facts page {ASKS}",
    "letter.breach": f"{PERSON} first-facts page nature effects measures contact rights",
    "letter.exemption": f"{PERSON} first-facts page ground facts lock cure rights",
    "letter.extension": f"{PERSON} first-facts page why sorry progress rights",
    "letter.identity_doubt": f"{PERSON} first-facts page {ASKS}",
    "letter.late": f"{PERSON} first-facts page what new-date person rights",
    "letter.lock_ends": f"{PERSON} first-facts page why then keep limits rights",
    "letter.name_correction": f"{PERSON} first-facts page how when rights",
    "letter.need_info": f"{PERSON} first-facts page {ASKS}",
    "letter.wish_ask": f"{PERSON} first-facts page what why choices rest clock silence rights",
    "letter.wish_extension": f"{PERSON} first-facts page why sorry progress rest rights",
    "letter.photo": f"{PERSON} first-facts page reason what choices data clock silence rights",
    "letter.objection": f"{PERSON} first-facts page outcome why limits rights",
    "letter.rectification": f"{PERSON} first-facts page items why others lock cure rights",
    "letter.refusal": f"{PERSON} first-facts page ground facts given cure rights",
    "paper_cover": f"{PERSON} first-facts file page",
    "receipt": f"{PERSON} first-facts code next need contact",
    "recipient_notice": f"{OFFICE} what do look-ups answer",
    "records": f"{OFFICE} {FIRST} letter-a letter-b letter-c letter-d letter-e letter-f letter-g",
}
# What an assessment has to say is the list of its parts, kept where its form is.
_ASSESSMENT = dsr_portal.compliance.assessment_paper.PARTS


def expected(name: str) -> set[str]:
    parts = {"covers", "who", *(one.code for one in _ASSESSMENT)} if name == "assessment" else set()
    return set(TABLE[name].split()) | parts


def test_each_kind_of_document_has_its_list() -> None:
    """R-01, A-19, O-09: letters, answers and the rest; none without, none unknown here."""
    assert {name: set(sheet.required) for name, sheet in statements.sheets.items()} == {
        name: expected(name) for name in TABLE
    }
    assert {f"letter.{kind}" for kind in LetterKind} <= set(TABLE)
    assert {f"answer.{kind}" for kind in AnswerKind} <= set(TABLE)
    assert {name for name, _spec in letters.kinds.items()} == set(LetterKind)
    of_kind = {
        Kind.RECEIPT: "receipt",
        Kind.LETTER: "letter.late",
        Kind.ANSWER: "answer.disclosure",
        Kind.NOTHING_FOUND: "answer.nothing_found",
        Kind.CERTIFICATE: "certificate",
        Kind.AUDIT: "audit_report",
        Kind.ASSESSMENT: "assessment",
        Kind.RECORDS: "records",
        Kind.BOARD: "board_report",
    }
    assert set(of_kind) == set(Kind)
    assert set(of_kind.values()) <= set(TABLE)


def calls() -> Iterator[tuple[str, ast.Call]]:
    makers = {"render", "render_signed", "prepare_document", "make_document"}
    for path in sorted((ROOT / "dsr_portal").rglob("*.py")):
        text = path.read_text()
        if "documents" not in text or path.parent.name == "documents":
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in makers
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "documents"
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_no_document_is_made_without_naming_its_list() -> None:
    found = list(calls())
    assert len(found) >= 15
    silent = [where for where, call in found if "sheet" not in {one.arg for one in call.keywords}]
    assert silent == []


def page(ids: set[str]) -> str:
    told = "".join(f'<section id="{one}"><h2>About</h2><p>Words.</p></section>' for one in ids)
    return f"<!doctype html><html><body><main><br><img src='doc:a'>{told}</main></body></html>"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_document_that_lost_a_statement_is_refused(name: str) -> None:
    """Every statement of every kind, one at a time: gone, or a heading with nothing under it."""
    sheet = statements.sheets.get(name)
    whole = set(sheet.required)
    statements.refuse(page(whole), sheet)
    for lost in sheet.required:
        empty = f'<section id="{lost}"><h2>About</h2><dl><dt>Day</dt><dd> </dd></dl></section>'
        for html in (page(whole - {lost}), page(whole - {lost}) + empty):
            with pytest.raises(statements.DocumentIncomplete) as refused:
                statements.refuse(html, sheet)
            assert refused.value.context["missing"] == [lost]


def test_a_table_alone_says_something() -> None:
    """A part that is nothing but a table stands inside its section, with its id."""
    section = {"id": "late", "heading": "Late", "table": {"heads": ["Day"], "rows": [("3 May",)]}}
    html = get_template("documents/parts/section.html").render({"section": section})
    assert statements.missing(html, ["late"]) == []
    section["table"] = {"heads": ["Day"], "rows": []}
    html = get_template("documents/parts/section.html").render({"section": section})
    assert statements.missing(html, ["late"]) == ["late"]


def test_what_only_this_case_needs_is_asked_for_too() -> None:
    """T-03: the child version beside the full text."""
    sheet = statements.sheets.get("letter.late")
    with pytest.raises(statements.DocumentIncomplete) as refused:
        statements.refuse(page(set(sheet.required)), sheet, [statements.SIMPLE])
    assert refused.value.context["missing"] == ["simple"]
    statements.refuse(page({*sheet.required, "simple"}), sheet, [statements.SIMPLE])
