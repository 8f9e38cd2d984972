"""Which pictures are past their source's term, and why one is not taken yet (law A-16, N-08).

A term does not cut off a request. While a case is open that was received on or before the day a
picture's term ended, and nobody has decided yet which pictures are that person's, the picture
stays: deleting it would avoid the answer (EDPB 01/2022, section 2.3.3). Cases received later find
what is left. So each picture waits for cases that are known on that day and for no others, and the
waiting ends with the last decision among them. What a request holds or locks, what is put aside and
what an authority inspects stays as long as that lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import models
from django.db.models import Min, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases.models import Case, HeldBack, Withheld
from dsr_portal.cases.states import BEFORE_DECISION
from dsr_portal.core import clock
from dsr_portal.erasure.models import Duplicate, Plan, PlanRecord, PlanState
from dsr_portal.erasure.retirement_models import Retirement
from dsr_portal.gallery import covers, terms
from dsr_portal.gallery.models import Hold, InspectionHold, Record, Restriction, Source, SourceImage
from dsr_portal.gallery.terms import Term
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching.models import Search, SearchState

SOON = timedelta(days=30)
RETIRE = "erasure.retire"
CHECK = "erasure.retire_check"

Images = models.QuerySet[SourceImage]


class Why(models.TextChoices):
    """What keeps a picture after its term; one word for all that a request can do to it, for a
    person who decides blind must not see it change (R19)."""

    UNDECIDED = "undecided", _("a request that came before is not decided yet")
    NEEDED = "needed", _("a request holds or locks it, or it is put aside")
    INSPECTED = "inspected", _("an authority wants to look first")


@dataclass(frozen=True, slots=True)
class Ends:
    """What stands of one source, in pictures; `waits` has each past its term once."""

    source: Source
    term: Term | None
    standing: int
    undated: int
    soon: int
    past: int
    waits: Sequence[tuple[Why, int]]
    gone: int
    stopped: bool

    @property
    def free(self) -> int:
        """Those the next runs take."""
        return self.past - sum(count for _why, count in self.waits)


def standing(source: Source) -> Images:
    return SourceImage.objects.filter(source=source).exclude(state=SourceImage.State.ERASED)


def past(source: Source, term: Term) -> Images:
    """Pictures whose term has ended."""
    last = clock.today() - timedelta(days=term.days)
    return standing(source).filter(counted_from__lte=last)


def free(source: Source, term: Term) -> Images:
    """Those of them that nothing keeps, the oldest first."""
    rows = past(source, term)
    for _why, kept in _keeps(source, term):
        rows = rows.exclude(kept)
    return rows.order_by("counted_from", "id")


def overview() -> list[Ends]:
    """Every source, with what ends and what waits; nothing is written."""
    return [_of(source) for source in Source.objects.order_by("name")]


def _of(source: Source) -> Ends:
    term = terms.term_of(source.id)
    rows = standing(source)
    waits: list[tuple[Why, int]] = []
    over = soon = 0
    if term is not None:
        left = past(source, term)
        over = left.count()
        ending = clock.today() + SOON - timedelta(days=term.days)
        soon = rows.filter(counted_from__lte=ending).count() - over
        for why, kept in _keeps(source, term):
            waits.append((why, left.filter(kept).count()))
            left = left.exclude(kept)
    return Ends(
        source=source,
        term=term,
        standing=rows.count(),
        undated=rows.filter(counted_from=None).count(),
        soon=soon,
        past=over,
        waits=[one for one in waits if one[1]],
        gone=SourceImage.objects.filter(retired__retirement__source=source).count(),
        stopped=_stopped(source),
    )


def _stopped(source: Source) -> bool:
    """Whether a run of this source failed for good and waits for the operator."""
    rows = Retirement.objects.filter(source=source).exclude(state=Retirement.State.DONE)
    ids = [str(one) for one in rows.values_list("id", flat=True)]
    return failed_jobs().filter(subject__in=ids).exists()


def failed_jobs() -> models.QuerySet[Job]:
    """Runs and checks that failed for good."""
    return Job.objects.filter(kind__in=(RETIRE, CHECK), state=JobState.FAILED)


# -- what keeps a picture ---------------------------------------------------------------------


def _keeps(source: Source, term: Term) -> list[tuple[Why, Q]]:
    return [
        (Why.INSPECTED, _inspected(source)),
        (Why.NEEDED, _needed()),
        (Why.UNDECIDED, _undecided(term)),
    ]


def _everything(wanted: bool) -> Q:
    return Q(pk__isnull=not wanted)


def _inspected(source: Source) -> Q:
    holds = InspectionHold.objects.filter(Q(source=None) | Q(source=source), lifted_at=None)
    return _everything(holds.exists())


def _needed() -> Q:
    """Held or locked by a case, exempted, part of an erasure, or put aside: any face of it."""
    going = Plan.objects.exclude(state__in=(PlanState.DONE, PlanState.STOPPED))
    today = clock.today()
    exempted = Withheld.objects.filter(what=HeldBack.ERASURE, until__gte=today)
    records = Record.objects.filter(
        Q(id__in=Hold.objects.filter(until=None).values("record"))
        | Q(id__in=Restriction.objects.filter(lifted_at=None).values("record"))
        | Q(id__in=PlanRecord.objects.filter(plan__in=going).values("record"))
        | Q(id__in=exempted.values("record_id"))
        | Q(state__in=(Record.State.RESTRICTED, Record.State.ERASING))
    )
    copies = Duplicate.objects.filter(plan__in=going)
    return (
        Q(id__in=records.values("image"))
        | Q(id__in=copies.values("image"))
        | Q(id__in=covers.covered_images())
    )


def _undecided(term: Term) -> Q:
    """Pictures whose term ended on or after the day the oldest undecided case was received.

    It ended on the latest of: the day counted, the day the term came in force, the import. Else a
    shorter term, or a late import, would take at once what was held when somebody asked.
    """
    first = _first_undecided()
    if first is None:
        return _everything(False)
    if term.since >= first:
        return _everything(True)
    morning = timezone.make_aware(datetime.combine(first, time.min))
    day = first - timedelta(days=term.days)
    return Q(counted_from__gte=day) | Q(imported_at__gte=morning)


def _first_undecided() -> date | None:
    """The day the oldest case was received of which nobody knows yet which pictures are meant."""
    looking = Search.objects.filter(state__in=(SearchState.RUNNING, SearchState.PRELIMINARY))
    rows = Case.objects.filter(Q(status__in=BEFORE_DECISION) | Q(id__in=looking.values("case")))
    oldest = rows.aggregate(first=Min("received_at"))["first"]
    return None if oldest is None else clock.local_date(oldest)
