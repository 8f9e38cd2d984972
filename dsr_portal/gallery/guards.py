"""What the database refuses about a record: a step between states that does not exist (R1); and
about a picture put aside: that one person alone makes it less than was said (law C-09)."""

from dsr_portal.core.guards import Guard, guards, steps
from dsr_portal.gallery.models import Record
from dsr_portal.gallery.states import ARROWS

guards.register(
    Guard(
        name="gallery_record_steps",
        table="gallery_record",
        when="UPDATE OF state",
        refuses=steps(
            "state",
            {(str(before), str(after)) for (before, _do), after in ARROWS.items()}
            # After a restore what the ledger destroyed is erased again, wherever it stood.
            | {(str(before), str(Record.State.ERASED)) for before in Record.State},
        ),
        says="gallery: no step leads from this state of a record to that one",
    )
)
guards.register(
    Guard(
        name="gallery_put_aside_lowered_by_two",
        table="gallery_putaside",
        when="UPDATE OF kind",
        refuses="OLD.kind = 'ABUSE' AND NEW.kind <> 'ABUSE' AND NEW.lowered_by = ''",
        says="gallery: that it shows no abuse of a child takes two persons",
    )
)
