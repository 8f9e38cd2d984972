"""Scripts can tell a bad answer from a question that was never asked (docs/commands.md)."""

import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command, load_command_class

import biometrics.__main__ as library
from biometrics import mean_face
from dsr_portal.core.errors import BadInput, Conflict, IntegrityFailure, NotAllowed, Unavailable
from dsr_portal.core.exits import refused
from dsr_portal.erasure import verify_certificate
from dsr_portal.law import authorities
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import staff

pytestmark = [pytest.mark.django_db]
COMMANDS = Path("management") / "commands"
REFERENCE = "REFERENCE"
SOURCE = ("--source", "crawl", "--legal-basis", "none")
COVERS = ("--system", "log", "--from", "2026-01-01", "--to", "2026-01-31")
LETTER = ("--as", "S-1", "--channel", "post", "--right", "access")

# Command and argument that is a path -> how it is called with a path where nothing is.
FILES: dict[tuple[str, str], Callable[[str, str], list[str]]] = {
    ("backup", "folder"): lambda gone, here: [gone, "--check"],
    ("restore", "folder"): lambda gone, here: [gone],
    ("verify_audit", "previous_head"): lambda gone, here: ["--previous-head", gone],
    ("verify_audit", "export"): lambda gone, here: ["--export", gone],
    ("verify_erasure", "package"): lambda gone, here: [REFERENCE, "--with", gone],
    ("receipt", "target"): lambda gone, here: [REFERENCE, "--as", "S-1", "--print", f"{gone}/a"],
    ("open_case", "probe"): lambda gone, here: [*LETTER, "--probe", gone],
    ("record_lookups", "file"): lambda gone, here: [gone, *COVERS],
    ("import_gallery", "path"): lambda gone, here: [gone, *SOURCE],
    ("import_gallery", "manifest"): lambda gone, here: [here, "--manifest", gone, *SOURCE],
    ("fetch_mail", "maildir"): lambda gone, here: [gone],
    ("calibrate", "folder"): lambda gone, here: [gone],
    ("calibrate", "manifest"): lambda gone, here: [here, "--manifest", gone],
}


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path / "own")


def paths_taken() -> set[tuple[str, str]]:
    """Every argument of a command of ours that names a file or a folder."""
    taken = set()
    for app in apps.get_app_configs():
        for path in (Path(app.path) / COMMANDS).glob("[a-z]*.py"):
            if app.name.startswith("dsr_portal."):
                parser = load_command_class(app.name, path.stem).create_parser("", path.stem)
                taken |= {(path.stem, one.dest) for one in parser._actions if one.type is Path}
    return taken


def test_the_table_below_knows_every_command_that_takes_a_path():
    assert ("verify_audit", "previous_head") in paths_taken()
    assert paths_taken() == set(FILES)


@pytest.mark.parametrize("of", FILES, ids="-".join)
def test_a_file_that_is_not_there_is_no_answer(of, tmp_path):
    """2, and one line that names the file; nothing is printed that a script takes for a finding."""
    staff("S-1")
    here, gone = tmp_path / "here", tmp_path / "nowhere"
    here.mkdir()
    case = support.opened(("access",), channel="post", actor=support.OFFICER, consents=())
    words = [
        case.reference if word == REFERENCE else word for word in FILES[of](str(gone), str(here))
    ]
    out = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command(of[0], *words, stdout=out, stderr=StringIO())
    assert refusal.value.returncode == 2
    assert "nowhere" in str(refusal.value)
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    "main",
    [
        lambda gone: library.main(["evaluate", gone, "--out", f"{gone}/out"]),
        lambda gone: mean_face.main([gone]),
        lambda gone: verify_certificate.main([gone, "--key", "ab" * 32]),
    ],
    ids=["evaluate", "mean_face", "verify_certificate"],
)
def test_programs_beside_manage_py_end_alike(main, tmp_path, capsys):
    assert main(str(tmp_path / "nowhere")) == 2
    said = capsys.readouterr()
    assert "nowhere" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", '{"number": 7}', '{"number": "x", "hash": "y"}', "\udcff"]
)
def test_a_head_that_is_none_is_no_broken_chain(content, tmp_path):
    """L-20: what was kept earlier was spoilt; nothing is said of the trail."""
    kept = tmp_path / "head.json"
    kept.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CommandError, match="Nothing was checked") as refusal:
        call_command("verify_audit", "--json", "--previous-head", str(kept))
    assert refusal.value.returncode == 2
    assert "audit_head" in str(refusal.value)


def test_a_terminal_sees_one_line_and_the_code(tmp_path, settings):
    """As an operator's script calls it, with a database nobody migrated and with a missing file."""

    def ended(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, str(Path(settings.ROOT) / "manage.py"), "verify_audit", *words],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "dsr_portal.settings.test",
                "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
            },
        )
        return done.returncode, done.stdout, done.stderr

    for words in (("--previous-head", str(tmp_path / "nowhere")), ("--json",)):
        code, out, err = ended(*words)
        assert (code, out) == (2, ""), err
        assert "Nothing was checked" in err
        assert "Traceback" not in err


def test_damage_is_an_answer_and_every_other_refusal_is_none():
    """R29, R31: 1 is kept for "not what was written", so that an alarm can hang on it."""
    assert refused(IntegrityFailure("damaged")).returncode == 1
    for kind in (BadInput, Conflict, NotAllowed, Unavailable):
        assert refused(kind("why")).returncode == 2
    said = str(refused(Conflict("why", "It waits.", part="ledger")))
    assert said == "It waits. (why: part ledger)"


def test_what_a_person_has_still_to_compare_ends_with_one(settings):
    """5.4 of the law page: 1 while any authority is unsure, 0 once all were compared."""
    with pytest.raises(SystemExit) as end:
        call_command("authorities", "--unsure", stdout=StringIO())
    assert end.value.code == 1
    settings.DSR_AUTHORITIES = {
        code: {"confidence": "checked"} for code in authorities.all_authorities()
    }
    call_command("authorities", "--unsure", stdout=StringIO())
