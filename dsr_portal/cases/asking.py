"""Asking who is not identified yet for more, with choices, and taking what they give (T-07, R-06).

A request that ended because nobody could tell which records are the person's opens again when they
give more: the letter that ended it says so, and until when that works.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import clocks, letters, ordered, pauses, proposals
from dsr_portal.cases.deliveries import end_ready
from dsr_portal.cases.intake import WaySent, checked_way
from dsr_portal.cases.keep_days import keep_each
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import (
    has_mailbox,
    keep_message,
    queue_needs_you,
    require_room,
)
from dsr_portal.cases.models import (
    UNIDENTIFIED,
    Ask,
    AskedFact,
    Case,
    Direction,
    Letter,
    LetterKind,
    Means,
    Missing,
    ProposalKind,
    Status,
    WayIn,
)
from dsr_portal.cases.moves import advance, quietly
from dsr_portal.cases.page_models import WishOver
from dsr_portal.cases.states import BEFORE_SEARCH, OVER, Action
from dsr_portal.cases.texts import day_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.core.transactions import require_outside_transaction
from dsr_portal.jobs.services import queue_effect
from dsr_portal.vault import services as vault

LEAST_MEANS = 2
MOST_WAYS = 30
MAX_ASK = 1500
WAIT_FOR_ANSWER = timedelta(days=14)
"""How long the person has before a request may end without their answer (D-08)."""

REMIND_AFTER = timedelta(days=7)
"""A question without an answer is asked once more, and then has as long again (D-08)."""


_DOUBTS = frozenset({Missing.NO_WAY_TAKEN, Missing.WAY_DID_NOT_SHOW, Missing.NAMED_NOT_LINKED})
"""Facts about who is asking (Art. 12(6)); the others are about what is asked for (Art. 11(2))."""

_MAY_COME_BACK = frozenset({Status.DECIDED, Status.DELIVERED, Status.CLOSED})
_SCHEDULE = Actor.system("case-schedule")


# -- asking -------------------------------------------------------------------------------------


def ask_to_identify(
    *,
    case_id: UUID,
    actor: Actor,
    missing: Sequence[str],
    means: Sequence[str],
    text: str,
    stop_clock: bool = False,
) -> Ask:
    """Ask the person once for what is missing: the fact, a sentence, and at least two choices.

    With `stop_clock` the period stands still until the answer (law D-07); a question that comes
    late needs another person for that. The caller has checked that `actor` is a reviewer. Raises
    `BadInput` with no_fact, two_means and those of `letters.own_words`; `Conflict` with
    asked_already while an answer is awaited, asked_before where one was (`asking_again`),
    clock_over where the period has ended.
    """
    facts, choices = checked(missing=missing, means=means)
    with unit_of_work():
        case = lock(case_id)
        words = letters.own_words(text, case)
        require_may_ask(case)
        if was_asked(case):
            raise Conflict(
                "asked_before",
                _("The person was asked once. More needs a new fact and another person."),
            )
        if Means.DOCUMENT in choices:
            raise BadInput(
                "document_first", _("Offer other ways first: a document is never asked for first.")
            )
        return send_ask(
            case, actor=actor, facts=facts, means=choices, words=words, stop_clock=stop_clock
        )


def checked(*, missing: Sequence[str], means: Sequence[str]) -> tuple[list[str], list[str]]:
    """Facts and choices as an ask takes them, or `BadInput`."""
    facts = _codes(Missing, missing)
    choices = _codes(Means, means)
    if not facts:
        raise BadInput("no_fact", _("Choose which fact makes you ask."))
    if len(choices) < LEAST_MEANS:
        raise BadInput("two_means", _("Offer at least two ways to choose from."))
    return facts, choices


def require_may_ask(case: Case) -> None:
    """`Conflict` with ask_late once the search began, asked_already while an answer is awaited."""
    if case.status not in BEFORE_SEARCH:
        raise Conflict("ask_late", _("The search has begun: nothing more is asked."))
    if case.asks.filter(answered_at=None).exists():
        raise Conflict("asked_already", _("The person was asked and has not answered yet."))


def was_asked(case: Case) -> bool:
    """Whether the person was ever asked."""
    return case.asks.exists()


def send_ask(
    case: Case,
    *,
    actor: Actor,
    facts: Sequence[str],
    means: Sequence[str],
    words: str,
    stop_clock: bool,
    agreed_by: str = "",
) -> Ask:
    """Write the ask as a letter and let the case wait; in the caller's unit of work, under the
    case's lock.

    Who has a page reads the same words there at once. The clock, the reminder and the time to
    answer count from the day the letter leaves. The database refuses a second one without
    `agreed_by`, and a fact that was asked about before.
    """
    told = _message(case, words, means)
    require_room(told, limit=len(told))
    number = case.asks.count() + 1
    ask = Ask.objects.create(
        case=case,
        number=number,
        level=case.required_level,
        letter=letters.write(
            case=case,
            kind=LetterKind.IDENTITY_DOUBT if _DOUBTS & set(facts) else LetterKind.NEED_INFO,
            key=f"ask:{case.id}:{number}",
            actor=actor,
            agreed_by=agreed_by,
            facts=_facts(case, facts=facts, means=means, words=words, stops=stop_clock),
        ),
        missing=facts,
        means=means,
        officer=actor.id,
        at=clock.now(),
        message=keep_message(case, Direction.OUT, told, by=actor.id),
        agreed_by=agreed_by,
    )
    AskedFact.objects.bulk_create(AskedFact(case=case, ask=ask, fact=fact) for fact in facts)
    record("message.sent", actor=actor, case_id=case.id)
    record(
        "identity.asked",
        actor=actor,
        case_id=case.id,
        subject_id=ask.id,
        missing=facts,
        means=means,
    )
    if case.status != Status.NEEDS_INFO:
        advance(case=case, action=Action.ASK_INFO, actor=actor)
    if stop_clock:
        pauses.stop_clock(case, ask, actor=actor)
    queue_needs_you(case)
    return ask


def _facts(
    case: Case, *, facts: Sequence[str], means: Sequence[str], words: str, stops: bool
) -> dict[str, object]:
    """What the letter says: also what the question does to the clock, with the dates (9(d))."""
    counted = clocks.clock_of(case)
    today = clock.today()
    due = ordered.due_on(case)
    how = "late" if today > due else "runs"
    # No question moves a day that an authority ordered (law O-02).
    if stops and due == counted.due.legal and not counted.late:
        how = "stands" if pauses.in_time(case) else "agree"
    return {
        "missing": list(facts),
        "means": list(means),
        "words": words,
        "clock": how,
        "due": due.isoformat(),
        "again": (today + REMIND_AFTER).isoformat(),
        "end": (today + WAIT_FOR_ANSWER).isoformat(),
    }


def sent(letter: Letter, case: Case) -> None:
    """The question left, by link or by post: from now on the person can answer it."""
    pauses.question_sent(letter.ask, case)


def reminder_sent(letter: Letter, case: Case) -> None:
    ask = letter.reminds_of
    ask.reminded_at = letter.sent_at
    ask.save(update_fields=["reminded_at"])
    record("identity.reminded", actor=_SCHEDULE, case_id=case.id, subject_id=ask.id)


def _codes(kind: type[Missing] | type[Means], given: Sequence[str]) -> list[str]:
    known = [value for value in kind.values if value in set(given)]
    if len(known) != len(set(given)):
        raise BadInput("no_such_choice", _("Choose among the choices."))
    return known


def _message(case: Case, words: str, means: Sequence[str]) -> str:
    """The officer's sentence and the choices, in the person's language, for the page."""
    with translation.override(case.language):
        lines = [words, "", _("Choose what suits you:")]
        lines += [f"- {Means(one).label}" for one in means]
        lines += [
            "",
            _(
                "You don't have to send a photo or a document. If we can't tell who you are, a "
                "letter says so, two weeks from now at the earliest. Your request opens again "
                "when you give more."
            ),
        ]
    return "\n".join(lines)


def standing_ask(case: Case) -> Ask | None:
    """The newest thing we asked."""
    return case.asks.order_by("-at").first()


def unanswered(case: Case) -> Ask | None:
    """The question the case waits on, until the person says anything to it."""
    if case.status != Status.NEEDS_INFO:
        return None
    return case.asks.filter(answered_at=None).order_by("-at").first()


def waited_enough(ask: Ask) -> bool:
    """The person answered; or had two weeks to, and a week since they were reminded (D-08).

    Who took back the wish they answered with has two weeks from then to give something else.
    """
    now = clock.now()
    if ask.answered_at is not None:
        wishes = ask.case.page_wishes.filter(asked_by="", asked_at__range=(ask.at, ask.answered_at))
        lately = now - WAIT_FOR_ANSWER
        return not wishes.filter(ended_how=WishOver.TAKEN_BACK, ended_at__gt=lately).exists()
    if ask.sent_at is None or ask.reminded_at is None:
        return False
    return now - ask.reminded_at >= REMIND_AFTER and now - ask.sent_at >= WAIT_FOR_ANSWER


def remind_due() -> int:
    """Ask once more, in the same words, where a week brought no answer; how many were reminded.

    Again by letter: who is written to on paper was reminded on the day it was posted.
    """
    before = clock.now() - REMIND_AFTER
    open_asks = Ask.objects.filter(
        Q(letter__sent_at__lte=before) | Q(letter=None, at__lte=before),
        answered_at=None,
        reminded_at=None,
        reminder=None,
    )
    waiting = open_asks.filter(case__status=Status.NEEDS_INFO).values_list("id", flat=True)
    return sum(
        quietly(partial(_remind, one), doing="reminder", of=one)
        for one in list(waiting.order_by("at"))
    )


def _remind(ask_id: UUID) -> bool:
    with unit_of_work():
        case = lock(Ask.objects.values_list("case_id", flat=True).get(id=ask_id))
        ask = Ask.objects.select_for_update().get(id=ask_id)
        over = ask.answered_at is not None or ask.reminder_id is not None
        if over or case.status != Status.NEEDS_INFO:
            return False
        keep_message(case, Direction.OUT, _reminder(case, ask), by="")
        ask.reminder = letters.write(
            case=case,
            kind=LetterKind.ASK_REMINDER,
            key=f"ask_reminder:{ask.id}",
            actor=_SCHEDULE,
            facts=_reminder_facts(case, ask),
        )
        ask.save(update_fields=["reminder"])
        if has_mailbox(case):
            queue_effect(
                kind="mail.reminder", subject_id=case.id, unique_key=f"mail.reminder:{ask.id}"
            )
    return True


def _reminder_facts(case: Case, ask: Ask) -> dict[str, object]:
    facts = _facts(case, facts=ask.missing, means=ask.means, words=_words(ask), stops=False)
    facts["asked_on"] = clock.local_date(ask.sent_at or ask.at).isoformat()
    standing = case.pauses.filter(ask=ask, from_on__isnull=False, until_on=None).first()
    if standing is not None and standing.from_on is not None:
        due = clocks.clock_of(case).unpaused.legal
        facts |= {
            "clock": "stood",
            "since": standing.from_on.isoformat(),
            "due": due.isoformat(),
        }
    return facts


def _words(ask: Ask) -> str:
    """What the officer wrote in the letter; "" for an ask older than letters of questions."""
    if ask.letter is None:
        return ""
    return str(vault.read_json(ask.case.file_unit, ask.letter.field)["words"])


def _reminder(case: Case, ask: Ask) -> str:
    with translation.override(case.language):
        lines = [
            _("On %(day)s we asked you for something, and we have no answer yet.")
            % {"day": day_words(clock.local_date(ask.sent_at or ask.at))},
            "",
            _("Choose what suits you:"),
            *(f"- {Means(one).label}" for one in ask.means),
            "",
            _(
                "If we hear nothing, we write to you why we can't go on. You can give us more"
                " after that too, at any time."
            ),
        ]
    return "\n".join(lines)


# -- what the person gives ------------------------------------------------------------------------


def add_ways(
    *,
    case_id: UUID,
    ways: Sequence[WaySent],
    actor: Actor,
    also: Callable[[Case], None] | None = None,
) -> Case:
    """The person names something else to be found by (T-11); ends waiting for them.

    Call it outside a transaction. Raises `BadInput("nothing_named")`, `Conflict` with way_late
    once the search began, too_many_ways, case_over.
    """
    require_outside_transaction("Keeping what was named")
    given = [checked_way(way) for way in ways]
    if not given:
        raise BadInput("nothing_named", _("Name at least one thing."))
    return _add_ways(case_id, given, actor, also)


@vault.retry_stale
def _add_ways(
    case_id: UUID,
    given: Sequence[WaySent],
    actor: Actor,
    also: Callable[[Case], None] | None,
) -> Case:
    unit = Case.objects.values_list("file_unit", flat=True).get(id=case_id)
    staged = vault.stage_into(unit)
    fields = [f"way.{new_id()}" for _way in given]
    for field, way in zip(fields, given, strict=True):
        staged.add(field, way.data or way.text.encode())
    with unit_of_work():
        case = lock(case_id)
        take_from_person(case, actor)
        if case.status not in BEFORE_SEARCH:
            raise Conflict("way_late", _("We are already working with what you gave before."))
        if case.ways.count() + len(given) > MOST_WAYS:
            raise Conflict(
                "too_many_ways",
                _("We take up to %(limit)s for one request. Send another request for more.")
                % {"limit": MOST_WAYS},
            )
        staged.save()
        for field, way in zip(fields, given, strict=True):
            WayIn.objects.create(case=case, kind=way.kind, keyed_hash=way.keyed_hash, field=field)
            record("way.added", actor=actor, case_id=case.id, kind=str(way.kind))
        if also is not None:
            also(case)
        end_waiting(case, actor)
    return case


def take_from_person(case: Case, actor: Actor) -> None:
    """Open the case again where the person comes back with more, else refuse one that is over.

    Runs in the unit of work that keeps what they gave.
    """
    if may_come_back(case):
        _come_back(case, actor)
    elif case.withdrawn_at is not None or case.status in OVER:
        raise Conflict("case_over", _("This request is closed."))


def end_waiting(case: Case, actor: Actor, *, on: date | None = None) -> None:
    """The person gave something: what we asked is answered, the case does not wait any more.

    `on` is the day it reached us, where that is not today: the clock runs again from it.
    """
    if on is not None:
        pauses.end_pauses(case, actor=actor, on=on)
    case.asks.filter(answered_at=None).update(answered_at=clock.now())
    # What a colleague wanted to ask for may be among it: they look again.
    proposals.lapse(case, actor=actor, kinds=(ProposalKind.ASK_AGAIN,))
    case.refresh_from_db()
    if case.status == Status.NEEDS_INFO:
        advance(case=case, action=Action.INFO_RECEIVED, actor=actor)


def now_known(case: Case, actor: Actor) -> None:
    """A check met the level: a question that was only about who asks is answered with it.

    Also where the answer came by post or phone and stands on no page. In the unit of work that
    records the check.
    """
    standing = unanswered(case)
    if standing is not None and set(standing.missing) <= _DOUBTS:
        end_waiting(case, actor)


def may_come_back(case: Case) -> bool:
    """Whether the case ended, or is about to, only because nobody could tell who is asking."""
    unidentified = case.outcome in UNIDENTIFIED and case.withdrawn_at is None
    return unidentified and case.status in _MAY_COME_BACK


def open_again_until(case: Case) -> date | None:
    """The last day on which a case that ended so surely opens again: then it may be purged."""
    if case.closed_at is not None:
        return clock.local_date(case.closed_at + keep_each(case))
    if case.delivered_at is not None:
        return clock.local_date(case.delivered_at + 2 * keep_each(case))
    return None


def _come_back(case: Case, actor: Actor) -> None:
    """Open it again (Art. 11(2), 12(2)): a letter that waits stays, one that left can be read on.

    Where the letter had left the month starts anew with what the person gives now; `received_at`
    never changes.
    """
    answered = case.delivered_at is not None
    advance(case=case, action=Action.COME_BACK, actor=actor)
    end_ready(case_id=case.id)
    if answered:
        clocks.start_anew(case, actor=actor)
