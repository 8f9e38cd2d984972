"""Breaches: opened, counted in hours, notified or not with two persons, kept (GDPR Art. 33, 34).

"This is not me" closes the links of the answer at once and opens one. Every breach stays in the
register of Art. 33(5), also one that was not notified, with its reason and both persons.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import deliveries, letters, mandates, messages, recusals
from dsr_portal.cases.locking import lock
from dsr_portal.cases.models import Case, Direction, LetterKind, Status
from dsr_portal.cases.reopening import answers_left, may_open, open_again
from dsr_portal.cases.selectors import taken_out
from dsr_portal.cases.services import raise_flag
from dsr_portal.compliance import breach_notices, reopening
from dsr_portal.compliance.models import (
    Breach,
    BreachDecision,
    BreachKind,
    BreachLetter,
    BreachNotice,
    Spared,
)
from dsr_portal.core import clock, references
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.documents import services as documents
from dsr_portal.documents import statements
from dsr_portal.documents.models import Kind
from dsr_portal.documents.templatetags.documents import moment
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure import services as erasure
from dsr_portal.erasure.models import PlanState, WaitCode
from dsr_portal.jobs.services import queue_effect
from dsr_portal.law import authorities, deadlines
from dsr_portal.vault import services as vault

MAY_OPEN = frozenset({Role.OFFICER, Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})
MAY_NOTIFY = frozenset({Role.SUPERVISOR, Role.DPO, Role.DIRECTOR})
MAY_SPARE = frozenset({Role.SUPERVISOR, Role.DIRECTOR})
"""Who decides that somebody is not told: the data protection officer advises (G-02)."""
NOTICE = statements.to_office(
    "breach_notice",
    *(statements.ANSWER, statements.FACTS, "nature", "effects", "measures", "contact"),
    law="Art. 33(3); O-07",
)
OPENED = "compliance.breach_opened"
MAX_WORDS = 900
FACTS = "facts"


# -- opening --------------------------------------------------------------------------------------


@vault.retry_stale
def report_wrong_person(*, case_id: UUID, actor: Actor) -> Breach:
    """The person, or who acts for them and reads the answer, says it shows somebody else: its
    links close, a breach is open (O-07).

    An erasure that waits is stopped: what is not theirs must not go. Told twice is one breach. The
    person hears of what who acts for them said: it closes their answer, too (R11).
    """
    with unit_of_work():
        case = lock(case_id)
        if not mandates.may_say(case, actor):
            raise NotAllowed("not_yours", _("Only the person of this request says this."))
        deliveries.suspend_answers(case_id=case.id, actor=actor)
        plan = plans.current_plan(case.id)
        if plan is not None and plan.state in {PlanState.HOLD, PlanState.WAITING}:
            erasure.stop_plan(plan_id=plan.id, actor=actor, not_me=True)
        raise_flag(case_id=case.id, code=WaitCode.NOT_ME, actor=actor)
        standing = _wrong_person_open(case.id).first()
        if standing is not None:
            return standing
        write_by = deadlines.working_days_after(clock.today(), 1, case.calendar)
        if actor.role == "representative" and not mandates.is_for_the_dead(case):
            _tell_person(case)
        return _open(
            kind=BreachKind.WRONG_PERSON,
            case=case,
            aware_at=clock.now(),
            actor=actor,
            write_by=write_by,
        )


def _tell_person(case: Case) -> None:
    """Words on the page of the person, and the mail that words stand there; neither says what was
    found (R3, T-11)."""
    with translation.override(case.language):
        words = _(
            "Who acts for you told us that our answer, or a part of it, is not about you. We "
            "closed it until a person has looked at it: nobody can open it now, you included. No "
            "deletion begins by itself either. A named person will write to you. If you see it "
            "differently, tell us on this page."
        )
    messages.keep_message(case, Direction.OUT, words, by="")
    messages.queue_wrote(case)


def _wrong_person_open(case_id: UUID) -> QuerySet[Breach]:
    """Reports of a wrong person that nobody found to be none; told again after that, it is new."""
    rows = Breach.objects.filter(case_id=case_id, kind=BreachKind.WRONG_PERSON, closed_at=None)
    settled = BreachDecision.objects.filter(what=Spared.NO_BREACH).exclude(agreed_by="")
    return rows.exclude(id__in=settled.values("breach_id"))


@vault.retry_stale
def open_breach(*, kind: str, aware_at: datetime, actor: Actor, reference: str = "") -> Breach:
    """Put a breach in the register; the hours count from when we knew of it.

    Raises `BadInput` with breach_kind, breach_aware, no_case.
    """
    _require(actor, MAY_OPEN)
    if kind not in BreachKind.values:
        raise BadInput("breach_kind", _("Choose what happened."))
    if aware_at > clock.now():
        raise BadInput("breach_aware", _("We can't have known it in the future."))
    case = _case(reference) if reference.strip() else None
    with unit_of_work():
        return _open(kind=kind, case=case, aware_at=aware_at, actor=actor)


def _open(*, kind: str, case: Case | None, aware_at: datetime, actor: Actor, **more: Any) -> Breach:
    breach_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.DOCUMENT, owner=breach_id)
    staged.add_json("opened", {"kind": str(kind)})
    breach = Breach.objects.create(
        id=breach_id,
        kind=kind,
        case=case,
        aware_at=aware_at,
        opened_by=actor.id if actor.is_human_staff else "",
        opened_at=clock.now(),
        unit=staged.save(),
        **more,
    )
    record(
        "breach.opened",
        actor=actor,
        case_id=case.id if case else None,
        subject_id=breach.id,
        kind=str(kind),
        aware_at=aware_at,
        due_at=due_at(breach),
    )
    queue_effect(kind=OPENED, subject_id=breach.id, unique_key=f"{OPENED}:{breach.id}")
    return breach


def _case(reference: str) -> Case:
    name = references.normalise(reference)
    case = Case.objects.filter(reference=name).first() if name else None
    if case is None:
        raise BadInput("no_case", _("There is no case with this reference."))
    return case


# -- the facts, and the authority (Art. 33) -------------------------------------------------------


def describe(
    *,
    breach_id: UUID,
    nature: str,
    effects: str,
    measures: str,
    actor: Actor,
    people: int | None = None,
    records: int | None = None,
) -> Breach:
    """Write down what happened, what may follow and what is done; later facts replace these."""
    _require(actor, MAY_OPEN)
    facts = {"nature": nature.strip(), "effects": effects.strip(), "measures": measures.strip()}
    if not all(facts.values()) or any(len(one) > MAX_WORDS for one in facts.values()):
        raise BadInput("breach_facts", _("Write what happened, what may follow, what you do."))
    if not vault.fits_row(facts):
        raise BadInput("breach_facts", _("These texts are too long together. Shorten them."))
    with unit_of_work():
        breach = _locked(breach_id)
        vault.write_json(breach.unit, FACTS, facts)
        breach.people, breach.records, breach.described_at = people, records, clock.now()
        breach.save(update_fields=["people", "records", "described_at"])
        record(
            "breach.described",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            people=people,
            records=records,
        )
    return breach


def make_notice(*, breach_id: UUID, authority_code: str, late: str, actor: Actor) -> Breach:
    """The notification of Art. 33(3) as a signed PDF; refused while one of its parts is missing.

    After 72 hours it says why it is late (Art. 33(1)). Raises `BadInput` with no_authority,
    notice_incomplete, notice_late.
    """
    _require(actor, MAY_NOTIFY)
    breach = by_id(breach_id)
    code = authorities.normalise(authority_code)
    if code not in authorities.all_authorities():
        raise BadInput("no_authority", _("There is no authority with this code."))
    if missing := missing_for_notice(breach):
        raise BadInput(
            "notice_incomplete", _("Still missing: %(what)s.") % {"what": ", ".join(missing)}
        )
    why = late.strip()
    if clock.now() > due_at(breach) and not why:
        raise BadInput("notice_late", _("More than 72 hours have passed. Write why (Art. 33(1))."))
    prepared = _notice(breach, code, why)
    with unit_of_work():
        breach = _locked(breach_id)
        document = prepared.save(actor=actor)
        BreachNotice.objects.create(breach=breach, document_id=document.id)
        breach.document_id, breach.authority_code = document.id, code
        breach.save(update_fields=["document_id", "authority_code"])
        record(
            "breach.notice_made",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            authority=code,
            document_id=document.id,
            sha256=document.sha256,
        )
    return breach


def missing_for_notice(breach: Breach) -> list[str]:
    """Which parts of Art. 33(3) nobody wrote down yet."""
    absent = []
    if breach.described_at is None:
        absent.append(_("what happened, what may follow, what you do"))
    if breach.people is None:
        absent.append(_("about how many persons"))
    if breach.records is None:
        absent.append(_("about how many pictures or records"))
    if not settings.DSR_CONTROLLER["dpo"]:
        absent.append(_("the data protection officer's contact"))
    return absent


def _notice(breach: Breach, code: str, why: str) -> documents.Prepared:
    facts = vault.read_json(breach.unit, FACTS)
    authority = authorities.all_authorities()[code]
    with translation.override(settings.LANGUAGE_CODE):
        sections = [
            {"id": "nature", "heading": _("What happened"), "text": facts["nature"]},
            {"id": "effects", "heading": _("Likely consequences"), "text": facts["effects"]},
            {"id": "measures", "heading": _("Measures"), "text": facts["measures"]},
            {
                "id": "contact",
                "heading": _("Contact"),
                "rows": [
                    (_("Data protection officer"), settings.DSR_CONTROLLER["dpo"]),
                    (_("E-mail"), settings.DSR_CONTROLLER["email"]),
                ],
            },
        ]
        if why:
            sections.append(
                {"id": "late", "heading": _("Why after more than 72 hours"), "text": why}
            )
        return documents.prepare_document(
            kind=Kind.LETTER,
            case_id=None,
            reference=breach.case.reference if breach.case else "",
            template="documents/breach_notice.html",
            context={
                "to": "\n".join(one for one in (authority.name, authority.printed_address) if one),
                "short_answer": _("We notify a personal data breach (Art. 33 GDPR)."),
                "facts": [
                    (_("Kind"), str(breach.get_kind_display())),
                    (_("Known to us since"), moment(breach.aware_at)),
                    (_("Persons, about"), str(breach.people)),
                    (_("Pictures or records, about"), str(breach.records)),
                ],
                "sections": sections,
            },
            language=settings.LANGUAGE_CODE,
            title=_("Notification of a personal data breach"),
            sheet=NOTICE,
            also=["late"] if why else [],
        )


def record_notified(*, breach_id: UUID, at: datetime, actor: Actor) -> Breach:
    """A person handed the notice to the authority; the portal can't, each has a way of its own."""
    _require(actor, MAY_NOTIFY)
    with unit_of_work():
        breach = _locked(breach_id)
        if breach.document_id is None:
            raise Conflict("no_notice", _("Make the notice first."))
        if not breach.aware_at <= at <= clock.now():
            raise BadInput("notified_at", _("A moment between when we knew and now."))
        breach.notified_at, breach.notified_by = at, actor.id
        breach.save(update_fields=["notified_at", "notified_by"])
        record(
            "breach.notified",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            at=at,
            hours_late=hours_late(breach),
        )
    return breach


# -- the persons (Art. 34) ------------------------------------------------------------------------


def tell_person(
    *, breach_id: UUID, reference: str, nature: str, effects: str, measures: str, actor: Actor
) -> BreachLetter:
    """Write to a person by their case; the letter has every part of Art. 34(2) or is refused."""
    _require(actor, MAY_NOTIFY)
    case = _case(reference)
    if case.status == Status.PURGED:
        raise Conflict("case_purged", _("Nothing is known of this person any more."))
    said = {
        name: letters.own_words(text, case)
        for name, text in (("nature", nature), ("effects", effects), ("measures", measures))
    }
    with unit_of_work():
        breach = _locked(breach_id)
        if breach.letters.filter(case=case).exists():
            raise Conflict("told_already", _("This person was written to about it already."))
        letter = letters.write(
            case=case,
            kind=LetterKind.BREACH,
            key=f"breach:{breach.id}:{case.id}",
            actor=actor,
            facts=said,
        )
        told = BreachLetter.objects.create(breach=breach, case=case, letter=letter)
        record(
            "breach.person_told",
            actor=actor,
            case_id=case.id,
            subject_id=breach.id,
            letter=letter.id,
        )
    return told


# -- the request that was answered with somebody else's data --------------------------------------


def may_answer_again(breach: Breach) -> bool:
    """Whether the request of who was shown somebody else waits to be opened again."""
    try:
        _wrongly_answered(breach)
    except Conflict:
        return False
    return True


def _wrongly_answered(breach: Breach) -> Case:
    case = breach.case
    if case is None or breach.kind != BreachKind.WRONG_PERSON:
        raise Conflict("not_wrong_person", _("Nobody said that an answer shows somebody else."))
    if not deliveries.answer_closed(case) or not may_open(case):
        raise Conflict("not_closed_answer", _("No answer of this case is closed and waits."))
    if answers_left(case).filter(released_at__gt=breach.opened_at).exists():
        raise Conflict("answered_again", _("Another answer has left since."))
    return case


def answer_again(*, breach_id: UUID, actor: Actor) -> Case:
    """Open the request again: who was shown somebody else is still owed an answer (Art. 12, 15).

    The closed answer stays closed. Everything it rested on is compared and decided anew. Raises
    `Conflict` with not_wrong_person, not_closed_answer or answered_again.
    """
    _require(actor, MAY_SPARE)
    with unit_of_work():
        breach = by_id(breach_id)
        require_free(breach, actor)
        if breach.case_id is not None:
            breach.case = lock(breach.case_id)
        case = _wrongly_answered(breach)
        open_again(case, actor=actor)
        reopening.answer_anew(case_id=case.id, actor=actor)
        record("breach.case_reopened", actor=actor, case_id=case.id, subject_id=breach.id)
    return case


# -- what is not done, with two persons -----------------------------------------------------------


def propose_spare(*, breach_id: UUID, what: str, reason: str, actor: Actor) -> BreachDecision:
    """Propose not to notify, not to tell, or that it was no breach; the reason is kept."""
    _require(actor, MAY_SPARE)
    words = reason.strip()
    if what not in Spared.values or not words or len(words) > MAX_WORDS:
        raise BadInput("spare_reason", _("Choose what is not done, and write why."))
    with unit_of_work():
        breach = _locked(breach_id)
        require_free(breach, actor)
        if breach.decisions.filter(what=what, refused_at=None).exists():
            raise Conflict("proposed_already", _("This was proposed already."))
        row = BreachDecision(
            id=new_id(), breach=breach, what=what, proposed_by=actor.id, proposed_at=clock.now()
        )
        row.field = f"decision.{row.id}"
        vault.write_json(breach.unit, row.field, words)
        row.save(force_insert=True)
        record(
            "breach.spare_proposed",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            what=what,
        )
    return row


def agree_spare(*, decision_id: UUID, actor: Actor) -> BreachDecision:
    """The second person. Where it was no breach the links of the answer open again."""
    with unit_of_work():
        breach, row = _waiting(decision_id, actor)
        row.agreed_by, row.agreed_at = actor.id, clock.now()
        row.save(update_fields=["agreed_by", "agreed_at"])
        record(
            "breach.spare_agreed",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            what=row.what,
        )
        if row.what == Spared.NO_BREACH:
            _open_again(breach, actor)
    return row


def turn_down_spare(*, decision_id: UUID, reason: str, actor: Actor) -> BreachDecision:
    """The second person says no, and why; another can be proposed in other words after it."""
    words = reason.strip()
    if not words or len(words) > MAX_WORDS:
        raise BadInput("spare_reason", _("Write in a few sentences why not."))
    with unit_of_work():
        breach, row = _waiting(decision_id, actor)
        row.refused_by, row.refused_at = actor.id, clock.now()
        row.refusal_field = f"refusal.{row.id}"
        vault.write_json(breach.unit, row.refusal_field, words)
        row.save(update_fields=["refused_by", "refused_at", "refusal_field"])
        record(
            "breach.spare_turned_down",
            actor=actor,
            case_id=breach.case_id,
            subject_id=breach.id,
            what=row.what,
        )
    return row


def _waiting(decision_id: UUID, actor: Actor) -> tuple[Breach, BreachDecision]:
    """A proposal that waits, both rows locked, for somebody who did not make it."""
    _require(actor, MAY_SPARE)
    breach = _locked(decision(decision_id).breach_id)
    require_free(breach, actor)
    row = BreachDecision.objects.select_for_update().get(id=decision_id)
    if row.agreed_by or row.refused_by:
        raise Conflict("proposal_over", _("This was settled already."))
    if row.proposed_by == actor.id:
        raise NotAllowed("second_person", _("You proposed this, so another person decides."))
    return breach, row


def require_free(breach: Breach, actor: Actor) -> None:
    """Nobody reads or spares a breach of their own request or of somebody they know (X-09)."""
    if breach.case_id is not None:
        recusals.require_free(breach.case_id, actor)


def _open_again(breach: Breach, actor: Actor) -> None:
    """The links this breach closed, unless another report of a wrong person still stands or two
    persons took a picture out of this answer."""
    if breach.case_id is None or breach.kind != BreachKind.WRONG_PERSON:
        return
    shows_another = bool(taken_out(breach.case_id))
    if not shows_another and not _wrong_person_open(breach.case_id).exists():
        deliveries.resume_answers(case_id=breach.case_id, actor=actor)


def close(*, breach_id: UUID, actor: Actor) -> Breach:
    """Nothing is left to do and all that is owed has left; it stays in the register.

    Raises `Conflict("breach_open")`, which says what is still to do or to leave.
    """
    _require(actor, MAY_SPARE)
    with unit_of_work():
        breach = _locked(breach_id)
        if left := [*left_to_do(breach), *map(str, still_to_leave(breach))]:
            raise Conflict("breach_open", " ".join(left))
        breach.closed_at, breach.closed_by = clock.now(), actor.id
        breach.save(update_fields=["closed_at", "closed_by"])
        record("breach.closed", actor=actor, case_id=breach.case_id, subject_id=breach.id)
    return breach


# -- reading --------------------------------------------------------------------------------------


def due_at(breach: Breach) -> datetime:
    return deadlines.breach_due(breach.aware_at)


def hours_late(breach: Breach) -> int:
    """Begun hours after the 72 at which the authority had it; 0 before that and in time."""
    if breach.notified_at is None:
        return 0
    over = (breach.notified_at - due_at(breach)).total_seconds()
    return max(0, int(-(-over // 3600)))


def clock_words(breach: Breach) -> tuple[str, str]:
    """The clock of 72 hours in words, and the tone of its tag."""
    if breach.notified_at is not None:
        late = breach.notified_at > due_at(breach)
        return (_("notified late") if late else _("notified in time")), ("bad" if late else "ok")
    if _spared(breach) & {Spared.AUTHORITY, Spared.NO_BREACH}:
        return _("not notified, with a reason"), ""
    seconds = (due_at(breach) - clock.now()).total_seconds()
    if seconds < 0:
        return _("%(hours)s hours over") % {"hours": int(-seconds // 3600)}, "bad"
    return _("%(hours)s hours left") % {"hours": int(seconds // 3600)}, "warn"


def left_to_do(breach: Breach) -> list[str]:
    """What the law still asks for before a breach can be closed."""
    spared = _spared(breach)
    left = []
    if breach.described_at is None:
        left.append(_("The facts are not written down."))
    if Spared.NO_BREACH in spared:
        return left
    if breach.notified_at is None and Spared.AUTHORITY not in spared:
        left.append(_("The authority is not notified, and no two persons decided against it."))
    if not breach.letters.exists() and Spared.PERSONS not in spared:
        left.append(_("No person was told, and no two persons decided against it."))
    return left


def still_to_leave(breach: Breach) -> list[breach_notices.Owed]:
    """Letters and answers this breach owes to persons that have not left yet."""
    return breach_notices.still_to_leave(breach, _spared(breach))


def _spared(breach: Breach) -> set[str]:
    return set(breach.decisions.exclude(agreed_by="").values_list("what", flat=True))


def register(staff: Staff) -> list[Breach]:
    """Every breach, open ones first, then the newest (Art. 33(5)); none of a request this person
    must not work on (X-09)."""
    rows = Breach.objects.exclude(case__in=recusals.kept_from(staff))
    rows = rows.select_related("case").order_by("-aware_at")
    return sorted(rows, key=lambda one: one.closed_at is not None)


def facts_of(breach: Breach) -> dict[str, str]:
    """What was written down; empty before that, and after its words came to their end."""
    if not vault.has(breach.unit, FACTS):
        return {}
    return dict(vault.read_json(breach.unit, FACTS))


def decision(decision_id: UUID) -> BreachDecision:
    found = BreachDecision.objects.select_related("breach__case").filter(id=decision_id).first()
    if found is None:
        raise NotFound("no_proposal", _("There is no such proposal."))
    return found


def reasons_of(row: BreachDecision) -> tuple[str, str]:
    """Why something is not done and why that was turned down; empty where it is not there."""
    unit = row.breach.unit
    why, refusal = (
        vault.read_json(unit, name) if name and vault.has(unit, name) else ""
        for name in (row.field, row.refusal_field)
    )
    return why, refusal


def by_id(breach_id: UUID) -> Breach:
    found = Breach.objects.select_related("case").filter(id=breach_id).first()
    if found is None:
        raise NotFound("no_breach", _("There is no such breach."))
    return found


def notice_of(*, breach_id: UUID, actor: Actor) -> bytes:
    """The newest notice as it was made."""
    _require(actor, MAY_OPEN)
    breach = by_id(breach_id)
    require_free(breach, actor)
    if breach.document_id is None or breach.destroyed_at is not None:
        raise NotFound("no_notice", _("There is no notice of this breach."))
    return documents.open_document(breach.document_id)


def _locked(breach_id: UUID) -> Breach:
    breach = Breach.objects.select_for_update().filter(id=breach_id).first()
    if breach is None:
        raise NotFound("no_breach", _("There is no such breach."))
    if breach.closed_at is not None:
        raise Conflict("breach_closed", _("This breach is closed."))
    return breach


def _require(actor: Actor, roles: frozenset[Role]) -> None:
    if not actor.is_human_staff or actor.role not in roles:
        raise NotAllowed("breach_role", _("Your role does not include this."))
