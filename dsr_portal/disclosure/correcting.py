"""Putting right what a person says is wrong in a picture of their answer (Art. 16; law E-01).

The person, or an officer who was told, names the picture, what is wrong and what is right. One
officer writes it into the record or puts the person's words beside it. Less or other than was
asked, and that a picture is not theirs, takes a second one (law R-01). The picture is locked
meanwhile (Art. 18(1)(a)), recipients are told (Art. 19), and a letter says what became of it.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import corrections, letters, mandates, proposals
from dsr_portal.cases.correction_models import Correction, CorrectionState, Wrong
from dsr_portal.cases.deliveries import answer_closed, suspend_answers
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Proposal, ProposalKind, RightCode, Status
from dsr_portal.cases.public_status import has_opened
from dsr_portal.cases.selectors import taken_out
from dsr_portal.cases.wishes import write_right
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.transactions import outside
from dsr_portal.disclosure.models import AnswerKind, AnswerRecord, AnswerState
from dsr_portal.gallery import addresses, connector, notices
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.connector import AppearanceFacts
from dsr_portal.gallery.models import Notice, Record
from dsr_portal.law import deadlines
from dsr_portal.law.articles import CorrectionGround
from dsr_portal.vault import services as vault

MAX_RIGHT = 400
MAX_WORDS = 800
MAX_VALUE = 900
REFUSE, STATE, LEFT, OTHERWISE = "refuse", "state", "left", "otherwise"
_STANDING = (Record.State.HELD, Record.State.RESTRICTED)
_ADDRESSES = frozenset({"page_url", "image_url"})
COLUMN_OF = {Wrong.CAPTION: "caption", Wrong.PAGE: "page_url", Wrong.DATE: "collected_at"}
"""Where a thing said to be wrong usually stands; a name stands where the source put it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One set of facts of one picture of the answer, as the person reads it there."""

    number: int
    second: int
    """0 for the facts it was found with first, else which of its further places."""
    record_id: UUID
    image_id: UUID
    facts: AppearanceFacts

    @property
    def key(self) -> str:
        return f"{self.number}.{self.second}"

    def columns(self) -> list[tuple[str, str]]:
        """What can be put right in it and what stands there now."""
        own = [(name, str(getattr(self.facts, name))) for name in connector.COLUMNS]
        other = sorted(self.facts.other.items())
        return own + [(f"{connector.OTHER}{name}", str(value)) for name, value in other]


# -- reading ------------------------------------------------------------------------------------


def why_not(case: Case, actor: Actor, what: str = "") -> Conflict | None:
    """What stands in the way of naming something wrong now; None where it may be named.

    The person names it once they opened an answer with pictures: before, nothing may tell (R3).
    While it is closed nobody outside reads it here either (O-07); which picture is not theirs is
    written down although saying so has just closed it.
    """
    if case.withdrawn_at is not None or case.status != Status.DELIVERED:
        return Conflict("correction_state", _("Send a new request for this."))
    # First whether it was opened: whoever has not yet learns here neither by word nor by work
    # whether there is a picture in it.
    if not actor.is_human_staff and not has_opened(case):
        return Conflict("answer_unread", _("Open your answer first."))
    if not _disclosed(case.id).exists():
        return Conflict("nothing_disclosed", _("There is no picture in the answer."))
    if not actor.is_human_staff and what != Wrong.NOT_ME and answer_closed(case):
        return Conflict("answer_closed", _("This link is closed while we look into it."))
    return None


def correctable(case: Case) -> bool:
    """Whether the answer of a case shows a picture that is still here."""
    return _disclosed(case.id).exists()


def _disclosed(case_id: UUID) -> QuerySet[AnswerRecord]:
    rows = AnswerRecord.objects.filter(
        answer__case_id=case_id,
        answer__kind=AnswerKind.DISCLOSURE,
        answer__state=AnswerState.APPROVED,
        record__state__in=_STANDING,
    )
    return rows.exclude(record_id__in=taken_out(case_id)).order_by("ordinal")


@outside("Reading what an answer says of pictures")
def places(case: Case) -> list[Place]:
    """Every set of facts of the pictures of the answer that are still here."""
    held = connector.current()
    pairs = _disclosed(case.id).values_list("ordinal", "record_id", "record__image_id")
    return [
        Place(number, second, record_id, image_id, facts)
        for number, record_id, image_id in pairs
        for second, facts in enumerate(held.facts(image_id).appearances)
    ]


def place_of(row: Correction) -> Place | None:
    """The facts one is about, as they are now; None where they are gone."""
    image_id = Record.objects.filter(id=row.record_id, state__in=_STANDING).values_list(
        "image_id", flat=True
    )
    for one in image_id:
        for second, facts in enumerate(connector.current().facts(one).appearances):
            if facts.field == row.place:
                return Place(row.number, second, row.record_id, one, facts)
    return None


# -- said ---------------------------------------------------------------------------------------


def ask(
    *,
    case_id: UUID,
    actor: Actor,
    place: str,
    what: str,
    right: str = "",
    words: str = "",
    reached_on: date | None = None,
) -> Correction:
    """Write down what is wrong in one picture of the answer, and what is right.

    `reached_on` is the day it reached us, where an officer writes it down: its month counts from
    then (D-01). Raises `NotAllowed` with correction_role, mandate_scope; `BadInput` with
    no_such_record, no_such_wrong, right_missing, words_too_long, bad_address, day_wrong; `Conflict`
    with correction_state, nothing_disclosed, answer_unread, said_already.
    """
    _require_may_say(Case.objects.get(id=case_id), actor)
    if what not in Wrong.values:
        raise BadInput("no_such_wrong", _("Choose what is wrong."))
    given = {"right": right.strip(), "words": words.strip()}
    _require_words(Wrong(what), given)
    found = Case.objects.get(id=case_id)
    problem = why_not(found, actor, what)
    if problem is not None:
        raise problem
    chosen = next((one for one in places(found) if one.key == place), None)
    if chosen is None:
        raise BadInput("no_such_record", _("Choose one of the pictures."))
    with unit_of_work():
        case = lock(case_id)
        _require_may_say(case, actor)
        problem = why_not(case, actor, what)
        if problem is not None:
            raise problem
        asked_at = _asked_at(case, actor, reached_on)
        standing = corrections.open_in(case.id).filter(
            record_id=chosen.record_id, place=chosen.facts.field, what=what
        )
        if standing.exists():
            raise Conflict("said_already", _("You told us this already. You get an answer to it."))
        row = Correction(case=case, what=Wrong(what), asked_at=asked_at)
        return _write(row, chosen, given, actor)


def _write(row: Correction, chosen: Place, given: dict[str, str], actor: Actor) -> Correction:
    case = row.case
    due = deadlines.due_dates(
        clock.local_date(row.asked_at), calendar=case.calendar, regime=deadlines.Regime(case.regime)
    )
    if not case.rights.filter(right=RightCode.RECTIFICATION).exists():
        write_right(case, RightCode.RECTIFICATION, actor, asked_at=row.asked_at)
    staff = actor.id if actor.is_human_staff else ""
    row.record_id, row.number, row.place = chosen.record_id, chosen.number, chosen.facts.field
    row.field, row.entered_by, row.due_on = f"correction.{row.id}", staff, due.legal
    vault.write_json(case.file_unit, row.field, given)
    row.save(force_insert=True)
    record(
        "correction.asked",
        actor=actor,
        case_id=case.id,
        subject_id=row.id,
        what=str(row.what),
        due_on=row.due_on,
        entered_by=staff or None,
    )
    if row.what != Wrong.NOT_ME:
        gallery.restrict(
            record_ids=[row.record_id], case_id=case.id, actor=actor, reason="accuracy"
        )
    return row


def _require_words(what: Wrong, given: dict[str, str]) -> None:
    if what == Wrong.MISSING and not given["words"]:
        raise BadInput("right_missing", _("Write what is to stand beside the picture."))
    if what not in {Wrong.MISSING, Wrong.NOT_ME} and not any(given.values()):
        raise BadInput("right_missing", _("Write what is right, or that it is to go."))
    if what == Wrong.PAGE and given["right"]:
        addresses.canonical(given["right"])
    too_long = len(given["right"]) > MAX_RIGHT or len(given["words"]) > MAX_WORDS
    if too_long or not vault.fits_row(given):
        raise BadInput("words_too_long", _("This text is too long."))


def _asked_at(case: Case, actor: Actor, reached_on: date | None) -> datetime:
    now = clock.now()
    if reached_on is None or not actor.is_human_staff:
        return now
    if reached_on > clock.today() or reached_on < case.arrived_on:
        raise BadInput("day_wrong", _("Name the day it reached us: not before the request."))
    if reached_on == clock.today():
        return now
    return timezone.make_aware(datetime.combine(reached_on, time(12)))


# -- decided by one -----------------------------------------------------------------------------


@vault.retry_stale
def correct(*, correction_id: UUID, actor: Actor, column: str, value: str) -> Correction:
    """Write what is right into the record; what stood there stays in the case file alone.

    One person writes what the person said, where they said it. Anything else is what two agreed to
    (`OTHERWISE`). Raises `NotAllowed` with officer_only, opener_barred, second_person; `BadInput`
    with no_such_column, bad_address, words_too_long; `Conflict` with correction_over, record_gone,
    picture_changed, and those of `gallery.require_free`.
    """
    row = _for_decision(correction_id, actor)
    place, put = _fitting(row, column, value)
    agreed = None if _as_asked(row, column, put) else _agreed_to(row, column, put)
    ready = connector.current().corrected(
        image_id=place.image_id, field=row.place, column=column, value=put
    )
    kept = vault.stage_into(row.case.file_unit)
    kept.add(corrections.before_field(row), ready.was.encode())
    kept.add_json(corrections.done_field(row), {"column": column, "after": put})
    with unit_of_work():
        row = _locked(row)
        # The facts are those of every face in the picture: theirs comes first, and an inspection.
        gallery.require_free(
            record_ids=_standing_in(place.image_id),
            case_id=row.case_id,
            also_images={place.image_id},
        )
        ready.save(actor=actor, case_id=row.case_id)
        kept.save()
        _tell_recipients(row, actor)
        if agreed is None:
            corrections.settle(row, state=CorrectionState.DONE, actor=actor)
        else:
            _settle_agreed(row, agreed, CorrectionState.DONE, agreed.agreements.get().by)
    return row


def _standing_in(image_id: UUID) -> list[UUID]:
    rows = Record.objects.filter(image_id=image_id, state__in=_STANDING)
    return list(rows.values_list("id", flat=True))


def _fitting(row: Correction, column: str, value: str) -> tuple[Place, str]:
    """Where a value would be written, and the value as it would stand there."""
    if row.what in {Wrong.NOT_ME, Wrong.MISSING}:
        raise BadInput("no_such_step", _("This is answered in another way."))
    put = value.strip()
    if column in _ADDRESSES and put:
        addresses.canonical(put)
    if len(put) > MAX_VALUE or not vault.fits_row({"column": column, "after": put}):
        raise BadInput("words_too_long", _("This text is too long."))
    place = place_of(row)
    if place is None:
        raise _gone()
    if column not in dict(place.columns()):
        raise BadInput("no_such_column", _("Choose what is put right."))
    return place, put


def _as_asked(row: Correction, column: str, put: str) -> bool:
    """Whether exactly what the person said is right is written where they said it is wrong."""
    usual = COLUMN_OF.get(Wrong(row.what))
    named = column.startswith(connector.OTHER) and "name" in column.casefold()
    if not (named if usual is None else column == usual):
        return False
    right = corrections.said(row)["right"]
    if column in _ADDRESSES and put and right:
        put, right = addresses.canonical(put), addresses.canonical(right)
    return put == right


def _agreed_to(row: Correction, column: str, put: str) -> Proposal:
    """What two persons agreed to write instead: this value in this column and no other."""
    for one in corrections.agreed_otherwise(row):
        if corrections.otherwise(one) == {"column": column, "after": put}:
            return one
    raise NotAllowed(
        "second_person",
        _("This is not what the person asked. Propose it with ground and facts; another agrees."),
    )


def add_words(*, correction_id: UUID, actor: Actor) -> Correction:
    """Put the person's own words beside the record, where that is what they asked (Art. 16)."""
    row = _for_decision(correction_id, actor)
    if row.what != Wrong.MISSING:
        raise NotAllowed(
            "second_person", _("Less than was asked is proposed, and another person agrees.")
        )
    with unit_of_work():
        row = _locked(row)
        _put_words(row, actor)
        corrections.settle(row, state=CorrectionState.STATED, actor=actor)
    return row


def _put_words(row: Correction, actor: Actor) -> None:
    """What the person said, into the unit of their own record: no other face's, no one else's."""
    unit = (
        Record.objects.select_for_update()
        .filter(id=row.record_id, state__in=_STANDING)
        .values_list("unit", flat=True)
        .first()
    )
    given = corrections.said(row)
    words = "\n\n".join(one for one in (given["right"], given["words"]) if one)
    if unit is None:
        raise _gone()
    vault.write_small(unit, f"{connector.STATEMENT}{row.id}", words.encode())
    _tell_recipients(row, actor)


def _tell_recipients(row: Correction, actor: Actor) -> None:
    notices.tell(
        record_ids=[row.record_id],
        case_id=row.case_id,
        ground=str(Notice.Ground.RECTIFICATION),
        actor=actor,
    )


# -- decided by two -----------------------------------------------------------------------------


def propose(
    *,
    correction_id: UUID,
    actor: Actor,
    how: str,
    ground: str = "",
    facts: str = "",
    column: str = "",
    value: str = "",
) -> Proposal:
    """Propose to do less than was asked, with its ground and facts, or to take a picture out.

    `how`: refuse, state (only the person's words beside it), left (it shows somebody else),
    otherwise (write `value` into `column`; once agreed to, `correct` does it). Raises as `correct`,
    and `BadInput` with no_such_step, no_such_ground and those of the words.
    """
    row = _for_decision(correction_id, actor)
    not_me = row.what == Wrong.NOT_ME
    if how not in ({LEFT, REFUSE} if not_me else {REFUSE, STATE, OTHERWISE}):
        raise BadInput("no_such_step", _("This is answered in another way."))
    if how != LEFT and ground not in _grounds(row):
        raise BadInput("no_such_ground", _("Choose the ground."))
    put = _fitting(row, column, value)[1] if how == OTHERWISE else ""
    with unit_of_work():
        row = _locked(row)
        words = "" if how == LEFT else letters.own_words(facts, row.case, code="facts_missing")
        proposal = proposals.propose(
            case=row.case,
            kind=ProposalKind.CORRECTION,
            actor=actor,
            codes={
                "correction": str(row.id),
                "picture": row.number,
                "wrong": row.what,
                "how": how,
                **({} if how == LEFT else {"untrue": ground}),
            },
            words=words,
        )
        if how == OTHERWISE:
            corrections.keep_otherwise(proposal, column=column, value=put)
    return proposal


def _grounds(row: Correction) -> set[str]:
    """That it is the same person answers "not me" alone, and the others never do."""
    same = {CorrectionGround.SAME_PERSON.value}
    every = {one.value for one in CorrectionGround}
    return same if row.what == Wrong.NOT_ME else every - same


def grounds_for(row: Correction) -> list[str]:
    return [one.value for one in CorrectionGround if one.value in _grounds(row)]


def _check(proposal: Proposal, case: Case, actor: Actor) -> None:
    row = _of(proposal)
    if row.state != CorrectionState.OPEN:
        raise _over()
    if row.entered_by == actor.id:
        raise _barred()


def _agreed(proposal: Proposal, case: Case, actor: Actor) -> None:
    row = _of(proposal)
    row.case = case
    how = proposal.codes["how"]
    if how == OTHERWISE:
        return  # Made outside a transaction, with the picture anew: `correct` may do it now.
    if how == STATE:
        _put_words(row, actor)
    if how == LEFT:
        ids = [row.record_id]
        gallery.lift_restriction(
            record_ids=ids, case_id=case.id, actor=actor, reason="somebody_else"
        )
        gallery.release_holds(record_ids=ids, case_id=case.id, actor=actor)
        # Whoever told us of it, by a page or by phone: the answer shows somebody else (O-07).
        suspend_answers(case_id=case.id, actor=actor)
    states = {
        REFUSE: CorrectionState.REFUSED,
        STATE: CorrectionState.STATED,
        LEFT: CorrectionState.LEFT,
    }
    _settle_agreed(row, proposal, states[how], actor.id)


def _settle_agreed(
    row: Correction, proposal: Proposal, state: CorrectionState, agreed_by: str
) -> None:
    corrections.settle(
        row,
        state=state,
        actor=Actor.decided_by(proposal.proposed_by, "officer"),
        agreed_by=agreed_by,
        ground=proposal.codes.get("untrue", ""),
        proposal=proposal,
    )


def _of(proposal: Proposal) -> Correction:
    rows = Correction.objects.select_for_update(of=("self",)).select_related("case")
    return rows.get(id=UUID(proposal.codes["correction"]))


HANDLER = proposals.Handler(agreed=_agreed, check=_check)


# -- guards -------------------------------------------------------------------------------------


def _require_may_say(case: Case, actor: Actor) -> None:
    """The person; who acts for them, where the mandate covers correcting (C-04); or staff."""
    if mandates.may_say(case, actor):
        mandate = mandates.newest(case) if actor.role == "representative" else None
        if mandate is not None and RightCode.RECTIFICATION not in mandate.rights:
            raise NotAllowed(
                "mandate_scope",
                _("Your mandate does not cover corrections. The person can say this themselves."),
            )
        return
    try:
        require_reviewer(actor)
    except NotAllowed as error:
        raise NotAllowed(
            "correction_role", _("Only the person, an officer or a supervisor says this.")
        ) from error


def _for_decision(correction_id: UUID, actor: Actor) -> Correction:
    """One that waits and that this person may decide: never who wrote it or the request down."""
    require_reviewer(actor)
    row = Correction.objects.select_related("case").filter(id=correction_id).first()
    if row is None:
        raise NotFound("no_correction", _("There is no such entry."))
    if actor.id in {row.entered_by, row.case.opener}:
        raise _barred()
    _require_open(row)
    return row


def _locked(row: Correction) -> Correction:
    """Case, then the entry; still open."""
    case = lock(row.case_id)
    fresh = Correction.objects.select_for_update(of=("self",)).get(id=row.id)
    fresh.case = case
    _require_open(fresh)
    return fresh


def _require_open(row: Correction) -> None:
    if row.state != CorrectionState.OPEN or row.case.withdrawn_at is not None:
        raise _over()
    if corrections.proposed(row) is not None:
        raise Conflict("proposed_already", _("This was proposed and waits for another person."))


def _over() -> Conflict:
    return Conflict("correction_over", _("This was settled already."))


def _gone() -> Conflict:
    return Conflict("record_gone", _("This picture is not here any more."))


def _barred() -> NotAllowed:
    return NotAllowed("opener_barred", _("You wrote this down, so another person decides."))
