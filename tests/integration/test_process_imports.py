"""Web processes work without the recognition libraries (design, section 2).

Each site runs in a process of its own, as gunicorn loads it, and answers what people really ask of
it; then `sys.modules` is looked at. Running demo processes are looked at in `tests/e2e/support.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import bad_input
from tests.support.gallery import own_places
from tests.support.matching import staff
from tests.support.workers import environment

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]

BEGIN = """
import sys
from dsr_portal.wsgi import application
from django.test import Client
from django.urls import reverse
browser = Client(raise_request_exception=True)
def ask(name, **how):
    answer = browser.get(reverse(name, **how))
    assert answer.status_code == 200, (name, answer.status_code)
def tell(name, data=None):
    answer = browser.post(reverse(name), data or {})
    assert answer.status_code == 302, (name, answer.status_code, answer.content.decode()[-3000:])
def sign_in(number):
    from dsr_portal.accounts.access import SECOND_FACTOR
    from dsr_portal.accounts.models import Staff
    from dsr_portal.core.clock import real_now
    browser.force_login(Staff.objects.get(staff_no=number))
    session = browser.session
    session[SECOND_FACTOR] = real_now().isoformat()
    session.save()
"""
PUBLIC = """
ask("public:home")
tell("public:wish", {"rights": ["access", "erasure"]})
with open(sys.argv[1], "rb") as photo:
    tell("public:way", {"photo": photo, "pages": "https://example.org/me"})
tell("public:consent", {"comparison": "on"})
tell("public:contact", {"how": "email", "email": "mina@example.org", "language": "en"})
ask("public:draft_photo")
tell("public:check")
for page in ("receipt", "receipt_pdf", "trail", "notice"):
    ask(f"public:{page}")
"""
DESK = """
ask("account_login")
sign_in("S-1")
ask("desk:queue")
from dsr_portal.cases.models import Case
for reference in Case.objects.values_list("reference", flat=True):
    ask("desk:case", args=[reference])
"""
OVERSIGHT = """
ask("account_login")
sign_in("S-9")
ask("oversight:register")
ask("oversight:head")
"""
API = """
ask("api:about")
"""
END = """
heavy = ("deepface", "tensorflow", "tf_keras", "keras", "h5py", "cv2", "onnx", "onnxruntime",
         "hnswlib", "biometrics")
print("loaded:", sorted(name for name in sys.modules if name.partition(".")[0] in heavy))
"""
SITES = {"public": PUBLIC, "desk": DESK, "oversight": OVERSIGHT, "api": API}


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path) -> Path:
    own_places(settings, tmp_path)
    (tmp_path / "me.jpg").write_bytes(bad_input.jpeg())
    staff("S-1")
    staff("S-9", role="dpo")
    return tmp_path / "me.jpg"


def loaded_by(site: str, photo: Path, more: str = "") -> str:
    """What of the recognition libraries a process of `site` holds after its visits."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + SITES[site] + more + END, str(photo)],
        cwd=ROOT,
        env={**environment(), "DSR_SITE": site},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("site", SITES)
def test_a_site_that_answered_has_loaded_no_recognition(site: str, places: Path) -> None:
    assert loaded_by(site, places) == "loaded: []"


def test_a_library_that_slipped_in_is_seen(places: Path) -> None:
    assert "cv2" in loaded_by("api", places, "import cv2\n")
