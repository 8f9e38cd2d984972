"""Steps that walks of whole requests share: asked, decided, answered, told, closed.

What leaves is read back from its PDF, opened behind its link with the code as the person does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dsr_portal.audit import services as audit
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Delivery, LetterState, Status
from dsr_portal.core.actor import Actor
from dsr_portal.disclosure.models import Answer, AnswerState
from dsr_portal.documents import services as documents
from dsr_portal.gallery.models import Record
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Candidate, Verdict
from tests.support import answers
from tests.support.gallery import own_places
from tests.support.letters import LIVES, every_document, faults


def begun(settings: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores of the walk's own, no face network, and the people of the desk."""
    own_places(settings, folder)
    answers.without_detector(monkeypatch)
    answers.staff()


def asked(language: str, *rights: str) -> Case:
    return answers.requested(rights=rights, country=LIVES[language], language=language)


def decided(case: Case, *verdicts: str) -> Case:
    """Compared, and decided by two about so many pictures made for it."""
    records = [answers.a_face(seed=number) for number in range(1, len(verdicts) + 1)]
    return decided_about(case, records, verdicts)


def decided_about(case: Case, records: Sequence[Record], verdicts: Sequence[str]) -> Case:
    """Compared, and decided by two about these records."""
    said = {one.id: verdict for one, verdict in zip(records, verdicts, strict=True)}
    return answers.decided(answers.searched(case, records), said)


def looked_up(case: Case, by: Actor, *, but: Sequence[Record] = ()) -> Case:
    """Known by a call, looked up by the page that was named, decided by two: all there is theirs,
    `but` some."""
    cases.record_identity(
        case_id=case.id,
        actor=by,
        way="call",
        element="named_control",
        compared="The person on the call showed the page as theirs.",
    )
    matching.start_look_up(case_id=case.id, actor=by)
    jobs.run_due(queues=["light"])
    theirs = set(Candidate.objects.filter(case=case).values_list("record_id", flat=True))
    theirs -= {one.id for one in but}
    # Nothing was compared, so that it is theirs takes a reason.
    return answers.decided(
        case, dict.fromkeys(theirs, Verdict.SAME), why="The name on the page is theirs."
    )


def answered(case: Case) -> tuple[Case, Answer, str]:
    """The answer made, approved by another person, released, opened with the code and read."""
    with every_document() as made:
        answer = answers.answered(case)
    assert answer.state == AnswerState.READY, answer.error_code
    (read,) = made
    assert faults(read, case) == []
    case = answers.released(answer)
    assert case.status == Status.DELIVERED
    pdf = opened(case.deliveries.filter(kind="answer").latest("created_at"))
    assert pdf == documents.open_document(answer.document_id) == read.pdf
    return case, answer, answers.text_of(pdf)


def told(case: Case, kind: str) -> str:
    """The newest letter of a kind: made by its job, left, opened with the code; as it reads."""
    with every_document() as made:
        while jobs.run_due(queues=["light"]):
            pass
    letter = case.letters.filter(kind=kind).latest("created_at")
    assert letter.state == LetterState.SENT, letter.error_code
    assert letter.delivery_id is not None, "it waits for the post"
    pdf = opened(Delivery.objects.get(id=letter.delivery_id))
    (read,) = [one for one in made if one.pdf == pdf]
    assert faults(read, case) == []
    return read.text


def opened(delivery: Delivery) -> bytes:
    """The first part of what left, behind its link and the receipt code."""
    token = cases.link_token(delivery)
    grant = cases.open_delivery(token=token, code=cases.receipt_code(delivery.case))
    first = cases.granted(grant=grant, token=token).parts.order_by("ordinal")[0]
    return b"".join(cases.fetch(part=first, actor=Actor.person(delivery.case_id)))


def closed(case: Case) -> Case:
    """Closed by an officer; the trail is whole."""
    case = cases.close(case_id=case.id, actor=answers.OFFICER)
    assert case.status == Status.CLOSED
    assert audit.verify().ok
    return case


def walked(case: Case) -> tuple[Case, Answer, str]:
    """Answered and closed."""
    case, answer, text = answered(case)
    return closed(case), answer, text
