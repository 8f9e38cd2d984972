"""The demo (R35): everything embedded, one machine, invented people. Never for real data."""

import os
from datetime import timedelta

from dsr_portal.settings import env
from dsr_portal.settings.base import *
from dsr_portal.vault import places, secret_files

DSR_DEMO = True
# What the ready cases move the clock forward by (dsr_portal/demo/ready.py), and some minutes.
DSR_DEMO_BACK = timedelta(days=38, hours=21)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [*INSTALLED_APPS, "dsr_portal.demo"]
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False

# One number places the three sites; each address may still be named by itself.
DSR_PORT = env.number("PORT", 8000)
DSR_URLS = {
    **DSR_URLS,
    "public": env.text("DSR_URL_PUBLIC", f"http://127.0.0.1:{DSR_PORT}"),
    "desk": env.text("DSR_URL_DESK", f"http://127.0.0.1:{DSR_PORT + 1}"),
    "oversight": env.text("DSR_URL_OVERSIGHT", f"http://127.0.0.1:{DSR_PORT + 2}"),
}
if DSR_SITE == "public":
    # The tour's sign-in buttons lead to the other sites.
    _form_action = {"form-action": ["'self'", *DSR_URLS.values()]}
    CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": {**CONTENT_SECURITY_POLICY["DIRECTIVES"], **_form_action}
    }
DSR_AUTOMATED_USE = env.text(
    "DSR_AUTOMATED_USE",
    "Customers of Halden Images use a search by face to find people; what they do with a hit is "
    "their decision, and it can be serious for the person who was found.",
)
LOGGING = {**LOGGING, "root": {"handlers": ["stderr"], "level": "WARNING"}}
WHITENOISE_USE_FINDERS = True
# Rendered people are closer together than real ones, so these lie higher than any for photographs
# would; measured on the cast (tests/engine/test_cast.py), and no ground for a figure.
DSR_REVIEW_THRESHOLD = float(env.text("DSR_REVIEW_THRESHOLD", "0.64"))
DSR_STRONG_THRESHOLD = float(env.text("DSR_STRONG_THRESHOLD", "0.72"))
# Where `manage.py demo` begins anew, and when its first step did (epoch seconds, from make).
DSR_FRESH = env.flag("FRESH", False)
DSR_DEMO_STARTED = env.number("DSR_DEMO_STARTED", 0)
DSR_KEY_CACHE_SECONDS = env.number("DSR_KEY_CACHE_SECONDS", 2)


def _secret_key() -> str:
    """The demo's key: a file of the ring in both places, made at the first start (R26)."""
    key = secret_files.django_key(DSR_RING)
    if key is not None:
        return key
    if not DSR_FRESH and any((place / "ring").exists() for place in DSR_RING):
        raise FileNotFoundError(
            "The demo's ring lost its django.key in both places; it is never made anew. "
            "Bring the file back, or start over with: make demo FRESH=1"
        )
    for place in DSR_RING:
        places.make_folder(place)
    with places.one_writer(DSR_RING):
        if secret_files.django_key(DSR_RING) is None:
            secret_files.write(DSR_RING, "django", os.urandom(48))
    return str(secret_files.django_key(DSR_RING))


SECRET_KEY = _secret_key()
