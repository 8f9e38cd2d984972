"""Figures over many requests, for the board, an audit report and an authority's questions (L-18).

And the rates of law B-09: photos we could not use, searches that found nothing, by outcome. No
figure is kept by who people are: there is no such field to count by.

Small numbers: one figure is never split by a second one, so no cell names a right, a country and an
outcome at once; countries with fewer than five requests stand together; a middle or a share of
fewer than five is not printed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.audit.models import Event
from dsr_portal.cases.models import (
    Case,
    CaseRight,
    Channel,
    Extension,
    Lateness,
    Outcome,
    RightCode,
    Status,
)
from dsr_portal.compliance.models import Breach, BreachKind, MeasureCase
from dsr_portal.core import clock
from dsr_portal.law.country_names import country_name
from dsr_portal.matching.models import Probe, Review, ReviewState, Search, SearchState
from dsr_portal.matching.words import desk_words
from dsr_portal.recognition import calibration

FEWEST = 5
"""Fewer than this could point at somebody."""
YEAR = timedelta(days=365)
_REFUSED = (Outcome.REFUSED, Outcome.PARTLY_REFUSED)
Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted over the requests that arrived from one day to another, both included."""

    first: date
    last: date
    requests: int
    by_right: Rows
    by_country: Rows
    by_channel: Rows
    by_status: Rows
    by_outcome: Rows
    times: Rows
    trouble: Rows
    rates: Rows

    def sections(self) -> list[dict[str, Any]]:
        """The same rows wherever they are printed."""
        period = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        parts = (
            ("rights", _("Requests by right"), self.by_right),
            ("countries", _("Requests by country"), self.by_country),
            ("channels", _("Requests by way in"), self.by_channel),
            ("states", _("Requests by state"), self.by_status),
            ("outcomes", _("Requests by outcome"), self.by_outcome),
            ("times", _("Time and dates"), self.times),
            ("trouble", _("Refused, disputed, wrong"), self.trouble),
            ("rates", _("Rates of photos and searches"), self.rates),
        )
        found: list[dict[str, Any]] = [
            {"id": f"statistics-{name}", "heading": heading, "text": "", "rows": rows}
            for name, heading, rows in parts
        ]
        found[0]["text"] = (
            _(
                "Requests that arrived from %(first)s to %(last)s, as they stand now. Each figure "
                "stands alone; countries with fewer than five requests stand together."
            )
            % period
        )
        return found


def of_period(first: date, last: date) -> Figures:
    """Count now; nothing is stored."""
    cases = Case.objects.filter(received_on__gte=first, received_on__lte=last).order_by()
    return Figures(
        first=first,
        last=last,
        requests=cases.count(),
        by_right=_by_right(cases),
        by_country=_together(Counter(cases.values_list("country", flat=True))),
        by_channel=_labelled(Channel, cases.values_list("channel", flat=True)),
        by_status=_labelled(Status, cases.values_list("status", flat=True)),
        by_outcome=_labelled(Outcome, cases.exclude(outcome="").values_list("outcome", flat=True)),
        times=_times(cases),
        trouble=_trouble(cases),
        rates=_rates(cases),
    )


def of_last_year() -> Figures:
    """Twelve months up to today."""
    today = clock.today()
    return of_period(today - YEAR, today)


def _by_right(cases: QuerySet[Case]) -> Rows:
    asked = CaseRight.objects.filter(case__in=cases).values_list("right", flat=True)
    return [(_("Requests"), str(cases.count())), *_labelled(RightCode, asked)]


def _labelled(kinds: Any, values: Iterable[str]) -> Rows:
    found = Counter(values)
    return [(str(kind.label), str(found[kind.value])) for kind in kinds if found[kind.value]]


def _together(found: Counter[str]) -> Rows:
    """Countries by name; small ones together, and with them the next larger one while what stands
    together is small itself: the total would give it away."""
    large = sorted((one for one in found if found[one] >= FEWEST), key=lambda one: found[one])
    rest = sum(number for number in found.values() if number < FEWEST)
    while 0 < rest < FEWEST and large:
        rest += found[large.pop(0)]
    rows = [
        (country_name(one) if one else _("not stated"), str(found[one])) for one in sorted(large)
    ]
    return [*rows, (_("other countries together"), str(rest))] if rest else rows


def _times(cases: QuerySet[Case]) -> Rows:
    answered = cases.exclude(delivered_at=None).values_list("received_on", "delivered_at")
    days = [(clock.local_date(left) - arrived).days for arrived, left in answered if left]
    middle = f"{median(days):g}" if len(days) >= FEWEST else _("fewer than five answers")
    extended = Extension.objects.filter(case__in=cases, void=False, told_on__isnull=False)
    return [
        (_("Answered"), str(len(days))),
        (_("Days from receipt to answer, the middle one"), middle),
        (_("Late at some time"), str(_cases_of(Lateness.objects.filter(case__in=cases)))),
        (_("Late now"), str(_cases_of(Lateness.objects.filter(case__in=cases, ended_at=None)))),
        (_("Extended"), str(extended.count())),
    ]


def _cases_of(rows: QuerySet[Any]) -> int:
    return rows.values("case_id").distinct().count()


def _trouble(cases: QuerySet[Case]) -> Rows:
    packs = Event.objects.filter(type="case.complaint_pack", case_id__in=cases.values("id"))
    wrong = Breach.objects.filter(case__in=cases, kind=BreachKind.WRONG_PERSON)
    return [
        (_("Refused, in part or whole"), str(cases.filter(outcome__in=_REFUSED).count())),
        (_("Papers for a complaint were taken"), str(packs.values("case_id").distinct().count())),
        (
            _("Complaints an authority put to us"),
            str(_cases_of(MeasureCase.objects.filter(case__in=cases))),
        ),
        (_("Wrong matches: pictures of somebody else were shown"), str(_cases_of(wrong))),
    ]


# -- rates (law B-09) ---------------------------------------------------------------------------


def _rates(cases: QuerySet[Case]) -> Rows:
    judged = Probe.objects.filter(case__in=cases).exclude(verdict="")
    unusable = Counter(judged.exclude(verdict="ok").values_list("verdict", flat=True))
    photos = judged.count()
    searched = Search.objects.filter(case__in=cases, state=SearchState.COMPLETE, since=None)
    decided = Review.objects.filter(search__in=searched, state=ReviewState.DONE)
    ended = decided.values("case_id").distinct().count()
    nothing = cases.filter(outcome=Outcome.NOTHING_FOUND, id__in=decided.values("case_id")).count()
    return [
        (_("Photos that could not be used"), share(sum(unusable.values()), photos)),
        *(
            (_("Could not be used: %(why)s") % {"why": desk_words(code)}, share(number, photos))
            for code, number in sorted(unusable.items())
        ),
        (_("Searches decided by two persons that found nothing"), share(nothing, ended)),
        (_("Pose check that was not passed"), _("no check with a camera exists")),
        (_("Yearly test on a lawful set of pictures"), yearly_test()),
    ]


def share(part: int, whole: int) -> str:
    """Never a share of a few: it would be one person's fate."""
    words = _("%(part)s of %(whole)s") % {"part": part, "whole": whole}
    return f"{words} ({100 * part / whole:.1f} %)" if whole >= FEWEST else words


def yearly_test() -> str:
    """The slot for the test: its name and day, or that there was none here."""
    served = calibration.in_force()
    if served is None or served.shipped:
        return _("none was made here")
    words = _("%(name)s of %(day)s, %(people)s people") % {
        "name": served.content["set_name"],
        "day": served.content["made_on"],
        "people": served.content["people"],
    }
    if clock.today() - date.fromisoformat(served.content["made_on"][:10]) > YEAR:
        words += "; " + _("older than a year")
    return words
