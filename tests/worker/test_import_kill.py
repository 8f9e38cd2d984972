"""An import that is killed at any moment is finished by the same command (design, section 7)."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dsr_portal.gallery.models import Appearance, ImportBatch, ImportRun, Record, SourceImage
from dsr_portal.recognition.models import Change, Template
from dsr_portal.vault import services as vault
from tests.support.gallery import PEOPLE, ROOT, own_places
from tests.support.workers import environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

# The command as it is, with small batches so that a kill falls between and inside them.
COMMAND = (
    "import django, sys; django.setup(); "
    "from dsr_portal.gallery import importing; importing.BATCH = 3; "
    "from django.core.management import call_command; "
    "call_command('import_gallery', sys.argv[1], '--source', 'Halden Images', "
    "'--legal-basis', 'none', '--json', skip_checks=True)"
)

STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS = weights_home
    settings.DSR_LEASE_SECONDS = 600
    yield
    for process in STARTED:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    STARTED.clear()


def start():
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(PEOPLE / "gallery")],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    STARTED.append(process)
    return process


def kill_when(process, true):
    end = time.monotonic() + 120
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def done_batches():
    return ImportBatch.objects.filter(state="DONE").count()


def test_two_kills_later_the_import_is_whole_and_nothing_is_twice():
    """kill -9 right after the start and in the middle; the lease of the dead is not waited for."""
    kill_when(start(), ImportRun.objects.exists)
    kill_when(start(), lambda: done_batches() >= 3)
    between = done_batches()
    pictures = SourceImage.objects.count()
    assert 3 <= between < 10
    process = start()
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    answer = json.loads(out)
    files = len(list((PEOPLE / "gallery").iterdir()))
    assert answer["resumed"]
    assert answer["done_now"] == files - pictures
    assert (answer["seen"], answer["imported"]) == (files, files)
    assert ImportRun.objects.get().state == "DONE"
    assert (SourceImage.objects.count(), Appearance.objects.count()) == (files, files)
    faces = Record.objects.count()
    assert answer["faces"] == faces == Template.objects.count()
    assert list(Change.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, faces + 1)
    )
    for unit in Record.objects.values_list("unit", flat=True):
        assert len(vault.read(unit, "template")) == 512
    for unit in SourceImage.objects.values_list("unit", flat=True):
        assert vault.has(unit, "picture")
