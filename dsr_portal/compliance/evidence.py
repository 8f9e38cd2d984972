"""Which evidence a case must have in the trail, and whether it is there (law 7, L-01 to L-14).

What must be there follows from the case's own rows: a search that ended has an event, each decision
has one. An event that is gone is named by its row and type, beside the chain that is broken by it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsr_portal.cases.models import Case
from dsr_portal.cases.page_models import WishOver
from dsr_portal.cases.paper_models import PaperReturn
from dsr_portal.disclosure.models import LETTER_ONLY, Answer, AnswerKind, AnswerState
from dsr_portal.documents import selectors as documents
from dsr_portal.erasure.models import Plan
from dsr_portal.gallery.models import Notice
from dsr_portal.matching.models import (
    Decision,
    Probe,
    ProbeState,
    Review,
    ReviewState,
    Search,
    SearchKind,
)

TITLES: Mapping[str, Any] = {
    "L-01": gettext_lazy("Receipt"),
    "L-02": gettext_lazy("Identity"),
    "L-03": gettext_lazy("Consent"),
    "L-04": gettext_lazy("Search performed"),
    "L-05": gettext_lazy("Review by people"),
    "L-06": gettext_lazy("Redaction"),
    "L-07": gettext_lazy("Decision"),
    "L-08": gettext_lazy("Disclosure"),
    "L-09": gettext_lazy("Delivery"),
    "L-10": gettext_lazy("Erasure"),
    "L-11": gettext_lazy("Recipients told"),
    "L-12": gettext_lazy("Clock"),
    "L-13": gettext_lazy("Deletion of the request's own data"),
    "L-14": gettext_lazy("Access by staff"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the export has it: text as stored, so that a damaged one is shown, not fatal."""

    number: int
    at: datetime | None
    at_text: str
    type: str
    actor_id: str
    actor_role: str
    actor_kind: str
    data: dict[str, Any] | None
    removed: bool
    subject_id: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """At least `count(case)` events of one of `types`, as proof of one row."""

    row: str
    types: tuple[str, ...]
    count: Callable[[Case], int]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the trail holds of a row; `missing` has type and how many of how many are there."""

    row: str
    title: str
    numbers: tuple[int, ...]
    missing: tuple[tuple[str, int, int], ...]
    due: bool


def _one(case: Case) -> int:
    return 1


def _any(case: Case) -> int:
    return 0


_LEFT_OR_LEAVES = (AnswerState.APPROVED, AnswerState.REPLACED)


def _answers(case: Case) -> Any:
    return Answer.objects.filter(case=case)


def _searches(case: Case) -> Any:
    return Search.objects.filter(case=case, finished_at__isnull=False)


def _plans(case: Case) -> Any:
    return Plan.objects.filter(case=case)


def _notices(case: Case) -> Any:
    return Notice.objects.filter(case_id=case.id)


NEEDS: tuple[Need, ...] = (
    Need("L-01", ("case.opened",), _one),
    Need("L-01", ("receipt.issued",), _one),
    Need("L-01", ("probe.received",), lambda case: Probe.objects.filter(case=case).count()),
    Need("L-02", ("identity.recorded",), lambda case: case.identity_checks.count()),
    Need("L-02", ("identity.asked",), lambda case: case.asks.count()),
    Need("L-02", ("proof.given",), lambda case: case.proof_documents.count()),
    Need("L-02", ("proof.checked",), lambda case: case.proof_documents.exclude(shows=None).count()),
    Need(
        "L-02",
        ("proof.destroyed",),
        lambda case: case.proof_documents.filter(destroyed_at__isnull=False).count(),
    ),
    Need("L-02", ("case.identity_asked", "identity.lapsed"), _any),
    Need("L-03", ("consent.given",), lambda case: case.consents.count()),
    Need(
        "L-03",
        ("consent.withdrawn",),
        lambda case: case.consents.filter(withdrawn_at__isnull=False).count(),
    ),
    Need(
        "L-04",
        ("probe.judged",),
        lambda case: Probe.objects.filter(case=case, judged_at__isnull=False).count(),
    ),
    Need(
        "L-04",
        ("search.performed",),
        lambda case: _searches(case).exclude(kind=SearchKind.LOOK_UP).count(),
    ),
    Need(
        "L-04",
        ("search.looked_up",),
        lambda case: _searches(case).exclude(kind=SearchKind.FACE).count(),
    ),
    Need(
        "L-05",
        ("decision.made",),
        lambda case: Decision.objects.filter(review__case=case).exclude(verdict="").count(),
    ),
    Need(
        "L-05",
        ("review.decided",),
        lambda case: Review.objects.filter(case=case, state=ReviewState.DONE).count(),
    ),
    Need("L-06", ("answer.made",), lambda case: _answers(case).exclude(document_id=None).count()),
    Need("L-07", ("case.decided",), lambda case: int(case.decided_at is not None)),
    Need("L-07", ("answer.frozen",), lambda case: _answers(case).count()),
    Need(
        "L-07",
        ("answer.not_identified",),
        lambda case: _answers(case).filter(kind=AnswerKind.NOT_IDENTIFIED).count(),
    ),
    Need(
        "L-07",
        ("page.decided",),
        lambda case: case.page_wishes.filter(ended_how=WishOver.DEALT_WITH).count(),
    ),
    Need(
        "L-07",
        ("answer.approved",),
        lambda case: _answers(case).filter(state__in=_LEFT_OR_LEAVES).count(),
    ),
    Need("L-07", ("record.withheld",), lambda case: case.withheld.count()),
    Need(
        "L-07",
        ("erasure.grounded",),
        lambda case: Plan.objects.filter(case=case, grounds__isnull=False).distinct().count(),
    ),
    Need(
        "L-07",
        ("erasure.grounds_chosen",),
        lambda case: int(case.erasure_grounds.filter(plan=None).exists()),
    ),
    Need("L-08", ("document.made",), lambda case: documents.of_case(case.id).count()),
    Need("L-08", ("answer.made",), lambda case: _answers(case).exclude(document_id=None).count()),
    Need("L-09", ("delivery.made", "delivery.renewed"), lambda case: case.deliveries.count()),
    Need(
        "L-09",
        ("delivery.released", "delivery.renewed", "delivery.posted"),
        lambda case: case.deliveries.filter(released_at__isnull=False).count(),
    ),
    Need(
        "L-09",
        ("delivery.opened", "delivery.arrived"),
        lambda case: case.deliveries.filter(first_opened_at__isnull=False).count(),
    ),
    Need(
        "L-09",
        ("delivery.returned",),
        lambda case: PaperReturn.objects.filter(delivery__case=case).count(),
    ),
    Need("L-09", ("contact.change_asked",), lambda case: case.address_changes.count()),
    Need("L-09", ("delivery.fetched", "delivery.locked"), _any),
    Need("L-10", ("erasure.planned",), lambda case: _plans(case).count()),
    Need(
        "L-10",
        ("erasure.started",),
        lambda case: _plans(case).filter(started_at__isnull=False).count(),
    ),
    Need(
        "L-10",
        ("erasure.verified",),
        lambda case: _plans(case).filter(verified_at__isnull=False).count(),
    ),
    Need(
        "L-10",
        ("erasure.certified",),
        lambda case: _plans(case).filter(document_id__isnull=False).count(),
    ),
    Need("L-10", ("erasure.step_done", "erasure.shredded", "record.erased"), _any),
    Need("L-11", ("recipient.notice_prepared",), lambda case: _notices(case).count()),
    Need(
        "L-11",
        ("recipient.told",),
        lambda case: _notices(case).filter(sent_at__isnull=False).count(),
    ),
    Need(
        "L-11",
        ("recipient.answered",),
        lambda case: _notices(case).filter(answered_at__isnull=False).count(),
    ),
    Need(
        "L-11",
        ("recipient.excused",),
        lambda case: _notices(case).filter(state=Notice.State.EXCUSED).count(),
    ),
    Need("L-12", ("case.opened",), _one),
    Need(
        "L-13",
        ("probe.deleted",),
        lambda case: Probe.objects.filter(case=case, state=ProbeState.DELETED).count(),
    ),
    Need(
        "L-13",
        ("answer.package_shredded",),
        lambda case: (
            _answers(case)
            .filter(state__in=_LEFT_OR_LEAVES, package_unit__isnull=True)
            .exclude(kind__in=LETTER_ONLY)
            .count()
        ),
    ),
    Need("L-13", ("erasure.kit_destroyed",), _any),
    Need("L-14", ("case.viewed", "oversight.viewed", "review.taken"), _any),
)


def told(export: Mapping[str, Any]) -> list[Told]:
    """The events an export shows in full, in its order."""
    return [_told(entry) for entry in export["events"]]


def _told(entry: Mapping[str, Any]) -> Told:
    header, body = entry["header"], entry["payload"]
    try:
        at = datetime.fromisoformat(header["at"])
    except ValueError:
        at = None
    try:
        data = None if body is None else dict(json.loads(body))
    except (TypeError, ValueError):
        data = None
    return Told(
        number=int(header["number"]),
        at=at,
        at_text=str(header["at"]),
        type=str(header["type"]),
        actor_id=str(header["actor_id"]),
        actor_role=str(header["actor_role"]),
        actor_kind=str(header["actor_kind"]),
        data=data,
        removed=body is None,
        subject_id=str(header.get("subject_id") or ""),
    )


def completeness(case: Case, events: Sequence[Told]) -> list[Proof]:
    """For each row L-01 to L-14: the events that prove it, and which are missing."""
    return [_proof(row, case, events) for row in TITLES]


def _proof(row: str, case: Case, events: Sequence[Told]) -> Proof:
    numbers: set[int] = set()
    missing = []
    due = False
    for need in (one for one in NEEDS if one.row == row):
        there = [event.number for event in events if event.type in need.types]
        wanted = need.count(case)
        numbers.update(there)
        due = due or wanted > 0
        if len(there) < wanted:
            missing.append((" / ".join(need.types), len(there), wanted))
    return Proof(row, str(TITLES[row]), tuple(sorted(numbers)), tuple(missing), due)


def standing(proof: Proof) -> str:
    """What the report says of a row."""
    if proof.missing:
        gone = "; ".join(
            _("%(type)s: %(there)s of %(wanted)s") % {"type": name, "there": have, "wanted": want}
            for name, have, want in proof.missing
        )
        return _("MISSING %(what)s") % {"what": gone}
    if proof.numbers:
        return _("there")
    return _("not due: nothing of this kind happened in the case")
