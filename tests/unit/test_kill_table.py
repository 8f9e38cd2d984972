"""Every kind of job has a test that kills its worker with -9 (design, section 7; 1b).

A new kind without one fails here; so does a row whose test is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from dsr_portal.core.registries import job_kinds

WORKER = Path(__file__).resolve().parents[1] / "worker"

# Test of tests/worker -> the kinds it kills.
KILLS = {
    "test_report_kill::test_a_report_is_made_once_though_its_worker_is_killed": (
        "compliance.audit_report",
    ),
    "test_report_kill::test_a_monthly_report_is_made_once_though_its_worker_is_killed": (
        "compliance.board_report",
    ),
    "test_order_kill::test_an_order_is_checked_once_though_its_worker_is_killed": (
        "compliance.check_order",
    ),
    "test_answer_kill::test_an_answer_is_made_once_though_its_worker_is_killed": (
        "disclosure.make_answer",
    ),
    "test_letter_kill::test_a_letter_leaves_once_though_its_worker_is_killed": (
        "cases.send_letter",
    ),
    "test_letter_kill::test_a_link_to_sign_in_is_sent_once_though_its_worker_is_killed": (
        "cases.account_link",
    ),
    "test_erasure_workers::test_killed_at_every_point_it_is_finished_once": (
        "erasure.certificate",
        "erasure.run",
        "erasure.verify",
    ),
    "test_erasure_workers::test_a_term_that_ended_is_finished_once_though_killed_at_each_point": (
        "erasure.retire",
        "erasure.retire_check",
    ),
    "test_import_kill::test_two_kills_later_the_import_is_whole_and_nothing_is_twice": (
        "gallery.import_batch",
    ),
    "test_notice_kill::test_recipients_are_told_though_the_worker_is_killed": (
        "gallery.notice_letter",
    ),
    "test_search_kill::test_a_worker_killed_while_it_judges_and_while_it_searches": (
        "matching.judge_probe",
        "matching.search",
    ),
    "test_reenrol_kill::test_two_kills_later_every_record_has_one_template_of_each_model": (
        "gallery.reenrol_batch",
    ),
    "test_search_kill::test_a_worker_killed_while_it_widens_a_search": ("matching.widen",),
    "test_case_groups::test_a_case_is_searched_by_two_groups_and_a_killed_holder_loses_nothing": (
        "matching.search_merged",
        "matching.widen_merged",
    ),
    "test_search_kill::test_a_worker_killed_while_it_looks_up": ("matching.look_up",),
    "test_index_kill::test_index_keys_and_outbox_are_finished_once_though_every_commit_is_killed": (
        "outbox.deliver",
        "recognition.erase",
        "recognition.graphs",
        "recognition.rebuild_shard",
        "recognition.recycle",
        "recognition.seal",
        "recognition.search_group",
        "vault.shred",
    ),
}
KILLED_IN = {kind: test for test, kinds in KILLS.items() for kind in kinds}


def without_a_row(kinds: Iterable[str]) -> set[str]:
    return {kind for kind in kinds if not kind.startswith("testing.")} - KILLED_IN.keys()


def test_every_registered_kind_has_a_row_and_every_row_a_kind() -> None:
    assert without_a_row(job_kinds) == set()
    assert KILLED_IN.keys() - set(job_kinds) == set()


def test_a_kind_without_a_row_is_seen() -> None:
    assert without_a_row([*job_kinds, "planted.kind"]) == {"planted.kind"}


@pytest.mark.parametrize("named", KILLS)
def test_a_row_names_a_test_that_kills(named: str) -> None:
    file, _, name = named.partition("::")
    text = (WORKER / f"{file}.py").read_text()
    assert f"def {name}(" in text
    assert re.search(r"\bkill(ed_at|_at_commit|_when|\(|ing)|erasure_kill|SIGKILL", text)


def test_kinds_killed_at_their_commit_are_those_of_the_table() -> None:
    points = (WORKER.parent / "support" / "kill_at_commit.py").read_text()
    named = re.findall(r'"([a-z_]+\.[a-z_]+)\.(?:complete|checkpoint)"', points)
    there = ("test_index_kill", "test_case_groups", "test_letter_kill::test_a_link_to_sign_in")
    assert set(named) == {kind for kind, test in KILLED_IN.items() if test.startswith(there)}
