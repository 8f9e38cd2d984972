"""The one way from the pixels of a picture to templates, for enrolment, search and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.errors import BadPicture
from biometrics.faces import Face, align, find_faces
from biometrics.pictures import Rgb
from biometrics.quality import Quality, assess
from biometrics.templates import MEAN_FACE, to_template
from biometrics.views import steady_landmarks
from biometrics.yunet import detectors


class Embeds(Protocol):
    """What the pipeline needs of an engine (biometrics.engine.Engine, whichever back end)."""

    @property
    def config(self) -> BiometricsConfig:
        """The settings of detection and quality."""
        ...

    def embed(self, crops: Sequence[Rgb]) -> NDArray[np.float32]:
        """Embeddings, float32 (n, d), of n aligned crops."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SeenFace:
    """One face of a picture: where it is, how good it is, and its crop, uint8 (112, 112, 3)."""

    face: Face
    quality: Quality
    crop: Rgb


@dataclass(frozen=True, slots=True, eq=False)
class SeenPicture:
    """The faces of one picture, largest first; ``left_out`` more are wide enough and not here.

    Those are the smallest of a crowd with more than ``max_faces``: they get no template, so
    whoever counts what a search reaches has to count them.
    """

    faces: list[SeenFace]
    left_out: int


class Pipeline:
    """Finds, aligns and embeds faces, takes the mean face off and turns the result.

    ``turn``: orthogonal float64 (d, d) of an installation, None for templates in nobody's frame.
    ``mean``: the mean face of the engine's model, float32 (d,) (templates.mean_face_of). Safe to
    share between threads as far as the engine is.
    """

    def __init__(
        self,
        engine: Embeds,
        turn: NDArray[np.float64] | None = None,
        mean: NDArray[np.float32] = MEAN_FACE,
    ) -> None:
        self._engine = engine
        self._mean = mean
        self._turn = np.eye(len(mean)) if turn is None else turn

    def start(self) -> None:
        """Load the detector now, so that the first picture does not wait. Raises DetectorFailed."""
        config = self._engine.config
        detectors.get(config.detector_file, config.detector_score, config.detector_overlap)

    def faces(self, rgb: Rgb, *, min_width: int | None = None) -> list[SeenFace]:
        """Every face of a picture that can be embedded, largest first, up to ``max_faces``.

        ``min_width``: least width of a face's box in pixels; None for the setting of the
        gallery. Faces that can't be aligned, or whose crop is black, are left out. Raises
        BadPicture or DetectorFailed for the picture as a whole.
        """
        return self.look(rgb, min_width=min_width).faces

    def look(self, rgb: Rgb, *, min_width: int | None = None) -> SeenPicture:
        """The same faces, and how many more the picture has than are looked at one by one."""
        config = self._engine.config
        least = config.min_face_px if min_width is None else min_width
        wide = [face for face in find_faces(rgb, config) if face.width >= least]
        looked_at = wide[: config.max_faces]
        seen = []
        for face in looked_at:
            try:
                crop = self.crop(rgb, face)
                quality = assess(rgb, face, config, min_face_px=least)
            except BadPicture:
                continue
            if int(crop.max()) > 1:
                seen.append(SeenFace(face, quality, crop))
        return SeenPicture(seen, len(wide) - len(looked_at))

    def crop(self, rgb: Rgb, face: Face) -> Rgb:
        """The crop of one face by steady landmarks, uint8 (112, 112, 3). Raises BadPicture."""
        return align(rgb, steady_landmarks(rgb, face, self._engine.config))

    def templates(self, crops: Sequence[Rgb]) -> NDArray[np.float32]:
        """Templates, float32 (n, d) of unit length, of n aligned crops.

        Raises BadPicture for a crop that is none and EngineFailed for the engine.
        """
        if not crops:
            return np.empty((0, len(self._mean)), dtype=np.float32)
        return to_template(self._engine.embed(crops), self._turn, self._mean)
