"""What came by post, by phone or in person for a request that is open (law T-08, T-11)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class Came(models.TextChoices):
    """By which way it came."""

    POST = "post", _("Post")
    PHONE = "phone", _("Phone")
    VISIT = "visit", _("Visit")


class Holds(models.TextChoices):
    """What it holds."""

    PHOTO = "photo", _("A photo of the person")
    WORDS = "words", _("Words: an answer to us, or something to tell us")
    WISH = "wish", _("Something more they ask for")
    ADDRESS = "address", _("Another address")


class CameIn(Row):
    """One thing that came: the day it reached us, who entered it, and where its original lies.

    `field` holds the original in the case file; empty for a call. A photo is searched with only
    after another person saw the original and a reply confirmed the contact (R20): `seen_by`.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="came")
    how = models.CharField(max_length=8, choices=Came.choices)
    what = models.CharField(max_length=8, choices=Holds.choices)
    on = models.DateField()
    field = models.CharField(max_length=60, blank=True)
    message = models.OneToOneField(
        "cases.Message", null=True, on_delete=models.PROTECT, related_name="came"
    )
    probe_id = models.UUIDField(null=True)
    by = models.CharField(max_length=20)
    at = models.DateTimeField()
    seen_by = models.CharField(max_length=20, blank=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(seen_by=models.F("by")), name="came_in_seen_by_another"
            ),
            models.CheckConstraint(
                condition=models.Q(seen_by="", seen_at__isnull=True)
                | ~models.Q(seen_by="") & models.Q(seen_at__isnull=False),
                name="came_in_seen_has_its_moment",
            ),
            models.CheckConstraint(
                condition=~models.Q(how="post") | ~models.Q(field=""),
                name="came_in_post_keeps_its_original",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.on}"
