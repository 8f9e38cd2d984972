"""How a handler ends when it does not succeed."""

from dsr_portal.audit.schema import code as is_code
from dsr_portal.core.errors import PortalError

_LONGEST = 24


class Transient(PortalError):
    """Try again later, with growing pauses, up to the kind's number of attempts."""

    http_status = 503


class Waiting(PortalError):
    """What people have to decide first: tried again later, for as long as it takes.

    The attempt does not count. `jobs.services.wake` with this code begins at once.
    """

    http_status = 503


class Permanent(PortalError):
    """Trying again would not help: the job ends FAILED."""

    http_status = 500


class LeaseLost(PortalError):
    """Another worker holds this job by now: its results stand, ours are refused."""

    http_status = 409


def code_of(error: BaseException) -> str:
    """What the row and the trail may keep of an error: a code, never its message."""
    if isinstance(error, PortalError):
        code = error.code
    else:
        code = f"unexpected.{type(error).__name__[:_LONGEST]}"
    return code if is_code(code) else "error"
