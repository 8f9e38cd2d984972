"""`manage.py ring check|copy` and the start of processes (R26): nothing destroyed or guessed."""

import base64
import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from dsr_portal.audit.models import Event
from dsr_portal.core.ids import new_id
from dsr_portal.vault import checks, environment, health, keys, lasting, services
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Bucket, LastingSecret, ShredRun, UnitKey
from dsr_portal.vault.ring import Key
from tests.support.vault import use_places
from tests.support.workers import environment as variables

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path / "places")
    call_command("ring", "init")
    yield tmp_path
    keys.forget_all()
    lasting.forget()


@services.retry_stale
def make(kind=UnitKind.ENROLLED_FACE, note=b"kept"):
    staged = services.stage_unit(kind=kind, owner=new_id())
    staged.add("note", note)
    with transaction.atomic():
        return staged.save()


def check(capsys):
    """Exit code and what `ring check --json` says."""
    capsys.readouterr()
    try:
        call_command("ring", "check", "--json")
        code = 0
    except SystemExit as ended:
        code = ended.code
    return code, json.loads(capsys.readouterr().out)


def ring_files(settings):
    return {
        path: path.read_bytes()
        for place in settings.DSR_RING
        for path in place.iterdir()
        if path.name != "lock"
    }


# -- check ----------------------------------------------------------------------------------------


def test_a_whole_ring_and_buckets_made_ahead_are_no_finding(capsys):
    make()
    keys.fill(UnitKind.DRAFT, 3)
    code, told = check(capsys)
    assert (code, told["well"], told["buckets"], told["units"]) == (0, True, 4, 1)
    assert told["rows_without_key"] == told["keys_without_row"] == []
    assert told["ledger_entries"] == 0
    assert [place["state"] for place in told["places"]] == ["whole", "whole"]


def test_rows_without_key_and_keys_without_row_are_counted_by_kind_and_stay(capsys, settings):
    units = [make(kind) for kind in (UnitKind.PROBE, UnitKind.PROBE, UnitKind.DRAFT)]
    lost = UnitKey.objects.get(id=units[0]).bucket_id
    unnamed = new_id()
    ring = keys.keeper().ring
    with keys.locked_ring() as state:
        keys.remember(state, ring.destroy([lost]))
        keys.remember(state, ring.create([unnamed]))
    before, rows = ring_files(settings), set(Bucket.objects.values_list("id", flat=True))
    code, told = check(capsys)
    assert code == 1
    assert told["rows_without_key"] == [
        {"kind": "probe", "buckets": 1, "units": 2, "ids": [str(lost)]}
    ]
    assert told["keys_without_row"] == [
        {"kind": "unnamed", "buckets": 1, "units": 0, "ids": [str(unnamed)]}
    ]
    assert ring_files(settings) == before
    assert set(Bucket.objects.values_list("id", flat=True)) == rows
    assert UnitKey.objects.count() == 3
    with pytest.raises(SystemExit):
        call_command("ring", "check")
    said = capsys.readouterr().out
    assert f"probe: 1 buckets, 2 units: {lost}" in said
    assert str(unnamed) in said


def test_a_destroyed_key_that_is_back_is_called_so(capsys, settings, tmp_path):
    """An old ring file in a place opens what was erased: check is where an operator sees it."""
    units = [make(), make()]
    bucket = UnitKey.objects.get(id=units[0]).bucket_id
    old = bytes(keys.keeper().ring.get(bucket))
    services.shred_now(units[:1], "erasure")
    ring = keys.keeper().ring
    with keys.locked_ring() as state:
        file = ring._newest()
        file.add({bucket: Key(old)})
        keys.remember(state, ring._write(file, both=True))
    code, told = check(capsys)
    assert code == 1
    assert told["keys_without_row"] == [
        {"kind": "destroyed", "buckets": 1, "units": 0, "ids": [str(bucket)]}
    ]


def test_what_a_running_destruction_uses_is_no_finding(capsys, settings, tmp_path):
    units = [make(), make()]
    settings.DSR_RING[1].rename(tmp_path / "unmounted")
    assert services.shred_now(units[:1], "erasure").blocked == "place_missing"
    assert ShredRun.objects.get().state == "ledgered"
    (tmp_path / "unmounted").rename(settings.DSR_RING[1])
    _code, told = check(capsys)
    assert told["rows_without_key"] == told["keys_without_row"] == []
    assert told["places"][1]["state"] == "behind"
    assert services.run_shred().done
    assert check(capsys)[0] == 0


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_check_runs_while_the_portal_makes_and_destroys_keys():
    stop, checked = threading.Event(), 0

    def work():
        try:
            while not stop.is_set():
                unit = make(UnitKind.PROBE)
                keys.keeper().pool.clear()  # so that a bucket is made every time
                services.shred_now([unit], "test")
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as threads:
        working = threads.submit(work)
        try:
            while checked < 15 and not working.done():
                found = health.examine()
                assert (found.rows_without_key, found.keys_without_row) == ([], [])
                checked += 1
        finally:
            stop.set()
        assert working.exception() is None
    assert checked == 15
    assert ShredRun.objects.count() > 1


@pytest.mark.parametrize(
    ("harm", "state"), [("gone", "missing"), ("stale", "behind"), ("damaged", "corrupt")]
)
def test_one_place_lost_is_found_by_check_and_mended_by_copy(
    harm, state, capsys, settings, tmp_path
):
    unit = make()
    place = settings.DSR_RING[1]
    if harm == "gone":
        shutil.rmtree(place)
        place.mkdir(mode=0o700)  # a new disk
    elif harm == "stale":
        old = (place / "ring").read_bytes()
        keys.fill(UnitKind.DRAFT)
        (place / "ring").write_bytes(old)
    else:
        (place / "ring").write_bytes(b"not a ring")
    code, told = check(capsys)
    assert (code, told["places"][1]["state"]) == (1, state)
    assert services.read(unit, "note") == b"kept"
    third = set(tmp_path.rglob("ring"))
    call_command("ring", "copy", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["places"] == [str(place)]
    assert (told["secrets"] == lasting.declared()) == (harm == "gone")
    assert set(tmp_path.rglob("ring")) - third <= {place / "ring"}
    one, two = settings.DSR_RING
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }
    assert check(capsys)[0] == 0
    event = Event.objects.get(type="vault.places_copied")
    assert event.actor_kind == "operator"
    call_command("ring", "copy")
    assert "Both places are whole and equal." in capsys.readouterr().out
    assert Event.objects.filter(type="vault.places_copied").count() == 1


def test_copy_does_not_fill_a_folder_that_is_not_there(settings, tmp_path):
    """An absent folder may be a disk that is not mounted: the word for a new one is the folder."""
    make()
    place = settings.DSR_RING[0]
    place.rename(tmp_path / "unmounted")
    with pytest.raises(CommandError, match=f"mkdir -m 700 {place}") as refused:
        call_command("ring", "copy")
    assert refused.value.returncode == 2
    assert not place.exists()


def test_both_places_lost_is_said_and_nothing_is_made(capsys, settings):
    unit = make()
    for place in settings.DSR_RING:
        (place / "ring").unlink()
    keys.forget_all()
    code, told = check(capsys)
    assert (code, told["broken"]) == (2, "ring_missing: missing")
    assert [place["state"] for place in told["places"]] == ["missing", "missing"]
    for verb in ("copy", "init", "rotate"):
        with pytest.raises(CommandError, match="ring_missing") as refused:
            call_command("ring", verb)
        assert refused.value.returncode == 2
    with pytest.raises(services.RingMissing):
        services.read(unit, "note")
    assert not [place for place in settings.DSR_RING if (place / "ring").exists()]


def test_a_stale_ring_in_both_places_is_refused_by_every_verb(settings, capsys, tmp_path):
    make()
    old = {place: (place / "ring").read_bytes() for place in settings.DSR_RING}
    keys.fill(UnitKind.DRAFT)
    for place, data in old.items():
        (place / "ring").write_bytes(data)
    keys.forget_all()
    assert check(capsys)[1]["broken"] == "ring_missing: too_old"
    for verb in ("copy", "rotate"):
        with pytest.raises(CommandError, match="too_old"):
            call_command("ring", verb)


def test_the_ledger_that_ends_too_early_is_found(capsys, settings):
    services.shred_now([make()], "erasure")
    for place in settings.DSR_LEDGER:
        (place / "000000000001.json").unlink()
    code, told = check(capsys)
    assert code == 2
    assert "ends at entry 0, the ring knows entry 1" in told["broken"]


# -- lasting secrets ------------------------------------------------------------------------------


def test_every_declared_secret_survives_the_loss_of_one_place_and_never_of_both(
    settings, caplog, capsys
):
    """R26, last bullet: from the other with an alarm; in neither refused, never made anew."""
    settings.DSR_PRODUCTION = True
    for purpose in lasting.declared():
        name = f"{purpose}.key"
        one, two = (place / name for place in settings.DSR_RING)
        kept, value = one.read_bytes(), services.secret(purpose)
        for lost in (one, two):
            lasting.forget()
            caplog.clear()
            lost.unlink()
            assert services.secret(purpose) == value
            assert f"the secret {purpose} is in one place only" in caplog.text
            assert check(capsys)[0] == 1
            call_command("ring", "init")  # makes no copy: the disk may not be mounted
            assert not lost.exists()
            call_command("ring", "copy")
            assert lost.read_bytes() == kept
        for path in (one, two):
            path.unlink()
        lasting.forget()
        for production in (True, False):
            settings.DSR_PRODUCTION = production
            with pytest.raises(services.RingMissing):
                services.secret(purpose)
            with pytest.raises(CommandError, match="secret_lost"):
                call_command("ring", "init")
        assert not one.exists()
        code, told = check(capsys)
        assert code == 1
        assert {"purpose": purpose, "state": "missing"} in told["secrets"]
        for path in (one, two):
            path.write_bytes(kept)
            path.chmod(0o600)
        lasting.forget()
    assert LastingSecret.objects.count() >= len(lasting.declared()) >= 9


def test_of_two_different_secrets_the_remembered_one_is_copied_and_else_none(settings, capsys):
    right = services.secret("mfa")
    path = settings.DSR_RING[0] / "mfa.key"
    path.write_text("11" * 32)
    lasting.forget()
    with pytest.raises(services.Damaged):
        services.secret("mfa")
    assert {"purpose": "mfa", "state": "differs"} in check(capsys)[1]["secrets"]
    was = LastingSecret.objects.get(purpose="mfa").check_value
    LastingSecret.objects.filter(purpose="mfa").delete()
    with pytest.raises(CommandError, match="mfa: differs"):
        call_command("ring", "copy")
    assert path.read_text() == "11" * 32
    LastingSecret.objects.create(purpose="mfa", check_value=was)
    call_command("ring", "copy")
    assert services.secret("mfa") == right


@pytest.mark.parametrize("which", ["production", "demo"])
def test_djangos_key_is_read_from_the_place_that_has_it_and_never_made_anew(which, settings):
    one, two = (place / "django.key" for place in settings.DSR_RING)
    kept = one.read_text()
    code = (
        f"import os; os.environ['DJANGO_SETTINGS_MODULE']='dsr_portal.settings.{which}'\n"
        "from django.conf import settings; print(settings.SECRET_KEY)"
    )
    controller = ("NAME", "ADDRESS", "EMAIL", "DPO", "COUNTRY")
    given = {**variables(), **{f"DSR_CONTROLLER_{name}": "x" for name in controller}}

    def start():
        return subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    one.unlink()
    first = start()
    assert first.stdout.strip() == kept
    assert "secret django is in one place only" in first.stderr
    two.unlink()
    second = start()
    assert second.returncode != 0
    assert "django.key" in second.stderr
    assert not one.exists()
    assert not two.exists()


# -- start ----------------------------------------------------------------------------------------

STARTS = {
    "site": ["-c", "import dsr_portal.wsgi"],
    "worker": ["-c", "import dsr_portal.celery"],
    "command": ["manage.py", "audit_head"],
}


def start(kind, **more):
    return subprocess.run(
        [sys.executable, *STARTS[kind]],
        cwd=ROOT,
        env={**variables(), "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.test", **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", STARTS)
@pytest.mark.django_db(transaction=True)
def test_no_process_starts_with_keys_others_can_read(kind, settings):
    assert start(kind).returncode == 0
    for path, mode, said in (
        (settings.DSR_RING[0], 0o755, "chmod 700"),
        (settings.DSR_RING[1] / "ring", 0o640, "chmod 600"),
        (settings.DSR_LEDGER[1], 0o711, "chmod 700"),
    ):
        before = path.stat().st_mode
        path.chmod(mode)
        refused = start(kind)
        assert refused.returncode != 0
        assert f"{said} {path}" in refused.stderr
        assert "nothing was started" in refused.stderr
        path.chmod(before)


@pytest.mark.django_db(transaction=True)
def test_no_process_starts_with_keys_a_backup_copies_or_in_one_folder(settings, tmp_path):
    var, (one, two) = settings.DSR_VAR, settings.DSR_RING
    inside = start("site", DSR_VAR=str(two.parent))
    assert f"{one} lies inside {two.parent}, which backups copy" in inside.stderr
    alike = start("site", DSR_RING=f"{one},{one}")
    assert "must name two different folders" in alike.stderr
    assert inside.returncode != 0 != alike.returncode
    assert not two.is_relative_to(var)


@pytest.mark.django_db(transaction=True)
def test_no_process_starts_with_a_key_in_its_environment(settings):
    make()
    secret, bucket = services.secret("mfa").hex(), bytes(keys.keeper().ring.values().pop())
    for value in (secret, f"key={bucket.hex().upper()}", base64.b64encode(bucket).decode()):
        refused = start("site", SOME_NAME=value)
        assert refused.returncode != 0
        assert "SOME_NAME holds a key of this installation" in refused.stderr
        assert value not in refused.stderr
    assert start("site", SOME_NAME="ab" * 40, OTHER="/a/path" * 20).returncode == 0


def test_a_place_of_another_account_is_refused(settings, monkeypatch):
    monkeypatch.setattr("dsr_portal.vault.places.os.geteuid", lambda: 4242)
    with pytest.raises(ImproperlyConfigured, match="belongs to another account"):
        checks.refuse_unsafe_start()


def test_with_one_place_missing_a_process_starts(settings, tmp_path):
    settings.DSR_PRODUCTION = True
    settings.DSR_SWAP_STATED = "Tests: whatever this machine has"
    settings.DSR_RING[1].rename(tmp_path / "unmounted")
    checks.refuse_unsafe_start()
    assert "vault.E004" in {found.id for found in checks.places_are_safe()}


def test_keys_in_variables_are_found_and_nothing_else(settings):
    bucket = keys.keeper().ring
    bucket.create([new_id()])
    key = bytes(bucket.values().pop())
    places = [Path(place) for place in settings.DSR_RING]
    given = {"A": key.hex(), "B": "ordinary", "PATH": "/usr/bin" * 40}
    assert environment.variables_with_keys(given, places) == ["A"]
    assert environment.given_at_start(Path("/absent")) == {}
    assert "PATH" in environment.given_at_start()


def test_the_alarm_of_a_missing_place_is_given_at_reading_and_every_minute(
    settings, tmp_path, caplog
):
    unit = make()
    settings.DSR_RING[0].rename(tmp_path / "unmounted")
    keys.forget_all()
    assert services.read(unit, "note") == b"kept"
    assert "place 1 is missing, keys are read from the other" in caplog.text
    caplog.clear()
    health.watch()
    assert "place 1 is missing; run: ring check" in caplog.text
