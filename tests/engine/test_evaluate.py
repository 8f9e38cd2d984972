"""``python -m biometrics evaluate`` on real pictures: whole, broken off and gone on, judged."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.evaluation import dataset, features

ROOT = Path(__file__).resolve().parents[2]
CAST = ROOT / "fixtures" / "people"

# Pictures that show one person of the cast alone (fixtures/people/README.md).
ALONE = {
    "mina": ("team-atelier-noor", "canal-walk", "stage-side"),
    "tomas": ("running-club", "alumni-2020"),
    "ines": ("member-card", "picnic", "school-2018"),
    "kofi": ("speaker-2", "garden-day"),
    "priya": ("staff-page", "choir"),
    "henk": ("board", "reunion"),
    "jun": ("programme", "harvest"),
    "pavel": ("contact-page", "market"),
    "emil": ("jubilee", "hike"),
    "ilse": (),
}
QUESTION = {
    "n", "photos", "loop", "strangers_per_search", "found", "found_interval", "complete",
    "nothing_found",
}  # fmt: skip


@pytest.fixture(scope="module")
def cast(tmp_path_factory) -> Path:
    """The cast as a folder per person, with a damaged file and a picture without a face."""
    folder = tmp_path_factory.mktemp("cast")
    for name, pictures in ALONE.items():
        (folder / name).mkdir()
        for picture in pictures:
            shutil.copy(CAST / "gallery" / f"{picture}.jpg", folder / name)
        if (CAST / "photos" / f"{name}.jpg").is_file():
            shutil.copy(CAST / "photos" / f"{name}.jpg", folder / name / "photo.jpg")
    shutil.copy(CAST / "photos" / "plant.jpg", folder / "jun" / "plant.jpg")
    whole = (CAST / "gallery" / "jubilee.jpg").read_bytes()
    (folder / "emil" / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "emil" / "text.jpg").write_text("no picture")
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biometrics", "evaluate", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(cast, weights_home, tmp_path_factory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("out")
    done = run(cast, "--json", "--out", out, "--home", weights_home)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert json.loads((out / "results.json").read_text()) == results
    return out, results


def test_the_json_alone_goes_to_stdout_and_holds_the_table(evaluated, weights_home):
    _, results = evaluated
    for table in ("identification", "plain"):
        assert all(row.keys() >= QUESTION for row in results[table])
        asked = {(row["photos"], row["loop"]) for row in results[table]}
        assert {(1, "none"), (1, "perfect"), (1, "human")} <= asked
        assert {row["strangers_per_search"] for row in results[table]} == {0.3, 1.0, 3.0, 10.0}
    model = Engine(BiometricsConfig(home=weights_home)).model_id
    assert (results["model"], results["seed"]) == (str(model), 1)
    assert results["split"]["choosing_people"] + results["split"]["reporting_people"] == 10


def test_bad_files_are_named_and_pictures_without_a_face_are_misses(evaluated):
    _, results = evaluated
    data = results["data"]
    assert data["left_out_named"] == {
        "truncated": ["emil/broken.jpg"], "not_a_picture": ["emil/text.jpg"]
    }  # fmt: skip
    assert data["no_face_named"] == ["jun/plant.jpg"]
    assert data["faces"] == data["pictures"] - 1
    assert results["verification"]["failures_to_enrol"] == pytest.approx(1 / data["pictures"])


def test_files_for_people_are_written(evaluated):
    out, results = evaluated
    assert {"det.svg", "found.svg", "tail.svg", "suspects.html", "suspects.csv"} <= set(
        results["files"]
    )
    assert all((out / name).is_file() for name in results["files"])
    page = (out / "suspects.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2 * sum(results["suspects"].values())
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)
    people = json.loads((out / "split.json").read_text())
    assert len(people["choosing"]) + len(people["reporting"]) == 10
    assert (out / "cache").stat().st_mode & 0o077 == 0 or out.stat().st_mode & 0o077 == 0


def test_a_second_run_takes_everything_from_the_cache_and_says_the_same(
    evaluated, cast, weights_home, tmp_path
):
    first, results = evaluated
    out = shutil.copytree(first, tmp_path / "out")
    done = run(cast, "--json", "--out", out, "--home", weights_home)
    again = json.loads(done.stdout)
    assert "pictures are in the cache" in done.stderr
    assert "a second" not in done.stderr
    changing = {"seconds", "date"}
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in results.items() if k not in changing
    }


def test_judged_pairs_give_cleaned_figures_beside_the_raw_ones(
    evaluated, cast, weights_home, tmp_path
):
    first, results = evaluated
    out = shutil.copytree(first, tmp_path / "out")
    with (out / "suspects.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    pair = next(row for row in rows if row["kind"] == "one person")
    pair["verdict"] = "wrong b"
    judged = tmp_path / "judged.csv"
    with judged.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = run(cast, "--out", out, "--home", weights_home, "--judged", judged, "--json")
    after = json.loads(done.stdout)
    assert after["identification"] == results["identification"]
    assert after["cleaned"]["data"]["faces"] == results["data"]["faces"] - 1
    assert after["cleaned"]["pictures_left_out"] == 1
    kept = (out / "suspects.csv").read_text()
    assert "wrong b" in kept


def test_a_run_that_was_broken_off_goes_on(cast, weights_home, tmp_path):
    engine = Engine(BiometricsConfig(home=weights_home))
    data = dataset.read(cast)

    class BrokenOff(Exception):
        pass

    class Breaking:
        """An engine that embeds twice and is then stopped, as by Ctrl-C."""

        config = engine.config
        calls = 0

        def start(self):
            engine.start()

        def embed(self, crops):
            self.calls += 1
            if self.calls > 2:
                raise BrokenOff
            return engine.embed(crops)

    cache = features.Cache(tmp_path)
    small = features._CHUNK
    features._CHUNK = 8
    try:
        with pytest.raises(BrokenOff):
            features.extract(
                cast, data.pictures, engine=Breaking(), cache=cache, say=lambda _: None
            )
    finally:
        features._CHUNK = small
    before = features.Cache(tmp_path).load(pytest.fail)
    assert len(before) == 8
    said = []
    made = features.extract(
        cast, data.pictures, engine=engine, cache=features.Cache(tmp_path), say=said.append
    )
    assert [one.seen.path for one in made] == [picture.path for picture in data.pictures]
    assert said[0] == f"8 of {len(made)} pictures are in the cache"


def test_people_with_one_picture_each_are_told_what_is_missing(cast, weights_home, tmp_path):
    for name in ("mina", "tomas", "kofi"):
        (tmp_path / "set" / name).mkdir(parents=True)
        first = sorted((cast / name).iterdir())[0]
        shutil.copy(first, tmp_path / "set" / name)
    done = run(tmp_path / "set", "--out", tmp_path / "out", "--home", weights_home)
    assert done.returncode == 0, done.stderr
    assert "not measured: 1 photo" in done.stdout
    assert "too few" in done.stdout


def test_real_photographs_are_found(shared_faces, weights_home, tmp_path):
    """A part of the real set: people with two pictures, and some with one."""
    lines = (shared_faces / "manifest.csv").read_text().splitlines()
    wanted = [line for line in lines[1:] if line.startswith("london,")][:48]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join([lines[0], *wanted]))
    done = run(
        shared_faces, "--manifest", manifest, "--json", "--out", tmp_path / "out",
        "--home", weights_home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results["data"]["people"] == 24
    (row,) = [
        row for row in results["identification"]
        if (row["photos"], row["loop"], row["strangers_per_search"]) == (1, "none", 1.0)
    ]  # fmt: skip
    assert row["found"] > 0.9
    assert results["tail"]["note"] == "not usable"
    assert {row["cell"] for row in results["conditional"]["gender"]} <= {"male", "female"}
