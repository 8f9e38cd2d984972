"""The demo (R35): everything embedded, one machine, invented people. Never for real data."""

import os

from dsr_portal.settings import env
from dsr_portal.settings.base import *  # noqa: F403

DSR_DEMO = True
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [*INSTALLED_APPS, "dsr_portal.demo"]  # noqa: F405
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
DSR_REVIEW_THRESHOLD = float(env.text("DSR_REVIEW_THRESHOLD", "0.50"))
DSR_STRONG_THRESHOLD = float(env.text("DSR_STRONG_THRESHOLD", "0.65"))
DSR_KEY_CACHE_SECONDS = env.number("DSR_KEY_CACHE_SECONDS", 2)


def _secret_key() -> str:
    """The demo's key: a file of the ring, made at the first start, never in the environment."""
    place = DSR_RING[0] / "django.key"  # noqa: F405
    if not place.exists():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(os.urandom(48).hex())
    return place.read_text()


SECRET_KEY = _secret_key()
