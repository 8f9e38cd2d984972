"""Deny by default: nothing is kept that the inventory does not know (law A-02, A-17; section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import models

from dsr_portal.core import inventory
from dsr_portal.core.inventory import F, ModelStore, OtherStore, declare_model
from dsr_portal.core.registries import Registry, stores
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
    declare_model("gallery.Diary", {"id": F.ID, "word": F.PUBLIC})
    assert errors() == []


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
