"""Newest backup + erasure ledger + ring: who was erased stays gone, the others open (R31, R29)."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from dsr_portal.audit import links
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Flag, Status
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import restoring, services, steps
from dsr_portal.erasure.models import PlanState
from dsr_portal.gallery import channels, connector, hashes, systems
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery import services as gallery_services
from dsr_portal.gallery.blocks import blocked
from dsr_portal.gallery.models import Hold, Recipient, RecipientChannel, Record, SourceImage
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Effect, EffectState, Job, JobState
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.recognition import holder as holders
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.models import Holder
from dsr_portal.vault import backups, keys, shredding
from dsr_portal.vault import services as vault
from dsr_portal.vault.errors import Damaged, LedgerBroken, RingMissing
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import Backup, Blob, ShredRun, UnitKey
from tests.support import backups as machines
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.vault import copy_ring

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own(settings: Any, tmp_path: Path) -> Any:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has its own test below")
    lab.own_places(settings, tmp_path / "old")
    settings.DSR_HOLD_MINUTES = 0
    holders.holder().drop()
    yield
    holders.holder().drop()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def make(kind: UnitKind = UnitKind.ENROLLED_FACE, *, size: int = 6000) -> Any:
    staged = vault.stage_unit(kind=kind, owner=new_id())
    staged.add("note", staged.unit_id.bytes)
    staged.add("picture", b"face" * (size // 4))
    with transaction.atomic():
        return staged.save()


def opens(unit: Any) -> bool:
    return vault.read(unit, "note") == unit.bytes and vault.has(unit, "picture")


def found(codes: list[bytes]) -> set[Any]:
    import numpy as np

    with holders.holder().current() as held:
        return {
            hit.id
            for code in codes
            for hit in held.index.search(np.frombuffer(code, "<f4").copy(), 0.9).hits
        }


def test_who_was_erased_after_the_backup_stays_gone_and_the_others_open(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31, E-12, E-15: the real saga, then everything but backup, ring and ledger is lost."""
    own, group, stranger = lab.picture(1), lab.picture(2, faces=2), lab.picture(3)
    mine = [own.records[0], group.records[0]]
    friend = group.records[1]
    recognition.seal_shards()
    case = lab.ready_case(mine)
    folder = machines.back_up(place)
    rings = copy_ring(settings.DSR_RING, tmp_path / "old-ring")
    # The canary: the backup has them, and with the ring of that day they open.
    assert machines.opened_from(folder, rings, own.image.unit, "picture") == own.picture
    assert machines.opened_from(folder, rings, mine[0].unit, "template") == own.templates[0]

    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    before = audit.head()
    assert machines.opened_from(folder, settings.DSR_RING, own.image.unit, "picture") is None
    machines.lose_everything(settings)

    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)

        assert report.units_gone_again["enrolled_face"] == 2
        assert report.units_gone_again["source_image"] == 2
        assert report.damaged == []
        assert not lab.found_in_files(lab.plain_patterns(own))
        assert found([*own.templates, group.templates[0]]) == set()
        assert found([group.templates[1]]) == {friend.id}
        assert found(stranger.templates) == {stranger.records[0].id}
        for record in mine:
            assert Record.objects.get(id=record.id).state == Record.State.ERASED
            assert vault.unit_state(record.unit) == vault.UnitState.SHREDDED
            with pytest.raises(vault.Shredded):
                connector.current().face(record.id)
        assert not Hold.objects.filter(record__in=mine, until=None).exists()
        assert gallery.by_address(own.page) == [] == gallery.by_file(own.picture)
        assert blocked(page=own.page)
        assert blocked(image=group.file)
        assert blocked(file_hash=hashes.of_file(own.picture))
        assert Probe.objects.get(case_id=case.id).state == ProbeState.DELETED
        assert Flag.objects.filter(case_id=case.id, code="erased_before_restore").exists()
        # Others: what they had opens; of the covered picture, made after the backup, the face.
        assert connector.current().picture(stranger.image.id) == stranger.picture
        left = Record.objects.get(id=friend.id)
        assert left.state == Record.State.HELD
        assert left.image_id != group.image.id
        crop = connector.current().face(friend.id).crop()
        assert connector.current().picture(left.image_id) == crop
        assert SourceImage.objects.get(id=group.image.id).state == SourceImage.State.ERASED

        trail = audit.verify()
        assert trail.ok
        assert not trail.whole
        (restored,) = trail.restores
        first = Event.objects.get(number=restored.number)
        assert first.type == links.RESTORED
        assert restored.number == restored.backup.number + 1
        assert restored.backup.number < restored.known.number <= before.number
        lab.run_all()
        assert found([*own.templates, group.templates[0]]) == set()
        assert not Job.objects.filter(kind="recognition.erase", state="failed").exists()
        assert keys.keeper().ring.ids() >= set(UnitKey.objects.values_list("bucket_id", flat=True))
        # And the person can ask again: nothing of what was lost blocks a new case.
        assert Backup.objects.get(name=folder.name).state == Backup.State.KEPT


def test_a_block_the_person_ended_after_the_backup_stays_ended(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """E-13, R31: a wish outlives the backup as an erasure does."""
    shown = lab.picture(4)
    case = support.opened(["erasure"])
    gallery_services.block_addresses(
        case_id=case.id, actor=support.OFFICER, image_ids=[shown.image.id]
    )
    assert vault.shred_now([make()], "first").done
    machines.back_up(place)
    gallery_services.unblock(case_id=case.id, actor=support.OFFICER)
    assert vault.shred_now([make()], "second").done
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
        assert not blocked(page=shown.page)


def test_a_survivor_re_wrapped_twice_opens_with_its_last_key(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: entries in order, the last row of a unit winning."""
    first, second, survivor, big = make(), make(), make(), make(size=50_000)
    folder = machines.back_up(place)
    old = UnitKey.objects.get(id=survivor).bucket_id
    assert vault.shred_now([first], "erased").done
    between = UnitKey.objects.get(id=survivor).bucket_id
    assert vault.shred_now([second], "erased").done
    last = UnitKey.objects.get(id=survivor).bucket_id
    assert len({old, between, last}) == 3
    assert machines.opened_from(folder, settings.DSR_RING, survivor, "note") is None
    later = make()
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert (report.ledger_from, report.ledger_to) == (0, 2)
        assert UnitKey.objects.get(id=survivor).bucket_id == last
        assert opens(survivor)
        assert opens(big)
        for unit in (first, second):
            assert vault.unit_state(unit) == vault.UnitState.SHREDDED
        # What came after the newest backup is gone, and nothing pretends otherwise.
        assert vault.unit_state(later) == vault.UnitState.UNKNOWN
        assert set(Blob.objects.exclude(file="").values_list("unit_id", flat=True)) == {
            survivor,
            big,
        }
        assert vault.shred_now([survivor], "erased").done
        assert opens(big)


@pytest.mark.parametrize(
    "step", ["after.taken", "after.keyed", "after.moved", "after.ledgered", "after.destroyed"]
)
@pytest.mark.parametrize("finished", [True, False])
def test_a_destruction_under_way_at_the_backup_is_closed_or_goes_on(
    step: str, finished: bool, place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: shreds already in the ledger are closed, others are finished after the restore."""
    victim, survivor = make(), make()
    taken: list[Path] = []

    def fault(point: str) -> None:
        if point == step and not taken:
            taken.append(machines.back_up(place))
            if not finished:
                raise KeyboardInterrupt

    with transaction.atomic():
        vault.request_shred([victim], reason="erased")
    if step == "after.taken":
        # Between asking and the first step.
        taken.append(machines.back_up(place))
        assert not finished or vault.run_shred().done
    elif finished:
        assert shredding.run_shred(fault=fault).done
    else:
        with pytest.raises(KeyboardInterrupt):
            shredding.run_shred(fault=fault)
    assert len(taken) == 1
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
        assert opens(survivor)
        assert vault.run_shred().done
        assert vault.unit_state(victim) == vault.UnitState.SHREDDED
        assert opens(survivor)
        assert not ShredRun.objects.exclude(state="done").exists()
        ring = keys.keeper().ring
        assert set(UnitKey.objects.values_list("bucket_id", flat=True)) <= ring.ids()
        book = shredding.ledger()
        assert book.verify(ring.ledger_head()) == 1
        assert vault.shred_now([survivor], "erased").done
        assert book.verify(ring.ledger_head()) == 2


@pytest.mark.parametrize("backed_up", ["before", "taken", "keyed", "moved", "one_entry"])
def test_a_ledger_that_ends_inside_a_run_leaves_nobody_half_destroyed(
    backed_up: str, place: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R31: a run writes several entries; the disk died after the first of them."""
    monkeypatch.setattr(shredding, "ENTRY_BUCKETS", 1)
    faces = [make(), make()]
    photos = [make(UnitKind.PROBE), make(UnitKind.PROBE)]
    survivors = [faces[1], photos[1]]
    taken: list[Path] = []
    steps: list[str] = []

    def fault(point: str) -> None:
        steps.append(point)
        if point == f"after.{backed_up}" and not taken:
            taken.append(machines.back_up(place))
        if point == "after.moved" and "ledger.written" in steps:
            # The first of two entries stands and is committed.
            if backed_up == "one_entry":
                taken.append(machines.back_up(place))
            raise KeyboardInterrupt

    if backed_up == "before":
        taken.append(machines.back_up(place))
    with transaction.atomic():
        vault.request_shred([faces[0], photos[0]], reason="erased")
    if backed_up == "taken":
        taken.append(machines.back_up(place))
    with pytest.raises(KeyboardInterrupt):
        shredding.run_shred(fault=fault)
    assert len(taken) == 1
    newest = shredding.ledger().newest()
    assert newest is not None
    (in_ledger,) = [row["unit"] for row in newest.body["shredded"]]
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
        assert all(opens(unit) for unit in survivors)
        gone = next(unit for unit in (faces[0], photos[0]) if str(unit) == in_ledger)
        with pytest.raises(vault.Shredded):
            vault.read(gone, "note")
        assert vault.run_shred().done
        assert vault.unit_state(gone) == vault.UnitState.SHREDDED
        other = photos[0] if gone == faces[0] else faces[0]
        # The order itself came after the backup "before": it was never reported, and is gone.
        assert vault.unit_state(other) == (
            vault.UnitState.LIVE if backed_up == "before" else vault.UnitState.SHREDDED
        )
        assert all(opens(unit) for unit in survivors)
        ring = keys.keeper().ring
        assert set(UnitKey.objects.values_list("bucket_id", flat=True)) <= ring.ids()
        assert shredding.ledger().verify(ring.ledger_head()) >= 1
        assert vault.shred_now(survivors, "erased").done


def test_keys_the_ring_had_not_destroyed_yet_go_at_the_restore(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: the entry was written, the disk died before the keys went."""
    victim, survivor = make(), make()
    machines.back_up(place)
    bucket = UnitKey.objects.get(id=victim).bucket_id

    def fault(point: str) -> None:
        if point == "after.ledgered":
            raise KeyboardInterrupt

    with transaction.atomic():
        vault.request_shred([victim], reason="erased")
    with pytest.raises(KeyboardInterrupt):
        shredding.run_shred(fault=fault)
    assert bucket in keys.keeper().ring.ids(), "the canary: the key is still there"
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        assert restoring.restore(place).keys_destroyed == 1
        assert bucket not in keys.keeper().ring.ids()
        assert keys.keeper().ring.ledger_head().number == 1
        assert vault.unit_state(victim) == vault.UnitState.SHREDDED
        assert opens(survivor)


def test_no_restore_is_over_while_an_old_key_is_left(
    place: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R31: one that dies right after its end was written is not gone on with."""
    victim = make()
    machines.back_up(place)
    bucket = UnitKey.objects.get(id=victim).bucket_id
    left: dict[str, bool] = {}

    def dies(point: str) -> None:
        if point == "after.ledgered":
            raise KeyboardInterrupt

    def looks(point: str) -> None:
        if point in ("indexed", "ended"):
            left[point] = bucket in keys.keeper().ring.ids()

    with transaction.atomic():
        vault.request_shred([victim], reason="erased")
    with pytest.raises(KeyboardInterrupt):
        shredding.run_shred(fault=dies)
    machines.lose_everything(settings)
    monkeypatch.setattr(restoring, "fault", looks)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
    assert left == {"indexed": True, "ended": False}


# -- refused before anything is written -----------------------------------------------------------


def refused(settings: Any, tmp_path: Path, place: Path, error: type[Exception], words: str) -> None:
    with machines.new_machine(settings, tmp_path) as home:
        with pytest.raises(error, match=words):
            restoring.restore(place)
        written = [path.name for path in home.rglob("*") if path.is_file()]
        assert written == ["restore.lock"]


def test_a_ledger_that_ends_early_or_starts_late_is_refused_with_the_gap_named(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: nobody erased comes back because a part of the ledger is lost."""
    units = [make() for _ in range(4)]
    machines.back_up(place)
    for unit in units[:3]:
        assert vault.shred_now([unit], "erased").done

    def hide(number: int, back: bool = False) -> None:
        for folder in settings.DSR_LEDGER:
            path, aside = folder / f"{number:012d}.json", folder / f"aside-{number}"
            (aside if back else path).rename(path if back else aside)

    hide(3)
    refused(settings, tmp_path, place, LedgerBroken, "ends at entry 2, the ring knows entry 3")
    hide(3, back=True)
    hide(1)
    refused(settings, tmp_path, place, LedgerBroken, "entries 1 to 1 are missing")
    hide(2)
    refused(settings, tmp_path, place, LedgerBroken, "entries 1 to 2 are missing")
    hide(1, back=True)
    refused(settings, tmp_path, place, LedgerBroken, "entry 2 is missing")
    hide(2, back=True)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
        assert opens(units[3])


def test_another_ring_an_old_ring_and_a_lost_ring_are_refused(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R26: without the ring nothing opens, and an older one would bring destroyed keys back."""
    make()
    old = copy_ring(settings.DSR_RING, tmp_path / "copied")
    victim = make(UnitKind.PROBE)
    machines.back_up(place)
    assert vault.shred_now([victim], "erased").done
    real = settings.DSR_RING
    settings.DSR_RING = old
    for source in real:
        shutil.copy(source / "backup.key", old[real.index(source)] / "backup.key")
    keys.forget_all()
    refused(settings, tmp_path, place, RingMissing, "keys of this installation")
    settings.DSR_RING = [tmp_path / "x", tmp_path / "y"]
    from dsr_portal.vault import lasting

    keys.forget_all()
    lasting.forget()
    with machines.new_machine(settings, tmp_path), pytest.raises(Damaged):
        restoring.restore(place)
    settings.DSR_RING = real
    lasting.forget()
    keys.forget_all()


@pytest.mark.parametrize("part", ["database.sqlite3", "files.txt", "files"])
def test_a_damaged_part_is_refused_before_anything_is_written(
    part: str, place: Path, settings: Any, tmp_path: Path
) -> None:
    make()
    path = machines.back_up(place) / part
    if path.is_dir():
        path = next(one for one in path.rglob("*") if one.is_file())
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    refused(settings, tmp_path, place, Damaged, "damaged")


@contextmanager
def step_recorded(name: str) -> Iterator[None]:
    """The database says that it went through one more step of the vault."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('vault', %s, %s)",
            [name, clock.now().isoformat()],
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = %s", [name])


def test_a_backup_of_a_newer_version_is_refused_by_name(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    make()
    with step_recorded("9999_x"):
        machines.back_up(place)
    refused(settings, tmp_path, place, BadInput, "vault 9999_x")


def test_a_backup_from_before_the_steps_were_put_together_is_known(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    make()
    with step_recorded("0005_mail_units"):
        machines.back_up(place)
    with machines.new_machine(settings, tmp_path):
        assert restoring.restore(place).damaged == []


def test_an_installation_that_is_not_empty_needs_the_word(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """Bad input: what, why, what to do; nothing of what is there is touched without it."""
    kept = make()
    machines.back_up(place)
    with machines.new_machine(settings, tmp_path):
        restoring.restore(place)
        fresh = make()
        for word in ("", "yes"):
            with pytest.raises(CommandError, match="not empty.*--replace"):
                call_command("restore", str(place), replace=word)
        assert opens(fresh)
        with pytest.raises(Conflict):
            restoring.restore(place)
        call_command("restore", str(place), replace=restoring.REPLACE)
        assert opens(kept)
        assert vault.unit_state(fresh) == vault.UnitState.UNKNOWN
        assert len(audit.verify().restores) == 1
    # Tables without a row, as `migrate` leaves them, are empty; what can't be read is not.
    with machines.new_machine(settings, tmp_path / "second") as home:
        database = home / "var" / "portal.sqlite3"
        database.parent.mkdir(parents=True)
        rows = sqlite3.connect(database)
        rows.execute("PRAGMA journal_mode=WAL")
        rows.execute("CREATE TABLE audit_event (id)")
        rows.commit()
        rows.close()
        restoring.restore(place)
        assert opens(kept)
    with machines.new_machine(settings, tmp_path / "third") as home:
        database = home / "var" / "portal.sqlite3"
        database.parent.mkdir(parents=True)
        database.write_bytes(b"not a database any more" * 100)
        with pytest.raises(Conflict):
            restoring.restore(place)
    empty = tmp_path / "none"
    empty.mkdir()
    with pytest.raises(CommandError, match="no finished backup"):
        call_command("restore", str(empty))


@pytest.mark.parametrize("reached", ["hold", "after.kit", "after.index", "after.keys"])
def test_an_erasure_under_way_at_the_backup_and_finished_after_it_is_a_task_for_people(
    reached: str,
    place: Path,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R31, R30: nobody certifies what cannot be checked any more; the case does not hang."""
    own = lab.picture(5)
    case = lab.ready_case([own.records[0]])
    plan = services.start_erasure(case_id=case.id, actor=support.OFFICER)

    def fault(point: str) -> None:
        if point == reached:
            raise KeyboardInterrupt

    if reached != "hold":
        with monkeypatch.context() as patch:
            patch.setattr(steps, "fault", fault)
            with pytest.raises(KeyboardInterrupt):
                lab.run_all()
    machines.back_up(place)
    Job.objects.filter(state=JobState.RUNNING).update(lease_until=clock.real_now())
    lab.run_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.DONE
    machines.lose_everything(settings)
    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert (report.plans_stopped, report.cases_flagged) == (1, 1)
        plan.refresh_from_db()
        assert plan.state == PlanState.STOPPED
        assert Record.objects.get(id=own.records[0].id).state == Record.State.ERASED
        lab.run_all()
        assert not plan.verifications.exists()
        assert not Event.objects.filter(type="erasure.certified").exists()
        assert not Job.objects.filter(kind__startswith="erasure.", state="failed").exists()
        case.refresh_from_db()
        assert case.status == Status.DELIVERED
        assert found(own.templates) == set()


# -- what ran, what was sent, who was signed in ---------------------------------------------------


def test_work_is_freed_unsent_letters_are_held_and_nobody_is_signed_in(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: a letter sent after the backup is not sent twice; a missing one is sent on a word."""
    case = support.opened(["access"])
    waiting = Effect.objects.filter(state=EffectState.PENDING)
    assert waiting.exists(), "a receipt waits in the outbox"
    running = Job.objects.exclude(kind="outbox.deliver").first() or jobs.enqueue(
        kind="vault.shred", subject="vault", idempotency_key="test"
    )
    Job.objects.filter(id=running.id).update(
        state=JobState.RUNNING, lease_token=new_id(), lease_until=clock.real_now(), attempts=5
    )
    Holder.objects.create(
        host="lost", pid=1, process_started="x", started_at=clock.now(),
        lease_until=clock.real_now(),
    )  # fmt: skip
    Session.objects.create(session_key="k" * 32, session_data="x", expire_date=clock.now())
    machines.back_up(place)
    lab.run_all()
    assert not waiting.exists(), "sent after the backup"
    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert (report.jobs_freed, report.sessions_ended) == (1, 1)
        job = Job.objects.get(id=running.id)
        assert (job.state, job.attempts, job.lease_token) == (JobState.READY, 4, None)
        assert Holder.objects.get(host="lost").state == Holder.State.GONE
        assert report.mails_held == Effect.objects.filter(error_code=jobs.HELD).count() > 0
        lab.run_all()
        assert not Effect.objects.filter(state=EffectState.SENT).exists()
        from io import StringIO

        out = StringIO()
        call_command("restore", send_held=True, json=True, stdout=out)
        assert json.loads(out.getvalue())["sent_after_all"] == report.mails_held
        lab.run_all()
        assert not Effect.objects.exclude(state=EffectState.SENT).exists()
        assert case.status != Status.PURGED


def test_a_system_whose_token_was_taken_back_after_the_backup_stays_outside(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R20, R31: whoever stole the token is not let in by a restore; two persons open anew."""
    make()
    boss = Actor("S-3001", "director", "staff")
    made = systems.propose(name="Search product", actor=support.SUPERVISOR)
    token = systems.approve(system_id=made.id, actor=boss)
    machines.back_up(place)
    assert systems.by_token(token) is not None, "the canary: the backup lets it in"
    systems.end(system_id=made.id, actor=boss)
    with machines.new_machine(settings, tmp_path):
        assert restoring.restore(place).systems_ended == 1
        assert systems.by_token(token) is None
        assert Event.objects.filter(type="system.ended", subject_id=made.id).count() == 1
        again = systems.propose(name="Search product", actor=support.SUPERVISOR)
        assert systems.by_token(systems.approve(system_id=again.id, actor=boss)) is not None


def test_a_code_and_an_address_replaced_after_the_backup_stay_replaced(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R12, R31, R33: the lost code opens nothing, and no notice goes to an old address."""
    boss = Actor("S-3001", "director", "staff")
    case, other = support.opened(["access"]), support.opened(["access"])
    lost = cases.receipt_code(case)
    recipient = Recipient.objects.create(name="Mailer", country="NL")

    def listed(address: str) -> None:
        proposed = channels.propose(
            recipient_id=recipient.id, kind="MAIL", address=address, actor=support.SUPERVISOR
        )
        channels.approve(channel_id=proposed.id, actor=boss)

    listed("old@mailer.example")
    machines.back_up(place)
    new = cases.renew_code(
        case_id=case.id, actor=support.OFFICER, way="call", compared="The face on the call."
    )
    listed("new@mailer.example")
    assert vault.shred_now([make()], "erased").done
    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert report.notes == 2
        back = Case.objects.get(id=case.id)
        assert not cases.check_code(case=back, code=lost), "the backup knew this one"
        assert cases.check_code(case=back, code=new)
        untouched = Case.objects.get(id=other.id)
        assert cases.check_code(case=untouched, code=cases.receipt_code(untouched))
        assert untouched.code_counter == 0
        assert RecipientChannel.objects.get().address == "old@mailer.example"
        assert channels.serving(recipient.id) is None
        listed("new@mailer.example")


def test_backups_newer_than_the_restored_one_are_registered_again(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R31: with an end, so that what they hold of erased people is told and goes."""
    make()
    first = machines.back_up(place)
    second = machines.back_up(place)
    stranger = place / "dsr-20200101T000000Z-00000000"
    shutil.copytree(second, stranger)
    (stranger / "manifest.mac").write_text("0" * 64)
    with machines.new_machine(settings, tmp_path):
        assert restoring.restore(first).backups_found == 1
        kept = dict(Backup.objects.values_list("name", "state"))
        assert kept == {first.name: Backup.State.KEPT, second.name: Backup.State.KEPT}
        again = Backup.objects.get(name=second.name)
        said = backups.check(second)
        assert again.id == said.id
        assert again.ends_at.isoformat() == said.body["ends_at"]
        assert Event.objects.get(type="backup.found").subject_id == again.id
        Backup.objects.filter(id=again.id).delete()
        machines.back_up(place)
        assert Backup.objects.filter(id=again.id).exists(), "the next backup does it, too"


def test_a_purged_case_and_a_sent_draft_do_not_come_back(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """L-13, P-06: contact data destroyed after the backup leave a case that says so."""
    from dsr_portal.cases.models import Case, Draft, DraftPhoto

    case = support.opened(["access"])
    unit, photo, stays = make(UnitKind.DRAFT), make(UnitKind.DRAFT), make(UnitKind.DRAFT)
    draft = Draft.objects.create(unit=unit, created_at=clock.now(), expires_at=clock.now())
    other = Draft.objects.create(unit=stays, created_at=clock.now(), expires_at=clock.now())
    DraftPhoto.objects.create(draft=other, unit=photo)
    machines.back_up(place)
    case.refresh_from_db()
    assert vault.shred_now([case.contact_unit, case.file_unit], "purged").done
    assert vault.shred_now([unit], "draft_sent").done
    assert vault.shred_now([photo], "draft_changed").done
    with machines.new_machine(settings, tmp_path):
        report = restoring.restore(place)
        assert report.rows_purged["draft"] == 1
        assert not Draft.objects.filter(id=draft.id).exists()
        assert Draft.objects.filter(id=other.id).exists()
        assert not DraftPhoto.objects.exists(), "a photo that was taken out of a draft"
        assert Case.objects.get(id=case.id).status == Status.PURGED
        assert Event.objects.filter(type="case.purged_again", case_id=case.id).count() == 1


# -- the trail ------------------------------------------------------------------------------------


def test_one_of_several_photos_taken_out_after_the_backup_goes_alone(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R8, R31: the other photos of the case are still there."""
    case = support.opened(["access"])
    units = [make(UnitKind.PROBE), make(UnitKind.PROBE)]
    for unit in units:
        Probe.objects.create(
            case=case, unit=unit, state=ProbeState.USABLE, channel="web", received_at=clock.now()
        )
    machines.back_up(place)
    assert vault.shred_now(units[:1], "taken_out").done
    with machines.new_machine(settings, tmp_path):
        assert restoring.restore(place).rows_purged["probe"] == 1
        states = dict(Probe.objects.values_list("unit", "state"))
        assert states == {units[0]: ProbeState.DELETED, units[1]: ProbeState.USABLE}
        assert opens(units[1])


def test_the_trail_reports_the_gap_as_a_restore_and_never_as_whole(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """R29, R31, L-20: in the database, in an export, and to whoever kept a head that was lost."""
    case = support.opened(["access"])
    units = [make(), make()]
    machines.back_up(place)
    at_backup = Backup.objects.get()
    assert vault.shred_now([units[0]], "erased").done
    support.delivered(case)
    assert vault.shred_now([units[1]], "erased").done
    ledger_head = shredding.ledger().newest().body["audit_head"]
    kept = audit.head()
    assert audit.verify().whole
    with machines.new_machine(settings, tmp_path) as home:
        restoring.restore(place)
        found = audit.verify()
        assert (found.ok, found.whole) == (True, False)
        (one,) = found.restores
        assert (one.backup.number, one.backup.hash) == (
            at_backup.audit_number,
            at_backup.audit_hash,
        )
        assert {"number": one.known.number, "hash": one.known.hash} == ledger_head
        assert one.lost == one.known.number - one.backup.number > 0
        lost = audit.verify(kept)
        assert (lost.ok, lost.reason) == (False, "lost_in_restore")
        export = audit.export(case.id)
        assert audit.verify_export(export).restores == (one,)
        assert not audit.verify_export(export).whole
        assert audit.verify_export(export, kept).reason == "lost_in_restore"
        earlier = links.Head(at_backup.audit_number, at_backup.audit_hash)
        assert audit.verify_export(export, earlier).ok
        # Without the event the gap would be what it looks like: a rewritten trail.
        hidden = json.loads(json.dumps(export))
        hidden["events"] = [e for e in hidden["events"] if e["header"]["type"] != links.RESTORED]
        assert audit.verify_export(hidden, kept).reason == "does_not_extend_previous_head"
        head = home / "head.json"
        head.write_text(json.dumps({"number": kept.number, "hash": kept.hash}))
        with pytest.raises(SystemExit) as ended:
            call_command("verify_audit")
        assert ended.value.code == 3
        with pytest.raises(SystemExit) as ended:
            call_command("verify_audit", previous_head=head)
        assert ended.value.code == 1


def test_a_database_whose_trail_is_not_the_backups_is_refused(
    place: Path, settings: Any, tmp_path: Path
) -> None:
    """A backup made whole again by somebody with the ring still has to hold together."""
    make()
    folder = machines.back_up(place)
    rows = sqlite3.connect(folder / "database.sqlite3")
    assert rows.execute("select count(*) from audit_chain").fetchone() == (1,)
    rows.close()
    from dsr_portal.vault import backups

    body = backups.read(folder).body
    body["audit_head"]["number"] += 1
    data = backups._canonical(body)
    (folder / backups.MANIFEST).write_bytes(data)
    (folder / backups.SEAL).write_text(vault.keyed_hash(backups.PURPOSE, data))
    with machines.new_machine(settings, tmp_path) as home:
        with pytest.raises(Damaged):
            restoring.restore(place)
        assert not (home / "var" / "portal.sqlite3").exists()
