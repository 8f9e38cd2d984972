"""What holds before anybody changed a setting: the tightest choice, and nothing in clear."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.checks.registry import registry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dsr_portal.cases import drafts, intake
from dsr_portal.cases.models import Consent, ConsentScope
from dsr_portal.core import checks
from dsr_portal.erasure import services as erasure
from dsr_portal.policy.catalogue import DEFINITIONS
from dsr_portal.public import forms as public_forms
from tests.support import bad_input
from tests.support import cases as support

ROOT = Path(__file__).resolve().parents[2]
TICKED = re.compile(r"<input(?=[^>]*type=\"(?:checkbox|radio)\")(?=[^>]* checked)[^>]*>")
NAMED = re.compile(r" name=\"(\w+)\"")
# Somebody has to be asking: "for myself" leads to no consent and to no more data.
CHOSEN_AT_FIRST = {"who"}
ADDRESS = re.compile(r"(?:src|action|srcset|data|poster)=[\"']?(?:https?:)?//|url\([\"']?https?:")
LOADED = re.compile(r"<(?:script|link|img|iframe|object|video|audio|form)\b[^>]*>")

# Days a term begins with, and the rule or law row that names it. A longer one is a change that
# people make by R34.
TERMS = {
    "DSR_LINK_DAYS": (14, "R13, X-06"),
    "DSR_PACKAGE_DAYS": (30, "R4, P-06"),
    "DSR_PROOF_DAYS": (7, "R-08"),
    "DSR_BACKUP_DAYS": (30, "R31"),
}
POLICY_TERMS = {
    "link_days": 14,
    "package_days": 30,
    # A link opens as long: shorter would end an answer that is open (C-02).
    "child_keep_days": 14,
    "backup_days": 30,
    # Only for who ticked its box; it ends on wish at any time (E-13).
    "face_block_days": 730,
    # The usual limitation of claims (L-23).
    "order_years": 3,
    "breach_years": 3,
    "trail_years": 3,
    "rules_years": 3,
    # It shows when people of staff work (L-23).
    "access_years": 1,
}


def started(module: str, **given: str) -> dict[str, Any]:
    """The settings of a process to which nobody said anything else."""
    code = (
        f"import json, {module} as m\n"
        "named = {name: value for name, value in vars(m).items() if name.isupper()}\n"
        "print(json.dumps(named, default=lambda _: None))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin", **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return started("dsr_portal.settings.base")


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("ring")
    (place / "django.key").write_text("6b" * 48)
    named = ("NAME", "ADDRESS", "EMAIL", "DPO", "COUNTRY")
    given = {f"DSR_CONTROLLER_{name}": "x" for name in named}
    places = {"DSR_RING": f"{place},{place}", "DSR_VAR": str(place)}
    return started("dsr_portal.settings.production", **given, **places)


# -- what is optional is off ---------------------------------------------------------------------


def _forms() -> list[type[forms.BaseForm]]:
    found = [one for one in vars(public_forms).values() if isinstance(one, type)]
    return [one for one in found if issubclass(one, forms.BaseForm)]


def test_no_form_of_the_public_site_says_yes_for_anybody() -> None:
    """P-11, P-02: no box is ticked and nothing is chosen that the person did not choose."""
    boxes = {
        f"{form.__name__}.{name}": field.initial
        for form in _forms()
        for name, field in form.base_fields.items()
        if isinstance(field, forms.BooleanField | forms.MultipleChoiceField)
    }
    assert {"ConsentForm.comparison", "ConsentForm.block_list"} <= set(boxes)
    assert {name: said for name, said in boxes.items() if said} == {}


def _asking(browser: Client) -> dict[str, str]:
    """Every page on which somebody says yes to something, as it comes at first."""

    def at(name: str) -> str:
        return reverse(f"public:{name}")

    seen = {"wish": browser.get(at("wish"))}
    browser.post(at("wish"), {"rights": ["access", "erasure"]})
    seen["way"] = browser.get(at("way"))
    photo = SimpleUploadedFile("me.jpg", bad_input.jpeg(), "image/jpeg")
    browser.post(at("way"), {"photo": photo, "pages": "", "account": "", "other": ""})
    seen["consent"] = browser.get(at("consent"))
    browser.post(at("consent"), {})
    seen["contact"] = browser.get(at("contact"))
    case = support.opened(consents=())
    keys = {"reference": case.reference, "code": support.services.receipt_code(case)}
    browser.post(at("status"), keys)
    later = ("case", "case_photo", "case_way", "add_right", "evidence_lock", "withdraw")
    seen |= {name: browser.get(at(name)) for name in later}
    assert {page.status_code for page in seen.values()} == {200}
    return {name: page.content.decode() for name, page in seen.items()}


def _said_yes(page: str) -> set[str]:
    return {name for box in TICKED.findall(page) for name in NAMED.findall(box)}


@pytest.mark.django_db
def test_no_page_comes_with_a_box_ticked(site: Any) -> None:
    """P-11: consents, urgency, paper, the face block: all off until the person says otherwise."""
    site("public")
    pages = _asking(Client())
    boxes = re.findall(r'type="checkbox"[^>]*name="(\w+)"|name="(\w+)"[^>]*type="checkbox"',
                       "".join(pages.values()))  # fmt: skip
    assert {"comparison", "block_list", "urgent"} <= {name for pair in boxes for name in pair}
    assert {name: _said_yes(page) - CHOSEN_AT_FIRST for name, page in pages.items()} == {
        name: set() for name in pages
    }
    planted = pages["consent"].replace('type="checkbox"', 'type="checkbox" checked', 1)
    assert planted != pages["consent"]
    assert _said_yes(planted) == {"comparison"}


@pytest.mark.django_db
def test_a_request_without_a_word_about_consent_has_none() -> None:
    """P-11, R8: the service behind page, desk and list adds no yes of its own."""
    opened = support.services.open_case(
        channel="web", rights=["access"], ways=[], contact=intake.Contact(email="a@example.org")
    )
    assert not Consent.objects.filter(case=opened.case).exists()
    assert set(ConsentScope.values) > set(), "the canary: there are consents to give"


# -- terms ---------------------------------------------------------------------------------------


def test_every_term_begins_with_the_one_a_rule_names(untouched: dict[str, Any]) -> None:
    """P-11: the shortest that the rules allow, and no term that this table does not know."""
    named = {name for name in untouched if re.fullmatch(r"DSR_\w+_(?:DAYS|WEEKS|YEARS)", name)}
    assert named == set(TERMS)
    assert {name: untouched[name] for name in TERMS} == {
        name: days for name, (days, _rule) in TERMS.items()
    }
    terms = {name for name in DEFINITIONS if re.search(r"_(?:days|weeks|years)$", name)}
    assert terms == set(POLICY_TERMS)
    assert {name: DEFINITIONS[name].start() for name in terms} == POLICY_TERMS
    # What keeps something longer waits for two persons and advice; an open link keeps nothing.
    assert {name for name in terms if not DEFINITIONS[name].dpia} == {"link_days"}
    assert timedelta(hours=24) == drafts.LIFETIME
    assert erasure.KIT_HOURS == 24
    assert untouched["DSR_KEY_CACHE_SECONDS"] <= 60


def test_nothing_is_switched_on_or_sent_anywhere_by_default(untouched: dict[str, Any]) -> None:
    """P-11: no relay, no other model, no transfer and no demo before somebody names one."""
    off = {
        "DSR_DEMO": False,
        "DSR_MAIL_URL": "",
        "DSR_MODELS": "[]",
        "DSR_TRANSFERS": [],
        "DSR_REQUEST_TRANSFERS": [],
        "DSR_EGRESS_TEST_CA": "",
    }
    assert {name: untouched[name] for name in off} == off


def _reaches_out(source: str) -> list[str]:
    loaded = " ".join(LOADED.findall(source))
    return ADDRESS.findall(loaded)


def test_nobody_watches_who_reads_the_pages(untouched: dict[str, Any]) -> None:
    """P-11: no analytics: nothing is loaded from, or told to, anybody else."""
    pages = sorted((ROOT / "templates").rglob("*.html"))
    assert len(pages) > 100
    assert {path.name: found for path in pages if (found := _reaches_out(path.read_text()))} == {}
    scripts = [*(ROOT / "dsr_portal" / "static").rglob("*.js")]
    told = re.compile(r"sendBeacon|new Image\(|https?://(?!www\.w3\.org)|document\.cookie\s*=")
    assert {path.name for path in scripts if told.search(path.read_text())} == set()
    watching = re.compile(r"analytic|matomo|piwik|plausible|sentry|gtag|hotjar|telemetry", re.I)
    apps = [*untouched["INSTALLED_APPS"], *untouched["MIDDLEWARE"]]
    assert [one for one in apps if watching.search(one)] == []
    assert _reaches_out('<script src="https://stats.example/t.js"></script>')
    assert _reaches_out("<img src='//stats.example/p.gif'>")


# -- nothing in clear (P-10) ---------------------------------------------------------------------


def test_a_production_process_answers_by_tls_only(production: dict[str, Any]) -> None:
    """P-10: the browser is sent to https, keeps to it for a year, and gives cookies to it alone."""
    assert production["DEBUG"] is False
    for name in (
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "LANGUAGE_COOKIE_SECURE",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SESSION_COOKIE_HTTPONLY",
    ):
        assert production[name] is True, name
    assert production["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600


@pytest.mark.django_db
def test_plain_http_is_sent_to_https(settings: Any, site: Any, production: dict[str, Any]) -> None:
    """P-10, with what production sets: no page is answered in clear."""
    for name in ("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"):
        setattr(settings, name, production[name])
    settings.SECURE_PROXY_SSL_HEADER = tuple(production["SECURE_PROXY_SSL_HEADER"])
    site("public")
    answer = Client().get("/help/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/help/")
    safe = Client().get("/help/", secure=True)
    assert safe.status_code == 200
    assert "max-age=31536000" in safe["Strict-Transport-Security"]


def _in_clear() -> list[str]:
    check = checks.nothing_crosses_a_network_in_clear
    assert check in registry.get_checks(include_deployment_checks=True)
    found = check()
    assert {one.id for one in found} <= {"dsr.E007"}
    return [str(one.msg) for one in found]


SITES = {name: f"https://{name}.example" for name in ("public", "desk", "oversight", "api")}


def _database(settings: Any, monkeypatch: pytest.MonkeyPatch, host: str, **options: str) -> None:
    row = {**settings.DATABASES["default"], "HOST": host, "OPTIONS": options}
    monkeypatch.setitem(settings.DATABASES, "default", row)


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "localhost", "/run/postgresql"])
def test_a_database_on_this_machine_needs_no_tls(
    settings: Any, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    settings.DSR_URLS = SITES
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:6379/0"
    _database(settings, monkeypatch, host)
    assert _in_clear() == []


@pytest.mark.parametrize("mode", ["", "disable", "prefer", "require"])
def test_a_database_elsewhere_is_refused_without_a_checked_certificate(
    settings: Any, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """P-10: "require" encrypts for whoever answers; the machine has to be the right one."""
    settings.DSR_URLS = SITES
    settings.CELERY_BROKER_URL = "embedded://"
    _database(settings, monkeypatch, "db.example", **({"sslmode": mode} if mode else {}))
    assert len(_in_clear()) == 1
    _database(settings, monkeypatch, "db.example", sslmode="verify-full")
    assert _in_clear() == []


@pytest.mark.parametrize(
    ("broker", "refused"),
    [
        ("embedded://", 0),
        ("redis://localhost:6379/1", 0),
        ("redis+socket:///run/redis.sock", 0),
        ("rediss://:secret@queue.example:6380/0?ssl_cert_reqs=required", 0),
        ("amqps://portal:secret@queue.example:5671//", 0),
        ("redis://:secret@queue.example:6379/0", 1),
        ("amqp://portal:secret@queue.example:5672//", 1),
        ("rediss://:secret@queue.example:6380/0?ssl_cert_reqs=none", 1),
        ("rediss://:secret@queue.example:6380/0?ssl_cert_reqs=CERT_NONE", 1),
    ],
)
def test_a_broker_elsewhere_is_reached_by_checked_tls(
    settings: Any, monkeypatch: pytest.MonkeyPatch, broker: str, refused: int
) -> None:
    """P-10. The message never repeats the address: it may hold a password."""
    settings.DSR_URLS = SITES
    settings.CELERY_BROKER_URL = broker
    _database(settings, monkeypatch, "")
    found = _in_clear()
    assert len(found) == refused
    assert "secret" not in " ".join(found)


def test_a_site_without_https_is_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DSR_URLS = SITES | {"desk": "http://desk.example"}
    settings.CELERY_BROKER_URL = "embedded://"
    _database(settings, monkeypatch, "")
    assert _in_clear() == ["The address of the site 'desk' is not https."]
