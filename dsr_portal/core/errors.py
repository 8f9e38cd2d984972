"""One tree of errors that people may read: a code for machines, plain words for people."""

from typing import Any


class PortalError(Exception):
    """Something a person can be told: what, why and what to do.

    `message` may be a lazy translation. `context` holds codes and counts only, never personal
    data; it may be logged.
    """

    http_status = 400

    def __init__(self, code: str, message: Any = "", **context: Any) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or code
        self.context = context

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BadInput(PortalError):
    """What was sent cannot be used as it is."""


class NotAllowed(PortalError):
    """This person may not do this, or not now."""

    http_status = 403


class NotFound(PortalError):
    """No such thing, or not for this person: the two look the same on purpose."""

    http_status = 404


class Conflict(PortalError):
    """The thing changed meanwhile, or is in a state in which this cannot be done."""

    http_status = 409


class Unavailable(PortalError):
    """A part the portal needs does not answer; trying again later may work."""

    http_status = 503


class IntegrityFailure(PortalError):
    """Stored data are not what was written."""

    http_status = 500


class InsideTransaction(PortalError):
    """Slow or outside work was started inside a database transaction (a programming error)."""

    http_status = 500
