"""The face index: hnswlib finds, an exact sweep over every row proves, erased rows are gone.

``FaceIndex`` holds the templates of one model in memory. How it finds and proves stands in
docs/index.md; an example:

>>> import uuid
>>> import numpy as np
>>> from biometrics.index import FaceIndex
>>> index = FaceIndex(b"m" * 32, dimension=4, shard_rows=8)
>>> anna = uuid.UUID(int=1)
>>> template = np.array([0.5, 0.5, 0.5, 0.5], dtype=np.float32)
>>> index.add([anna], template[None, :], change=1)
>>> [(hit.id == anna, hit.score, hit.found_by) for hit in index.search(template, 0.9).hits]
[(True, 1.0, 'sweep')]
>>> index.erase([anna], change=2).rows
1
>>> index.search(template, 0.9).compared
0
"""

from biometrics.index.face_index import (
    Erasure,
    FaceIndex,
    FoundBy,
    Hit,
    OpenedShard,
    SearchResult,
)
from biometrics.index.shards import DIMENSION, SHARD_ROWS

__all__ = [
    "DIMENSION",
    "SHARD_ROWS",
    "Erasure",
    "FaceIndex",
    "FoundBy",
    "Hit",
    "OpenedShard",
    "SearchResult",
]
