"""The graph that onnxruntime gets in place of the file's: no PReLU, the same numbers."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from biometrics.config import BiometricsConfig
from biometrics.errors import EngineFailed
from biometrics.onnx_sface import session, without_prelu


def ask(graph: bytes | str, values: np.ndarray) -> np.ndarray:
    asked = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(asked.run(None, {asked.get_inputs()[0].name: values})[0])


def bent(place: Path, slope: np.ndarray) -> Path:
    """A file whose whole graph is one PReLU, its slope stored flat and reshaped as SFace's are."""
    shape = numpy_helper.from_array(np.array(slope.shape), "shape")
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["wanted"], value=shape),
            helper.make_node("Reshape", ["flat", "wanted"], ["slope"]),
            helper.make_node("PRelu", ["data", "slope"], ["out"]),
        ],
        "bent",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 4, 5, 5])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 5, 5])],
        [numpy_helper.from_array(slope.ravel(), "flat")],
    )
    path = place / "bent.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, str(path))
    return path


def test_a_slope_may_be_negative_nothing_one_or_steeper(tmp_path: Path) -> None:
    slope = np.array([-0.8, 0.0, 1.0, 1.12], dtype=np.float32).reshape(4, 1, 1)
    path = bent(tmp_path, slope)
    values = np.random.default_rng(2).normal(0, 50, (1, 4, 5, 5)).astype(np.float32)
    wanted = np.where(values > 0, values, values * slope)
    assert np.abs(ask(str(path), values) - wanted).max() < 1e-4  # the file means what is wanted
    assert np.abs(ask(without_prelu(path), values) - wanted).max() < 1e-4
    flat = np.abs(values - wanted).max()
    assert flat > 10  # without its PReLU the graph would give other numbers


def test_a_slope_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = bent(tmp_path, np.full((4, 5, 5), 0.25, dtype=np.float32))
    with pytest.raises(EngineFailed, match="PReLU"):
        without_prelu(path)


def test_sface_has_no_prelu_left_and_embeds_as_its_file_does(weights_home: Path) -> None:
    path = BiometricsConfig(home=weights_home).embedder_file
    before = {node.op_type for node in onnx.load(str(path)).graph.node}
    after = {node.op_type for node in onnx.load_from_string(without_prelu(path)).graph.node}
    assert "PRelu" in before
    assert "PRelu" not in after
    crops = np.random.default_rng(3).integers(0, 256, (4, 1, 3, 112, 112)).astype(np.float32)
    ours = session(path)
    for crop in crops:
        wanted = ask(str(path), crop)
        found = np.asarray(ours.run(None, {"data": crop})[0])
        assert np.linalg.norm(wanted) > 1
        assert np.abs(found - wanted).max() < 1e-5
