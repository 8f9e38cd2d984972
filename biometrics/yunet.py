"""YuNet on onnxruntime: the detector's file and numbers, a third of the processor time.

OpenCV's own runner of this network (``cv2.FaceDetectorYN``) took 4.3 ms of processor time for a
view of 288 x 256 pixels where onnxruntime takes 1.6 (docs/faces.md), keeps its input size inside
and so crashes when two threads share one, and sets itself up anew for each new size. A session of
onnxruntime may be asked by several threads at once, and for any size.

The graph is made ready in memory: the file stores its weights as 8-bit numbers with a scale per
block, which onnxruntime does not multiply out in this form, and one input size. What follows the
network (priors, threshold, suppression of doubles) is what OpenCV's ``face_detect.cpp`` does, step
by step; ``tests/engine/test_faces_yunet.py`` compares both on photographs and rendered people.
Network: Wu, Peng, Yu: YuNet, a tiny millisecond-level face detector, MIR 20 (2023) 656.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.errors import DetectorFailed
from biometrics.pictures import Rgb

_STRIDES: Final = (8, 16, 32)
_MULTIPLE: Final = 32
_TOP_K: Final = 5000
_KINDS: Final = ("cls", "obj", "bbox", "kps")
_OUTPUTS: Final = [f"{kind}_{stride}" for stride in _STRIDES for kind in _KINDS]

Rows = NDArray[np.float64]


class Detector:
    """The network of one file; any number of threads may call ``detect``.

    ``least``: least score, 0 to 1; ``overlap``: share of their union above which two boxes are
    one face. Raises DetectorFailed for a file that is no YuNet.
    """

    def __init__(self, path: Path, least: float, overlap: float) -> None:
        self._least, self._overlap = least, overlap
        self._session = _session(path)

    def detect(self, bgr: Rgb) -> Rows:
        """Faces of a picture, uint8 BGR (height, width, 3), best first: float64 (n, 15).

        A row is x, y, width, height of the box, five points (image-left eye, image-right eye,
        nose, image-left and image-right corner of the mouth) in pixels, and the score. Raises
        DetectorFailed.
        """
        from onnxruntime.capi import onnxruntime_pybind11_state as native

        picture = _padded(bgr)
        blob = np.empty((1, 3, *picture.shape[:2]), dtype=np.float32)
        for at, colour in enumerate(cv2.split(picture)):
            blob[0, at] = colour
        try:
            found = self._session.run(_OUTPUTS, {"input": blob})
        except (native.Fail, native.RuntimeException, native.InvalidArgument) as error:
            raise DetectorFailed(str(error)) from error
        levels = [
            _rows(stride, picture.shape[1] // stride, found[4 * at : 4 * at + 4], self._least)
            for at, stride in enumerate(_STRIDES)
        ]
        return _without_doubles(np.concatenate(levels), self._least, self._overlap)


class _Detectors:
    """Each once per process, made by whoever asks first."""

    def __init__(self) -> None:
        self._made: dict[tuple[Path, float, float], Detector] = {}
        self._making = threading.Lock()

    def get(self, path: Path, least: float, overlap: float) -> Detector:
        key = (path, least, overlap)
        with self._making:
            if key not in self._made:
                self._made[key] = Detector(path, least, overlap)
            return self._made[key]


detectors: Final = _Detectors()


def _padded(bgr: Rgb) -> Rgb:
    """Black to the right and below, up to the next multiple of the network's largest step."""
    height, width = bgr.shape[:2]
    below, right = -height % _MULTIPLE, -width % _MULTIPLE
    if not below and not right:
        return bgr
    wide = cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return np.asarray(wide, dtype=np.uint8)


def _rows(stride: int, columns: int, found: list[NDArray[np.float32]], least: float) -> Rows:
    """What one level of the network says, as rows in pixels; those under ``least`` left out."""
    sure, there, box, points = (one[0].astype(np.float64) for one in found)
    score = np.sqrt(np.clip(sure[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
    kept = np.flatnonzero(score >= least)
    box, points, score = box[kept], points[kept], score[kept]
    prior = np.stack([kept % columns, kept // columns], axis=1).astype(np.float64)
    size = np.exp(box[:, 2:4]) * stride
    corner = (prior + box[:, 0:2]) * stride - size / 2
    landmarks = (points.reshape(-1, 5, 2) + prior[:, None, :]) * stride
    rows = np.hstack([corner, size, landmarks.reshape(-1, 10), score[:, None]])
    finite: Rows = rows[np.isfinite(rows).all(axis=1)]
    return finite


def _without_doubles(rows: Rows, least: float, overlap: float) -> Rows:
    """Best first, each face once; boxes are compared in whole pixels, as OpenCV does."""
    if len(rows) < 2:
        return rows
    boxes = np.trunc(rows[:, 0:4]).astype(np.int64).tolist()
    kept = cv2.dnn.NMSBoxes(boxes, rows[:, 14].tolist(), least, overlap, 1.0, _TOP_K)
    best: Rows = rows[np.asarray(kept, dtype=np.intp).reshape(-1)]
    return best


# -- the graph ----------------------------------------------------------------------------------


def _session(path: Path) -> Any:
    """One thread for each call: who has several pictures asks from several threads.

    No arena: it would keep the memory of the largest picture for the life of the process. How a
    picture's layers share memory is remembered for each padded size; these are few.
    """
    import onnxruntime

    if not path.is_file():
        raise DetectorFailed(f"{path.name} is missing", code="weights_missing")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(
        made_ready(path), options, providers=["CPUExecutionProvider"]
    )


def made_ready(path: Path) -> bytes:
    """The graph of a file with its weights multiplied out and an input of any size.

    Raises DetectorFailed for a file that is not the network.
    """
    import onnx
    from onnx import checker, numpy_helper

    try:
        checker.check_model(str(path))
    except checker.ValidationError as error:
        raise DetectorFailed(f"{path.name} is no ONNX file") from error
    model = onnx.load(str(path))
    graph = model.graph
    if sorted(one.name for one in graph.output) != sorted(_OUTPUTS):
        raise DetectorFailed(f"{path.name} is not YuNet")
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    made: dict[str, NDArray[Any]] = {}
    nodes = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            made[node.output[0]] = _multiplied(node, stored)
        elif node.op_type == "Reshape" and node.input[0] in made:
            made[node.output[0]] = made[node.input[0]].reshape(stored[node.input[1]])
        else:
            nodes.append(node)
    _replace(graph, nodes, made)
    _any_size(graph)
    return bytes(model.SerializeToString())


def _multiplied(node: Any, stored: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """(numbers - zero point) * scale, each scale for a block of numbers along one axis."""
    numbers, scale, zero = (stored[name] for name in node.input)
    told = {one.name: one.i for one in node.attribute}
    axis, block = told.get("axis", 1), told.get("block_size", 0)
    if block:
        within = tuple(slice(0, length) for length in numbers.shape)
        scale, zero = (np.repeat(one, block, axis=axis)[within] for one in (scale, zero))
    elif scale.ndim == 1:
        along = [-1 if at == axis else 1 for at in range(numbers.ndim)]
        scale, zero = scale.reshape(along), zero.reshape(along)
    whole = numbers.astype(np.int32) - zero.astype(np.int32)
    return np.asarray(whole * scale, dtype=np.float32)


def _replace(graph: Any, nodes: list[Any], made: dict[str, NDArray[Any]]) -> None:
    from onnx import numpy_helper

    used = {name for node in nodes for name in node.input}
    kept = [one for one in graph.initializer if one.name in used]
    new = [numpy_helper.from_array(value, name) for name, value in made.items() if name in used]
    del graph.initializer[:], graph.node[:], graph.value_info[:]
    graph.initializer.extend(kept + new)
    graph.node.extend(nodes)


def _any_size(graph: Any) -> None:
    """Names in place of the one height and width that the file was stored with."""
    size = graph.input[0].type.tensor_type.shape.dim
    size[2].dim_param, size[3].dim_param = "height", "width"
    for one in graph.output:
        one.type.tensor_type.shape.dim[1].dim_param = f"places_{one.name}"
