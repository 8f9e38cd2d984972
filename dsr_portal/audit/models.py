"""The trail: one head row per chain, events that never change, payloads that may be deleted.

The triggers of `triggers.py` hold the same in the database, whoever writes to it (rule R29).
"""

import json
from typing import Any

from django.db import models

from dsr_portal.core.models import Row


class Chain(models.Model):
    """The head of one chain. Writers lock this row; it only ever moves forward."""

    name = models.CharField(max_length=32, primary_key=True)
    number = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Event(Row):
    """What happened, when, by whom, about which case; bound to the event before it."""

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveBigIntegerField()
    type = models.CharField(max_length=64)
    at = models.DateTimeField()
    clock = models.CharField(max_length=8)
    actor_id = models.CharField(max_length=64)
    actor_role = models.CharField(max_length=32)
    actor_kind = models.CharField(max_length=12)
    case_id = models.UUIDField(null=True, blank=True)
    subject_id = models.UUIDField(null=True, blank=True)
    commitment = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("chain", "number")
        constraints = [
            models.UniqueConstraint(fields=["chain", "number"], name="audit_event_in_order")
        ]
        indexes = [
            models.Index(fields=["case_id", "number"], name="audit_event_of_case"),
            models.Index(fields=["subject_id", "number"], name="audit_event_of_subject"),
            models.Index(fields=["type", "number"], name="audit_event_of_type"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.type}"

    @property
    def data(self) -> dict[str, Any] | None:
        """The payload, None when its row was removed."""
        try:
            body = self.payload.body
        except Payload.DoesNotExist:
            return None
        return dict(json.loads(body))


class Payload(models.Model):
    """What an event says beyond its header. Text, not JSON columns: every byte is committed to."""

    event = models.OneToOneField(
        Event, on_delete=models.PROTECT, primary_key=True, related_name="payload"
    )
    salt = models.CharField(max_length=64)
    body = models.TextField()

    def __str__(self) -> str:
        return f"payload of {self.event_id}"
