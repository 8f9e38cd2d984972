"""A child asks, or somebody asks for a child: a person first, no machine (law C-01, C-02; T-03).

Nobody asks for a date of birth and nothing is refused for an age. A face is looked at only after an
officer decided so; what the child named can be looked up as for anybody, once that officer wrote
down what is in the child's own interest.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.child_models import ActsFor, AgeBand, ChildReview
from dsr_portal.cases.flags import raise_flag
from dsr_portal.cases.locking import lock
from dsr_portal.cases.mandate_models import MandateKind
from dsr_portal.cases.messages import words_of
from dsr_portal.cases.models import Case
from dsr_portal.cases.states import BEFORE_SEARCH
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.vault import services as vault

CONFLICT_FLAG = "child_conflict"


def is_child(case: Case) -> bool:
    """Whether the human route is this case's: under 16 as said, or a parent acts."""
    if case.age_band == AgeBand.UNDER_16:
        return True
    return case.mandates.filter(kind=MandateKind.PARENT).exists()


def reads_simply(case: Case) -> bool:
    """Whether letters and pages have the child version beside them (law T-03)."""
    return bool(case.age_band) or is_child(case)


def newest(case: Case) -> ChildReview | None:
    return case.child_reviews.order_by("-at", "-id").first()


def words(review: ChildReview) -> str:
    """What the officer wrote down; outside a transaction."""
    return vault.read(review.case.file_unit, review.field).decode()


def in_the_way(case: Case) -> str:
    """Why nothing is searched yet, as a code; "" where nothing is in the way."""
    if not is_child(case):
        return ""
    review = newest(case)
    if review is None:
        return "child_first"
    return "child_conflict" if review.conflict else ""


def require_clear(case: Case) -> None:
    """Raise `Conflict` while a person has not decided about this child's request."""
    code = in_the_way(case)
    if code == "child_first":
        raise Conflict(
            code,
            _(
                "A child asks. Write down first what is in the child's own interest; then this "
                "goes on as for anybody."
            ),
        )
    if code:
        raise Conflict(
            code,
            _("Child and guardian may want different things: a supervisor decides first."),
        )


def photo_closed(case: Case) -> bool:
    """Whether no face is looked at: no officer decided that a photo is needed (law C-02)."""
    if not is_child(case):
        return False
    review = newest(case)
    return review is None or not review.photo


@vault.retry_stale
def decide(
    *,
    case_id: UUID,
    actor: Actor,
    acts: str,
    interest: str,
    conflict: bool = False,
    photo: bool = False,
) -> ChildReview:
    """Write down who asks, what is in the child's own interest, and whether a photo is needed.

    A conflict stops the search until a supervisor, who is another person, decides. Raises
    `BadInput`, `NotAllowed`, `Conflict` with not_a_child or child_late.
    """
    require_reviewer(actor)
    if acts not in ActsFor.values:
        raise BadInput("no_such_choice", _("Choose among the choices."))
    if conflict and photo:
        raise BadInput("conflict_no_photo", _("With a conflict no photo is taken."))
    said = words_of(interest, code="interest_missing")
    with unit_of_work():
        case = lock(case_id)
        before = newest(case)
        _require_may_decide(case, before, actor)
        field = f"child.{new_id()}"
        vault.write_small(case.file_unit, field, said.encode())
        review = ChildReview.objects.create(
            case=case,
            acts=acts,
            conflict=conflict,
            photo=photo,
            by=actor.id,
            at=clock.now(),
            field=field,
        )
        record(
            "child.decided",
            actor=actor,
            case_id=case.id,
            subject_id=review.id,
            acts=str(acts),
            conflict=conflict,
            photo=photo,
        )
        if conflict:
            raise_flag(case_id=case.id, code=CONFLICT_FLAG, actor=actor)
    return review


def _require_may_decide(case: Case, before: ChildReview | None, actor: Actor) -> None:
    if not is_child(case):
        raise Conflict("not_a_child", _("Nobody said that this is about a child."))
    if case.status not in BEFORE_SEARCH:
        raise Conflict("child_late", _("The search has begun."))
    if actor.id == case.opener:
        raise NotAllowed("opener_barred", _("You entered this request, so another person decides."))
    if before is None or not before.conflict:
        return
    if actor.role != "supervisor" or actor.id == before.by:
        raise NotAllowed(
            "supervisor_only", _("After a conflict a supervisor decides, and another person.")
        )
