"""What anybody outside may see of a case: six words and a short way (R3).

This module knows no probe, search, candidate or decision and must not import any; nothing here may
differ between a case with pictures and one without before the answer is released.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.audit.models import Event
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases.models import NO_ANSWER, Case, DeliveryKind, Outcome, Status
from dsr_portal.cases.ordered import due_on
from dsr_portal.cases.texts import day_words


class Word(StrEnum):
    RECEIVED = "received"
    CHECKING = "checking"
    NEEDS_YOU = "needs_you"
    ANSWER_READY = "answer_ready"
    DELETING = "deleting"
    DONE = "done"


WORDS: dict[Word, Promise] = {
    Word.RECEIVED: _("Received"),
    Word.CHECKING: _("Checking"),
    Word.NEEDS_YOU: _("Needs you"),
    Word.ANSWER_READY: _("Answer ready"),
    Word.DELETING: _("Deleting"),
    Word.DONE: _("Done"),
}

WORD_OF: dict[Status, Word] = {
    Status.RECEIVED: Word.RECEIVED,
    Status.NEEDS_INFO: Word.NEEDS_YOU,
    Status.IDENTITY: Word.NEEDS_YOU,
    Status.SEARCHING: Word.CHECKING,
    Status.IN_REVIEW: Word.CHECKING,
    Status.SECOND_REVIEW: Word.CHECKING,
    Status.DECIDED: Word.CHECKING,
    Status.DELIVERED: Word.ANSWER_READY,
    Status.ERASING: Word.DELETING,
    Status.CLOSED: Word.DONE,
    Status.PURGED: Word.DONE,
}

SENTENCES: dict[Word, Promise] = {
    Word.RECEIVED: _("We have your request and will look at it."),
    Word.CHECKING: _("We are working on your request."),
    Word.NEEDS_YOU: _("We need something from you before we can go on."),
    Word.ANSWER_READY: _("Your answer is here."),
    Word.DELETING: _("We are deleting."),
    Word.DONE: _("This request is closed."),
}

WITHDRAWN_SENTENCE = _("You took this request back. We keep no photo of you for it.")

# What the public timeline tells. Events of searching and deciding are not among them: when they
# happen could tell what was found.
TOLD: dict[str, Promise] = {
    "case.opened": _("Your request arrived."),
    "case.right_added": _("You added a wish to your request."),
    "consent.given": _("You gave your consent."),
    "consent.withdrawn": _("You withdrew your consent."),
    "probe.received": _("We received a photo from you."),
    "mailbox.confirmed": _("You confirmed your e-mail address."),
    "identity.recorded": _("We know that it is you."),
    "message.received": _("You wrote to us."),
    "way.added": _("You told us another way to find you."),
    "message.sent": _("We wrote to you."),
    "identity.reminded": _("We reminded you."),
    "letter.sent": _("We sent you a letter."),
    "page.wished": _("You asked us to deal with one page only."),
    "page.taken_back": _("You took the wish about one page back."),
    "case.info_asked": _("We asked you for something."),
    "delivery.released": _("Your answer was made ready."),
    "delivery.renewed": _("You got a new link."),
    "delivery.posted": _("We posted it to you, by registered post."),
    "delivery.returned": _("The post brought a letter of ours back."),
    "contact.postal_set": _("We wrote down a postal address of yours."),
    "contact.change_asked": _("A new address of yours was given. It counts after 72 hours."),
    "contact.change_stopped": _("The change of your address was stopped."),
    "contact.changed": _("Your new address counts from here on."),
    "paper.chosen": _("You chose paper: we write by registered post."),
    "paper.ended": _("You chose the link instead of paper."),
    "delivery.locked": _("A link was locked after five wrong codes."),
    "receipt.handed": _("We gave you your receipt on paper."),
    "case.code_renewed": _("You got a new receipt code. The old one ended."),
    "case.delete_now": _("You asked us to delete now."),
    "correction.asked": _("You told us that something in a picture is wrong."),
    "lock.asked": _("You asked us to keep the pictures locked as evidence."),
    "lock.kept": _("You lengthened the lock."),
    "lock.ending": _("We told you when the lock ends."),
    "lock.ended": _("The lock ended."),
    "mail.bounced": _("A mail of ours came back. What we wrote is on this page."),
    "case.no_request": _("We read your mail and found no request in it."),
    "case.withdrawn": _("You withdrew your request."),
    "case.answer_anew": _("We closed your answer, and make it anew without one picture."),
    "case.reopened": _("We opened your request again."),
    "case.closed": _("We closed your request."),
}
TOLD_AFTER_ANSWER: dict[str, Promise] = {
    "case.erasure_started": _("We started to delete."),
    "case.erasure_stopped": _("Deletion was stopped before it began."),
    "case.erasure_finished": _("Deletion is done and checked."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the public timeline."""

    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class PublicView:
    """Everything the status page may know of the case itself."""

    reference: str
    word: str
    label: str
    sentence: str
    received_on: date
    due_on: date
    due_words: str
    late: bool
    open: bool
    told: tuple[Told, ...]
    way: tuple[Mapping[str, Any], ...]


def word_for(case: Case) -> Word:
    """The public word of a case. Erasure before any delivery stays "Checking" (R3)."""
    if _withdrawn(case):
        return Word.DONE
    return Word.CHECKING if erases_unseen(case) else WORD_OF[Status(case.status)]


def erases_unseen(case: Case) -> bool:
    """Erasure alone was asked, runs or is done, and nothing of it left yet: outwardly such a case
    is still one that is being looked at, like one in which nothing was found (R3)."""
    if case.delivered_at is not None or case.withdrawn_at is not None:
        return False
    done = case.status == Status.CLOSED and case.outcome == Outcome.ERASED
    left = case.deliveries.filter(released_at__isnull=False).exclude(kind__in=NO_ANSWER)
    # Looked up whatever the state: the work behind the page tells nothing either.
    return not left.exists() and (case.status == Status.ERASING or done)


def has_opened(case: Case) -> bool:
    """Whether the person opened an answer that was sent: from then on they know what it says."""
    opened = case.deliveries.filter(first_opened_at__isnull=False)
    return opened.exclude(kind__in=NO_ANSWER).exists()


def public_view(case: Case, *, today: date) -> PublicView:
    word = word_for(case)
    closed = word is Word.DONE
    due = due_on(case)
    return PublicView(
        reference=case.reference,
        word=word.value,
        label=str(WORDS[word]),
        sentence=str(WITHDRAWN_SENTENCE if _withdrawn(case) else SENTENCES[word]),
        received_on=case.arrived_on,
        due_on=due,
        due_words=day_words(due),
        late=not closed and case.delivered_at is None and today > due,
        open=not closed,
        told=tuple(_told(case)),
        way=tuple(_way(word, case, due)),
    )


def _told(case: Case) -> list[Told]:
    sentences = dict(TOLD)
    if case.delivered_at is not None:
        sentences |= TOLD_AFTER_ANSWER
    rows = events_for_case(case.id).filter(type__in=sentences)
    return [Told(one.at, str(sentences[one.type])) for one in rows if not _of_a_notice(one)]


def _of_a_notice(event: Event) -> bool:
    """A letter that is no answer has its own line; the one of its link would say "answer"."""
    data = event.data or {}
    return event.type.startswith("delivery.") and data.get("kind") == DeliveryKind.NOTICE


def _withdrawn(case: Case) -> bool:
    return case.withdrawn_at is not None or case.outcome == Outcome.WITHDRAWN


def _way(word: Word, case: Case, due: date) -> list[dict[str, Any]]:
    """The way line: four stations, the same for everybody who did not take the request back."""
    if _withdrawn(case):
        return [
            {"title": WORDS[Word.RECEIVED], "when": day_words(case.arrived_on), "state": "done"},
            {"title": _("Taken back by you"), "state": "done"},
        ]
    place = {
        Word.RECEIVED: 0,
        Word.NEEDS_YOU: 1,
        Word.CHECKING: 1,
        Word.ANSWER_READY: 2,
        Word.DELETING: 3,
        Word.DONE: 4,
    }[word]
    needs = word is Word.NEEDS_YOU
    stations: list[dict[str, Any]] = [
        {"title": WORDS[Word.RECEIVED], "when": day_words(case.arrived_on)},
        {"title": WORDS[Word.NEEDS_YOU if needs else Word.CHECKING]},
        {
            "title": WORDS[Word.ANSWER_READY],
            "when": _("by %(day)s") % {"day": day_words(due)} if place < 2 else "",
        },
        {"title": WORDS[Word.DONE if word is not Word.DELETING else Word.DELETING]},
    ]
    for number, station in enumerate(stations):
        station["state"] = "done" if number < place else "now" if number == place else "next"
    return stations
