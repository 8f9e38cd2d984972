"""Read and split requirements.lock; used before anything is installed, so standard library only.

The file has two sections. Build tools are installed first, because source packages are then built
with exactly these (no build isolation); the portal follows with ``--no-deps``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BUILD = "# --- build tools ---"
PORTAL = "# --- portal ---"

# Packages that come as source only. They are built here, without pip's cache of wheels, for a
# cached wheel may have been built for another processor.
SOURCE_ONLY = ("hnswlib",)

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def canonical(name: str) -> str:
    """Spell a package name as PEP 503 does, so that two spellings compare equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(text: str) -> dict[str, str]:
    """Split a lock into entries: canonical name -> its lines (pin and hashes)."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        pin = PIN.match(line)
        if pin:
            current = found.setdefault(canonical(pin.group(1)), [])
        if line.strip() and not line.startswith("#"):
            current.append(line)
    return {name: "\n".join(lines) + "\n" for name, lines in found.items()}


def versions(text: str) -> dict[str, str]:
    """Pinned versions by canonical name."""
    pins = (PIN.match(line) for line in text.splitlines())
    return {canonical(pin.group(1)): pin.group(2) for pin in pins if pin}


def sections(text: str) -> tuple[str, str]:
    """The two sections of the lock: build tools, portal."""
    before, _, after = text.partition(PORTAL + "\n")
    return before.partition(BUILD + "\n")[2], after


def split(everything: str, build_tools: str) -> str:
    """Put the entries in the two sections; a package stands in one of them only."""
    tools = set(versions(build_tools))
    parts = entries(everything)
    first = "".join(text for name, text in sorted(parts.items()) if name in tools)
    second = "".join(text for name, text in sorted(parts.items()) if name not in tools)
    return f"{BUILD}\n{first}\n{PORTAL}\n{second}"


def install_list(text: str, step: str) -> str:
    """Requirements of one step of the set-up: build, wheels or sources."""
    build, portal = sections(text)
    if step == "build":
        return build
    wanted = step == "sources"
    return "".join(
        part for name, part in entries(portal).items() if (name in SOURCE_ONLY) == wanted
    )


def main(arguments: list[str]) -> int:
    match arguments:
        case ["split", everything, build]:
            print(split(Path(everything).read_text(), Path(build).read_text()), end="")
        case ["list", lock, ("build" | "wheels" | "sources") as step]:
            print(install_list(Path(lock).read_text(), step), end="")
        case _:
            print("usage: lockfile.py split ALL BUILD | list LOCK STEP", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
