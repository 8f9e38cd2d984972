"""Looking records up by what the person named: no photo, no face compared (law T-06, Art. 11(2)).

A page address and the very file are found by keyed hash, an account name by opening facts in
memory. What is found becomes candidates like any other: held, and decided by two persons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import children, mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, WayIn, WayKind
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.core.transactions import outside
from dsr_portal.gallery import named as gallery
from dsr_portal.gallery import services as records
from dsr_portal.gallery.models import Record
from dsr_portal.gallery.selectors import coverage
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching.around import LOOKED_IN, Around
from dsr_portal.matching.models import Candidate, Probe, ProbeState, Search, SearchKind
from dsr_portal.matching.reviewers import require_reviewer
from dsr_portal.recognition import changes
from dsr_portal.vault import services as vault

FOUND_BY = {WayKind.PAGE: "address", WayKind.FILE: "file", WayKind.ACCOUNT: "account"}
"""What a look-up may go by, and what a candidate keeps of it."""

NO_FACE_FLAG = "named_picture_without_face"
NO_NAME_FLAG = "account_name_not_readable"


@dataclass(frozen=True, slots=True)
class Found:
    """What one thing the person named led to: pictures, and the standing records in them."""

    way_id: UUID
    kind: str
    images: tuple[UUID, ...]
    records: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """Everything a look-up found among `pictures` pictures in the sources, now.

    `unread`: an account was named in words from which nobody can read a name.
    """

    found: tuple[Found, ...]
    pictures: int
    unread: bool = False

    @property
    def records(self) -> tuple[UUID, ...]:
        """Records in the order of what was named, each once."""
        return tuple(dict.fromkeys(one for found in self.found for one in found.records))

    def summary(self) -> list[dict[str, Any]]:
        """For each kind of what was named: how many were, and how many pictures they led to."""
        rows = []
        for kind in FOUND_BY:
            same = [one for one in self.found if one.kind == kind]
            if same:
                images = {image for one in same for image in one.images}
                rows.append({"kind": str(kind), "named": len(same), "found": len(images)})
        return rows


def named_ways(case: Case) -> list[WayIn]:
    """What the person gave that records can be looked up by, in the order it was given."""
    return [
        way
        for way in case.ways.filter(kind__in=list(FOUND_BY)).order_by("id")
        if way.keyed_hash or way.kind == WayKind.ACCOUNT
    ]


@outside("Looking records up")
def look_up(case: Case) -> LookedUp:
    """Look everything up that was named; reads only."""
    found = []
    unread = False
    for way in named_ways(case):
        if way.kind == WayKind.ACCOUNT:
            words = vault.read(case.file_unit, way.field).decode()
            unread |= not gallery.can_read_account(words)
            pictures = gallery.of_account(words)
        else:
            pictures = _by_hash(way)
        found.append(Found(way.id, way.kind, pictures.images, pictures.records))
    return LookedUp(tuple(found), coverage().pictures, unread)


def _by_hash(way: WayIn) -> gallery.Pictures:
    hashed = way.keyed_hash or ""
    return gallery.at_address(hashed) if way.kind == WayKind.PAGE else gallery.of_file(hashed)


def is_known(case: Case) -> bool:
    """Whether who is asking is known well enough to look up what they named (R2).

    A check that compares faces was about the photo, and a look-up compares none: it does not count.
    """
    return min(case.level, cases.known_without_photo(case)) >= case.required_level


def start_look_up(*, case_id: UUID, actor: Actor) -> Search:
    """Look records up by what the person named, without a photo.

    The identity level comes first as before a face search (R2), by ways that compare no face, and
    where staff entered the request another person's look at the original (R20). Raises
    `NotAllowed("level_not_met")`, `Conflict` with nothing_named, origin_first, photo_first,
    no_such_step, or what `mandates.in_the_way` says.
    """
    require_reviewer(actor)
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        if not named_ways(case):
            raise Conflict(
                "nothing_named", _("The person named no address, file or account to look up.")
            )
        if not cases.origin_confirmed(case=case):
            raise Conflict("origin_first", _("Another person has to see the original first."))
        mandates.require_clear(case)
        children.require_clear(case)
        if Probe.objects.filter(case=case, state=ProbeState.RECEIVED).exists():
            raise Conflict(
                "photo_first",
                _("A photo is being checked. If it can be used, one search does both."),
            )
        if not is_known(case):
            raise NotAllowed(
                "level_not_met",
                _("Nothing is looked up before the identity level is met without a photo."),
                level=cases.known_without_photo(case),
            )
        search = Search.objects.create(case=case, kind=SearchKind.LOOK_UP, started_at=clock.now())
        cases.advance(case=case, action=Action.START_SEARCH, actor=actor)
        record("search.queued", actor=actor, case_id=case.id, subject_id=search.id)
        enqueue(
            kind="matching.look_up",
            subject=search.id,
            idempotency_key=f"matching.look_up:{search.id}",
        )
        return search


def write_found(
    row: Search, looked_up: LookedUp, *, actor: Actor, milliseconds: int, about: Around
) -> None:
    """Keep what a look-up found, in the unit of work that ends the search."""
    row.looked_up = looked_up.summary()
    row.pictures = looked_up.pictures
    _write_candidates(row, looked_up.found, actor)
    if _without_face(looked_up.found):
        cases.raise_flag(case_id=row.case_id, code=NO_FACE_FLAG, actor=actor)
    if looked_up.unread:
        cases.raise_flag(case_id=row.case_id, code=NO_NAME_FLAG, actor=actor)
    record(
        "search.looked_up",
        actor=actor,
        case_id=row.case_id,
        subject_id=row.id,
        kinds=[one["kind"] for one in row.looked_up],
        named=len(looked_up.found),
        found=len({image for one in looked_up.found for image in one.images}),
        pictures=row.pictures,
        records=len(looked_up.records),
        milliseconds=milliseconds,
        change=changes.head_number(),
        **about.fields(sorted({LOOKED_IN[WayKind(one["kind"])] for one in row.looked_up})),
    )


def _write_candidates(row: Search, found: Sequence[Found], actor: Actor) -> None:
    """Insert what is new after what a comparison found, and hold it (R1).

    A record that another case began to erase meanwhile is no candidate any more.
    """
    ids = {one for each in found for one in each.records}
    standing = records.hold(record_ids=ids, case_id=row.case_id, actor=actor)
    known = {one.record_id: one for one in Candidate.objects.filter(case=row.case)}
    rank = max((one.rank for one in known.values()), default=0)
    for each in found:
        for record_id in each.records:
            candidate = known.get(record_id)
            if record_id not in standing or (candidate is not None and candidate.way_id):
                continue
            if candidate is None:
                rank += 1
                candidate = Candidate(
                    case=row.case,
                    search=row,
                    record_id=record_id,
                    found_by=FOUND_BY[WayKind(each.kind)],
                    rank=rank,
                )
            candidate.way_id = each.way_id
            candidate.save()
            known[record_id] = candidate


def _without_face(found: Sequence[Found]) -> bool:
    """Whether a picture was found in which nobody can be reviewed: no face was enrolled from it."""
    images = {image for one in found for image in one.images}
    enrolled = Record.objects.filter(image_id__in=images).exclude(state=Record.State.ERASED)
    return len(images) > enrolled.values("image").distinct().count()
