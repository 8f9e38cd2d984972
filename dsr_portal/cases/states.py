"""The one place that knows the arrows of a case: status and action give the next status.

Plain data, and the checks over it. docs/states.md is made from this table; a test compares.
Invariants (law section 11): DECIDED, DELIVERED and ERASING are reached by people only; ERASING
follows DELIVERED where access was asked; `received_at` never changes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.cases.models import UNIDENTIFIED, RightCode, Status
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed


class Action(StrEnum):
    """What can happen to a case."""

    ASK_INFO = "ask_info"
    INFO_RECEIVED = "info_received"
    ASK_IDENTITY = "ask_identity"
    START_SEARCH = "start_search"
    STOP_SEARCH = "stop_search"
    SEARCH_DONE = "search_done"
    FIRST_DONE = "first_done"
    SEND_BACK = "send_back"
    REVIEW_DONE = "review_done"
    SEARCH_AGAIN = "search_again"
    NOT_IDENTIFIED = "not_identified"
    NAMED_PAGE = "named_page"
    REFUSE = "refuse"
    NO_REQUEST = "no_request"
    DELIVER = "deliver"
    START_ERASURE = "start_erasure"
    STOP_ERASURE = "stop_erasure"
    STOP_UNDELIVERED = "stop_undelivered"
    ERASURE_DONE = "erasure_done"
    WITHDRAW = "withdraw"
    CLOSE = "close"
    REOPEN = "reopen"
    COME_BACK = "come_back"
    PURGE = "purge"
    ANSWER_ANEW = "answer_anew"


PERSON = "data_subject"
OFFICER = "officer"
SUPERVISOR = "supervisor"
SYSTEM = "system"
ORDER_TAKERS = frozenset({SUPERVISOR, "dpo", "director"})
"""Who takes orders of an authority in (law O-03)."""
PEOPLE = REVIEWERS | {PERSON}
STAFF_OR_SYSTEM = REVIEWERS | {SYSTEM}
ANYONE = PEOPLE | {SYSTEM}


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow. `event` is the audit event written with it, `article` why it exists.

    `unless_access` bars the arrow where access was asked, `access_delivered` where it was and
    nothing was delivered; `not_opener` bars who entered the case;
    `when_delivered` asks that something was delivered, or that nothing was; `when_unidentified`
    that the case ended because nobody could tell which records are the person's, and
    `unless_unidentified` that it did not: nothing is erased for who is not known.
    """

    target: Status
    roles: frozenset[str]
    event: str
    article: str
    unless_access: bool = False
    access_delivered: bool = False
    not_opener: bool = False
    when_delivered: bool | None = None
    when_unidentified: bool = False
    unless_unidentified: bool = False


S = Status
A = Action

BEFORE_SEARCH = frozenset({S.RECEIVED, S.NEEDS_INFO, S.IDENTITY})
BEFORE_DECISION = BEFORE_SEARCH | {S.SEARCHING, S.IN_REVIEW, S.SECOND_REVIEW}
OVER = frozenset({S.CLOSED, S.PURGED})
HUMAN_ONLY = frozenset({S.DECIDED, S.DELIVERED, S.ERASING})
"""Reached by a decision of a person, never by a machine (GDPR Art. 22; law section 11)."""

_OPEN = (
    S.RECEIVED,
    S.NEEDS_INFO,
    S.IDENTITY,
    S.SEARCHING,
    S.IN_REVIEW,
    S.SECOND_REVIEW,
    S.DECIDED,
)

_ask_info = Transition(S.NEEDS_INFO, STAFF_OR_SYSTEM, "case.info_asked", "Art. 11(2), 12(6)")
_ask_identity = Transition(S.IDENTITY, STAFF_OR_SYSTEM, "case.identity_asked", "Art. 12(6)")
_search = Transition(S.SEARCHING, ANYONE, "case.search_started", "Art. 15(1)")
# Somebody who decided must not work on it: two other people decide anew.
_send_back = Transition(
    S.IN_REVIEW,
    STAFF_OR_SYSTEM,
    "case.sent_back",
    "Art. 22, 32(4); AI Act Art. 14(5)",
    not_opener=True,
)
_again = Transition(S.SEARCHING, STAFF_OR_SYSTEM, "case.search_repeated", "Art. 15(1)")
_not_identified = Transition(
    S.DECIDED, REVIEWERS, "case.decided", "Art. 11(2), 12(4)", not_opener=True
)
_named_page = Transition(
    S.DECIDED, REVIEWERS, "case.decided", "Art. 11(2), 12(4); rule R6", not_opener=True
)
_come_back = Transition(
    S.RECEIVED, PEOPLE, "case.reopened", "Art. 11(2), 12(2)", when_unidentified=True
)
_reopen = Transition(S.RECEIVED, ORDER_TAKERS, "case.reopened", "Art. 12(2), 58(2)(c)")
_refuse = Transition(S.DECIDED, frozenset({SUPERVISOR}), "case.decided", "Art. 12(4), 12(5)")
_no_request = Transition(S.CLOSED, REVIEWERS, "case.no_request", "Art. 12(4)", not_opener=True)
_answer_anew = Transition(
    S.DECIDED,
    frozenset({SUPERVISOR}),
    "case.answer_anew",
    "Art. 12(2), 15(3); law C-09",
    not_opener=True,
    when_delivered=True,
    unless_unidentified=True,
)
_withdraw = Transition(S.CLOSED, PEOPLE, "case.withdrawn", "Art. 7(3)", not_opener=True)

TRANSITIONS: dict[tuple[Status, Action], Transition] = {
    (S.RECEIVED, A.ASK_INFO): _ask_info,
    (S.IDENTITY, A.ASK_INFO): _ask_info,
    (S.NEEDS_INFO, A.INFO_RECEIVED): Transition(
        S.RECEIVED, ANYONE, "case.info_received", "Art. 12(2)"
    ),
    (S.RECEIVED, A.ASK_IDENTITY): _ask_identity,
    (S.NEEDS_INFO, A.ASK_IDENTITY): _ask_identity,
    (S.RECEIVED, A.START_SEARCH): _search,
    (S.NEEDS_INFO, A.START_SEARCH): _search,
    (S.IDENTITY, A.START_SEARCH): _search,
    (S.SEARCHING, A.STOP_SEARCH): Transition(
        S.NEEDS_INFO, ANYONE, "case.search_stopped", "Art. 7(3)"
    ),
    (S.SEARCHING, A.SEARCH_DONE): Transition(
        S.IN_REVIEW, STAFF_OR_SYSTEM, "case.search_finished", "Art. 15(1), 22"
    ),
    (S.IN_REVIEW, A.FIRST_DONE): Transition(
        S.SECOND_REVIEW,
        REVIEWERS,
        "case.first_reviewed",
        "Art. 22; AI Act Art. 14(5)",
        not_opener=True,
    ),
    (S.SECOND_REVIEW, A.SEND_BACK): _send_back,
    (S.DECIDED, A.SEND_BACK): _send_back,
    (S.SECOND_REVIEW, A.REVIEW_DONE): Transition(
        S.DECIDED, REVIEWERS, "case.decided", "Art. 22; AI Act Art. 14(5)", not_opener=True
    ),
    (S.IN_REVIEW, A.SEARCH_AGAIN): _again,
    (S.SECOND_REVIEW, A.SEARCH_AGAIN): _again,
    (S.DECIDED, A.SEARCH_AGAIN): _again,
    (S.RECEIVED, A.NOT_IDENTIFIED): _not_identified,
    (S.NEEDS_INFO, A.NOT_IDENTIFIED): _not_identified,
    (S.IDENTITY, A.NOT_IDENTIFIED): _not_identified,
    (S.RECEIVED, A.NAMED_PAGE): _named_page,
    (S.NEEDS_INFO, A.NAMED_PAGE): _named_page,
    (S.IDENTITY, A.NAMED_PAGE): _named_page,
    (S.RECEIVED, A.REFUSE): _refuse,
    (S.NEEDS_INFO, A.REFUSE): _refuse,
    (S.IDENTITY, A.REFUSE): _refuse,
    (S.RECEIVED, A.NO_REQUEST): _no_request,
    (S.NEEDS_INFO, A.NO_REQUEST): _no_request,
    (S.IDENTITY, A.NO_REQUEST): _no_request,
    (S.DECIDED, A.DELIVER): Transition(
        S.DELIVERED, REVIEWERS, "case.delivered", "Art. 12(3), 15(3)", not_opener=True
    ),
    (S.DECIDED, A.START_ERASURE): Transition(
        S.ERASING,
        PEOPLE,
        "case.erasure_started",
        "Art. 17(1)",
        unless_access=True,
        not_opener=True,
        unless_unidentified=True,
    ),
    (S.DELIVERED, A.START_ERASURE): Transition(
        S.ERASING,
        PEOPLE,
        "case.erasure_started",
        "Art. 17(1)",
        not_opener=True,
        unless_unidentified=True,
    ),
    # Erased later than the rest: a lock kept as evidence has ended, with a letter before, or the
    # last day of an exemption has passed, also where erasure alone was asked.
    (S.CLOSED, A.START_ERASURE): Transition(
        S.ERASING,
        REVIEWERS,
        "case.erasure_started",
        "Art. 17(1), 17(3), 18(3)",
        not_opener=True,
        access_delivered=True,
        unless_unidentified=True,
    ),
    # Stopped in the hold window, before anything was erased: back to where it started.
    (S.ERASING, A.STOP_ERASURE): Transition(
        S.DELIVERED,
        PEOPLE,
        "case.erasure_stopped",
        "Art. 12(2), 18(1)",
        not_opener=True,
        when_delivered=True,
    ),
    (S.ERASING, A.STOP_UNDELIVERED): Transition(
        S.DECIDED,
        PEOPLE,
        "case.erasure_stopped",
        "Art. 12(2), 18(1)",
        not_opener=True,
        when_delivered=False,
    ),
    (S.ERASING, A.ERASURE_DONE): Transition(
        S.CLOSED, STAFF_OR_SYSTEM, "case.erasure_finished", "Art. 17(1), 19"
    ),
    **{(status, A.WITHDRAW): _withdraw for status in (*_OPEN, S.DELIVERED)},
    # A picture in it was put aside: the answer is made anew without it.
    (S.DELIVERED, A.ANSWER_ANEW): _answer_anew,
    (S.DELIVERED, A.CLOSE): Transition(S.CLOSED, STAFF_OR_SYSTEM, "case.closed", "Art. 5(1)(e)"),
    # Who could not be identified may give more at any time.
    (S.DECIDED, A.COME_BACK): _come_back,
    (S.DELIVERED, A.COME_BACK): _come_back,
    (S.CLOSED, A.COME_BACK): _come_back,
    # An authority ordered to answer: an earlier answer does not settle that.
    (S.DELIVERED, A.REOPEN): _reopen,
    (S.CLOSED, A.REOPEN): _reopen,
    (S.CLOSED, A.PURGE): Transition(S.PURGED, STAFF_OR_SYSTEM, "case.purged", "Art. 5(1)(e)"),
}


def transition(
    *,
    status: str,
    action: Action,
    actor: Actor,
    rights: Collection[str],
    opener: str = "",
    delivered: bool | None = None,
    outcome: str = "",
) -> Transition:
    """The arrow this actor may take now.

    Raises `Conflict("no_such_step")` where there is none and `NotAllowed` where it is not theirs.
    """
    found = TRANSITIONS.get((Status(status), action))
    if found is None:
        raise Conflict(
            "no_such_step",
            _("This can't be done now: the case is in another state."),
            status=str(status),
            action=str(action),
        )
    if actor.role not in found.roles or (found.target in HUMAN_ONLY and not is_human(actor)):
        raise NotAllowed(
            "not_your_step", _("This step belongs to somebody else."), action=str(action)
        )
    if found.not_opener and actor.kind == "staff" and opener and actor.id == opener:
        raise NotAllowed("opener_barred", _("You entered this request, so another person decides."))
    if found.unless_access and RightCode.ACCESS in rights:
        raise Conflict(
            "answer_first",
            _("Access was asked too: the answer goes out before anything is erased."),
        )
    if found.access_delivered and RightCode.ACCESS in rights and delivered is False:
        raise Conflict(
            "answer_first",
            _("Access was asked too: the answer goes out before anything is erased."),
        )
    if None not in (found.when_delivered, delivered) and found.when_delivered != delivered:
        raise Conflict("other_way_back", _("The case goes back to where it came from."))
    if found.unless_unidentified and outcome in UNIDENTIFIED:
        raise Conflict(
            "not_identified", _("Nobody could tell which records are theirs: nothing is erased.")
        )
    if found.when_unidentified and outcome not in UNIDENTIFIED:
        raise Conflict("was_answered", _("This request was answered; a new one can be sent."))
    return found


def is_human(actor: Actor) -> bool:
    return actor.kind in {"staff", "person"}


def as_markdown() -> str:
    """The table as docs/states.md shows it."""
    lines = [
        "# States of a case",
        "",
        "Made from `dsr_portal/cases/states.py` by `python manage.py states`; a test compares.",
        "",
        "| from | action | to | who | event | article | only if |",
        "|---|---|---|---|---|---|---|",
    ]
    for (status, action), arrow in sorted(
        TRANSITIONS.items(), key=lambda item: (list(Status).index(item[0][0]), item[0][1])
    ):
        only = [
            *(["access was not asked"] if arrow.unless_access else []),
            *(["access was not asked, or answered"] if arrow.access_delivered else []),
            *(["not by who entered the request"] if arrow.not_opener else []),
            *(["by a person"] if arrow.target in HUMAN_ONLY else []),
            *(["something was delivered"] if arrow.when_delivered else []),
            *(["nothing was delivered"] if arrow.when_delivered is False else []),
            *(["the person was not identified"] if arrow.when_unidentified else []),
            *(["the person was identified"] if arrow.unless_unidentified else []),
        ]
        lines.append(
            f"| {status.name} | {action} | {arrow.target.name} | {', '.join(sorted(arrow.roles))} "
            f"| {arrow.event} | {arrow.article} | {'; '.join(only)} |"
        )
    return "\n".join(lines) + "\n"
