"""What a process that holds templates does so that freed memory does not keep them."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from numpy.typing import NDArray

# malloc.h of the GNU C library.
_M_MMAP_THRESHOLD: Final = -3
_M_TRIM_THRESHOLD: Final = -1
_LARGE: Final = 128 * 1024


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
