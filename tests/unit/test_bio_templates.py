"""Mean face, secret turn and what a template promises (R32), without weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from biometrics import templates
from biometrics.errors import BadVector, EngineFailed
from biometrics.identity import ModelId
from biometrics.mean_face import first_pictures
from biometrics.templates import (
    MEAN_FACE,
    MEAN_FACE_FILE,
    similarity,
    to_template,
    turn_from_secret,
)
from tests.bench.turn import likeness, modelled, recovered_turn

# Read once from this code; another LAPACK must give the same to about 1e-13.
FIRST = [-0.020168616829, -0.104993085169, 0.12823615009]
LAST = [0.119192415743, 0.057356127353, 0.149262327481]


def embeddings(n: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, 128)) * 1.2).astype(np.float32)


def test_the_turn_is_orthogonal_and_the_same_on_every_machine() -> None:
    turn = turn_from_secret(b"k" * 32)
    assert np.abs(turn @ turn.T - np.eye(128)).max() < 1e-12
    assert turn[0, :3] == pytest.approx(FIRST, abs=1e-10)
    assert turn[127, 125:] == pytest.approx(LAST, abs=1e-10)


@pytest.mark.parametrize("dimension", [2, 128, 512])
def test_both_ways_to_a_turn_give_the_same_one(
    dimension: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R32: a gallery turned by LAPACK, by an earlier version, is searched with a turn of today."""
    ours = turn_from_secret(b"k" * 32, dimension)
    monkeypatch.setattr(templates, "_PLAIN_LOOP", 0)
    asked = []
    decompose = np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda square: asked.append(1) or decompose(square))
    theirs = turn_from_secret(b"k" * 32, dimension)
    assert asked == [1]
    assert np.abs(ours - theirs).max() < 1e-12
    assert np.abs(ours @ ours.T - np.eye(dimension)).max() < 1e-12


def test_the_turn_of_the_shipped_model_asks_no_library_with_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its threads wait for each other in a loop where the processors are taken."""

    def refused(*_arguments: object, **_named: object) -> None:
        raise AssertionError("asked")

    for name in ("dot", "matmul", "inner", "vdot", "tensordot"):
        monkeypatch.setattr(np, name, refused)
    for name in ("qr", "norm"):
        monkeypatch.setattr(np.linalg, name, refused)
    assert turn_from_secret(b"k" * 32)[0, :3] == pytest.approx(FIRST, abs=1e-10)
    with pytest.raises(AssertionError, match="asked"):
        turn_from_secret(b"k" * 32, 514)


def test_another_secret_gives_another_turn_and_short_ones_are_refused() -> None:
    one, two = turn_from_secret(b"k" * 32), turn_from_secret(b"k" * 33)
    assert np.abs(one - two).max() > 0.1
    with pytest.raises(BadVector):
        turn_from_secret(b"k" * 31)


def test_a_turn_keeps_every_likeness_and_hides_nothing_from_known_pairs() -> None:
    """R32: nobody may call it encryption."""
    turn = turn_from_secret(b"k" * 32)
    rows = embeddings(160)
    plain, turned = to_template(rows, np.eye(128)), to_template(rows, turn)
    assert np.abs(plain @ plain.T - turned @ turned.T).max() < 1e-5


def test_about_as_many_known_pairs_as_dimensions_recover_the_turn() -> None:
    """R32, the documented limit (docs/fusion.md has the curve): the turn falls by degrees.

    Pairs are float32 as stored. Up to 32 a stolen template turned back is, in the mean, no
    likeness the portal would show; from 64 most are; from 128 the matrix itself is known.
    """
    turn = turn_from_secret(b"k" * 32)
    plain = modelled(400)
    stored = (plain @ turn.T).astype(np.float32)
    rng = np.random.default_rng(1)
    mean = {
        pairs: float(likeness(plain, turn, pairs, rng).mean()) for pairs in (32, 64, 96, 128, 160)
    }
    assert mean[32] < 0.36
    assert list(mean.values()) == sorted(mean.values())
    assert mean[64] > 0.36
    for pairs in (128, 160):
        assert mean[pairs] > 0.999
        guess = recovered_turn(plain[:pairs], stored[:pairs])
        assert np.abs(guess - turn).max() < 1e-3
    assert np.abs(recovered_turn(plain[:32], stored[:32]) - turn).max() > 0.1


def test_templates_of_two_keys_score_like_strangers() -> None:
    """B-05 (ISO/IEC 24745): one face under two keys is no likeness anybody could link by.

    Across two keys a pair of one person scores as a pair of two people does: a guess by the score
    is worth no more than a coin. Under one key the same pairs are told apart. The keys may be those
    of two installations, or of the index and the face block.
    """
    people = modelled(400, seed=5)
    blur = np.random.default_rng(6).normal(size=people.shape) / np.sqrt(people.shape[1])
    again = people + 0.6 * blur
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    here, there = turn_from_secret(b"a" * 32), turn_from_secret(b"b" * 32)

    def told_apart(second_key: np.ndarray) -> float:
        """How often a pair of one person scores above a pair of two: the area under the ROC."""
        scores = (people @ here.T) @ (again @ second_key.T).T
        of_two = scores[~np.eye(len(scores), dtype=bool)]
        return float((np.diag(scores)[:, None] > of_two[None, ::97]).mean())

    assert told_apart(here) > 0.999
    assert abs(told_apart(there) - 0.5) < 0.05


def test_two_whole_galleries_of_the_same_people_can_still_be_linked() -> None:
    """R32, the documented limit: likenesses inside a gallery are the same under every key."""
    people = modelled(50)
    one, two = (people @ turn_from_secret(key * 32).T for key in (b"a", b"b"))
    assert np.abs(one @ one.T - two @ two.T).max() < 1e-9


def test_templates_are_float32_of_unit_length_with_the_mean_face_off() -> None:
    row = embeddings(1)[0]
    template = to_template(row, np.eye(128))
    expected = row / np.linalg.norm(row) - MEAN_FACE
    assert template.dtype == np.float32
    assert template == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    assert similarity(template, template) == pytest.approx(1.0, abs=1e-6)


def test_one_and_many_give_the_same_templates() -> None:
    rows, turn = embeddings(5), turn_from_secret(b"s" * 40)
    many = to_template(rows, turn)
    assert many.shape == (5, 128)
    assert np.abs(many[3] - to_template(rows[3], turn)).max() < 1e-6


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(128, np.float32),
        np.full(128, np.nan, np.float32),
        np.ones(127, np.float32),
        np.ones((2, 2, 128), np.float32),
    ],
)
def test_vectors_that_cannot_be_templates_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(BadVector):
        to_template(bad, np.eye(128))


def test_a_changed_mean_face_is_noticed(tmp_path: Path) -> None:
    content = json.loads(templates.MEAN_FACE_FILE.read_text())
    content["values"][0] += 1e-6
    path = tmp_path / "mean_face.json"
    path.write_text(json.dumps(content))
    with pytest.raises(EngineFailed):
        templates.load_mean_face(path)
    assert not MEAN_FACE.flags.writeable


def test_every_part_of_a_model_identity_counts() -> None:
    base = ("SFace", "a" * 64, "five-point-112-v1", "b" * 64)
    digests = {ModelId(*base).digest}
    for place in range(4):
        other = [*base]
        other[place] += "x"
        digests.add(ModelId(*other).digest)
    assert len(digests) == 5
    assert all(len(digest) == 32 for digest in digests)


def test_the_mean_face_takes_one_picture_of_each_real_person(shared_faces: Path) -> None:
    """Averaged faces are nobody's, and a series of selfies would count one person many times."""
    pictures = first_pictures(shared_faces)
    people = [path.parent for path in pictures]
    assert len(pictures) == len(set(people)) == json.loads(MEAN_FACE_FILE.read_text())["pictures"]
    sets = {path.parent.parent.name for path in pictures}
    assert sets == {"congress", "london", "canada"}
