"""docs/walks.md: each kind of request, the test that walks it, and where its letters are read back.

Kept by hand below, one line a kind; tests compare the page and look whether each test is there.
Write the page anew after a change:

    python -m tests.support.walks
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "walks.md"
FOR_PERSONS = {"receipt", "letter", "answer", "nothing_found", "certificate"}
"""Documents a person who asked gets; all of them are read back from their file."""
NOT_FOR_PERSONS = {"audit", "assessment", "records", "board"}
"""Read by authorities, staff or the board, in English."""

_WALKS = "integration/test_walks.py::"
_CLOCK = "integration/test_walks_of_the_clock.py::"
_WISHES = "integration/test_walks_of_wishes.py::"
_RIGHTS = "integration/test_walks_of_rights.py::"
WHOLE = ("integration/test_walks", "integration/test_answer_on_paper.py::test_a_case_on_paper_from")
"""Tests that go from intake to closing; the others walk what is special to their kind."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One kind of request: the test that carries it from intake to its end, and its letters.

    `letters` are names of the registry of letters, kinds of answers, or kinds of documents.
    """

    kind: str
    test: str
    letters: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return self.test.startswith(WHOLE)


WALKS = (
    Walk("Access, everything found", _WALKS + "test_access_with_everything_found", ("answer",)),
    Walk("Access, a part held back", _WALKS + "test_access_with_a_part_held_back", ("answer",)),
    Walk("Access, nothing found", _WALKS + "test_access_with_nothing_found", ("nothing_found",)),
    Walk("Access, nothing sure", _WALKS + "test_access_with_nothing_sure", ("answer",)),
    Walk(
        "Erasure with hits",
        "integration/test_answer_on_paper.py::test_a_case_on_paper_from_the_form_to_its_closing",
        ("answer", "certificate"),
    ),
    Walk("Erasure without a hit", _WALKS + "test_erasure_without_a_hit", ("nothing_found",)),
    Walk(
        "Erasure, nothing sure",
        _WALKS + "test_erasure_of_nothing_sure_deletes_nothing",
        ("nothing_found",),
    ),
    Walk("Objection", _RIGHTS + "test_an_objection_known_by_one_check", ("neutral", "objection")),
    Walk(
        "Restriction and its lifting",
        _RIGHTS + "test_a_restriction_and_its_lifting",
        ("answer", "lock_ends"),
    ),
    Walk(
        "Rectification: this is not me",
        _RIGHTS + "test_one_picture_shows_somebody_else",
        ("answer", "rectification", "breach"),
    ),
    Walk(
        "Rectification: a wrong caption",
        _RIGHTS + "test_a_wrong_caption",
        ("answer", "name_correction", "rectification"),
    ),
    Walk("Portability", _RIGHTS + "test_portability", ("answer",)),
    Walk(
        "Refusal, Art. 12(5), by two",
        _RIGHTS + "test_refused_as_abusive_by_two_more_persons",
        ("refusal",),
    ),
    Walk(
        "Not identified after it was asked",
        _RIGHTS + "test_not_identified_after_it_was_asked",
        ("need_info", "ask_reminder", "identity_doubt", "not_identified"),
    ),
    Walk(
        "On paper only",
        "integration/test_answer_on_paper.py::test_a_case_on_paper_from_the_form_to_its_closing",
        ("receipt", "answer", "certificate", "address"),
    ),
    Walk(
        "On paper, with a photo that can't be used",
        _WISHES + "test_on_paper_with_a_photo_that_cant_be_used_and_another_by_post",
        ("photo", "nothing_found"),
    ),
    Walk("By a representative", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a body of Art. 80", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a guardian", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("About who died, by hand", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a child", _WALKS + "test_a_child_asks_about_a_page", ("answer",)),
    Walk(
        "One page, without showing who it is",
        _CLOCK + "test_one_page_from_the_wish_to_what_was_done",
        ("named_page",),
    ),
    Walk("Locked after one check only", _CLOCK + "test_locked_after_one_check", ("neutral",)),
    Walk("Taken back", _CLOCK + "test_taken_back", ()),
    Walk("Late", _CLOCK + "test_late_from_its_letters_to_the_answer", ("late", "answer")),
    Walk(
        "With more time",
        _CLOCK + "test_more_time_from_its_letter_to_the_answer",
        ("extension", "nothing_found"),
    ),
    Walk(
        "With more time for a wish added later",
        _WISHES + "test_more_time_for_a_wish_from_its_letter_to_the_closing",
        ("wish_extension", "nothing_found"),
    ),
    Walk(
        "With a question about a wish added later",
        _WISHES + "test_a_question_about_a_wish_from_its_letter_to_the_closing",
        ("wish_ask", "nothing_found"),
    ),
    Walk(
        "With a pause",
        _CLOCK + "test_a_pause_from_the_question_to_the_answer",
        ("need_info", "ask_reminder", "answer"),
    ),
    Walk(
        "By the order of an authority",
        _CLOCK + "test_an_order_opens_an_answered_case_for_a_second_whole_way",
        ("answer", "certificate", "need_info"),
    ),
    Walk(
        "Kept longer by an exemption",
        _CLOCK + "test_kept_longer_by_an_exemption_until_it_is_erased",
        ("answer", "certificate", "exemption"),
    ),
    Walk(
        "After a breach",
        _CLOCK + "test_after_a_breach_the_request_is_answered_once_more",
        ("answer", "breach"),
    ),
)
_INTRODUCTION = """# Requests walked through

Each kind of request, the test that walks it, and the letters it leads to. **Whole** means that
this one test goes from intake to closing; the others begin with a case that is already at the
point where its kind differs, or stop once that is told. Every letter is also made in each language
and read back from its PDF: each statement of its text, dates, the reader's own authority, and
nothing in another language (`tests/integration/test_letters_read_back.py`). Written by
`python -m tests.support.walks`; a test compares, looks whether each test is there, and whether
each letter of the registry is in the list.

| request | test | whole | letters |
|---|---|---|---|
"""


def as_markdown(walks: Sequence[Walk] = WALKS) -> str:
    return _INTRODUCTION + "".join(_line(one) for one in walks)


def _line(walk: Walk) -> str:
    letters = ", ".join(walk.letters) or "–"
    return f"| {walk.kind} | `{walk.test}` | {'yes' if walk.whole else 'no'} | {letters} |\n"


if __name__ == "__main__":
    PAGE.write_text(as_markdown(), encoding="utf-8")
