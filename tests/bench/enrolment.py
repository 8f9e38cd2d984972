"""Enrolment, import included, against `DeepFace.represent` per picture; engines; memory.

Each measurement is a process of its own, for DeepFace runs on one engine per process. Every copy
of a picture carries its own comment, so that the import takes it for a new one.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import harmonic_mean, median
from typing import TYPE_CHECKING, Any

from tests.bench.rows import Book
from tests.bench.sizes import size

if TYPE_CHECKING:
    from biometrics.models import Backend

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "fixtures" / "people"
REAL = ROOT.parent / "shared" / "data" / "faces"
PICTURES = size("DSR_BENCH_PICTURES", usual=120, full=300)
LONG_RUN = size("DSR_BENCH_LONG_RUN", usual=600, full=20_000)
ROUNDS = size("DSR_BENCH_ROUNDS", usual=3, full=5)
SMALL = 240
"""Longest side of the pictures of the long run: memory is asked of it, not time."""
WARM = max(200, LONG_RUN // 10)
"""After so many pictures everything that an import holds has been there once."""


def run(book: Book) -> None:
    with tempfile.TemporaryDirectory(prefix="dsr-bench-enrolment-") as name:
        place = Path(name)
        _rates(book, place)
        _embedding(book)
        _memory(book, place)


def _rates(book: Book, place: Path) -> None:
    """In rounds, DeepFace before and after each import: other work on the machine favours neither.

    The ratio is the median of the rounds', the rates are medians of what was measured.
    """
    plain = _folder(place / "plain", PICTURES, b"plain")
    peers = [_child("deepface", plain)["rate"]]
    found: dict[str, list[dict[str, Any]]] = {"tensorflow": [], "onnx": []}
    ratios: dict[str, list[float]] = {"tensorflow": [], "onnx": []}
    for number in range(ROUNDS):
        for backend, told in found.items():
            folder = _folder(place / backend, PICTURES, f"{backend}{number}-".encode())
            told.append(_child("import", folder, DSR_ENROL_ENGINE=backend))
            shutil.rmtree(folder)
            peers.append(_child("deepface", plain)["rate"])
            ratios[backend].append(told[-1]["rate"] / harmonic_mean(peers[-2:]))
    book.note(
        "DeepFace.represent, yunet, per picture", median(peers), "pictures/s", better="higher"
    )
    for backend, told in found.items():
        rate = median(one["rate"] for one in told)
        book.note(f"import, {backend}", rate, "pictures/s", better="higher")
        start = median(one["start"] for one in told)
        book.note(f"start of the engine, {backend}", start, "s")
    for backend, name in (("tensorflow", "TensorFlow"), ("onnx", "ONNX")):
        book.note(
            f"import on {name} against DeepFace.represent, same pictures",
            median(ratios[backend]),
            "ratio",
            better="higher",
            target=1.8,
        )
        book.note(f"least of {ROUNDS} rounds, {name}", min(ratios[backend]), "ratio")
        book.note(f"most of {ROUNDS} rounds, {name}", max(ratios[backend]), "ratio")


def _embedding(book: Book) -> None:
    one, many = _child("embed", "onnx", "1"), _child("embed", "onnx", "64")
    batch = _child("embed", "tensorflow", "64")
    book.note("embedding, ONNX, one face", one["rate"], "faces/s", better="higher")
    book.note("embedding, ONNX, 64 faces", many["rate"], "faces/s", better="higher")
    book.note("embedding, TensorFlow, 64 faces", batch["rate"], "faces/s", better="higher")
    for name, child in (("ONNX, 64", many), ("TensorFlow, 64", batch)):
        book.note(f"processor time per face, {name} faces", child["cpu"] * 1e3, "ms")


def _memory(book: Book, place: Path) -> None:
    """Its peak until the end against its peak until it was warm: what grows would show here."""
    folder = _folder(place / "long", LONG_RUN, b"long", longest=SMALL)
    told = _child("import", folder, DSR_ENROL_ENGINE="tensorflow")
    for done, megabytes in told["memory"]:
        book.note(f"most memory of the import until {done:,} pictures", megabytes, "MB")
    book.note(f"import of {LONG_RUN:,} small pictures", told["rate"], "pictures/s", better="higher")
    book.note(
        f"most memory over {LONG_RUN:,} pictures against that of the first {WARM:,}",
        told["memory"][-1][1] / told["memory"][0][1],
        "ratio",
        target=1.1,
    )


def _pictures() -> list[Path]:
    found = sorted(REAL.rglob("*.jpg")) if REAL.is_dir() else sorted(PEOPLE.rglob("*.jpg"))
    return found[:: max(1, len(found) // PICTURES)]


def _folder(place: Path, count: int, salt: bytes, *, longest: int = 0) -> Path:
    """So many JPEG files, the pictures over and over, each with a comment of its own.

    With `longest` they are scaled down to so many pixels first.
    """
    place.mkdir()
    pictures = [_small(path, longest) if longest else path.read_bytes() for path in _pictures()]
    for number, data in enumerate(islice(cycle(pictures), count)):
        text = salt + str(number).encode()
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        (place / f"{number:06}.jpg").write_bytes(data[:2] + comment + data[2:])
    return place


def _small(path: Path, longest: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail((longest, longest))
        picture.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


def _child(*arguments: object, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.enrolment", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


# -- children ---------------------------------------------------------------------------------


def _deepface(folder: Path) -> dict[str, float]:
    """What its documentation shows: one call per picture, its own detector and alignment."""
    from time import perf_counter

    home = os.environ.get("DSR_WEIGHTS", str(ROOT / "var" / "weights"))
    os.environ.update(DEEPFACE_HOME=home, DEEPFACE_BACKEND_ENGINE="onnx")
    from deepface import DeepFace

    files = sorted(folder.iterdir())

    def represent(path: Path) -> int:
        try:
            return len(DeepFace.represent(str(path), "SFace", detector_backend="yunet"))
        except ValueError:  # no face
            return 0

    represent(files[0])
    began = perf_counter()
    faces = sum(represent(path) for path in files)
    return {"rate": len(files) / (perf_counter() - began), "faces": faces}


def _import(folder: Path) -> dict[str, Any]:
    import time

    import django

    django.setup()
    from dsr_portal.core.actor import Actor
    from dsr_portal.gallery import services

    total = sum(1 for _path in folder.iterdir())
    steps = {WARM, total // 2, total}
    memory: dict[int, float] = {}

    def progress(done: int, _total: int, _faces: int) -> None:
        if done in steps:
            memory[done] = _most_resident()

    began = time.monotonic()
    report = services.import_folder(
        path=folder,
        source=folder.name,
        legal_basis="none",
        actor=Actor.operator(),
        progress=progress,
    )
    # The report's clock starts when the engine is loaded.
    start = time.monotonic() - began - report.seconds
    return {"rate": report.rate, "start": start, "memory": sorted(memory.items())}


def _most_resident() -> float:
    """The most this process ever held, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM")


def _embed(backend: "Backend", together: int) -> dict[str, float]:
    from time import perf_counter, process_time

    import numpy as np

    from biometrics.config import BiometricsConfig
    from biometrics.engine import Engine

    home = Path(os.environ.get("DSR_WEIGHTS", str(ROOT / "var" / "weights")))
    engine = Engine(BiometricsConfig(home=home), backend=backend)
    rng = np.random.default_rng(1)
    crops = list(rng.integers(0, 256, (256, 112, 112, 3), dtype=np.uint8))

    def parts() -> Iterator[list[Any]]:
        return (crops[first : first + together] for first in range(0, len(crops), together))

    engine.embed(crops[:64])
    began, used = perf_counter(), process_time()
    for part in parts():
        engine.embed(part)
    count = len(crops)
    return {
        "rate": count / (perf_counter() - began),
        "cpu": (process_time() - used) / count,
    }


def main(arguments: list[str]) -> None:
    match arguments:
        case ["deepface", folder]:
            answer: dict[str, Any] = _deepface(Path(folder))
        case ["import", folder]:
            answer = _import(Path(folder))
        case ["embed", backend, together]:
            answer = _embed(backend, int(together))
        case _:
            raise SystemExit("deepface FOLDER | import FOLDER | embed BACKEND TOGETHER")
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
