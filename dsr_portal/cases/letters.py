"""Letters beside the answer: one registry, one way out (law 9(d), R-01, D-06, D-08, R25).

A kind says which statements its letter must have. A letter is written in a unit of work from facts
that are frozen in the case file; a job sets and signs it, checks that nothing required is missing
and that it is plain, and sends it. Nothing here knows what a search found: what a letter may tell
is decided by who writes it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import address_waits, child_texts, children, deliveries, paper, paper_notices
from dsr_portal.cases.locking import lock
from dsr_portal.cases.messages import has_mailbox
from dsr_portal.cases.models import Case, Letter, LetterKind, LetterState, Status
from dsr_portal.cases.texts import NAMES, day_words, fill, rights_words
from dsr_portal.core import clock, links
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import Catalogue, Registry
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Document, Kind
from dsr_portal.jobs.errors import Permanent
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.jobs.services import enqueue, requeue
from dsr_portal.law import plain
from dsr_portal.vault import services as vault

SEND = "cases.send_letter"
MAX_WORDS = 1500
_JOB = Actor.system("letters")

# Set by the base of every document: complaint, court and authority; contacts; how to check it.
PAGE = "page"
OF_THE_BASE = ("complaint", "contacts", "check")

Section = dict[str, Any]
Facts = Mapping[str, Any]


class LetterIncomplete(Permanent):
    """A letter lacks what it must say, or is not plain; `context` names it."""


@dataclass(frozen=True, slots=True)
class Body:
    """What one letter says, in the language that is active."""

    short: str
    rows: Sequence[tuple[str, str]]
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class Spec:
    """One kind of letter. `required` are ids of sections that must be there and say something.

    `neutral`: its text is the same whatever a search found (R3). `mailed`: a mail says that it
    came; one that asks for something has a mail of its own, which says that.
    """

    name: str
    title: Promise
    law: str
    when: str
    required: tuple[str, ...]
    compose: Callable[[Case, Facts], Body] = field(repr=False)
    neutral: bool = True
    mailed: bool = True


kinds: Catalogue[Spec] = Catalogue("kind of letter")


def register(spec: Spec) -> None:
    """A kind of letter, and with it what its page must say before it leaves."""
    kinds.register(spec)
    statements.to_person(_sheet_name(spec), statements.FACTS, *spec.required, PAGE, law=spec.law)


def _sheet_name(spec: Spec) -> str:
    return f"letter.{spec.name}"


after_sent: Registry[Callable[[Letter, Case], None]] = Registry("what follows a letter")


# -- writing --------------------------------------------------------------------------------------


def write(
    *,
    case: Case,
    kind: LetterKind,
    key: str,
    actor: Actor,
    facts: Facts,
    agreed_by: str = "",
) -> Letter:
    """Write a letter down and queue its making, in the caller's unit of work.

    `facts` are what JSON holds. A second letter of the same `key` is the first one. Raises
    `LetterIncomplete` at once where the letter could not be sent.
    """
    standing = Letter.objects.filter(unique_key=key).first()
    if standing is not None:
        return standing
    letter_id = new_id()
    letter = Letter(
        id=letter_id,
        case=case,
        kind=kind,
        unique_key=key,
        field=f"letter.{letter_id}",
        written_by=actor.id,
        agreed_by=agreed_by,
        created_at=clock.now(),
    )
    body(letter, case, facts)
    vault.write_json(case.file_unit, letter.field, dict(facts))
    letter.save(force_insert=True)
    record("letter.written", actor=actor, case_id=case.id, subject_id=letter.id, kind=str(kind))
    enqueue(kind=SEND, subject=letter.id, idempotency_key=f"{SEND}:{letter.id}")
    return letter


def body(letter: Letter, case: Case, facts: Facts) -> Body:
    """What the letter says, in the person's language; checked."""
    spec = kinds.get(letter.kind)
    with translation.override(case.language):
        made = spec.compose(case, facts)
    refuse(missing(spec, made) + plain.problems(_running_text(made), language=case.language))
    return made


def missing(spec: Spec, made: Body) -> list[str]:
    """Statements the law asks for that are not there or say nothing (law 9(d), R-01)."""
    told = {
        one["id"]
        for one in made.sections
        if one.get("heading") and any(one.get(part) for part in ("text", "points", "rows"))
    }
    absent = [name for name in spec.required if name not in told]
    return [f"missing: {name}" for name in [*absent, *([] if made.short else ["short"])]]


def refuse(problems: Sequence[str]) -> None:
    if problems:
        raise LetterIncomplete(
            "letter_incomplete", "The letter is not ready to be sent.", problems=list(problems)
        )


def _running_text(made: Body) -> list[str]:
    texts = [made.short, *(str(one.get("text", "")) for one in made.sections)]
    return texts + [str(point) for one in made.sections for point in one.get("points", ())]


def own_words(text: str, case: Case, *, code: str = "words_missing") -> str:
    """What an officer wrote for a letter: there, short and plain, with names from a fixed list.

    Raises `BadInput` with the code, words_too_long, unknown_name or words_not_plain.
    """
    words = text.strip()
    if not words:
        raise BadInput(code, _("Write a few words."))
    if len(words) > MAX_WORDS or len(words.encode()) > vault.INLINE_BYTES // 2:
        raise BadInput(
            "words_too_long",
            _("This text is too long. We take up to %(limit)s characters.") % {"limit": MAX_WORDS},
        )
    filled = fill(words, case)
    found = [one for one in plain.problems([filled], language=case.language) if "mean" not in one]
    if found:
        raise BadInput(
            "words_not_plain",
            _("This is not plain enough for a letter (%(what)s). Use shorter sentences.")
            % {"what": found[0][:80]},
        )
    return filled


# -- making and sending ---------------------------------------------------------------------------


def prepare(letter: Letter) -> documents.Prepared:
    """The signed PDF, in the person's language; outside a transaction."""
    case = letter.case
    facts = vault.read_json(case.file_unit, letter.field)
    spec = kinds.get(letter.kind)
    made = body(letter, case, facts)
    with translation.override(case.language):
        simple = child_texts.of_letter(letter.kind) if children.reads_simply(case) else None
        sections = [*made.sections, _page_of_request()]
        return documents.prepare_document(
            kind=Kind.LETTER,
            case_id=case.id,
            reference=case.reference,
            template="documents/letter.html",
            context={
                "to": _postal(case),
                "short_answer": made.short,
                "facts": [*_usual_rows(case), *made.rows],
                "sections": sections,
                "sender": signer(letter),
                "simple": simple,
            },
            language=case.language,
            title=str(spec.title),
            country=case.country or None,
            sheet=statements.sheets.get(_sheet_name(spec)),
            also=[] if simple is None else [statements.SIMPLE],
        )


def _usual_rows(case: Case) -> list[tuple[str, str]]:
    rights = rights_words(case.rights.values_list("right", flat=True))
    return [(_("Received"), day_words(case.arrived_on)), (_("You asked"), "; ".join(rights))]


def _page_of_request() -> Section:
    return {
        "id": PAGE,
        "heading": _("The page of your request"),
        "text": _("Reference and receipt code open it. There you see where we stand."),
        "rows": [(_("Page"), links.url_for("public", "public:status"))],
    }


def _postal(case: Case) -> str:
    found = vault.read_json(case.contact_unit, "contact")
    lines = (found.get("name", ""), found.get("postal", ""))
    return "\n".join(line for line in lines if line) if found.get("postal") else ""


def goes_by_post(case: Case) -> bool:
    """Whether letters to this person are printed and posted: they chose paper, or have no mailbox.

    Who gave neither mailbox nor postal address reads them on the page of the request.
    """
    return bool(_postal(case)) and (paper.wanted(case) or not has_mailbox(case))


def named_person(case: Case) -> Staff | None:
    """Who answers for a case by name: who has it, else a supervisor (R25)."""
    staff: QuerySet[Staff] = Staff.objects.filter(is_active=True)
    own = staff.filter(staff_no=case.assignee).first() if case.assignee else None
    return own or staff.filter(role=Role.SUPERVISOR).order_by("staff_no").first()


def signer(letter: Letter) -> dict[str, str]:
    """The name under a letter: who agreed to it or wrote it, else who answers for the case."""
    numbers = [letter.agreed_by, letter.written_by]
    staff = Staff.objects.filter(staff_no__in=[one for one in numbers if one])
    by_number = {one.staff_no: one for one in staff}
    found = next((by_number[one] for one in numbers if one in by_number), named_person(letter.case))
    if found is None:
        return {"name": settings.DSR_CONTROLLER["name"], "role": ""}
    return {"name": found.display_name, "role": str(found.get_role_display())}


def send(letter: Letter, prepared: documents.Prepared) -> None:
    """Keep the document and let it leave: by link, or by post where only an address is known.

    Runs in the unit of work that ends the job. Nothing leaves to who took the request back.
    """
    case = lock(letter.case_id)
    row = Letter.objects.select_for_update().get(id=letter.id)
    if row.state != LetterState.QUEUED:
        return
    if case.withdrawn_at is not None or case.status == Status.PURGED:
        _fail(row, "case_over")
        return
    document = prepared.save(actor=_JOB)
    row.document_id = document.id
    if goes_by_post(case):
        row.state = LetterState.TO_POST
        row.save(update_fields=["state", "document_id"])
        return
    row.delivery_id = _leave(row, case, document)
    _sent(row, case, _JOB)


def _leave(row: Letter, case: Case, document: Document) -> UUID:
    part = deliveries.Part(
        name=f"{case.reference}-{row.kind}.pdf",
        media_type="application/pdf",
        document_id=document.id,
        size=document.size,
    )
    return deliveries.release_notice(
        case=case,
        part=part,
        approved_by=row.agreed_by or row.written_by,
        mailed=kinds.get(row.kind).mailed,
    ).id


def record_posted(*, letter_id: UUID, actor: Actor) -> Letter:
    """A person put the printed letter in the post; it counts as sent now."""
    if not actor.is_human_staff:
        raise NotAllowed("officer_only", _("Only officers and supervisors do this."))
    with unit_of_work():
        row, case = _locked(letter_id)
        if row.state != LetterState.TO_POST:
            raise Conflict("letter_not_waiting", _("This letter does not wait for the post."))
        if row.kind == LetterKind.ADDRESS:
            # It warns the old address, so it can't wait for what it warns of (R13).
            address_waits.require_may_warn(row, actor)
        else:
            paper_notices.require_may_leave(case, actor)
        row.posted_by = actor.id
        _sent(row, case, actor)
    return row


def _locked(letter_id: UUID) -> tuple[Letter, Case]:
    """Case, then letter."""
    found = Letter.objects.filter(id=letter_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound("no_letter", _("There is no such letter."))
    case = lock(found)
    return Letter.objects.select_for_update().get(id=letter_id), case


def _sent(row: Letter, case: Case, actor: Actor) -> None:
    row.state, row.sent_at = LetterState.SENT, clock.now()
    row.save()
    record(
        "letter.sent",
        actor=actor,
        case_id=case.id,
        subject_id=row.id,
        kind=row.kind,
        document_id=row.document_id,
        by_post=bool(row.posted_by),
    )
    if row.kind in after_sent:
        after_sent.get(row.kind)(row, case)


def _fail(row: Letter, code: str) -> None:
    row.state, row.error_code = LetterState.FAILED, code[:40]
    row.save(update_fields=["state", "error_code"])
    record(
        "letter.failed",
        actor=_JOB,
        case_id=row.case_id,
        subject_id=row.id,
        kind=row.kind,
        reason=row.error_code,
    )


def make_again(*, letter_id: UUID, actor: Actor) -> Letter:
    """Have a letter that could not be made be made once more, after a repair (law L-09).

    It says what it said: its facts are frozen. Raises `Conflict` with letter_not_failed, case_over.
    """
    require_reviewer(actor)
    with unit_of_work():
        row, case = _locked(letter_id)
        if row.state != LetterState.FAILED:
            raise Conflict("letter_not_failed", _("This letter did not fail."))
        if case.withdrawn_at is not None or case.status == Status.PURGED:
            raise Conflict("case_over", _("This request is closed: nobody is written to."))
        row.state, row.error_code = LetterState.QUEUED, ""
        row.save(update_fields=["state", "error_code"])
        record("letter.begun_again", actor=actor, case_id=case.id, subject_id=row.id, kind=row.kind)
        failed = Job.objects.filter(kind=SEND, subject=str(row.id), state=JobState.FAILED).first()
        if failed is not None:
            requeue(job_id=failed.id, actor=actor)
        else:
            enqueue(kind=SEND, subject=row.id, idempotency_key=f"{SEND}:{row.id}:{new_id()}")
    return row


def close_failed() -> int:
    """Mark letters whose job failed for good, so that somebody is told; how many."""
    closed = 0
    for letter in Letter.objects.filter(state=LetterState.QUEUED):
        job = Job.objects.filter(kind=SEND, subject=str(letter.id), state=JobState.FAILED).first()
        if job is None:
            continue
        with unit_of_work():
            row = Letter.objects.select_for_update().get(id=letter.id)
            if row.state == LetterState.QUEUED:
                _fail(row, job.error_code)
                closed += 1
    return closed


def as_markdown() -> str:
    """The registry as docs/letters.md shows it."""
    lines = [
        "# Letters beside the answer",
        "",
        "Made from the registry of letters (`dsr_portal/cases/letter_texts.py`,",
        "`dsr_portal/matching/photo_letters.py`) by `python manage.py letters`; a test compares.",
        "",
        "A letter is written from facts frozen in the case file, set and signed by the job",
        f"`{SEND}`, and refused where a required part is missing or says nothing, a sentence has",
        f"more than {plain.LONGEST} words, sentences have more than {plain.MEAN} words on average,",
        "or a word of the lawyers' list stands in it. Every letter also has the reference, what",
        f"was asked and when it came, and at its end: {', '.join(OF_THE_BASE)}. Words an officer",
        f"adds are plain text; in braces these names can stand: {', '.join(sorted(NAMES))}.",
        "",
        "It leaves behind a link and the receipt code, with a mail that says the same few words",
        "whatever is in it. Who chose paper, or gave a postal address and no mailbox, gets it by",
        "post: it counts as",
        "sent on the day a person recorded that. Who gave neither finds it on the page of the",
        "request. A letter that can't be made is told to named persons, and started again by an",
        "officer after the repair.",
        "",
        "| letter | when | required parts | article, rule | the same whatever was found |",
        "|---|---|---|---|---|",
    ]
    for name, spec in kinds.items():
        lines.append(
            f"| {name}: {spec.title} | {spec.when} | {', '.join(spec.required)} | {spec.law} "
            f"| {'yes' if spec.neutral else 'no'} |"
        )
    return "\n".join(lines) + "\n"
