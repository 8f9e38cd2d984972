"""The demo (R35): everything embedded, one machine, invented people. Never for real data."""

import os
from datetime import timedelta

from dsr_portal.settings import env
from dsr_portal.settings.base import *  # noqa: F403

DSR_DEMO = True
# What the ready cases move the clock forward by (dsr_portal/demo/ready.py), and two minutes.
DSR_DEMO_BACK = timedelta(days=8, hours=10, minutes=2)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [*INSTALLED_APPS, "dsr_portal.demo"]  # noqa: F405
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False

# One number places the three sites; each address may still be named by itself.
DSR_PORT = env.number("PORT", 8000)
DSR_URLS = {
    **DSR_URLS,  # noqa: F405
    "public": env.text("DSR_URL_PUBLIC", f"http://127.0.0.1:{DSR_PORT}"),
    "desk": env.text("DSR_URL_DESK", f"http://127.0.0.1:{DSR_PORT + 1}"),
    "oversight": env.text("DSR_URL_OVERSIGHT", f"http://127.0.0.1:{DSR_PORT + 2}"),
}
if DSR_SITE == "public":  # noqa: F405
    # The tour's sign-in buttons lead to the other sites.
    _form_action = {"form-action": ["'self'", *DSR_URLS.values()]}
    CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": {**CONTENT_SECURITY_POLICY["DIRECTIVES"], **_form_action}  # noqa: F405
    }
LOGGING = {**LOGGING, "root": {"handlers": ["stderr"], "level": "WARNING"}}  # noqa: F405
WHITENOISE_USE_FINDERS = True
# Rendered people are closer together than real ones, so these lie higher than any for photographs
# would; measured on the cast (tests/engine/test_cast.py), and no ground for a figure.
DSR_REVIEW_THRESHOLD = float(env.text("DSR_REVIEW_THRESHOLD", "0.62"))
DSR_STRONG_THRESHOLD = float(env.text("DSR_STRONG_THRESHOLD", "0.72"))
# Where `manage.py demo` begins anew, and when its first step did (epoch seconds, from make).
DSR_FRESH = env.flag("FRESH", False)
DSR_DEMO_STARTED = env.number("DSR_DEMO_STARTED", 0)
DSR_KEY_CACHE_SECONDS = env.number("DSR_KEY_CACHE_SECONDS", 2)


def _secret_key() -> str:
    """The demo's key: a file of the ring in both places, made at the first start (R26)."""
    for place in DSR_RING:  # noqa: F405
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(place / "django.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w") as file:
            known = DSR_RING[0] / "django.key"  # noqa: F405
            file.write(known.read_text() or os.urandom(48).hex())
    return str((DSR_RING[0] / "django.key").read_text())  # noqa: F405


SECRET_KEY = _secret_key()
