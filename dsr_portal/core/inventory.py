"""The inventory of stores: what is kept where, how it is destroyed and how that is checked.

Deny by default: `manage.py check` and a test fail on a model field or store nobody declared
(design, section 5; law A-02, A-17).
"""

from dataclasses import dataclass, field
from enum import StrEnum

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
class ModelStore:
    """One table. `shredder` and `verifier` name what destroys and checks it."""

    label: str
    fields: dict[str, F]
    shredder: str
    verifier: str


@dataclass(frozen=True, slots=True)
class OtherStore:
    """A file tree, cache, queue, index, log, export or backup."""

    name: str
    kind: str
    place: str
    shredder: str
    verifier: str
    holds: tuple[str, ...] = field(default=())


def declare_model(
    label: str,
    fields: dict[str, F],
    *,
    shredder: str = "none: nothing about a data subject",
    verifier: str = "byte scan of the database",
) -> None:
    """Declare a table by its label "app.Model" with the class of each concrete field."""
    stores.register(f"table {label}", ModelStore(label, fields, shredder, verifier))


def declare_store(
    name: str,
    *,
    kind: str,
    place: str,
    shredder: str,
    verifier: str,
    holds: tuple[str, ...] = (),
) -> None:
    """Declare a store that is not a table."""
    stores.register(name, OtherStore(name, kind, place, shredder, verifier, holds))


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
