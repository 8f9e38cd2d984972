"""How long pictures of a source are kept: the controller's own term (Art. 5(1)(e); law N-08, A-08).

A term is a setting of policy, one for each source: two persons, the data protection officer's
advice and a note to the impact assessment change it (R34). It counts from the day a picture was
collected, where that is not known from the day of its import. Without one nothing ends by itself,
and answers say that none was stated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.core import clock
from dsr_portal.core.transactions import outside
from dsr_portal.gallery.facts import facts_of
from dsr_portal.gallery.models import Appearance, Source, SourceImage
from dsr_portal.policy import selectors as policy
from dsr_portal.policy.catalogue import FAMILIES, Definition, Family

PREFIX = "source_days_"
NONE = 0
LONGEST = 20 * 365
_GROUP = 8
"""Characters of an id together: the trail takes no longer run of digits in a code."""


@dataclass(frozen=True, slots=True)
class Term:
    """Days for which pictures of a source are kept, and since when that is in force."""

    days: int
    version: int
    since: date

    def ends_on(self, counted_from: date) -> date:
        """The day on which a picture is not to be kept any more."""
        return counted_from + timedelta(days=self.days)


def setting_of(source_id: UUID) -> str:
    """The name of a source's setting."""
    parts = [source_id.hex[at : at + _GROUP] for at in range(0, len(source_id.hex), _GROUP)]
    return PREFIX + "-".join(parts)


def term_of(source_id: UUID) -> Term | None:
    """The term in force; None where none was stated for this source."""
    row = policy.serving(setting_of(source_id))
    if row is None or row.approved_at is None:
        return None
    return Term(int(row.value), row.version, clock.local_date(row.approved_at))


def words(term: Term | None) -> str:
    """The period, or that there is none, as answers and the public notice print it (A-08)."""
    if term is None:
        return _("no period was stated")
    return _(
        "%(days)s days, counted from the day a picture was collected; where that is not recorded, "
        "from the day it was imported"
    ) % {"days": term.days}


# -- from when --------------------------------------------------------------------------------


def counted_from(collected: Iterable[str], imported_at: datetime) -> date:
    """The earliest of the days a picture was collected, never later than its import."""
    imported = clock.local_date(imported_at)
    return min([imported, *(day for one in collected if (day := _day(one)) is not None)])


def _day(text: str) -> date | None:
    """A day as a source writes it; None for what is no date."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.date() if moment.tzinfo is None else clock.local_date(moment)


def to_date(source_ids: Sequence[UUID]) -> QuerySet[SourceImage]:
    """Pictures of which nobody has read yet from when their term counts."""
    rows = SourceImage.objects.filter(source_id__in=source_ids, counted_from=None)
    return rows.exclude(state=SourceImage.State.ERASED)


@outside("Reading when pictures were collected")
def count(images: Sequence[SourceImage]) -> int:
    """Read from the facts of these pictures from when their term counts; how many were written.

    A picture that got further facts, or was put right, while they were read is read again later.
    """
    written = 0
    for image in images:
        fields = list(Appearance.objects.filter(image=image).values_list("field", flat=True))
        told = [str(facts_of(image.unit, one).get("collected_at", "")) for one in fields]
        day = counted_from(told, image.imported_at)
        same = SourceImage.objects.filter(id=image.id, unit=image.unit, counted_from=None)
        if Appearance.objects.filter(image=image).count() == len(fields):
            written += same.update(counted_from=day)
    return written


def count_again(image_ids: Iterable[UUID]) -> None:
    """Their facts changed: the day is read anew before anything ends."""
    SourceImage.objects.filter(id__in=list(image_ids)).update(counted_from=None)


# -- the settings -----------------------------------------------------------------------------


def _definition(name: str) -> Definition | None:
    source = _source_of(name)
    if source is None:
        return None
    label = _("Days for which pictures of %(source)s are kept (0: none stated)")
    return Definition(
        name,
        label % {"source": source.name},
        lambda: NONE,
        1,
        LONGEST,
        whole=True,
        dpia=True,
        why=_("No law fixes a term. A term that was stated can be changed, not taken away."),
    )


def _source_of(name: str) -> Source | None:
    try:
        return Source.objects.filter(id=UUID(name.removeprefix(PREFIX))).first()
    except ValueError:
        return None


def _names() -> list[str]:
    ids = Source.objects.order_by("name").values_list("id", flat=True)
    return [setting_of(source_id) for source_id in ids]


FAMILIES[PREFIX] = Family(_definition, _names)
