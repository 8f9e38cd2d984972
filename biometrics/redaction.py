"""Covering other people's faces so that nothing of them is left in the pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable

from biometrics.errors import BadPicture
from biometrics.pictures import Rgb, require_rgb

Box = tuple[int, int, int, int]

GREY = 128
# The detector's box ends at the hairline and the cheeks; ears, hair and beard are recognised too.
ENLARGE = 0.3


def cover(
    rgb: Rgb, boxes: Iterable[Box], *, enlarge: float = ENLARGE, keep: Iterable[Box] = ()
) -> Rgb:
    """A copy with every box (x, y, width, height) filled with one solid grey.

    A solid fill, not blur or large pixels: those can be undone or matched. ``enlarge`` is added
    on each side as a share of the box. What lies in a box of ``keep`` stays visible: a neighbour's
    face is covered right up to the face that the picture is shown for. The picture must be encoded
    anew afterwards, so that no preview of the old pixels survives.
    """
    picture = require_rgb(rgb)
    covered = picture.copy()
    for box in boxes:
        left, top, right, bottom = covered_area(box, picture.shape, enlarge=enlarge)
        covered[top:bottom, left:right] = GREY
    for box in keep:
        left, top, right, bottom = covered_area(box, picture.shape, enlarge=0.0)
        covered[top:bottom, left:right] = picture[top:bottom, left:right]
    return covered


def covered_area(
    box: Box, shape: tuple[int, ...], *, enlarge: float = ENLARGE
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what ``cover`` fills for a box, inside the picture.

    Raises BadPicture for a box that is not four finite numbers with a positive size.
    """
    if len(box) != 4 or not all(math.isfinite(side) for side in box) or min(box[2], box[3]) <= 0:
        raise BadPicture("a box is x, y, width, height", code="bad_box")
    x, y, w, h = box
    height, width = shape[0], shape[1]
    left = min(max(0, math.floor(x - w * enlarge)), width)
    top = min(max(0, math.floor(y - h * enlarge)), height)
    right = max(left, min(width, math.ceil(x + w * (1 + enlarge))))
    bottom = max(top, min(height, math.ceil(y + h * (1 + enlarge))))
    return left, top, right, bottom
