"""Deny by default: nothing is kept that the inventory does not know (law A-02, A-17; section 5)."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError
from django.db import models
from django.urls import get_resolver

from dsr_portal.core import inventory
from dsr_portal.core.inventory import F, ModelStore, OtherStore, Term, declare_model, declare_store
from dsr_portal.core.registries import Registry, job_kinds, purgers, schedule, stores
from dsr_portal.gallery.models import Record

pytestmark = pytest.mark.django_db

# Columns of these types can hold free text or bytes; what they hold must be said as such.
OPEN_TYPES = (models.TextField, models.BinaryField, models.JSONField, models.FileField)
# Open columns whose content another test looks at.
LOOKED_AT = {
    "sessions.Session.session_data": "test_the_session_keeps_ids_and_times_only",
    "recognition.GroupSearch.confirmed": "test_its_row_names_the_photo_and_holds_nothing_of_it",
    "recognition.GroupSearch.pictures": "test_its_row_names_the_photo_and_holds_nothing_of_it",
    "erasure.Step.result": "test_the_trail_and_the_rows_hold_nothing_of_what_was_erased",
}


@pytest.fixture
def own_stores(monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    """The inventory as it is, in a copy that a test may change."""
    copy: Registry[Any] = Registry("store")
    for name, entry in stores.items():
        copy.register(name, entry)
    monkeypatch.setattr(inventory, "stores", copy)
    return copy


@pytest.fixture
def plant() -> Iterator[Callable[[str], type[models.Model]]]:
    """Add a table to an app and take it away again."""
    planted: list[str] = []

    def planting(name: str) -> type[models.Model]:
        meta = type("Meta", (), {"app_label": "gallery"})
        body = {"__module__": "dsr_portal.gallery.models", "Meta": meta, "word": models.TextField()}
        planted.append(name.lower())
        return type(name, (models.Model,), body)

    yield planting
    for name in planted:
        del apps.all_models["gallery"][name]
    apps.clear_cache()


def errors() -> list[str]:
    return [message.msg for message in run_checks() if message.id == "dsr.E001"]


def test_every_field_of_every_table_is_declared() -> None:
    assert inventory.undeclared_fields() == []
    tables = {name for name, entry in stores.items() if isinstance(entry, ModelStore)}
    real = {f"table {model._meta.label}" for model in apps.get_models(include_auto_created=True)}
    assert tables == real, "a declared table that no longer exists stays out of the inventory"


def test_an_undeclared_table_stops_the_portal(
    plant: Callable[[str], type[models.Model]],
) -> None:
    plant("Diary")
    assert any("gallery.Diary: the table is not declared" in error for error in errors())
    with pytest.raises(SystemCheckError, match=r"gallery\.Diary"):
        call_command("check")


def test_an_undeclared_field_and_a_declared_one_that_is_gone_are_named(
    own_stores: Registry[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = own_stores.get("table gallery.Record")
    fields = {name: kind for name, kind in entry.fields.items() if name != "unit"} | {"old": F.CODE}
    changed = ModelStore(entry.label, fields, entry.shredder, entry.verifier)
    monkeypatch.setitem(own_stores._entries, "table gallery.Record", changed)
    assert [error for error in errors() if "gallery.Record" in error] == [
        "The inventory of stores does not know gallery.Record.unit: not declared.",
        "The inventory of stores does not know gallery.Record.old: declared but absent.",
    ]


def test_a_planted_table_that_is_declared_passes(
    plant: Callable[[str], type[models.Model]], own_stores: Registry[Any]
) -> None:
    plant("Diary")
    declare_model(
        "gallery.Diary", {"id": F.ID, "word": F.PUBLIC}, term=Term("a day", stays="planted")
    )
    assert errors() == []
    assert endless() == []


def test_each_store_names_its_shredder_and_verifier() -> None:
    for name, entry in stores.items():
        assert entry.shredder.strip(), name
        assert entry.verifier.strip(), name
        if isinstance(entry, OtherStore):
            assert entry.kind.strip(), name
            assert entry.place.strip(), name
    kinds = {entry.kind for _, entry in stores.items() if isinstance(entry, OtherStore)}
    assert {"file tree", "cache", "queue", "index", "memory", "export"} <= kinds


def test_no_open_column_is_declared_as_something_narrow() -> None:
    """Ids, times, codes and keyed hashes lie in columns that can hold nothing else."""
    narrow = {F.ID, F.TIME, F.STATE, F.COUNT, F.KEYED_HASH, F.HASH, F.VAULT}
    found = set()
    for model in apps.get_models(include_auto_created=True):
        declared = stores.get(f"table {model._meta.label}").fields
        for column in model._meta.concrete_fields:
            if isinstance(column, OPEN_TYPES) and declared[column.name] in narrow:
                found.add(f"{model._meta.label}.{column.name}")
    assert found == LOOKED_AT.keys()
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert all(f"def {test}(" in tests for test in LOOKED_AT.values())


def test_what_is_held_about_a_face_lies_in_the_vault_only() -> None:
    """Section 5: the row of a record has ids, times, states; its content is a vault unit."""
    kinds = set(stores.get(f"table {Record._meta.label}").fields.values())
    assert F.VAULT in kinds
    assert kinds <= {F.ID, F.TIME, F.STATE, F.CODE, F.COUNT, F.VAULT, F.KEYED_HASH}


# -- terms ----------------------------------------------------------------------------------------

# Each sweeper, and the test that plants something, sees it, and sees it gone.
SHOWN_BY = {
    "accounts.beats.clear_sessions": (
        "integration/test_accounts",
        "test_sessions_that_are_over_are_deleted_by_schedule",
    ),
    "accounts.services.approve_staff": (
        "integration/test_terms",
        "test_the_second_factor_of_who_left_goes_with_the_account",
    ),
    "accounts.services.end_proposals": (
        "integration/test_terms",
        "test_proposals_about_staff_go_three_years_after_the_decision",
    ),
    "accounts.tickets.redeem": (
        "integration/test_terms",
        "test_a_used_ticket_is_forgotten_at_the_next_one",
    ),
    "cases.acting.close_idle": (
        "integration/test_acting_accounts",
        "test_an_account_without_mandates_closes_after_thirty_days_and_its_name_is_destroyed",
    ),
    "cases.alarms.end_settled": (
        "integration/test_terms",
        "test_alarms_go_a_year_after_they_were_settled",
    ),
    "cases.mailbox.sweep_done": (
        "integration/test_fetch_mail",
        "test_what_was_taken_leaves_the_mailbox_after_two_weeks",
    ),
    "cases.mandates.delete_proofs": (
        "integration/test_representation",
        "test_any_other_paper_goes_when_the_request_ends",
    ),
    "cases.proofs.delete_all": (
        "integration/test_document_as_proof",
        "test_nobody_looked_in_time",
    ),
    "cases.proofs.end_due": (
        "integration/test_document_as_proof",
        "test_nobody_looked_in_time",
    ),
    "cases.found_files.delete_all": (
        "integration/test_other_systems",
        "test_a_found_file_goes_with_the_answer_under_its_own_line_and_checksum",
    ),
    "cases.services.close_due": (
        "integration/test_own_traces",
        "test_each_store_of_a_request_is_seen_full_and_then_gone_with_its_receipt",
    ),
    "cases.services.sweep_drafts": (
        "integration/test_cases",
        "test_drafts_nobody_sent_are_destroyed_after_a_day",
    ),
    "compliance.retention.sweep": (
        "integration/test_retention",
        "test_an_order_is_kept_for_three_years_after_its_end_and_then_only_its_dates",
    ),
    "accounts.name_ends.sweep": (
        "integration/test_trail_rules",
        "test_a_name_goes_with_the_last_thing_kept_of_a_closed_account",
    ),
    "compliance.trail_rules.sweep": (
        "integration/test_trail_rules",
        "test_what_is_about_no_request_goes_after_its_term_and_the_chain_verifies",
    ),
    "compliance.trail_end.sweep": (
        "integration/test_trail_end",
        "test_payloads_go_after_three_years_and_the_chain_verifies",
    ),
    "disclosure.services.end_packages": (
        "integration/test_disclosure",
        "test_an_answer_ends_thirty_days_after_it_left",
    ),
    "disclosure.services.shred_package": (
        "integration/test_disclosure",
        "test_an_answer_being_made_when_the_request_is_withdrawn_is_thrown_away",
    ),
    "erasure.retiring.start_due": (
        "integration/test_gallery_terms",
        "test_what_is_past_its_term_leaves_every_store",
    ),
    "erasure.services.expire_kits": (
        "integration/test_erasure",
        "test_patterns_older_than_a_day_are_destroyed_whatever_happened",
    ),
    "erasure.steps.run": (
        "integration/test_erasure",
        "test_what_was_confirmed_is_gone_and_the_others_stay",
    ),
    "gallery.asides_end.end_due": (
        "integration/test_put_aside_copies",
        "test_what_authorities_were_told_is_kept_for_a_term_and_then_goes",
    ),
    "gallery.asides_end.purge": (
        "integration/test_put_aside_copies",
        "test_of_an_intimate_picture_the_request_is_forgotten_with_its_case",
    ),
    "gallery.face_blocks.expire": (
        "engine/test_face_blocks",
        "test_a_block_ends_by_itself_and_under_another_model_stops_nothing",
    ),
    "gallery.letters.purge": (
        "integration/test_recipients",
        "test_what_notices_say_is_gone_with_the_case_and_chasing_ends",
    ),
    "jobs.services.end_old": (
        "integration/test_terms",
        "test_work_that_is_done_is_forgotten_after_three_years",
    ),
    "matching.browsing.end_told": (
        "integration/test_terms",
        "test_what_was_told_of_browsing_goes_after_a_year",
    ),
    "matching.own_face.end_due": (
        "integration/test_own_face",
        "test_two_weeks_later_a_photo_nobody_chose_in_is_destroyed",
    ),
    "matching.services.delete_probes": (
        "integration/test_own_traces",
        "test_each_store_of_a_request_is_seen_full_and_then_gone_with_its_receipt",
    ),
    "matching.services.end_reviews": (
        "integration/test_own_traces",
        "test_each_store_of_a_request_is_seen_full_and_then_gone_with_its_receipt",
    ),
    "recognition.group_search.forget": (
        "integration/test_case_groups",
        "test_consent_withdrawn_while_a_group_is_missing_leaves_nothing_of_what_was_found",
    ),
    "recognition.jobs.erase": (
        "integration/test_recognition_index",
        "test_an_erasure_rewrites_the_touched_shards_only_under_a_new_key",
    ),
    "recognition.processes.end_gone": (
        "integration/test_terms",
        "test_rows_of_processes_that_are_gone_go_after_a_month",
    ),
    "vault.backups.prune": (
        "integration/test_backup",
        "test_ended_backups_go_and_with_them_what_the_ledger_kept_for_them",
    ),
    "vault.jobs.shred": (
        "integration/test_vault_jobs",
        "test_an_ordered_destruction_is_done_by_a_job",
    ),
    "vault.services.sweep_files": (
        "integration/test_vault_services",
        "test_staged_but_never_saved_files_are_swept_and_saved_ones_stay",
    ),
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "retention.md"


def sweepers() -> set[str]:
    return {path for _name, entry in stores.items() for path in entry.term.sweepers}


def endless() -> list[str]:
    return [message.msg for message in run_checks() if message.id == "dsr.E009"]


def test_every_store_has_a_term_and_what_ends_it() -> None:
    """L-23, X-10, Art. 5(1)(e)."""
    assert inventory.stores_without_end() == []


@pytest.mark.parametrize(
    ("term", "fault"),
    [
        (None, "no term is declared"),
        (Term(" ", stays="evidence"), "the term says no time"),
        (Term("a year"), "nothing ends it and no reason says why it stays"),
        (Term("a year", "", ("dsr_portal.jobs.services.sweep",)), "not from what it counts"),
        (Term("a year", "the end", ("dsr_portal.jobs.services.nothing",)), "no sweeper"),
        (Term("a year", "the end", ("dsr_portal.nowhere.sweep",)), "no sweeper dsr_portal.nowhere"),
    ],
)
def test_a_store_without_an_end_stops_the_portal(
    term: Term | None, fault: str, own_stores: Registry[Any]
) -> None:
    """L-23: what nobody said the end of is not kept."""
    declare_store(
        "diary", kind="file", place="a drawer", shredder="fire", verifier="look", term=term
    )
    assert [said for said in endless() if "diary" in said and fault in said], endless()
    with pytest.raises(SystemCheckError, match="diary"):
        call_command("check")


def test_each_sweeper_has_a_test_that_shows_it() -> None:
    """X-10: a sweeper that nobody saw at work is a promise."""
    assert {path.removeprefix("dsr_portal.") for path in sweepers()} == SHOWN_BY.keys()
    tests = Path(__file__).parents[1]
    for path, (file, name) in SHOWN_BY.items():
        assert f"def {name}(" in (tests / f"{file}.py").read_text(encoding="utf-8"), path


def test_each_sweeper_is_reached_by_a_run_a_job_a_command_or_a_page() -> None:
    """X-10: one that nothing calls ends nothing."""
    assert "dsr_portal.jobs.services.release_held" not in reached(regular_runs())
    reach = reached([*regular_runs(), *commands(), *pages()])
    assert sweepers() <= reach, sorted(sweepers() - reach)


def test_the_document_lists_every_store_with_its_term(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("list_stores", "--markdown")
    assert DOCUMENT.read_text(encoding="utf-8") == capsys.readouterr().out, (
        "write it again: python manage.py list_stores --markdown > docs/retention.md"
    )
    call_command("list_stores")
    assert len(capsys.readouterr().out.splitlines()) == len(list(stores.items()))


def regular_runs() -> list[Any]:
    """What beats run, what jobs do, and what the end of a case calls in every room."""
    runs = [beat.run for _name, beat in schedule.items()]
    jobs = [kind.handler for _name, kind in job_kinds.items()]
    return [*runs, *jobs, *(one for _name, one in purgers.items())]


def commands() -> list[Any]:
    """The methods of each command of ours."""
    ours = {name: str(app) for name, app in get_commands().items() if "dsr_portal" in str(app)}
    classes = [type(load_command_class(app, name)) for name, app in ours.items()]
    return [method for one in classes for method in vars(one).values() if callable(method)]


def pages() -> list[Any]:
    found: list[Any] = []

    def walk(patterns: Any) -> None:
        for one in patterns:
            if hasattr(one, "url_patterns"):
                walk(one.url_patterns)
            else:
                found.append(one.callback)

    for site in settings.DSR_SITES.values():
        walk(get_resolver(site).url_patterns)
    return found


def reached(roots: list[Any]) -> set[str]:
    """Dotted names of the portal's functions that code of `roots` names, and theirs in turn.

    A name counts where it is a global of the module, or an attribute of a module the function
    names; tables of functions count with all they hold. Rough, and never too little for a call.
    """
    called = names_of_functions()
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        function = inspect.unwrap(waiting.pop())
        function = getattr(function, "__func__", getattr(function, "func", function))
        code = getattr(function, "__code__", None)
        module = getattr(function, "__module__", "") or ""
        name = f"{module}.{getattr(function, '__qualname__', '')}"
        if code is None or not module.startswith("dsr_portal") or name in seen:
            continue
        seen |= {name, *called.get(function, ())}
        waiting += named_by(code, function.__globals__)
    return seen


def names_of_functions() -> dict[Any, set[str]]:
    """A function is also what other modules of the portal call it: rooms hand theirs on."""
    names: dict[Any, set[str]] = {}
    for place, module in list(sys.modules.items()):
        if place.startswith("dsr_portal"):
            for name, value in vars(module).items():
                if inspect.isfunction(value):
                    names.setdefault(inspect.unwrap(value), set()).add(f"{place}.{name}")
    return names


def named_by(code: Any, known: dict[str, Any]) -> list[Any]:
    inner = [one for one in code.co_consts if inspect.iscode(one)]
    names = set(code.co_names).union(*(one.co_names for one in inner))
    here = [known[name] for name in names if name in known]
    found: list[Any] = []
    for value in here:
        if inspect.ismodule(value) and value.__name__.startswith("dsr_portal"):
            found += [getattr(value, name) for name in names if hasattr(value, name)]
        elif isinstance(value, dict):
            found += list(value.values())
        else:
            found.append(value)
    for one in inner:
        found += named_by(one, known)
    return [one for one in found if callable(one)]
