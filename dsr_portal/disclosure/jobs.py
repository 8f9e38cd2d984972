"""Making the answer: pictures covered, letter set and signed, package sealed; then it waits."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record
from dsr_portal.cases import found_files
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import ProposalKind
from dsr_portal.cases.proposals import handlers
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import JobKind, job_kinds
from dsr_portal.disclosure import (
    contents,
    correcting,
    lengthening,
    named_page,
    neutral,
    package,
    unidentified,
    validator,
    withholding,
)
from dsr_portal.disclosure.gathered import Gathered, gather
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.disclosure.pictures import Shown, covered_pictures
from dsr_portal.disclosure.services import KIND, OWN_DATA, PACKAGE_FIELD, picture_field
from dsr_portal.disclosure.words import must_say
from dsr_portal.documents import services as documents
from dsr_portal.documents.models import Document, Kind
from dsr_portal.gallery.models import Record
from dsr_portal.jobs.context import JobContext
from dsr_portal.matching import own_data
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

ACTOR = Actor.system("disclosure")


def make_answer(ctx: JobContext) -> None:
    """Make document and package of a frozen answer; a second run replaces nothing."""
    answer = (
        Answer.objects.select_related("case", "search__probe").filter(id=ctx.subject_id).first()
    )
    if answer is None or answer.state != AnswerState.QUEUED:
        return
    letter = _LETTERS.get(answer.kind)
    if letter is not None:
        _make_letter(ctx, answer, letter)
        return
    rows = list(answer.records.order_by("ordinal").values_list("record_id", flat=True))
    by_id = {
        row.id: row for row in Record.objects.filter(id__in=rows).select_related("image__source")
    }
    records = [by_id[record_id] for record_id in rows]
    shown = covered_pictures(records)
    ctx.must_be_ours()
    with translation.override(answer.case.language):
        gathered = gather(answer, records, shown)
        files = package.files(gathered)
    prepared = _letter(gathered, {name: package.sha256(body) for name, body in files.items()})
    _take_along(prepared, answer)
    ctx.must_be_ours()
    body = package.build(files, prepared.pdf)
    validator.refuse(
        validator.missing_in_files(
            kind=answer.kind,
            pdf=prepared.pdf,
            zipped=body,
            record_ids=rows,
            found_files=found_files.of_case(answer.case).count(),
        )
    )
    staged = vault.stage_unit(kind=UnitKind.DOCUMENT, owner=new_id())
    staged.add(PACKAGE_FIELD, body)
    for number, row in enumerate(records, start=1):
        staged.add(picture_field(number), shown[row.id].whole)
    with ctx.complete():
        standing = _locked(answer)
        if standing.state != AnswerState.QUEUED:
            return  # withdrawn while this ran: nothing of it is kept
        document = prepared.save(actor=ACTOR)
        staged.save()
        answer.document_id = document.id
        answer.package_unit = staged.unit_id
        answer.package_sha256 = hashlib.sha256(body).hexdigest()
        answer.package_size = len(body)
        answer.state = AnswerState.READY
        answer.save()
        for told in answer.records.all():
            told.covered = shown[told.record_id].covered
            told.save(update_fields=["covered"])
        _record_made(
            answer,
            document,
            records=len(records),
            covered=sum(shown[row.id].covered for row in records),
            # A picture with two faces of the person is one picture.
            pictures=[*{row.image_id: shown[row.id] for row in records}.values()],
        )


_LETTERS: dict[str, Callable[[Answer], documents.Prepared]] = {
    AnswerKind.NOT_IDENTIFIED: unidentified.letter,
    AnswerKind.NAMED_PAGE: named_page.letter,
    AnswerKind.NEUTRAL: neutral.letter,
}
"""Answers that are a letter alone: nothing found is told, no picture and no package go along."""


def _make_letter(
    ctx: JobContext, answer: Answer, letter: Callable[[Answer], documents.Prepared]
) -> None:
    prepared = letter(answer)
    _take_along(prepared, answer)
    with ctx.complete():
        standing = _locked(answer)
        if standing.state != AnswerState.QUEUED:
            return  # withdrawn or set aside while this ran
        document = prepared.save(actor=ACTOR)
        standing.document_id = document.id
        standing.state = AnswerState.READY
        standing.save(update_fields=["document_id", "state"])
        _record_made(standing, document)


def _locked(answer: Answer) -> Answer:
    """As it stands now, its case locked first as everywhere."""
    lock(answer.case_id)
    return Answer.objects.select_for_update().get(id=answer.id)


def _take_along(prepared: documents.Prepared, answer: Answer) -> None:
    """Sealed with the letter, whatever that says, for who asked to take data along (E-10, R3)."""
    if own_data.asked(answer.case):
        prepared.staged.add(OWN_DATA, own_data.as_json(answer.case))


def _record_made(
    answer: Answer,
    document: Document,
    *,
    records: int = 0,
    covered: int = 0,
    pictures: Sequence[Shown] = (),
) -> None:
    record(
        "answer.made",
        actor=ACTOR,
        case_id=answer.case_id,
        subject_id=answer.id,
        document_id=document.id,
        sha256=document.sha256,
        package_sha256=answer.package_sha256 or None,
        package_size=answer.package_size,
        records=records,
        covered=covered,
        faces=sum(one.faces for one in pictures),
        exceptions=sum(one.left_open for one in pictures),
        redactor="program",
    )


def _letter(gathered: Gathered, files: Mapping[str, str]) -> documents.Prepared:
    """The signed letter in the person's language, with the small pictures in it."""
    answer = gathered.answer
    with translation.override(answer.case.language):
        context = contents.context(gathered, files)
        validator.refuse(validator.missing_sections(answer.kind, context))
        return documents.prepare_document(
            kind=Kind.ANSWER if answer.kind == AnswerKind.DISCLOSURE else Kind.NOTHING_FOUND,
            case_id=answer.case_id,
            reference=answer.case.reference,
            template="documents/answer.html",
            context=context,
            language=answer.case.language,
            title=_("Our answer to your request"),
            country=answer.case.country or None,
            sheet=validator.SHEETS[answer.kind],
            also=[*must_say(answer.case), *(["records"] if context["records"] else [])],
            images={
                f"record-{number}.jpg": gathered.shown[record.id].small
                for number, record in enumerate(gathered.records, start=1)
            },
        )


for _kind in (ProposalKind.WITHHOLD, ProposalKind.EXEMPT, ProposalKind.TEMPLATE):
    handlers.register(_kind, withholding.HANDLER)
handlers.register(ProposalKind.LENGTHEN, lengthening.HANDLER)
handlers.register(ProposalKind.CORRECTION, correcting.HANDLER)
job_kinds.register(JobKind(name=KIND, queue="probe", handler=make_answer))
