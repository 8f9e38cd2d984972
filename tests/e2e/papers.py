"""What the portal hands out, read back: letters, packages, and the faces in their pictures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
from PIL import Image

from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.faces import find_faces
from biometrics.pipeline import Pipeline
from tests.e2e.support import ROOT

CONFIG = BiometricsConfig(home=ROOT / "var" / "weights")


# -- letters ---------------------------------------------------------------------------------


def text_of(pdf: Path) -> str:
    """All words of a PDF with single spaces between them."""
    document = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


def signature_of(pdf: Path) -> dict[str, object]:
    """The verdict of the confined child that any PDF from outside goes to (R28)."""
    child = subprocess.run(
        [sys.executable, "-m", "dsr_portal.documents.inspect"],
        input=pdf.read_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    verdict: dict[str, object] = json.loads(child.stdout)
    return verdict


def pictures_in(pdf: Path) -> list[bytes]:
    """The JPEG pictures of a PDF, as they lie in it."""
    with pikepdf.open(pdf) as document:
        return [
            bytes(pikepdf.PdfImage(image).obj.read_raw_bytes())
            for page in document.pages
            for image in page.get_images().values()
            if image.get("/Filter") == "/DCTDecode"
        ]


# -- packages --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Given:
    """One record of a package: the pages it came from, its picture, how many faces are covered."""

    pages: set[str]
    picture: bytes
    covered: int


def records_of(package: Path) -> list[Given]:
    with zipfile.ZipFile(package) as opened:
        records = json.loads(opened.read("data.json"))["records"]
        return [
            Given(
                {fact["page_url"] for fact in record["facts"]},
                opened.read(record["picture"]),
                record["covered_faces"],
            )
            for record in records
        ]


# -- faces -----------------------------------------------------------------------------------


def _pixels(picture: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def faces_in(picture: bytes) -> int:
    return len(find_faces(_pixels(picture), CONFIG))


class Likeness:
    """Whether a picture shows a person, asked of the engine and not of what the portal says."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._pipeline = Pipeline(Engine(CONFIG))
        self._known: dict[bytes, Any] = {}

    def shows(self, picture: bytes, photo: bytes) -> bool:
        """True when a face of the picture scores over the threshold against the photo's face."""
        faces, person = self._templates(picture), self._templates(photo)
        return bool((faces @ person[:1].T >= self.threshold).any())

    def _templates(self, picture: bytes) -> Any:
        if picture not in self._known:
            seen = self._pipeline.faces(_pixels(picture))
            self._known[picture] = self._pipeline.templates([face.crop for face in seen])
        return self._known[picture]
