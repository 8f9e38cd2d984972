"""A message becomes a case, or is added to the one it answers; none is lost (law T-08, D-01, N-15).

The clock counts from the day the message reached our server, whoever reads it when. It is added to
a case only where it names that case, or answers a mail of it, and comes from the case's own
address; else it is a case of its own that says which one it may belong to. What a machine wrote is
answered by no machine: an absence note would go back and forth for ever.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import INTAKE
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import mail_ends, mailbox
from dsr_portal.cases.address_models import AddressChange
from dsr_portal.cases.intake import MAX_NOTE, Contact, open_case
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mail_reading import READ_MOST, ReadMail, read_mail
from dsr_portal.cases.models import (
    ArrivedBy,
    Case,
    Channel,
    Delivery,
    Mail,
    MailCode,
    MailRole,
    MailState,
    RightCode,
    Status,
)
from dsr_portal.cases.paper_models import PaperNotice, PaperReturn
from dsr_portal.cases.services import MAX_WORDS, raise_flag, receive_message
from dsr_portal.core import clock, mailboxes
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import Reader
from dsr_portal.core.transactions import outside
from dsr_portal.jobs.models import Effect
from dsr_portal.law import reading
from dsr_portal.law.deadlines import APPLIES_FROM
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

WIDE = (RightCode.ACCESS, RightCode.ERASURE, RightCode.OBJECTION)
"""What a message is read as that names nothing we know a word for (law T-09)."""

MAY_BELONG = "mail_may_belong"
"""A flag for officers."""

_ABOUT = (Delivery, MailCode, PaperNotice, AddressChange, PaperReturn)
"""Rows of a case that mails to its person are about."""

_CUT = "\n[...]"


class Took(StrEnum):
    """What became of a message."""

    OPENED = "opened"
    ADDED = "added"
    KNOWN = "known"


def require_may_fetch(actor: Actor) -> None:
    if actor.kind == "operator" or (actor.is_human_staff and actor.role in INTAKE):
        return
    raise NotAllowed(
        "fetching_role",
        _("Only officers, supervisors and the data protection officer fetch mail."),
    )


@outside("Taking a mail")
def take_mail(*, path: Path, actor: Actor, own_hosts: frozenset[str] = frozenset()) -> Took:
    """Take one message that lies in a file. The file stays; the caller moves it afterwards.

    The same bytes are taken once: a run that died after the commit finds them KNOWN.
    """
    require_may_fetch(actor)
    mark = vault.keyed_hash("mail-content", mailbox.digest(path))
    if Mail.objects.filter(content_hash=mark).exists():
        return Took.KNOWN
    size = path.lstat().st_size
    read = read_mail(
        mailbox.beginning(path, READ_MOST), whole=size <= READ_MOST, own_hosts=own_hosts
    )
    message = _Message(path, actor, read, mark, size, *_arrival(path, read))
    try:
        return message.take()
    except IntegrityError:
        if Mail.objects.filter(content_hash=mark).exists():
            return Took.KNOWN
        raise


def _arrival(path: Path, read: ReadMail) -> tuple[datetime, ArrivedBy]:
    """The day our server took it; without a line of our server the day the file was laid down.

    A moment in the future counts as now, one before the law as unknown: a clock was wrong.
    """
    now = clock.now()
    if read.arrived is not None and read.arrived.date() >= APPLIES_FROM:
        return min(read.arrived, now), ArrivedBy.RECEIVED
    laid = mailbox.laid_down(path)
    return (min(laid, now) if laid.date() >= APPLIES_FROM else now), ArrivedBy.FILE


@dataclass(frozen=True, slots=True)
class _Message:
    """One message on its way into the database."""

    path: Path
    actor: Actor
    read: ReadMail
    mark: str
    size: int
    arrived_at: datetime
    arrived_by: ArrivedBy

    def take(self) -> Took:
        returned = _case_of_effects(self.read.bounced)
        if returned is not None:
            vault.retry_stale(self._note_bounce)(returned)
            return Took.ADDED
        named = _case_named(self.read)
        if named is not None and _is_own_address(named, self.read.sender):
            try:
                vault.retry_stale(self._add)(named)
            except Conflict:
                # That case is over: what came now is a request of its own.
                pass
            else:
                return Took.ADDED
        vault.retry_stale(self._open)(named)
        return Took.OPENED

    def _add(self, case: Case) -> None:
        staged = self._staged(case)
        if self.read.automatic:
            with unit_of_work():
                self._keep(lock(case.id), staged=staged, role=MailRole.AUTOMATIC)
            return
        receive_message(
            case_id=case.id,
            actor=Actor.person(case.id),
            text=_fits_message(self.read.words or self.read.subject),
            also=partial(self._keep, staged=staged, role=MailRole.ADDED),
        )

    def _note_bounce(self, case: Case) -> None:
        """A mail of ours came back: the desk sees it, and the person on the page of the request."""
        staged = self._staged(case)
        with unit_of_work():
            row = lock(case.id)
            self._keep(row, staged=staged, role=MailRole.AUTOMATIC)
            mail_ends.note(case_id=case.id, to=Reader.PERSON, actor=self.actor)

    def _open(self, named: Case | None) -> None:
        case_id = new_id()
        staged = self._staged(Case(id=case_id))
        asked = reading.rights_in(f"{self.read.subject}\n{self.read.words}")
        open_case(
            actor=self.actor,
            channel=Channel.EMAIL,
            rights=asked or WIDE,
            contact=Contact(email=self._answers_go_to(), name=self.read.name),
            note=_fits(self._own_words(), MAX_NOTE),
            language=settings.LANGUAGE_CODE,
            received_at=self.arrived_at,
            case_id=case_id,
            also=partial(self._keep, staged=staged, role=MailRole.OPENED, may_belong=named),
        )

    def _answers_go_to(self) -> str:
        """Empty for what a machine wrote, and for what says it comes from ourselves."""
        ours = mailboxes.compared(str(settings.DSR_CONTROLLER["email"]))
        by_us = mailboxes.compared(self.read.sender) == ours
        return "" if self.read.automatic or by_us else self.read.sender

    def _own_words(self) -> str:
        return "\n\n".join(one for one in (self.read.subject, self.read.words) if one)

    def _staged(self, case: Case) -> vault.Staged:
        """The message whole, as it came, in a unit of its own that ends with the case."""
        staged = vault.stage_unit(kind=UnitKind.MAIL, owner=case.id)
        staged.add_stream(mailbox.MAIL_ORIGINAL, mailbox.chunks(self.path))
        staged.add_json(mailbox.MAIL_READING, self.read.as_json())
        return staged

    def _keep(
        self,
        case: Case,
        *,
        staged: vault.Staged,
        role: MailRole,
        may_belong: Case | None = None,
    ) -> None:
        """Write the row, in the unit of work of the case."""
        mail = Mail.objects.create(
            case=case,
            role=role,
            may_belong=may_belong,
            unit=staged.save(),
            content_hash=self.mark,
            arrived_at=self.arrived_at,
            arrived_by=self.arrived_by,
            fetched_at=clock.now(),
            size=self.size,
            parts=len(self.read.parts),
            trouble=list(self.read.trouble),
            state=MailState.READ if role == MailRole.AUTOMATIC else MailState.WAITING,
        )
        record(
            "mail.taken",
            actor=self.actor,
            case_id=case.id,
            subject_id=mail.id,
            role=str(role),
            arrived_by=str(self.arrived_by),
            arrived_on=clock.local_date(self.arrived_at),
            size=self.size,
            parts=len(self.read.parts),
            trouble=list(self.read.trouble),
        )
        if may_belong is not None:
            raise_flag(case_id=case.id, code=MAY_BELONG, actor=self.actor)


def _fits(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def _fits_message(text: str) -> str:
    """What fits a message of the case file; the whole of it is in the mail's own unit."""
    short = _fits(text, MAX_WORDS)
    if len(short.encode()) <= vault.INLINE_BYTES:
        return short
    room = vault.INLINE_BYTES - len(_CUT)
    return short.encode()[:room].decode(errors="ignore") + _CUT


def _case_named(read: ReadMail) -> Case | None:
    """The case whose mail this answers, else one its subject names; never a purged one."""
    answered = _case_of_effects(read.answers[:20])
    if answered is not None:
        return answered
    for reference in read.named:
        if found := _standing().filter(reference=reference).first():
            return found
    return None


def _standing() -> QuerySet[Case]:
    return Case.objects.exclude(status=Status.PURGED)


def _case_of_effects(ids: Iterable[UUID]) -> Case | None:
    """The case of the first of these mails of ours that is about one."""
    for effect_id in ids:
        case_id = _case_of_effect(Effect.objects.filter(id=effect_id).first())
        if case_id is not None and (found := _standing().filter(id=case_id).first()):
            return found
    return None


def _case_of_effect(effect: Effect | None) -> UUID | None:
    """Which case a mail of ours was about: its subject is the case, or a row of one."""
    if effect is None or not effect.kind.startswith("mail."):
        return None
    rows = (model.objects.filter(id=effect.subject_id).first() for model in _ABOUT)
    row = next((one for one in rows if one is not None), None)
    if isinstance(row, PaperReturn):
        return row.delivery.case_id
    return effect.subject_id if row is None else row.case_id


def _is_own_address(case: Case, sender: str) -> bool:
    own = mailboxes.compared(str(vault.read_json(case.contact_unit, "contact").get("email", "")))
    return bool(own) and own == mailboxes.compared(sender)
