"""Checks that every picture passes before native code sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BadPicture

Rgb = NDArray[np.uint8]

DEFAULT_MAX_SIDE = 16_384
DEFAULT_MAX_PIXELS = 50_000_000
_MIN_SIDE = 8


def require_rgb(
    rgb: Rgb, *, max_side: int = DEFAULT_MAX_SIDE, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Rgb:
    """Return ``rgb`` as a contiguous uint8 array (height, width, 3), or raise BadPicture.

    OpenCV reads raw memory by shape and strides, so a wrong array is refused here by name
    instead of failing inside native code.
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        raise BadPicture("expected an array of uint8", code="not_uint8")
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise BadPicture(f"expected height x width x 3, got {rgb.shape}", code="not_rgb")
    height, width = rgb.shape[:2]
    if min(height, width) < _MIN_SIDE:
        raise BadPicture(f"{width}x{height} is too small", code="picture_too_small")
    if max(height, width) > max_side or height * width > max_pixels:
        raise BadPicture(f"{width}x{height} is too large", code="picture_too_large")
    return np.ascontiguousarray(rgb)
