"""What an order asks for, and the checks that say whether it is done (R23).

A check reads what the portal itself knows at that moment. What none covers is stated by a named
person and printed as "not checked"; it is never called done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.cases.lateness import owed
from dsr_portal.cases.models import Case
from dsr_portal.cases.ordered import answered_since
from dsr_portal.cases.states import OVER
from dsr_portal.compliance.models import Measure, MeasureKind
from dsr_portal.core.transactions import outside
from dsr_portal.erasure.models import Plan
from dsr_portal.gallery import scopes
from dsr_portal.gallery.models import CollectionStop

SCOPED = frozenset({MeasureKind.STOP, MeasureKind.ERASE})
"""Kinds whose scope is rules that a director signs; an erasure only where it names no case."""
TAKES_CASES = frozenset({MeasureKind.ANSWER, MeasureKind.ERASE, MeasureKind.INFORM})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: how many are left, or that no check covers the measure."""

    passes: bool | None
    left: int = 0


Check = Callable[[Measure], Finding]
_NO_CHECK = Finding(None)


def needs_signature(measure: Measure) -> bool:
    """Whether a director has to sign the scope before anything follows from it."""
    if measure.kind == MeasureKind.STOP:
        return True
    return measure.kind == MeasureKind.ERASE and not measure.cases.exists()


def scope_of(measure: Measure) -> CollectionStop:
    """The rules of a measure as a stop of collection, not saved."""
    return CollectionStop(
        country=measure.country, language=measure.language, with_place=measure.with_place
    )


def _left(number: int) -> Finding:
    return Finding(number == 0, number)


def _answer(measure: Measure) -> Finding:
    """Named: an answer left since it was ordered. None named: every request of that day."""
    named = measure.cases.select_related("case")
    if named:
        open_still = [
            one
            for one in named
            if not all(
                answered_since(row)
                for row in one.case.ordered_dates.filter(order_id=measure.order_id)
            )
        ]
        return _left(len(open_still))
    there = Case.objects.filter(received_on__lte=measure.order.served_on, delivered_at=None)
    return _left(sum(owed(one) == "answer" for one in there.iterator()))


def _erase(measure: Measure) -> Finding:
    named = set(measure.cases.values_list("case_id", flat=True))
    if named:
        # A case that was opened again is not done with what was erased before.
        done = Plan.objects.filter(
            case_id__in=named, case__status__in=OVER, verified_at__isnull=False
        )
        return _left(len(named - set(done.values_list("case_id", flat=True))))
    if not measure.signed_by:
        return Finding(passes=False)
    return _left(scopes.held(scope_of(measure)))


def _stop(measure: Measure) -> Finding:
    """The stop stands, and nothing it covers was imported since."""
    if measure.stop is None or measure.stop.lifted_at is not None:
        return Finding(passes=False)
    return _left(scopes.held(measure.stop, since=measure.stop.since))


def _inform(measure: Measure) -> Finding:
    """Something of ours left to each named person since the order was entered."""
    named = measure.cases.select_related("case")
    if not named:
        return _NO_CHECK
    since = measure.order.entered_at
    told = [
        one
        for one in named
        if one.case.letters.filter(sent_at__gte=since).exists()
        or one.case.deliveries.filter(released_at__gte=since).exists()
    ]
    return _left(len(named) - len(told))


def _representative(measure: Measure) -> Finding:
    return _left(int(not settings.DSR_CONTROLLER["representative"]))


def _none(measure: Measure) -> Finding:
    return _NO_CHECK


CHECKS: Mapping[str, Check] = {
    MeasureKind.ANSWER: _answer,
    MeasureKind.ERASE: _erase,
    MeasureKind.STOP: _stop,
    MeasureKind.INFORM: _inform,
    MeasureKind.REPRESENTATIVE: _representative,
    MeasureKind.QUESTIONS: _none,
    MeasureKind.OTHER: _none,
}


@outside("Checking a measure of an order")
def check(measure: Measure) -> Finding:
    """What is true of a measure now; a scope without rules opens every set of facts."""
    return CHECKS[measure.kind](measure)


def is_covered(measure: Measure) -> bool:
    """Whether a check covers it, so that nobody's word is needed or taken."""
    if measure.kind == MeasureKind.INFORM:
        return measure.cases.exists()
    return CHECKS[measure.kind] is not _none


def settled(measure: Measure) -> bool:
    """Whether nothing of it stands in the way of "complied"."""
    if is_covered(measure):
        return measure.passes is True
    return bool(measure.stated_by)


def words(measure: Measure, names: Mapping[str, str]) -> str:
    """Where a measure stands, as pages print it; `names` are those of staff by number."""
    if not is_covered(measure):
        if not measure.stated_by:
            return _("not stated by anybody yet; no check covers this")
        name = names.get(measure.stated_by, measure.stated_by)
        return _("stated by %(name)s, not checked") % {"name": name}
    if needs_signature(measure) and not measure.signed_by:
        return _("waits for a director's signature under its scope")
    if measure.checked_at is None:
        return _("not checked yet")
    if measure.passes:
        return _("done when checked")
    if measure.kind == MeasureKind.STOP and not measure.left:
        return _("the stop was lifted")
    return ngettext("%(left)s is left", "%(left)s are left", measure.left) % {"left": measure.left}
