"""`manage.py calibrate` with the real engine: what it takes, and whom it speaks for (R22)."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dsr_portal.policy import selectors
from dsr_portal.recognition import calibration
from dsr_portal.recognition import engine as engines

pytestmark = pytest.mark.django_db

PEOPLE = Path(__file__).resolve().parents[2] / "fixtures" / "people"


@pytest.fixture(autouse=True)
def weights(settings, weights_home):
    settings.DSR_WEIGHTS = weights_home


def test_the_shipped_calibration_is_of_the_model_that_is_shipped():
    """A change of the way to templates makes its thresholds and odds meaningless."""
    own = calibration.name_of(engines.engine().model_id)
    assert calibration.shipped()["model"] == own


def test_a_set_that_is_too_small_is_refused_in_words_and_nothing_is_filed(tmp_path):
    for number, name in enumerate(("mina", "ilse")):
        folder = tmp_path / f"person{number}"
        folder.mkdir()
        (folder / "a.jpg").write_bytes((PEOPLE / "photos" / f"{name}.jpg").read_bytes())
    with pytest.raises(CommandError, match="0 people have two usable pictures"):
        call_command("calibrate", str(tmp_path), stdout=StringIO(), stderr=StringIO())
    assert selectors.calibration() is None


def test_real_portraits_give_thresholds_that_serve_at_once(shared_faces, tmp_path):
    """61 people with two pictures, near-duplicates for 20 of them, and 180 with one: the cautious
    threshold, and what is said of it."""
    lines = (shared_faces / "manifest.csv").read_text().splitlines()
    kept = [line for line in lines[1:] if line.startswith("london,")]
    kept += [line for line in lines[1:] if line.startswith("congress,")][:180]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join([lines[0], *kept]) + "\n")
    out = StringIO()
    call_command(
        "calibrate", str(shared_faces), "--manifest", str(manifest), "--enrolled", "1000",
        "--name", "Portraits", "--json", stdout=out, stderr=StringIO(),
    )  # fmt: skip
    answer = json.loads(out.getvalue())
    assert answer["filed"] == "serves at once"
    made = answer["calibration"]
    assert (made["people"], made["people_with_pairs"]) == (241, 41)
    assert made["near_duplicates"] == 20
    assert made["odds"] == {}
    assert made["review"]["value"] == 0.36
    assert {"few_people", "cautious_review", "tail_not_tested"} <= set(made["remarks"])
    assert selectors.current("strong_threshold") == made["strong"]["value"]
    assert calibration.measured_misses(0.36) is None
