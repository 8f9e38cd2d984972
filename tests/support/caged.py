"""Says from inside the cage what it may still do."""

import json
import resource
import signal
import sys
import tempfile
from pathlib import Path


def main() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    status = Path("/proc/self/status").read_text().splitlines()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 100_000)
        written = "done"
    except OSError:
        written = "refused"
    said = {
        "environment": len(Path("/proc/self/environ").read_bytes()),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "file": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "privileges": next(line for line in status if line.startswith("NoNewPrivs")).split()[1],
        "django": "django" in sys.modules,
        "written": written,
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
