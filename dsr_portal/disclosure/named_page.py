"""One page or file, dealt with for who does not show who they are (end of rule R6; Art. 11(2)).

Whoever asks, the controller answers for what it holds. So each picture at that place is looked at
on its own: may it be kept at all? No face is compared and no picture is shown for it. Two persons
decide, and the letter reads the same whether anything was there or not (R3).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import page_wishes
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, WayKind
from dsr_portal.cases.page_models import PageAction, PageGround, PageWish
from dsr_portal.cases.selectors import way_text
from dsr_portal.cases.states import Action
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.transactions import outside
from dsr_portal.disclosure import unidentified
from dsr_portal.disclosure.models import Answer, AnswerKind
from dsr_portal.disclosure.words import must_say, page_words, simple_words, taking_along
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import day
from dsr_portal.gallery import named as pictures_by_name
from dsr_portal.gallery import scopes
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import Record, SourceImage
from dsr_portal.gallery.sources import NO_BASIS, basis_line
from dsr_portal.jobs.services import enqueue
from dsr_portal.matching.named import is_known
from dsr_portal.matching.services import named_ways, require_reviewer
from dsr_portal.vault import services as vault

MOST_WITHOUT_SUPERVISOR = 50
SHEET = statements.to_person(
    "answer.named_page",
    *(statements.FACTS, "done", "why", "more", "data", "rights"),
    law="Art. 11(2), 12(4), 17; rule R3, R6",
)
_STANDING = (Record.State.HELD, Record.State.RESTRICTED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an officer sees of one picture: where it came from, never what it shows.

    `grounds` are those that can be chosen: two are facts the program knows, one a person states.
    """

    image_id: UUID
    source: str
    basis: str
    collected: Any
    faces: int
    locked: int
    grounds: tuple[PageGround, ...]


# -- looking --------------------------------------------------------------------------------------


@outside("Looking at a named page")
def look(wish: PageWish) -> list[Seen]:
    """The pictures at what was named, in the order they were imported."""
    images = SourceImage.objects.filter(id__in=_images(wish)).select_related("source")
    return [_seen(wish, image) for image in images.order_by("imported_at", "id")]


def _images(wish: PageWish) -> tuple[UUID, ...]:
    hashed = wish.way.keyed_hash or ""
    by_page = wish.way.kind == WayKind.PAGE
    found = pictures_by_name.at_address(hashed) if by_page else pictures_by_name.of_file(hashed)
    return found.images


def _seen(wish: PageWish, image: SourceImage) -> Seen:
    records = Record.objects.filter(image=image, state__in=_STANDING)
    grounds = []
    if image.source.legal_basis == NO_BASIS:
        grounds.append(PageGround.NO_BASIS)
    if scopes.stopped(image):
        grounds.append(PageGround.STOPPED)
    if wish.way.kind == WayKind.PAGE:
        grounds.append(PageGround.PAGE_GONE)
    return Seen(
        image_id=image.id,
        source=image.source.name,
        basis=basis_line(image.source),
        collected=image.imported_at,
        faces=records.count(),
        locked=records.filter(state=Record.State.RESTRICTED).count(),
        grounds=tuple(grounds),
    )


# -- the first person -----------------------------------------------------------------------------


@vault.retry_stale
def propose(
    *,
    case_id: UUID,
    actor: Actor,
    verdicts: Mapping[UUID, tuple[str, str]],
    why: str,
) -> Answer:
    """Decide about each picture, "" for no ground, and have the letter made for a second person.

    Raises `BadInput` with no_such_verdict, ground_missing, ground_not_there, why_missing;
    `Conflict` with no_page_wish, page_changed, answer_exists and what `why_not_yet` says;
    `NotAllowed("opener_barred")`.
    """
    require_reviewer(actor)
    words = unidentified.why_words(why)
    seen = _seen_now(case_id)
    chosen = _checked(seen, verdicts)
    with unit_of_work():
        case = Case.objects.select_for_update().get(id=case_id)
        unidentified.require_not_opener(case, actor)
        wish = _standing(case)
        _require_not_writer(wish, actor)
        if set(_images(wish)) != set(chosen):
            raise Conflict(
                "page_changed", _("What is there changed meanwhile. Look at it once more.")
            )
        unidentified.set_aside(case_id=case.id, actor=actor, reason="new_letter")
        if unidentified.in_force(case).exists():
            raise Conflict("answer_exists", _("The answer is already being made."))
        page_wishes.write_verdicts(wish=wish, verdicts=chosen, actor=actor)
        answer = Answer(
            case=case,
            kind=AnswerKind.NAMED_PAGE,
            frozen_at=clock.now(),
            prepared_by=actor.id,
        )
        answer.reason_field = f"named_page.{answer.id}"
        vault.write_small(case.file_unit, answer.reason_field, words.encode())
        answer.save()
        record(
            "answer.frozen",
            actor=actor,
            case_id=case.id,
            subject_id=answer.id,
            kind=answer.kind,
            records=0,
            inconclusive=0,
        )
        enqueue(
            kind=unidentified.KIND,
            subject=answer.id,
            idempotency_key=f"{unidentified.KIND}:{answer.id}",
        )
    return answer


def why_not_yet(case: Case) -> Conflict | None:
    """What comes before one page may be dealt with alone; None when nothing does."""
    if case.status not in cases.BEFORE_SEARCH:
        return Conflict("no_such_step", _("This can't be done now: the case is in another state."))
    if is_known(case) and named_ways(case):
        return Conflict(
            "can_be_looked_up", _("Look up what the person named first: who is asking is known.")
        )
    if page_wishes.in_force(case) is None:
        return Conflict("no_page_wish", _("Nobody asked for one page to be dealt with alone."))
    return None


def _standing(case: Case) -> PageWish:
    problem = why_not_yet(case)
    wish = page_wishes.in_force(case)
    if problem is not None or wish is None:
        raise problem or Conflict("no_page_wish", _("Nothing of this kind waits any more."))
    return wish


def writer_barred(wish: PageWish, actor: Actor) -> NotAllowed | None:
    """Who of staff wrote the wish down decides nothing about it, neither first nor second (R19)."""
    if not wish.asked_by or wish.asked_by != actor.id:
        return None
    return NotAllowed("opener_barred", _("You wrote this down, so another person decides."))


def _require_not_writer(wish: PageWish, actor: Actor) -> None:
    problem = writer_barred(wish, actor)
    if problem is not None:
        raise problem


def _seen_now(case_id: UUID) -> list[Seen]:
    """Read before the transaction: the facts of pictures lie in the vault."""
    return look(_standing(Case.objects.get(id=case_id)))


def _checked(
    seen: Collection[Seen], verdicts: Mapping[UUID, tuple[str, str]]
) -> dict[UUID, tuple[PageAction, PageGround | None]]:
    """A verdict for each picture there and for no other, on a ground that holds for it."""
    if {one.image_id for one in seen} != set(verdicts):
        raise Conflict("page_changed", _("What is there changed meanwhile. Look at it once more."))
    chosen = {}
    for one in seen:
        action, ground = verdicts[one.image_id]
        if action not in PageAction.values or ground not in ("", *PageGround.values):
            raise BadInput("no_such_verdict", _("Choose one of the answers."))
        if ground and PageGround(ground) not in one.grounds:
            raise BadInput("ground_not_there", _("This ground does not hold for this picture."))
        chosen[one.image_id] = (PageAction(action), PageGround(ground) if ground else None)
    return chosen


# -- the second person ----------------------------------------------------------------------------


def require_may_approve(answer: Answer, case: Case, actor: Actor) -> None:
    """Another person, who did not write the wish down either; nothing new meanwhile, the same
    pictures; of very many a supervisor."""
    unidentified.require_second_person(answer, case, actor)
    wish = _standing(case)
    _require_not_writer(wish, actor)
    decided = set(wish.verdicts.values_list("image_id", flat=True))
    if set(_images(wish)) != decided:
        raise Conflict("page_changed", _("What is there changed meanwhile. Look at it once more."))
    touched = _records(wish, (PageAction.LOCK, PageAction.ERASE))
    if len(touched) > MOST_WITHOUT_SUPERVISOR and actor.role != "supervisor":
        raise NotAllowed("supervisor_needed", _("More than 50 records: a supervisor agrees."))


def end_case(answer: Answer, case: Case, actor: Actor) -> None:
    """The second person agrees: what is not to be used goes out of search at once, the request
    ends with the letter, and what is to be erased follows once that left."""
    wish = _standing(case)
    page_wishes.agree(wish=wish, actor=actor)
    gallery.restrict(
        record_ids=_records(wish, (PageAction.LOCK, PageAction.ERASE)),
        case_id=case.id,
        actor=actor,
        reason=gallery.OWN_DECISION,
    )
    cases.advance(case=case, action=Action.NAMED_PAGE, actor=actor)


def _records(wish: PageWish, actions: Collection[PageAction]) -> list[UUID]:
    images = wish.verdicts.filter(action__in=actions).values_list("image_id", flat=True)
    rows = Record.objects.filter(image_id__in=list(images), state__in=_STANDING)
    return list(rows.order_by("id").values_list("id", flat=True))


def proposed(case: Case) -> list[tuple[Seen, str, str]]:
    """What the first person decided, in words, for the one who reads it; outside a transaction."""
    wish = page_wishes.in_force(case)
    if wish is None:
        return []
    by_image = {row.image_id: row for row in wish.verdicts.all()}
    return [
        (one, str(row.get_action_display()), str(row.get_ground_display()))
        for one in look(wish)
        if (row := by_image.get(one.image_id)) is not None
    ]


# -- the letter -----------------------------------------------------------------------------------


def letter(answer: Answer) -> documents.Prepared:
    """The signed letter, in the person's language; outside a transaction.

    It is made of the request alone: neither what was found nor what was decided is read (R3).
    """
    case = answer.case
    wish = case.page_wishes.select_related("way").latest("asked_at")
    with translation.override(case.language):
        return documents.prepare_document(
            kind=Kind.LETTER,
            case_id=case.id,
            reference=case.reference,
            template="documents/letter.html",
            context=_context(answer, wish),
            language=case.language,
            title=_("What you named: dealt with"),
            country=case.country or None,
            sheet=SHEET,
            also=must_say(case),
        )


def _context(answer: Answer, wish: PageWish) -> dict[str, Any]:
    sections = [
        {
            "id": "done",
            "heading": _("What we did"),
            "text": _(
                "Two people looked at what you named, on its own and without asking who you are. "
                "A picture that we may not keep in use is locked or deleted, whoever it shows. One "
                "against which nothing speaks stays as it is. No face was compared."
            ),
        },
        {
            "id": "why",
            "heading": _("Why we say no more"),
            "text": _(
                "You asked us to deal with this without showing who you are. We may tell what we "
                "hold only to the person it is about (Art. 11(2) and 12(2) GDPR). So this letter "
                "reads the same whether or not there was a picture, and your other wishes are not "
                "answered by it."
            ),
        },
        *taking_along(answer.case),
        *unidentified.common_sections(answer.case),
    ]
    return {
        "short_answer": page_words(),
        "facts": [
            (_("You named"), _named(answer.case, wish)),
            (_("You asked us"), day(wish.asked_at)),
            (_("Decided by"), _("two people")),
        ],
        "contents": [
            *((str(one["id"]), str(one["heading"])) for one in sections),
            ("complaint", _("If you are not content")),
            ("contacts", _("How to reach us")),
            ("check", _("How to check this document")),
        ],
        "sections": sections,
        "simple": simple_words(answer),
    }


def _named(case: Case, wish: PageWish) -> str:
    return way_text(case, wish.way) if wish.way.kind == WayKind.PAGE else _("a file you sent")
