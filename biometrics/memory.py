"""What a process that holds templates does so that freed memory does not keep them."""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

# malloc.h of the GNU C library.
_M_MMAP_THRESHOLD: Final = -3
_M_TRIM_THRESHOLD: Final = -1
_LARGE: Final = 128 * 1024
_HUGE_PAGE: Final = 2 << 20
# Where numpy's own large arrays begin in their pages. Rows that began with the page took a fifth
# longer to multiply, measured with OpenBLAS on an AMD processor (docs/index.md).
_OFFSET: Final = 16


def give_large_blocks_back() -> bool:
    """Make the allocator map each large block by itself, so that freeing unmaps it at once.

    By default the C library raises its limit with use, and a freed shard or graph would lie
    readable in the heap. Call it at the start of a process that holds an index. False where the
    C library is another one: then only ending the process gives the memory back.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE)) and bool(mallopt(_M_TRIM_THRESHOLD, _LARGE))


def wipe(*arrays: NDArray[Any]) -> None:
    """Overwrite arrays with zeros before they are let go."""
    for array in arrays:
        array[...] = 0


def pages_of(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros in a mapping of their own, given back to the system the moment they are let go.

    In large pages where the system has them, as numpy asks for its largest arrays: a product
    that goes from shard to shard then takes as long as one of all rows. Raises MemoryError.
    """
    kind = np.dtype(dtype)
    body = -(-max(1, math.prod(shape) * kind.itemsize) // _HUGE_PAGE) * _HUGE_PAGE
    try:
        # A multiple of large pages is laid at the start of one. What the offset moves beyond
        # the last one is a small page; what is never touched takes no memory.
        pages = mmap.mmap(-1, body + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError from error
    with contextlib.suppress(OSError):  # a kernel without large pages
        pages.madvise(mmap.MADV_HUGEPAGE, 0, body)
    return np.ndarray(shape, kind, buffer=pages, offset=_OFFSET)
