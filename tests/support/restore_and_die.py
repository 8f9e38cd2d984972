"""Restores that are killed (kill -9), one after another, at the points named; prints what is there.

One process is set up; each restore is a child of it, which dies at its point. The last argument
"" is a restore that is left alone.
"""

import json
import os
import signal
import sys
from pathlib import Path

import django


def main(folder: str, points: list[str]) -> None:
    django.setup()
    from django.db import connection

    seen = []
    for point in points:
        child = os.fork()
        if not child:
            _restore(Path(folder), point)
        _pid, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        there = connection.vendor != "sqlite" or Path(connection.settings_dict["NAME"]).exists()
        seen.append({"point": point, "killed": killed, "code": status >> 8, "database": there})
    sys.stdout.write(json.dumps(seen))


def _restore(folder: Path, stop_at: str) -> None:
    from dsr_portal.core.errors import PortalError
    from dsr_portal.erasure import restoring

    def fault(point: str) -> None:
        if point == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    restoring.fault = fault
    try:
        restoring.restore(folder)
    except PortalError as error:
        sys.stderr.write(f"{error} {error.context}\n")
        os._exit(3 if error.code == "not_empty" else 4)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
