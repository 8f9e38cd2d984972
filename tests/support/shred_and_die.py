"""A process that destroys keys and is killed at the step named in its argument (kill -9)."""

import os
import signal
import sys

import django


def main(stop_at: str, count: int) -> None:
    django.setup()
    from dsr_portal.vault import keys, shredding

    seen = 0

    def fault(step: str) -> None:
        nonlocal seen
        if step == stop_at:
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    keys.keeper().ring.fault = fault
    shredding.run_shred(fault=fault)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
