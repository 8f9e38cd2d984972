"""Candidates whose picture is put aside: who else decides whose picture it is (law C-09, R19).

Nobody but senior officers looks at such a picture, so the two-person review goes on without it.
Whose it is follows from the words of those who saw it: what officers had decided before it was put
aside, and what senior officers say. Two persons who agree make it the person's; else it is open.
Until two said something no answer is made, and none says that nothing was found while one of these
may be the person's.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_senior
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases.models import Case
from dsr_portal.cases.selectors import taken_out
from dsr_portal.cases.states import OVER
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.gallery import covers, putting_aside
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import PutAside, SourceImage
from dsr_portal.matching.models import AsideWord, Candidate, Decision, Review, Verdict
from dsr_portal.matching.reviewers import require_reviewer

TWO = 2


# -- whose it is --------------------------------------------------------------------------------


def without(decisions: QuerySet[Decision]) -> QuerySet[Decision]:
    """Decisions about what officers may look at: nothing that is or was put aside."""
    return decisions.exclude(candidate__record__image__in=covers.covered_images()).exclude(
        candidate__in=AsideWord.objects.values("candidate")
    )


def is_aside(candidate: Candidate) -> bool:
    said = AsideWord.objects.filter(candidate=candidate).exists()
    return said or covers.is_covered(candidate.record.image_id)


def count(review: Review) -> int:
    """How many pictures of a review are not for its officers; the same number for each of them."""
    everything = Decision.objects.filter(review=review)
    left = without(everything).values_list("candidate_id", flat=True)
    return everything.exclude(candidate__in=left).values("candidate").distinct().count()


def verdicts(review: Review) -> dict[UUID, str]:
    """What counts for the candidates of a review that were put aside, by those who saw them."""
    rows = Decision.objects.filter(review=review)
    shown = without(rows).values_list("candidate_id", flat=True)
    aside = set(rows.exclude(candidate__in=shown).values_list("candidate_id", flat=True))
    return _by_words(aside)


def may_be_theirs(case_id: UUID) -> bool:
    """Whether a picture that is or was put aside may show who asked: not two said that it doesn't.

    What the person called somebody else's, and two agreed, is not theirs (E-01).
    """
    aside = Q(record__image__in=covers.covered_images()) | Q(
        id__in=AsideWord.objects.values("candidate")
    )
    rows = Candidate.objects.filter(aside, case=case_id).exclude(record__in=taken_out(case_id))
    found = _by_words(rows.values_list("id", flat=True))
    return any(one != Verdict.NOT_SAME for one in found.values())


def _by_words(candidate_ids: Collection[UUID]) -> dict[UUID, str]:
    return {one: _together(words) for one, words in _words(candidate_ids).items()}


def _words(candidate_ids: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """What each person who saw it says, by staff number; the newest word of each."""
    words: dict[UUID, dict[str, str]] = {one: {} for one in candidate_ids}
    decided = Decision.objects.filter(candidate__in=words).exclude(verdict="")
    for candidate, officer, verdict in decided.order_by("decided_at").values_list(
        "candidate_id", "officer", "verdict"
    ):
        words[candidate][officer] = verdict
    said = AsideWord.objects.filter(candidate__in=words)
    for candidate, officer, verdict in said.values_list("candidate_id", "officer", "verdict"):
        words[candidate][officer] = verdict
    return words


def _together(words: Mapping[str, str]) -> str:
    """Two persons or more, all of one mind; nothing less makes a picture somebody's (R19)."""
    different = set(words.values())
    if len(words) >= TWO and len(different) == 1:
        return different.pop()
    return Verdict.INCONCLUSIVE


# -- what people do -----------------------------------------------------------------------------


def put_aside(*, decision: Decision, kind: str, actor: Actor) -> PutAside:
    """The officer before whom a picture was laid puts it aside; no details are asked.

    What they confirmed about it before stands as their word; a first view is none.
    """
    return putting_aside.put_aside(
        image_id=decision.candidate.record.image_id,
        case_id=decision.review.case_id,
        kind=kind,
        actor=actor,
    )


def open_candidates(row: PutAside) -> list[Candidate]:
    """Candidates of cases that are not over, about faces in this picture."""
    rows = Candidate.objects.filter(record__image=row.image_id).exclude(case__status__in=OVER)
    return list(rows.select_related("case", "record").order_by("case__reference", "id"))


def cases_of(row: PutAside) -> set[UUID]:
    """Every case with a face of this picture, also one that is over."""
    rows = Candidate.objects.filter(record__image=row.image_id)
    return set(rows.values_list("case_id", flat=True))


def to_say(row: PutAside, actor: Actor) -> list[Candidate]:
    """Those about which this senior officer has not said whose face it is, and may say it."""
    said = set(
        AsideWord.objects.filter(
            officer=actor.id, candidate__record__image=row.image_id
        ).values_list("candidate_id", flat=True)
    )
    open_ones = [one for one in open_candidates(row) if one.case.opener != actor.id]
    return [one for one in open_ones if one.id not in said]


def lacks_words(row: PutAside) -> bool:
    """Whether a request still wants the word of another person about a face in this picture."""
    return _lacking([one.id for one in open_candidates(row)])


def _lacking(candidate_ids: Collection[UUID]) -> bool:
    return any(len(words) < TWO for words in _words(candidate_ids).values())


def say(*, candidate_id: UUID, verdict: str, actor: Actor) -> AsideWord:
    """A senior officer who looked says whether it shows who asked; said once, it stands.

    It is a word of the review: for trained persons, and never who entered the request (R19).
    """
    require_senior(actor)
    require_reviewer(actor)
    if verdict not in Verdict.values:
        raise BadInput("no_such_verdict", _("Choose one of the three answers."))
    with unit_of_work():
        case = Case.objects.select_for_update(of=("self",)).filter(candidates=candidate_id).first()
        candidate = Candidate.objects.select_related("record").filter(id=candidate_id).first()
        if case is None or candidate is None or not is_aside(candidate):
            raise NotFound("no_put_aside", _("There is no such picture."))
        if case.opener == actor.id:
            raise NotAllowed(
                "opener_barred", _("You entered this request, so another person decides.")
            )
        if AsideWord.objects.filter(candidate=candidate, officer=actor.id).exists():
            raise Conflict("said_already", _("You said this already."))
        word = AsideWord.objects.create(
            candidate=candidate, officer=actor.id, verdict=verdict, at=clock.now()
        )
        record(
            "picture.aside_judged",
            actor=actor,
            case_id=case.id,
            subject_id=candidate.id,
            verdict=verdict,
        )
        _follow(candidate, case, actor)
    return word


def _follow(candidate: Candidate, case: Case, actor: Actor) -> None:
    """Lock and hold follow the words, as they follow a decision (R1)."""
    found = _by_words([candidate.id])[candidate.id]
    records = [candidate.record_id]
    if found == Verdict.SAME and case.level >= 1:
        gallery.restrict(record_ids=records, case_id=case.id, actor=actor, reason="same_person")
        return
    gallery.lift_restriction(record_ids=records, case_id=case.id, actor=actor, reason=found)
    if found == Verdict.NOT_SAME:
        gallery.release_holds(case_id=case.id, record_ids=records, actor=actor)


def say_first() -> Conflict:
    return Conflict("say_first", _("Say first whether it shows who asked, in each request."))


# -- what waits ---------------------------------------------------------------------------------


def waits(case_id: UUID) -> bool:
    """Whether a senior officer still has to say something before the answer can be made.

    What it is, and whose: two persons' words about each, whatever it shows, for with fewer it is
    nobody's and would be left out without a word. What is erased nobody can look at any more.
    """
    rows = Candidate.objects.filter(case=case_id, record__image__in=covers.covered_images())
    found = rows.exclude(record__image__state=SourceImage.State.ERASED)
    looked = covers.by_record(found.values_list("record_id", flat=True))
    if any(row.state == PutAside.State.SEEN for row in looked.values()):
        return True
    return _lacking(found.values_list("id", flat=True))


def sort(record_ids: Collection[UUID]) -> dict[str, list[UUID]]:
    """For a list of the person's records: `aside` are only counted, `private` told with words."""
    kinds: dict[str, list[UUID]] = defaultdict(list)
    about = covers.by_record(record_ids)
    for record_id in record_ids:
        row = about.get(record_id)
        if row is not None:
            kinds["private" if is_private(row) else "aside"].append(record_id)
    return kinds


def is_private(row: PutAside) -> bool:
    """An intimate picture a senior officer confirmed: the person is told, nobody is shown it."""
    return row.kind == PutAside.Kind.INTIMATE and row.state == PutAside.State.CONFIRMED
