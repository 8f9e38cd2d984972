"""Ending a request in which nobody can tell which records are the person's (Art. 11(2), 12(2)).

Asked once with choices, waited for an answer, written down why, read by a second person: only then
the letter leaves. It refuses nothing for good: who gives more opens the request again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.selectors import events_for_case
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import page_wishes
from dsr_portal.cases import services as cases
from dsr_portal.cases.keep_days import keep_each
from dsr_portal.cases.messages import require_room
from dsr_portal.cases.models import Ask, Case, Missing
from dsr_portal.cases.states import Action
from dsr_portal.cases.texts import WHY_ASKED, choice_words
from dsr_portal.core import clock, links
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure.models import LETTER_ONLY, OUT_OF_FORCE, Answer, AnswerKind, AnswerState
from dsr_portal.disclosure.words import must_say, simple_words, taking_along
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching.models import Search
from dsr_portal.matching.named import is_known
from dsr_portal.matching.services import named_ways, require_reviewer
from dsr_portal.vault import services as vault

KIND = "disclosure.make_answer"
SHEET = statements.to_person(
    "answer.not_identified",
    *(statements.FACTS, "why", "asked", "more", "data", "rights"),
    law="Art. 11(2), 12(2), 12(4), 12(6); R-06, rule R3, R6",
)
MAX_WHY = 1500


@vault.retry_stale
def propose(*, case_id: UUID, actor: Actor, reasons: Sequence[str], why: str) -> Answer:
    """Write down why the person cannot be identified, and have the letter made for a second person.

    Raises `BadInput` with no_fact or why_missing; `Conflict` with not_asked, still_waiting,
    can_be_looked_up, answer_exists; `NotAllowed("opener_barred")`.
    """
    require_reviewer(actor)
    facts = [value for value in Missing.values if value in set(reasons)]
    if not facts or len(facts) != len(set(reasons)):
        raise BadInput("no_fact", _("Choose which fact stands in the way."))
    words = why_words(why)
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        _require_may_propose(case, actor)
        set_aside(case_id=case.id, actor=actor, reason="new_letter")
        if in_force(case).exists():
            raise Conflict("answer_exists", _("The answer is already being made."))
        answer = Answer(
            case=case,
            kind=AnswerKind.NOT_IDENTIFIED,
            frozen_at=clock.now(),
            prepared_by=actor.id,
            reasons=facts,
        )
        answer.reason_field = f"not_identified.{answer.id}"
        vault.write_small(case.file_unit, answer.reason_field, words.encode())
        answer.save()
        record(
            "answer.frozen",
            actor=actor,
            case_id=case.id,
            subject_id=answer.id,
            kind=answer.kind,
            records=0,
            inconclusive=0,
        )
        record(
            "answer.not_identified",
            actor=actor,
            case_id=case.id,
            subject_id=answer.id,
            reasons=facts,
        )
        enqueue(kind=KIND, subject=answer.id, idempotency_key=f"{KIND}:{answer.id}")
    return answer


def in_force(case: Case) -> QuerySet[Answer]:
    """The answer of a request that counts: at most one."""
    return Answer.objects.filter(case=case).exclude(state__in=OUT_OF_FORCE)


def why_words(text: str) -> str:
    words = text.strip()
    if not words:
        raise BadInput("why_missing", _("Write why you decide so."))
    require_room(words, limit=MAX_WHY)
    return words


def _require_may_propose(case: Case, actor: Actor) -> None:
    require_not_opener(case, actor)
    problem = why_not_yet(case)
    if problem is not None:
        raise problem


def require_not_opener(case: Case, actor: Actor) -> None:
    if case.opener and case.opener == actor.id:
        raise NotAllowed("opener_barred", _("You entered this request, so another person decides."))


def why_not_yet(case: Case) -> Conflict | None:
    """What has to be done before a request may end like this; None when nothing is left."""
    if case.status not in cases.BEFORE_SEARCH:
        return Conflict("no_such_step", _("This can't be done now: the case is in another state."))
    if is_known(case) and named_ways(case):
        return Conflict(
            "can_be_looked_up", _("Look up what the person named first: who is asking is known.")
        )
    if page_wishes.in_force(case) is not None:
        return Conflict(
            "page_wished",
            _("The person asked that one page be dealt with. That ends the request instead."),
        )
    ask = cases.standing_ask(case)
    if ask is None or ask.at < _ended_before(case):
        return Conflict("not_asked", _("Ask the person first, with at least two ways to choose."))
    if not cases.waited_enough(ask):
        return Conflict("still_waiting", _("The person has 14 days to answer."))
    return None


def _ended_before(case: Case) -> datetime:
    """When this request last ended without identification: what was asked before is used up."""
    before = Answer.objects.filter(case=case, kind__in=LETTER_ONLY, approved_at__isnull=False)
    newest = before.order_by("-frozen_at").first()
    return case.received_at if newest is None else newest.frozen_at


def require_may_approve(answer: Answer, case: Case, actor: Actor) -> None:
    """Another person than who proposed it, and nothing new from the person meanwhile."""
    require_second_person(answer, case, actor)
    problem = why_not_yet(case)
    if problem is not None:
        raise problem


def require_second_person(answer: Answer, case: Case, actor: Actor) -> None:
    """What holds for each letter to who is not known."""
    if actor.id == answer.prepared_by:
        raise NotAllowed("second_person", _("You wrote this, so another person reads it."))
    if answered_since(answer):
        raise Conflict(
            "answered_meanwhile",
            _("The person gave something meanwhile. Set the letter aside and look at it."),
        )
    if case.status not in cases.BEFORE_SEARCH:
        raise Conflict("answer_not_ready", _("This answer does not wait for approval."))


_GIVES_MORE = frozenset(
    {
        "message.received",
        "probe.received",
        "way.added",
        "consent.given",
        "identity.recorded",
        "search.queued",
        "page.wished",
        "page.taken_back",
    }
)
"""What makes a letter old that says nobody can tell: each may be what was missing."""


def answered_since(answer: Answer) -> bool:
    """Whether anything came since the letter was proposed that may tell who is asking.

    Words, a photo, a name, a consent or an answer of the person; a check of who is asking; a
    search.
    """
    case = answer.case
    came = events_for_case(case.id).filter(type__in=_GIVES_MORE, at__gt=answer.frozen_at)
    return came.exists() or case.asks.filter(answered_at__gt=answer.frozen_at).exists()


def end_case(answer: Answer, case: Case, actor: Actor) -> None:
    """The second person agrees: the request ends with the letter, and can be opened again."""
    cases.advance(case=case, action=Action.NOT_IDENTIFIED, actor=actor)


def discard(*, answer_id: UUID, actor: Actor) -> Answer:
    """A person says no, or the person gave more: the letter is set aside, the request goes on."""
    require_reviewer(actor)
    with unit_of_work():
        case = Case.objects.select_for_update(of=("self",)).filter(answers__id=answer_id).first()
        answer = Answer.objects.select_for_update().filter(id=answer_id).first()
        waits = {AnswerState.QUEUED, AnswerState.READY}
        if case is None or answer is None or answer.state not in waits:
            raise Conflict("answer_not_ready", _("This answer does not wait for approval."))
        if answer.kind not in LETTER_ONLY:
            raise Conflict("answer_not_ready", _("Only this letter can be set aside."))
        put_aside(answer, actor, "second_person_disagrees")
    answer.refresh_from_db()
    return answer


def set_aside(*, case_id: UUID, actor: Actor, reason: str) -> None:
    """A letter to who was not known is not the answer any more: the request went on."""
    standing = Answer.objects.select_for_update().filter(case_id=case_id, kind__in=LETTER_ONLY)
    for answer in standing.exclude(state__in=OUT_OF_FORCE):
        put_aside(answer, actor, reason)


def put_aside(answer: Answer, actor: Actor, reason: str) -> None:
    """Note that an answer is not the answer of its case any more; in the caller's unit of work."""
    answer.state = AnswerState.SET_ASIDE
    answer.save(update_fields=["state"])
    record(
        "answer.set_aside",
        actor=actor,
        case_id=answer.case_id,
        subject_id=answer.id,
        reason=reason,
    )


# -- the letter -----------------------------------------------------------------------------------


def letter(answer: Answer) -> documents.Prepared:
    """The signed letter, in the person's language; outside a transaction."""
    case = answer.case
    with translation.override(case.language):
        return documents.prepare_document(
            kind=Kind.LETTER,
            case_id=case.id,
            reference=case.reference,
            template="documents/letter.html",
            context=_context(answer, cases.standing_ask(case)),
            language=case.language,
            title=_("We can't tell yet which pictures are yours"),
            country=case.country or None,
            sheet=SHEET,
            also=must_say(case),
        )


def _context(answer: Answer, ask: Ask | None) -> dict[str, Any]:
    sections = [
        {
            "id": "why",
            "heading": _("Why"),
            "text": _(
                "The law asks us to answer the right person only (Art. 11(2) and 12(2) GDPR). "
                "%(looked)s This letter says nothing about whether we hold pictures of you."
            )
            % {"looked": _what_was_looked_at(answer.case)},
            "points": [WHY_ASKED[reason]() for reason in answer.reasons],
        },
        _asked(ask),
        *taking_along(answer.case),
        *common_sections(answer.case),
    ]
    return {
        "short_answer": _(
            "We can't yet tell which pictures are yours, so we can't send or delete any. You can "
            "show us at any time."
        ),
        "facts": [
            (_("We asked you"), day(ask.sent_at or ask.at) if ask is not None else "-"),
            (_("Read by"), _("two people")),
            (_("End date"), _("none")),
        ],
        "contents": [
            *((str(one["id"]), str(one["heading"])) for one in sections),
            ("complaint", _("If you are not content")),
            ("contacts", _("How to reach us")),
            ("check", _("How to check this document")),
        ],
        "sections": sections,
        "simple": simple_words(answer),
    }


def common_sections(case: Case) -> list[dict[str, Any]]:
    """How to go on, what is kept, and where to complain: in each letter to who is not known."""
    return [
        {
            "id": "more",
            "heading": _("How to go on"),
            "text": _(
                "You can give us more at any time. You don't have to send a photo or a document. "
                "On the page of your request you can write to us, name a page, a file or an "
                "account, or send a photo; your request opens again then, and a new month begins. "
                "That page stays for %(days)s days after this letter left. Then we delete what "
                "you told us, and you send a new request: we count nothing against you."
            )
            % {"days": 2 * keep_each(case).days},
            "rows": [
                (_("Page of your request"), links.url_for("public", "public:status")),
                (_("New request"), links.url_for("public", "public:home")),
            ],
        },
        {
            "id": "data",
            "heading": _("What we keep of your request"),
            "text": _(
                "Your contact data and what you wrote are kept until 60 days after this letter "
                "leaves, a photo you sent until 30 days after. Then only a trail of dates and "
                "codes is left, without your name."
            ),
        },
        {
            "id": "rights",
            "heading": _("If you disagree"),
            "text": _(
                "You can complain to a data protection authority now, and you can go to court "
                "(Art. 77 and 79 GDPR). Both cost you nothing here, and neither needs our consent."
            ),
        },
    ]


def _what_was_looked_at(case: Case) -> str:
    """True of every case: a search that began ended without a result, at the person's wish."""
    if Search.objects.filter(case=case).exists():
        return _(
            "A search was begun and stopped before it had a result, when you withdrew your "
            "consent; we kept nothing of it."
        )
    return _("We did not look at what we hold.")


def _asked(ask: Ask | None) -> dict[str, Any]:
    return {
        "id": "asked",
        "heading": _("What we asked you for"),
        "text": _("On %(day)s we asked you to choose one of these:")
        % {"day": day(ask.sent_at or ask.at)}
        if ask is not None
        else "",
        "points": [choice_words(one) for one in ask.means] if ask is not None else [],
    }
