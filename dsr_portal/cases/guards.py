"""What the database refuses about a case: a later day of arrival, a step that does not exist."""

from dsr_portal.cases.models import Status
from dsr_portal.cases.states import TRANSITIONS
from dsr_portal.core.guards import Guard, guards, steps

guards.register(
    Guard(
        name="cases_received_at_fixed",
        table="cases_case",
        when="UPDATE",
        refuses=(
            "NEW.received_at <> OLD.received_at OR NEW.received_on <> OLD.received_on "
            "OR (OLD.corrected_on IS NOT NULL "
            "AND (NEW.corrected_on IS NULL OR NEW.corrected_on > OLD.corrected_on))"
        ),
        says="cases: the day a request arrived never gets later",
    )
)
guards.register(
    Guard(
        name="cases_steps",
        table="cases_case",
        when="UPDATE OF status",
        refuses=steps(
            "status",
            {(str(before), str(arrow.target)) for (before, _do), arrow in TRANSITIONS.items()}
            # After a restore what the ledger destroyed is destroyed again, wherever it stood.
            | {(str(before), str(Status.PURGED)) for before in Status},
        ),
        says="cases: no step leads from this state to that one",
    )
)
