"""Prove that the environment holds what requirements.lock names, nothing else, and runs anywhere.

Without arguments: check and exit 1 with the findings. ``--repair`` is for the set-up: it takes
away what an interrupted pip left half-written and what the lock no longer names, so that pip
installs the rest properly.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from lockfile import canonical, versions

ROOT = Path(__file__).resolve().parent.parent

# 256- and 512-bit registers: a compiler uses them only when told to build for one processor.
WIDE_REGISTERS = re.compile(r"%[yz]mm\d")


@dataclass(frozen=True)
class Installed:
    """One distribution found in a folder of packages; broken when pip did not finish it."""

    name: str
    version: str
    broken: bool
    folder: Path


def installed(site: Path) -> list[Installed]:
    """List distributions of one folder, also those whose installation was cut off."""
    found = []
    for folder in sorted(site.glob("*.dist-info")):
        distribution = importlib.metadata.PathDistribution(folder)
        match = re.match(r"(.+?)-([^-]+)\.dist-info$", folder.name)
        name, version = match.groups() if match else (folder.name, "")
        files = distribution.files if (folder / "RECORD").is_file() else None
        broken = files is None or not all(
            Path(str(distribution.locate_file(file))).exists()
            for file in files
            if not str(file).endswith(".pyc")
        )
        found.append(Installed(canonical(name), version, broken, folder))
    return found


def findings(lock: dict[str, str], present: list[Installed]) -> list[str]:
    """Differences between lock and environment, one sentence each."""
    said = []
    seen = {entry.name: entry for entry in present}
    for name, version in lock.items():
        entry = seen.get(name)
        if entry is None:
            said.append(f"{name}=={version} is in the lock but not installed")
        elif entry.version != version:
            said.append(f"{name} is {entry.version}, the lock says {version}")
        elif entry.broken:
            said.append(f"{name} is installed only in part")
    said += [
        f"{entry.name}=={entry.version} is installed but not in the lock"
        for name, entry in seen.items()
        if name not in lock
    ]
    return said


def wide_instructions(library: Path) -> int | None:
    """Count instructions of a compiled module that need a newer processor; None: cannot tell."""
    objdump = shutil.which("objdump")
    if objdump is None or platform.machine() != "x86_64":
        return None
    listing = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", str(library)],
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(1 for line in listing.stdout.splitlines() if WIDE_REGISTERS.search(line))


def index_module(site: Path) -> Path | None:
    """The compiled module of hnswlib."""
    return next(iter(sorted(site.glob("hnswlib*.so"))), None)


def repair(lock: dict[str, str], site: Path) -> None:
    """Remove traces of an interrupted pip, then what the lock does not name."""
    for left in site.glob("~*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    for entry in installed(site):
        if entry.broken:
            # Without its dist-info pip takes the package for absent and installs it whole.
            shutil.rmtree(entry.folder)
    extra = [entry.name for entry in installed(site) if entry.name not in lock]
    if extra:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "--yes", *extra], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repair", action="store_true")
    wants_repair = parser.parse_args().repair
    lock = versions((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    site = Path(sysconfig.get_path("platlib"))
    if wants_repair:
        repair(lock, site)
        return 0
    said = findings(lock, installed(site))
    module = index_module(site)
    wide = wide_instructions(module) if module else None
    if wide:
        said.append(f"{module} has {wide} instructions that not every processor knows")
    for sentence in said:
        print(sentence, file=sys.stderr)
    if not said:
        portable = "not checked here (no objdump)" if wide is None else "portable"
        print(f"{len(lock)} packages, all from the lock; hnswlib {portable}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
