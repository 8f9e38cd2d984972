"""Full disks, missing rights and missing memory as errors of the portal: a job is tried again."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _

from dsr_portal.core.errors import Unavailable
from dsr_portal.vault.services import NotWritten

_CODES = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EROFS: "disk_read_only",
    errno.EACCES: "disk_read_only",
    errno.EPERM: "disk_read_only",
    errno.ENOMEM: "out_of_memory",
}
_WORDS = {
    "disk_full": _("There is no room left to write the search index. It is as it was before."),
    "disk_read_only": _("The search index can't be written here. It is as it was before."),
    "out_of_memory": _("There is not enough memory for the search index. It is as it was before."),
    "storage_failed": _("The search index could not be written. It is as it was before."),
    "graph_not_saved": _("A graph of the search index was not written in full."),
}


@contextmanager
def typed() -> Iterator[None]:
    """Turn what the machine refuses into `Unavailable`, whose code says what is missing."""
    from biometrics.errors import IndexDamaged, IndexOutOfMemory

    try:
        yield
    except (MemoryError, IndexOutOfMemory) as error:
        raise _unavailable("out_of_memory") from error
    except IndexDamaged as error:
        # hnswlib says nothing of a save that was cut short; the check after it does.
        raise _unavailable("graph_not_saved") from error
    except NotWritten as error:
        # The vault names the disk; what it could not write here is the index.
        raise _unavailable(_code_of(error.__cause__)) from error
    except OSError as error:
        raise _unavailable(_code_of(error)) from error


def _code_of(error: BaseException | None) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return _CODES.get(number or 0, "storage_failed")


def _unavailable(code: str) -> Unavailable:
    return Unavailable(code, _WORDS[code])
