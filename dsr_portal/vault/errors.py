"""What can go wrong with sealed data, each with its own name because callers act differently."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_lazy as _

from dsr_portal.core.errors import IntegrityFailure, NotFound, PortalError, Unavailable

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


class Shredded(NotFound):
    """The unit was destroyed, or its destruction was ordered: nothing of it opens any more."""

    def __init__(self, **context: Any) -> None:
        super().__init__("shredded", _("This was deleted and can't be opened any more."), **context)


class UnknownUnit(NotFound):
    """No unit, or no field of it, has this name."""

    def __init__(self, **context: Any) -> None:
        super().__init__("unknown_unit", _("There is nothing stored under this name."), **context)


class Damaged(IntegrityFailure):
    """Stored bytes or keys are not what was written."""

    def __init__(self, what: str = "blob", **context: Any) -> None:
        super().__init__(
            "damaged",
            _("A stored file is damaged and was not opened. The operator has to look at it."),
            what=what,
            **context,
        )


class RingMissing(Unavailable):
    """The key holder can't be used: without it nothing in the vault opens."""

    def __init__(self, why: str = "missing", **context: Any) -> None:
        super().__init__(
            "ring_missing",
            _("The keys of this installation can't be read, so nothing can be opened now."),
            why=why,
            **context,
        )


class DestroyPending(Unavailable):
    """One of two places is missing: keys are destroyed when both are back (rule R26)."""

    def __init__(self, why: str, **context: Any) -> None:
        super().__init__(
            "destroy_pending",
            _("Keys can be destroyed only when both key places are reachable. This waits."),
            why=why,
            **context,
        )


class NotWritten(Unavailable):
    """A file could not be written whole; what was there before still is."""

    def __init__(self, why: str, **context: Any) -> None:
        super().__init__(
            "not_written",
            _(
                "This could not be stored, because a disk is full or can't be written. "
                "Nothing was changed. Make room on it, then try again."
            ),
            why=why,
            **context,
        )


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn what the system says of a disk that takes nothing more into words."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise NotWritten(errno.errorcode[error.errno].lower(), what=what) from error


class StaleBucket(PortalError):
    """A bucket this process drew from was replaced meanwhile: the whole service call runs again."""

    http_status = 503

    def __init__(self, **context: Any) -> None:
        super().__init__("stale_bucket", _("Please try again."), **context)


class LedgerBroken(IntegrityFailure):
    """The erasure ledger has a gap or was changed; `context` names the entry (rule R31)."""

    def __init__(self, why: str, **context: Any) -> None:
        super().__init__(
            "ledger_broken",
            _("The erasure ledger is not whole: %(why)s") % {"why": why},
            why=why,
            **context,
        )
