"""What the desk shows one person of one case; the page and `manage.py case` read the same."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.models import Event
from dsr_portal.cases import selectors as cases
from dsr_portal.cases.models import Case, Consent, IdentityCheck, Letter, LetterKind, Status
from dsr_portal.cases.selectors import MessageSeen
from dsr_portal.cases.texts import rights_words
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.registries import sentences
from dsr_portal.desk import flag_words
from dsr_portal.desk.next_step import NextStep, next_step
from dsr_portal.disclosure import named_page
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure.asides import hidden_documents
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.disclosure.named_page import Seen
from dsr_portal.documents.models import Document, Kind
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure.models import Plan, PlanRecord, Step
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Probe, Review, Search
from dsr_portal.matching.probes import CONSENT_REFERENCE
from dsr_portal.vault import services as vault


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the activity: staff by number, the person and processes without one."""

    when: datetime
    text: str
    who: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    case: Case
    rights: list[str]
    step: NextStep
    photos: list[Probe]
    photo_token: str
    search: Search | None
    review: Review | None
    answer: Answer | None
    plan: Plan | None
    plan_steps: list[Step]
    shared: list[PlanRecord]
    documents: list[Document]
    checks: list[IdentityCheck]
    consents: list[Consent]
    flags: list[tuple[str, str]]
    words: list[str]
    written: list[MessageSeen]
    activity: list[Entry]
    ways: int
    why: str
    decided_pages: list[tuple[Seen, str, str]]


def case_facts(case: Case, actor: Actor) -> CaseFacts:
    """Read everything; outside a transaction, for it opens vault fields."""
    return CaseFacts(
        case=case,
        rights=rights_words(cases.rights_of(case)),
        step=next_step(case, actor),
        photos=matching.photos(case.id),
        photo_token=matching.photo_token(case.id),
        search=matching.latest_search(case.id),
        review=matching.current_review(case.id),
        answer=disclosure.current_answer(case.id),
        plan=erasure.current_plan(case.id),
        plan_steps=list(erasure.steps(case.id)),
        shared=list(erasure.shared_pictures(case.id)),
        documents=list(documents_for(case, actor).order_by("created_at")),
        checks=list(case.identity_checks.order_by("at")),
        consents=list(case.consents.order_by("given_at")),
        flags=[
            (flag_words.label_of(code), flag_words.todo_of(code))
            for code in case.flags.order_by("raised_at").values_list("code", flat=True)
        ],
        words=own_words(case),
        written=written(case),
        activity=activity(case, actor),
        ways=case.ways.count(),
        why=why_not_identified(case),
        decided_pages=_decided_pages(case),
    )


def _decided_pages(case: Case) -> list[tuple[Seen, str, str]]:
    """What the first person decided about a named page, while another one reads it."""
    answer = disclosure.current_answer(case.id)
    waits = answer is not None and answer.kind == AnswerKind.NAMED_PAGE
    return named_page.proposed(case) if waits else []


def why_not_identified(case: Case) -> str:
    """Why an officer says that nobody can tell who is asking, while another person reads it."""
    answer = disclosure.current_answer(case.id)
    waits = answer is not None and answer.state in {AnswerState.QUEUED, AnswerState.READY}
    if answer is None or not waits or not answer.reason_field:
        return ""
    return vault.read(case.file_unit, answer.reason_field).decode()


def documents_for(case: Case, actor: Actor) -> QuerySet[Document]:
    """Documents of a case this person may open: an audit report prints who decided what (R19)."""
    rows = Document.objects.filter(case_id=case.id)
    if matching.is_blind(case.id, actor):
        rows = rows.exclude(kind=Kind.AUDIT)
    hidden = case.letters.exclude(id__in=letters_shown(case, actor)).exclude(document_id=None)
    rows = rows.exclude(id__in=hidden_documents(case.id))
    return rows.exclude(id__in=hidden.values_list("document_id", flat=True))


_TELL_WHY = (LetterKind.EXTENSION, LetterKind.WISH_EXTENSION)


def letters_shown(case: Case, actor: Actor) -> QuerySet[Letter]:
    """Letters of a case this person may read: one about more time tells why it is needed, which
    is not for who compares as the second one (R19)."""
    rows = Letter.objects.filter(case=case)
    blind = matching.second_look(case.id, actor)
    if blind is None:
        return rows
    return rows.exclude(kind__in=_TELL_WHY, created_at__gte=blind.opened_at)


def own_words(case: Case) -> list[str]:
    """What the person wrote and gave to be found by."""
    if case.status == Status.PURGED:
        return []
    lines = [cases.note_of(case)]
    lines += [f"{way.label}: {way.text}" for way in cases.ways_of(case) if way.text]
    lines += [one.text for one in cases.messages_of(case) if one.direction == "in"]
    if vault.has(case.file_unit, CONSENT_REFERENCE):
        kept = vault.read(case.file_unit, CONSENT_REFERENCE).decode()
        lines.append(_("Consent is kept here: %(reference)s") % {"reference": kept})
    return [line for line in lines if line.strip()]


def written(case: Case) -> list[MessageSeen]:
    """What we wrote to the person."""
    if case.status == Status.PURGED:
        return []
    return [one for one in cases.messages_of(case) if one.direction == "out"]


def activity(case: Case, actor: Actor) -> list[Entry]:
    """The trail in words, newest first, as far as this person may read it (R19)."""
    entries = [_entry(event) for event in matching.events_for(case.id, actor)]
    newest_first = [entry for entry in reversed(entries) if entry is not None]
    return [_together(list(run)) for _key, run in groupby(newest_first, key=_alike)]


def _alike(entry: Entry) -> tuple[str, str, date]:
    return entry.text, entry.who, clock.local_date(entry.when)


def _together(run: list[Entry]) -> Entry:
    """One line for the same thing done several times in a row; the trail keeps every event."""
    if len(run) == 1:
        return run[0]
    words = _("%(text)s %(times)s times.") % {"text": run[0].text, "times": len(run)}
    return replace(run[0], text=words)


def _entry(event: Event) -> Entry | None:
    data: Any = event.data
    if data is None or event.type not in sentences:
        return None
    if event.type == "case.flagged":
        data = {**data, "code": flag_words.label_of(data["code"])}
    who = event.actor_id if event.actor_kind == "staff" else ""
    return Entry(event.at, str(sentences.get(event.type)(data)), who)
