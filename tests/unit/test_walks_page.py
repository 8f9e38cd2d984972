"""docs/walks.md: which request is walked where; each test is there, each letter has its walk."""

from dsr_portal.cases import letters
from dsr_portal.disclosure.models import AnswerKind
from tests.support import walks
from tests.support.law_coverage import all_tests

ANEW = "run: python -m tests.support.walks"


def test_the_page_is_up_to_date() -> None:
    assert walks.PAGE.read_text("utf-8") == walks.as_markdown(), ANEW


def test_every_walk_is_a_test_that_is_there() -> None:
    assert [one.test for one in walks.WALKS if one.test not in all_tests()] == []
    assert len({one.kind for one in walks.WALKS}) == len(walks.WALKS)


def test_every_letter_and_answer_has_a_request_that_leads_to_it() -> None:
    """A kind somebody adds to a registry is walked somewhere, or this fails."""
    led_to = {name for one in walks.WALKS for name in one.letters}
    answers = {"answer" if kind == AnswerKind.DISCLOSURE else str(kind) for kind in AnswerKind}
    every = {str(name) for name, _spec in letters.kinds.items()} | answers
    every |= {str(kind) for kind in walks.FOR_PERSONS} - {"letter"}
    assert led_to == every
