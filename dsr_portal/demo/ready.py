"""The cases that stand ready, at least one in every state, made by the services alone (R35).

They are made oldest first, for the demo's clock only goes forward. Jobs run in this process, so
that the recognition engine is loaded once.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext_noop

from dsr_portal.accounts.services import actor_for, staff_by_number
from dsr_portal.cases import other_systems
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import (
    Case,
    Channel,
    ConsentScope,
    IdentityElement,
    IdentityWay,
    RightCode,
    Status,
    WayKind,
)
from dsr_portal.cases.states import Action
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.ids import new_id
from dsr_portal.demo import cast
from dsr_portal.demo.cast import Member, Person
from dsr_portal.disclosure import selectors as answers
from dsr_portal.disclosure import services as disclosure
from dsr_portal.erasure import selectors as plans
from dsr_portal.erasure import services as erasure
from dsr_portal.gallery import connector
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import selectors as reviews
from dsr_portal.matching import services as matching
from dsr_portal.matching import stopped
from dsr_portal.matching.models import Decision, Review, ReviewState, Verdict
from dsr_portal.policy import assessment
from dsr_portal.policy.assessment_draft import OPEN_POINT, PARTS
from dsr_portal.policy.assessment_models import AiClass
from dsr_portal.vault import services as vault
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.kinds import UnitKind
from dsr_portal.vault.pictures import jpeg_of

BOTH = (RightCode.ACCESS, RightCode.ERASURE)
_ROUNDS = 40


class DidNotHappen(RuntimeError):
    """A ready case did not come as far as it should; the name says which step."""


def act(member: Member) -> Actor:
    return actor_for(staff_by_number(member.staff_no))


def run_jobs() -> None:
    """Run everything that is due here, and what follows from it; the index is loaded once."""
    for _round in range(_ROUNDS):
        if not jobs.run_due(queues=["light", "probe", "search"]):
            return


# -- what stands before any case -----------------------------------------------------------------


def approve_assessment() -> None:
    """The impact assessment that opens the gate: invented words, approved by the cast through the
    services everybody uses (P-09), and the statement that there are no other systems to search
    (A-17). Where a version is there already, it is not touched."""
    other_systems.state_none(actor=act(cast.DIRECTOR))
    if assessment.versions():
        return
    version = assessment.begin(actor=act(cast.SUPERVISOR))
    assessment.write(
        assessment_id=version.id,
        sections={part.code: _staged(str(part.draft)) for part in PARTS},
        said=assessment.Said(
            risk_stays_high=False,
            ai_class=AiClass.BY_DESIGN,
            ai_class_by=cast.SUPERVISOR.name,
            ai_class_on=clock.today(),
        ),
        actor=act(cast.SUPERVISOR),
    )
    assessment.submit(assessment_id=version.id, actor=act(cast.SUPERVISOR))
    advice = "Staged for the demo. Approve only what was measured on your own gallery."
    assessment.advise(assessment_id=version.id, advice=advice, actor=act(cast.DPO))
    assessment.approve(assessment_id=version.id, actor=act(cast.DIRECTOR))


def _staged(draft: str) -> str:
    """The shipped text with its open points closed in words nobody can take for real."""
    said = draft.partition(OPEN_POINT)[0].strip()
    return f"{said}\n{STAGED}".strip()


STAGED = (
    "STAGED FOR THE DEMO. Halden Images is invented and its people are rendered; nobody assessed "
    "anything here."
)


# -- steps of a case ----------------------------------------------------------------------------


def file(
    person: Person,
    *,
    rights: tuple[RightCode, ...] = (RightCode.ACCESS,),
    by: Member | None = None,
    consent: bool = True,
    urgent: bool = False,
    note: str = "",
    language: str = "en",
) -> Case:
    """A request with its photo, from the person or entered by an officer from a letter."""
    case_id = new_id()
    picture = jpeg_of(decode_picture(person.photo.read_bytes()))
    actor = act(by) if by else None
    channel = Channel.POST if by else Channel.WEB

    @vault.retry_stale
    def opened() -> Case:
        probe = vault.stage_unit(kind=UnitKind.PROBE, owner=case_id)
        probe.add("picture", picture)

        def also(case: Case) -> None:
            probe.save()
            matching.add_probe(
                case=case,
                actor=actor or Actor.person(case.id),
                unit=probe.unit_id,
                channel=str(channel),
                entered_by=actor.id if actor else "",
            )

        return cases.open_case(
            actor=actor,
            channel=channel,
            rights=rights,
            ways=[cases.WaySent(WayKind.SELFIE)],
            consents=[ConsentScope.COMPARISON] if consent else [],
            contact=cases.Contact(email=person.email, name=str(person.name)),
            language=language,
            country="NL",
            urgent=urgent,
            note=note,
            case_id=case_id,
            also=also,
        ).case

    case = opened()
    run_jobs()
    return case


def identify(case: Case, *, by: Member = cast.OFFICER) -> None:
    """The identity check that the case's search waits for; then the search runs."""
    check_identity(case, by=by)
    run_jobs()


def check_identity(case: Case, *, by: Member = cast.OFFICER) -> None:
    matching.record_identity(
        case_id=case.id,
        actor=act(by),
        way=IdentityWay.CALL,
        element=IdentityElement.MAILBOX_IN_RECORD,
        compared="Video call: the face on the call and in the photo. The mailbox answered.",
    )


def first(case: Case, person: Person, *, by: Member = cast.OFFICER) -> Review:
    """The first person takes the case and decides what is to be seen."""
    review = matching.take_review(review_id=_review(case).id, actor=act(by))
    while True:
        _decide_all(review, person, act(by))
        review = matching.finish(review_id=review.id, actor=act(by))
        # What was confirmed widens the search; what is new comes back to the same person.
        run_jobs()
        review.refresh_from_db()
        if review.state != ReviewState.FIRST:
            return review


def second(case: Case, person: Person) -> Review:
    """The drawn second person decides, blind."""
    review = _review(case)
    drawn = cast.member(review.second_officer or "")
    if drawn is None:
        raise DidNotHappen("second person")
    _decide_all(review, person, act(drawn))
    return matching.finish(review_id=review.id, actor=act(drawn))


def _review(case: Case) -> Review:
    found = reviews.current_review(case.id)
    if found is None:
        raise DidNotHappen("search")
    return found


def _decide_all(review: Review, person: Person, actor: Actor) -> None:
    for decision in reviews.own_decisions(review, actor):
        verdict = Verdict.SAME if _shows(decision, person) else Verdict.NOT_SAME
        matching.say_preliminary(decision_id=decision.id, actor=actor, verdict=verdict)
        matching.decide(decision_id=decision.id, actor=actor, verdict=verdict)


def _shows(decision: Decision, person: Person) -> bool:
    """Whether this face is the person's: what the cast knows of the file, and of whom in it."""
    record = decision.candidate.record
    facts = connector.current().facts(record.image_id)
    own = facts.first.path in person.own
    score, threshold = decision.candidate.score, decision.candidate.search.threshold
    return own and score is not None and threshold is not None and score >= threshold


def prepare(case: Case, *, by: Member = cast.OFFICER) -> None:
    disclosure.prepare_answer(case_id=case.id, actor=act(by))
    run_jobs()


def approve(case: Case, *, by: Member = cast.OFFICER) -> None:
    answer = answers.current_answer(case.id)
    if answer is None:
        raise DidNotHappen("answer")
    disclosure.approve_answer(answer_id=answer.id, actor=act(by))


def release() -> None:
    cases.release_batch(actor=act(cast.SUPERVISOR))
    run_jobs()


def open_answer(case: Case) -> None:
    """The person opens the link with the receipt code."""
    delivery = case.deliveries.order_by("-created_at").first()
    if delivery is None:
        raise DidNotHappen("delivery")
    cases.open_delivery(token=cases.link_token(delivery), code=cases.receipt_code(case))


def delete_now(case: Case) -> None:
    """The person presses "Delete now" with the code; the hold window begins."""

    def also(locked: Case) -> None:
        erasure.start_erasure(case_id=locked.id, actor=Actor.person(locked.id))

    cases.delete_now(
        case_id=case.id, code=cases.receipt_code(case), actor=Actor.person(case.id), also=also
    )


def to_decided(
    person: Person, *, by: Member = cast.OFFICER, rights: tuple[RightCode, ...] = BOTH
) -> Case:
    """From filing to the decision of two persons, over a few days of the demo's clock."""
    case = file(person, rights=rights)
    clock.forward(timedelta(hours=20))
    identify(case, by=by)
    clock.forward(timedelta(hours=4))
    first(case, person, by=by)
    second(case, person)
    return case


def to_delivered(person: Person, *, rights: tuple[RightCode, ...] = BOTH) -> Case:
    case = to_decided(person, rights=rights)
    prepare(case)
    approve(case)
    release()
    return case


# -- the ready cases ----------------------------------------------------------------------------


def taken_back(person: Person) -> Case:
    """A request the person withdraws before anybody looked for them."""
    case = file(person, rights=BOTH)
    clock.forward(timedelta(hours=3))
    return cases.withdraw(case_id=case.id, actor=Actor.person(case.id))


def purged() -> Case:
    """Taken back; after the time a closed case is kept the schedule leaves its trail only."""
    case = taken_back(cast.KOFI)
    run_jobs()
    clock.forward(cases.KEEP_EACH + timedelta(hours=1))
    cases.close_due()
    run_jobs()
    return case


def withdrawn() -> Case:
    case = taken_back(cast.JUN)
    run_jobs()
    return case


def erased() -> Case:
    """Erased, not yet checked: the checks belong to a process that never held what was erased."""
    case = to_delivered(cast.EMIL)
    open_answer(case)
    delete_now(case)
    plan = plans.current_plan(case.id)
    if plan is None:
        raise DidNotHappen("plan")
    clock.forward(plan.hold_until - clock.now() + timedelta(minutes=1))
    for job in Job.objects.filter(kind=erasure.RUN, subject=str(plan.id)):
        jobs.run(job.id)
    return case


def certified(case: Case) -> None:
    """Checks and certificate; then the case is opened to the authority."""
    run_jobs()
    case.refresh_from_db()
    if case.status != Status.CLOSED:
        raise DidNotHappen("certificate")
    release()
    compliance.grant_case(
        case_id=case.id,
        authority_code=cast.REGULATOR.authority,
        until=clock.now() + timedelta(days=365),
        actor=act(cast.DPO),
    )
    clock.forward(timedelta(hours=6))


def delivered() -> Case:
    return to_delivered(cast.PAVEL, rights=(RightCode.ACCESS,))


def nothing_found() -> Case:
    case = to_delivered(cast.ILSE, rights=(RightCode.ACCESS,))
    open_answer(case)
    return case


def in_hold() -> Case:
    case = to_delivered(cast.HENK)
    open_answer(case)
    return case


def waits_for_batch() -> Case:
    case = to_decided(cast.KOFI)
    prepare(case)
    return case


def waits_for_approval() -> Case:
    case = to_decided(cast.PRIYA, by=cast.COLLEAGUE)
    prepare(case, by=cast.COLLEAGUE)
    return case


def searching() -> Case:
    """Its search waits; `stop_search` lets it give up. One that runs is over in seconds.

    Whoever asks was erased by the first of these cases: started again, the search finds nothing.
    """
    case = file(cast.EMIL)
    check_identity(case)
    return case


def stop_search() -> None:
    """Let the one search that waits fail for good, in a process that has no model to search with.

    The fault is staged, what follows is not: every try is the worker's own, with its pauses.
    """
    job = Job.objects.get(kind="matching.search", state=JobState.READY)
    while job.state == JobState.READY:
        if job.run_after > clock.now():
            clock.forward(job.run_after - clock.now() + timedelta(seconds=1))
        jobs.run(job.id)
        job.refresh_from_db()
    if job.state != JobState.FAILED or not stopped.flag_stopped():
        raise DidNotHappen("search stopped")


def second_review() -> Case:
    case = file(cast.JUN, rights=BOTH)
    identify(case)
    first(case, cast.JUN)
    return case


def in_review() -> Case:
    case = file(cast.NORA, rights=BOTH, note="My sister Ines rows; people mix us up.")
    identify(case, by=cast.COLLEAGUE)
    return case


def needs_photo() -> Case:
    return file(cast.PLANT)


def identity() -> Case:
    case = file(
        cast.TOMAS,
        rights=(RightCode.ACCESS,),
        urgent=True,
        note="Somebody sends me pictures of my front door.",
    )
    cases.advance(case=case, action=Action.ASK_IDENTITY, actor=act(cast.OFFICER))
    return case


def letter() -> Case:
    return file(cast.RUTH, by=cast.COLLEAGUE, consent=False, note="By letter, with a photo.")


PURGED = gettext_noop("taken back, purged a month later")
ERASED = gettext_noop("closed, erased, certificate")
HELD = gettext_noop("erasing, in the hold window")
BATCH = gettext_noop("waits for the daily batch")
STOPPED = gettext_noop("searching, stopped by a fault")

MADE: tuple[tuple[str, Callable[[], Case], timedelta], ...] = (
    (gettext_noop("delivered"), delivered, timedelta(hours=20)),
    (gettext_noop("nothing found, delivered"), nothing_found, timedelta(hours=16)),
    (HELD, in_hold, timedelta(hours=6)),
    (BATCH, waits_for_batch, timedelta(hours=3)),
    (gettext_noop("waits for approval"), waits_for_approval, timedelta(hours=2)),
    (gettext_noop("taken back"), withdrawn, timedelta(hours=1)),
    (STOPPED, searching, timedelta(hours=1)),
    (gettext_noop("second decision"), second_review, timedelta(hours=2)),
    (gettext_noop("first decision, a look-alike"), in_review, timedelta(hours=1)),
    (gettext_noop("needs a photo"), needs_photo, timedelta(minutes=30)),
    (gettext_noop("identity, urgent"), identity, timedelta(minutes=20)),
    (gettext_noop("received by letter"), letter, timedelta(minutes=10)),
)
"""Name, maker, and how far the clock moves afterwards."""


def last_touches(made: dict[str, UUID]) -> None:
    """What comes when no time passes any more: waiting for the batch, and the hold window."""
    approve(Case.objects.get(id=made[BATCH]))
    delete_now(Case.objects.get(id=made[HELD]))
    run_jobs()
