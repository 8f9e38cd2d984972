"""What can be done with a case. Pages, commands, jobs and the rooms above call these and no other.

Keyword-only; each is one unit of work (or joins the caller's): permission, lock, state, change,
audit event, job on commit.
"""

import hmac
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import (
    answering,
    asking,
    codes,
    corrections,
    evidence_locks,
    exemptions,
    keeping,
    pauses,
    proofs,
    proposals,
    recusals,
    wish_pauses,
)
from dsr_portal.cases.asking import (
    add_ways,
    may_come_back,
    open_again_until,
    remind_due,
    standing_ask,
    take_from_person,
    waited_enough,
    was_asked,
)
from dsr_portal.cases.asking import unanswered as unanswered_ask
from dsr_portal.cases.codes import check_code, receipt_code
from dsr_portal.cases.confirmations import renew_code
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
    renew_deliveries,
    tell_of_lock,
)
from dsr_portal.cases.drafts import sweep_drafts
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.intake import Contact, Opened, WaySent, arrival_of, open_case, write_consent
from dsr_portal.cases.keep_days import KEEP_EACH, OF_CHILDREN, of_child
from dsr_portal.cases.levels import (
    COMPARES_FACES,
    DISCLOSURE_LEVEL,
    level_of,
    level_without_photo,
    of_right,
)
from dsr_portal.cases.messages import (
    MAX_WORDS,
    keep_message,
    queue_needs_you,
    queue_wrote,
    words_of,
)
from dsr_portal.cases.models import (
    Ask,
    Case,
    CaseRight,
    Channel,
    Consent,
    ConsentScope,
    Direction,
    IdentityCheck,
    IdentityElement,
    IdentityWay,
    LockOver,
    MailCode,
    MailRole,
    MailState,
    Outcome,
    RightCode,
    Status,
    WayIn,
)
from dsr_portal.cases.moves import advance, lock, quietly
from dsr_portal.cases.public_status import erases_unseen
from dsr_portal.cases.receipts import receipt_text
from dsr_portal.cases.states import BEFORE_SEARCH, OVER, Action
from dsr_portal.cases.wishes import erase_on, locked_instead, rights_to_add, write_right
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import purgers
from dsr_portal.documents.models import Document
from dsr_portal.gallery import face_blocks
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

__all__ = [
    "BEFORE_SEARCH",
    "DISCLOSURE_LEVEL",
    "KEEP_EACH",
    "MAX_WORDS",
    "Contact",
    "Grant",
    "LinkClosed",
    "Opened",
    "Part",
    "WaySent",
    "WrongCode",
    "add_right",
    "add_ways",
    "advance",
    "ask_for_photo",
    "ask_to_identify",
    "assign",
    "check_code",
    "close",
    "close_due",
    "confirm_mail_code",
    "confirm_origin",
    "delete_now",
    "erase_on",
    "fetch",
    "find_delivery",
    "granted",
    "has_consent",
    "has_unread_mail",
    "identity_asked_again",
    "known_without_photo",
    "link_token",
    "locked_instead",
    "may_come_back",
    "make_delivery",
    "open_again_until",
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
    "remind_due",
    "renew_code",
    "renew_deliveries",
    "rights_to_add",
    "send_mail_code",
    "send_message",
    "set_outcome",
    "standing_ask",
    "sweep_drafts",
    "take_wish",
    "unanswered_ask",
    "waited_enough",
    "was_asked",
    "withdraw",
    "withdraw_consent",
]

MAIL_CODE_LIFE = timedelta(minutes=30)
MAIL_CODE_TRIES = 5
MAIL_CODES_A_DAY = 5
SUPERVISOR_WAIT = timedelta(hours=24)
_SCHEDULE = Actor.system("case-schedule")
_WISHES = Actor.system("added-wishes")


# -- consent ------------------------------------------------------------------------------------


def has_consent(*, case: Case, scope: str, versions: Collection[str] = ()) -> bool:
    """Whether a consent stands; with `versions` one to these words."""
    standing = Consent.objects.filter(case=case, scope=scope, withdrawn_at=None)
    return (standing.filter(text_version__in=versions) if versions else standing).exists()


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
        if not _end_consents(standing, case, actor):
            return
        if scope == ConsentScope.BLOCK_LIST:
            face_blocks.end(case_id=case.id, actor=actor)
        if scope != ConsentScope.COMPARISON:
            return
        run_purgers(case_id=case.id, actor=actor, reason="consent_withdrawn")
        if case.status == Status.SEARCHING:
            advance(case=case, action=Action.STOP_SEARCH, actor=actor)
        _comparisons_lapse(case, actor)


def _end_consents(standing: QuerySet[Consent], case: Case, actor: Actor) -> int:
    """How many stood; the trail says of each that it ended (law L-03)."""
    scopes = list(standing.values_list("scope", flat=True))
    standing.update(withdrawn_at=clock.now())
    for scope in scopes:
        record("consent.withdrawn", actor=actor, case_id=case.id, scope=scope)
    return len(scopes)


def _comparisons_lapse(case: Case, actor: Actor) -> None:
    """A check that compared faces was about the photo that is gone now: it carries nothing (R2).

    What other ways showed stays.
    """
    if case.status not in BEFORE_SEARCH:
        return
    case.identity_checks.filter(lapsed_at=None, way__in=list(COMPARES_FACES)).update(
        lapsed_at=clock.now()
    )
    _lower_level(case, known_without_photo(case), actor)


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
    require_reviewer(actor)
    if way not in IdentityWay.values or (element and element not in IdentityElement.values):
        raise BadInput("no_such_way", _("Choose one of the ways."))
    words = words_of(compared, code="compared_missing")
    with unit_of_work():
        case = lock(case_id)
        if case.status not in BEFORE_SEARCH:
            raise Conflict("level_fixed", _("The level is fixed once the search has started."))
        if way == IdentityWay.DOCUMENT:
            proofs.require_shown(case)
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
        if level >= case.required_level:
            # What a standing question was for is known now.
            pauses.end_pauses(case, actor=actor)
            proofs.end_of(case.id, actor=actor)
            asking.now_known(case, actor)
            wish_pauses.now_known(case, actor)
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
    """Another photo or another name came after somebody was checked: check anew (R2, R7).

    Otherwise a person known by their own photo could have a stranger's searched. Runs in the unit
    of work that took what came, before any search.
    """
    if case.status not in BEFORE_SEARCH:
        return
    case.identity_checks.filter(lapsed_at=None).update(lapsed_at=clock.now())
    case.proof_documents.filter(lapsed_at=None).update(lapsed_at=clock.now())
    _lower_level(case, 0, actor)


def _lower_level(case: Case, level: int, actor: Actor) -> None:
    if level >= case.level:
        return
    case.level = level
    case.save(update_fields=["level"])
    record("identity.lapsed", actor=actor, case_id=case.id)


def known_without_photo(case: Case) -> int:
    """The level reached by checks that compared no face with a photo (R2)."""
    return level_without_photo(case.identity_checks.filter(lapsed_at=None))


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
    """R20: a request staff entered counts when another person saw its original, and a mail when
    somebody read what it asks for (T-09)."""
    return (not case.opener or bool(case.origin_confirmed_by)) and not has_unread_mail(case)


def has_unread_mail(case: Case) -> bool:
    """Whether nobody has yet said what the mail that opened this case asks for."""
    return case.mails.filter(role=MailRole.OPENED, state=MailState.WAITING).exists()


def confirm_origin(*, case_id: UUID, actor: Actor) -> Case:
    """Write down that a second person saw the original and the contact answered (R20)."""
    require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        if not case.opener:
            raise Conflict("origin_own", _("The person sent this request themselves."))
        if has_unread_mail(case):
            raise Conflict("mail_unread", _("Read the mail first, and say what it asks for."))
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
    queue_needs_you(case)


def receive_message(
    *,
    case_id: UUID,
    actor: Actor,
    text: str = "",
    also: Callable[[Case], None] | None = None,
    answers: str = "",
    on: date | None = None,
) -> Case:
    """The person adds something: words, or by `also` another photo. Ends waiting for them.

    `answers` says which question the words are about, where several are open (`answering`). A
    person of staff who enters what came says the day it reached us, too (`on`).
    """
    words = words_of(text, code="message_missing") if text.strip() or also is None else ""
    with unit_of_work():
        case = lock(case_id)
        # Who enters what came says so; it is the person who gave it.
        giver = Actor.person(case.id) if actor.is_human_staff else actor
        if not erases_unseen(case):
            take_from_person(case, giver)
        answering.require_open(case, answers)
        by = actor.id if actor.is_human_staff else ""
        message = None
        if words:
            message = keep_message(case, Direction.IN, words, by=by, at=arrival_of(on))
            record("message.received", actor=actor, case_id=case.id)
        if also is not None:
            also(case)
        noted = answering.take(case, answers=answers, words=bool(words), actor=giver, on=on)
        if message is not None and noted:
            message.answers = noted
            message.save(update_fields=["answers"])
    return case


def ask_to_identify(
    *,
    case_id: UUID,
    actor: Actor,
    missing: Sequence[str],
    means: Sequence[str],
    text: str,
    stop_clock: bool = False,
) -> Ask:
    """An officer asks once for what is missing, with at least two choices; see `asking`."""
    require_reviewer(actor)
    return asking.ask_to_identify(
        case_id=case_id,
        actor=actor,
        missing=missing,
        means=means,
        text=text,
        stop_clock=stop_clock,
    )


def send_message(*, case_id: UUID, actor: Actor, text: str) -> Case:
    """An officer writes to the person. Words alone let no case wait: that takes an ask, with its
    fact and its choices (R-06, N-07)."""
    require_reviewer(actor)
    words = words_of(text, code="message_missing")
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        keep_message(case, Direction.OUT, words, by=actor.id)
        record("message.sent", actor=actor, case_id=case.id)
        queue_wrote(case)
    return case


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
        if right:
            recusals.write_down(case)
    if not right:
        raise WrongCode(
            "wrong_code", _("This is not the code we sent."), left=MAIL_CODE_TRIES - sent.tries
        )


# -- the desk's small acts ----------------------------------------------------------------------


def assign(*, case_id: UUID, to: str, actor: Actor) -> Case:
    require_reviewer(actor)
    with unit_of_work():
        case = lock(case_id)
        if to in recusals.kept_away(case.id):
            raise NotAllowed("recused", _("This person must not work on this request."))
        case.assignee = to
        case.save(update_fields=["assignee"])
        record("case.assigned", actor=actor, case_id=case.id, to=to)
    return case


def set_outcome(*, case: Case, outcome: str, actor: Actor) -> Case:
    """What a decided case came to; named by a person, never by a machine (law P-12)."""
    require_reviewer(actor)
    with unit_of_work():
        row = lock(case.id)
        if row.status in BEFORE_SEARCH | {Status.SEARCHING, Status.IN_REVIEW, Status.PURGED}:
            raise Conflict("not_decided", _("The case is not decided yet."))
        row.outcome = Outcome(outcome)
        row.save(update_fields=["outcome"])
        record("case.outcome_set", actor=actor, case_id=row.id, outcome=row.outcome)
    case.outcome = row.outcome
    return case


# -- the person's own acts ----------------------------------------------------------------------


def add_right(*, case_id: UUID, right: str, actor: Actor) -> CaseRight:
    """Add a wish to the request (T-11). The clock of the case stays; the wish has a month of its
    own, for it reached us today (D-01). Officers are told by a flag.

    Before the search it may raise the level that is asked (R2). Asking to lock what was to be
    erased keeps it as evidence: nothing is erased before the lock ends (Art. 18(1)(c)).
    """
    chosen = RightCode(right)
    with unit_of_work():
        case = lock(case_id)
        _require_not_over(case)
        standing = CaseRight.objects.filter(case=case, right=chosen).first()
        if standing is not None:
            return standing
        if chosen not in rights_to_add(case):
            raise Conflict("right_late", _("Send a new request for this."))
        return take_wish(case=case, right=chosen, actor=actor)


def take_wish(
    *, case: Case, right: RightCode, actor: Actor, asked_at: datetime | None = None
) -> CaseRight:
    """Write a later wish with all that follows from it, in the caller's unit of work and under the
    case's lock; `asked_at` is the day a mail of it reached us."""
    row = write_right(case, right, actor, asked_at=asked_at)
    if case.status in BEFORE_SEARCH:
        case.required_level = max(case.required_level, of_right(right))
        case.save(update_fields=["required_level"])
    raise_flag(case_id=case.id, code=f"added_{right}", actor=actor)
    erases = case.rights.filter(right=RightCode.ERASURE).exists()
    if right == RightCode.RESTRICTION and erases and evidence_locks.may_ask(case):
        evidence_locks.write(case=case, years=evidence_locks.DEFAULT_YEARS, actor=actor)
    if case.delivered_at is not None:
        # Nothing leaves any more that would take the news to recipients with it.
        tell_of_lock(case, actor=_WISHES)
    return row


def delete_now(
    *, case_id: UUID, code: str, actor: Actor, also: Callable[[Case], None] | None = None
) -> Case:
    """The person asks, with the second factor again, not to wait until the planned day (R4).

    Erasure itself is another room's: `also` starts it in the same unit of work. Raises
    `WrongCode`; `Conflict` with answer_first before the answer was delivered, and level_not_met
    where one check of who asks was enough so far (R2).
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
        if case.level < DISCLOSURE_LEVEL:
            raise Conflict(
                "level_not_met",
                _(
                    "Deleting asks for a second sign that it is you. Send a new request to delete: "
                    "it costs nothing, and you choose how to show it."
                ),
            )
        if not case.rights.filter(right=RightCode.ERASURE).exists():
            write_right(case, RightCode.ERASURE, actor)
        if case.delete_now_at is None:
            case.delete_now_at = clock.now()
            case.save(update_fields=["delete_now_at"])
            record("case.delete_now", actor=actor, case_id=case.id)
        evidence_locks.end_with(case=case, how=LockOver.DELETED, actor=actor)
        if also is not None:
            also(case)
    return case


def withdraw(*, case_id: UUID, actor: Actor) -> Case:
    """The person takes the request back: it ends, the photo goes, nothing is held against them.

    Where an erasure runs that nobody outside knows of, it goes on and the person is told the same
    as everybody: a refusal would tell that something was found (R3).
    """
    with unit_of_work():
        case = lock(case_id)
        unseen = actor.kind == "person" and erases_unseen(case)
        _end_consents(Consent.objects.filter(case=case, withdrawn_at=None), case, actor)
        if unseen:
            _note_withdrawal(case, actor)
        else:
            advance(case=case, action=Action.WITHDRAW, actor=actor, outcome=Outcome.WITHDRAWN)
        case.withdrawn_at = clock.now()
        case.save(update_fields=["withdrawn_at"])
        evidence_locks.end_with(case=case, how=LockOver.WITHDRAWN, actor=actor)
        end_deliveries(case_id=case.id)
        face_blocks.end(case_id=case.id, actor=actor)
        run_purgers(
            case_id=case.id, actor=actor, reason="consent_withdrawn" if unseen else "withdrawn"
        )
    return case


def _note_withdrawal(case: Case, actor: Actor) -> None:
    """The same event as of any withdrawal; the case itself ends with its erasure."""
    record(
        "case.withdrawn",
        actor=actor,
        case_id=case.id,
        action=str(Action.WITHDRAW),
        before=case.status,
        after=case.status,
        outcome=case.outcome or None,
    )


# -- the end ------------------------------------------------------------------------------------


def close(*, case_id: UUID, actor: Actor) -> Case:
    """Close a delivered case: holds end and the photo goes (R1, law P-06)."""
    with unit_of_work():
        case = lock(case_id)
        advance(case=case, action=Action.CLOSE, actor=actor)
        run_purgers(case_id=case.id, actor=actor, reason="closed")
    return case


def purge(*, case_id: UUID, actor: Actor) -> Case:
    """Destroy contact data and file; only the trail stays, without names or biometrics.

    `Conflict("kept_as_evidence")` while a lock stands: the person has to be told before it ends;
    `Conflict("kept_longer")` while an authority, an order or a breach needs it.
    """
    with unit_of_work():
        case = lock(case_id)
        if evidence_locks.in_force(case.id) is not None:
            raise Conflict("kept_as_evidence", _("A lock stands that the person asked for."))
        keeping.require_not_kept(case.id)
        proposals.lapse_all(case, actor=actor)
        advance(case=case, action=Action.PURGE, actor=actor)
        run_purgers(case_id=case.id, actor=actor, reason="purged")
    return case


def close_due() -> int:
    """Close and purge by schedule: each 30 days after the step before, for a child sooner (law
    P-06, L-23, C-02).

    What is locked as evidence is closed like the others; contact and file stay until the lock has
    ended, and 30 days more. They stay as well while an exemption keeps a record that has to be
    erased after it, and while something else keeps the case (`keeping`).
    """
    of_children = Case.objects.filter(OF_CHILDREN).values("id")
    others = Case.objects.exclude(id__in=of_children)
    children = Case.objects.filter(id__in=of_children)
    due = [*_ending(others, KEEP_EACH), *_ending(children, of_child())]
    return sum(
        quietly(partial(act, case_id=one, actor=_SCHEDULE), doing=doing, of=one)
        for doing, act, one in due
    )


def _ending(cases: QuerySet[Case], keep: timedelta) -> list[tuple[str, Callable[..., Case], UUID]]:
    """Of these, what is closed or destroyed today, kept so long in each of the two steps."""
    before = clock.now() - keep
    delivered = cases.filter(status=Status.DELIVERED, delivered_at__lt=before)
    waits = delivered.filter(rights__right=RightCode.ERASURE)
    locked = waits.filter(id__in=evidence_locks.in_force_cases())
    closing = delivered.exclude(id__in=waits.exclude(id__in=locked))
    # What was said to be wrong is answered first, and its letter read (Art. 16).
    closing = closing.exclude(id__in=corrections.keeps_open(before))
    # A request that was taken back ends on the same day whatever was found (R3).
    ended = Coalesce("withdrawn_at", "closed_at")
    over = cases.annotate(ended=ended).filter(status=Status.CLOSED, ended__lt=before)
    over = over.exclude(id__in=evidence_locks.kept_since(before))
    over = over.exclude(id__in=exemptions.open_cases()).exclude(keeping.kept())
    due: list[tuple[str, Callable[..., Case], UUID]]
    due = [("close", close, one) for one in closing.values_list("id", flat=True)]
    return due + [("purge", purge, one) for one in over.values_list("id", flat=True)]


def purge_own(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """This room's purger: at the end contact and file go, and what could find them by hash."""
    if reason != "purged":
        return
    case = lock(case_id)
    WayIn.objects.filter(case=case).update(keyed_hash=None)
    mails = list(case.mails.values_list("unit", flat=True))
    case.mails.update(content_hash=None)
    Case.objects.filter(id=case.id).update(contact_hash=None)
    end_deliveries(case_id=case.id)
    written = case.letters.exclude(document_id=None).values_list("document_id", flat=True)
    papers = Document.objects.filter(id__in=written).values_list("unit", flat=True)
    live = [one for one in [*papers, *mails] if vault.unit_state(one) == vault.UnitState.LIVE]
    vault.request_shred([case.contact_unit, case.file_unit, *live], reason="purged")


# -- guards -------------------------------------------------------------------------------------


def _require_not_over(case: Case) -> None:
    if case.withdrawn_at is not None or (case.status in OVER and not erases_unseen(case)):
        raise Conflict("case_over", _("This request is closed."))
