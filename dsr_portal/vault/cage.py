"""Runs a module confined: ``python -m dsr_portal.vault.cage MODULE [ARGUMENT ...]`` (rule R28).

For children that read one outside file from standard input and answer on standard output, such
as `dsr_portal.documents.inspect`. The cage closes before the module is imported. No Django.
"""

import ctypes
import resource
import runpy
import sys

MEMORY_BYTES = 1536 * 1024 * 1024
CPU_SECONDS = 60
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def confine() -> None:
    """No growth, no files written, no core, no new privileges and, where allowed, no network."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWNET)


def main(argv: list[str]) -> None:
    confine()
    sys.argv = argv
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
