"""Everything the library can be told, in one frozen value; nothing is read from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WEIGHTS_SUBFOLDER = Path(".deepface") / "weights"
DETECTOR_FILE = "face_detection_yunet_2023mar.onnx"
EMBEDDER_FILE = "face_recognition_sface_2021dec.onnx"


@dataclass(frozen=True, slots=True)
class BiometricsConfig:
    """Settings of detection, quality and embedding; lengths are pixels of the given picture.

    ``home`` is the folder DeepFace calls DEEPFACE_HOME: the weights lie in
    ``home/.deepface/weights``. ``detection_sides`` are the longer sides, in pixels, to which a
    picture is shrunk for detection: the small one sees big faces well, the large one small faces.
    A face must be ``seen_from_px`` wide there; where the smallest faces wanted would not be, the
    picture is looked at in tiles too, ``max_tiles`` at most (docs/faces.md has the measurements).
    Each face is then looked at by itself, in a crowd the ``max_faces`` largest only: whoever asks
    is told how many are left out.

    Limits of quality: mean grey of the scene and of the face's highlights (0-255), share of
    burnt-out skin, sharpness (see quality), degrees of turn and tilt, light of one half of the
    face over the other's, detail where eyes and mouth are.
    """

    home: Path
    detector_score: float = 0.7
    detector_overlap: float = 0.3
    detection_sides: tuple[int, ...] = (640, 1280)
    seen_from_px: int = 24
    max_tiles: int = 12
    max_faces: int = 300
    min_face_px: int = 40
    min_probe_face_px: int = 80
    background_ratio: float = 0.25
    max_pixels: int = 50_000_000
    max_side: int = 16_384
    too_dark_below: float = 55.0
    no_highlights_below: float = 95.0
    too_bright_above: float = 0.1
    blurred_below: float = 0.009
    turned_away_above: float = 45.0
    tilted_above: float = 25.0
    nodding_above: float = 35.0
    uneven_below: float = 0.45
    eyes_covered_below: float = 0.6
    mouth_covered_below: float = 0.3

    @property
    def weights_folder(self) -> Path:
        """Where DeepFace looks for its weight files."""
        return self.home / WEIGHTS_SUBFOLDER

    @property
    def detector_file(self) -> Path:
        """The YuNet weight file."""
        return self.weights_folder / DETECTOR_FILE

    @property
    def embedder_file(self) -> Path:
        """The SFace weight file."""
        return self.weights_folder / EMBEDDER_FILE
