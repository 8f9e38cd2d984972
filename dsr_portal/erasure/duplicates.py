"""Copies of the pictures of a plan, exact and near: proposed by likeness, decided by two persons.

The look of a picture (a perceptual hash) is made in memory inside the run, compared and dropped:
no row, file or log ever has one. Nothing is erased because two pictures look alike.
"""

import logging
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import REVIEWERS, SENIOR
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.erasure.models import Duplicate, Plan, PlanState
from dsr_portal.gallery import connector, covers, putting_aside
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.jobs.context import JobContext
from dsr_portal.recognition import likeness
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import PictureRefused, PictureSession, picture_session

log = logging.getLogger(__name__)
ACTOR = Actor.system("erasure")
STORE = "duplicates"
"""The store of the steps that erase copies without a face."""
_SHAPE = 0.04
"""Copies keep the shape of their picture; others are not opened at all."""
_LOOKED_AT = 512
"""Pixels on the longer side a picture is decoded to; its look needs 32."""
_TOLD_AFTER = 50
_NO_PICTURE = (SourceImage.State.ERASED, SourceImage.State.UNREADABLE, SourceImage.State.PENDING)
Found = dict[UUID, tuple[UUID, bool]]


# -- finding -----------------------------------------------------------------------------------


def propose(ctx: JobContext, plan: Plan) -> int:
    """Compare every picture of the gallery with those of the plan; how many new ones are alike.

    Runs when the hold window is over, in the process that is replaced at the end. A pair that was
    decided for this plan is not proposed again.
    """
    if plan.duplicates_looked_at is not None:
        return 0
    found, examined = _search(ctx, plan)
    with ctx.checkpoint():
        for image_id, (of_image, exact) in sorted(found.items()):
            Duplicate.objects.get_or_create(
                plan=plan, image_id=image_id, defaults={"of_image_id": of_image, "exact": exact}
            )
            putting_aside.copy_found(
                image_id=image_id, of_image=of_image, case_id=plan.case_id, actor=ACTOR
            )
        plan.duplicates_looked_at, plan.duplicates_examined = clock.now(), examined
        plan.save(update_fields=["duplicates_looked_at", "duplicates_examined"])
        record(
            "erasure.duplicates_looked_for",
            actor=ACTOR,
            case_id=plan.case_id,
            subject_id=plan.id,
            examined=examined,
            proposed=len(found),
        )
    return len(found)


def _search(ctx: JobContext, plan: Plan) -> tuple[Found, int]:
    mine = {row.record.image_id for row in plan.records.select_related("record")}
    mine |= set(
        plan.duplicates.filter(verdict=Duplicate.Verdict.GOES).values_list("image_id", flat=True)
    )
    known = mine | set(plan.duplicates.values_list("image_id", flat=True))
    found: Found = {}
    examined = 0
    with picture_session() as session:
        looked = list(_looks(session, sorted(mine)))
        of_plan = [image_id for image_id, _look in looked]
        looks = likeness.of_many([look for _image_id, look in looked])
        for image_id, look in _looks(session, _of_like_shape(mine, known)):
            examined += 1
            if examined % _TOLD_AFTER == 0:
                ctx.must_be_ours()
            alike = looks.alike(look)
            if alike:
                # The first that has the same pixels, else the first of the changed copies.
                at, how = min(alike, key=lambda one: not one[1].exact)
                found[image_id] = (of_plan[at], how.exact)
    return found, examined


def _looks(session: PictureSession, images: Iterable[UUID]) -> Iterator[tuple[UUID, likeness.Look]]:
    """Each picture's look, one after the other; what can't be read is passed over."""
    held = connector.current()
    for image_id in images:
        try:
            picture = session.decode(held.unseen(image_id), max_side=_LOOKED_AT)
        except (PictureRefused, vault.Shredded, vault.UnknownUnit):
            continue
        yield image_id, likeness.look_of(picture)


def _of_like_shape(mine: set[UUID], known: set[UUID]) -> list[UUID]:
    """Pictures, none of `known`, whose width and height have nearly the ratio of one of the plan's.

    Read once and compared with the nearest ratios only: neither galleries nor plans are small.
    """
    rows = SourceImage.objects.exclude(state__in=_NO_PICTURE).exclude(width=0).exclude(height=0)
    sizes = rows.filter(id__in=mine).values_list("width", "height")
    shapes = sorted({width / height for width, height in sizes})
    return [
        image_id
        for image_id, width, height in rows.order_by("id")
        .values_list("id", "width", "height")
        .iterator()
        if image_id not in known and _is_near(width / height, shapes)
    ]


def _is_near(shape: float, shapes: Sequence[float]) -> bool:
    """Whether one of the sorted ratios is nearly this one: only the two beside it can be."""
    at = bisect(shapes, shape)
    return any(abs(shape / other - 1) <= _SHAPE for other in shapes[max(0, at - 1) : at + 1])


# -- deciding ----------------------------------------------------------------------------------


def decide(
    *, duplicate_id: UUID, verdict: str, record_id: UUID | None = None, actor: Actor
) -> Duplicate:
    """One person's decision about a proposed copy; two that agree settle it, else a supervisor.

    GOES names the record where faces of the picture are enrolled, so that the other people's
    stay; a picture without one goes as a whole. About a picture that is put aside only senior
    officers decide (law C-09). Raises `NotAllowed`, `BadInput`, `Conflict`.
    """
    if not actor.is_human_staff or actor.role not in REVIEWERS:
        raise NotAllowed("erasure_role", _("An officer or a supervisor decides this."))
    with unit_of_work():
        row = (
            Duplicate.objects.select_for_update()
            .select_related("plan")
            .filter(id=duplicate_id)
            .first()
        )
        if row is None:
            raise NotFound("no_duplicate", _("There is no such picture."))
        if row.verdict or row.plan.state != PlanState.WAITING:
            raise Conflict("duplicate_decided", _("This picture is decided already."))
        if not may_decide(row, actor):
            covers.refuse_covered(row.image_id)
        _require_fits(row, verdict, record_id)
        _take(row, (verdict, record_id), actor)
        row.save()
        record(
            "erasure.duplicate_decided",
            actor=actor,
            case_id=row.plan.case_id,
            subject_id=row.image_id,
            verdict=verdict,
            settled=bool(row.verdict),
        )
    return row


def may_decide(row: Duplicate, actor: Actor) -> bool:
    """An officer is neither shown nor asked about what only senior officers see (law C-09)."""
    return actor.role in SENIOR or not covers.is_covered(row.image_id)


def _require_fits(row: Duplicate, verdict: str, record_id: UUID | None) -> None:
    if verdict not in Duplicate.Verdict.values:
        raise BadInput("no_such_verdict", _("Choose one of the answers."))
    standing = set(standing_records(row))
    if verdict == Duplicate.Verdict.STAYS and record_id is not None:
        raise BadInput("record_of_stays", _("Only a picture that goes names a face."))
    if verdict == Duplicate.Verdict.GOES and (record_id in standing) != bool(standing):
        raise BadInput("record_missing", _("Say which face in this picture is the person's."))


def _take(row: Duplicate, said: tuple[str, UUID | None], actor: Actor) -> None:
    if row.plan.case.opener == actor.id:
        raise NotAllowed("opener_barred", _("You entered this request, so another person decides."))
    if actor.id in {row.first_officer, row.second_officer}:
        raise Conflict("decided_before", _("You decided this already; another person goes on."))
    if not row.first_officer:
        row.first_officer, (row.first_verdict, row.first_record) = actor.id, said
    elif not row.second_officer:
        row.second_officer, (row.second_verdict, row.second_record) = actor.id, said
        if (row.first_verdict, row.first_record) == said:
            _settle(row, said)
    elif actor.role != "supervisor":
        raise NotAllowed("supervisor_only", _("Two persons disagree: a supervisor decides."))
    else:
        row.supervisor = actor.id
        _settle(row, said)


def _settle(row: Duplicate, said: tuple[str, UUID | None]) -> None:
    row.verdict, row.record_id = said
    row.decided_at = clock.now()


# -- reading -----------------------------------------------------------------------------------


def undecided(plan: Plan) -> QuerySet[Duplicate]:
    return plan.duplicates.filter(verdict="").order_by("id")


def standing_records(row: Duplicate) -> list[UUID]:
    """Enrolled faces in the picture that are there still."""
    faces = Record.objects.filter(image_id=row.image_id).exclude(state=Record.State.ERASED)
    return list(faces.order_by("face_number").values_list("id", flat=True))


def chosen_records(case_id: UUID) -> list[UUID]:
    """Records two persons added to a case's plans, because they are in copies; without those that
    are kept for an authority (law C-09)."""
    rows = Duplicate.objects.filter(plan__case_id=case_id, verdict=Duplicate.Verdict.GOES)
    rows = rows.exclude(record_id=None).exclude(plan__state=PlanState.STOPPED)
    rows = rows.exclude(image__in=covers.kept_images())
    return [one for one in rows.values_list("record_id", flat=True) if one is not None]


def let_go(plan: Plan, image: SourceImage, *, first: str, second: str, at: datetime | None) -> None:
    """A picture without an enrolled face that two persons decided to erase goes with this plan, as
    a copy does."""
    Duplicate.objects.get_or_create(
        plan=plan,
        image=image,
        defaults={
            "of_image": image,
            "exact": True,
            "first_officer": first,
            "first_verdict": Duplicate.Verdict.GOES,
            "second_officer": second,
            "second_verdict": Duplicate.Verdict.GOES,
            "verdict": Duplicate.Verdict.GOES,
            "decided_at": at,
        },
    )


def pictures_that_go(plan: Plan) -> list[SourceImage]:
    """Copies without an enrolled face that two persons let go; once it is frozen, those of its
    steps.

    Before, what is kept for an authority is left out, as its records are (law C-09).
    """
    frozen = plan.steps.filter(store=STORE).exclude(subject=None).values("subject")
    if plan.steps.exists():
        return list(SourceImage.objects.filter(id__in=frozen).order_by("id"))
    rows = plan.duplicates.filter(verdict=Duplicate.Verdict.GOES, record_id=None)
    images = SourceImage.objects.filter(id__in=rows.values("image"))
    return list(images.exclude(id__in=covers.kept_images()).order_by("id"))
