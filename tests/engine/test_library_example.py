"""The library's documentation is an example that runs: the real engine, pictures and index."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import biometrics

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_of_the_package_says_what_happens(
    weights_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From pictures over faces, quality, template and index to a search that is proven."""
    assert weights_home.is_dir()
    monkeypatch.chdir(ROOT)
    said: list[str] = []
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    (example,) = finder.find(biometrics)
    done = runner.run(example, out=said.append)
    assert done.failed == 0, "".join(said)
    assert done.attempted > 20
