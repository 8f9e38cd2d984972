"""Everything an answer is made from, read once so that letter and package say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dsr_portal.accounts.models import Staff
from dsr_portal.core.transactions import outside
from dsr_portal.disclosure import inventory
from dsr_portal.disclosure.models import Answer
from dsr_portal.disclosure.pictures import Shown
from dsr_portal.gallery import connector
from dsr_portal.gallery import selectors as gallery
from dsr_portal.gallery.connector import FaceFacts, ImageFacts
from dsr_portal.gallery.models import Recipient, Record
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import Candidate, Review
from dsr_portal.recognition import services as recognition


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts by record id; `templates` are unturned (R32), `maker` is name and role."""

    answer: Answer
    records: tuple[Record, ...]
    facts: Mapping[UUID, ImageFacts]
    faces: Mapping[UUID, FaceFacts]
    shown: Mapping[UUID, Shown]
    models: Mapping[UUID, recognition.ModelFacts]
    templates: Mapping[UUID, list[float]]
    bands: Mapping[UUID, str]
    look_ups: Sequence[gallery.LookUpFact]
    addresses: Mapping[UUID, str]
    logs: Sequence[gallery.LogCoverage]
    coverage: gallery.Coverage
    inconclusive: int
    probe_received: datetime
    review: Review | None
    maker: tuple[str, str]


@outside("Gathering an answer")
def gather(answer: Answer, records: Sequence[Record], shown: Mapping[UUID, Shown]) -> Gathered:
    """Read what the answer needs. Raises `inventory.Unmapped` for what nobody has placed."""
    inventory.refuse_unmapped(records)
    held = connector.current()
    ids = [record.id for record in records]
    outcome = matching.outcome(answer.case_id)
    look_ups = gallery.recipients_of(ids)
    bands = Candidate.objects.filter(case_id=answer.case_id, record_id__in=ids)
    recipients = Recipient.objects.filter(id__in={fact.recipient_id for fact in look_ups})
    return Gathered(
        answer=answer,
        records=tuple(records),
        facts={record.id: held.facts(record.image_id) for record in records},
        faces={record.id: held.face(record.id) for record in records},
        shown=shown,
        models=recognition.template_facts(ids),
        templates=recognition.disclosed_templates(ids),
        bands=dict(bands.values_list("record_id", "band")),
        look_ups=look_ups,
        addresses=dict(recipients.values_list("id", "address")),
        logs=gallery.lookup_coverage(),
        coverage=gallery.coverage(),
        inconclusive=len(outcome.inconclusive) if outcome else 0,
        probe_received=answer.search.probe.received_at,
        review=matching.current_review(answer.case_id),
        maker=_maker(answer.prepared_by),
    )


def _maker(staff_no: str) -> tuple[str, str]:
    staff = Staff.objects.filter(staff_no=staff_no).first()
    return (staff.display_name, str(staff.get_role_display())) if staff else (staff_no, "")
