"""The sweep: every row compared, none left out that might reach the threshold.

A sweep does not decide. It names the rows whose exact score may lie at or over the threshold, by a
fast product and a proven bound of that product's error; ``Probes.scores`` decides them. So two
sweeps may name different rows near the threshold and still give the same hits.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from biometrics import index_format as fmt
from biometrics.errors import FaceIndexError
from biometrics.index.probes import LOW, Floats, ProbeCodes, Probes, RowNumbers
from biometrics.memory import wipe

SweepName = Literal["int8", "float32"]
Named = tuple[RowNumbers, RowNumbers]

# From here on one product for all probes is faster than one each (docs/index.md).
_TOGETHER: Final = 5
_CHUNK: Final = 1024
_NONE: Final[RowNumbers] = np.empty(0, dtype=np.intp)


class Codes:
    """Rows in eight bits each, ``step * (values - 128)``, and how far they are from the rows.

    ``error`` bounds the length of row - step * (values - 128), ``longest`` the length of
    values - 128, over all rows; erasing rows leaves both bounds true.
    """

    __slots__ = ("error", "longest", "step", "values")

    def __init__(self, values: NDArray[np.uint8], step: float, error: float, longest: float):
        self.values = values
        self.step = step
        self.error = error
        self.longest = longest

    def erase(self, rows: RowNumbers) -> None:
        """Overwrite rows with the code of zero."""
        self.values[rows] = _ZERO

    def wipe(self) -> None:
        """Overwrite all rows."""
        self.values[:] = _ZERO


class Sweep(Protocol):
    """What FaceIndex asks of a sweep."""

    def encode(self, rows: Floats, used: int) -> Codes | None:
        """A short form of a sealed block's rows, if this sweep has one."""
        ...

    def near(self, rows: Floats, codes: Codes | None, probes: Probes) -> Named:
        """Probe numbers and row numbers of all pairs that may reach the threshold."""
        ...


def sweep_of(name: SweepName, dimension: int) -> Sweep:
    """The sweep of that name."""
    if name == "float32":
        return Float32Sweep(dimension)
    if name == "int8":
        return Int8Sweep(dimension)
    raise FaceIndexError("the sweep is float32 or int8")


def product_error(dimension: int) -> float:
    """How far a float32 product of two templates can lie from the score that decides.

    |float32 - exact| <= gamma_n |x||y|, gamma_n = n u / (1 - n u), u = 2^-24, for any order of
    summation and with fused operations (Higham, Accuracy and Stability of Numerical Algorithms,
    3.1); both lengths are at most 1 + UNIT_TOLERANCE. Where values or products underflow, each of
    the n terms errs by less than 2^-124, also if the processor takes such values as zero. The
    float64 sum that decides has its own gamma_n with u = 2^-53.
    """
    lengths = (1.0 + fmt.UNIT_TOLERANCE) ** 2
    single = dimension * 2.0**-24 / (1.0 - dimension * 2.0**-24)
    double = dimension * 2.0**-53 / (1.0 - dimension * 2.0**-53)
    return (single + double) * lengths + dimension * 2.0**-124


class Float32Sweep:
    """float32 products of the rows themselves, by numpy's linear algebra library."""

    def __init__(self, dimension: int) -> None:
        self.bound = product_error(dimension)
        self._products: Floats = np.empty(0, dtype=np.float32)
        self._check(dimension)

    def encode(self, rows: Floats, used: int) -> Codes | None:
        """This sweep needs no short form."""
        return None

    def near(self, rows: Floats, codes: Codes | None, probes: Probes) -> Named:
        """See Sweep."""
        products, cut = self.products(rows, probes), self.cut(probes.threshold)
        if not products.size or products.max() < cut:
            return _NONE, _NONE
        which, row = np.divmod(np.flatnonzero(products >= cut), len(rows))
        return which, row

    def products(self, rows: Floats, probes: Probes) -> Floats:
        """float32 (q, n); the buffer is used again by the next call."""
        q, n = probes.count, len(rows)
        if len(self._products) < q * n:
            self._products = np.empty(q * n, dtype=np.float32)
        products = self._products[: q * n].reshape(q, n)
        # matmul, for dot would copy rows that lie in a graph.
        if q < _TOGETHER:
            for number, probe in enumerate(probes.rows32):
                np.matmul(rows, probe, out=products[number])
        else:
            np.matmul(probes.rows32, rows.T, out=products)
        return products

    def cut(self, threshold: float) -> np.float32:
        """No row whose exact score reaches the threshold has a product under this."""
        low = np.float32(min(max(threshold, -2.0), 2.0) - self.bound)
        cut: np.float32 = np.nextafter(low, np.float32(-np.inf))
        return cut

    def _check(self, dimension: int) -> None:
        """A library that multiplies in less than float32 (bfloat16) would break the bound."""
        rng = np.random.default_rng(0)
        rows = np.abs(rng.standard_normal((64, dimension))) + 0.1
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        single = rows.astype(np.float32)
        exact = single.astype(np.float64) @ single.astype(np.float64).T
        for products in (single @ single.T, np.stack([single @ row for row in single])):
            if not (np.abs(products - exact) <= self.bound).all():
                raise FaceIndexError("numpy's products are less exact than float32 allows")


_ZERO: Final = 128
_ROW_STEPS: Final = 127
_MOST_DIMENSIONS: Final = 2048
_MOST_THREADS: Final = 4
_OPSET: Final = 17
_IR_VERSION: Final = 8


class Int8Sweep:
    """Products of whole numbers: rows in eight bits, probes in fourteen, by onnxruntime.

    A quarter of the bytes of the float32 rows is read. Sums of whole numbers are exact, so only
    the rounding of rows and probe counts: for a row x and its code c, a probe q and its code p,

        q.x - p.c = q.(x - c) + (q - p).c,  so |q.x - p.c| <= |q| |x - c| + |q - p| |c|,

    with |x - c| and |c| measured over the shard when it was encoded. Blocks without codes (the
    tail) are swept in float32.
    """

    def __init__(self, dimension: int) -> None:
        if dimension > _MOST_DIMENSIONS:
            raise FaceIndexError(f"the int8 sweep takes at most {_MOST_DIMENSIONS} dimensions")
        self._floats = Float32Sweep(dimension)
        self._decision = dimension * 2.0**-50
        _check_whole_products(dimension)

    def encode(self, rows: Floats, used: int) -> Codes | None:
        """Codes of the first ``used`` rows; every part that is copied on the way is overwritten."""
        if not used:
            return None
        step = float(max(rows[:used].max(), -rows[:used].min())) / _ROW_STEPS
        values = np.full(rows.shape, _ZERO, dtype=np.uint8)
        error = longest = 0.0
        exact = np.empty((_CHUNK, rows.shape[1]), dtype=np.float64)
        whole = np.empty_like(exact)
        for first in range(0, used, _CHUNK):
            n = min(_CHUNK, used - first)
            exact[:n] = rows[first : first + n]
            np.rint(np.divide(exact[:n], step, out=whole[:n]), out=whole[:n])
            values[first : first + n] = whole[:n] + _ZERO
            longest = max(longest, _longest(whole[:n]))
            whole[:n] *= step
            exact[:n] -= whole[:n]
            error = max(error, _longest(exact[:n]))
        wipe(exact, whole)
        return Codes(values, step, error, longest)

    def near(self, rows: Floats, codes: Codes | None, probes: Probes) -> Named:
        """See Sweep."""
        if codes is None:
            return self._floats.near(rows, codes, probes)
        asked, q = probes.codes(), probes.count
        sums = _whole_products(codes.values[: len(rows)], asked.columns)
        high, low = sums[:, :q], sums[:, q:]
        least = self._least(codes, asked, probes.threshold)
        # |low part of the sum| <= |low| |code|: rows under this need not be looked at further.
        first = np.floor((least - asked.low_length * codes.longest) / LOW).astype(np.int32)
        row, which = np.divmod(np.flatnonzero(high >= first), q)
        whole = LOW * high[row, which].astype(np.int64) + low[row, which]
        near = whole >= least[which]
        return which[near], row[near]

    def _least(self, codes: Codes, asked: ProbeCodes, threshold: float) -> NDArray[np.float64]:
        """The least whole sum of each probe with which a row may reach the threshold."""
        slack = asked.length * codes.error + asked.error * codes.step * codes.longest
        # The slack and the float64 sum that decides are rounded themselves.
        low = min(max(threshold, -2.0), 2.0) - slack * (1.0 + 2.0**-40) - self._decision
        least: NDArray[np.float64] = np.floor(low / (asked.step * codes.step)) - 1.0
        return least


def _longest(rows: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", rows, rows).max()))


def _whole_products(values: NDArray[np.uint8], columns: NDArray[np.int8]) -> NDArray[np.int32]:
    """(values - 128) @ columns in whole numbers: int32 (n, 2 q)."""
    sums: NDArray[np.int32] = _session(os.getpid()).run(None, {"rows": values, "probes": columns})[
        0
    ]
    return sums


@cache
def _session(process: int) -> Any:
    """onnxruntime's product of bytes; one per process, for its threads do not survive a fork."""
    import onnxruntime
    from onnx import TensorProto, helper

    rows = helper.make_tensor_value_info("rows", TensorProto.UINT8, [None, None])
    probes = helper.make_tensor_value_info("probes", TensorProto.INT8, [None, None])
    sums = helper.make_tensor_value_info("sums", TensorProto.INT32, [None, None])
    zero = helper.make_tensor("zero", TensorProto.UINT8, [], [_ZERO])
    node = helper.make_node("MatMulInteger", ["rows", "probes", "zero"], ["sums"])
    graph = helper.make_graph([node], "sweep", [rows, probes], [sums], [zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Sums are given back to the system, not kept for the next search.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _check_whole_products(dimension: int) -> None:
    """Sums of the largest codes must be exact on this processor; some add bytes in 16 bits."""
    rng = np.random.default_rng(0)
    values = rng.choice(np.array([1, 127, 129, 255], np.uint8), (64, dimension))
    values[0] = 255
    columns = rng.choice(np.array([-64, 63, 64], np.int8), (dimension, 4))
    columns[:, 0], columns[:, 1] = 64, -64
    exact = (values.astype(np.int64) - _ZERO) @ columns.astype(np.int64)
    if not np.array_equal(_whole_products(values, columns), exact):
        raise FaceIndexError("onnxruntime's products of whole numbers are not exact here")
