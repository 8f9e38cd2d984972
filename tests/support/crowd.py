"""A dense crowd of people who do not exist, for what a picture with very many faces costs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

PEOPLE = Path(__file__).resolve().parents[2] / "fixtures" / "people" / "photos"
NAMES = ("mina", "tomas", "kofi", "priya", "henk", "jun")


def crowd(rows: int, columns: int, *, wide: int, high: int) -> np.ndarray:
    """Rows of people close together, each ``wide`` by ``high`` pixels, RGB uint8."""
    small = [
        cv2.resize(photo, (wide, high), interpolation=cv2.INTER_AREA)
        for photo in (_photo(name) for name in NAMES)
    ]
    lines = [
        np.hstack([small[(row * columns + column) % len(small)] for column in range(columns)])
        for row in range(rows)
    ]
    return np.ascontiguousarray(np.vstack(lines))


def _photo(name: str) -> np.ndarray:
    bgr = cv2.imread(str(PEOPLE / f"{name}.jpg"))
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])
