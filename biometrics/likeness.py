"""Whether two pictures are copies of one another: recompressed, resized, a little brighter.

A perceptual hash of a picture tells something about it, so it is made in memory, compared and
dropped; nothing here writes one. It proposes; people decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.pictures import Rgb, require_rgb

_SIDE: Final = 32
_KEPT: Final = 8
# Of 63 bits. Copies of one picture differ by a few, other pictures by about half.
_MOST_APART: Final = 8
# Mean difference of grey values (0 to 255) of the two thumbnails, brightness taken off.
_MOST_GREY: Final = 20.0
_SAME_GREY: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a picture looks from afar: 63 bits of its coarse structure, and a grey thumbnail."""

    bits: NDArray[np.bool_]
    grey: NDArray[np.float32]

    def mirrored(self) -> Look:
        """The look of the same picture seen in a mirror."""
        return _look(np.ascontiguousarray(self.grey[:, ::-1]))


@dataclass(frozen=True, slots=True)
class Likeness:
    """`exact`: the pixels agree up to compression in the same form; else a changed copy."""

    exact: bool


def look_of(picture: Rgb) -> Look:
    """uint8 RGB (height, width, 3) to its look."""
    grey: Any = cv2.cvtColor(require_rgb(picture), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return _look(small.astype(np.float32))


def _look(grey: NDArray[np.float32]) -> Look:
    coarse = cv2.dct(grey)[:_KEPT, :_KEPT].ravel()[1:]
    return Look(coarse > np.median(coarse), grey)


def likeness(one: Look, other: Look) -> Likeness | None:
    """None for different pictures. Mirrored copies count as copies."""
    straight = _compared(one, other)
    return straight or (Likeness(exact=False) if _compared(one, other.mirrored()) else None)


class Looks:
    """Many looks that one after the other is compared with, at the cost of a few comparisons."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = list(looks)
        self._bits = np.array([one.bits for one in looks], dtype=bool).reshape(
            -1, _KEPT * _KEPT - 1
        )

    def alike(self, other: Look) -> list[tuple[int, Likeness]]:
        """Numbers of the looks that ``other`` is a copy of, with what ``likeness`` says of each."""
        if not self._looks:
            return []
        near = self._near(other) | self._near(other.mirrored())
        pairs = ((at, likeness(self._looks[at], other)) for at in np.flatnonzero(near).tolist())
        return [(at, found) for at, found in pairs if found is not None]

    def _near(self, other: Look) -> NDArray[np.bool_]:
        return np.asarray((self._bits != other.bits).sum(axis=1) <= _MOST_APART)


def _compared(one: Look, other: Look) -> Likeness | None:
    if int((one.bits != other.bits).sum()) > _MOST_APART:
        return None
    plain = one.grey - one.grey.mean(), other.grey - other.grey.mean()
    apart = float(np.abs(plain[0] - plain[1]).mean())
    if apart > _MOST_GREY:
        return None
    return Likeness(exact=apart <= _SAME_GREY)
