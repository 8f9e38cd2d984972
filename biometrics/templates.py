"""From an embedding to what is stored and searched: mean face taken off, then turned."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from biometrics.errors import BadVector, EngineFailed
from biometrics.models import ModelEntry

DIMENSION: Final = 128
MEAN_FACE_FILE: Final = Path(__file__).with_name("mean_face.json")
MEAN_FACE_SHA256: Final = "74268a8c24d9d29c4db9d90c66eee0e7e89e015fc2298b8a7abf0baeb5fb6227"

_TURN_CONTEXT = b"dsr-portal/template-turn/v1"
_MIN_LENGTH = 1e-6
# Up to this length a turn is made without LAPACK, in 0.2 s at most.
_PLAIN_LOOP = 512


def vector_sha256(vector: NDArray[np.float32]) -> str:
    """SHA-256 over the little-endian float32 bytes, the same on every machine."""
    return hashlib.sha256(np.asarray(vector, dtype="<f4").tobytes()).hexdigest()


def load_mean_face(path: Path = MEAN_FACE_FILE) -> NDArray[np.float32]:
    """The shipped mean face, float32 (128,), read-only; EngineFailed where it was changed."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["values"]
        mean = np.asarray(values, dtype=np.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineFailed("the mean face can't be read") from error
    if mean.shape != (DIMENSION,) or vector_sha256(mean) != MEAN_FACE_SHA256:
        raise EngineFailed("the mean face is not the one this version was made with")
    mean.setflags(write=False)
    return mean


MEAN_FACE: Final[NDArray[np.float32]] = load_mean_face()


def mean_face_of(model: ModelEntry) -> NDArray[np.float32]:
    """What is taken off a model's embeddings: zeros where no mean face was measured."""
    return MEAN_FACE if model.shipped else np.zeros(model.dimension, dtype=np.float32)


def to_template(
    embedding: NDArray[np.float32],
    turn: NDArray[np.float64],
    mean: NDArray[np.float32] = MEAN_FACE,
) -> NDArray[np.float32]:
    """turn(unit(unit(e) - m)): float32 of unit length, shape (d,) or (n, d) as given.

    d is the length of ``mean``: 128 for SFace, the model that is shipped.

    Taking the mean face off first finds about half a percent more of a person's records at the
    same number of strangers. ``turn``: orthogonal (d, d) from ``turn_from_secret``; pass
    ``numpy.eye(d)`` for a template in nobody's frame. Raises BadVector.
    """
    rows = np.atleast_2d(np.asarray(embedding, dtype=np.float64))
    length = len(mean)
    if rows.ndim != 2 or rows.shape[1] != length or np.ndim(embedding) > 2:
        raise BadVector(f"expected ({length},) or (n, {length}), got {np.shape(embedding)}")
    if turn.shape != (length, length):
        raise BadVector(f"expected a turn ({length}, {length}), got {turn.shape}")
    centred = _unit(_unit(rows) - mean.astype(np.float64))
    turned: NDArray[np.float32] = _unit(centred @ turn.T).astype(np.float32)
    return turned.reshape(np.shape(embedding))


def before_turn(
    template: NDArray[np.float32],
    turn: NDArray[np.float64],
    mean: NDArray[np.float32] = MEAN_FACE,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a template (d,) was before the turn, and before the mean face came off: (d,) each.

    Both of unit length, up to the rounding of the template. The length the network gave is lost.
    """
    centred = _unit(np.atleast_2d(template.astype(np.float64) @ turn))[0]
    m = mean.astype(np.float64)
    # |m + s * centred| = 1: the one positive s by which unit(e) - m was divided.
    along = float(m @ centred)
    length = -along + float(np.sqrt(along * along + 1.0 - m @ m))
    return centred, m + length * centred


def turn_from_secret(secret: bytes, dimension: int = DIMENSION) -> NDArray[np.float64]:
    """The installation's orthogonal matrix, float64 (d, d), drawn from a lasting secret.

    Another ``dimension`` (even) gives a matrix that has nothing to do with the one of 128.

    R32: a keyed turn stops direct reuse of stolen templates elsewhere and nothing more. Lengths
    and angles stay as they are. About as many known pairs as dimensions (128) recover the
    matrix, and half as many already bring most templates back far enough to be recognised. Keys
    and the vault protect templates; this does not replace them.

    SHAKE-256 gives the bytes, the Box-Muller transform normal numbers, and a QR decomposition
    with the signs of R's diagonal fixed a matrix that is uniform among all turns and mirrors
    (Mezzadri, Notices of the AMS 54 (2007) 592). Two ways to it, LAPACK's and ours, and two
    builds of LAPACK agree to about 1e-13, far below the float32 step of a template.
    """
    if len(secret) < 32:
        raise BadVector("the secret of the turn has at least 32 bytes", code="secret_too_short")
    count = dimension * dimension
    context = _TURN_CONTEXT if dimension == DIMENSION else _TURN_CONTEXT + b"/%d" % dimension
    stream = hashlib.shake_256(context + len(secret).to_bytes(4, "big") + secret)
    words = np.frombuffer(stream.digest(count * 8), dtype="<u8")
    # 53 bits each, moved off zero so that the logarithm is finite.
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)
    radius = np.sqrt(-2.0 * np.log(uniform[0::2]))
    angle = 2.0 * np.pi * uniform[1::2]
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    square = normal.reshape(dimension, dimension)
    return _orthogonal(square) if dimension <= _PLAIN_LOOP else _orthogonal_of_lapack(square)


def _orthogonal(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Q of the QR decomposition whose R has a positive diagonal, float64 (d, d).

    Column by column, each freed twice of what lies along those before it, which is as exact as
    LAPACK. LAPACK would hand every little step to the threads of its algebra, which wait for each
    other in a loop: thirty times as long where the processors are taken. ``einsum`` has none.
    """
    basis = np.zeros_like(square)
    for place, column in enumerate(square.T):
        before, free = basis[:place], column.copy()
        for _ in range(2):
            along = np.einsum("kj,j->k", before, free)
            free -= np.einsum("k,kj->j", along, before)
        basis[place] = free / np.sqrt(np.einsum("j,j->", free, free))
    return basis.T.copy()


def _orthogonal_of_lapack(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same for lengths whose steps are large enough to be shared by threads."""
    q, r = np.linalg.qr(square)
    matrix: NDArray[np.float64] = q * np.sign(np.diag(r))
    return matrix


def similarity(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Cosine of two templates, -1 to 1, in the arithmetic of the index (float64)."""
    return float(np.sum(one.astype(np.float64) * two.astype(np.float64)))


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(rows).all():
        raise BadVector("values are not finite")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths < _MIN_LENGTH).any():
        raise BadVector("a vector has no length")
    unit: NDArray[np.float64] = rows / lengths
    return unit
