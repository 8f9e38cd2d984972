"""Reading the trail. Callers have checked that the reader may see the case."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from dsr_portal.audit.models import Event
from dsr_portal.core.registries import sentences


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event in plain words."""

    number: int
    at: datetime
    type: str
    sentence: Any


def events_for_case(case_id: UUID) -> QuerySet[Event]:
    """Every event of a case in order, with payloads."""
    return Event.objects.filter(case_id=case_id).select_related("payload").order_by("number")


def events_for_subject(subject_id: UUID) -> QuerySet[Event]:
    """Every event about one thing (a record, a job, an account) in order, with payloads."""
    return Event.objects.filter(subject_id=subject_id).select_related("payload").order_by("number")


def cases_acted_in(staff_no: str, case_ids: Collection[UUID], *, but: Collection[str]) -> set[UUID]:
    """Those of the cases in which this person of staff did more than the events named in `but`."""
    own = Event.objects.filter(case_id__in=case_ids, actor_kind="staff", actor_id=staff_no)
    found = own.exclude(type__in=but).values_list("case_id", flat=True)
    return {case_id for case_id in found if case_id is not None}


def first_acts(
    staff_no: str, case_ids: Collection[UUID], *, but: Collection[str]
) -> dict[UUID, datetime]:
    """When this person of staff first did more in each case than the events named in `but`."""
    own = Event.objects.filter(case_id__in=case_ids, actor_kind="staff", actor_id=staff_no)
    found = own.exclude(type__in=but).order_by().values_list("case_id").annotate(Min("at"))
    return {case_id: at for case_id, at in found if case_id is not None}


def looks(event: str, start: datetime, end: datetime) -> dict[tuple[str, UUID], datetime]:
    """Which person of staff looked at which case in this time, by one type of event, and when
    first."""
    rows = Event.objects.filter(type=event, actor_kind="staff", at__gte=start, at__lt=end)
    found = rows.order_by().values_list("actor_id", "case_id").annotate(Min("at"))
    return {(actor_id, case_id): at for actor_id, case_id, at in found if case_id is not None}


def timeline(case_id: UUID) -> list[TimelineEntry]:
    """The events of a case that have a sentence and still have their payload."""
    entries = []
    for event in events_for_case(case_id):
        data = event.data
        if data is not None and event.type in sentences:
            sentence = sentences.get(event.type)(data)
            entries.append(TimelineEntry(event.number, event.at, event.type, sentence))
    return entries
