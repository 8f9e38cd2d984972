"""A process that embeds with TensorFlow: crops in one .npy file, embeddings out into another.

`python -m tests.support.tensorflow_process WEIGHTS CROPS OUT`; it prints the model's identity.
"""

import sys
from pathlib import Path

import numpy as np

from biometrics.config import BiometricsConfig
from biometrics.engine import Engine


def main() -> None:
    home, crops, out = map(Path, sys.argv[1:])
    engine = Engine(BiometricsConfig(home=home), backend="tensorflow", threads=2)
    np.save(out, engine.embed(list(np.load(crops))))
    sys.stdout.write(f"{engine.model_id}\n")


if __name__ == "__main__":
    main()
