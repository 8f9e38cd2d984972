"""SFace on onnxruntime for DeepFace, in a form that onnxruntime computes without detours.

DeepFace builds its session with onnxruntime's defaults and gives it the file as it is. Two thirds
of an embedding's time then go into the 27 PReLU layers: onnxruntime has no fast code for them, and
brings every layer's values into another order and back for their sake. Here each PReLU becomes
convolutions that mean the same, for which there is fast code and no change of order
(docs/engines.md has the measurements). There is no second weight file: the graph is rewritten in
memory when the session is made.

Helping threads sleep when they have nothing to do: by default they turn in a loop between layers,
and burn processor time that is missing where faces are found meanwhile.

DeepFace has no option for either, so this client is registered in its table of models
(``biometrics.engine``). Same file, same numbers but for the last bits of a float32.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from deepface.models.facial_recognition.onnx.SFace import SFaceClient
from numpy.typing import NDArray

from biometrics import weights
from biometrics.errors import EngineFailed


class SFaceOnnxClient(SFaceClient):  # type: ignore[misc]  # DeepFace has no types
    """DeepFace's own client with another session."""

    def __init__(self) -> None:
        home = Path(os.environ["DEEPFACE_HOME"])
        self.model = session(weights.weights_folder(home) / weights.SFACE_FILE)
        self.model_name = "SFace"
        self.input_shape = (112, 112)
        self.output_shape = 128


def session(path: Path) -> Any:
    """The network of a weight file, on half of the processors this process may use.

    The other half finds faces, or answers somebody else; two threads cost more than one helps.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = max(1, len(os.sched_getaffinity(0)) // 2)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        without_prelu(path), options, providers=["CPUExecutionProvider"]
    )


def without_prelu(path: Path) -> bytes:
    """The graph of a file with x + (1 - a) * relu(-x) in place of each PReLU of slope a.

    Both factors are convolutions of one pixel and one channel each. Raises EngineFailed for a
    slope that is not a constant of one number per channel.
    """
    import onnx

    model = onnx.load(str(path))
    known = _constants(model.graph)
    nodes = []
    for node in model.graph.node:
        if node.op_type == "PRelu":
            nodes += _as_convolutions(model.graph, node, known.get(node.input[1]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def _constants(graph: Any) -> dict[str, NDArray[Any]]:
    """What the graph's tensors hold that depend on no input: stored values, and these reshaped."""
    from onnx import helper, numpy_helper

    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            value = helper.get_attribute_value(node.attribute[0])
            known[node.output[0]] = numpy_helper.to_array(value)
        elif node.op_type == "Reshape" and all(name in known for name in node.input):
            values, shape = (known[name] for name in node.input)
            known[node.output[0]] = values.reshape(shape)
    return known


def _as_convolutions(graph: Any, node: Any, slope: NDArray[Any] | None) -> list[Any]:
    from onnx import helper, numpy_helper

    if slope is None or slope.shape != (slope.size, 1, 1):
        raise EngineFailed("the SFace graph has a PReLU that is not known")
    value, name, channels = node.input[0], node.output[0], slope.size
    per_channel: dict[str, Any] = {"kernel_shape": [1, 1], "group": channels}
    factors = {
        f"{name}.minus": np.full((channels, 1, 1, 1), -1.0),
        f"{name}.rest": (1.0 - slope.astype(np.float64)).reshape(channels, 1, 1, 1),
    }
    for factor, values in factors.items():
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), factor))
    minus, rest = factors
    return [
        helper.make_node("Conv", [value, minus], [f"{name}.below"], **per_channel),
        helper.make_node("Relu", [f"{name}.below"], [f"{name}.cut"]),
        helper.make_node("Conv", [f"{name}.cut", rest], [f"{name}.bent"], **per_channel),
        helper.make_node("Add", [value, f"{name}.bent"], [name]),
    ]
