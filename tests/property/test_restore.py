"""Whatever was made, erased and backed up in whatever order: a restore brings just what may be."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsr_portal.core.ids import new_id
from dsr_portal.erasure import restoring
from dsr_portal.vault import keys, lasting, rotation, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Backup, UnitKey
from tests.support import backups as machines
from tests.support.erasure import own_places
from tests.support.trail import empty_database

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = (UnitKind.ENROLLED_FACE, UnitKind.CASE_FILE)
# Making a unit of a kind, erasing the n-th that lives, a backup, a new key for everybody.
STEPS = st.one_of(
    st.tuples(st.just("make"), st.integers(0, 1)),
    st.tuples(st.just("erase"), st.integers(0, 5)),
    st.tuples(st.just("back up"), st.just(0)),
    st.tuples(st.just("rotate"), st.just(0)),
)


def make(number: int) -> UUID:
    staged = vault.stage_unit(kind=KINDS[number], owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    with transaction.atomic():
        return staged.save()


@given(steps=st.lists(STEPS, min_size=3, max_size=12))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_erased_stays_erased_and_backed_up_opens(
    steps: list[tuple[str, int]], settings: Any
) -> None:
    """R31: of every backup, not only of the newest, with the ledger and the ring of the end."""
    if connection.vendor != "sqlite":
        pytest.skip("the new machine of this test is a file")
    home = Path(tempfile.mkdtemp(prefix="dsr-restore-"))
    try:
        own_places(settings, home / "old")
        living: list[UUID] = []
        erased: set[UUID] = set()
        held: dict[Path, set[UUID]] = {}
        for what, number in [("make", 0), ("back up", 0), *steps]:
            if what == "make":
                living.append(make(number))
            elif what == "erase" and living:
                gone = living.pop(number % len(living))
                erased.add(gone)
                assert vault.shred_now([gone], "erased").done
            elif what == "back up":
                held[machines.back_up(home / "backups")] = set(living)
            elif what == "rotate":
                rotation.rotate(actor=machines.OPERATOR)
        for number, (folder, had) in enumerate(held.items()):
            with machines.new_machine(settings, home / str(number)):
                restoring.restore(folder)
                assert set(UnitKey.objects.values_list("id", flat=True)) == had - erased
                for unit in had - erased:
                    assert vault.read(unit, "note") == unit.bytes
                for unit in had & erased:
                    assert vault.unit_state(unit) == vault.UnitState.SHREDDED
                assert set(UnitKey.objects.values_list("bucket_id", flat=True)) <= (
                    keys.keeper().ring.ids()
                )
        book = shredding.ledger()
        assert book.verify(keys.keeper().ring.ledger_head()) >= len(erased)
        assert Backup.objects.count() == len(held)
    finally:
        shutil.rmtree(home)
        empty_database()
        keys.forget_all()
        lasting.forget()
