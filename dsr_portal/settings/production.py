"""A real installation: nothing has a default that would be unsafe to forget."""

import secrets
import sys

from dsr_portal.settings import env
from dsr_portal.settings.base import *
from dsr_portal.vault import secret_files

DSR_PRODUCTION = True
DSR_DEMO = False
if env.flag("DSR_DEMO", False):
    # Here and not in a system check alone: a server or worker process runs no checks.
    raise ValueError(
        "DSR_DEMO is on under production settings. Unset it: the demo opens accounts, mails and "
        "hold windows at a click, and runs with dsr_portal.settings.demo only (R35)."
    )
DEBUG = False
ALLOWED_HOSTS = env.words("DSR_HOSTS", [])


def _secret_key() -> str:
    """Django's key is a file of the ring (R26), never a value in the environment."""
    try:
        key = secret_files.django_key(DSR_RING)
    except secret_files.SecretsDiffer:
        if sys.argv[1:2] != ["ring"]:
            raise ValueError(
                "The two folders of the ring hold different django.key files. "
                "`python manage.py ring check` tells more, `ring copy` mends it."
            ) from None
        key = None
    if key is not None:
        return key
    if sys.argv[1:2] == ["ring"]:  # the command that makes the key can't wait for it
        return secrets.token_hex(48)
    raise FileNotFoundError(
        "The ring holds no django.key. Set DSR_RING to the ring's two folders and mount their "
        "disks. Where nothing was set up yet, make the lasting secrets once with "
        "`python manage.py ring init`."
    )


SECRET_KEY = _secret_key()
DSR_CONTROLLER = {
    "name": env.text("DSR_CONTROLLER_NAME"),
    "address": env.text("DSR_CONTROLLER_ADDRESS"),
    "email": env.text("DSR_CONTROLLER_EMAIL"),
    "phone": env.text("DSR_CONTROLLER_PHONE", ""),
    "dpo": env.text("DSR_CONTROLLER_DPO"),
    "representative": env.text("DSR_CONTROLLER_REPRESENTATIVE", ""),
    "country": env.text("DSR_CONTROLLER_COUNTRY"),
}
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
