"""Everything an answer is made from, read once so that letter and package say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import found_files, other_systems, paper, proposals
from dsr_portal.cases.found_files import Found
from dsr_portal.cases.models import HeldBack
from dsr_portal.cases.other_systems import Line
from dsr_portal.cases.selectors import held_back
from dsr_portal.core.errors import NotFound
from dsr_portal.core.transactions import outside
from dsr_portal.disclosure import inventory
from dsr_portal.disclosure.camera import Camera
from dsr_portal.disclosure.models import Answer
from dsr_portal.disclosure.pictures import Shown
from dsr_portal.gallery import connector
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.connector import FaceFacts, ImageFacts
from dsr_portal.gallery.models import Recipient, Record
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Candidate, Review, Search
from dsr_portal.recognition import services as recognition


@dataclass(frozen=True, slots=True)
class Kept:
    """One record two persons held back, on its own ground and facts (law R-02, E-03).

    `number` is its place in the answer; None where the answer does not show it.
    """

    record_id: UUID
    what: str
    ground: str
    facts: str
    until: date | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts by record id; `templates` are unturned (R32) and without those two persons held back
    (A-04), `maker` is name and role.

    `probe_received` is None where no photo was compared; `found_by` says what led to a record.
    """

    answer: Answer
    search: Search
    records: tuple[Record, ...]
    private: tuple[Record, ...]
    """Intimate pictures: their facts are told, no picture of them is in the answer (law C-09)."""
    aside: int
    """Pictures that are only counted: law forbids to hand them out."""
    facts: Mapping[UUID, ImageFacts]
    faces: Mapping[UUID, FaceFacts]
    shown: Mapping[UUID, Shown]
    camera: Mapping[UUID, Camera]
    """What a camera wrote into the file of each picture that is shown, without what is of others
    (law A-02). Of a picture that is put aside nobody reads the file for this (C-09)."""
    models: Mapping[UUID, recognition.ModelFacts]
    templates: Mapping[UUID, list[float]]
    bands: Mapping[UUID, str]
    found_by: Mapping[UUID, str]
    look_ups: Sequence[gallery.LookUpFact]
    addresses: Mapping[UUID, str]
    logs: Sequence[gallery.LogCoverage]
    coverage: gallery.Coverage
    inconclusive: int
    held_back: Sequence[Kept]
    other_systems: Sequence[Line]
    """What was stated of the controller's other systems (law A-17)."""
    found_files: Sequence[Found]
    """Files an officer found there and attached, in the order of the package."""
    none_stated_at: datetime | None
    """When a director stated that there are none; None where some are listed."""
    probe_received: datetime | None
    review: Review | None
    deciders: Mapping[str, str]
    """Role of each who decided, by staff number, as it was when they did."""
    maker: tuple[str, str]
    on_paper: bool
    """Whether the letter goes by post, without the package (law T-13)."""

    def withholds_template(self, record: Record) -> bool:
        """Whether two persons held the face code of a record back that is shown (law A-04)."""
        return any(
            one.what == HeldBack.TEMPLATE and one.record_id == record.id for one in self.held_back
        )


@outside("Gathering an answer")
def gather(answer: Answer, records: Sequence[Record], shown: Mapping[UUID, Shown]) -> Gathered:
    """Read what the answer needs. Raises `inventory.Unmapped` for what nobody has placed."""
    outcome = matching.held_now(answer.case_id)
    private = _private(outcome)
    everything = [*records, *private]
    inventory.refuse_unmapped(everything)
    search = answer.search
    if search is None:
        raise NotFound("no_search", _("This answer rests on no search."))
    held = connector.current()
    ids = [record.id for record in everything]
    coded = [one for one in ids if one not in held_back(answer.case_id, HeldBack.TEMPLATE)]
    look_ups = gallery.recipients_of(ids)
    bands = Candidate.objects.filter(case_id=answer.case_id, record_id__in=ids)
    none = other_systems.none_stated()
    recipients = Recipient.objects.filter(id__in={fact.recipient_id for fact in look_ups})
    return Gathered(
        answer=answer,
        search=search,
        records=tuple(records),
        private=tuple(private),
        aside=len(outcome.aside) if outcome else 0,
        facts={record.id: held.facts(record.image_id) for record in everything},
        faces={record.id: held.face(record.id) for record in everything},
        shown=shown,
        camera={record_id: one.camera for record_id, one in shown.items()},
        models=recognition.template_facts(ids),
        templates=recognition.disclosed_templates(coded),
        bands=dict(bands.values_list("record_id", "band")),
        found_by=dict(bands.values_list("record_id", "found_by")),
        look_ups=look_ups,
        addresses=dict(recipients.values_list("id", "address")),
        logs=gallery.lookup_coverage(),
        coverage=gallery.coverage(),
        inconclusive=len(outcome.inconclusive) if outcome else 0,
        held_back=_held_back(answer, outcome, [record.id for record in records]),
        other_systems=other_systems.lines(answer.case),
        found_files=found_files.opened(answer.case),
        none_stated_at=none.stated_at if none is not None else None,
        probe_received=search.probe.received_at if search.probe is not None else None,
        review=matching.current_review(answer.case_id),
        deciders=_deciders(answer.case_id),
        maker=_maker(answer.prepared_by),
        on_paper=paper.wanted(answer.case),
    )


def _private(outcome: matching.MatchOutcome | None) -> list[Record]:
    rows = Record.objects.filter(id__in=outcome.private if outcome else ())
    return list(rows.select_related("image__source").order_by("enrolled_at", "id"))


def _held_back(
    answer: Answer, outcome: matching.MatchOutcome | None, ids: Sequence[UUID]
) -> list[Kept]:
    rows = [
        *held_back(answer.case_id, HeldBack.ANSWER).values(),
        *held_back(answer.case_id, HeldBack.ERASURE).values(),
        *held_back(answer.case_id, HeldBack.TEMPLATE).values(),
    ]
    return [
        Kept(
            record_id=row.record_id,
            what=row.what,
            ground=row.ground,
            facts=proposals.words_of(row.proposal),
            until=row.until,
            number=ids.index(row.record_id) + 1 if row.record_id in ids else None,
        )
        for row in rows
        if outcome is not None and row.record_id in outcome.same
    ]


_DECIDED = ("review.finished", "review.decided")


def _deciders(case_id: UUID) -> dict[str, str]:
    events = events_for_case(case_id).filter(actor_kind="staff", type__in=_DECIDED)
    known = {role.value: str(role.label) for role in Role}
    return {
        number: known[role]
        for number, role in events.values_list("actor_id", "actor_role")
        if role in known
    }


def _maker(staff_no: str) -> tuple[str, str]:
    staff = Staff.objects.filter(staff_no=staff_no).first()
    return (staff.display_name, str(staff.get_role_display())) if staff else (staff_no, "")
