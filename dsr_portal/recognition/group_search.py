"""One search by several groups of shards: a job row each, merged by the last to finish (design, 6).

Each group sweeps its own rows and counts them against the database. The whole is whole only when
every group has answered, each compared all of its rows, and rows were dealt out to groups in the
same way for all of them (`holder.layout`): then every enrolled face was compared once. When shards
were sealed in between, all groups are asked again.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Max, Q, Sum
from django.utils.translation import gettext as _

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.errors import Conflict, Unavailable
from dsr_portal.core.transactions import outside
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.context import JobContext
from dsr_portal.jobs.errors import Permanent
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import groups
from dsr_portal.recognition.models import GroupHit, GroupPart, GroupSearch
from dsr_portal.vault import services as vault

if TYPE_CHECKING:
    from dsr_portal.recognition.services import RecordHit, SearchOutcome

PART = "recognition.search_group"
MOST_ROUNDS = 5

State = GroupSearch.State


def ask(
    *,
    key: str,
    pictures: Sequence[tuple[UUID, str]],
    threshold: float,
    nearest: int = 0,
    confirmed: Sequence[UUID] = (),
    then: tuple[str, UUID] | None = None,
) -> GroupSearch:
    """Have every group search for the person in `pictures` (vault unit and field of each photo).

    The faces of `confirmed` records widen the probe; which of them may was found out before
    (`services.faces_to_widen`). Call inside a unit of work; the same key asks once. `then` is the
    kind and subject of the job that is made when the last group has answered.
    """
    kind, subject = then or ("", "")
    search, new = GroupSearch.objects.get_or_create(
        key=key,
        defaults={
            "pictures": [[str(unit), field] for unit, field in pictures],
            "threshold": threshold,
            "nearest": nearest,
            "confirmed": [str(record_id) for record_id in confirmed],
            "then_kind": kind,
            "then_subject": str(subject),
            "asked_at": clock.now(),
        },
    )
    if new:
        _ask_groups(search)
    return search


def _ask_groups(search: GroupSearch) -> None:
    for group in groups.every():
        part = GroupPart.objects.create(search=search, group=group, round=search.round)
        jobs.enqueue(
            kind=groups.kind(PART, group), subject=part.id, idempotency_key=f"{PART}:{part.id}"
        )


@outside("Searching the gallery")
def answer(ctx: JobContext) -> None:
    """Job recognition.search_group: sweep this group's rows; the last of the groups merges."""
    from dsr_portal.recognition.fusing import ProbeTemplate
    from dsr_portal.recognition.services import search_own_rows

    part = GroupPart.objects.select_related("search").filter(id=ctx.subject_id).first()
    if part is None or part.done:
        return
    if part.group != groups.own():
        raise Permanent("wrong_group", "This process holds the shards of another group.")
    search = part.search
    photos = [vault.read(UUID(unit), field) for unit, field in search.pictures]
    confirmed = [UUID(record_id) for record_id in search.confirmed]
    with ProbeTemplate(photos, confirmed, frozenset(confirmed)) as template:
        outcome, below, layout = search_own_rows(template, search.threshold, nearest=search.nearest)
    with ctx.complete():
        locked = GroupSearch.objects.select_for_update().filter(id=search.id).first()
        if locked is None:
            return  # Whoever asked does not want it any more.
        _write(part, outcome, below, layout)
        if not locked.parts.filter(round=locked.round, done=False).exists():
            _merge(locked)


def _write(
    part: GroupPart, outcome: "SearchOutcome", below: Sequence["RecordHit"], layout: str
) -> None:
    part.done, part.layout = True, layout
    part.model = engines.model_row()
    part.compared, part.enrolled = outcome.compared, outcome.enrolled
    part.found_by_graph, part.added_by_sweep = outcome.found_by_graph, outcome.added_by_sweep
    part.swept_only, part.applied_change = outcome.swept_only, outcome.applied_change
    part.milliseconds = outcome.milliseconds
    part.save()
    GroupHit.objects.bulk_create(
        GroupHit(
            part=part, record_id=hit.record_id, score=hit.score, found_by=hit.found_by, below=under
        )
        for under, hits in ((False, outcome.hits), (True, below))
        for hit in hits
    )


def _merge(search: GroupSearch) -> None:
    """Under the search's lock: whole, or once more, or told as incomplete."""
    parts = list(search.parts.filter(round=search.round))
    one_layout = len({(part.layout, part.model_id) for part in parts}) == 1
    if one_layout and all(part.compared == part.enrolled for part in parts):
        search.state = State.COMPLETE
    elif search.round < MOST_ROUNDS:
        search.round += 1
        search.save(update_fields=["round"])
        _ask_groups(search)
        return
    else:
        search.state = State.INCOMPLETE
    search.finished_at = clock.now()
    search.save(update_fields=["state", "finished_at"])
    if search.then_kind:
        jobs.enqueue(
            kind=search.then_kind,
            subject=search.then_subject,
            idempotency_key=_merged_key(search),
        )


def _merged_key(search: GroupSearch) -> str:
    return f"{PART}:merged:{search.id}"


# -- reading ------------------------------------------------------------------------------------


def waiting_for(key: str) -> list[int]:
    """The groups that have not answered yet; none when the search has ended."""
    search = GroupSearch.objects.get(key=key)
    rows = search.parts.filter(round=search.round, done=False)
    return list(rows.order_by("group").values_list("group", flat=True))


def is_asked(key: str) -> bool:
    """Whether a search stands under this key."""
    return GroupSearch.objects.filter(key=key).exists()


def used(key: str) -> list[UUID]:
    """The records whose faces widen the search."""
    return [UUID(record_id) for record_id in GroupSearch.objects.get(key=key).confirmed]


def failed_jobs(key: str) -> list[Job]:
    """Jobs of a search that failed for good: those of groups, and the one that takes the answer."""
    search = GroupSearch.objects.filter(key=key).first()
    if search is None:
        return []
    parts = search.parts.filter(round=search.round, done=False).values_list("id", flat=True)
    of_groups = Q(kind__startswith=PART, subject__in=[str(one) for one in parts])
    of_merge = Q(idempotency_key=_merged_key(search))
    return list(Job.objects.filter(of_groups | of_merge, state=JobState.FAILED).order_by("id"))


def merged(key: str) -> tuple["SearchOutcome", list["RecordHit"]]:
    """The answer of all groups together, and the nearest below the threshold.

    Raises `Unavailable` while a group is missing and `Conflict` when the search ended incomplete:
    then nothing may be counted or claimed.
    """
    from dsr_portal.recognition.services import SearchOutcome

    search = GroupSearch.objects.get(key=key)
    if search.state == State.RUNNING:
        raise Unavailable("search_waits", _("A part of the search has not been made yet."))
    if search.state != State.COMPLETE:
        raise Conflict("search_incomplete", _("The search could not be made over every face."))
    parts = search.parts.filter(round=search.round)
    sums = parts.aggregate(
        *(Sum(name) for name in ("compared", "enrolled", "found_by_graph", "added_by_sweep")),
        Sum("swept_only"),
        Max("milliseconds"),
    )
    first = parts.select_related("model").order_by("applied_change")[0]
    if first.model is None:
        raise Conflict("search_incomplete", _("The search could not be made over every face."))
    outcome = SearchOutcome(
        hits=tuple(_hits(search, below=False)),
        compared=sums["compared__sum"],
        enrolled=sums["enrolled__sum"],
        found_by_graph=sums["found_by_graph__sum"],
        added_by_sweep=sums["added_by_sweep__sum"],
        swept_only=sums["swept_only__sum"],
        applied_change=first.applied_change,
        model=engines.facts_of(first.model),
        milliseconds=sums["milliseconds__max"],
    )
    return outcome, _hits(search, below=True)[: search.nearest]


def _hits(search: GroupSearch, *, below: bool) -> list["RecordHit"]:
    from dsr_portal.recognition.services import RecordHit

    rows = GroupHit.objects.filter(part__search=search, part__round=search.round, below=below)
    return [
        RecordHit(row.record_id, row.score, row.found_by)
        for row in rows.order_by("-score", "record_id")
    ]


def forget(key: str) -> None:
    """Delete a search and what it found, when whoever asked has taken the answer."""
    with unit_of_work():
        GroupSearch.objects.filter(key=key).delete()
