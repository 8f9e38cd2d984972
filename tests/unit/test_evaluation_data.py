"""Labelled pictures: folders, manifests, what is left out, duplicates, the cache."""

from __future__ import annotations

import numpy as np
import pytest

from biometrics import __main__ as command
from biometrics.evaluation import dataset, features
from biometrics.evaluation.dataset import BadDataSet
from biometrics.evaluation.features import Cache, FaceFacts, Features, Seen, labelled_face
from biometrics.evaluation.population import build
from biometrics.faces import Face


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")


def paths_of(data):
    return {picture.path: picture.identity for picture in data.pictures}


# -- folders and manifests ----------------------------------------------------------------------


def test_a_folder_is_a_person_however_deep_it_lies(tmp_path):
    touch(tmp_path, "ada/1.jpg", "set/bo/1.JPG", "set/bo/2.png", "set/bo/notes.txt", "loose.jpg")
    touch(tmp_path, ".hidden/x/1.jpg")
    data = dataset.read(tmp_path)
    assert paths_of(data) == {
        "ada/1.jpg": "ada", "set/bo/1.JPG": "set/bo", "set/bo/2.png": "set/bo"
    }  # fmt: skip
    assert data.left_out == {"in no person's folder": ("loose.jpg",)}
    assert data.pictures[1].groups == {"dataset": "set"}


def test_linked_folders_are_followed_once(tmp_path):
    touch(tmp_path / "real", "ada/1.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "ada").symlink_to(tmp_path / "real" / "ada")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    assert paths_of(dataset.read(tmp_path / "set")) == {"ada/1.jpg": "ada"}


def test_a_manifest_names_people_groups_and_dates(tmp_path):
    touch(tmp_path, "a/1.jpg", "a/2.jpg", "b.jpg")
    (tmp_path / "manifest.csv").write_text(
        "\ufeffDataset,Identity,Path,gender,age,date\n"
        "set,ada,a/1.jpg,female,,2001-07-02\n"
        f"set,ada,{tmp_path}/a/2.jpg,female,,2011\n"
        "set,bo,b.jpg,,34,\n"
    )
    first, second, third = dataset.read(tmp_path).pictures
    assert (first.identity, second.identity, third.identity) == ("set/ada", "set/ada", "set/bo")
    assert first.groups == {"dataset": "set", "gender": "female"}
    assert second.years - first.years == pytest.approx(10, abs=0.01)
    assert third.years == 34


def test_lines_that_name_no_picture_are_counted_and_named(tmp_path):
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "c.jpg")
    (tmp_path / "list.csv").write_text(
        "path,identity\na/1.jpg,ada\na/1.jpg,ada\nb/1.jpg,\n../x.jpg,eve\n/etc/passwd,eve\n"
        "gone.jpg,eve\n,eve\nc.jpg,\n"
    )
    data = dataset.read(tmp_path, tmp_path / "list.csv")
    assert paths_of(data) == {"a/1.jpg": "ada", "b/1.jpg": "b"}
    assert data.left_out == {
        "named twice in the manifest": ("a/1.jpg",),
        "outside the folder": ("../x.jpg", "/etc/passwd"),
        "not in the folder": ("gone.jpg",),
        "no path in the manifest": ("line 8",),
        "no identity in the manifest": ("c.jpg",),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"identity,file\nada,1.jpg\n", "no column 'path'"),
        (b"path\n\xff\xfe.jpg\n", "UTF-8"),
        (b"", "no column 'path'"),
        (b"path,identity\n", "no pictures"),
    ],
)
def test_a_manifest_that_says_nothing_is_refused(tmp_path, content, says):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(BadDataSet, match=says):
        dataset.read(tmp_path, tmp_path / "list.csv")


def test_no_folder_and_no_manifest_are_said_plainly(tmp_path):
    with pytest.raises(BadDataSet, match="is no folder"):
        dataset.read(tmp_path / "none")
    with pytest.raises(BadDataSet, match="is not there"):
        dataset.read(tmp_path, tmp_path / "none.csv")
    with pytest.raises(BadDataSet, match="no pictures of labelled people"):
        dataset.read(tmp_path)


def test_the_command_ends_with_one_plain_sentence(tmp_path, capsys):
    code = command.main(["evaluate", str(tmp_path), "--json", "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert said.err.startswith("evaluate: ")
    assert "no pictures of labelled people" in said.err
    assert "Traceback" not in said.err


# -- which face, which pictures -----------------------------------------------------------------


def face(x, y, width, height):
    return Face((x, y, width, height), np.zeros((5, 2), np.float32), 0.9)


def test_the_labelled_face_is_the_large_one_near_the_centre():
    middle, corner = face(85, 85, 80, 80), face(0, 0, 100, 100)
    assert labelled_face([corner, middle], (250, 250, 3)) == 1
    assert labelled_face([face(75, 75, 200, 200), face(110, 110, 30, 30)], (250, 250, 3)) == 0


def seen(path, *, rows=1, code="ok", sha="", bits=None, rng=None, vector=None, dimension=8):
    rng = np.random.default_rng(abs(hash(path)) % 2**32) if rng is None else rng
    vectors = rng.normal(size=(rows, dimension)) if vector is None else np.array([vector])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    facts = tuple(FaceFacts((1, 2, 90, 90), 0.02, 3.0, 0.8) for _ in range(rows))
    light = rng.integers(0, 2, 256) if bits is None else bits
    hashed = np.packbits(light).tobytes().hex()
    one = Seen(path, "1-1", code, sha or path, hashed, 0 if rows else -1, facts)
    return Features(one, vectors, vectors.copy())


def set_of(tmp_path, made):
    labels = tuple(dataset.Labelled(one.seen.path, one.seen.path.split("/")[0]) for one in made)
    return dataset.DataSet(tmp_path, "a folder per person", labels, {})


def test_near_duplicates_of_a_person_count_once(tmp_path):
    light = np.zeros(256, int)
    nearly = light.copy()
    nearly[:8] = 1
    other = light.copy()
    other[:40] = 1
    made = [
        seen("a/0.jpg", sha="same"), seen("a/1.jpg", sha="same"),
        seen("b/0.jpg", bits=light), seen("b/1.jpg", bits=nearly), seen("b/2.jpg", bits=other),
        seen("c/0.jpg", vector=(1, 0)), seen("c/1.jpg", vector=(1, 0.2)),
        seen("c/2.jpg", vector=(1, 1)),
    ]  # fmt: skip
    made = [pad(one) for one in made]
    everybody, counts = build(set_of(tmp_path, made), made)
    assert counts.duplicates == ("a/1.jpg", "b/1.jpg", "c/1.jpg")
    assert [label.path for label in everybody.labels] == [
        "a/0.jpg", "b/0.jpg", "b/2.jpg", "c/0.jpg", "c/2.jpg"
    ]  # fmt: skip


def pad(one):
    missing = 8 - one.templates.shape[1]
    rows = np.pad(one.templates, ((0, 0), (0, missing)))
    return Features(one.seen, rows, rows.copy())


def test_a_calibration_takes_the_pictures_an_evaluation_takes(tmp_path):
    """R15: near-duplicates once, pictures without a face kept and counted as missed."""
    rng = np.random.default_rng(4)
    made = [
        seen("a/1.jpg", sha="1", rng=rng),
        seen("a/2.jpg", sha="1", rng=rng),
        seen("a/3.jpg", sha="3", rng=rng),
        seen("a/4.jpg", rows=0, code="no_face", sha="4", rng=rng),
        seen("b/1.jpg", rows=2, sha="5", rng=rng),
        seen("b/2.jpg", code="too_many_pixels", rows=0, rng=rng),
    ]
    made = [pad(one) for one in made]
    everybody, counts = build(set_of(tmp_path, made), made)
    faces = everybody.known_faces()
    assert counts.duplicates == ("a/2.jpg",)
    assert faces.people.tolist() == [0, 0, 1]
    assert faces.faceless.tolist() == [0]
    assert faces.templates.tolist() == [
        row.templates[0].tolist() for row in (made[0], made[2], made[4])
    ]
    assert faces.weights.tolist() == everybody.weights[:3].tolist()


def test_a_picture_under_two_names_is_reported_and_kept(tmp_path):
    made = [seen("a/0.jpg", sha="same"), seen("b/0.jpg", sha="same"), seen("c/0.jpg")]
    everybody, counts = build(set_of(tmp_path, made), made)
    assert everybody.people == 3
    assert [(twin.one, twin.two, twin.why) for twin in counts.twins] == [
        ("a/0.jpg", "b/0.jpg", "same file")
    ]


def test_everything_left_out_is_counted(tmp_path):
    made = [
        seen("a/0.jpg"), seen("a/1.jpg", rows=0, code="no_face"),
        seen("b/0.jpg", rows=0, code="truncated"), seen("b/1.jpg", rows=3),
    ]  # fmt: skip
    everybody, counts = build(set_of(tmp_path, made), made)
    assert counts.unreadable == {"truncated": ("b/0.jpg",)}
    assert counts.no_face == ("a/1.jpg",)
    assert (everybody.labelled, counts.other_faces) == (2, 2)
    # Labelled faces first; faces nobody labelled belong to nobody.
    assert everybody.owner.tolist() == [0, 1, -1, -1]
    assert everybody.face.tolist() == [0, -1, 1]


def test_verdicts_take_pictures_out_and_merge_names(tmp_path):
    made = [seen("a/0.jpg"), seen("a/1.jpg"), seen("b/0.jpg"), seen("c/0.jpg")]
    everybody, _ = build(
        set_of(tmp_path, made), made, leave_out=frozenset({"a/1.jpg"}), merged={"b": "a"}
    )
    assert everybody.names == ("a", "c")
    assert everybody.person.tolist() == [0, 0, 1]


# -- the cache ----------------------------------------------------------------------------------


def test_the_cache_gives_back_what_was_put_in(tmp_path):
    cache = Cache(tmp_path / "cache")
    made = [seen("a/0.jpg", rows=2), seen("a/1.jpg", rows=0, code="no_face"), seen("b/0.jpg")]
    cache.save(made[:2])
    cache.save(made[2:])
    known = Cache(tmp_path / "cache").load(pytest.fail)
    assert [known[one.seen.path].seen for one in made] == [one.seen for one in made]
    for one in made:
        if one.seen.faces:
            assert (known[one.seen.path].templates == one.templates).all()
            assert (known[one.seen.path].plain == one.plain).all()


def test_a_damaged_part_is_named_and_made_again(tmp_path):
    cache = Cache(tmp_path)
    cache.save([seen("a/0.jpg")])
    cache.save([seen("b/0.jpg")])
    part = tmp_path / "part-00001.npz"
    part.write_bytes(part.read_bytes()[:-40])
    said = []
    assert set(Cache(tmp_path).load(said.append)) == {"b/0.jpg"}
    assert "part-00001.npz" in said[0]
    assert not part.exists()
    cache = Cache(tmp_path)
    cache.save([seen("a/0.jpg")])
    assert set(cache.load(pytest.fail)) == {"a/0.jpg", "b/0.jpg"}


def test_pictures_saved_again_differ_in_few_bits_of_light():
    rng = np.random.default_rng(1)
    rgb = np.kron(rng.integers(0, 255, (16, 16, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    noisy = np.clip(rgb.astype(int) + rng.integers(-3, 4, rgb.shape), 0, 255).astype(np.uint8)
    bits = [
        np.unpackbits(np.frombuffer(bytes.fromhex(features.difference_hash(one)), np.uint8))
        for one in (rgb, noisy, rgb[:, ::-1].copy())
    ]
    assert (bits[0] != bits[1]).sum() <= 10
    assert (bits[0] != bits[2]).sum() > 60
