"""Set-up and health of the key places: command, lasting secrets, system checks (R26)."""

import re
import resource
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from dsr_portal.core.errors import PortalError
from dsr_portal.vault import checks, keys, lasting, process, services
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.models import LastingSecret
from tests.support.vault import use_places

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    use_places(settings, tmp_path / "places")
    return tmp_path


def ring_command(do):
    out = StringIO()
    call_command("ring", do, stdout=out)
    return out.getvalue()


def test_init_makes_everything_once_and_changes_nothing_later(settings):
    said = ring_command("init")
    assert "made secret django" in said
    assert "generation 1" in said
    kept = {path: path.read_bytes() for place in settings.DSR_RING for path in place.glob("*")}
    assert {path.name for path in kept} >= {"ring", "django.key", "lock"}
    assert "made" not in ring_command("init")
    assert {path: path.read_bytes() for path in kept} == kept
    assert LastingSecret.objects.filter(purpose="django").exists()
    assert "ledger whole: 0 entries" in ring_command("check")
    for place in settings.DSR_RING:
        assert stat.S_IMODE((place / "django.key").stat().st_mode) == 0o600


def test_a_secret_is_the_same_for_ever_and_in_both_places(settings):
    first = services.secret("template-matrix")
    lasting.forget()
    assert services.secret("template-matrix") == first
    assert len(first) == 32
    (settings.DSR_RING[0] / "template-matrix.key").unlink()
    lasting.forget()
    assert services.secret("template-matrix") == first
    (settings.DSR_RING[0] / "template-matrix.key").write_text("00" * 32)
    lasting.forget()
    with pytest.raises(services.Damaged):
        services.secret("template-matrix")
    with pytest.raises(ValueError, match="names no lasting secret"):
        services.secret("../outside")


def test_a_lost_secret_is_not_made_anew_and_production_makes_none_at_first_use(settings):
    services.secret("lookup.address")
    lasting.record_made()
    for place in settings.DSR_RING:
        (place / "lookup.address.key").unlink()
    lasting.forget()
    with pytest.raises(services.RingMissing) as refused:
        services.secret("lookup.address")
    assert refused.value.context["why"] == "secret_lost"
    settings.DSR_PRODUCTION = True
    with pytest.raises(services.RingMissing):
        services.secret("never-made")


def test_an_exchanged_secret_is_noticed(settings):
    ring_command("init")
    for place in settings.DSR_RING:
        (place / "django.key").write_text("11" * 48)
    with pytest.raises(CommandError, match="not the secret it was: django"):
        ring_command("init")


def test_secrets_are_in_no_table():
    secret = services.secret("template-matrix")
    lasting.record_made()
    row = LastingSecret.objects.get(purpose="template-matrix")
    assert secret.hex()[:16] != row.check_value
    assert len(row.check_value) == 16


def test_places_inside_var_open_to_others_or_alike_are_errors(settings, tmp_path):
    assert checks.places_are_safe() == []
    settings.DSR_RING = [settings.DSR_VAR / "ring", settings.DSR_RING[1]]
    settings.DSR_LEDGER[0].chmod(0o755)
    found = {(message.id, message.level >= 40) for message in checks.places_are_safe()}
    assert found == {("vault.E002", True), ("vault.E003", True)}
    settings.DSR_RING = [tmp_path, tmp_path]
    assert "vault.E001" in {message.id for message in checks.places_are_safe()}


def test_production_names_missing_places_and_one_disk_for_both(settings, tmp_path):
    settings.DSR_PRODUCTION = True
    settings.DSR_LEDGER = [tmp_path / "absent-a", tmp_path / "absent-b"]
    found = [message.id for message in checks.places_are_safe()]
    assert found == ["vault.W001", "vault.E004", "vault.E004"]


def test_swap_that_is_not_encrypted_is_named(tmp_path, monkeypatch):
    swaps = tmp_path / "swaps"
    block = tmp_path / "block"
    (block / "dm-1" / "dm").mkdir(parents=True)
    (block / "dm-1" / "dm" / "uuid").write_text("CRYPT-PLAIN-swap\n")
    swaps.write_text(
        "Filename Type Size Used Priority\n/dev/sda2 partition 9 0 -2\n/swapfile file 9 0 -3\n"
        "/dev/dm-1 partition 9 0 -4\n/dev/zram0 partition 9 0 100\n"
    )
    assert process.unencrypted_swap(swaps, block) == ["/dev/sda2", "/swapfile"]
    assert process.unencrypted_swap(tmp_path / "absent", block) == []
    monkeypatch.setattr(checks, "unencrypted_swap", lambda: ["/dev/sda2"])
    assert [message.id for message in checks.swap_keeps_secrets()] == ["vault.W002"]


def test_production_starts_beside_open_swap_only_where_somebody_states_why(settings, monkeypatch):
    """X-10: memory that reaches a disk in clear would outlive every schedule."""
    monkeypatch.setattr(checks, "unencrypted_swap", lambda: ["/dev/sda2"])
    checks.refuse_unsafe_start()
    settings.DSR_PRODUCTION = True
    with pytest.raises(
        ImproperlyConfigured, match="swap area /dev/sda2 is not encrypted"
    ) as refused:
        checks.refuse_unsafe_start()
    assert "DSR_SWAP_STATED" in str(refused.value)
    settings.DSR_SWAP_STATED = "A. Berg: a file on an encrypted disk"
    checks.refuse_unsafe_start()
    (warned,) = checks.swap_keeps_secrets()
    assert (warned.id, "A. Berg: a file" in warned.msg) == ("vault.W002", True)
    settings.DSR_SWAP_STATED = " "
    with pytest.raises(ImproperlyConfigured):
        checks.refuse_unsafe_start()


def test_no_process_of_the_portal_dumps_core():
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_without_a_ring_in_production_nothing_opens_and_nothing_is_made(settings):
    ring_command("init")
    services.prepare(UnitKind.PROBE)
    keys.forget_all()
    settings.DSR_PRODUCTION = True
    for place in settings.DSR_RING:
        (place / "ring").unlink()
    with pytest.raises(PortalError) as refused:
        services.stage_unit(kind=UnitKind.PROBE, owner="0" * 32)
    assert refused.value.code == "ring_missing"
    with pytest.raises(CommandError, match="ring_missing"):
        ring_command("init")


def test_every_secret_the_code_asks_for_is_made_at_set_up():
    """R26: production makes none at first use, so one nobody declared would be missing there."""
    asked = set()
    for path in (ROOT / "dsr_portal").rglob("*.py"):
        text = path.read_text()
        words = dict(re.findall(r'^(_?[A-Z]+) = "([^"]+)"', text, re.MULTILINE))
        for given in re.findall(r"\b(?:secret|keyed_hash)\(\s*([^,)\s]+)", text):
            name = words.get(given, given.strip('"'))
            asked |= {name} if name != given else set()
    assert asked >= {"delivery-token", "account-name", "template-turn", "mfa", "gallery-address"}
    assert asked <= set(lasting.declared())
