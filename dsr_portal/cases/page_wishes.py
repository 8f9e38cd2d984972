"""One page dealt with for who takes none of the ways to show who they are (end of rule R6).

The wish is the person's, or an officer writes it down. What is at the address is looked at and
decided on its own, by two persons of the controller; nothing of it is told (R3). Who shows who they
are after all gets a whole answer instead.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.asking import end_waiting, may_come_back, take_from_person
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import UNIDENTIFIED, Case, Outcome, Status, WayIn, WayKind
from dsr_portal.cases.page_models import (
    PageAction,
    PageGround,
    PageVerdict,
    PageWish,
    WishOver,
)
from dsr_portal.cases.states import BEFORE_SEARCH, REVIEWERS
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed

NAMES_ONE_PICTURE = (WayKind.PAGE, WayKind.FILE)
"""What names one place: an account name can be many, and leads to whom it belongs."""

LETTER_LEFT = (Status.DELIVERED, Status.CLOSED, Status.PURGED)
"""Where a case stands once its letter left and nobody came back with more."""

Verdicts = Mapping[UUID, tuple[PageAction, PageGround | None]]
"""What is decided about each picture found, and why."""


# -- reading --------------------------------------------------------------------------------------


def in_force(case: Case) -> PageWish | None:
    """The wish that waits to be dealt with; a search that began answers the whole request."""
    if case.status not in BEFORE_SEARCH or case.level >= case.required_level:
        return None
    return case.page_wishes.filter(ended_at=None).select_related("way").first()


def may_ask(case: Case) -> bool:
    """While nobody knows who asks: before any search, or after a letter that said so (R3)."""
    if case.status == Status.PURGED or in_force(case) is not None:
        return False
    if may_come_back(case):
        return True
    return case.status in BEFORE_SEARCH and case.level < case.required_level


def ways_to_choose(case: Case) -> list[WayIn]:
    """Pages and files the person named, in the order they were named."""
    rows = case.ways.filter(kind__in=NAMES_ONE_PICTURE).exclude(keyed_hash=None)
    return list(rows.order_by("id"))


def dealt_with(case: Case) -> PageWish | None:
    """The newest wish two persons decided about."""
    rows = case.page_wishes.filter(ended_how=WishOver.DEALT_WITH).select_related("way")
    return rows.order_by("-ended_at").first()


def to_erase(case: Case) -> dict[UUID, PageVerdict]:
    """Pictures two persons decided to erase for a wish of this case, by picture."""
    rows = PageVerdict.objects.filter(
        wish__case=case, action=PageAction.ERASE, agreed_at__isnull=False
    )
    return {row.image_id: row for row in rows.order_by("id")}


def erasures_due() -> list[Case]:
    """Cases whose letter left and in which a picture is to be erased; not while one is open again:
    who comes back may show who they are and ask for a copy first (law E-11). The decision outlives
    the request: one that was purged meanwhile still has its pictures erased."""
    rows = Case.objects.filter(
        status__in=LETTER_LEFT,
        outcome__in=UNIDENTIFIED | {Outcome.WITHDRAWN},
        page_wishes__verdicts__action=PageAction.ERASE,
        page_wishes__verdicts__agreed_at__isnull=False,
    )
    return list(rows.distinct().order_by("id"))


# -- the wish -------------------------------------------------------------------------------------


def ask(*, case_id: UUID, way_id: UUID, actor: Actor) -> PageWish:
    """Ask that this one page or file be dealt with, without showing who asks.

    The person's own wish answers what we asked; one that staff wrote down does not. It opens a
    request again that ended because nobody could tell. Raises `NotAllowed`;
    `BadInput("no_such_page")`; `Conflict` with page_wished, page_late, case_over.
    """
    _require_person_or_reviewer(case_id, actor)
    with unit_of_work():
        case = lock(case_id)
        if in_force(case) is not None:
            raise Conflict("page_wished", _("You asked for this already. We look at it."))
        if not may_ask(case):
            raise Conflict("page_late", _("We are already working on the whole request."))
        way = next((one for one in ways_to_choose(case) if one.id == way_id), None)
        if way is None:
            raise BadInput("no_such_page", _("Choose one page or file you named."))
        take_from_person(case, actor)
        # An older one that a search had overtaken has nothing left to wait for.
        _end(case, WishOver.TAKEN_BACK)
        staff = actor.id if actor.is_human_staff else ""
        wish = PageWish.objects.create(case=case, way=way, asked_at=clock.now(), asked_by=staff)
        record(
            "page.wished",
            actor=actor,
            case_id=case.id,
            subject_id=wish.id,
            kind=str(way.kind),
            entered_by=staff or None,
        )
        if not staff:
            end_waiting(case, actor)
    return wish


def take_back(*, case_id: UUID, actor: Actor) -> None:
    """The person wants the whole request answered after all, or nothing of this."""
    _require_person_or_reviewer(case_id, actor)
    with unit_of_work():
        case = lock(case_id)
        wish = in_force(case)
        if wish is None:
            raise Conflict("no_page_wish", _("Nothing of this kind waits any more."))
        _end(case, WishOver.TAKEN_BACK)
        record("page.taken_back", actor=actor, case_id=case.id, subject_id=wish.id)


def _end(case: Case, how: WishOver) -> None:
    standing = case.page_wishes.filter(ended_at=None)
    standing.update(ended_at=clock.now(), ended_how=how)


# -- the decision ---------------------------------------------------------------------------------


def write_verdicts(*, wish: PageWish, verdicts: Verdicts, actor: Actor) -> None:
    """Keep what one person decided, in place of an earlier proposal nobody agreed to.

    In the caller's unit of work. Raises `BadInput("ground_missing")`.
    """
    wish.verdicts.filter(agreed_at=None).delete()
    moment = clock.now()
    for image_id, (action, ground) in sorted(verdicts.items()):
        if (action == PageAction.LEAVE) != (ground is None):
            raise BadInput(
                "ground_missing", _("A picture that is locked or erased has a ground, others none.")
            )
        PageVerdict.objects.create(
            wish=wish,
            image_id=image_id,
            action=action,
            ground=ground or "",
            decided_by=actor.id,
            decided_at=moment,
        )


def agree(*, wish: PageWish, actor: Actor) -> None:
    """Another person agrees to every verdict: the wish is dealt with. In the caller's unit."""
    wish.verdicts.filter(agreed_at=None).update(agreed_by=actor.id, agreed_at=clock.now())
    _end(wish.case, WishOver.DEALT_WITH)
    actions = list(wish.verdicts.values_list("action", flat=True))
    record(
        "page.decided",
        actor=actor,
        case_id=wish.case_id,
        subject_id=wish.id,
        pictures=len(actions),
        left=_count(actions, PageAction.LEAVE),
        locked=_count(actions, PageAction.LOCK),
        erased=_count(actions, PageAction.ERASE),
    )


def _count(actions: Collection[str], wanted: PageAction) -> int:
    return sum(one == wanted for one in actions)


# -- guards ---------------------------------------------------------------------------------------


def _require_person_or_reviewer(case_id: UUID, actor: Actor) -> None:
    own = actor.kind == "person" and actor.id == str(case_id)
    if not own and not (actor.is_human_staff and actor.role in REVIEWERS):
        raise NotAllowed("page_role", _("Only the person, an officer or a supervisor does this."))
