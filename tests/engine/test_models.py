"""Models beside the shipped one: what an entry must say, and that its lengths reach the rows."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from biometrics import weights
from biometrics.models import SFACE, ModelRefused, check_file, entry_of, find, read_entries

ROOT = Path(__file__).resolve().parents[2]

GHOST: dict[str, Any] = {
    "name": "GhostFaceNet",
    "file": "ghostfacenet_v1.h5",
    "sha256": "ab" * 32,
    "licence": "MIT",
    "dimension": 512,
    "side": 112,
    "engine": "tensorflow",
}


def test_an_entry_is_read_and_found_beside_the_shipped_model() -> None:
    (entry,) = read_entries(json.dumps([GHOST]))
    assert (entry.dimension, entry.engine, entry.shipped) == (512, "tensorflow", False)
    assert find("GhostFaceNet", [entry]) is entry
    assert find("SFace", [entry]) is SFACE
    assert read_entries("") == ()
    with pytest.raises(ModelRefused, match="neither shipped nor"):
        find("ArcFace", [entry])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "Dlib"}, "model_unknown"),
        ({"name": "../SFace"}, "model_unknown"),
        ({"name": "SFace"}, "model_shipped"),
        ({"engine": "pytorch"}, "model_engine"),
        ({"file": "ghostfacenet_v1.pkl"}, "model_format"),
        ({"file": "ghostfacenet_v1.pt"}, "model_format"),
        ({"file": "ghostfacenet_v1.h5.pkl"}, "model_format"),
        ({"file": "ghostfacenet_v1.onnx"}, "model_format"),
        ({"file": "../ghostfacenet_v1.h5"}, "model_file"),
        ({"sha256": "ab" * 31}, "model_hash"),
        ({"sha256": "AB" * 32}, "model_hash"),
        ({"licence": " "}, "model_licence"),
        ({"dimension": 128}, "model_shape"),
        ({"side": 160}, "model_shape"),
        ({"sha256": 7}, "model_words"),
        ({"more": "words"}, "model_words"),
    ],
)
def test_an_entry_that_can_not_be_used_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        entry_of(GHOST | change)
    assert refused.value.code == code


def test_a_word_that_is_missing_and_text_that_is_no_list_are_refused() -> None:
    with pytest.raises(ModelRefused) as refused:
        entry_of({word: value for word, value in GHOST.items() if word != "licence"})
    assert refused.value.code == "model_words"
    for text, code in (("{", "models_not_json"), ("{}", "models_not_a_list")):
        with pytest.raises(ModelRefused) as refused:
            read_entries(text)
        assert refused.value.code == code
    with pytest.raises(ModelRefused, match="twice"):
        read_entries(json.dumps([GHOST, GHOST]))


def test_a_file_that_is_missing_or_another_is_never_opened(tmp_path: Path) -> None:
    entry = entry_of(GHOST)
    with pytest.raises(weights.WeightsMissing, match="Nothing is downloaded"):
        check_file(entry, tmp_path)
    path = entry.path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not these")
    with pytest.raises(weights.WeightsDamaged, match="hash differs"):
        check_file(entry, tmp_path)


def test_another_model_of_deepface_makes_templates_of_its_own_length(
    weights_home: Path, tmp_path: Path
) -> None:
    shutil.copytree(weights_home, tmp_path / "home")
    for step in ("draw", "embed"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.second_model", step, str(tmp_path / "home")],
            cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["shape"] == [3, 512]
    assert told["lengths"] == pytest.approx([1.0] * 3, abs=1e-5)
    assert told["identity"].split("/")[:2] == ["GhostFaceNet", told["sha256"]]
