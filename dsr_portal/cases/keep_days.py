"""How long photo, contact data and file of an answered request are kept (law P-06, C-02).

An adult's go in two steps of 30 days; those of a child, or of who is under 18, in two of a shorter
term, which people may set between the shortest and the adults' (`child_keep_days`, rule R34).
"""

from datetime import timedelta

from django.db.models import Q

from dsr_portal.cases.mandate_models import MandateKind
from dsr_portal.cases.models import Case
from dsr_portal.policy import selectors as policy

KEEP_EACH = timedelta(days=30)

OF_CHILDREN = ~Q(age_band="") | Q(mandates__kind=MandateKind.PARENT)
"""Who said that they are under 18, and whoever a parent asks for; nobody's age is asked."""


def of_child() -> timedelta:
    return timedelta(days=int(policy.current("child_keep_days")))


def keep_each(case: Case) -> timedelta:
    """After its answer a request is closed, and as long after that it is destroyed."""
    young = Case.objects.filter(OF_CHILDREN, id=case.id).exists()
    return of_child() if young else KEEP_EACH
