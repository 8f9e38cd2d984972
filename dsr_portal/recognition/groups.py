"""Which shards a process holds: all of them, or those of its group (design, "Past one machine").

Groups are fixed by the shard's number. Group 0 works on queue `search`, the others on
`search.<group>`; new faces wait with group 0 until they are sealed.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings

from dsr_portal.core.registries import JobKind, job_kinds

TAIL = 0
"""The group that holds what no shard holds yet, and seals it."""


def count() -> int:
    """How many groups share the shards of this installation."""
    return max(1, int(settings.DSR_SEARCH_GROUPS))


def own() -> int:
    """The group of this process."""
    return int(settings.DSR_SEARCH_GROUP)


def every() -> range:
    return range(count())


def of_shard(number: int) -> int:
    return number % count()


def queue(group: int) -> str:
    return "search" if group == 0 else f"search.{group}"


def kind(name: str, group: int) -> str:
    """The job kind by which a group is asked: a kind belongs to one queue."""
    return name if group == 0 else f"{name}.{group}"


def register(name: str, handler: Callable[[Any], None], *, max_attempts: int = 20) -> None:
    """One kind of job per group."""
    for group in every():
        job_kinds.register(JobKind(kind(name, group), queue(group), handler, max_attempts))


def register_for_tail(name: str, handler: Callable[[Any], None]) -> None:
    """A kind for the one group that holds what is not sealed yet."""
    job_kinds.register(JobKind(name, queue(TAIL), handler))
