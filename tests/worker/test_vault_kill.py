"""kill -9 at every step of destroying keys, and while all are replaced (R26).

Survivors always open, the run is finished.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.vault import keys, rotation, services, shredding
from dsr_portal.vault.kinds import UnitKind, UnitState
from dsr_portal.vault.models import Blob, Bucket, DoomedFile, Rotation, ShredRun, UnitKey
from tests.support.vault import use_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

ROOT = Path(__file__).resolve().parents[2]
PICTURE = os.urandom(6000)

STEPS = [
    ("before_commit.taken", 1),
    ("ring.place1", 1),  # new keys in one place only
    ("ring.place2", 1),
    ("before_commit.keyed", 1),
    ("after.keyed", 1),  # and before the first bucket is replaced
    ("before_commit.keyed", 3),  # the second of two buckets
    ("before_commit.moved", 1),
    ("after.moved", 1),
    ("ledger.written", 1),
    ("before_commit.moved", 2),  # the entry stands, the database does not know
    ("before_commit.ledgered", 1),
    ("after.ledgered", 1),
    ("ring.place1", 2),  # old keys gone in one place only
    ("ring.place2", 2),
    ("before_commit.destroyed", 1),
    ("after.destroyed", 1),
    ("files.removed", 1),
    ("before_commit.done", 1),
    ("after.done", 1),
]


# The same run with one bucket in each step: where a step of many buckets is one of several.
STEPS_OF_MANY = [
    ("before_commit.taken", 2),
    ("after.taken", 1),
    ("before_commit.taken", 3),  # the first new key made
    ("ring.place1", 1),
    ("ring.place1", 2),  # the second one, in one place only
    ("ring.place1", 3),  # the first old key gone in one place only, the second still there
    ("ring.place2", 3),
    ("before_commit.ledgered", 2),
    ("after.ledgered", 2),
    ("ring.place1", 4),
    ("ring.place2", 4),
    ("before_commit.destroyed", 1),
]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path)
    yield
    keys.forget_all()


def make(kind):
    staged = services.stage_unit(kind=kind, owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    staged.add("picture", PICTURE)
    with transaction.atomic():
        return staged.save()


def opens(unit):
    return services.read(unit, "note") == unit.bytes and services.read(unit, "picture") == PICTURE


def run_and_die(work, step, count):
    database = connection.settings_dict
    env = {
        **os.environ,
        "DSR_RING": ",".join(map(str, django_settings.DSR_RING)),
        "DSR_LEDGER": ",".join(map(str, django_settings.DSR_LEDGER)),
        "DSR_VAULT_DIR": str(django_settings.DSR_VAULT_DIR),
        "DSR_KEY_CACHE_SECONDS": "0",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
    }
    if connection.vendor == "sqlite":
        env["DATABASE_URL"] = f"sqlite:///{database['NAME']}"
    else:
        env["DATABASE_URL"] = (
            f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:"
            f"{database['PORT']}/{database['NAME']}"
        )
    program = ROOT / "tests" / "support" / "shred_and_die.py"
    return subprocess.run(
        [sys.executable, "-B", str(program), work, step, str(count)],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("work", "entries", "step", "count"),
    [("shred", 1, *one) for one in STEPS] + [("shred in steps", 2, *one) for one in STEPS_OF_MANY],
)
def test_a_kill_at_any_step_is_finished_and_survivors_open_throughout(
    work, entries, step, count, monkeypatch
):
    faces = [make(UnitKind.ENROLLED_FACE) for _ in range(4)]
    images = [make(UnitKind.SOURCE_IMAGE) for _ in range(3)]
    victims, survivors = [faces[0], faces[2], images[1]], [faces[1], faces[3], *images[::2]]
    with transaction.atomic():
        services.request_shred(victims, reason="erasure")

    died = run_and_die(work, step, count)
    assert died.returncode == -signal.SIGKILL, died.stderr

    keys.forget_all()
    if entries > 1:
        monkeypatch.setattr(shredding, "STEP_BUCKETS", 1)
        monkeypatch.setattr(shredding, "ENTRY_BUCKETS", 1)
    assert all(opens(unit) for unit in survivors)
    for unit in victims:
        assert services.unit_state(unit) != UnitState.LIVE
        with pytest.raises(services.Shredded):
            services.read(unit, "note")
    done = ShredRun.objects.filter(state="done").exists()
    assert (services.unit_state(victims[0]) == UnitState.SHREDDED) == done
    later = make(UnitKind.ENROLLED_FACE)

    assert services.run_shred().done

    assert all(opens(unit) for unit in [*survivors, later])
    assert {services.unit_state(unit) for unit in victims} == {UnitState.SHREDDED}
    assert ShredRun.objects.count() == 1
    assert not DoomedFile.objects.exists()
    named = set(Blob.objects.exclude(file="").values_list("file", flat=True))
    on_disk = {path.name for path in django_settings.DSR_VAULT_DIR.glob("??/??/*")}
    assert on_disk == named
    ring = keys.keeper().ring
    assert {row.state for row in ring.status()} == {"whole"}
    standing = set(Bucket.objects.values_list("id", flat=True))
    assert standing <= ring.ids()
    assert not {step.old_bucket for step in ShredRun.objects.get().steps.all()} & ring.ids()
    assert set(UnitKey.objects.values_list("bucket_id", flat=True)) <= standing
    assert shredding.ledger().verify(ring.ledger_head()) == entries


@pytest.mark.parametrize(
    ("step", "count"), [("ring.place1", 1), ("before_commit.keyed", 2), ("ring.place1", 2)]
)
def test_a_kill_while_every_key_is_replaced_is_finished(step, count):
    """Every named step is crashed in test_vault_rotate; here the process is gone for good."""
    units = [make(kind) for kind in (UnitKind.ENROLLED_FACE, UnitKind.SOURCE_IMAGE)]
    old = keys.keeper().ring.ids()

    died = run_and_die("rotate", step, count)
    assert died.returncode == -signal.SIGKILL, died.stderr

    keys.forget_all()
    assert all(opens(unit) for unit in units)
    assert rotation.rotate(actor=Actor.operator()).done
    assert all(opens(unit) for unit in units)
    assert not keys.keeper().ring.ids() & old
    assert Rotation.objects.count() == 1
