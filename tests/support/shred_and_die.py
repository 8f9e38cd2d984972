"""A process that destroys or replaces keys and is killed at the step named in its arguments."""

import os
import signal
import sys

import django


def main(work: str, stop_at: str, count: int) -> None:
    django.setup()
    from dsr_portal.core.actor import Actor
    from dsr_portal.vault import keys, rotation, shredding

    seen = 0

    def fault(step: str) -> None:
        nonlocal seen
        if step == stop_at:
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    keys.keeper().ring.fault = fault
    if work == "shred in steps":
        # As a run of many buckets does it: one of them in each step and each entry.
        shredding.STEP_BUCKETS = shredding.ENTRY_BUCKETS = 1
    if work == "rotate":
        rotation.rotate(actor=Actor.operator(), fault=fault)
    else:
        shredding.run_shred(fault=fault)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
