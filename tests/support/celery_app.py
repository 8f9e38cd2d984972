"""The portal's Celery application with job kinds of tests, for `tests.support.workers`."""

import importlib
import os

from dsr_portal.celery import app

for module in filter(None, os.environ.get("DSR_TEST_IMPORTS", "").split(",")):
    importlib.import_module(module)

__all__ = ["app"]
