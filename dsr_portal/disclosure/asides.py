"""What becomes of answers when a picture in them is put aside (law C-09).

An answer that has not left is set aside and made anew without it. One that has left closes: its
files are handed out to nobody while the picture is put aside. They are not destroyed: it is another
person's answer, and one officer's word is not its end (R4). Once a senior officer confirmed what it
shows, the supervisors are told to write to that person, or have it made anew (`anew`). The database
refuses such a picture in an answer, too (`guards.py`). Lock order: cases by id, then the picture,
then answers.
"""

from collections.abc import Collection
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_senior
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import closed_answers, deliveries
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Delivery
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import NotFound
from dsr_portal.disclosure import services
from dsr_portal.disclosure.models import Answer, AnswerRecord, AnswerState
from dsr_portal.documents import selectors as documents
from dsr_portal.documents.models import Document
from dsr_portal.gallery import covers, putting_aside
from dsr_portal.gallery.models import PutAside
from dsr_portal.matching import asides
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.services import require_reviewer

_NOT_APPROVED = (AnswerState.QUEUED, AnswerState.READY)
REASON = "put_aside"


def put_aside(*, case_id: UUID, decision_id: UUID, kind: str, actor: Actor) -> PutAside:
    """The button of the compare page: from now on nobody but senior officers sees it.

    Raises `NotFound` for a picture that does not lie before this person.
    """
    require_reviewer(actor)
    decision = matching.laid_before(case_id, decision_id, actor)
    if decision is None:
        raise NotFound("no_decision", _("There is no such picture for you to decide."))
    with unit_of_work():
        _lock_cases(decision.candidate.record.image_id, case_id)
        row = asides.put_aside(decision=decision, kind=kind, actor=actor)
        for answer in _answers_with(row.image_id):
            own = answer.case_id == case_id
            take_back(answer, actor if own else _follows(actor), REASON)
    return row


def _follows(actor: Actor) -> Actor:
    """Whose press it was, in the trail of another request. Nobody is asked there whether they may
    work on that one: a refusal would leave the picture open and tell that it is in that answer (R3,
    X-09)."""
    return Actor.decided_by(actor.id, actor.role)


def confirm(*, put_aside_id: UUID, kind: str, actor: Actor) -> PutAside:
    """As `putting_aside.confirm`; the requests whose answers stay closed are told of."""
    with unit_of_work():
        _lock_cases_of(put_aside_id)
        row = putting_aside.confirm(
            put_aside_id=put_aside_id, kind=kind, actor=actor, found_in=_found_in(put_aside_id)
        )
        _tell_of_closed(row, actor)
    return row


def lower(*, put_aside_id: UUID, reason: str, actor: Actor) -> PutAside:
    """As `putting_aside.lower`; the requests whose answers stay closed are told of."""
    with unit_of_work():
        _lock_cases_of(put_aside_id)
        row = putting_aside.lower(put_aside_id=put_aside_id, reason=reason, actor=actor)
        _tell_of_closed(row, actor)
    return row


def _found_in(put_aside_id: UUID) -> UUID | None:
    """A request that is not over and in which this picture was found."""
    row = PutAside.objects.filter(id=put_aside_id).first()
    found = [] if row is None else asides.open_candidates(row)
    return found[0].case_id if found else None


def _tell_of_closed(row: PutAside, actor: Actor) -> None:
    if row.state != PutAside.State.CONFIRMED:
        return
    for answer in _answers_with(row.image_id):
        take_back(answer, _follows(actor), REASON)
        if _has_left(answer):
            closed_answers.tell(case_id=answer.case_id, actor=_follows(actor))


def release(*, put_aside_id: UUID, reason: str, actor: Actor) -> PutAside:
    """As `putting_aside.release`; each of the two says first whose picture it is.

    Officers do not decide it any more, so nobody else could; who entered one of the requests says
    nothing about that one, so a third person does. Raises `Conflict("say_first")`.
    """
    require_senior(actor)
    with unit_of_work():
        row = PutAside.objects.filter(id=put_aside_id).first()
        if row is not None and asides.to_say(row, actor):
            raise asides.say_first()
        released = putting_aside.release(put_aside_id=put_aside_id, reason=reason, actor=actor)
        if released.state == PutAside.State.RELEASED and asides.lacks_words(released):
            raise asides.say_first()
        return released


def _lock_cases_of(put_aside_id: UUID) -> None:
    image = PutAside.objects.filter(id=put_aside_id).values_list("image_id", flat=True).first()
    if image is not None:
        _lock_cases(image)


def _lock_cases(image_id: UUID, *also: UUID) -> None:
    """Every case with an answer that shows it, before anything of theirs is locked: two services
    that touch the same case then never wait for each other in a circle."""
    shown = AnswerRecord.objects.filter(record__image=image_id)
    found = shown.values_list("answer__case_id", flat=True)
    for case_id in sorted({*found, *also}):
        lock(case_id)


def _answers_with(image_id: UUID) -> list[Answer]:
    rows = AnswerRecord.objects.filter(record__image=image_id)
    found = Answer.objects.select_for_update().filter(id__in=rows.values("answer"))
    found = found.exclude(state=AnswerState.REPLACED)
    return list(found.order_by("id"))


def take_back(answer: Answer, actor: Actor, reason: str) -> bool:
    """Nothing that has not left leaves; the officers make the answer anew."""
    waits = answer.state == AnswerState.APPROVED and not _has_left(answer)
    if answer.state not in _NOT_APPROVED and not waits:
        return False
    case = lock(answer.case_id)
    if answer.state == AnswerState.APPROVED:
        deliveries.end_ready(case_id=case.id)
    services.shred(answer, actor, reason)
    answer.state = AnswerState.SET_ASIDE
    answer.save(update_fields=["state"])
    record(
        "answer.set_aside",
        actor=actor,
        case_id=answer.case_id,
        subject_id=answer.id,
        reason=reason,
    )
    return True


def _has_left(answer: Answer) -> bool:
    laid = Delivery.objects.filter(id__in=[answer.delivery_id] if answer.delivery_id else [])
    return laid.filter(released_at__isnull=False).exists()


def shows_put_aside(units: Collection[UUID]) -> bool:
    """Whether one of these vault units is a letter or package with a picture that is put aside."""
    covered = AnswerRecord.objects.filter(record__image__in=covers.covered_images())
    found = Answer.objects.filter(id__in=covered.values("answer"))
    rows = list(found.values_list("document_id", "package_unit"))
    letters = [document_id for document_id, _unit in rows if document_id is not None]
    packages = {unit for _document_id, unit in rows}
    return not packages.union(documents.units_of(letters)).isdisjoint(units)


def hidden_documents(case_id: UUID) -> list[UUID]:
    """Letters of a case that nobody at the desk opens either."""
    rows = Document.objects.filter(id__in=Answer.objects.filter(case=case_id).values("document_id"))
    return [row.id for row in rows if shows_put_aside([row.unit])]
