"""What a breach owes to persons and what of it has not left yet (Art. 12, 15, 34; O-07).

A letter has left when the mail about it was taken by the server, or when it was posted and did not
come back; who gave no mailbox and no postal address reads it on the page of the request. So with
the answer that takes the place of a wrong one. Nothing here says what stands in either.
"""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.cases import address_waits, messages, paper_returns
from dsr_portal.cases.models import (
    Case,
    Delivery,
    DeliveryKind,
    DeliveryPart,
    DeliveryState,
    Direction,
    Letter,
    LetterState,
    Status,
)
from dsr_portal.cases.question_returns import lying_here
from dsr_portal.cases.selectors import taken_out
from dsr_portal.compliance.models import Breach, BreachKind, Spared
from dsr_portal.jobs.models import Effect, EffectState
from dsr_portal.vault import services as vault

_WRONG_ANSWER = (BreachKind.WRONG_PERSON, BreachKind.DISCLOSED)
_CLOSED = (DeliveryState.SUSPENDED, DeliveryState.TAKEN_BACK)
_ANSWERS = (DeliveryKind.ANSWER, DeliveryKind.LETTER)
_LETTER_MAIL = ("mail.letter",)
_ANSWER_MAIL = ("mail.answer_ready", "mail.represented_answer")


@dataclass(frozen=True, slots=True)
class Owed:
    """One notice that has not left: whose request, and why in a few words."""

    case: Case
    words: str

    def __str__(self) -> str:
        return f"{self.case.reference}: {self.words}"


def still_to_leave(breach: Breach, spared: set[str]) -> list[Owed]:
    """What has to leave before the breach can be closed.

    A reason of Art. 34(3) spares the letters. It never spares the answer: Art. 15 owes that one.
    """
    if Spared.NO_BREACH in spared:
        # The answer opened again, but where it does show somebody else (law E-01).
        shows_another = breach.case_id is not None and bool(taken_out(breach.case_id))
        return _answer(breach) if shows_another else []
    letters = [] if Spared.PERSONS in spared else [*_promised(breach), *_letters(breach)]
    return [*letters, *_answer(breach)]


# -- letters --------------------------------------------------------------------------------------


def _promised(breach: Breach) -> list[Owed]:
    """Who told us was promised that a named person writes."""
    case = breach.case
    if case is None or breach.write_by is None or _ended(case):
        return []
    written = case.messages.filter(direction=Direction.OUT, at__gte=breach.opened_at)
    if breach.letters.filter(case=case).exists() or written.exclude(by="").exists():
        return []
    return [Owed(case, _("nobody wrote to this person yet, as their page promised."))]


def _letters(breach: Breach) -> list[Owed]:
    rows = breach.letters.select_related("case", "letter").order_by("letter__created_at", "id")
    found = [(one.case, _why_letter_stays(one.letter, one.case)) for one in rows]
    return [Owed(case, why) for case, why in found if why]


def _why_letter_stays(letter: Letter, case: Case) -> str:
    """Empty once it left."""
    if letter.state == LetterState.QUEUED:
        return _("the letter about this breach is still being made.")
    if letter.id in lying_here(case):
        return _("the letter about this breach came back and was not posted again.")
    if letter.state == LetterState.TO_POST:
        return _("the letter about this breach waits for the post.")
    if letter.state != LetterState.SENT:
        return _("the letter about this breach could not be sent.")
    if letter.posted_by:
        return ""
    # A link that was made anew, for a new address, hands out the same document.
    parts = DeliveryPart.objects.filter(document_id=letter.document_id)
    links = list(parts.values_list("delivery_id", flat=True))
    if _mail_left(links, case, _LETTER_MAIL):
        return ""
    return _("the mail about the letter has not left, or was not taken.")


# -- the answer -----------------------------------------------------------------------------------


def _answer(breach: Breach) -> list[Owed]:
    """The answer in place of the one that is closed: it shows somebody else, or is made anew."""
    case = breach.case
    if case is None or breach.kind not in _WRONG_ANSWER or _ended(case):
        return []
    rows = case.deliveries.filter(kind__in=_ANSWERS)
    closed = rows.filter(state__in=_CLOSED).order_by("created_at").last()
    if closed is None:
        return []
    why = _why_answer_stays(list(rows.filter(created_at__gt=closed.created_at)), case)
    return [Owed(case, why)] if why else []


def _ended(case: Case) -> bool:
    """Nothing leaves any more: taken back, destroyed, or opened again and closed unanswered."""
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        return True
    return case.status == Status.CLOSED and case.delivered_at is None


def _why_answer_stays(later: list[Delivery], case: Case) -> str:
    """Empty once one of the later answers left."""
    left = [one for one in later if one.released_at is not None]
    if not left:
        return _("the corrected answer has not left.")
    posted = [one.id for one in left if one.state == DeliveryState.POSTED]
    here = set(paper_returns.not_posted_again(case).values_list("delivery_id", flat=True))
    if any(one not in here for one in posted):
        return ""
    by_link = [one.id for one in left if one.expires_at is not None]
    if by_link and _mail_left(by_link, case, _ANSWER_MAIL):
        return ""
    if posted:
        return _("the corrected answer came back and was not posted again.")
    return _("the mail about the corrected answer has not left, or was not taken.")


def _mail_left(links: list[UUID], case: Case, kinds: tuple[str, ...]) -> bool:
    """Whether a server took the mail about one of these links; without a mailbox none is sent."""
    mails = Effect.objects.filter(subject_id__in=links, kind__in=kinds)
    states = set(mails.values_list("state", flat=True))
    if states:
        return EffectState.SENT in states
    waits = address_waits.waits_until(case) is not None
    # Of a request that is destroyed no address is left: then none of its mails is missing.
    return not waits and not (
        vault.has(case.contact_unit, "contact") and messages.has_mailbox(case)
    )
