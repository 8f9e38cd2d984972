"""Import against a bare loop of detect, align and embed over the same pictures, in one run."""

import shutil
import tempfile
import time
from pathlib import Path

from tests.bench.rows import Book

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "fixtures" / "people"
REAL = ROOT.parent / "shared" / "data" / "faces" / "london"
PICTURES = 120


def pictures(folder: Path) -> list[Path]:
    """Up to PICTURES different pictures: real photographs where they lie, else the cast."""
    found = sorted(REAL.rglob("*.jpg")) if REAL.is_dir() else sorted(PEOPLE.rglob("*.jpg"))
    chosen = found[:PICTURES]
    for number, path in enumerate(chosen):
        shutil.copy(path, folder / f"{number:03}.jpg")
    return sorted(folder.glob("*.jpg"))


def run(book: Book) -> None:
    from django.conf import settings

    with tempfile.TemporaryDirectory(prefix="dsr-bench-pictures-") as name:
        folder = Path(name)
        files = pictures(folder)
        settings.DSR_DEMO = True
        _bare(files[:2])  # loads model and detector
        # Before and after, for other work on the machine would favour one of the two.
        before = _bare(files)
        whole = _import(folder)
        bare = (before + _bare(files)) / 2
    book.note("bare detect + align + embed", len(files) / bare, "pictures/s", better="higher")
    book.note("import_gallery", len(files) / whole, "pictures/s", better="higher")
    book.note(
        "import rate against the bare loop, same pictures, same run",
        bare / whole,
        "ratio",
        better="higher",
        target=0.75,
    )


def _bare(files: list[Path]) -> float:
    """Seconds for the least that must be done: decode, find, align, embed through DeepFace."""
    import numpy as np
    from PIL import Image

    from biometrics.faces import align, find_faces
    from dsr_portal.recognition import engine

    config, model = engine.config(), engine.engine()
    began = time.perf_counter()
    for path in files:
        with Image.open(path) as picture:
            rgb = np.asarray(picture.convert("RGB"))
        crops = [align(rgb, face.landmarks) for face in find_faces(rgb, config)]
        if crops:
            model.embed(crops)
    return time.perf_counter() - began


def _import(folder: Path) -> float:
    import io

    from django.core.management import call_command

    began = time.perf_counter()
    call_command(
        "import_gallery",
        str(folder),
        source="Bench",
        legal_basis="none",
        json=True,
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )
    return time.perf_counter() - began
