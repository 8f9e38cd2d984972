"""What is read of the gallery: coverage, recipients, and records by address, file or picture."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput
from dsr_portal.gallery import hashes
from dsr_portal.gallery.models import (
    Appearance,
    Hold,
    ImportRun,
    LookUp,
    LookUpLog,
    Notice,
    PublicCopy,
    RecipientChannel,
    Record,
    Restriction,
    Source,
    SourceImage,
)
from dsr_portal.vault import services as vault


@dataclass(frozen=True, slots=True)
class Coverage:
    """R15, second claim: of `pictures` in the sources `searchable` have an enrolled face.

    `pictures` = `searchable` + `unreadable` + `faceless` + `pending`, counted from the sources.
    Of `crowds`, pictures among the searchable ones, `left_out` faces are not enrolled.
    """

    at: datetime
    sources: int
    pictures: int
    searchable: int
    faces: int
    unreadable: int
    faceless: int
    pending: int
    crowds: int
    left_out: int

    @property
    def not_searchable(self) -> int:
        """Pictures no search reaches, whatever the reason."""
        return self.unreadable + self.faceless + self.pending


@dataclass(frozen=True, slots=True)
class LookUpFact:
    """One thing a recipient was shown or given (Art. 15(1)(c)).

    `purpose` and `reference` (the recipient's own) are empty when the log had none.
    """

    recipient_id: UUID
    recipient: str
    country: str
    at: datetime
    purpose: str
    record_id: UUID
    way: str = LookUp.Way.SHOWN
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """How far one recipient is told of what happened in a case (Art. 19; law E-06, E-14)."""

    recipient_id: UUID
    recipient: str
    country: str
    ground: str
    state: str
    words: str
    way: str
    look_ups: int
    last_shown: datetime
    prepared_at: datetime
    released_at: datetime | None
    sent_at: datetime | None
    answered_at: datetime | None
    excuse: str
    reachable: bool
    """An address is listed, or two persons decided that none is needed."""

    @property
    def settled(self) -> bool:
        """Told and answered, or not to be told by decision of two persons."""
        return self.state in (Notice.State.DONE, Notice.State.REFUSED, Notice.State.EXCUSED)


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """From when to when a log of look-ups covers which system (R16)."""

    system: str
    covers_from: date
    covers_to: date
    rows: int
    unmatched: int
    recorded_at: datetime


def coverage(at: datetime | None = None) -> Coverage:
    """Counts of what the sources hold and what a search reaches, now or at a moment."""
    moment = at or clock.now()
    images = SourceImage.objects.exclude(state=SourceImage.State.ERASED).filter(
        imported_at__lte=moment
    )
    by_state = {state: images.filter(state=state).count() for state in SourceImage.State.values}
    alive = Q(state__in=[Record.State.HELD, Record.State.RESTRICTED])
    faces = Record.objects.filter(alive, enrolled_at__lte=moment)
    waiting = _not_yet_imported(moment) + by_state[SourceImage.State.PENDING]
    searchable = faces.values("image").distinct().count()
    unreadable = by_state[SourceImage.State.UNREADABLE]
    # A picture whose every face is being erased is still held, yet no search reaches it.
    without_face = by_state[SourceImage.State.NO_FACE] + (
        by_state[SourceImage.State.SEARCHABLE] - searchable
    )
    crowds = images.filter(state=SourceImage.State.SEARCHABLE, faces_left_out__gt=0)
    return Coverage(
        at=moment,
        sources=Source.objects.filter(created_at__lte=moment).count(),
        pictures=searchable + unreadable + without_face + waiting,
        searchable=searchable,
        faces=faces.count(),
        unreadable=unreadable,
        faceless=without_face,
        pending=waiting,
        crowds=crowds.count(),
        left_out=crowds.aggregate(faces=Coalesce(Sum("faces_left_out"), 0))["faces"],
    )


def _not_yet_imported(moment: datetime) -> int:
    running = ImportRun.objects.filter(state=ImportRun.State.RUNNING, started_at__lte=moment)
    sums = running.aggregate(
        **{name: Coalesce(Sum(name), 0) for name in ("seen", "imported", "duplicates", "refused")}
    )
    return max(0, sums["seen"] - sums["imported"] - sums["duplicates"] - sums["refused"])


def recipients_of(record_ids: Iterable[UUID]) -> list[LookUpFact]:
    """Who was shown these records, when and why; purposes are opened from the vault."""
    rows = (
        LookUp.objects.filter(record_id__in=list(record_ids))
        .select_related("recipient", "record")
        .order_by("at", "id")
    )
    return [_look_up_fact(row) for row in rows]


def _look_up_fact(row: LookUp) -> LookUpFact:
    purpose, reference = look_up_fields(row)
    return LookUpFact(
        recipient_id=row.recipient_id,
        recipient=row.recipient.name,
        country=row.recipient.country,
        at=row.at,
        purpose=purpose,
        record_id=row.record_id,
        way=row.way,
        reference=reference,
    )


def recipients_told(case_id: UUID) -> list[Told]:
    """Every recipient that has to be told in a case, with state and dates; empty: nobody has to."""
    rows = Notice.objects.filter(case_id=case_id).exclude(state=Notice.State.CANCELLED)
    serving = RecipientChannel.objects.filter(state=RecipientChannel.State.SERVING)
    listed = set(serving.values_list("recipient_id", flat=True))
    return [
        Told(
            recipient_id=row.recipient_id,
            recipient=row.recipient.name,
            country=row.recipient.country,
            ground=row.ground,
            state=row.state,
            words=row.get_state_display(),
            way=row.channel.kind if row.channel is not None else "",
            look_ups=row.look_ups,
            last_shown=row.last_shown,
            prepared_at=row.prepared_at,
            released_at=row.released_at,
            sent_at=row.sent_at,
            answered_at=row.answered_at,
            excuse=row.excuse_reason if row.state == Notice.State.EXCUSED else "",
            reachable=row.recipient_id in listed or row.state == Notice.State.EXCUSED,
        )
        for row in rows.select_related("recipient", "channel").order_by(
            "recipient__name", "recipient__country", "ground"
        )
    ]


def copies_of(case_id: UUID) -> list[PublicCopy]:
    """Steps about published copies in a case (Art. 17(2)), in the order they were written down."""
    return list(PublicCopy.objects.filter(case_id=case_id))


def purpose_field(look_up_id: UUID) -> str:
    """The field of the record's unit in which a look-up's purpose lies."""
    return f"lookup.{look_up_id}"


def reference_field(look_up_id: UUID) -> str:
    """The field of the record's unit in which the recipient's own reference lies."""
    return f"lookup.{look_up_id}.reference"


def look_up_fields(row: LookUp) -> tuple[str, str]:
    """Purpose and recipient's reference of a look-up, as far as its record's unit has them."""
    return (
        _sealed_words(row.record.unit, purpose_field(row.id)),
        _sealed_words(row.record.unit, reference_field(row.id)),
    )


def _sealed_words(unit: UUID, field: str) -> str:
    try:
        return vault.read(unit, field).decode()
    except (vault.UnknownUnit, vault.Shredded):
        return ""


def lookup_coverage() -> list[LogCoverage]:
    """The logs of look-ups that were recorded whole, in the order of what they cover."""
    rows = LookUpLog.objects.filter(state=LookUpLog.State.DONE).order_by("covers_from", "system")
    return [
        LogCoverage(
            row.system, row.covers_from, row.covers_to, row.rows, row.unmatched, row.recorded_at
        )
        for row in rows
    ]


def by_address(address: str) -> list[Record]:
    """Records of the pictures found at this page or picture address; none for no address."""
    try:
        hashed = hashes.of_address(address)
    except BadInput:
        return []
    seen_at = Appearance.objects.filter(Q(page_hash=hashed) | Q(image_hash=hashed))
    return _records_of(seen_at.values_list("image_id", flat=True))


def by_file(data: bytes) -> list[Record]:
    """Records of the picture with exactly these bytes."""
    images = SourceImage.objects.filter(file_hash=hashes.of_file(data))
    return _records_of(images.values_list("id", flat=True))


def by_path(path: str) -> list[Record]:
    """Records of the pictures imported under this path of their folder or manifest."""
    named = Appearance.objects.filter(path_hash=hashes.of_path(path))
    return _records_of(named.values_list("image_id", flat=True))


def _records_of(image_ids: Iterable[UUID]) -> list[Record]:
    rows = Record.objects.filter(image_id__in=list(image_ids)).exclude(state=Record.State.ERASED)
    return list(rows.select_related("image").order_by("image_id", "face_number"))


def other_records_of_image(record_id: UUID) -> list[Record]:
    """Other people's enrolled faces in the same picture that still exist."""
    image = Record.objects.filter(id=record_id).values("image")
    rows = Record.objects.filter(image__in=image).exclude(id=record_id)
    return list(rows.exclude(state=Record.State.ERASED).order_by("face_number"))


def restricted_by(case_id: UUID) -> set[UUID]:
    """Records this case restricts now."""
    rows = Restriction.objects.filter(case_id=case_id, lifted_at=None)
    return set(rows.values_list("record_id", flat=True))


def cases_on(record_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Cases that hold or restrict each of these records now, by record id."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    wanted = list(record_ids)
    for rows in (
        Hold.objects.filter(record_id__in=wanted, until=None),
        Restriction.objects.filter(record_id__in=wanted, lifted_at=None),
    ):
        for record_id, case_id in rows.values_list("record_id", "case_id"):
            found[record_id].add(case_id)
    return dict(found)
