"""A process of the portal that reads and writes units until a file says stop; prints what failed.

Arguments: the file; ids of units whose field "note" is their own id. Prints "ready" once it has
written and read, and at the end a JSON object: written, read, failed (names of errors).
"""

import json
import sys
from pathlib import Path
from uuid import UUID

import django


def main(stop: Path, kept: list[UUID]) -> None:
    django.setup()
    from dsr_portal.audit import services as audit
    from dsr_portal.core.ids import new_id
    from dsr_portal.vault import services
    from dsr_portal.vault.kinds import UnitKind

    @services.retry_stale
    def write() -> UUID:
        with audit.unit_of_work():
            staged = services.stage_unit(kind=UnitKind.PROBE, owner=new_id())
            staged.add("note", staged.unit_id.bytes)
            return staged.save()

    written: list[UUID] = []
    read, failed = 0, []
    while not stop.exists():
        try:
            written.append(write())
            for unit in [*kept, *written[-5:]]:
                if services.read(unit, "note") != unit.bytes:
                    failed.append("other bytes")
                read += 1
        except Exception as error:  # noqa: BLE001 - counted, the test reads the names
            failed.append(repr(error))
        if len(written) == 1:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
    for unit in written:
        if services.read(unit, "note") != unit.bytes:
            failed.append("lost")
    sys.stdout.write(json.dumps({"written": len(written), "read": read, "failed": failed}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [UUID(one) for one in sys.argv[2:]])
