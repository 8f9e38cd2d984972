from typing import Any

from django.db import models

from dsr_portal.core.ids import new_id


class Row(models.Model):
    """Base of every table: a time-ordered id that says nothing about a person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class DemoClock(models.Model):
    """How far the demo's clock has been moved forward; read only when DSR_DEMO is on (R35)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    offset_seconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="demo_clock_one_row"),
            models.CheckConstraint(
                condition=models.Q(offset_seconds__gte=0), name="demo_clock_forward_only"
            ),
        ]

    def __str__(self) -> str:
        return f"+{self.offset_seconds} s"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.id = 1
        super().save(*args, **kwargs)
