"""Which one thing a case waits for, in words: the Next step card (ui.md, page template 4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from django.utils.translation import gettext as _

from dsr_portal.accounts.models import Staff
from dsr_portal.accounts.roles import REVIEWERS
from dsr_portal.cases import (
    children,
    corrections,
    evidence_locks,
    exemptions,
    mandates,
    other_systems,
    page_wishes,
    paper_returns,
)
from dsr_portal.cases.levels import DISCLOSURE_LEVEL
from dsr_portal.cases.models import UNIDENTIFIED, Case, DeliveryState, RightCode, Status
from dsr_portal.cases.services import has_unread_mail, unanswered_ask, was_asked
from dsr_portal.cases.states import OVER
from dsr_portal.core.actor import Actor
from dsr_portal.core.templatetags.ui import day, moment
from dsr_portal.disclosure import selectors as disclosure
from dsr_portal.disclosure import unidentified
from dsr_portal.disclosure.correcting import correctable
from dsr_portal.disclosure.models import LETTER_ONLY, Answer, AnswerKind, AnswerState
from dsr_portal.erasure import selectors as erasure
from dsr_portal.erasure.models import PlanState, WaitCode
from dsr_portal.matching import selectors as matching
from dsr_portal.matching.models import ProbeState, Review, ReviewState
from dsr_portal.matching.named import is_known
from dsr_portal.matching.services import (
    is_deciding,
    is_repeating,
    may_choose_photos,
    named_ways,
    photos_differ,
)
from dsr_portal.matching.stopped import stopped_jobs
from dsr_portal.policy import assessment


@dataclass(frozen=True, slots=True)
class Other:
    """Something else this person may do now, behind a page of its own."""

    page: str
    label: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """`form` names the form the card shows, `page` the page to go to; neither: it waits.

    `machine` is true while a worker is at it, so that the page looks again by itself.
    """

    title: str
    text: str = ""
    who: str = ""
    law: str = ""
    due: date | None = None
    form: str = ""
    page: str = ""
    button: str = ""
    machine: bool = False
    barred: bool = False
    """The person who entered the request may not do this step (R19, R20)."""
    others: tuple[Other, ...] = ()
    may_set_aside: bool = False


def next_step(case: Case, actor: Actor) -> NextStep:
    """The step as this person sees it: buttons only where they may press them."""
    step = replace(_step(case, actor), due=_due(case))
    if actor.role not in REVIEWERS:
        step = replace(step, others=(), may_set_aside=False)
    if not step.form and not step.page:
        return step
    if actor.role not in REVIEWERS:
        return replace(step, form="", page="", button="", who=_("An officer"))
    if step.barred and case.opener and case.opener == actor.id:
        return replace(
            step, form="", page="", button="", who=_("Another person: you entered this request")
        )
    return step


def _due(case: Case) -> date | None:
    if case.status == Status.DELIVERED and (wrong_by := corrections.due_in(case.id)) is not None:
        return wrong_by
    return None if case.status in OVER else case.due_on


def _step(case: Case, actor: Actor) -> NextStep:
    if case.status != Status.PURGED and paper_returns.undecided(case) is not None:
        return _came_back()
    steps: dict[str, Callable[[], NextStep]] = {
        Status.RECEIVED: lambda: _before_search(case, actor),
        Status.NEEDS_INFO: lambda: _before_search(case, actor),
        Status.IDENTITY: lambda: _before_search(case, actor),
        Status.SEARCHING: lambda: _searching(case),
        Status.IN_REVIEW: lambda: _review(case, actor),
        Status.SECOND_REVIEW: lambda: _review(case, actor),
        Status.DECIDED: lambda: _answer(case),
        Status.DELIVERED: lambda: _after_delivery(case, actor),
        Status.ERASING: lambda: _erasing(case),
    }
    return steps.get(case.status, lambda: _over(case))()


def _came_back() -> NextStep:
    return NextStep(
        _("A letter came back"),
        _("Check the address with the person, post it again, or keep it here."),
        law=_("Art. 12(3)"),
        page="desk:paper",
        button=_("See to the letter"),
    )


def _lift() -> NextStep:
    return NextStep(
        _("Lift the lock"),
        _("The letter has left and its day has come. What was asked beside it follows."),
        law=_("Art. 18(3)"),
        page="desk:evidence_lock",
        button=_("Lift the lock"),
    )


def _over(case: Case) -> NextStep:
    if evidence_locks.waits_for_lifting(case.id) is not None:
        return _lift()
    if evidence_locks.in_force(case.id) is not None:
        return NextStep(
            _("Locked as evidence"),
            _("The case is closed. The lock stays until it is ended or its period is over."),
            law=_("Art. 18(1)(c)"),
        )
    if exemptions.over(case):
        return NextStep(
            _("Erase what was kept"),
            _(
                "The last day of an exemption has passed, and it was kept locked until then. The "
                "person was told that day."
            ),
            law=_("Art. 17(1), 17(3)"),
            form="erasure",
            button=_("Start the erasure"),
            barred=True,
        )
    if exemptions.ending(case):
        return _exemption_ends(case)
    return NextStep(_("Nothing is left to do"), _("The case is closed."))


def _exemption_ends(case: Case) -> NextStep:
    """Both ways: let it end, for which nothing is to be done, or keep the picture longer."""
    return NextStep(
        _("The last day of an exemption is near"),
        _(
            "One picture is kept from the erasure until %(day)s. Do nothing, and its erasure "
            "starts the day after. Only where it is still needed, propose a later day."
        )
        % {"day": day(exemptions.ending(case)[0].until)},
        law=_("Art. 17(3)"),
        page="desk:lengthen",
        button=_("Keep it longer"),
        barred=True,
    )


def _wrong(case: Case) -> NextStep | None:
    """What the person said is wrong in a picture, or asked to have corrected and nobody named."""
    law = _("Art. 16, 18(1)(a), 19")
    if corrections.due_in(case.id) is not None:
        return NextStep(
            _("Answer what the person says is wrong"),
            _("Put it right, put their words beside it, or propose less with its ground."),
            law=law,
            page="desk:corrections",
            button=_("Look at it"),
            barred=True,
        )
    asked = set(case.rights.values_list("right", flat=True))
    # An erasure that was asked too comes on its day, and with it what was wrong is gone.
    named = RightCode.RECTIFICATION not in asked or case.corrections.exists()
    if not named and RightCode.ERASURE not in asked and correctable(case):
        return NextStep(
            _("Write down what is to be corrected"),
            _(
                "They asked to correct something. Where their words say which picture and what is "
                "right, write it down; else ask them. Their page has a form for it, too."
            ),
            law=law,
            page="desk:corrections",
            button=_("Write it down"),
        )
    return None


def _searching(case: Case) -> NextStep:
    if stopped_jobs(case.id):
        return _stopped(_("The search stopped"))
    search = matching.latest_search(case.id)
    if search is not None and not search.compares:
        return NextStep(
            _("The look-up is running"),
            _("What the person named is looked up. No face is compared."),
            machine=True,
        )
    if why := assessment.closed():
        return NextStep(
            _("The search waits for the impact assessment"),
            why.words
            + " "
            + _("It begins by itself once a director has approved a version. The date runs on."),
            law=_("Art. 35(1), 35(11)"),
            machine=True,
        )
    return NextStep(
        _("The search is running"),
        _("hnswlib looks first, then every row is compared. This takes seconds."),
        machine=True,
    )


def _stopped(title: str) -> NextStep:
    return NextStep(
        title,
        _("The program gave up after several tries. Once the cause is repaired, start it again."),
        form="again",
        button=_("Start it again"),
    )


def _before_search(case: Case, actor: Actor) -> NextStep:
    letter = disclosure.current_answer(case.id)
    if letter is not None and letter.kind in LETTER_ONLY:
        waiting = _letter(letter, actor)
        if waiting is not None:
            return waiting
    step = _towards_search(case)
    return step if step.form == "origin" else replace(step, others=_others(case, step))


def _others(case: Case, step: NextStep) -> tuple[Other, ...]:
    """What may be done beside the step itself: nobody has to send a photo (law T-06)."""
    pages = [] if step.page == "desk:ask" else [Other("desk:ask", _("Ask for what is missing"))]
    if may_choose_photos(case) and step.page != "desk:photos":
        pages.insert(0, Other("desk:photos", _("Choose which photos count")))
    if may_look_up(case) and step.page != "desk:look_up":
        pages.insert(0, Other("desk:look_up", _("Look up by what the person named")))
    if page_wishes.may_ask(case) and page_wishes.ways_to_choose(case):
        pages.append(Other("desk:one_page", _("They want one page dealt with only")))
    if step.page != "desk:unidentified":
        pages.append(Other("desk:unidentified", _("Cannot identify")))
    return tuple(pages)


def may_look_up(case: Case) -> bool:
    """Whether something was named, who is asking is known, and no photo is just being checked."""
    checked = all(photo.state != ProbeState.RECEIVED for photo in matching.photos(case.id))
    return checked and is_known(case) and bool(named_ways(case))


def _letter(letter: Answer, actor: Actor) -> NextStep | None:
    """The letter that says we can't tell who is asking, until a second person has read it."""
    law = _("Art. 11(2), 12(2), 12(4)")
    if letter.state == AnswerState.QUEUED:
        return NextStep(_("The letter is being made"), law=law, machine=True)
    if letter.state != AnswerState.READY:
        return None
    if unidentified.answered_since(letter):
        return NextStep(
            _("The person gave something meanwhile"),
            _("Set the letter aside and look at what came."),
            law=law,
            may_set_aside=True,
        )
    step = NextStep(
        _("Read what is decided about one page")
        if letter.kind == AnswerKind.NAMED_PAGE
        else _("Read the letter: cannot identify"),
        _("It leaves with the next daily batch. When the person gives more, the request opens."),
        law=law,
        form="letter",
        button=_("Agree and send the letter"),
        barred=True,
    )
    wish = page_wishes.in_force(letter.case) if letter.kind == AnswerKind.NAMED_PAGE else None
    if actor.id not in {letter.prepared_by, wish.asked_by if wish is not None else ""}:
        return step
    return replace(
        step, form="", button="", who=_("Another person: you wrote it"), may_set_aside=True
    )


_MANDATES = {
    "mandate_missing": lambda: _("Write down who acts for the person"),
    "mandate_open": lambda: _("Look at the mandate"),
    "mandate_refused": lambda: _("The mandate was not accepted"),
    "mandate_ended": lambda: _("Nobody acts for the person any more"),
}


def mandate_words(case: Case) -> str:
    """What a represented request waits for, "" where nothing is in the way."""
    code = mandates.in_the_way(case)
    return _MANDATES[code]() if code else ""


def _mandate(case: Case) -> NextStep:
    """Somebody else sent it: their mandate, or the person's own word, comes before a search."""
    return NextStep(
        mandate_words(case),
        _(
            "Nothing is searched or sent before the mandate is accepted, or the person says on "
            "their own page that they want this. The clock runs meanwhile."
        ),
        law=_("Art. 12(2), 12(6); rule R11"),
        page="desk:mandate",
        button=_("To the mandate"),
    )


def _child(case: Case) -> NextStep:
    """A person first, no machine (law C-01, C-02)."""
    conflict = children.in_the_way(case) == "child_conflict"
    return NextStep(
        _("A supervisor decides for the child") if conflict else _("A child asks: look at it"),
        _(
            "Look for the child's own interest, and whether child and guardian want the same. No "
            "photo is taken before. The clock runs meanwhile."
        ),
        law=_("recital 38; Art. 3 of the Convention on the Rights of the Child"),
        page="desk:child",
        button=_("What to look for"),
        barred=True,
    )


def _towards_search(case: Case) -> NextStep:
    if has_unread_mail(case):
        return NextStep(
            _("Read the mail"),
            _(
                "It was taken for everything its words let one read, and its month runs since it "
                "came. Say what it asks for."
            ),
            law=_("Art. 12(2)"),
            page="desk:next_mail",
            button=_("Read the mail"),
        )
    if case.opener and not case.origin_confirmed_by:
        return NextStep(
            _("Confirm the original request"),
            _(
                "This request was entered by a colleague. Another person must have seen the "
                "original and a reply that confirmed the contact."
            ),
            law=_("rule R20"),
            form="origin",
            button=_("I saw both"),
            barred=True,
        )
    if mandates.in_the_way(case):
        return _mandate(case)
    if children.in_the_way(case):
        return _child(case)
    if page_wishes.in_force(case) is not None:
        return NextStep(
            _("Deal with the page they named"),
            _(
                "The person does not show who they are and asks for this one page or file only. "
                "What is there is decided on its own; nothing is told."
            ),
            law=_("Art. 11(2), 17(1)(d); rule R6"),
            page="desk:one_page",
            button=_("Look at the page"),
            barred=True,
        )
    if photos_differ(case):
        return NextStep(
            _("Choose which photos count"),
            _(
                "The photos are too unlike to be searched with as one person's, so nothing was "
                "searched. Look which of them show the person who asks. They were asked to look "
                "at their photos, too."
            ),
            law=_("rules R2, R3"),
            page="desk:photos",
            button=_("Look at the photos"),
            barred=True,
        )
    if unanswered_ask(case) is not None and unidentified.why_not_yet(case) is None:
        return _closing_letter()
    if case.level < case.required_level:
        return _identity(_identity_words(case))
    return _photo(case)


def _closing_letter() -> NextStep:
    """Silence ends with a letter that says why, and with nothing else (law D-08)."""
    return NextStep(
        _("Write the closing letter"),
        _(
            "The person was asked, was reminded, and had their time. Write down why nobody can "
            "tell which records are theirs. A second person reads the letter, then it leaves. "
            "When they give more, the request opens again."
        ),
        law=_("Art. 11(2), 12(2), 12(4)"),
        page="desk:unidentified",
        button=_("Write the closing letter"),
        barred=True,
    )


def _identity(words: str) -> NextStep:
    return NextStep(
        _("Check who is asking"),
        words,
        law=_("Art. 12(6); rules R2, R6, R7"),
        form="identity",
        button=_("Record the check"),
    )


def _identity_words(case: Case) -> str:
    photos = matching.photos(case.id)
    if any(photo.state == ProbeState.UNUSABLE for photo in photos):
        return _("The photo cannot be used and the person was asked for another one.")
    if any(photo.state == ProbeState.CHOOSING for photo in photos):
        return _(
            "There is more than one face in the photo, and the person was asked which is theirs. "
            "A check that compares faces waits for that."
        )
    if len(photos) > 1:
        return _(
            "No search runs before the level is met, whatever would be found. The check is about "
            "all the photos: each has to show the person who asks."
        )
    return _("No search runs before the level is met, whatever would be found.")


def _photo(case: Case) -> NextStep:
    states = {photo.state for photo in matching.photos(case.id)} - {ProbeState.SET_ASIDE}
    wait = _("Wait for the person")
    if not states:
        return _no_photo(case, wait)
    if ProbeState.WAITING_CONSENT in states:
        return NextStep(
            _("Wait for the person's consent"),
            _(
                "The photo waits, encrypted, until the person agrees to the comparison. If their "
                "consent came by another way, record it."
            ),
            law=_("Art. 9(2)(a); rule R8"),
            form="consent",
            button=_("Record the consent"),
        )
    if ProbeState.CHOOSING in states:
        return NextStep(
            wait,
            _(
                "There is more than one face in the photo. The person was asked which is theirs. "
                "If they told us another way, choose it for them."
            ),
            law=_("Art. 5(1)(c), 9; law P-05"),
        )
    if ProbeState.UNUSABLE in states:
        return _unusable(case, wait)
    if stopped_jobs(case.id):
        return _stopped(_("The check of the photo stopped"))
    return NextStep(_("The photo is being checked"), machine=True)


def _unusable(case: Case, wait: str) -> NextStep:
    """A photo cannot be used: what was named can still be looked up, once who is asking is known
    by a way that needs none (R2)."""
    if named_ways(case) and not is_known(case):
        return _identity(
            _(
                "The photo cannot be used, and the person was asked for another one. What they "
                "named can be looked up meanwhile, once who is asking was checked by a way that "
                "compares no face: a call, a visit, post, eID or a document."
            )
        )
    return NextStep(wait, _("The photo cannot be used. The person was asked for another one."))


def _no_photo(case: Case, wait: str) -> NextStep:
    if may_look_up(case):
        return NextStep(
            _("Look up by what the person named"),
            _(
                "There is no photo, and none is needed for this: pictures at the address, with the "
                "bytes or of the account they named are looked up. No face is compared."
            ),
            law=_("Art. 11(2), 12(2)"),
            page="desk:look_up",
            button=_("Look up by what the person named"),
        )
    if unanswered_ask(case) is not None:
        return NextStep(
            wait,
            _("There is no photo, and the person was asked. What they gave stands beside."),
        )
    if was_asked(case):
        return NextStep(
            _("Decide how to go on"),
            _(
                "The person was asked once. Asking once more needs a fact that is new and another "
                "person who agrees; words to them are always possible."
            ),
            law=_("Art. 11(2), 12(2)"),
            page="desk:ask",
            button=_("Propose to ask once more"),
        )
    return NextStep(
        _("Ask for what is missing"),
        _(
            "There is no photo, and nothing else that can be looked up. Ask once: the fact, a "
            "sentence, and at least two ways to choose from. Nobody has to send a photo."
        ),
        law=_("Art. 11(2), 12(2), 12(6)"),
        page="desk:ask",
        button=_("To the question"),
    )


def _review(case: Case, actor: Actor) -> NextStep:
    review = matching.current_review(case.id)
    if review is None:
        return _searching(case)
    law = _("Art. 22; AI Act Art. 14(5); rule R19")
    if matching.position_of(review, actor) is not None:
        return NextStep(
            _("Compare the pictures"),
            _("Say what you see, then the band appears, then you confirm."),
            who=_("You"),
            law=law,
            page="desk:compare",
            button=_("Compare"),
        )
    # Everybody else reads what they read while the first person decides: it would tell (R19).
    if review.state == ReviewState.WIDENING and actor.id == review.first_officer:
        return NextStep(
            _("The search is widened"),
            _(
                "What was confirmed is searched with, to find pictures the photo alone does not. "
                "That takes seconds; load the page again."
            ),
            who=_("The program"),
            law=law,
        )
    if review.state == ReviewState.FIRST and not review.first_officer:
        return NextStep(
            _("Take the case"),
            _("Two persons decide. The first one takes it; the second is drawn."),
            law=law,
            form="take",
            button=_("Take this case"),
            barred=True,
        )
    if review.state == ReviewState.SUPERVISOR and not review.supervisor:
        return _dispute(review, actor, law)
    return NextStep(_("Waits for a colleague"), who=_who(review), law=law)


def _dispute(review: Review, actor: Actor, law: str) -> NextStep:
    step = NextStep(
        _("Decide a disagreement"),
        _("The two persons see something differently. A supervisor decides, with a reason."),
        who=_("A supervisor who took no part"),
        law=law,
        barred=True,
    )
    took_part = actor.id in {review.first_officer, review.second_officer}
    if actor.role != "supervisor" or took_part:
        return step
    return replace(step, form="take", button=_("Take the disagreement"))


def _who(review: Review) -> str:
    number = {
        ReviewState.FIRST: review.first_officer,
        ReviewState.WIDENING: review.first_officer,
        ReviewState.SECOND: review.second_officer,
        ReviewState.SUPERVISOR: review.supervisor,
    }.get(ReviewState(review.state))
    staff = Staff.objects.filter(staff_no=number).first() if number else None
    return staff.display_name if staff else _("nobody yet")


def _comparing() -> NextStep:
    return NextStep(
        _("New pictures are compared"),
        _("Pictures came since the search. What is new goes through two persons as well."),
        law=_("rule R5"),
        machine=True,
    )


def _arrived_since(case: Case, actor: Actor) -> NextStep | None:
    """What came between the answer and the erasure, until it is compared and decided (R5)."""
    if is_repeating(case.id):
        if stopped_jobs(case.id):
            return _stopped(_("The comparison of new pictures stopped"))
        return _comparing()
    if not is_deciding(case):
        return None
    step = _review(case, actor)
    why = _("Pictures came after the answer. The erasure waits until two persons decided on them.")
    return replace(step, text=" ".join(one for one in (why, step.text) if one))


def _answer(case: Case) -> NextStep:
    law = _("Art. 12(3), 15(1), 15(3)")
    answer = disclosure.current_answer(case.id)
    if is_repeating(case.id):
        return _comparing()
    waits = other_systems.why_not(case) if case.level >= DISCLOSURE_LEVEL else None
    if waits is not None and (answer is None or answer.state == AnswerState.FAILED):
        return NextStep(
            _("Say what the other systems hold"),
            str(waits.message),
            law=law,
            page="desk:searched",
            button=_("To the other systems"),
        )
    if answer is None or answer.state == AnswerState.FAILED:
        return NextStep(
            _("Make the answer"),
            _("The letter, the pictures with other faces covered, and the package."),
            law=law,
            form="answer",
            button=_("Make the answer"),
        )
    if answer.state == AnswerState.QUEUED:
        return NextStep(_("The answer is being made"), law=law, machine=True)
    if answer.state == AnswerState.READY:
        return NextStep(
            _("Read the answer and approve it"),
            _("It leaves with the next daily batch, whatever it says."),
            law=law,
            form="approve",
            button=_("Approve the answer"),
            barred=True,
        )
    if case.deliveries.filter(state=DeliveryState.TO_POST).exists():
        return NextStep(
            _("Print the answer and post it"),
            _("It goes on paper. One person packs it, another posts it, registered."),
            law=_("Art. 12(3)"),
            page="desk:paper",
            button=_("To the envelope"),
            barred=True,
        )
    return NextStep(
        _("Waits for the daily batch"), _("Answers leave together once a day."), law=_("rule R3")
    )


def _after_delivery(case: Case, actor: Actor) -> NextStep:
    arrived = _arrived_since(case, actor)
    if arrived is not None:
        return arrived
    if evidence_locks.waits_for_lifting(case.id) is not None:
        return _lift()
    wrong = _wrong(case)
    if wrong is not None:
        return wrong
    asked = set(case.rights.values_list("right", flat=True))
    if RightCode.ERASURE not in asked:
        return NextStep(_("Nothing is left to do"), _("The answer was delivered."))
    if evidence_locks.in_force(case.id) is not None:
        return NextStep(
            _("Locked as evidence"),
            _("Nothing is erased while the lock stands that the person asked for."),
            law=_("Art. 18(1)(c)"),
        )
    if case.outcome in UNIDENTIFIED:
        return NextStep(
            _("Nothing is left to do"),
            _("The letter left. When the person gives more, the request opens again."),
        )
    outcome = matching.held_now(case.id)
    if outcome is None or not outcome.same:
        return NextStep(_("Nothing is left to do"), _("No record of this person was confirmed."))
    return NextStep(
        _("Erase the records"),
        _(
            "The person may press Delete now. Otherwise it happens on the planned day, "
            "after the hold window."
        ),
        law=_("Art. 17(1); rule R4"),
        form="erasure",
        button=_("Start the erasure"),
        barred=True,
    )


def _erasing(case: Case) -> NextStep:
    plan = erasure.current_plan(case.id)
    law = _("Art. 17(1)")
    if plan is not None and plan.state == PlanState.HOLD:
        return NextStep(
            _("Erasure waits"),
            _("The hold window runs until %(until)s. Until then it can be stopped.")
            % {"until": moment(plan.hold_until)},
            law=law,
            form="hold",
            button=_("End the hold window now"),
        )
    if plan is not None and plan.state == PlanState.WAITING:
        return NextStep(_("Erasure waits for a person"), plan.get_waits_for_display(), law=law)
    if plan is not None and plan.waits_for == WaitCode.COPIES:
        return NextStep(
            _("Settle the steps about published copies"),
            _(
                "It is erased and checked. The certificate leaves when each task towards others "
                "who published a copy has a result, or the reason why no step was left."
            ),
            law=_("Art. 17(2)"),
            page="desk:copies",
            button=_("To the published copies"),
        )
    if plan is not None and plan.waits_for == WaitCode.SYSTEMS:
        said = other_systems.why_not_erased(case)
        return NextStep(
            _("Say what the other systems hold"),
            _("It is erased and checked. The certificate leaves when this is stated.")
            + (f" {said.message}" if said else ""),
            law=law,
            page="desk:searched",
            button=_("To the other systems"),
        )
    if plan is not None and erasure.checks_failed(plan):
        return _stopped(_("The checks of the erasure failed"))
    return NextStep(
        _("Erasure runs"),
        _("The plan is being carried out and checked."),
        law=law,
        machine=True,
    )
