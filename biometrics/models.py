"""Which recognition models may make templates: SFace as shipped, and what an operator names.

An entry says where a model of DeepFace comes from: its file below DEEPFACE_HOME, the file's hash,
its licence, how long its embeddings are, the side of the picture it takes and the engine it runs
on. Only plain weights are taken, ONNX graphs and Keras weights in HDF5: a pickle may run any
program when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, Literal, cast

from biometrics import weights
from biometrics.errors import BiometricsError

Backend = Literal["onnx", "tensorflow"]

SUFFIX_OF: Final[dict[Backend, str]] = {"onnx": ".onnx", "tensorflow": ".h5"}

# DeepFace 0.0.103: length of the embedding, side of the input, and per engine the file's name.
_DEEPFACE: Final[dict[str, tuple[int, int, dict[Backend, str]]]] = {
    "ArcFace": (512, 112, {"onnx": "arcface_weights.onnx", "tensorflow": "arcface_weights.h5"}),
    "Facenet": (128, 160, {"onnx": "facenet_weights.onnx", "tensorflow": "facenet_weights.h5"}),
    "Facenet512": (
        512,
        160,
        {"onnx": "facenet512_weights.onnx", "tensorflow": "facenet512_weights.h5"},
    ),
    "GhostFaceNet": (
        512,
        112,
        {"onnx": "ghostfacenet_v1.onnx", "tensorflow": "ghostfacenet_v1.h5"},
    ),
    "OpenFace": (128, 96, {"onnx": "openface_weights.onnx", "tensorflow": "openface_weights.h5"}),
    "VGG-Face": (4096, 224, {"onnx": "vgg_face_weights.onnx", "tensorflow": "vgg_face_weights.h5"}),
}


class ModelRefused(BiometricsError):
    """An entry that can't be used; ``code`` says which of its words is wrong."""

    code = "model_refused"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One usable model: DeepFace's name, its file and hash, licence, lengths and engine."""

    name: str
    file: str
    sha256: str
    licence: str
    dimension: int
    side: int
    engine: Backend

    @property
    def shipped(self) -> bool:
        """SFace of weights.lock, which runs on both engines and has a measured mean face."""
        return self.name == SFACE.name

    def path(self, home: Path) -> Path:
        """Where DeepFace looks for the file."""
        return weights.weights_folder(home) / self.file


def _shipped() -> ModelEntry:
    (member,) = (one for one in weights.read_lock().members if one.target == weights.SFACE_FILE)
    return ModelEntry(
        "SFace", member.target, member.target_sha256, member.licence, 128, 112, "onnx"
    )


SFACE: Final = _shipped()


def read_entries(text: str) -> tuple[ModelEntry, ...]:
    """The entries of DSR_MODELS: a JSON list of objects, one per model. Raises ModelRefused."""
    try:
        raw = json.loads(text or "[]")
    except ValueError as error:
        raise ModelRefused("DSR_MODELS is not JSON", code="models_not_json") from error
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise ModelRefused("DSR_MODELS is a list of objects", code="models_not_a_list")
    entries = tuple(entry_of(one) for one in raw)
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        raise ModelRefused("DSR_MODELS names a model twice", code="model_twice")
    return entries


def entry_of(raw: Mapping[str, Any]) -> ModelEntry:
    """One entry, every word of it checked against what DeepFace has. Raises ModelRefused."""
    words = ("name", "file", "sha256", "licence", "engine")
    wanted = {*words, "dimension", "side"}
    if set(raw) != wanted or not all(isinstance(raw[word], str) for word in words):
        raise ModelRefused(
            f"an entry of DSR_MODELS has exactly the words {', '.join(sorted(wanted))}",
            code="model_words",
        )
    name, file = raw["name"], raw["file"]
    if name == "SFace":
        raise ModelRefused("SFace is shipped and pinned by weights.lock", code="model_shipped")
    known = _DEEPFACE.get(name)
    if known is None:
        raise ModelRefused(
            f"no model {name!r}; there are {', '.join(_DEEPFACE)}", code="model_unknown"
        )
    dimension, side, files = known
    if raw["engine"] not in files:
        raise ModelRefused(f"{name} runs on {' or '.join(files)}", code="model_engine")
    engine = cast(Backend, raw["engine"])
    if PurePath(file).suffix != SUFFIX_OF[engine]:
        raise ModelRefused(
            f"{file}: on {engine} weights are {SUFFIX_OF[engine]} files; a pickle is never opened",
            code="model_format",
        )
    if file != files[engine]:
        raise ModelRefused(f"DeepFace reads {name} from {files[engine]}", code="model_file")
    if not re.fullmatch(r"[0-9a-f]{64}", raw["sha256"]):
        raise ModelRefused(f"{name} needs the SHA-256 of its file, in hex", code="model_hash")
    if not raw["licence"].strip():
        raise ModelRefused(f"{name} needs the licence its weights come under", code="model_licence")
    if (raw["dimension"], raw["side"]) != (dimension, side):
        raise ModelRefused(
            f"{name} gives {dimension} numbers from pictures of {side} pixels", code="model_shape"
        )
    return ModelEntry(name, file, raw["sha256"], raw["licence"].strip(), dimension, side, engine)


def find(name: str, entries: Iterable[ModelEntry]) -> ModelEntry:
    """The entry of a name, SFace among them. Raises ModelRefused for one that is not there."""
    for entry in (SFACE, *entries):
        if entry.name == name:
            return entry
    raise ModelRefused(f"{name} is neither shipped nor in DSR_MODELS", code="model_unknown")


def check_file(entry: ModelEntry, home: Path) -> None:
    """Prove that the file is the one that was named. Raises WeightsMissing or WeightsDamaged."""
    path = entry.path(home)
    if not path.is_file():
        raise weights.WeightsMissing(
            f"The weights of {entry.name} are not at {path}. Nothing is downloaded at run time: "
            "fetch the file, check where it comes from, and put it there."
        )
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != entry.sha256:
        raise weights.WeightsDamaged(
            f"{path} is not the file that DSR_MODELS names: its hash differs."
        )
