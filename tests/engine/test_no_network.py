"""Nothing opens a network connection yet: import, judging, search, letter and signature (R33).

In a process without the guard of the other tests, watched by Python's own audit hook. That DeepFace
would download is shown in `test_weights`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.gallery import PEOPLE, ROOT, copy, own_places
from tests.support.workers import environment

pytestmark = pytest.mark.django_db(transaction=True)

WATCHED = """
import sys
seen = []
def hook(event, args):
    if event == "socket.connect" and not isinstance(args[1], (str, bytes)):
        seen.append(f"{event} {args[1]}")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        seen.append(f"{event} {args[-1] if event == 'socket.sendto' else args[0]}")
sys.addaudithook(hook)
import django
django.setup()
from pathlib import Path
"""
WORK = """
from django.core.management import call_command
call_command("import_gallery", sys.argv[1], "--source", "Halden Images", "--legal-basis", "none",
             "--json", skip_checks=True)
from dsr_portal.recognition import services as recognition
from dsr_portal.vault.confined import decode_picture
photo = decode_picture(Path(sys.argv[2]).read_bytes())
assert recognition.judge_probe(photo).usable
found = recognition.search_probe(picture=photo, threshold=0.62)
assert found.whole and found.hits, found
from dsr_portal.documents import services as documents
pdf = documents.render(
    template="documents/letter.html",
    context={"paragraphs": ["http://letters.invalid/"], "body": "http://letters.invalid/"},
    language="en", title="A letter", kind="letter", reference="K7M-2QX4", images={}, demo=True,
    attachments=None,
)
assert documents.verify(documents.sign(pdf, reason="test")).intact
from dsr_portal.jobs import services as jobs
jobs.run_due()
"""
PLANTED = """
import urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:9/", timeout=2)
except OSError:
    pass
"""
END = """
print("opened:", seen)
"""


@pytest.fixture
def arguments(settings: Any, tmp_path: Path, weights_home: Path) -> list[str]:
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    gallery = copy(("gallery/canal-walk.jpg", "gallery/harvest.jpg"), tmp_path / "pictures")
    return [str(gallery), str(PEOPLE / "photos" / "mina.jpg")]


def opened(script: str, arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + script + END, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip().splitlines()[-1]


def test_from_import_to_signed_letter_no_connection_is_opened(arguments: list[str]) -> None:
    assert opened(WORK, arguments) == "opened: []"


def test_a_planted_connection_is_seen(arguments: list[str]) -> None:
    assert "127.0.0.1" in opened(PLANTED, arguments)
