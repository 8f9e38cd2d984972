"""The only reader of the environment. Every variable the portal knows is named in this file.

docs/settings.md explains each; a test compares the two.
"""

from pathlib import Path

import environ

ROOT = Path(__file__).resolve().parent.parent.parent

_env = environ.Env()


def text(name: str, default: str | None = None) -> str:
    return str(_env.str(name) if default is None else _env.str(name, default=default))


def flag(name: str, default: bool) -> bool:
    return bool(_env.bool(name, default=default))


def number(name: str, default: int) -> int:
    return int(_env.int(name, default=default))


def words(name: str, default: list[str]) -> list[str]:
    return [str(word) for word in _env.list(name, default=default)]


def folder(name: str, default: Path) -> Path:
    return Path(_env.str(name, default=str(default))).absolute()


def folders(name: str, default: list[Path]) -> list[Path]:
    given = _env.list(name, default=[])
    return [Path(part).absolute() for part in given] if given else default


def database(default: str) -> dict[str, object]:
    return dict(_env.db_url("DATABASE_URL", default=default))
