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
    Walk(
        "Objection",
        "integration/test_urgent_and_objection.py"
        "::test_an_objection_without_proof_of_better_reasons_stops",
        ("objection",),
    ),
    Walk(
        "Restriction and its lifting",
        "integration/test_evidence_lock.py"
        "::test_lifted_without_another_wish_the_records_are_in_use_again",
        ("lock_ends",),
    ),
    Walk(
        "Rectification: this is not me",
        "integration/test_corrections.py"
        "::test_a_picture_of_somebody_else_leaves_this_persons_set_and_is_not_erased",
        ("rectification",),
    ),
    Walk(
        "Rectification: a wrong caption",
        "integration/test_corrections.py"
        "::test_it_has_its_own_clock_and_the_case_stays_open_until_its_letter_was_read",
        ("rectification", "name_correction"),
    ),
    Walk(
        "Portability",
        "integration/test_taking_along.py"
        "::test_the_answer_says_why_collected_pictures_are_not_in_it_and_brings_the_rest",
        ("answer", "nothing_found"),
    ),
    Walk(
        "Refusal, Art. 12(5), by two",
        "integration/test_saying_no.py::test_a_refusal_takes_evidence_and_two_more_persons",
        ("refusal",),
    ),
    Walk(
        "Not identified after it was asked",
        "integration/test_no_photo.py::test_a_request_ends_unidentified_only_after_all_of_it",
        ("need_info", "identity_doubt", "ask_reminder", "not_identified"),
    ),
    Walk(
        "On paper only",
        "integration/test_answer_on_paper.py::test_a_case_on_paper_from_the_form_to_its_closing",
        ("receipt", "answer", "certificate", "address"),
    ),
    Walk(
        "On paper, with a photo that can't be used",
        "integration/test_photo_letters.py"
        "::test_who_reads_only_paper_is_told_by_letter_reminded_and_never_ended_or_paused",
        ("photo",),
    ),
    Walk("By a representative", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a body of Art. 80", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a guardian", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("About who died, by hand", _WALKS + "test_who_acts_for_somebody", ("answer",)),
    Walk("By a child", _WALKS + "test_a_child_asks_about_a_page", ("answer",)),
    Walk(
        "One page, without showing who it is",
        "integration/test_one_page.py::test_what_is_erased_is_gone_and_nobody_outside_can_tell",
        ("named_page",),
    ),
    Walk(
        "Locked after one check only",
        "integration/test_neutral_letter.py"
        "::test_the_letter_is_the_same_whether_something_was_found_or_not",
        ("neutral",),
    ),
    Walk(
        "Taken back",
        "integration/test_cases.py::test_withdrawing_a_request_ends_it_and_its_links",
        (),
    ),
    Walk(
        "Late",
        "integration/test_case_clock.py"
        "::test_late_is_a_letter_on_the_first_working_day_and_every_week",
        ("late",),
    ),
    Walk(
        "With more time",
        "integration/test_case_clock.py"
        "::test_more_time_takes_two_persons_and_a_letter_sent_in_the_first_month",
        ("extension",),
    ),
    Walk(
        "With a pause",
        "integration/test_asks.py"
        "::test_silence_is_told_leads_to_the_closing_letter_and_never_ends_the_case",
        ("need_info", "ask_reminder"),
    ),
    Walk(
        "By the order of an authority",
        "integration/test_orders.py"
        "::test_an_order_to_answer_opens_the_closed_case_again_with_both_dates",
        ("answer",),
    ),
    Walk(
        "Kept longer by an exemption",
        "integration/test_exemption_day.py"
        "::test_before_its_last_day_two_persons_set_a_later_one_and_the_person_is_told",
        ("exemption",),
    ),
    Walk(
        "After a breach",
        "integration/test_breaches.py::test_a_person_is_written_to_with_every_part_in_plain_words",
        ("breach",),
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
