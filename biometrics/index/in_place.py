"""hnswlib's own vectors, seen where they lie, so that the rows of a shard are not held twice.

hnswlib hands out copies only, number by number. But its object leads to the block it keeps its
elements in, which has the layout of its file (biometrics.index_format). The way there is looked
for and proved, not assumed: memory is read through /proc/self/mem, where a wrong address is an
error and not a crash; every label and vector must be the shard's; and the block must change when
hnswlib itself changes this graph, for one that was freed, or another graph of the same rows, may
hold the same bytes and still be pointed to from beside. What is not found, not equal or not this
graph's is not used; then the rows stay with the index.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from biometrics import index_format as fmt
from biometrics.memory import pages_of

Floats = NDArray[np.float32]

_MEMORY: Final = "/proc/self/mem"
_WORD: Final = 8
# How many words of each object are looked at: the Python object, pybind11's Index, the graph.
_PYTHON_OBJECT: Final = 8
_BINDING: Final = 32
_GRAPH: Final = 96
_LOWEST_ADDRESS: Final = 1 << 16
_COMPARED: Final = 1024
# hnswalg.h: an element begins with the number of its links (two bytes); the lowest bit of the byte
# after it says whether the element is marked as deleted.
_MARK_AT: Final = 2
_MARK: Final = 1


class _Elements:
    """The vectors of a graph for numpy; keeps hnswlib's index alive as long as a view is."""

    def __init__(self, index: Any, address: int, shape: fmt.GraphShape) -> None:
        self.index = index
        self.__array_interface__ = {
            "version": 3,
            "typestr": "<f4",
            "shape": (shape.rows, shape.dimension),
            "strides": (shape.element, 4),
            "data": (address + shape.links0, False),
        }


def vectors_in_place(index: Any, shape: fmt.GraphShape, rows: Floats) -> Floats | None:
    """A writable view (rows, dim) of the vectors in a graph whose elements are ``rows`` in order.

    None where they can't be found, lie in another order, differ in a bit or are not this graph's.
    Nobody else may ask or change the graph meanwhile.
    """
    try:
        memory = os.open(_MEMORY, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for address in _blocks(memory, id(index), shape):
            if _holds(memory, address, shape, rows) and _is_of(index, memory, address, shape):
                return np.asarray(_Elements(index, address, shape))
    finally:
        os.close(memory)
    return None


def _blocks(memory: int, python_object: int, shape: fmt.GraphShape) -> Iterator[int]:
    """Addresses that a graph of this shape points to, found from its Python object."""
    for binding in _pointers(memory, python_object, _PYTHON_OBJECT):
        for graph in _pointers(memory, binding, _BINDING):
            words = _words(memory, graph, _GRAPH)
            # hnswalg.h keeps the room and the size of an element among its first numbers.
            if shape.rows in words and shape.element in words:
                yield from _pointers(memory, graph, _GRAPH)


def _pointers(memory: int, address: int, count: int) -> Iterator[int]:
    for word in _words(memory, address, count):
        if word >= _LOWEST_ADDRESS and word % _WORD == 0 and word >> 47 == 0:
            yield word


def _words(memory: int, address: int, count: int) -> list[int]:
    """Numbers of eight bytes from an address on, none where nothing can be read there."""
    room = np.zeros(count, dtype=np.uint64)
    got = _read(memory, room.view(np.uint8), address)
    return [int(word) for word in room[: got // _WORD]]


def _holds(memory: int, address: int, shape: fmt.GraphShape, rows: Floats) -> bool:
    """Whether all elements lie there: labels 0, 1, 2 … and exactly the rows."""
    part = pages_of((_COMPARED, shape.element), np.uint8)
    for first in range(0, shape.rows, _COMPARED):
        n = min(_COMPARED, shape.rows - first)
        if _read(memory, part[:n], address + first * shape.element) != part[:n].nbytes:
            return False
        labels = np.ascontiguousarray(part[:n, -8:]).view("<u8").ravel()
        vectors = part[:n, shape.links0 : -8]
        same = np.array_equal(labels, np.arange(first, first + n, dtype=np.uint64))
        same = same and np.array_equal(vectors, rows[first : first + n].view(np.uint8))
        part[:] = 0
        if not same:
            return False
    return True


def _is_of(index: Any, memory: int, address: int, shape: fmt.GraphShape) -> bool:
    """Whether hnswlib keeps this graph there: it marks an element, and the mark must be seen.

    Nothing is written by us, for what is not this graph's may be anybody's by now.
    """
    last = shape.rows - 1
    place = address + last * shape.element + _MARK_AT
    if _marked(memory, place):
        return False
    try:
        index.mark_deleted(last)
    except RuntimeError:
        return False
    try:
        seen = _marked(memory, place)
    finally:
        index.unmark_deleted(last)
    return seen and not _marked(memory, place)


def _marked(memory: int, place: int) -> bool:
    byte = np.zeros(1, dtype=np.uint8)
    return _read(memory, byte, place) == 1 and bool(byte[0] & _MARK)


def _read(memory: int, room: NDArray[np.uint8], address: int) -> int:
    with contextlib.suppress(OSError):
        return os.preadv(memory, [room.reshape(-1).data], address)
    return 0
