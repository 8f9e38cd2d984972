"""What can be done with a case. Pages, commands, jobs and the rooms above call these and no other.

Keyword-only; each is one unit of work (or joins the caller's): permission, lock, state, change,
audit event, job on commit.
"""

import hmac
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import codes
from dsr_portal.cases.codes import check_code, receipt_code
from dsr_portal.cases.deliveries import (
    Grant,
    LinkClosed,
    Part,
    WrongCode,
    end_deliveries,
    fetch,
    find_delivery,
    granted,
    link_token,
    make_delivery,
    open_delivery,
    part_of,
    release_batch,
    release_due,
    renew_delivery,
)
from dsr_portal.cases.drafts import sweep_drafts
from dsr_portal.cases.intake import Contact, Opened, WaySent, open_case, write_consent
from dsr_portal.cases.levels import level_of
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Channel,
    Consent,
    ConsentScope,
    Direction,
    Flag,
    IdentityCheck,
    IdentityElement,
    IdentityWay,
    MailCode,
    Message,
    Outcome,
    RightCode,
    Status,
    WayIn,
)
from dsr_portal.cases.moves import advance, lock
from dsr_portal.cases.public_status import erases_unseen
from dsr_portal.cases.receipts import receipt_text
from dsr_portal.cases.states import REVIEWERS, Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import purgers
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

__all__ = [
    "Contact",
    "Grant",
    "LinkClosed",
    "Opened",
    "Part",
    "WaySent",
    "WrongCode",
    "add_right",
    "advance",
    "ask_for_photo",
    "assign",
    "check_code",
    "close",
    "close_due",
    "confirm_mail_code",
    "confirm_origin",
    "delete_now",
    "fetch",
    "find_delivery",
    "granted",
    "has_consent",
    "identity_asked_again",
    "link_token",
    "make_delivery",
    "open_case",
    "open_delivery",
    "origin_confirmed",
    "part_of",
    "purge",
    "raise_flag",
    "receipt_code",
    "receipt_text",
    "receive_message",
    "record_consent",
    "record_identity",
    "release_batch",
    "release_due",
    "renew_code",
    "renew_delivery",
    "send_mail_code",
    "send_message",
    "set_outcome",
    "sweep_drafts",
    "withdraw",
    "withdraw_consent",
]

MAX_WORDS = 3000
MAIL_CODE_LIFE = timedelta(minutes=30)
MAIL_CODE_TRIES = 5
MAIL_CODES_A_DAY = 5
SUPERVISOR_WAIT = timedelta(hours=24)
KEEP_AFTER_DELIVERY = timedelta(days=30)
BEFORE_SEARCH = frozenset({Status.RECEIVED, Status.NEEDS_INFO, Status.IDENTITY})
_OFF = frozenset({Status.CLOSED, Status.PURGED})
_SCHEDULE = Actor.system("case-schedule")


# -- consent ------------------------------------------------------------------------------------


def has_consent(*, case: Case, scope: str) -> bool:
    return Consent.objects.filter(case=case, scope=scope, withdrawn_at=None).exists()


def record_consent(
    *,
    case_id: UUID,
    scope: str,
    actor: Actor,
    channel: str = Channel.WEB,
    language: str = "",
    also: Callable[[Case], None] | None = None,
) -> Consent:
    """Write down a consent; `also` lets the caller wake what waited for it (R8)."""
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        consent = write_consent(
            case=case,
            scope=ConsentScope(scope),
            channel=Channel(channel),
            actor=actor,
            language=language,
        )
        if also is not None:
            also(case)
    return consent


def withdraw_consent(*, case_id: UUID, actor: Actor, scope: str = ConsentScope.COMPARISON) -> None:
    """Stop and delete at once; the case goes on by other ways (R8, law P-03).

    Withdrawing what was not given changes nothing. What was already found lawfully stays usable
    for the answer.
    """
    with unit_of_work():
        case = lock(case_id)
        standing = Consent.objects.filter(case=case, scope=scope, withdrawn_at=None)
        if not standing.update(withdrawn_at=clock.now()):
            return
        record("consent.withdrawn", actor=actor, case_id=case.id, scope=str(scope))
        if scope != ConsentScope.COMPARISON:
            return
        run_purgers(case_id=case.id, actor=actor, reason="consent_withdrawn")
        if case.status == Status.SEARCHING:
            advance(case=case, action=Action.STOP_SEARCH, actor=actor)


def run_purgers(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """Let every room above and this one remove what it keeps for the case, in this transaction."""
    for _name, purger in purgers.items():
        purger(case_id=case_id, actor=actor, reason=reason)
    vault.enqueue_shred()


# -- identity -----------------------------------------------------------------------------------


def record_identity(
    *, case_id: UUID, actor: Actor, way: str, element: str = "", compared: str
) -> Case:
    """A named person records a way of R6, maybe with a further element of R7, and what they saw.

    One way is L1; way and element, or a second independent way, are L2 (R2). The words go to the
    vault. Raises `NotAllowed`, `BadInput`, `Conflict`.
    """
    _require_reviewer(actor)
    if way not in IdentityWay.values or (element and element not in IdentityElement.values):
        raise BadInput("no_such_way", _("Choose one of the ways."))
    words = _words(compared, code="compared_missing")
    with unit_of_work():
        case = lock(case_id)
        if case.status not in BEFORE_SEARCH:
            raise Conflict("level_fixed", _("The level is fixed once the search has started."))
        _require_element(case, way, element, actor)
        field = f"identity.{new_id()}"
        vault.write_small(case.file_unit, field, words.encode())
        level = max(case.level, level_of(element=element))
        IdentityCheck.objects.create(
            case=case,
            way=way,
            element=element,
            level_reached=level,
            officer=actor.id,
            at=clock.now(),
            field=field,
        )
        case.level = level
        case.save(update_fields=["level"])
        record(
            "identity.recorded",
            actor=actor,
            case_id=case.id,
            way=way,
            element=element or None,
            level=level,
        )
    return case


def identity_asked_again(*, case: Case, actor: Actor) -> None:
    """Another photo came after somebody was compared with an earlier one: compare anew (R2, R7).

    Otherwise a person known by their own photo could have a stranger's searched. Runs in the unit
    of work that took the photo, before any search.
    """
    if case.status not in BEFORE_SEARCH:
        return
    case.identity_checks.filter(lapsed_at=None).update(lapsed_at=clock.now())
    if case.level == 0:
        return
    case.level = 0
    case.save(update_fields=["level"])
    record("identity.lapsed", actor=actor, case_id=case.id)


def _require_element(case: Case, way: str, element: str, actor: Actor) -> None:
    # What was recorded before the newest photo came was about another one.
    earlier = list(case.identity_checks.filter(lapsed_at=None).order_by("at"))
    if element == IdentityElement.SECOND_WAY and not any(one.way != way for one in earlier):
        raise BadInput(
            "second_way_missing", _("A second way needs another way recorded before it.")
        )
    if element != IdentityElement.SUPERVISOR_RELEASE:
        return
    if actor.role != "supervisor":
        raise NotAllowed("supervisor_only", _("Only a supervisor releases without an element."))
    if not earlier or earlier[0].officer == actor.id:
        raise NotAllowed("release_by_another", _("Another person must have recorded a way before."))
    if clock.now() - earlier[0].at < SUPERVISOR_WAIT:
        raise Conflict("release_too_early", _("Wait 24 hours after the first check."))


def origin_confirmed(*, case: Case) -> bool:
    """R20: a request staff entered counts when another person saw its original."""
    return not case.opener or bool(case.origin_confirmed_by)


def confirm_origin(*, case_id: UUID, actor: Actor) -> Case:
    """Write down that a second person saw the original and the contact answered (R20)."""
    _require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        if not case.opener:
            raise Conflict("origin_own", _("The person sent this request themselves."))
        if case.opener == actor.id:
            raise NotAllowed("origin_same_person", _("Another person has to see the original."))
        case.origin_confirmed_by = actor.id
        case.save(update_fields=["origin_confirmed_by"])
        record("case.origin_confirmed", actor=actor, case_id=case.id)
    return case


# -- waiting for the person ---------------------------------------------------------------------


def ask_for_photo(*, case: Case, actor: Actor) -> None:
    """The photo cannot be used: the person is told and may send another (T-07). Words: "Needs you".

    Called in the unit of work that judged the probe; nothing happens once the search has started.
    """
    if case.status not in {Status.RECEIVED, Status.IDENTITY}:
        return
    advance(case=case, action=Action.ASK_INFO, actor=actor)
    _queue_needs_you(case)


def _queue_needs_you(case: Case) -> None:
    if vault.read_json(case.contact_unit, "contact").get("email"):
        queue_effect(
            kind="mail.needs_you",
            subject_id=case.id,
            unique_key=f"mail.needs_you:{case.id}:{clock.now():%Y%m%d%H%M%S%f}",
        )


def receive_message(
    *, case_id: UUID, actor: Actor, text: str = "", also: Callable[[Case], None] | None = None
) -> Case:
    """The person adds something: words, or by `also` another photo. Ends waiting for them."""
    words = _words(text, code="message_missing") if text.strip() or also is None else ""
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        if words:
            _keep_message(case, Direction.IN, words, by="")
            record("message.received", actor=actor, case_id=case.id)
        if also is not None:
            also(case)
        case.refresh_from_db()
        if case.status == Status.NEEDS_INFO:
            advance(case=case, action=Action.INFO_RECEIVED, actor=actor)
    return case


def send_message(*, case_id: UUID, actor: Actor, text: str, needs_answer: bool = False) -> Case:
    """An officer writes to the person; with `needs_answer` the case waits for them."""
    _require_reviewer(actor)
    words = _words(text, code="message_missing")
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        _keep_message(case, Direction.OUT, words, by=actor.id)
        record("message.sent", actor=actor, case_id=case.id)
        if needs_answer:
            advance(case=case, action=Action.ASK_INFO, actor=actor)
        _queue_needs_you(case)
    return case


def _keep_message(case: Case, direction: Direction, words: str, *, by: str) -> Message:
    message_id = new_id()
    field = f"message.{message_id}"
    vault.write_small(case.file_unit, field, words.encode())
    return Message.objects.create(
        id=message_id, case=case, direction=direction, at=clock.now(), by=by, field=field
    )


# -- mailbox ------------------------------------------------------------------------------------


def send_mail_code(*, case_id: UUID, actor: Actor) -> MailCode:
    """Send a code to the mailbox given at filing; it proves that and opens nothing (R12)."""
    with unit_of_work():
        case = lock(case_id)
        if not vault.read_json(case.contact_unit, "contact").get("email"):
            raise BadInput("no_address", _("You gave no e-mail address."))
        moment = clock.now()
        today = case.mail_codes.filter(sent_at__gt=moment - timedelta(days=1))
        if today.count() >= MAIL_CODES_A_DAY:
            raise Conflict("mail_codes_used", _("We sent five codes today. Try again tomorrow."))
        sent = MailCode.objects.create(case=case, sent_at=moment)
        queue_effect(kind="mail.code", subject_id=sent.id, unique_key=f"mail.code:{sent.id}")
        record("mailbox.code_sent", actor=actor, case_id=case.id)
    return sent


def confirm_mail_code(*, case_id: UUID, code: str, actor: Actor) -> None:
    """Take the code from the mailbox. Raises `WrongCode` or `Conflict("mail_code_over")`."""
    typed = "".join(letter for letter in code if letter.isdigit())
    with unit_of_work():
        case = lock(case_id)
        sent = case.mail_codes.order_by("-sent_at").first()
        over = (
            sent is None
            or sent.tries >= MAIL_CODE_TRIES
            or clock.now() - sent.sent_at > MAIL_CODE_LIFE
        )
        if sent is None or over:
            raise Conflict("mail_code_over", _("This code is over. Ask for a new one."))
        if sent.confirmed_at is not None:
            return
        right = hmac.compare_digest(codes.mail_code(sent), typed)
        if right:
            sent.confirmed_at = clock.now()
            record("mailbox.confirmed", actor=actor, case_id=case.id)
        else:
            sent.tries += 1
        sent.save(update_fields=["confirmed_at", "tries"])
    if not right:
        raise WrongCode(
            "wrong_code", _("This is not the code we sent."), left=MAIL_CODE_TRIES - sent.tries
        )


# -- the desk's small acts ----------------------------------------------------------------------


def assign(*, case_id: UUID, to: str, actor: Actor) -> Case:
    _require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        case.assignee = to
        case.save(update_fields=["assignee"])
        record("case.assigned", actor=actor, case_id=case.id, to=to)
    return case


def raise_flag(*, case_id: UUID, code: str, actor: Actor) -> Flag:
    """Raise something for officers; the same flag twice is one. Never shown outside (R3)."""
    with unit_of_work():
        flag, created = Flag.objects.get_or_create(
            case_id=case_id,
            code=code,
            defaults={"raised_at": clock.now(), "raised_by": actor.id},
        )
        if created:
            record("case.flagged", actor=actor, case_id=case_id, code=code)
    return flag


def set_outcome(*, case: Case, outcome: str, actor: Actor) -> Case:
    """What a decided case came to; named by a person, never by a machine (law P-12)."""
    _require_reviewer(actor)
    with unit_of_work():
        row = lock(case.id)
        if row.status in BEFORE_SEARCH | {Status.SEARCHING, Status.IN_REVIEW, Status.PURGED}:
            raise Conflict("not_decided", _("The case is not decided yet."))
        row.outcome = Outcome(outcome)
        row.save(update_fields=["outcome"])
        record("case.outcome_set", actor=actor, case_id=row.id, outcome=row.outcome)
    case.outcome = row.outcome
    return case


def renew_code(*, case_id: UUID, actor: Actor) -> str:
    """A new receipt code after a new check by an officer; the old one ends (R12)."""
    _require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        case.code_counter += 1
        case.save(update_fields=["code_counter"])
        record("case.code_renewed", actor=actor, case_id=case.id, counter=case.code_counter)
    return receipt_code(case)


# -- the person's own acts ----------------------------------------------------------------------


def add_right(*, case_id: UUID, right: str, actor: Actor) -> None:
    """Add a wish to the request (T-11); the clock of the case stays."""
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        _row, created = CaseRight.objects.get_or_create(case=case, right=RightCode(right))
        if created:
            record("case.right_added", actor=actor, case_id=case.id, right=str(right))


def delete_now(
    *, case_id: UUID, code: str, actor: Actor, also: Callable[[Case], None] | None = None
) -> Case:
    """The person asks, with the second factor again, not to wait until the planned day (R4).

    Erasure itself is another room's: `also` starts it in the same unit of work. Raises
    `WrongCode`, and `Conflict("answer_first")` before the answer was delivered.
    """
    found = Case.objects.filter(id=case_id).first()
    if found is None or not check_code(case=found, code=code):
        raise WrongCode("wrong_code", _("This is not the code of this request."))
    with unit_of_work():
        case = lock(case_id)
        if case.status != Status.DELIVERED:
            raise Conflict(
                "answer_first",
                _("We can delete now once your answer is here. Until then your data are needed."),
            )
        _row, created = CaseRight.objects.get_or_create(case=case, right=RightCode.ERASURE)
        if created:
            record("case.right_added", actor=actor, case_id=case.id, right=str(RightCode.ERASURE))
        if case.delete_now_at is None:
            case.delete_now_at = clock.now()
            case.save(update_fields=["delete_now_at"])
            record("case.delete_now", actor=actor, case_id=case.id)
        if also is not None:
            also(case)
    return case


def withdraw(*, case_id: UUID, actor: Actor) -> Case:
    """The person takes the request back: it ends, the photo goes, nothing is held against them."""
    with unit_of_work():
        case = lock(case_id)
        Consent.objects.filter(case=case, withdrawn_at=None).update(withdrawn_at=clock.now())
        advance(case=case, action=Action.WITHDRAW, actor=actor, outcome=Outcome.WITHDRAWN)
        end_deliveries(case_id=case.id)
        run_purgers(case_id=case.id, actor=actor, reason="withdrawn")
    return case


# -- the end ------------------------------------------------------------------------------------


def close(*, case_id: UUID, actor: Actor) -> Case:
    """Close a delivered case: holds end and the photo goes (R1, law P-06)."""
    with unit_of_work():
        case = lock(case_id)
        advance(case=case, action=Action.CLOSE, actor=actor)
        run_purgers(case_id=case.id, actor=actor, reason="closed")
    return case


def purge(*, case_id: UUID, actor: Actor) -> Case:
    """Destroy contact data and file; only the trail stays, without names or biometrics."""
    with unit_of_work():
        case = lock(case_id)
        advance(case=case, action=Action.PURGE, actor=actor)
        run_purgers(case_id=case.id, actor=actor, reason="purged")
    return case


def close_due() -> int:
    """Close and purge by schedule: each 30 days after the step before (law P-06, L-23)."""
    before = clock.now() - KEEP_AFTER_DELIVERY
    done = 0
    delivered = Case.objects.filter(status=Status.DELIVERED, delivered_at__lt=before)
    for case in delivered.exclude(rights__right=RightCode.ERASURE):
        close(case_id=case.id, actor=_SCHEDULE)
        done += 1
    for case in Case.objects.filter(status=Status.CLOSED, closed_at__lt=before):
        purge(case_id=case.id, actor=_SCHEDULE)
        done += 1
    return done


def purge_own(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """This room's purger: at the end contact and file go, and what could find them by hash."""
    if reason != "purged":
        return
    case = lock(case_id)
    WayIn.objects.filter(case=case).update(keyed_hash=None)
    end_deliveries(case_id=case.id)
    vault.request_shred([case.contact_unit, case.file_unit], reason="purged")


# -- guards -------------------------------------------------------------------------------------


def _require_reviewer(actor: Actor) -> None:
    if not actor.is_human_staff or actor.role not in REVIEWERS:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))


def _require_not_over(case: Case) -> None:
    if case.status in _OFF and not erases_unseen(case):
        raise Conflict("case_over", _("This request is closed."))


def _words(text: str, *, code: str) -> str:
    words = text.strip()
    if not words:
        raise BadInput(code, _("Write a few words."))
    if len(words) > MAX_WORDS or len(words.encode()) > vault.INLINE_BYTES:
        raise BadInput(
            "words_too_long",
            _("This text is too long. We take up to %(limit)s characters.") % {"limit": MAX_WORDS},
        )
    return words
