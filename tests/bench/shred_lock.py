"""A process that does nothing but ask for SQLite's write lock, and says how long it was refused.

Arguments: the database; a file that says stop. It asks every half millisecond without waiting, so
a stretch of refusals is one lock, or several that followed each other faster than it can ask.
Prints "ready", then a JSON object: longest (ms), refused (ms in all), asked.
"""

import json
import sqlite3
import sys
import time
from pathlib import Path


def main(database: str, stop: Path) -> None:
    asking = sqlite3.connect(database, timeout=0, isolation_level=None)
    asking.execute("PRAGMA journal_mode")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    longest = refused = 0.0
    began: float | None = None
    asked = 0
    while not stop.exists():
        asked += 1
        try:
            asking.execute("BEGIN IMMEDIATE")
            asking.execute("ROLLBACK")
        except sqlite3.OperationalError:
            began = began or time.perf_counter()
        else:
            if began is not None:
                lasted = time.perf_counter() - began
                longest, refused, began = max(longest, lasted), refused + lasted, None
        time.sleep(0.0005)
    told = {"longest": longest * 1000, "refused": refused * 1000, "asked": asked}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
