"""Which rows services lock, in which order: the case of a row comes first, always.

SQLite locks no rows and writes no FOR UPDATE, so what is watched is the query itself; on PostgreSQL
the same statements are the ones that wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models.signals import post_save
from django.db.models.sql.compiler import SQLCompiler

from dsr_portal.cases.models import Case

APPS = ("cases", "disclosure", "matching", "erasure")


def of_a_case() -> set[type[models.Model]]:
    """Tables whose rows belong to a case, directly or by the row they hang on."""
    found: set[type[models.Model]] = {Case}
    known = [model for name in APPS for model in apps.get_app_config(name).get_models()]
    for _depth in range(3):
        for model in known:
            keys = (one for one in model._meta.concrete_fields if one.many_to_one or one.one_to_one)
            if any(not one.null and one.related_model in found for one in keys):
                found.add(model)
    return found - {Case}


@contextmanager
def watched() -> Iterator[list[str]]:
    """Name each table of a case that is locked before any case is, by transaction."""
    wrong: list[str] = []
    owned = of_a_case()
    state = {"case": False}
    enter, execute = transaction.Atomic.__enter__, SQLCompiler.execute_sql

    def entering(self: transaction.Atomic) -> None:
        if not connection.in_atomic_block:
            state["case"] = False
        enter(self)

    def executing(self: SQLCompiler, *args: object, **kwargs: object) -> object:
        if self.query.select_for_update:
            state["case"] |= self.query.model is Case
            if self.query.model in owned and not state["case"]:
                wrong.append(self.query.model._meta.label)
        return execute(self, *args, **kwargs)

    def made(created: bool, **_more: object) -> None:
        # A case that was just made is nobody else's to wait for.
        state["case"] |= created

    patch = pytest.MonkeyPatch()
    with patch.context() as here:
        here.setattr(transaction.Atomic, "__enter__", entering)
        here.setattr(SQLCompiler, "execute_sql", executing)
        post_save.connect(made, sender=Case, weak=False, dispatch_uid="lock-order")
        try:
            yield wrong
        finally:
            post_save.disconnect(sender=Case, dispatch_uid="lock-order")
