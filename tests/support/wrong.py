"""Answers that were read, with something wrong in a picture or one kept; no PDF is set for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dsr_portal.cases import services
from dsr_portal.cases.models import (
    Case,
    Delivery,
    HeldBack,
    Proposal,
    ProposalKind,
    ProposalState,
    Withheld,
)
from dsr_portal.core import clock
from dsr_portal.disclosure.models import Answer, AnswerRecord
from dsr_portal.gallery.models import Record
from dsr_portal.matching.models import Search
from tests.support import answers
from tests.support import erasure as lab

CAPTION = "Mina Okoye, wanted for theft"
PAGE = "https://fair.example/2021/canal"


def picture(seed: int = 1, **facts: Any) -> Record:
    """A face in a picture whose caption, link, name or date may be wrong."""
    known = {
        "caption": CAPTION,
        "page_url": PAGE,
        "collected_at": "2021-05-03",
        "other": {"username": "mina_o"},
    }
    return answers.a_face(seed=seed, **known | facts)


def answered(*records: Record, opened: bool = True) -> Case:
    """A case whose answer shows these pictures and left; with `opened` it was read."""
    answers.staff()
    case = lab.ready_case(records)
    answer = Answer.objects.create(
        case=case, search=Search.objects.get(case=case), kind="disclosure", state="approved",
        frozen_at=clock.now(), prepared_by=answers.OFFICER.id, approved_by=answers.SECOND.id,
    )  # fmt: skip
    for number, record in enumerate(records, start=1):
        AnswerRecord.objects.create(answer=answer, record=record, ordinal=number)
    if opened:
        read(case)
    return case


def read(case: Case) -> Delivery:
    delivery = case.deliveries.get(kind="answer")
    code = services.receipt_code(case)
    services.open_delivery(token=services.link_token(delivery), code=code)
    return delivery


def exempted(case: Case, record: Record, *, days: int) -> Withheld:
    """As two persons agreed before the answer left."""
    moment = clock.now()
    proposal = Proposal.objects.create(
        case=case, kind=ProposalKind.EXEMPT, state=ProposalState.AGREED,
        proposed_by=answers.OFFICER.id, proposed_at=moment, settled_at=moment,
    )  # fmt: skip
    return Withheld.objects.create(
        case=case, proposal=proposal, record_id=record.id, what=HeldBack.ERASURE,
        ground="legal_claims", until=clock.today() + timedelta(days=days),
        agreed_by=answers.SECOND.id, at=moment,
    )  # fmt: skip
