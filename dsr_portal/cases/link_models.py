"""That an officer linked two requests: a hint for officers, never a reason to refuse one."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dsr_portal.core.models import Row


class LinkKind(models.TextChoices):
    SENT_TWICE = "sent_twice", _("The same request, sent twice")
    ONE_SAYS_SO = "one_says_so", _("One of the two names the other")
    SAME_PLACE = "same_place", _("Both name the same page, picture or account")
    OTHER = "other", _("Something else, as written")


class CaseLink(Row):
    """Two requests an officer linked, each as before: clock, check of who asks and answer.

    Its words lie in both files, so that each request keeps its own copy until its own end.
    """

    first = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="links_first")
    second = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="links_second")
    kind = models.CharField(max_length=12, choices=LinkKind.choices)
    field = models.CharField(max_length=60)
    made_by = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    ended_by = models.CharField(max_length=20, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["first", "second"],
                condition=models.Q(ended_at__isnull=True),
                name="case_link_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="case_link_of_two_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} {self.second_id}"
