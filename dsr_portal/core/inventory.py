"""The inventory of stores: what is kept where and how long, how it is destroyed and checked.

Deny by default: `manage.py check` and a test fail on a model field or store nobody declared, and
on a store without a term (design, section 5; law A-02, A-17, L-23, P-06, X-10).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import Any

from dsr_portal.core.registries import stores


class F(StrEnum):
    """What a model field holds. Everything about a data subject is SEALED or lies behind VAULT."""

    ID = "id"
    TIME = "time"
    STATE = "state"
    CODE = "code"
    COUNT = "count"
    KEYED_HASH = "keyed hash"
    HASH = "hash of something public or already random"
    VAULT = "reference to a vault unit or blob"
    SEALED = "ciphertext"
    WRAPPED_KEY = "wrapped key"
    STAFF = "about staff or a regulator"
    COMPANY = "about a company"
    CONFIG = "setting or technical value"
    PUBLIC = "public text"


@dataclass(frozen=True, slots=True)
class Term:
    """How long a store keeps what it holds, counted from what, and what ends it (Art. 5(1)(e)).

    `sweepers` are dotted paths of the functions that enforce it. `stays` says why nothing of ours
    has to, or what of a row is left after them and why.
    """

    kept: str
    since: str = ""
    sweepers: tuple[str, ...] = ()
    stays: str = ""

    def faults(self) -> list[str]:
        """What is missing to call it a term, and sweepers that are not there."""
        found = [] if self.kept.strip() else ["the term says no time"]
        if self.sweepers and not self.since.strip():
            found.append("the term says not from what it counts")
        if not self.sweepers and not self.stays.strip():
            found.append("nothing ends it and no reason says why it stays")
        return found + [f"no sweeper {path}" for path in self.sweepers if _missing(path)]


def stays(why: str) -> Term:
    """A store without an end, and the reason."""
    return Term("no end", stays=why)


def with_process(kept: str) -> Term:
    """Memory: nothing of it is written, so the end of its process is its end."""
    return Term(kept, stays="memory: it ends with its process at the latest")


def sweeper(path: str) -> Callable[..., Any]:
    """The function or method a sweeper's dotted path names; `LookupError` where none is there."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name, None)
        if callable(found):
            return found
        break
    raise LookupError(path)


def _missing(path: str) -> bool:
    try:
        sweeper(path)
    except LookupError:
        return True
    return False


@dataclass(frozen=True, slots=True)
class ModelStore:
    """One table. `shredder` and `verifier` name what destroys and checks it."""

    label: str
    fields: dict[str, F]
    shredder: str
    verifier: str
    term: Term | None = None


@dataclass(frozen=True, slots=True)
class OtherStore:
    """A file tree, cache, queue, index, log, export or backup."""

    name: str
    kind: str
    place: str
    shredder: str
    verifier: str
    holds: tuple[str, ...] = field(default=())
    term: Term | None = None


def declare_model(
    label: str,
    fields: dict[str, F],
    *,
    shredder: str = "none: nothing about a data subject",
    verifier: str = "byte scan of the database",
    term: Term | None = None,
) -> None:
    """Declare a table by its label "app.Model" with the class of each concrete field."""
    stores.register(f"table {label}", ModelStore(label, fields, shredder, verifier, term))


def declare_store(
    name: str,
    *,
    kind: str,
    place: str,
    shredder: str,
    verifier: str,
    holds: tuple[str, ...] = (),
    term: Term | None = None,
) -> None:
    """Declare a store that is not a table."""
    stores.register(name, OtherStore(name, kind, place, shredder, verifier, holds, term))


def undeclared_fields() -> list[str]:
    """Every concrete model field nobody declared, and every declared one that does not exist."""
    from django.apps import apps

    problems: list[str] = []
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        entry = f"table {label}"
        if entry not in stores:
            problems.append(f"{label}: the table is not declared")
            continue
        declared = set(stores.get(entry).fields)
        real = {f.name for f in model._meta.get_fields() if f.concrete and not f.many_to_many}
        problems += [f"{label}.{name}: not declared" for name in sorted(real - declared)]
        problems += [f"{label}.{name}: declared but absent" for name in sorted(declared - real)]
    return problems


def stores_without_end() -> list[str]:
    """Every store whose term nobody declared, or declared without time, reason or sweeper."""
    problems: list[str] = []
    for name, entry in stores.items():
        if entry.term is None:
            problems.append(f"{name}: no term is declared")
        else:
            problems += [f"{name}: {fault}" for fault in entry.term.faults()]
    return problems
