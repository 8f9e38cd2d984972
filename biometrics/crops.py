"""Cutting a face out of its picture, for people to look at (never for comparing)."""

from __future__ import annotations

import math

import numpy as np

from biometrics.errors import BadPicture
from biometrics.faces import Face
from biometrics.pictures import Rgb, require_rgb

MARGIN = 0.4


def crop_face(rgb: Rgb, face: Face, margin: float = MARGIN) -> Rgb:
    """A square copy around the face, cut at the picture's edges.

    ``margin`` is added on each side, as a share of the longer side of the box (0 to 3).
    """
    picture = require_rgb(rgb)
    left, top, right, bottom = crop_area(face.box, picture.shape, margin)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def crop_area(
    box: tuple[int, int, int, int], shape: tuple[int, ...], margin: float = MARGIN
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what ``crop_face`` cuts out for a box, inside the picture."""
    if not (math.isfinite(margin) and 0.0 <= margin <= 3.0):
        raise BadPicture("the margin lies between 0 and 3", code="bad_margin")
    x, y, w, h = box
    half = max(w, h) * (0.5 + margin)
    centre_x, centre_y = x + w / 2, y + h / 2
    height, width = shape[0], shape[1]
    left, right = max(0, math.floor(centre_x - half)), min(width, math.ceil(centre_x + half))
    top, bottom = max(0, math.floor(centre_y - half)), min(height, math.ceil(centre_y + half))
    if right <= left or bottom <= top:
        raise BadPicture("the face lies outside the picture", code="bad_box")
    return left, top, right, bottom
