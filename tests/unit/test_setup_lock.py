"""The lock: two sections, every package with hashes, no addresses, and nothing else installed."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

import check_installed  # noqa: E402 - lies in .ci, which is no package
import lockfile  # noqa: E402 - as the line above

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = list(project["project"]["dependencies"])
    for group in project["dependency-groups"].values():
        named += group
    return {lockfile.canonical(re.match(r"[A-Za-z0-9._-]+", entry)[0]) for entry in named}


def test_every_package_is_pinned_with_hashes_and_stands_once():
    build, portal = lockfile.sections(LOCK)
    first, second = lockfile.entries(build), lockfile.entries(portal)
    assert not set(first) & set(second)
    assert set(first) | set(second) == set(lockfile.versions(LOCK))
    for name, text in {**first, **second}.items():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", text), name


def test_every_direct_dependency_is_locked_and_build_tools_come_first():
    assert direct_dependencies() <= set(lockfile.versions(LOCK))
    build, portal = lockfile.sections(LOCK)
    assert {"pip", "setuptools", "wheel", "pybind11", "numpy"} <= set(lockfile.versions(build))
    assert set(lockfile.SOURCE_ONLY) <= set(lockfile.versions(portal))


def test_the_steps_of_the_set_up_cover_the_lock():
    steps = [lockfile.install_list(LOCK, step) for step in ("build", "wheels", "sources")]
    names = [name for text in steps for name in lockfile.versions(text)]
    assert sorted(names) == sorted(lockfile.versions(LOCK))
    assert set(lockfile.versions(steps[2])) == {"hnswlib"}


def test_no_file_of_the_set_up_names_a_registry():
    named = re.compile(r"://|--(?:extra-)?index|--find-links", re.IGNORECASE)
    for option in ("index-url", "extra-index-url", "find-links"):
        assert named.search(f"--{option} packages")
    assert named.search("https://packages.example/simple")
    for path in [ROOT / "requirements.lock", ROOT / "Makefile", *(ROOT / ".ci").glob("*")]:
        if path.is_file():
            # Services on this machine and the names of our own sites in the deploy check.
            text = re.sub(
                r"(postgres|redis|sqlite|https)://(postgres@|/|127|\w+\.example)",
                "",
                path.read_text(),
            )
            assert not named.search(text), path


def test_splitting_keeps_every_line():
    everything = "b==1 \\\n    --hash=sha256:bb\nA_x==2 \\\n    --hash=sha256:aa\n"
    text = lockfile.split(everything, "a-x==2\n")
    build, portal = lockfile.sections(text)
    assert build.strip() == "A_x==2 \\\n    --hash=sha256:aa"
    assert portal.strip() == "b==1 \\\n    --hash=sha256:bb"


def test_this_environment_is_the_lock_and_nothing_else():
    site = Path(sysconfig.get_path("platlib"))
    present = check_installed.installed(site)
    assert check_installed.findings(lockfile.versions(LOCK), present) == []


def fake_package(site: Path, name: str, version: str = "1.0") -> Path:
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text("")
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text(f"{name}/__init__.py,,\n{folder.name}/METADATA,,\n")
    return folder


def test_what_differs_from_the_lock_is_named(tmp_path):
    fake_package(tmp_path, "good")
    fake_package(tmp_path, "old")
    fake_package(tmp_path, "stranger")
    fake_package(tmp_path, "torn")
    (tmp_path / "torn" / "__init__.py").unlink()
    lock = {"good": "1.0", "old": "2.0", "torn": "1.0", "absent": "3.0"}
    assert check_installed.findings(lock, check_installed.installed(tmp_path)) == [
        "old is 1.0, the lock says 2.0",
        "torn is installed only in part",
        "absent==3.0 is in the lock but not installed",
        "stranger==1.0 is installed but not in the lock",
    ]


def test_traces_of_an_interrupted_installation_are_removed(tmp_path):
    fake_package(tmp_path, "good")
    half = fake_package(tmp_path, "half")
    (half / "RECORD").unlink()
    (tmp_path / "~umpy").mkdir()
    check_installed.repair({"good": "1.0", "half": "1.0"}, tmp_path)
    assert not half.exists()
    assert not (tmp_path / "~umpy").exists()
    assert [entry.name for entry in check_installed.installed(tmp_path)] == ["good"]


def test_the_index_module_runs_on_any_processor(tmp_path):
    module = check_installed.index_module(Path(sysconfig.get_path("platlib")))
    assert module is not None
    if check_installed.wide_instructions(module) is None:
        pytest.skip("objdump is not here, or this is no x86-64 machine: cannot tell")

    # The check sees it when a module was built for one processor only.
    source = tmp_path / "wide.c"
    source.write_text(
        "void f(double *a) { for (int i = 0; i < 64; i++) a[i] = a[i] * 2.0 + 1.0; }\n"
    )
    wide = tmp_path / "wide.so"
    subprocess.run(
        ["g++", "-O3", "-mavx2", "-shared", "-fPIC", str(source), "-o", str(wide)], check=True
    )
    assert check_installed.wide_instructions(wide) > 0
    assert check_installed.wide_instructions(module) == 0
