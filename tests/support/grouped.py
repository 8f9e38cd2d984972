"""Several groups of holders played by one process in turn; real processes are in tests/worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dsr_portal.core.registries import job_kinds
from dsr_portal.recognition import group_search, groups
from dsr_portal.recognition.jobs import erase, graphs, rebuild, recycle
from dsr_portal.recognition.models import Holder
from tests.support.gallery import forget_index

_HANDLERS = (
    ("recognition.erase", erase),
    ("recognition.graphs", graphs),
    ("recognition.rebuild_shard", rebuild),
    ("recognition.recycle", recycle),
    (group_search.PART, group_search.answer),
)


@contextmanager
def registered(count: int) -> Iterator[None]:
    """The kinds of jobs of every group, as processes started with this many groups have them."""
    before = dict(job_kinds._entries)
    for name, handler in _HANDLERS:
        for group in range(1, count):
            job_kinds._entries.pop(groups.kind(name, group), None)
        groups.register(name, handler)
    yield
    job_kinds._entries.clear()
    job_kinds._entries.update(before)
    forget_index()


@contextmanager
def become(settings: Any, group: int) -> Iterator[None]:
    """This process is a fresh process of a group; its row is another one."""
    forget_index()
    Holder.objects.all().delete()
    settings.DSR_SEARCH_GROUP = group
    try:
        yield
    finally:
        forget_index()
        Holder.objects.all().delete()
        settings.DSR_SEARCH_GROUP = 0
