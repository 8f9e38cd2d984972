"""The lock every change of a case begins with."""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.cases.models import Case
from dsr_portal.core.errors import NotFound


def lock(case_id: UUID) -> Case:
    """The case's row, locked until the caller's transaction ends."""
    case = Case.objects.select_for_update().filter(id=case_id).first()
    if case is None:
        raise NotFound("no_case", _("There is no such case."))
    return case
