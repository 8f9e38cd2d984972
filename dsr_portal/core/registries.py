"""Knowledge that lower packages need from upper ones; each app fills these when it is ready."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.utils.functional import Promise

from dsr_portal.core.actor import Actor

T = TypeVar("T")


class Registry(Generic[T]):
    """A named table that refuses a second, different entry under one name."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> T:
        if name in self._entries and self._entries[name] != entry:
            raise ValueError(f"{self.what} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def get(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise LookupError(f"no {self.what} named {name!r} is registered") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def items(self) -> list[tuple[str, T]]:
        return sorted(self._entries.items())


class Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


class Catalogue(Registry[N]):
    """A registry whose entries bring their own name."""

    def register(self, entry: N) -> N:  # type: ignore[override]  # its name is its own
        return super().register(entry.name, entry)


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job: which queue runs it and what it does (see `jobs`)."""

    name: str
    queue: str
    handler: Callable[[Any], None]
    max_attempts: int = 5


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter by e-mail as it is at the moment of sending; opened from the vault, never stored."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A message to another system's address as it is at the moment of sending (R33).

    `headers` makes the headers of one sending from the effect's id: they carry the signature.
    `taken` gets the body of an answer of status 2xx, in the transaction that notes the sending.
    """

    url: str
    body: bytes
    headers: Callable[[UUID], Mapping[str, str]]
    taken: Callable[[bytes], None]


class Reader(StrEnum):
    """To whom a kind of mail goes."""

    PERSON = "the person"
    REPRESENTATIVE = "who acts for the person"
    STAFF = "staff"
    RECIPIENT = "recipient"


class Pace(StrEnum):
    """How soon a mail leaves after what causes it."""

    AT_ONCE = "at once"
    DAILY = "with the daily batch"
    WEEKLY = "once a week"
    SCHEDULE = "on its day"


@dataclass(frozen=True, slots=True)
class MailAbout:
    """What the catalogue of messages says of one kind of mail (docs/messages.md).

    `subject` is the very text the mail is made with. `links` are the addresses in its text.
    """

    to: Reader
    subject: Promise
    when: str
    action: str
    pace: Pace = Pace.AT_ONCE
    links: int = 1


class Sender(Protocol):
    """Opens address and text of one kind of outside effect when it is sent."""

    def render(self, subject_id: UUID) -> Mail: ...


class Caller(Protocol):
    """Opens address and body of one kind of call to another system when it is made."""

    def render(self, subject_id: UUID) -> Call: ...


class SendEnd(Protocol):
    """Told how sending an effect ended, in the transaction that notes it; `code` says why not."""

    def __call__(self, *, subject_id: UUID, sent: bool, code: str) -> None: ...


class Purger(Protocol):
    """Removes what one app keeps for a case (withdrawal, closing, purging, restore)."""

    def __call__(self, *, case_id: UUID, actor: Actor, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class GoneUnit:
    """A vault unit that a restore brought back as a row and the ledger says was destroyed."""

    id: UUID
    owner: UUID
    reason: str


class UnitPurger(Protocol):
    """What one app does with its rows of destroyed units after a restore (R31); rows changed."""

    def __call__(self, *, units: Sequence[GoneUnit], actor: Actor) -> int: ...


NoteReader = Callable[[Sequence[str]], int]
"""Does again what notes in the erasure ledger say, oldest first; how many changed something."""


class TakeBack(Protocol):
    """Takes back what has not left of a case that is `decided_anew`, or that rests on the word of
    `officers` who must not work on it; True where something of theirs left (law X-09)."""

    def __call__(
        self, *, case_id: UUID, officers: Collection[str], decided_anew: bool, actor: Actor
    ) -> bool: ...


Sentence = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Beat:
    """Something to run regularly: a function of no arguments and its interval."""

    run: Callable[[], Any]
    every: timedelta


hand_outs: Registry[Callable[[Sequence[UUID]], bool]] = Registry("reason to hand out nothing")
"""Asked with vault units before anything in them is handed out; True: nobody gets it (law C-09)."""
barriers: Registry[Callable[[str, Actor, UUID], None]] = Registry("barrier")
"""Asked before an event about a case is recorded in a staff's name; raises where it must not be."""
lift_guards: Registry[Callable[[UUID], None]] = Registry("reason to lift a restriction")
"""By reason; asked with the case before its restriction is lifted for it, raises where it is not
so: the gallery can't know whether a letter left (Art. 18(3))."""
stores: Registry[Any] = Registry("store")
purgers: Registry[Purger] = Registry("purger")
unit_purgers: Registry[UnitPurger] = Registry("purger of destroyed units")
"""By kind of unit."""
take_backs: Registry[TakeBack] = Registry("taking back")
ledger_notes: Registry[NoteReader] = Registry("kind of ledger note")
job_kinds: Catalogue[JobKind] = Catalogue("job kind")
senders: Registry[Sender] = Registry("sender")
mails: Registry[MailAbout] = Registry("mail of the catalogue")
"""By kind of effect: each sender of the portal has its entry."""
callers: Registry[Caller] = Registry("caller")
send_ends: Registry[SendEnd] = Registry("end of sending")
egress_lists: Registry[Callable[[str], bool]] = Registry("list of addresses")
processor_lists: Registry[Callable[[str], bool]] = Registry("list of processors")
"""Each says whether a host belongs to somebody who is bound by a contract (law P-15)."""
sentences: Registry[Sentence] = Registry("timeline sentence")
event_types: Catalogue[Any] = Catalogue("event type")
schedule: Registry[Beat] = Registry("scheduled run")


def register_mail(name: str, sender: Sender, about: MailAbout) -> None:
    """Register a kind of mail and what the catalogue says of it: there is none without."""
    senders.register(name, sender)
    mails.register(name, about)
