"""Reading the trail. Callers have checked that the reader may see the case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

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


def timeline(case_id: UUID) -> list[TimelineEntry]:
    """The events of a case that have a sentence and still have their payload."""
    entries = []
    for event in events_for_case(case_id):
        data = event.data
        if data is not None and event.type in sentences:
            sentence = sentences.get(event.type)(data)
            entries.append(TimelineEntry(event.number, event.at, event.type, sentence))
    return entries
