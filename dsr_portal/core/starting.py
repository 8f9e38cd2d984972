"""A quick start of a process: what it loads is never looked through for garbage.

A process of the portal loads a thousand modules, all of which stay. Python's collector goes through
them again and again while they load, at every large collection afterwards, and twice more at the
end, when the memory goes back anyway: half of the time a short command takes. So it waits until
everything is loaded, keeps off what is there then, and off everything at the end. Children that a
worker forks share those pages, too: a collection does not write into them.
"""

import atexit
import gc


def begin() -> None:
    """First of all in a process; `loaded` follows."""
    gc.disable()
    atexit.register(gc.freeze)


def loaded() -> None:
    """Everything is loaded that the process needs to begin its work."""
    gc.freeze()
    gc.enable()
