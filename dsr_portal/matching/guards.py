"""What the database refuses about waiting for the person: a case waits before its search only for
an open question, or for another photo or a choice where one can't be used as it is (R-06, D-07).

Words alone never let a case wait: they have no fact, no choices and no reminder. It stands here
because this room knows both.
"""

from dsr_portal.core.guards import Guard, guards

_NOTHING = (
    "NOT EXISTS (SELECT 1 FROM cases_ask WHERE case_id = NEW.id AND answered_at IS NULL) "
    "AND NOT EXISTS (SELECT 1 FROM matching_probe WHERE case_id = NEW.id "
    "AND state IN ('unusable', 'choosing'))"
)
guards.register(
    Guard(
        name="cases_waits_for_something",
        table="cases_case",
        when="UPDATE OF status",
        refuses=(
            f"NEW.status = 'needs_info' AND OLD.status IN ('received', 'identity') AND {_NOTHING}"
        ),
        says="cases: nothing was asked that the person could answer",
        needs=("cases_ask", "matching_probe"),
    )
)
