"""How long proof of a request is kept after its end, by state (law L-23; Art. 5(1)(e), 17(3)(e)).

The GDPR fixes no period. What is kept serves to defend claims, so it ends with their limitation.
Pure data and functions.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from dsr_portal.law.deadlines import add_months

TO_YEAR_END = frozenset({"DE"})
"""Where limitation begins with the end of the year in which the claim arose."""

NAMED = frozenset({"AT", "DE"})
"""States whose limitation of three years is written down here."""
NAMED_YEARS = 3


@dataclass(frozen=True, slots=True)
class Term:
    """The last day of the term and why it ends then; `years` it has at the least.

    `free_on`: from when what rests on it may go. A term to the end of a year runs to the last hour
    of that day; another one is over as the day of the same number begins.
    """

    until: date
    why: str
    years: int
    free_on: date


def term(*, closed_on: date, state: str, years: int) -> Term:
    """`years` is what the controller decided; a named state never has less than its limitation."""
    if state not in NAMED:
        until = add_months(closed_on, 12 * years)
        return Term(until, _("%(years)s years, as decided.") % {"years": years}, years, until)
    most = max(years, NAMED_YEARS)
    if state in TO_YEAR_END:
        why = _("%(years)s years from the end of the year (DE: sections 195, 199 BGB).")
        until = date(closed_on.year + most, 12, 31)
        return Term(until, why % {"years": most}, most, until + timedelta(days=1))
    why = _("%(years)s years (AT: section 1489 ABGB).") % {"years": most}
    until = add_months(closed_on, 12 * most)
    return Term(until, why, most, until)


def latest(terms: list[Term]) -> Term:
    """A claim can be brought in each of several states (Art. 79(2)): the longest counts."""
    return max(terms, key=lambda one: one.until)
