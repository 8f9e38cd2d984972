"""Telling recipients of an erasure, correction or restriction (Art. 19; law A-07, E-06; R16).

A notice is prepared while the record's unit still opens, and leaves only after the answer to the
person left: nobody outside learns anything earlier from whom a recipient hears (R3). It names what
the recipient can find again by itself, its own references and the times of its look-ups, and
carries no picture, template, name or address of a person.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role
from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.audit.services import record as audit_event
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import channels
from dsr_portal.gallery.models import LookUp, Notice, RecipientChannel, Restriction
from dsr_portal.gallery.selectors import look_up_fields
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

MAIL = "recipient.mail"
CALL = "recipient.call"
LETTER = "gallery.notice_letter"
REMIND_AFTER = (timedelta(days=7), timedelta(days=14), timedelta(days=28))
"""How long an unanswered notice waits before each reminder; after the last the desk decides."""

TRY_AGAIN = timedelta(days=1)
MOST_ROUNDS = 10
MAY_EXCUSE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
ANSWERS = {"received": "RECEIVED", "done": "DONE", "refused": "REFUSED"}
_LONGEST_REASON = 500
_SCHEDULE = Actor.system("recipient-notices")

State = Notice.State
Kind = RecipientChannel.Kind
OPEN = frozenset({State.SENT, State.RECEIVED, State.NOT_REACHED})
_TOLD = frozenset({State.PRINTED, State.SENT, State.RECEIVED, State.DONE, State.REFUSED})
FINAL = frozenset({State.DONE, State.REFUSED, State.EXCUSED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Shown:
    """One look-up as a notice names it; `reference` is the recipient's own, where a log had one."""

    look_up: str
    record: str
    shown_at: str
    system: str
    way: str
    reference: str


# -- preparing ----------------------------------------------------------------------------------


def prepare(
    *,
    record_ids: Iterable[UUID],
    case_id: UUID,
    ground: str,
    actor: Actor,
    again: bool = False,
) -> int:
    """One notice per recipient of these records, while their units still open; how many are new.

    Joins the caller's unit of work. Asked again, it adds what was not in it yet; with `again` who
    was told hears it once more.
    """
    rows = LookUp.objects.filter(record_id__in=list(record_ids)).select_related("record", "log")
    by_recipient: dict[UUID, list[LookUp]] = {}
    for row in rows.order_by("at", "id"):
        by_recipient.setdefault(row.recipient_id, []).append(row)
    with unit_of_work():
        return sum(
            _prepare(_notice_of(case_id, recipient, ground, mine), mine, actor, again=again)
            for recipient, mine in sorted(by_recipient.items())
        )


def _notice_of(
    case_id: UUID, recipient_id: UUID, ground: str, rows: list[LookUp]
) -> tuple[Notice, bool]:
    return Notice.objects.select_for_update().get_or_create(
        case_id=case_id,
        recipient_id=recipient_id,
        ground=ground,
        defaults={
            "first_shown": rows[0].at,
            "last_shown": rows[-1].at,
            "prepared_at": clock.now(),
        },
    )


def _prepare(found: tuple[Notice, bool], rows: list[LookUp], actor: Actor, *, again: bool) -> bool:
    notice, new = found
    known = {one.look_up for one in contents(notice)}
    fresh = [row for row in rows if str(row.id) not in known]
    _keep(notice, fresh, len(known))
    notice.look_ups = len(known) + len(fresh)
    notice.first_shown = min(notice.first_shown, rows[0].at)
    notice.last_shown = max(notice.last_shown, rows[-1].at)
    if notice.state == State.CANCELLED:
        notice.state = State.PREPARED
    elif (fresh or again) and notice.state in _TOLD:
        # What came later is told in a round of its own, after its own check.
        notice.state, notice.confirmed_at, notice.next_round_at = State.PREPARED, None, None
    notice.save()
    if new:
        audit_event(
            "recipient.notice_prepared",
            actor=actor,
            case_id=notice.case_id,
            subject_id=notice.id,
            recipient=notice.recipient_id,
            ground=notice.ground,
            look_ups=notice.look_ups,
        )
    return new


def _keep(notice: Notice, rows: list[LookUp], already: int) -> None:
    """What the notice will say, into the case's file: rows of 4 KiB at most, written inside."""
    unit = file_of(notice.case_id)
    if unit is None:
        return
    part: list[list[str]] = []
    for row in map(_shown, rows):
        # Split by what the row takes: names and references in other scripts take several bytes.
        if part and not vault.fits_row([*part, row]):
            vault.write_json(unit, f"{_field(notice)}{already:06d}", part)
            already, part = already + len(part), []
        part.append(row)
    if part:
        vault.write_json(unit, f"{_field(notice)}{already:06d}", part)


def _shown(row: LookUp) -> list[str]:
    _purpose, reference = look_up_fields(row)
    return [
        str(row.id),
        str(row.record_id),
        row.at.isoformat(),
        row.log.system[:80],
        row.way.lower(),
        reference,
    ]


def contents(notice: Notice) -> list[Shown]:
    """What a notice names; nothing once the case's file was destroyed."""
    unit = file_of(notice.case_id)
    if unit is None:
        return []
    names = sorted(one for one in vault.fields(unit) if one.startswith(_field(notice)))
    return [Shown(*row) for name in names for row in vault.read_json(unit, name)]


def _field(notice: Notice) -> str:
    return f"notice.{notice.id}."


def file_of(case_id: UUID) -> UUID | None:
    """The vault unit of the case's file, while it stands; gallery knows cases by id only."""
    units = vault.unit_ids(owner=case_id, kind=vault.UnitKind.CASE_FILE)
    live = [one for one in units if vault.unit_state(one) == vault.UnitState.LIVE]
    return live[0] if live else None


def cancel(*, case_id: UUID) -> None:
    """The erasure was stopped before anything went: nobody is told of it."""
    Notice.objects.filter(
        case_id=case_id, ground=Notice.Ground.ERASURE, state=State.PREPARED
    ).update(state=State.CANCELLED)


def confirm(*, case_id: UUID) -> None:
    """The erasure was verified: its notices may leave with the next batch (E-06)."""
    Notice.objects.filter(
        case_id=case_id, ground=Notice.Ground.ERASURE, state=State.PREPARED, confirmed_at=None
    ).update(confirmed_at=clock.now())


# -- leaving ------------------------------------------------------------------------------------


def answer_left(*, case_id: UUID, actor: Actor, restriction_asked: bool) -> None:
    """The person has the answer: what they asked to be locked is told to recipients, too (R3).

    Called by the batch in its transaction, in the same way for every case.
    """
    if not restriction_asked:
        return
    standing = Restriction.objects.filter(case_id=case_id, lifted_at=None)
    ids = list(standing.values_list("record_id", flat=True))
    prepare(record_ids=ids, case_id=case_id, ground=str(Notice.Ground.RESTRICTION), actor=actor)


def tell(*, record_ids: Iterable[UUID], case_id: UUID, ground: str, actor: Actor) -> int:
    """Tell recipients of a correction or restriction of records that are still held (Art. 19)."""
    if ground == Notice.Ground.ERASURE:
        raise Conflict("notice_after_erasure", _("An erasure is told after it was verified."))
    # Corrected a second time it is news once more, also of look-ups that were named before.
    again = ground == Notice.Ground.RECTIFICATION
    return prepare(record_ids=record_ids, case_id=case_id, ground=ground, actor=actor, again=again)


def release(
    *, still_waiting: Iterable[UUID], actor: Actor, made_before: datetime | None = None
) -> int:
    """Let notices leave, in the daily batch and never earlier than the answer to the person.

    `still_waiting` are cases of which something has not left yet; theirs wait as well. What became
    due after `made_before` waits for the next batch.
    """
    rows = Notice.objects.filter(state=State.PREPARED).exclude(case_id__in=list(still_waiting))
    due = rows.exclude(ground=Notice.Ground.ERASURE, confirmed_at=None)
    if made_before is not None:
        ready = Coalesce("confirmed_at", "prepared_at")
        due = due.annotate(ready=ready).filter(ready__lte=made_before)
    released = 0
    for notice_id in list(due.values_list("id", flat=True)):
        with unit_of_work():
            notice = Notice.objects.select_for_update().get(id=notice_id)
            if notice.state != State.PREPARED:
                continue
            notice.released_at = clock.now()
            _start(notice, channels.serving(notice.recipient_id), actor)
            released += 1
    return released


def channel_opened(channel: RecipientChannel) -> None:
    """An address was approved: what waited for one leaves; joins the caller's unit of work."""
    waiting = Notice.objects.select_for_update().filter(
        recipient_id=channel.recipient_id, state__in=[State.NO_WAY, State.NOT_REACHED]
    )
    for notice in waiting.order_by("id"):
        _start(notice, channel, Actor.decided_by(channel.decided_by, "approver"))


def _start(notice: Notice, channel: RecipientChannel | None, actor: Actor) -> None:
    """Begin a round of telling: the first notice, a try after a failure, a reminder."""
    notice.channel, notice.next_round_at, notice.error_code = channel, None, ""
    if channel is None:
        notice.state = State.NO_WAY
    else:
        notice.rounds += 1
        if notice.state not in (State.SENT, State.RECEIVED):
            notice.state = State.SENDING
        key = f"{notice.id}:{notice.rounds}"
        if channel.kind == Kind.LETTER:
            notice.letter_id = None  # each round has a letter of its own
            jobs.enqueue(kind=LETTER, subject=notice.id, idempotency_key=_letter_key(notice))
        else:
            kind = MAIL if channel.kind == Kind.MAIL else CALL
            queue_effect(kind=kind, subject_id=notice.id, unique_key=f"{kind}:{key}")
    notice.save()
    audit_event(
        "recipient.notice_released",
        actor=actor,
        case_id=notice.case_id,
        subject_id=notice.id,
        recipient=notice.recipient_id,
        way=channel.kind if channel is not None else "none",
    )


def chase() -> int:
    """The regular run: reminders, and another try where nobody was reached (Art. 19)."""
    _end_failed_letters()
    due = Notice.objects.filter(state__in=OPEN, next_round_at__lte=clock.now())
    begun = 0
    for notice_id in list(due.values_list("id", flat=True)):
        with unit_of_work():
            notice = Notice.objects.select_for_update().get(id=notice_id)
            if notice.state not in OPEN or notice.next_round_at is None:
                continue
            if file_of(notice.case_id) is None or notice.rounds >= MOST_ROUNDS:
                # What it would say was destroyed with the case, or enough was tried: people decide.
                notice.next_round_at = None
                notice.save(update_fields=["next_round_at"])
                continue
            _start(notice, channels.serving(notice.recipient_id), _SCHEDULE)
            begun += 1
    return begun


def _end_failed_letters() -> None:
    """A letter that could not be made reached nobody: it is told, and tried again a day later."""
    making = Notice.objects.filter(
        channel__kind=Kind.LETTER,
        letter_id=None,
        next_round_at=None,
        error_code="",  # not told yet in this round
        state__in=[State.SENDING, *OPEN],
    )
    for notice in list(making):
        failed = Job.objects.filter(
            idempotency_key=_letter_key(notice), state=JobState.FAILED
        ).first()
        if failed is not None:
            with unit_of_work():
                note_end(subject_id=notice.id, sent=False, code=failed.error_code)


def _letter_key(notice: Notice) -> str:
    return f"{LETTER}:{notice.id}:{notice.rounds}"


# -- what was sent, and what came back ------------------------------------------------------------


def note_end(*, subject_id: UUID, sent: bool, code: str) -> None:
    """How one sending ended, told by the outbox in its transaction."""
    notice = _locked(subject_id)
    if notice.state in FINAL:
        return
    if sent:
        _note_told(notice)
    else:
        notice.state = State.NOT_REACHED if notice.sent_at is None else notice.state
        notice.error_code, notice.next_round_at = code, clock.now() + TRY_AGAIN
        notice.save(update_fields=["state", "error_code", "next_round_at"])
        _record("recipient.not_reached", notice, _SCHEDULE, error=code, round=notice.rounds)


def _note_told(notice: Notice, actor: Actor = _SCHEDULE) -> None:
    moment = clock.now()
    notice.sent_at = notice.sent_at or moment
    if notice.state != State.RECEIVED:
        notice.state = State.SENT
    wait = REMIND_AFTER[notice.rounds - 1] if notice.rounds <= len(REMIND_AFTER) else None
    notice.next_round_at = moment + wait if wait is not None else None
    notice.save(update_fields=["state", "sent_at", "next_round_at"])
    way = notice.channel.kind if notice.channel is not None else "none"
    _record("recipient.told", notice, actor, way=way, round=notice.rounds)


def take_answer(notice_id: UUID, body: bytes) -> None:
    """The answer of a recipient's endpoint; whatever is no known word means "received"."""
    notice = _locked(notice_id)
    if notice.state in FINAL:
        return
    try:
        said = json.loads(body).get("state", "")
    except (ValueError, AttributeError, RecursionError):
        said = ""
    answer = said if isinstance(said, str) and said in ANSWERS else "received"
    _answered(notice, answer, actor=_SCHEDULE, source="call")


def record_answer(*, notice_id: UUID, answer: str, actor: Actor) -> Notice:
    """What a recipient answered by mail, post or phone, written down by a person."""
    _require(actor, REVIEWERS)
    if answer not in ANSWERS:
        raise BadInput("no_such_answer", _("Choose what the recipient answered."))
    with unit_of_work():
        notice = _locked(notice_id)
        if notice.sent_at is None or notice.state in FINAL:
            raise Conflict("notice_not_open", _("No answer to this notice is waited for."))
        _answered(notice, answer, actor=actor, source="staff")
    return notice


def _answered(notice: Notice, answer: str, *, actor: Actor, source: str) -> None:
    notice.state = ANSWERS[answer]
    notice.answered_at = clock.now()
    notice.answered_by = actor.id if source == "staff" else ""
    if notice.state in FINAL:
        notice.next_round_at = None
    notice.save(update_fields=["state", "answered_at", "answered_by", "next_round_at"])
    _record("recipient.answered", notice, actor, answer=answer, source=source)


def letter_made(*, notice_id: UUID, document_id: UUID) -> None:
    """The letter lies ready to be printed; a person marks it as posted."""
    notice = _locked(notice_id)
    notice.letter_id = document_id
    if notice.state == State.SENDING:
        notice.state = State.PRINTED
    notice.save(update_fields=["letter_id", "state"])


def mark_posted(*, notice_id: UUID, actor: Actor) -> Notice:
    """A person put the letter into the post."""
    _require(actor, REVIEWERS)
    with unit_of_work():
        notice = _locked(notice_id)
        if not waits_to_be_posted(notice):
            raise Conflict("no_letter", _("No letter of this notice waits to be posted."))
        _note_told(notice, actor)
        notice.posted_round = notice.rounds
        notice.save(update_fields=["posted_round"])
    return notice


def propose_excuse(*, notice_id: UUID, reason: str, actor: Actor) -> Notice:
    """Say why telling this recipient is impossible or a disproportionate effort (Art. 19)."""
    _require(actor, REVIEWERS)
    words = reason.strip()
    if not words or len(words) > _LONGEST_REASON:
        raise BadInput(
            "excuse_reason", _("Write why, in 500 characters at most, without names of persons.")
        )
    with unit_of_work():
        notice = _locked(notice_id)
        if notice.state in FINAL or notice.released_at is None:
            raise Conflict("notice_not_open", _("This notice is settled, or not released yet."))
        notice.excuse_reason, notice.excuse_proposed_by = words, actor.id
        notice.save(update_fields=["excuse_reason", "excuse_proposed_by"])
        _record("recipient.excuse_proposed", notice, actor)
    return notice


def excuse(*, notice_id: UUID, actor: Actor) -> Notice:
    """A second person agrees: this recipient is not told, and the documents say why (Art. 19)."""
    _require(actor, MAY_EXCUSE)
    with unit_of_work():
        notice = _locked(notice_id)
        if notice.state in FINAL or not notice.excuse_proposed_by:
            raise Conflict("no_excuse", _("Nobody proposed this."))
        if notice.excuse_proposed_by == actor.id:
            raise NotAllowed("excuse_two_persons", _("Another person must agree to this."))
        notice.state, notice.excused_by = State.EXCUSED, actor.id
        notice.next_round_at = None
        notice.save(update_fields=["state", "excused_by", "next_round_at"])
        _record("recipient.excused", notice, actor)
    return notice


# -- what a notice says ---------------------------------------------------------------------------


def sentences(notice: Notice) -> tuple[str, str]:
    """What happened and what the recipient is asked to do, in the language that is active."""
    name = {"name": settings.DSR_CONTROLLER["name"]}
    if notice.ground == "ERASURE":
        return (
            _(
                "%(name)s has erased personal data that was shown or given to you. We must tell "
                "you of it (Art. 19 GDPR)."
            )
            % name,
            _("Please erase what you hold of the look-ups below, and tell us that you did."),
        )
    if notice.ground == "RESTRICTION":
        return (
            _(
                "%(name)s has restricted the use of personal data that was shown or given to you. "
                "We must tell you of it (Art. 19 GDPR)."
            )
            % name,
            _(
                "Please do not use what you hold of the look-ups below, and tell us that you have "
                "this notice."
            ),
        )
    return (
        _(
            "%(name)s has corrected personal data that was shown or given to you. We must tell you "
            "of it (Art. 19 GDPR)."
        )
        % name,
        _("Please correct what you hold of the look-ups below, and tell us that you did."),
    )


def message(notice: Notice) -> dict[str, Any]:
    """The facts of a notice as other systems get them; see docs/recipients.md.

    Raises `NotFound` once the case's file was destroyed: then nothing can be said any more.
    """
    rows = contents(notice)
    if not rows:
        raise NotFound("notice_gone", _("What this notice was about is destroyed."))
    return {
        "type": "dsr.recipient_notice",
        "version": 1,
        "notice": str(notice.id),
        "round": notice.rounds,
        "ground": notice.ground.lower(),
        "article": "GDPR Art. 19",
        "controller": {
            "name": settings.DSR_CONTROLLER["name"],
            "email": settings.DSR_CONTROLLER["email"],
        },
        "recipient": {"name": notice.recipient.name, "country": notice.recipient.country},
        "look_ups": [
            {
                "reference": one.reference,
                "record": one.record,
                "at": one.shown_at,
                "system": one.system,
                "way": one.way,
            }
            for one in rows
        ],
    }


def of_case(case_id: UUID) -> QuerySet[Notice]:
    return Notice.objects.filter(case_id=case_id).select_related("recipient", "channel")


def open_notices() -> QuerySet[Notice]:
    """What is not settled, by the time it was released, oldest first."""
    rows = Notice.objects.exclude(state__in=[*FINAL, State.PREPARED])
    return rows.select_related("recipient", "channel").order_by("released_at", "id")


def waits_to_be_posted(notice: Notice) -> bool:
    """A letter was made in this round, the first or a reminder, and nobody said it was posted."""
    if notice.letter_id is None or notice.next_round_at is not None:
        return False
    if notice.posted_round == notice.rounds:
        return False  # the last reminder: no further round begins
    by_post = notice.channel is not None and notice.channel.kind == Kind.LETTER
    return notice.state == State.PRINTED or (by_post and notice.state in OPEN)


# -- guards -------------------------------------------------------------------------------------


def _locked(notice_id: UUID) -> Notice:
    rows = Notice.objects.select_for_update(of=("self",)).select_related("recipient", "channel")
    notice = rows.filter(id=notice_id).first()
    if notice is None:
        raise NotFound("no_notice", _("There is no such notice."))
    return notice


def _require(actor: Actor, roles: frozenset[Role]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("notice_role", _("Your role does not include this."))


def _record(event: str, notice: Notice, actor: Actor, **data: Any) -> None:
    audit_event(
        event,
        actor=actor,
        case_id=notice.case_id,
        subject_id=notice.id,
        recipient=notice.recipient_id,
        **data,
    )
