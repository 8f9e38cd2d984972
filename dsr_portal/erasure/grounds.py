"""Why an erasure is owed: grounds of Art. 17(1), proposed by a rule, chosen by an officer (E-02).

The rule reads what is documented of the sources and what was asked, never how alike a face was. An
officer may choose otherwise, with words for what the rule did not see. Where nobody chose before
the plan is frozen, the proposal counts, in the name of who answers for the erasure. What was found
decides which grounds there are: nothing outward says them before the certificate (R3).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from dsr_portal.accounts.roles import require_reviewer
from dsr_portal.audit.services import record, unit_of_work
from dsr_portal.cases import exemptions, letters
from dsr_portal.cases.models import Case, RightCode, Status
from dsr_portal.cases.moves import lock
from dsr_portal.cases.page_models import PageAction, PageGround, PageVerdict
from dsr_portal.cases.selectors import kept_from_erasure
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import duplicates
from dsr_portal.erasure.models import Ground, OrderedErasure, Plan, PlanState, Why
from dsr_portal.erasure.selectors import opened_again_since
from dsr_portal.gallery.models import Record, Source
from dsr_portal.gallery.sources import NO_BASIS
from dsr_portal.law import authorities
from dsr_portal.law.articles import ERASURE_GROUNDS, ErasureGround, cited
from dsr_portal.matching import selectors as matching
from dsr_portal.vault import services as vault

Proposed = dict[ErasureGround, Why]

_BEGUN = frozenset({PlanState.RUNNING, PlanState.VERIFYING})
_CONSENT = re.compile(r"\b(?:6\s*\(1\)\s*\(a\)|9\s*\(2\)\s*\(a\)|consent)", re.IGNORECASE)
_OF_PAGES: Mapping[str, tuple[ErasureGround, Why]] = {
    PageGround.NO_BASIS: (ErasureGround.UNLAWFUL, Why.NO_BASIS),
    PageGround.PAGE_GONE: (ErasureGround.NO_LONGER_NEEDED, Why.PAGE_GONE),
    PageGround.STOPPED: (ErasureGround.UNLAWFUL, Why.STOPPED),
}


# -- what the rule proposes -----------------------------------------------------------------------


def proposed(case: Case) -> Proposed:
    """What follows from the confirmed records of a case and from what was asked in it."""
    return _proposal(case, sources_of(_confirmed(case)))


def _confirmed(case: Case) -> set[UUID]:
    outcome = matching.outcome(case.id)
    same = set() if outcome is None else set(outcome.same)
    return (same | set(duplicates.chosen_records(case.id))) - kept_from_erasure(case.id)


def sources_of(record_ids: Iterable[UUID], images: Iterable[UUID] = ()) -> list[Source]:
    """Where the pictures of these records come from, and pictures that go without a record."""
    found = Record.objects.filter(id__in=list(record_ids)).values_list("image_id", flat=True)
    rows = Source.objects.filter(sourceimage__in={*found, *images})
    return list(rows.distinct().order_by("name"))


def _sources_of_plan(plan: Plan) -> list[Source]:
    copies = [image.id for image in duplicates.pictures_that_go(plan)]
    return sources_of(plan.records.values_list("record_id", flat=True), copies)


def _proposal(case: Case, sources: Iterable[Source]) -> Proposed:
    """(d) without a documented basis, (b) on consent; any other basis ends with an objection, and
    who wants the data deleted objects (law E-09)."""
    found: Proposed = {}
    seen = {_kind(source) for source in sources}
    if Why.NO_BASIS in seen:
        found[ErasureGround.UNLAWFUL] = Why.NO_BASIS
    if case.rights.filter(right=RightCode.OBJECTION).exists():
        found[ErasureGround.OBJECTION] = Why.OBJECTED
    elif Why.OTHER_BASIS in seen:
        found[ErasureGround.OBJECTION] = Why.OTHER_BASIS
    if Why.CONSENT_BASIS in seen:
        found[ErasureGround.CONSENT_WITHDRAWN] = Why.CONSENT_BASIS
    return found | _ordered(case)


def _kind(source: Source) -> Why:
    if source.legal_basis == NO_BASIS:
        return Why.NO_BASIS
    return Why.CONSENT_BASIS if _CONSENT.search(source.legal_basis) else Why.OTHER_BASIS


def _ordered(case: Case) -> Proposed:
    standing = case.ordered_erasures.filter(ended_at=None).exists()
    return {ErasureGround.ORDER: Why.ORDERED} if standing else {}


def _own_decision(case: Case) -> Proposed:
    """What two persons found of pictures at a page somebody named (end of rule R6)."""
    verdicts = PageVerdict.objects.filter(wish__case=case, action=PageAction.ERASE)
    verdicts = verdicts.exclude(agreed_by="").order_by("decided_at")
    pairs = [_OF_PAGES[one] for one in verdicts.values_list("ground", flat=True)]
    return dict(pairs) | _ordered(case)


# -- what an officer chooses ----------------------------------------------------------------------


def why_not(case: Case) -> Conflict | None:
    """What stands in the way of choosing grounds now; None where they may be chosen."""
    asked = case.rights.filter(right=RightCode.ERASURE).exists()
    if not asked or case.withdrawn_at is not None or case.status == Status.PURGED:
        return Conflict("erasure_not_asked", _("Erasure was not asked for in this case."))
    if not _confirmed(case):
        return Conflict("not_decided", _("Two persons have not decided yet."))
    rows = Plan.objects.filter(case=case, own=False)
    begun = {one.state for one in rows if not opened_again_since(one, case)}
    if begun & _BEGUN or (PlanState.DONE in begun and not exemptions.over(case)):
        return Conflict("erasure_runs", _("The erasure has begun: its grounds stand."))
    return None


def chosen(case: Case) -> list[Ground]:
    """What an officer chose for the next plan of this case."""
    return list(case.erasure_grounds.filter(plan=None).order_by("ground"))


def preselected(case: Case) -> list[ErasureGround]:
    """What the form shows as ticked: the choice, else the proposal. An order is no choice."""
    ticked = [ErasureGround(row.ground) for row in chosen(case)] or list(proposed(case))
    return [one for one in ticked if one != ErasureGround.ORDER]


def hints(case: Case) -> dict[str, str]:
    """What the rule saw, beside each ground it proposes, in words."""
    sources = sources_of(_confirmed(case))
    return {one.value: reason_words(case, why, sources) for one, why in proposed(case).items()}


@vault.retry_stale
def choose(*, case_id: UUID, actor: Actor, grounds: Collection[str], words: str = "") -> None:
    """Choose the grounds of the erasure; one the rule did not propose needs a sentence why.

    Counts for a plan in its hold window too. Raises `BadInput` with ground_missing, no_such_ground
    and those of the words; `Conflict` with erasure_not_asked, not_decided, erasure_runs.
    """
    require_reviewer(actor)
    wanted = _known(grounds)
    with unit_of_work():
        case = lock(case_id)
        problem = why_not(case)
        if problem is not None:
            raise problem
        offered = proposed(case)
        field = ""
        if wanted - set(offered):
            field = f"ground.{new_id()}"
            kept = letters.own_words(words, case)
            vault.write_small(case.file_unit, field, kept.encode())
        case.erasure_grounds.filter(plan=None).delete()
        moment = clock.now()
        for one in sorted(wanted):
            why = offered.get(one)
            Ground.objects.create(
                case=case,
                ground=one,
                why=why or "",
                field="" if why else field,
                decided_by=actor.id,
                decided_at=moment,
            )
        record(
            "erasure.grounds_chosen",
            actor=actor,
            case_id=case.id,
            grounds=[one.value for one in sorted(wanted)],
            own_words=bool(field),
        )
        held = Plan.objects.filter(case=case, own=False, state=PlanState.HOLD).first()
        if held is not None:
            settle(held, actor=actor)


def _known(grounds: Collection[str]) -> set[ErasureGround]:
    """An order is a fact and no choice: it stands where an authority gave it."""
    if not grounds:
        raise BadInput("ground_missing", _("Choose at least one ground."))
    if any(one not in list(ErasureGround) or one == ErasureGround.ORDER for one in grounds):
        raise BadInput("no_such_ground", _("Choose the ground."))
    return {ErasureGround(one) for one in grounds}


# -- what a plan is frozen with -------------------------------------------------------------------


def settle(plan: Plan, *, actor: Actor) -> None:
    """Write the grounds of a plan, in the caller's unit of work: the choice, else the proposal."""
    plan.grounds.all().delete()
    choice = [] if plan.own else chosen(plan.case)
    rows = [
        Ground(
            case=plan.case,
            plan=plan,
            ground=row.ground,
            why=row.why,
            field=row.field,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in choice
    ]
    there = {row.ground for row in rows}
    offered = _of_plan(plan) if not rows else _ordered(plan.case)
    rows += [
        Ground(
            case=plan.case,
            plan=plan,
            ground=ground,
            why=why,
            by_rule=True,
            decided_by=plan.approver,
            decided_at=plan.frozen_at,
        )
        for ground, why in offered.items()
        if ground not in there
    ]
    Ground.objects.bulk_create(rows)
    record(
        "erasure.grounded",
        actor=actor,
        case_id=plan.case_id,
        subject_id=plan.id,
        grounds=sorted(str(row.ground) for row in rows),
        by_rule=sum(row.by_rule for row in rows),
    )


def _of_plan(plan: Plan) -> Proposed:
    if plan.own:
        return _own_decision(plan.case)
    return _proposal(plan.case, _sources_of_plan(plan))


# -- orders of authorities ------------------------------------------------------------------------


def order(*, case_id: UUID, order_id: UUID, authority_code: str) -> None:
    """Note that an authority ordered the erasure in a case; in the caller's unit of work."""
    OrderedErasure.objects.get_or_create(
        case_id=case_id,
        order_id=order_id,
        defaults={"authority_code": authority_code, "since": clock.now()},
    )


def end_order(*, order_id: UUID) -> int:
    """The order is over; plans that were frozen with it keep what they say."""
    rows = OrderedErasure.objects.filter(order_id=order_id, ended_at=None)
    return rows.update(ended_at=clock.now())


# -- in words -------------------------------------------------------------------------------------


def told(plan: Plan) -> list[tuple[str, str]]:
    """Article, and ground with its reason, as the certificate prints them."""
    sources = _sources_of_plan(plan)
    return [
        (
            cited(ERASURE_GROUNDS[ErasureGround(row.ground)].article),
            f"{ERASURE_GROUNDS[ErasureGround(row.ground)].text} {_reason(row, sources)}".strip(),
        )
        for row in plan.grounds.order_by("ground")
    ]


def article_of(ground: str) -> str:
    """The article for machines and authorities, in English whatever the person reads."""
    return f"{ERASURE_GROUNDS[ErasureGround(ground)].article} GDPR"


def _reason(row: Ground, sources: Iterable[Source]) -> str:
    if row.field:
        unit = row.case.file_unit
        return vault.read(unit, row.field).decode() if vault.has(unit, row.field) else ""
    return reason_words(row.case, Why(row.why), sources)


def reason_words(case: Case, why: Why, sources: Iterable[Source]) -> str:
    """The rule's sentence, with the sources it is about."""
    names = ", ".join(source.name for source in sources if _kind(source) == why)
    about = {"names": names or _("the pictures at the page that was named")}
    return {
        Why.NO_BASIS: _("No legal basis is documented for: %(names)s.") % about,
        Why.CONSENT_BASIS: _("The basis stated is consent, for: %(names)s.") % about,
        Why.OBJECTED: _("The objection was part of the request."),
        Why.OTHER_BASIS: _("A wish to delete counts as an objection, for: %(names)s.") % about,
        Why.STOPPED: _("Their collection was stopped."),
        Why.PAGE_GONE: _("The page they were taken from does not show them any more."),
        Why.ORDERED: _("By: %(names)s.") % {"names": _authorities(case)},
    }[why]


def _authorities(case: Case) -> str:
    codes = case.ordered_erasures.order_by("since").values_list("authority_code", flat=True)
    return ", ".join(dict.fromkeys(authorities.get(code).name for code in codes))
