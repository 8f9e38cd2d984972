"""A re-enrolment that is killed at any moment is finished by the same command (design, 7)."""

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO

import pytest
from django.core.management import call_command

from dsr_portal.gallery.models import Record
from dsr_portal.recognition.models import ModelVersion, Template
from dsr_portal.vault import services as vault
from tests.support import doubled
from tests.support.gallery import ROOT, copy, own_places
from tests.support.workers import environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

COMMAND = (
    "import django; django.setup(); "
    "from tests.support import doubled; doubled.install(); "
    "from dsr_portal.gallery import reenrolling; reenrolling.BATCH = 2; "
    "from django.core.management import call_command; "
    "call_command('reenrol', '--model', 'GhostFaceNet', '--json', skip_checks=True)"
)
NAMES = ("gallery/office-five.jpg", "gallery/summer-run.jpg", "gallery/staff-page.jpg")

STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def places(settings, tmp_path, weights_home):
    own_places(settings, tmp_path)
    settings.DSR_WEIGHTS, settings.DSR_MODELS = weights_home, doubled.MODELS
    settings.DSR_LEASE_SECONDS = 600
    call_command(
        "import_gallery", str(copy(NAMES, tmp_path / "pictures")), "--source", "Halden Images",
        "--legal-basis", "none", stdout=StringIO(), stderr=StringIO(), skip_checks=True,
    )  # fmt: skip
    yield
    for process in STARTED:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    STARTED.clear()


def start():
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=ROOT,
        env=environment() | {"DSR_MODELS": doubled.MODELS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    STARTED.append(process)
    return process


def made():
    return Template.objects.filter(model__name="GhostFaceNet").count()


def kill_when(process, true):
    end = time.monotonic() + 240
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_two_kills_later_every_record_has_one_template_of_each_model():
    count = Record.objects.count()
    kill_when(start(), ModelVersion.objects.filter(name="GhostFaceNet").exists)
    kill_when(start(), lambda: made() >= 2)
    between = made()
    assert 2 <= between < count
    process = start()
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    told = json.loads(out)
    assert (told["made"], told["left"], told["published"]) == (count - between, 0, False)
    new = Template.objects.filter(model__name="GhostFaceNet")
    assert new.values("record_id").distinct().count() == new.count() == count
    assert Template.objects.filter(model__active=True).count() == count
    for unit in new.values_list("unit", flat=True):
        assert len(vault.read(unit, "template")) == 4 * 512
