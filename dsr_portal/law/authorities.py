"""Data protection authorities, for the complaint every answer names (GDPR Art. 77; law 5.4).

The records come from general knowledge and carry how sure they are. An address marked
`low-address` is not printed to a person until the operator has checked it and set it in
`DSR_AUTHORITIES`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

Confidence = Literal["high", "medium", "low-address", "checked"]

MEMBER_LIST = "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en"
_ALIASES = {"GR": "EL", "GB": "UK"}
_EEA_OUTSIDE_EU = frozenset({"IS", "LI", "NO"})


@dataclass(frozen=True, slots=True)
class Authority:
    """One authority. `code` is a state (EU form: EL, UK) or a German Land (DE-HH); "" is any."""

    code: str
    country: str
    name: str
    short: str
    english: str
    address: str
    website: str
    email: str
    confidence: Confidence
    note: str
    regime: str
    source: str

    @property
    def is_generic(self) -> bool:
        return not self.code

    @property
    def printed_address(self) -> str:
        """The address as far as it may be stated as a fact; empty while it is unsure."""
        return "" if self.address_is_unsure else self.address

    @property
    def printed_email(self) -> str:
        return "" if self.email in {"", "n/a"} else self.email

    @property
    def needs_check(self) -> bool:
        """Whether the operator should compare the record with the authority's own site."""
        return self.confidence not in {"high", "checked"}

    @property
    def address_is_unsure(self) -> bool:
        """Whether letters leave the address out until the operator has checked it."""
        return self.confidence == "low-address"


GENERIC = Authority(
    code="",
    country="",
    name="",
    short="",
    english="Data protection authority",
    address="",
    website=MEMBER_LIST,
    email="",
    confidence="high",
    note="The list of the European Data Protection Board names every authority.",
    regime="GDPR",
    source="",
)


def normalise(code: str) -> str:
    """The code in the form of this table: upper case, EL and UK instead of GR and GB."""
    upper = code.strip().upper()
    state, dash, region = upper.partition("-")
    return _ALIASES.get(state, state) + dash + region


@cache
def all_authorities() -> Mapping[str, Authority]:
    """Every record by its code, as shipped."""
    text = resources.files(__package__).joinpath("data/authorities.json").read_text("utf-8")
    return {row["code"]: _record(row) for row in json.loads(text)}


def get(code: str | None, *, overrides: Mapping[str, Mapping[str, str]] | None = None) -> Authority:
    """The authority for a state or Land; the generic block when none is known (law T-14, A-10).

    An unknown Land falls back to its state. `overrides` are the operator's checked records, by
    code, with the fields to replace; what is replaced counts as checked.
    """
    if not code:
        return GENERIC
    wanted = normalise(code)
    table = all_authorities()
    found = table.get(wanted) or table.get(wanted.partition("-")[0])
    if found is None:
        return GENERIC
    changes = dict((overrides or {}).get(found.code, {}))
    if not changes:
        return found
    unknown = set(changes) - {field.name for field in fields(Authority)}
    if unknown:
        raise ValueError(f"DSR_AUTHORITIES[{found.code}] has unknown fields {sorted(unknown)}")
    confidence = _confidence(changes.pop("confidence", "checked"))
    return replace(found, confidence=confidence, **changes)


def as_set(overrides: Mapping[str, Mapping[str, str]] | None = None) -> list[Authority]:
    """Every record as this installation prints it, by code.

    Raises `ValueError` for an entry of the operator that no record here would take.
    """
    table = all_authorities()
    if unknown := sorted(set(overrides or {}) - set(table)):
        raise ValueError(f"DSR_AUTHORITIES has unknown codes {unknown}")
    return [get(code, overrides=overrides) for code in sorted(table)]


def states() -> list[Authority]:
    """One authority per state, by country name: what a person chooses from."""
    return sorted(
        (one for one in all_authorities().values() if "-" not in one.code),
        key=lambda one: one.country,
    )


def lands() -> list[Authority]:
    """The German Land authorities, competent for private companies there."""
    return sorted(
        (one for one in all_authorities().values() if one.code.startswith("DE-")),
        key=lambda one: one.code,
    )


def in_eu(code: str | None) -> bool:
    """Whether the state is a member of the European Union (for the place of a court, Art. 79)."""
    if not code:
        return False
    found = all_authorities().get(normalise(code).partition("-")[0])
    return found is not None and found.regime == "GDPR" and found.code not in _EEA_OUTSIDE_EU


def _confidence(word: str) -> Confidence:
    """How sure a record is; `ValueError` for a word that nothing here would understand."""
    if word not in get_args(Confidence):
        raise ValueError(f"confidence is one of {get_args(Confidence)}, not {word!r}")
    return cast(Confidence, word)


def _record(row: Mapping[str, str]) -> Authority:
    return Authority(
        code=row["code"],
        country=row["country"],
        name=row["authority"],
        short=row["short"],
        english=row["english"],
        address=row["address"],
        website=row["website"],
        email=row["email"],
        confidence=_confidence(row["confidence"]),
        note=row["note"],
        regime=row["regime"],
        source=row["source"],
    )
