"""How large what is measured is: a few hundred thousand faces, or with FULL=1 the issue's sizes.

`make bench` ends in some twenty minutes on two processors; `FULL=1` takes hours. Single sizes are
set by their variable, DSR_BENCH_ROWS for example.
"""

import os


def is_full() -> bool:
    return os.environ.get("DSR_BENCH_FULL", "") not in ("", "0")


def size(variable: str, *, usual: int, full: int) -> int:
    """The size of this variable where it is set, else the usual or the full one."""
    return int(os.environ.get(variable) or (full if is_full() else usual))
