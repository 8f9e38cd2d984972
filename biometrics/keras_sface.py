"""SFace in Keras, made at start from the same ONNX file, for DeepFace's tensorflow engine.

DeepFace has SFace on onnxruntime only, with a graph that takes one face at a time. Here each
ONNX node becomes a Keras layer, so that TensorFlow can embed many faces in one call; there is no
second weight file. ``biometrics.engine`` registers the client in DeepFace's table of models,
and DeepFace builds it on the first use: this module imports TensorFlow only then.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics import weights
from biometrics.errors import EngineFailed

CLIENT: Final = "biometrics.keras_sface.SFaceKerasClient"
SIDE: Final = 112
DIMENSION: Final = 128


class SFaceKerasClient:
    """What DeepFace calls a model: input side, output length and ``forward``."""

    def __init__(self) -> None:
        home = Path(os.environ["DEEPFACE_HOME"])
        self.model_name = "SFace"
        self.input_shape = (SIDE, SIDE)
        self.output_shape = DIMENSION
        self.model = build(weights.weights_folder(home) / weights.SFACE_FILE)
        self._run = _compiled(self.model)

    def forward(self, img: NDArray[Any]) -> Any:
        """Embeddings of BGR crops (112, 112, 3) or (n, 112, 112, 3) with values 0 to 1.

        A list of 128 values for one crop, else a list of such lists: DeepFace's convention.
        """
        batch = img[None] if img.ndim == 3 else img
        if batch.ndim != 4 or batch.shape[1:] != (SIDE, SIDE, 3):
            raise ValueError(f"expected crops (n, {SIDE}, {SIDE}, 3), got {img.shape}")
        # The same rounding as DeepFace's ONNX client, so that both see the same bytes.
        rgb = (batch * 255).astype(np.uint8)[..., ::-1].astype(np.float32)
        rows = self._run(np.ascontiguousarray(rgb)).numpy().tolist()
        return rows[0] if len(rows) == 1 else rows


def _compiled(model: Any) -> Any:
    """The network as one TensorFlow graph for any number of crops; traced once."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)]
    return tf.function(lambda batch: model(batch, training=False), input_signature=signature)


def build(path: Path) -> Any:
    """The Keras model of a repaired SFace file: RGB (n, 112, 112, 3), 0 to 255 -> (n, 128).

    Raises EngineFailed for a graph that is not the chain of layers SFace is.
    """
    import onnx

    graph = onnx.load(str(path)).graph
    constants = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    chain = _Chain(graph.input[0].name, constants)
    for node in graph.node:
        chain.add(node)
    if chain.tip != graph.output[0].name:
        raise EngineFailed("the SFace graph does not end where it should")
    return chain.model()


@dataclass
class _Chain:
    """A Keras model that grows by one ONNX node after the other; SFace has no branches."""

    tip: str
    constants: dict[str, NDArray[Any]]
    _input: Any = field(init=False)
    _tensor: Any = field(init=False)

    def __post_init__(self) -> None:
        from tensorflow import keras

        self._input = self._tensor = keras.Input((SIDE, SIDE, 3), dtype="float32")

    def model(self) -> Any:
        from tensorflow import keras

        return keras.Model(self._input, self._tensor, name="SFace")

    def add(self, node: Any) -> None:
        """Append what a node does, or keep what it makes of constants."""
        import onnx

        options = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type == "Constant":
            self.constants[node.output[0]] = onnx.numpy_helper.to_array(options["value"])
            return
        if node.op_type == "Reshape":
            values, shape = (self.constants[name] for name in node.input)
            self.constants[node.output[0]] = values.reshape(shape)
            return
        make = _LAYERS.get(node.op_type)
        if make is None or node.input[0] != self.tip:
            raise EngineFailed(f"the SFace graph has a node that is not known: {node.op_type}")
        known = [self.constants[name] for name in node.input[1:]]
        self._tensor = make(self._tensor, known, options)
        self.tip = node.output[0]


def _with(layer: Any, tensor: Any, values: list[NDArray[Any]]) -> Any:
    """Call a layer and give it the weights it must have."""
    answer = layer(tensor)
    layer.set_weights(values)
    return answer


def _subtract(tensor: Any, known: list[NDArray[Any]], _options: dict[str, Any]) -> Any:
    from tensorflow import keras

    return keras.layers.Rescaling(1.0, offset=-float(known[0].item()))(tensor)


def _multiply(tensor: Any, known: list[NDArray[Any]], _options: dict[str, Any]) -> Any:
    from tensorflow import keras

    return keras.layers.Rescaling(float(known[0].item()))(tensor)


def _convolve(tensor: Any, known: list[NDArray[Any]], options: dict[str, Any]) -> Any:
    """ONNX pads both sides alike; Keras' "same" does so only for steps of one."""
    from tensorflow import keras

    (kernel,) = known  # (out, in / group, height, width)
    step, pad, group = tuple(options["strides"]), options["pads"], options["group"]
    depthwise = group > 1
    if len(set(pad)) != 1 or (depthwise and (kernel.shape[1] != 1 or group != kernel.shape[0])):
        raise EngineFailed("the SFace graph has a convolution that is not known")
    if pad[0]:
        tensor = keras.layers.ZeroPadding2D(pad[0])(tensor)
    size = kernel.shape[2:]
    if depthwise:
        layer = keras.layers.DepthwiseConv2D(size, strides=step, use_bias=False)
        return _with(layer, tensor, [kernel.transpose(2, 3, 0, 1)])
    layer = keras.layers.Conv2D(kernel.shape[0], size, strides=step, use_bias=False)
    return _with(layer, tensor, [kernel.transpose(2, 3, 1, 0)])


def _normalise(tensor: Any, known: list[NDArray[Any]], options: dict[str, Any]) -> Any:
    from tensorflow import keras

    layer = keras.layers.BatchNormalization(epsilon=options["epsilon"])
    return _with(layer, tensor, known)  # gamma, beta, mean, variance: the order of both


def _prelu(tensor: Any, known: list[NDArray[Any]], _options: dict[str, Any]) -> Any:
    from tensorflow import keras

    layer = keras.layers.PReLU(shared_axes=[1, 2])
    return _with(layer, tensor, [known[0].reshape(1, 1, -1)])


def _drop(tensor: Any, _known: list[NDArray[Any]], _options: dict[str, Any]) -> Any:
    return tensor  # only training drops anything


def _flatten(tensor: Any, _known: list[NDArray[Any]], _options: dict[str, Any]) -> Any:
    """ONNX lays channels first, and the dense layer's weights are in that order."""
    from tensorflow import keras

    return keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(tensor))


def _dense(tensor: Any, known: list[NDArray[Any]], options: dict[str, Any]) -> Any:
    from tensorflow import keras

    matrix, bias = known
    if options != {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}:
        raise EngineFailed("the SFace graph has a dense layer that is not known")
    return _with(keras.layers.Dense(matrix.shape[0]), tensor, [matrix.T, bias])


_LAYERS: Final = {
    "Sub": _subtract,
    "Mul": _multiply,
    "Conv": _convolve,
    "BatchNormalization": _normalise,
    "PRelu": _prelu,
    "Dropout": _drop,
    "Flatten": _flatten,
    "Gemm": _dense,
}
