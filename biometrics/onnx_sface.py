"""SFace on onnxruntime for DeepFace, with threads that sleep when they have nothing to do.

DeepFace builds its session with onnxruntime's defaults: helping threads turn in a loop while they
wait for the next layer, and burn as much processor time again as the network needs, which is
missing where faces are found meanwhile (docs/engines.md). DeepFace has no option for it, so this
client is registered in its table of models (``biometrics.engine``). Same file, same numbers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from deepface.models.facial_recognition.onnx.SFace import SFaceClient

from biometrics import weights


class SFaceOnnxClient(SFaceClient):  # type: ignore[misc]  # DeepFace has no types
    """DeepFace's own client with another session."""

    def __init__(self) -> None:
        home = Path(os.environ["DEEPFACE_HOME"])
        self.model = session(weights.weights_folder(home) / weights.SFACE_FILE)
        self.model_name = "SFace"
        self.input_shape = (112, 112)
        self.output_shape = 128


def session(path: Path) -> Any:
    """The network of a weight file, on as many threads as this process may use processors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
