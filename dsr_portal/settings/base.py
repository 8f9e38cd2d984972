"""What every installation shares. Values come from the environment through `env` only."""

import json
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from dsr_portal.settings import env
from dsr_portal.settings.staff import *

ROOT = env.ROOT
DSR_VAR = env.folder("DSR_VAR", ROOT / "var")
DSR_DEMO = False
# How far back the demo's clock begins, so that cases with a past end today.
DSR_DEMO_BACK = timedelta(0)
DSR_PRODUCTION = False

# One process serves one site: its own URLs, cookies, policies and log-in (design, section 2).
DSR_SITE = env.text("DSR_SITE", "public")
DSR_SITES = {
    "public": "dsr_portal.urls.public",
    "desk": "dsr_portal.urls.desk",
    "oversight": "dsr_portal.urls.oversight",
    "api": "dsr_portal.urls.api",
}
if DSR_SITE not in DSR_SITES:
    raise ValueError(f"DSR_SITE is {DSR_SITE!r}; it must be one of {', '.join(DSR_SITES)}.")
ROOT_URLCONF = DSR_SITES[DSR_SITE]
DSR_URLS = {
    "public": env.text("DSR_URL_PUBLIC", "http://127.0.0.1:8000"),
    "desk": env.text("DSR_URL_DESK", "http://127.0.0.1:8001"),
    "oversight": env.text("DSR_URL_OVERSIGHT", "http://127.0.0.1:8002"),
    "api": env.text("DSR_URL_API", "http://127.0.0.1:8003"),
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "rest_framework",
    "dsr_portal.core",
    "dsr_portal.audit",
    "dsr_portal.jobs",
    "dsr_portal.vault",
    "dsr_portal.accounts",
    "dsr_portal.policy",
    "dsr_portal.documents",
    "dsr_portal.recognition",
    "dsr_portal.gallery",
    "dsr_portal.cases",
    "dsr_portal.matching",
    "dsr_portal.disclosure",
    "dsr_portal.erasure",
    "dsr_portal.compliance",
    "dsr_portal.public",
    "dsr_portal.desk",
    "dsr_portal.oversight",
    "dsr_portal.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dsr_portal.core.middleware.LanguageOfThePerson",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dsr_portal.core.middleware.NothingIsCached",
    "dsr_portal.core.middleware.PlainErrors",
    "allauth.account.middleware.AccountMiddleware",
    "dsr_portal.accounts.access.StaffGate",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        # Without "loaders", for then Django keeps what it compiled: a page is made of thirty.
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "dsr_portal.core.context.portal",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

DATABASES = {"default": env.database(f"sqlite:///{DSR_VAR / 'portal.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: Django's default loses most concurrent read-then-write transactions; IMMEDIATE
    # none. secure_delete and recursive_triggers are part of rules R26 and R29.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA secure_delete=ON;"
            "PRAGMA temp_store=MEMORY;PRAGMA recursive_triggers=ON;PRAGMA foreign_keys=ON;"
        ),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.Staff"

# Cookies carry the site's name: no session of one site works on another.
SESSION_COOKIE_NAME = f"dsr_{DSR_SITE}_session"
CSRF_COOKIE_NAME = f"dsr_{DSR_SITE}_csrf"
LANGUAGE_COOKIE_NAME = f"dsr_{DSR_SITE}_language"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 24 * 3600 if DSR_SITE == "public" else 10 * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
X_FRAME_OPTIONS = "DENY"
# Nothing reaches other sites. "no-referrer" would make browsers send forms with "Origin: null",
# which the check against forged forms refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:"],
        "media-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *DSR_URLS.values()] if DSR_SITE == "public" else ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": ["self"] if DSR_SITE == "public" else [],
    "geolocation": [],
    "microphone": [],
}

# Uploads never touch the disk in clear; the vault's handler replaces Django's (rule R26).
FILE_UPLOAD_HANDLERS = ["dsr_portal.vault.uploads.MemoryOnlyUploadHandler"]
DSR_MAX_UPLOAD = env.number("DSR_MAX_UPLOAD", 20 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LANGUAGE_CODE = "en"
# Only languages whose catalogue is whole are offered (docs/languages.md). Staff read English.
LANGUAGES = [("en", _("English")), ("nl", _("Dutch")), ("de", _("German"))]
LOCALE_PATHS = [ROOT / "dsr_portal" / "locale"]
TIME_ZONE = env.text("DSR_TIME_ZONE", "Europe/Amsterdam")
USE_TZ = True
DSR_CALENDAR = env.text("DSR_CALENDAR", "NL")

STATIC_URL = "/static/"
STATIC_ROOT = DSR_VAR / "static"
STATICFILES_DIRS = [ROOT / "dsr_portal" / "static"]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Places. The ring and the ledger lie outside var/ and outside every backup (R26, R31).
DSR_VAULT_DIR = env.folder("DSR_VAULT_DIR", DSR_VAR / "vault")
DSR_RING = env.folders("DSR_RING", [ROOT / ".ring" / "a", ROOT / ".ring" / "b"])
DSR_LEDGER = env.folders("DSR_LEDGER", [ROOT / ".ledger" / "a", ROOT / ".ledger" / "b"])
# Who says that swap which looks unencrypted is safe, and why; production starts with none else.
DSR_SWAP_STATED = env.text("DSR_SWAP_STATED", "")
# How long a process may remember a bucket key; destroying keys takes this long (R26: at most 60).
DSR_KEY_CACHE_SECONDS = env.number("DSR_KEY_CACHE_SECONDS", 60)
DSR_WEIGHTS = env.folder("DSR_WEIGHTS", ROOT / "var" / "weights")
# Models of DeepFace beside the shipped SFace, as a JSON list (docs/engines.md).
DSR_MODELS = env.text("DSR_MODELS", "[]")
# What an import embeds with: TensorFlow, onnxruntime, or whichever suits its size.
DSR_ENROL_ENGINE = env.text("DSR_ENROL_ENGINE", "auto")

# Jobs are rows; the broker only carries their ids (design, section 2).
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "embedded://")
DSR_BROKER_DIR = env.folder("DSR_BROKER_DIR", DSR_VAR / "broker")
DSR_LEASE_SECONDS = env.number("DSR_LEASE_SECONDS", 120)
DSR_SWEEP_SECONDS = env.number("DSR_SWEEP_SECONDS", 5)

# The order of a case (R4): answers leave in a daily batch, erasure after a hold window.
DSR_RELEASE_HOUR = env.number("DSR_RELEASE_HOUR", 16)
DSR_HOLD_MINUTES = env.number("DSR_HOLD_MINUTES", 60)
DSR_LINK_DAYS = env.number("DSR_LINK_DAYS", 14)
# How long a document that somebody showed who they are with waits to be looked at (R-08).
DSR_PROOF_DAYS = env.number("DSR_PROOF_DAYS", 7)
DSR_PACKAGE_DAYS = env.number("DSR_PACKAGE_DAYS", 30)
# How long a backup is kept (R31); what it holds of erased people ends with it.
DSR_BACKUP_DAYS = env.number("DSR_BACKUP_DAYS", 30)
# The programs that copy and bring back a PostgreSQL database, where they are not on the path.
DSR_PG_DUMP = env.text("DSR_PG_DUMP", "pg_dump")
DSR_PG_RESTORE = env.text("DSR_PG_RESTORE", "pg_restore")

# Mail leaves through one relay over TLS; without it mails wait in their rows (R33).
DSR_MAIL_URL = env.text("DSR_MAIL_URL", "")
# Tests only: a certificate authority of their own, and with it this machine may be called. No
# variable of a real installation, refused by a check and by egress itself in production.
DSR_EGRESS_TEST_CA = ""

# Search (R22). Scores are cosines of templates. The shipped calibration's values serve until
# `calibrate` was run here; naming others says that it does not fit this installation.
_SHIPPED = json.loads((ROOT / "dsr_portal/recognition/shipped_calibration.json").read_text("utf-8"))
DSR_REVIEW_THRESHOLD = float(env.text("DSR_REVIEW_THRESHOLD", str(_SHIPPED["review"]["value"])))
DSR_STRONG_THRESHOLD = float(env.text("DSR_STRONG_THRESHOLD", str(_SHIPPED["strong"]["value"])))
# Faces the first person confirmed widen the search, at most three times (docs/matching.md).
DSR_WIDEN = env.flag("DSR_WIDEN", default=True)
DSR_SHARD_ROWS = env.number("DSR_SHARD_ROWS", 16_384)
# Past one machine: how many groups share the shards, and which of them this process holds.
DSR_SEARCH_GROUPS = env.number("DSR_SEARCH_GROUPS", 1)
DSR_SEARCH_GROUP = env.number("DSR_SEARCH_GROUP", 0)

# Who is responsible; printed in every letter (law O-08). Invented here, compulsory in production.
DSR_CONTROLLER = {
    "name": "Halden Images",
    "address": "Kade 1, 1011 AA Amsterdam",
    "email": "privacy@halden.example",
    "phone": "+31 20 555 0100",
    "dpo": "Data protection officer, dpo@halden.example",
    "representative": "",
    "country": "NL",
}
DSR_AUTHORITIES: dict[str, dict[str, str]] = {}
DSR_BRAND = {
    key: colour
    for key in ("brand", "brand_dark", "link", "link_dark")
    if (colour := env.text(f"DSR_{key.upper()}", ""))
}
DSR_PURPOSES = env.words("DSR_PURPOSES", ["Face search for the customers of the controller"])
# What the controller states about its own search and what follows from a hit (Art. 15(1)(h)).
DSR_AUTOMATED_USE = env.text("DSR_AUTOMATED_USE", "")
DSR_RETENTION = env.text("DSR_RETENTION", "The controller stated no period for all it holds.")
DSR_TRANSFERS = env.words("DSR_TRANSFERS", [])
# Where a request itself goes outside the EEA, with the safeguard (Art. 13(1)(f)).
DSR_REQUEST_TRANSFERS = env.words("DSR_REQUEST_TRANSFERS", [])

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "dsr_portal.core.logs.Masked",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Request lines carry paths; of other failures the formatter masks references and tokens.
    "loggers": {
        "django.server": {"level": "ERROR"},
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
        "pikepdf": {"level": "WARNING"},
    },
}
