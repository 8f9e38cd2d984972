"""Types of audit events: what a payload may hold. Nothing that could be a name, a text, a picture
or a template passes (rule R29, law L-21).

    event_types.register(EventType("case.opened", {"channel": Code(), "due_on": Day()}, ("L-01",)))
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from dsr_portal.audit import links
from dsr_portal.core.errors import PortalError

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.:+-]{0,62}[A-Za-z0-9])?")
_LONG_RUN = re.compile(r"[A-Za-z0-9]{25}|[0-9]{9}")
_HASH = re.compile(r"[0-9a-f]{64}")
_STAFF = re.compile(r"[A-Z0-9][A-Z0-9-]{1,19}")
_TAKEN = frozenset({"event", "actor", "case_id", "subject_id"})
_MOST_NUMBERS = 8
_LARGEST_INTEGER = 2**53
_LARGEST_BODY = 8192


class BadEvent(PortalError):
    """An event that does not fit its type; a programming error, so nothing is written."""

    http_status = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One named value of a payload. An optional one may be None, never absent."""

    optional: bool = False

    def clean(self, value: Any) -> Any:
        """The value as JSON has it, or ValueError."""
        if value is None and self.optional:
            return None
        return self._clean(value)

    def _clean(self, value: Any) -> Any:
        raise ValueError("a field without a type")

    def describe(self) -> str:
        return type(self).__name__ + (" or none" if self.optional else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Field):
    """A word of a fixed vocabulary: letters, digits and _.:+- without spaces, at most 64.

    Long runs are refused, for they are where numbers of people and encoded bytes would hide.
    """

    choices: tuple[str, ...] = ()

    def _clean(self, value: Any) -> str:
        if not isinstance(value, str) or not _CODE.fullmatch(str(value)):
            raise ValueError("not a code")
        if _LONG_RUN.search(value):
            raise ValueError("a run of letters or digits too long for a code")
        if self.choices and value not in self.choices:
            raise ValueError("not one of the codes of this field")
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Id(Field):
    """A UUID."""

    def _clean(self, value: Any) -> str:
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, str) and str(UUID(value)) == value:
            return value
        raise ValueError("not a UUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Field):
    """A whole number from 0."""

    def _clean(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("not a whole number")
        if not 0 <= value <= _LARGEST_INTEGER:
            raise ValueError("outside the range of a count")
        return int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Field):
    """A measured value: a threshold, a duration, a size."""

    def _clean(self, value: Any) -> float | int:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise ValueError("not a number")
        number = int(value) if isinstance(value, int) else float(value)
        if not math.isfinite(number) or abs(number) > _LARGEST_INTEGER:
            raise ValueError("outside the range of a number")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Field):
    """True or False."""

    def _clean(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("not true or false")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Field):
    """A date."""

    def _clean(self, value: Any) -> str:
        if isinstance(value, datetime) or not isinstance(value, date):
            raise ValueError("not a date")
        return value.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(Field):
    """A time with its zone, kept in UTC."""

    def _clean(self, value: Any) -> str:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError("not a time with a zone")
        return links.moment(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hash(Field):
    """SHA-256 of something public or already random (a report, a text, a weights file), in hex."""

    def _clean(self, value: Any) -> str:
        if not isinstance(value, str) or not _HASH.fullmatch(value):
            raise ValueError("not a SHA-256 in lower-case hex")
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedHash(Hash):
    """HMAC-SHA256 of something guessable, under a key of the vault (law L-22), in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffNo(Field):
    """The number of a person of staff; names never enter."""

    def _clean(self, value: Any) -> str:
        if not isinstance(value, str) or not _STAFF.fullmatch(value):
            raise ValueError("not a staff number")
        return str(value)


@dataclass(frozen=True, slots=True)
class Many(Field):
    """A short list of one type. Numbers: at most 8, so that no vector fits."""

    inner: Field = field(kw_only=False)
    most: int = field(default=_MOST_NUMBERS, kw_only=False)

    def __post_init__(self) -> None:
        if isinstance(self.inner, Many):
            raise ValueError("no lists of lists")
        if isinstance(self.inner, Number | Count) and self.most > _MOST_NUMBERS:
            raise ValueError(f"a list of numbers holds at most {_MOST_NUMBERS}")

    def _clean(self, value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise ValueError("not a list")
        if len(value) > self.most:
            raise ValueError(f"more than {self.most} values")
        return [self.inner.clean(part) for part in value]

    def describe(self) -> str:
        return f"up to {self.most} {self.inner.describe()}" + (" or none" if self.optional else "")


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: its name "room.happened", its fields and the rows of law.md it proves.

    The payload of a `lasting` one never ends by a schedule: it proves that something was destroyed
    or restored, by counts and hashes, and names nobody (law L-23).
    """

    name: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    law: tuple[str, ...] = ()
    lasting: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 64:
            raise ValueError(f"{self.name!r} is not the name of an event type")
        if taken := _TAKEN & set(self.fields):
            raise ValueError(f"{self.name}: every event has {', '.join(sorted(taken))} already")
        if self.lasting and any(isinstance(one, StaffNo) for one in self.fields.values()):
            raise ValueError(f"{self.name}: what stays names nobody")

    def body(self, payload: Mapping[str, Any]) -> str:
        """The payload as the canonical JSON text that is kept and committed to, or `BadEvent`."""
        for name in sorted(set(payload) ^ set(self.fields)):
            problem = "missing" if name in self.fields else "unknown"
            raise BadEvent("audit_fields", f"{self.name}: the field {name} is {problem}")
        clean: dict[str, Any] = {}
        for name, kind in self.fields.items():
            try:
                clean[name] = kind.clean(payload[name])
            except ValueError as error:
                # The value itself stays out of the message: it may be what must not be written.
                raise BadEvent("audit_value", f"{self.name}.{name}: {error}") from None
        body = links.canonical(clean)
        if len(body) > _LARGEST_BODY:
            raise BadEvent("audit_size", f"{self.name}: the payload is too long")
        return body


def staff_number(value: str) -> bool:
    return bool(_STAFF.fullmatch(value))


def code(value: str) -> bool:
    return bool(_CODE.fullmatch(value)) and not _LONG_RUN.search(value)
