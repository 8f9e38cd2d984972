"""Keeps pictures, models, PDFs, networks, vault streams and index calls out of transactions.

Holding a write lock during slow work stops every other writer (design, section 2).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection

from dsr_portal.core.errors import InsideTransaction

P = ParamSpec("P")
R = TypeVar("R")


def in_transaction() -> bool:
    """True inside an atomic block of the portal (those a test case wraps around it don't count)."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def require_outside_transaction(what: str) -> None:
    """Raise `InsideTransaction` when called within a transaction; `what` names the work."""
    if in_transaction():
        raise InsideTransaction(
            "inside_transaction", f"{what} must not run inside a database transaction."
        )


@contextmanager
def outside_transaction(what: str) -> Iterator[None]:
    """Guard a block of slow work: see `require_outside_transaction`."""
    require_outside_transaction(what)
    yield


def outside(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a whole function: see `require_outside_transaction`."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require_outside_transaction(what)
            return function(*args, **kwargs)

        return guarded

    return decorate
