"""Commands that act as a named staff account, with the page's services and rights (R20)."""

from django.core.management.base import CommandError

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.services import staff_by_number
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound, PortalError
from dsr_portal.core.exits import NOT_ASKED, code_of

EXIT_CODES: tuple[tuple[type[PortalError], int], ...] = (
    (BadInput, NOT_ASKED),
    (NotAllowed, 3),
    (NotFound, 4),
    (Conflict, 5),
)
"""What such a command ends with beside `core.exits`. docs/desk.md lists them."""


def failed(error: PortalError) -> CommandError:
    """The same words as on the page, for the terminal, with an exit code for scripts."""
    code = next((number for kind, number in EXIT_CODES if isinstance(error, kind)), code_of(error))
    return CommandError(f"{error.message} ({error.code})", returncode=code)


def acting(number: str) -> Staff:
    """The active account a command acts as; `CommandError` where there is none."""
    try:
        return staff_by_number(number)
    except PortalError as error:
        raise failed(error) from error
