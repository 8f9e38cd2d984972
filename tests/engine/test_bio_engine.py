"""Real faces through real DeepFace: parity, separation, quality, covering, index, mean face."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from biometrics import mean_face, weights
from biometrics.config import BiometricsConfig
from biometrics.crops import crop_face
from biometrics.engine import Engine, model_id_of
from biometrics.errors import BadPicture, EngineFailed, EngineTaken
from biometrics.faces import ALIGNMENT_VERSION, Face, align, find_faces
from biometrics.index import FaceIndex
from biometrics.quality import assess, judge_probe
from biometrics.redaction import cover, covered_area
from biometrics.templates import MEAN_FACE, MEAN_FACE_SHA256, to_template, turn_from_secret

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def people() -> Path:
    """Rendered people: the project's own copy where it has all of them, else the shared one."""
    for folder in (ROOT / "fixtures" / "people", ROOT.parent / "shared" / "data" / "synthetic"):
        if len(list(folder.glob("portraits/*.jpg"))) == 72 and (folder / "faces.csv").is_file():
            return folder
    return pytest.skip("the rendered people are not here")


@pytest.fixture(scope="session")
def config(weights_home: Path) -> BiometricsConfig:
    return BiometricsConfig(home=weights_home)


@pytest.fixture(scope="session")
def engine(config: BiometricsConfig) -> Engine:
    return Engine(config)


def read(path: Path) -> np.ndarray:
    bgr = cv2.imread(str(path))
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])


@pytest.fixture(scope="session")
def portraits(people: Path, config: BiometricsConfig) -> dict[str, tuple[np.ndarray, Face]]:
    found = {}
    for path in sorted((people / "portraits").glob("*.jpg")):
        rgb = read(path)
        (face,) = find_faces(rgb, config)
        found[path.stem] = (rgb, face)
    return found


@pytest.fixture(scope="session")
def crops(portraits: dict[str, tuple[np.ndarray, Face]]) -> dict[str, np.ndarray]:
    return {name: align(rgb, face.landmarks) for name, (rgb, face) in portraits.items()}


@pytest.fixture(scope="session")
def templates(engine: Engine, crops: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = to_template(engine.embed(list(crops.values())), turn_from_secret(b"t" * 32))
    return dict(zip(crops, rows, strict=True))


def test_deepface_gives_what_the_network_gives(
    engine: Engine, config: BiometricsConfig, crops: dict[str, np.ndarray]
) -> None:
    some = list(crops.values())[::9]
    session = onnxruntime.InferenceSession(str(config.embedder_file))
    name = session.get_inputs()[0].name
    direct = [
        session.run(None, {name: crop.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        for crop in some
    ]
    assert np.abs(engine.embed(some) - np.stack(direct)).max() <= 1e-4


def test_one_crop_and_a_batch_give_the_same_embeddings(
    engine: Engine, crops: dict[str, np.ndarray]
) -> None:
    """DeepFace answers flat for a list of one, and batches are cut at 64."""
    many = list(crops.values())
    together = engine.embed(many)
    assert together.shape == (72, 128)
    assert together.dtype == np.float32
    for place in (0, 63, 64, 71):
        assert np.abs(engine.embed([many[place]])[0] - together[place]).max() <= 1e-5
    assert engine.embed([]).shape == (0, 128)


def test_threads_get_the_same_faces_and_embeddings_as_one_caller(
    engine: Engine, config: BiometricsConfig, portraits: dict[str, tuple[np.ndarray, Face]]
) -> None:
    """All threads share one detector; the network has one caller at a time."""
    names = list(portraits)[:8]

    def work(rgb: np.ndarray) -> np.ndarray:
        (face,) = find_faces(rgb, config)
        return engine.embed([align(rgb, face.landmarks)])[0]

    alone = [work(portraits[name][0]) for name in names]
    results: list[list[np.ndarray]] = [[] for _ in range(4)]

    def run(number: int) -> None:
        for _ in range(3):
            results[number] = [work(portraits[name][0]) for name in names]

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert np.abs(np.stack(result) - np.stack(alone)).max() < 1e-5


def units(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def on_tensorflow(
    config: BiometricsConfig, crops: list[np.ndarray], folder: Path
) -> tuple[np.ndarray, str]:
    """The embeddings of a process of its own, and the identity it gave them."""
    np.save(folder / "crops.npy", np.stack(crops))
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.support.tensorflow_process",
            str(config.home), str(folder / "crops.npy"), str(folder / "rows.npy"),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(folder / "rows.npy"), done.stdout.strip().splitlines()[-1]


def varied(crops: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Mirrored, darker, blurred: so many different crops from the rendered people."""
    changes = [
        lambda crop: crop,
        lambda crop: np.ascontiguousarray(crop[:, ::-1]),
        lambda crop: cv2.GaussianBlur((crop * 0.6).astype(np.uint8), (0, 0), 1.5),
    ]
    return [change(crop) for change in changes for crop in crops][:count]


def test_tensorflow_and_onnx_give_the_same_templates(
    engine: Engine, config: BiometricsConfig, crops: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Both may feed one index: 200 faces, the largest difference of any value of a unit row."""
    faces = varied(list(crops.values()), 200)
    assert len(faces) == 200
    rows, identity = on_tensorflow(config, faces, tmp_path)
    assert rows.dtype == np.float32
    assert np.abs(units(rows) - units(engine.embed(faces))).max() <= 1e-4
    assert identity == str(engine.model_id)


def test_tensorflow_and_onnx_agree_on_photographs(
    shared_faces: Path, engine: Engine, config: BiometricsConfig, tmp_path: Path
) -> None:
    faces: list[np.ndarray] = []
    for path in sorted(shared_faces.rglob("*.jpg"))[::3]:
        rgb = read(path)
        faces += [align(rgb, face.landmarks) for face in find_faces(rgb, config)[:1]]
        if len(faces) >= 200:
            break
    assert len(faces) >= 200
    rows, _identity = on_tensorflow(config, faces[:200], tmp_path)
    assert np.abs(units(rows) - units(engine.embed(faces[:200]))).max() <= 1e-4


def test_a_process_keeps_to_the_engine_it_began_with(
    engine: Engine, config: BiometricsConfig
) -> None:
    engine.start()
    with pytest.raises(EngineTaken, match="began with onnx"):
        Engine(config, backend="tensorflow").start()
    with pytest.raises(EngineFailed, match="no back end"):
        Engine(config, backend="torch")  # type: ignore[arg-type]  # what is refused here


def test_a_forked_child_of_tensorflow_refuses_instead_of_waiting_for_ever(
    config: BiometricsConfig,
) -> None:
    code = (
        "import os, sys; from pathlib import Path;"
        "from biometrics.config import BiometricsConfig; from biometrics.engine import Engine;"
        "from biometrics.errors import EngineTaken; from biometrics.weights import fixed_picture;"
        "engine = Engine(BiometricsConfig(home=Path(sys.argv[1])), backend='tensorflow');"
        "engine.start(); pid = os.fork()\n"
        "if pid:\n sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "try:\n engine.embed([fixed_picture(112)])\n"
        "except EngineTaken:\n os._exit(7)\n"
        "os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(config.home)], cwd=ROOT, timeout=240, check=False
    )
    assert done.returncode == 7


def test_crops_the_network_would_misread_are_refused(engine: Engine) -> None:
    wrong: list[Any] = [
        np.zeros((112, 112, 3), np.uint8),
        np.ones((112, 112, 3), np.uint8),
        np.full((111, 112, 3), 9, np.uint8),
        np.full((112, 112, 3), 0.5, np.float32),
    ]
    for crop in wrong:
        with pytest.raises(BadPicture):
            engine.embed([crop])


def test_the_self_test_refuses_an_engine_with_wrong_numbers(
    config: BiometricsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = weights.fixed_picture(112)
    swapped = np.ascontiguousarray(picture[:, :, ::-1])
    monkeypatch.setattr(weights, "fixed_picture", lambda side: swapped)
    with pytest.raises(EngineFailed, match="self-test"):
        Engine(config).start()


def test_the_model_identity_names_weights_alignment_and_mean_face(
    engine: Engine, config: BiometricsConfig
) -> None:
    model = engine.model_id
    assert model == model_id_of(config)
    assert model.weights_sha256 == weights.check(config.home).sface_sha256
    assert (model.name, model.alignment_version) == ("SFace", ALIGNMENT_VERSION)
    assert model.mean_face_sha256 == MEAN_FACE_SHA256


def test_importing_the_library_loads_neither_deepface_nor_onnxruntime() -> None:
    code = (
        "import sys, biometrics.engine, biometrics.quality, biometrics.index;"
        "heavy = ('deepface', 'onnxruntime', 'tensorflow', 'django');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_boxes_lie_where_the_renderer_put_the_faces(people: Path, config: BiometricsConfig) -> None:
    with (people / "faces.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] == "group"]
    assert rows
    for row in rows:
        known = [tuple(map(int, box.split(","))) for box in row["boxes_xywh"].split(";")]
        found = find_faces(read(people / row["file"]), config)
        assert len(found) == len(known)
        for x, y, w, h in known:
            middle = (x + w / 2, y + h / 2)
            assert any(
                f.box[0] < middle[0] < f.box[0] + f.box[2]
                and f.box[1] < middle[1] < f.box[1] + f.box[3]
                for f in found
            )


@pytest.mark.parametrize("factor", [2, 7])
def test_a_large_picture_gives_the_same_face_in_its_own_pixels(
    engine: Engine,
    config: BiometricsConfig,
    portraits: dict[str, tuple[np.ndarray, Face]],
    factor: int,
) -> None:
    rgb, face = portraits["p03_1"]
    size = (rgb.shape[1] * factor, rgb.shape[0] * factor)
    large = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    (found,) = find_faces(large, config)
    # The detector's landmarks move by some percent of the eye distance with the size it sees.
    assert np.abs(found.landmarks / factor - face.landmarks).max() < 14
    pair = engine.embed([align(rgb, face.landmarks), align(large, found.landmarks)])
    a, b = pair / np.linalg.norm(pair, axis=1, keepdims=True)
    assert float(a @ b) > 0.9


def test_small_faces_of_a_large_picture_are_found(
    config: BiometricsConfig, portraits: dict[str, tuple[np.ndarray, Face]]
) -> None:
    """Covering other people needs them: 40 pixels in 2,400 vanish at the first side alone."""
    canvas = np.full((1800, 2400, 3), 120, np.uint8)
    rgb, face = portraits["p05_1"]
    small = cv2.resize(rgb, None, fx=40 / face.width, fy=40 / face.width, interpolation=3)
    canvas[700 : 700 + small.shape[0], 900 : 900 + small.shape[1]] = small
    assert len(find_faces(canvas, config)) == 1
    once = BiometricsConfig(home=config.home, detection_sides=(640,))
    # A face of 400 pixels needs no tiles.
    assert find_faces(canvas, once, smallest=400) == []


def test_the_same_person_is_nearer_than_another(templates: dict[str, np.ndarray]) -> None:
    """Rendered people, so no figure about accuracy: only that the whole way works."""
    same: list[float] = []
    other: list[float] = []
    for (a, one), (b, two) in itertools.combinations(templates.items(), 2):
        pair = {a[:3], b[:3]}
        if pair != {"p09", "p10"}:  # sisters
            (same if len(pair) == 1 else other).append(float(one @ two))
    assert np.mean(np.array(same) >= 0.55) == 1.0
    assert np.mean(np.array(other) >= 0.55) < 0.03


def test_quality_of_the_rendered_people_is_told_as_people_would(
    config: BiometricsConfig, portraits: dict[str, tuple[np.ndarray, Face]]
) -> None:
    for name, (rgb, _) in portraits.items():
        verdict = judge_probe(rgb, config)
        assert verdict.usable, name
        # Pictures 1 to 5 are good, also of people with dark skin; 6 is a dim evening.
        assert verdict.findings == (("too_dark",) if name.endswith("_6") else ()), name


@pytest.mark.parametrize(
    ("file", "code", "findings"),
    [
        ("dark", "no_face", ("too_dark",)),
        ("blurred", "no_face", ()),
        ("plant", "no_face", ()),
        ("two", "several_faces", ()),
        ("far", "face_too_small", ()),
    ],
)
def test_unlucky_photos_are_refused_by_name(
    people: Path, config: BiometricsConfig, file: str, code: str, findings: tuple[str, ...]
) -> None:
    verdict = judge_probe(read(people / "unlucky" / f"{file}.jpg"), config)
    assert (verdict.code, verdict.findings, verdict.face) == (code, findings, None)


def test_spoiled_pictures_get_their_finding(
    config: BiometricsConfig, portraits: dict[str, tuple[np.ndarray, Face]]
) -> None:
    rgb, _ = portraits["p01_1"]
    dark = (rgb * 0.25).astype(np.uint8)
    burnt = np.clip(rgb.astype(float) * 1.6, 0, 255).astype(np.uint8)
    turn = cv2.getRotationMatrix2D((240, 300), -40, 1)
    spoiled = {
        "too_dark": dark,
        "too_bright": burnt,
        "blurred": cv2.GaussianBlur(rgb, (0, 0), 10),
        "tilted": cv2.warpAffine(rgb, turn, (480, 600), borderValue=(190, 200, 200)),
        "cut_off": np.ascontiguousarray(rgb[:, :250]),
    }
    for finding, picture in spoiled.items():
        verdict = judge_probe(picture, config)
        assert verdict.usable, finding
        assert finding in verdict.findings


def test_the_head_turns_of_the_clips_are_seen(people: Path, config: BiometricsConfig) -> None:
    if not (people / "clips").is_dir():
        pytest.skip("the clips are not here")
    for who in ("p02", "p05", "p11"):
        yaw = {}
        for pose in ("front", "left", "right"):
            rgb = read(people / "clips" / f"{who}_{pose}.jpg")
            quality = assess(rgb, find_faces(rgb, config)[0], config)
            yaw[pose] = quality.values["head_pose_yaw"]
        assert abs(yaw["front"]) < 8
        assert yaw["left"] > 15  # the person's own left: the nose goes to the picture's right
        assert yaw["right"] < -15


def test_a_passer_by_does_not_spoil_a_selfie(
    config: BiometricsConfig, portraits: dict[str, tuple[np.ndarray, Face]]
) -> None:
    rgb = portraits["p01_1"][0].copy()
    small = cv2.resize(portraits["p05_1"][0], (75, 94), interpolation=cv2.INTER_AREA)
    rgb[5:99, 5:80] = small
    verdict = judge_probe(rgb, config)
    assert verdict.code == "ok"
    assert verdict.findings == ("others_in_background",)
    assert verdict.face is not None
    assert verdict.face.width > 150


def test_no_face_is_found_where_faces_were_covered(people: Path, config: BiometricsConfig) -> None:
    for path in sorted((people / "groups").glob("*.jpg")):
        rgb = read(path)
        faces = find_faces(rgb, config)
        assert len(faces) >= 2  # the canary: they are found before
        keep, others = faces[0], [face.box for face in faces[1:]]
        covered = cover(rgb, others)
        left = find_faces(covered, config)
        for box in others:
            x0, y0, x1, y1 = covered_area(box, rgb.shape)
            for face in left:
                x, y = face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2
                assert not (x0 <= x < x1 and y0 <= y < y1)
        assert any(abs(face.box[0] - keep.box[0]) < 10 for face in left)
        assert find_faces(cover(rgb, [face.box for face in faces]), config) == []


def test_a_cropped_face_is_still_the_same_person(
    engine: Engine,
    config: BiometricsConfig,
    portraits: dict[str, tuple[np.ndarray, Face]],
    templates: dict[str, np.ndarray],
) -> None:
    rgb, face = portraits["p04_1"]
    crop = crop_face(rgb, face)
    (again,) = find_faces(crop, config)
    row = engine.embed([align(crop, again.landmarks)])[0]
    template = to_template(row, turn_from_secret(b"t" * 32))
    assert float(template @ templates["p04_1"]) > 0.9


def test_a_search_finds_a_persons_other_pictures(templates: dict[str, np.ndarray]) -> None:
    index = FaceIndex(b"m" * 32, shard_rows=48)
    ids = {name: uuid.UUID(int=number + 1) for number, name in enumerate(templates)}
    index.add(list(ids.values()), np.stack(list(templates.values())), 1)
    index.seal()
    index.build_graphs()
    by_id = {id_: name for name, id_ in ids.items()}
    result = index.search(templates["p01_1"], 0.6)
    assert {by_id[hit.id] for hit in result.hits} == {f"p01_{n}" for n in range(1, 7)}
    assert result.compared == 72
    assert result.found_by_graph == 6
    index.erase([ids[f"p01_{n}"] for n in range(1, 7)])
    assert index.search(templates["p01_1"], 0.6).hits == []


def test_the_mean_face_is_made_again_from_its_recipe(shared_faces: Path, engine: Engine) -> None:
    mean, used, without = mean_face.make(shared_faces, engine)
    assert (used, without) == (915, 0)
    assert np.abs(mean - MEAN_FACE).max() < 1e-4
