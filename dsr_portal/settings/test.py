"""Settings of the tests: the embedded defaults in a folder of their own, thrown away after."""

import os
import tempfile
from pathlib import Path
from typing import Any

from dsr_portal.settings import env

# Children of the tests (workers, browsers' servers) get the folder of their parent.
_HOME = Path(env.text("DSR_TEST_HOME", "") or tempfile.mkdtemp(prefix="dsr-test-"))
_PLACES = {
    "DSR_VAR": "{home}/var",
    "DSR_RING": "{home}/ring-a,{home}/ring-b",
    "DSR_LEDGER": "{home}/ledger-a,{home}/ledger-b",
}
# Test processes that run side by side share nothing: one's sweep must not meet another's files.
_WORKER = env.text("PYTEST_XDIST_WORKER", "")
if _WORKER and _HOME.name != _WORKER:
    for _name, _place in _PLACES.items():
        if os.environ.get(_name) == _place.format(home=_HOME):
            del os.environ[_name]
    _HOME = _HOME / _WORKER
    # Redis has numbered databases: each process takes one, from the number of the run onwards.
    _BROKER, _, _FIRST = env.text("CELERY_BROKER_URL", "").rpartition("/")
    if _BROKER.startswith("redis://") and _FIRST.isdigit():
        _OWN = int(_FIRST) + int(_WORKER.removeprefix("gw"))
        os.environ["CELERY_BROKER_URL"] = f"{_BROKER}/{_OWN}"
os.environ["DSR_TEST_HOME"] = str(_HOME)
for _name, _place in _PLACES.items():
    os.environ.setdefault(_name, _place.format(home=_HOME))

from dsr_portal.settings.base import *  # noqa: E402 - reads the places named above

for _folder in (DSR_VAR, *DSR_RING, *DSR_LEDGER):
    _folder.mkdir(mode=0o700, parents=True, exist_ok=True)

DSR_DEMO = env.flag("DSR_TEST_DEMO", True)
INSTALLED_APPS = [*INSTALLED_APPS, "dsr_portal.demo"]
SECRET_KEY = "only-for-tests"  # noqa: S105 - guards nothing
ALLOWED_HOSTS = ["*"]
DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DSR_REVIEW_THRESHOLD = float(env.text("DSR_REVIEW_THRESHOLD", "0.64"))
DSR_STRONG_THRESHOLD = float(env.text("DSR_STRONG_THRESHOLD", "0.72"))
# Tests of the officer loop switch it on; the others look at one search.
DSR_WIDEN = env.flag("DSR_WIDEN", False)
DSR_KEY_CACHE_SECONDS = env.number("DSR_KEY_CACHE_SECONDS", 0)
DSR_EGRESS_TEST_CA = env.text("DSR_EGRESS_TEST_CA", "")
DSR_LEASE_SECONDS = env.number("DSR_LEASE_SECONDS", 6)
DSR_SWEEP_SECONDS = env.number("DSR_SWEEP_SECONDS", 1)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads, worker processes and copies of it are part of what is tested.
    DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
else:
    # Nothing waits for the disk: a killed process loses no commit by it, only a fallen machine.
    _given: Any = DATABASES["default"].get("OPTIONS", {})
    DATABASES["default"]["OPTIONS"] = {**_given, "options": "-c synchronous_commit=off"}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
