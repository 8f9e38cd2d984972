"""Every flag that code raises has words for officers: what it is, and what to do about it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsr_portal.cases.models import RightCode
from dsr_portal.desk import flag_words
from dsr_portal.erasure.models import WaitCode

ROOT = Path(__file__).resolve().parents[2]


def raised() -> Iterator[tuple[str, ast.expr]]:
    """The module and the code of each call of `raise_flag`."""
    for path in sorted((ROOT / "dsr_portal").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "raise_flag" not in source:
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("raise_flag"):
                (code,) = (one.value for one in node.keywords if one.arg == "code")
                yield module, code


def codes(module: str, code: ast.expr) -> set[str]:
    """Which codes an expression can be; one this test cannot read fails it."""
    names: dict[str, Any] = vars(importlib.import_module(module))
    if isinstance(code, ast.JoinedStr):
        assert ast.unparse(code) == "f'added_{right}'", ast.unparse(code)
        return {f"added_{one}" for one in RightCode.values}
    if isinstance(code, ast.Subscript):
        return set(names[ast.unparse(code.value)].values())
    if isinstance(code, ast.Name) and code.id == "reason":
        return set(WaitCode.values)
    if isinstance(code, ast.Attribute):
        return {str(getattr(names[ast.unparse(code.value)], code.attr))}
    assert isinstance(code, ast.Name), ast.unparse(code)
    return {str(names[code.id])}


def test_each_flag_that_is_raised_has_words_and_says_what_to_do() -> None:
    found = set().union(*(codes(module, code) for module, code in raised()))
    assert len(found) > 25
    assert found == set(flag_words.WORDS)
    for code in found:
        assert flag_words.label_of(code) != code
        assert "_" not in flag_words.label_of(code) + flag_words.todo_of(code)
        assert flag_words.todo_of(code).endswith(".")


def test_a_later_wish_is_named_and_an_unknown_code_is_shown_as_it_is() -> None:
    assert flag_words.label_of("added_erasure") == "The person asked for more: Erasure"
    assert (flag_words.label_of("older_code"), flag_words.todo_of("older_code")) == (
        "older_code",
        "",
    )
