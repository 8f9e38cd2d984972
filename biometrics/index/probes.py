"""Probes in padded buffers, and the one arithmetic that decides a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
RowNumbers = NDArray[np.intp]

# Arrays that hold single templates have at least this many rows: small arrays stay in numpy's
# own cache after they are freed, with their content.
PADDING: Final = 256
# Probes of one pass over the rows; search_many takes more in groups of this size.
MOST_PROBES: Final = 64

# The whole numbers of a coded probe: 128 high + low, both parts in -64..64. So small, because
# processors without VNNI add pairs of byte products in 16 bits: 2 * 255 * 64 < 2^15.
LOW: Final = 128
_STEPS: Final = 63 * LOW


@dataclass(frozen=True, slots=True)
class ProbeCodes:
    """Probes in fourteen bits per value: ``step * (128 high + low)``.

    ``columns``: int8 (dim, 2 q), the high parts of all probes, then the low ones. Each bound has
    one value per probe: ``error`` the length of probe - code, ``length`` that of the probe,
    ``low_length`` that of the low parts.
    """

    columns: NDArray[np.int8]
    step: Doubles
    error: Doubles
    length: Doubles
    low_length: Doubles


class Probes:
    """Up to MOST_PROBES probes of one search, and the only other place templates are copied to.

    ``rows32`` and ``rows64`` are the same values, float32 and float64 (q, dim). Used as a context
    manager: at the end everything is overwritten.
    """

    def __init__(self, dimension: int) -> None:
        shape = (PADDING, dimension)
        self._probes32: Floats = np.zeros(shape, dtype=np.float32)
        self._probes64: Doubles = np.zeros(shape, dtype=np.float64)
        self._rows32: Floats = np.zeros(shape, dtype=np.float32)
        self._rows64: Doubles = np.zeros(shape, dtype=np.float64)
        self._chosen64: Doubles = np.zeros(shape, dtype=np.float64)
        self._columns: NDArray[np.int8] = np.zeros(PADDING * dimension, dtype=np.int8)
        self._codes: ProbeCodes | None = None
        self.count = 0
        self.threshold = 0.0

    def load(self, templates: Floats, threshold: float) -> Probes:
        """Take in checked templates, float32 (q, dim)."""
        self.count, self.threshold, self._codes = len(templates), threshold, None
        self._probes32[: self.count] = templates
        self._probes64[: self.count] = templates
        return self

    @property
    def rows32(self) -> Floats:
        """float32 (q, dim)."""
        return self._probes32[: self.count]

    @property
    def rows64(self) -> Doubles:
        """float64 (q, dim)."""
        return self._probes64[: self.count]

    def codes(self) -> ProbeCodes:
        """The probes in whole numbers, for a sweep in whole numbers; made once a search."""
        if self._codes is None:
            self._codes = self._coded()
        return self._codes

    def _coded(self) -> ProbeCodes:
        # Step by step in the padded buffers: no expression may leave a copy of a probe behind.
        exact, whole, part = self.rows64, self._rows64[: self.count], self._chosen64[: self.count]
        step = np.maximum(exact.max(axis=1), -exact.min(axis=1)) / _STEPS
        np.rint(np.divide(exact, step[:, None], out=whole), out=whole)
        np.subtract(exact, np.multiply(whole, step[:, None], out=part), out=part)
        error = _lengths(part)
        columns = self._columns[: 2 * exact.size].reshape(exact.shape[1], 2 * self.count)
        np.add(whole, LOW / 2, out=part)
        np.floor(np.divide(part, LOW, out=part), out=part)
        columns[:, : self.count] = part.T
        whole -= np.multiply(part, LOW, out=part)
        columns[:, self.count :] = whole.T
        return ProbeCodes(columns, step, error, _lengths(exact), _lengths(whole))

    def scores(self, rows: Floats, chosen: RowNumbers, which: RowNumbers) -> Doubles:
        """Exact cosines of ``rows[chosen]`` with the probes ``which``: float64 (n,).

        The one arithmetic that decides: products of float32 values are exact in float64, and
        numpy adds each row's in the same order whatever the number of rows.
        """
        scores = np.empty(len(chosen), dtype=np.float64)
        for first in range(0, len(chosen), PADDING):
            part = chosen[first : first + PADDING]
            n = len(part)
            self._take(rows, part)
            np.take(
                self._probes64,
                which[first : first + n],
                axis=0,
                out=self._chosen64[:n],
                mode="clip",
            )
            self._rows64[:n] = self._rows32[:n]
            self._rows64[:n] *= self._chosen64[:n]
            np.sum(self._rows64[:n], axis=1, out=scores[first : first + n])
        return scores

    def _take(self, rows: Floats, part: RowNumbers) -> None:
        """Copy some rows into the padded buffer."""
        if rows.flags.c_contiguous:
            np.take(rows, part, axis=0, out=self._rows32[: len(part)], mode="clip")
            return
        # Rows inside a graph: numpy would copy all of them first.
        for place, row in enumerate(part.tolist()):
            self._rows32[place] = rows[row]

    def __enter__(self) -> Probes:
        return self

    def __exit__(self, *_: object) -> None:
        self._codes = None
        for buffer in self.buffers:
            buffer[:] = 0

    @property
    def buffers(self) -> tuple[NDArray[np.generic], ...]:
        """All arrays that held a template."""
        return (
            self._probes32,
            self._probes64,
            self._rows32,
            self._rows64,
            self._chosen64,
            self._columns,
        )


def _lengths(rows: Doubles) -> Doubles:
    lengths: Doubles = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return lengths
