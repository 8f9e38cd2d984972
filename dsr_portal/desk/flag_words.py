"""Each flag of a case as officers read it: what it is, and what to do about it.

Flags are codes in the database and the trail. A test reads every place that raises one: a flag
without words here fails it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dsr_portal.cases import (
    address_changes,
    again,
    answering,
    children,
    closed_answers,
    mail_ends,
    mail_intake,
    other_systems,
    paper_returns,
)
from dsr_portal.cases.models import RightCode
from dsr_portal.erasure import outcome
from dsr_portal.erasure.models import WaitCode
from dsr_portal.matching import named, recusing, stopped


@dataclass(frozen=True, slots=True)
class FlagWords:
    """What happened, and what an officer does now."""

    label: Promise | str
    todo: Promise | str


_ADDED = _("The person asked for more: %(right)s")
_READ_WISH = _("Read the later wish on this page: it has a month of its own.")


def _of_wishes() -> dict[str, FlagWords]:
    """One for each right; the words are put together when they are read."""
    return {f"added_{one}": FlagWords(_ADDED, _READ_WISH) for one in RightCode.values}


_WAITS: dict[WaitCode, Promise] = {
    WaitCode.HELD: _("Wait for the other request's decision; the erasure goes on by itself."),
    WaitCode.INSPECTION: _("Wait until two persons end the inspection under Orders."),
    WaitCode.SAME_PERSON: _("Compare the two requests and settle whose picture it is first."),
    WaitCode.DUPLICATES: _("Two persons decide about the copies under Next step."),
    WaitCode.NOT_ME: _("Speak to the person. Look at each picture again before anything goes."),
    WaitCode.EVIDENCE: _("Nothing now: it is erased after the lock, if that was asked."),
    WaitCode.COMPARING: _("Nothing now: the search runs by itself."),
    WaitCode.ARRIVED: _("Two persons decide about the new candidates under Next step."),
    WaitCode.PUT_ASIDE: _("A supervisor decides under Put aside."),
    WaitCode.COPIES: _("Write down the next step towards those who published a copy."),
    WaitCode.SYSTEMS: _("State what each other system holds, and what was deleted there."),
    WaitCode.SUPERVISOR: _("A supervisor starts the erasure."),
}

WORDS: Mapping[str, FlagWords] = MappingProxyType(
    {
        address_changes.OBJECTED: FlagWords(
            _("Somebody at the old address stopped a new one"),
            _("Find out by another way who is writing before anything leaves."),
        ),
        again.ERASED_BEFORE: FlagWords(
            _("Records were erased after the backup that was restored"),
            _("Check answer and certificate against what stands here now."),
        ),
        children.CONFLICT_FLAG: FlagWords(
            _("Parent and child may want different things"),
            _("Hear the child alone; decide on the page about the child."),
        ),
        closed_answers.FLAG: FlagWords(
            _("An answer that left is closed"),
            _("A supervisor has it made anew (Put aside), or writes to the person."),
        ),
        mail_ends.BOUNCED: FlagWords(
            _("No mail reaches the person"),
            _("Look for another way: phone, post, or an address in their words."),
        ),
        mail_ends.REPRESENTATIVE_BOUNCED: FlagWords(
            _("No mail reaches who acts for the person"),
            _("Write to the person, and ask for another address of who acts."),
        ),
        mail_ends.ALARM_LOST: FlagWords(
            _("A colleague was not told by mail"),
            _("Tell them yourself: the alarm stands on their queue."),
        ),
        mail_intake.MAY_BELONG: FlagWords(
            _("This mail may belong to another request"),
            _("Compare the two and link them, or set this one aside."),
        ),
        other_systems.LISTED_LATER: FlagWords(
            _("Another system was listed after the answer was made"),
            _("Search it and state what it holds; write to the person where something is found."),
        ),
        answering.FLAG: FlagWords(
            _("The person wrote, and it is not said which question they answer"),
            _("Say it on the page of the case: what stands still goes on from that day."),
        ),
        paper_returns.CAME_BACK: FlagWords(
            _("A registered letter came back"),
            _("Check the address; post it again or keep it, on the page about paper."),
        ),
        named.NO_FACE_FLAG: FlagWords(
            _("We hold a picture they named, and no face of it is enrolled"),
            _("Look at the picture's page; tell the person by hand where it is theirs."),
        ),
        named.NO_NAME_FLAG: FlagWords(
            _("An account name they gave could not be looked up everywhere"),
            _("Ask for the address of a page or picture instead."),
        ),
        recusing.FLAG: FlagWords(
            _("What left rests on somebody who must not work on this request"),
            _("A supervisor who had no part in it looks at it again."),
        ),
        stopped.FLAG: FlagWords(
            _("A photo or a search stopped for good"),
            _("Give the job its tries back under Next step."),
        ),
        outcome.FAILED: FlagWords(
            _("A check after the erasure failed"),
            _("Open the erasure, and call the operator: nothing may be called erased."),
        ),
        **{str(code): FlagWords(code.label, todo) for code, todo in _WAITS.items()},
        **_of_wishes(),
    }
)


def label_of(code: str) -> str:
    """What a flag is called; a code of an older version reads as itself."""
    found = WORDS.get(code)
    if found is None:
        return code
    right = code.removeprefix("added_")
    words = str(found.label)
    if right != code:
        return words % {"right": RightCode(right).label}
    return words[:1].upper() + words[1:]


def todo_of(code: str) -> str:
    """What to do about it; nothing is known of a code of an older version."""
    found = WORDS.get(code)
    return str(found.todo) if found is not None else ""
