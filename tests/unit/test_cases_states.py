"""The table of states, arrow by arrow (law section 11; R1, R2)."""

from itertools import product
from pathlib import Path

import pytest

from dsr_portal.cases import levels, public_status
from dsr_portal.cases.levels import required_level
from dsr_portal.cases.models import UNIDENTIFIED, Channel, Outcome, RightCode, Status, WayKind
from dsr_portal.cases.states import (
    HUMAN_ONLY,
    TRANSITIONS,
    Action,
    as_markdown,
    transition,
)
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed
from dsr_portal.core.registries import sentences
from dsr_portal.policy.catalogue import DEFINITIONS

ROLES = (
    "officer",
    "supervisor",
    "dpo",
    "director",
    "regulator",
    "operator",
    "system",
    "data_subject",
)


def actor_of(role: str) -> Actor:
    kind = {
        "system": "system",
        "data_subject": "person",
        "operator": "operator",
        "regulator": "regulator",
    }.get(role, "staff")
    return Actor("S-1001", role, kind)  # type: ignore[arg-type]  # any kind at all


@pytest.mark.parametrize(("status", "action"), list(product(Status, Action)))
def test_every_pair_of_state_and_action_is_allowed_to_exactly_its_roles(status, action):
    arrow = TRANSITIONS.get((status, action))
    outcome = "not_identified" if arrow is not None and arrow.when_unidentified else ""
    case = {"status": status, "action": action, "rights": set(), "outcome": outcome}
    for role in ROLES:
        actor = actor_of(role)
        if arrow is None:
            with pytest.raises(Conflict):
                transition(actor=actor, **case)
        elif role in arrow.roles:
            got = transition(actor=actor, **case)
            assert got.target == arrow.target
        else:
            with pytest.raises(NotAllowed):
                transition(actor=actor, **case)


@pytest.mark.parametrize("outcome", [*Outcome.values, ""])
def test_only_who_was_not_identified_opens_a_request_again(outcome):
    """Art. 11(2), 12(2): an answered or withdrawn request ends; a new one can be sent."""
    person = actor_of("data_subject")
    how = {"action": Action.COME_BACK, "actor": person, "rights": set(), "outcome": outcome}
    for status in (Status.DECIDED, Status.DELIVERED, Status.CLOSED):
        if outcome in UNIDENTIFIED:
            assert transition(status=status, **how).target == Status.RECEIVED
        else:
            with pytest.raises(Conflict, match="was_answered"):
                transition(status=status, **how)


def test_no_machine_decides_delivers_or_erases():
    """N-12, law section 11 (1), P-12; GDPR Art. 22."""
    for arrow in TRANSITIONS.values():
        if arrow.target in HUMAN_ONLY:
            assert "system" not in arrow.roles
            assert "operator" not in arrow.roles
    # Even a machine that claims a human role is refused.
    liar = Actor("worker", "officer", "system")
    with pytest.raises(NotAllowed):
        transition(status=Status.SECOND_REVIEW, action=Action.REVIEW_DONE, actor=liar, rights=set())


def test_nothing_is_erased_for_who_was_not_identified():
    """Art. 11(2): nobody knows which records are theirs."""
    person = actor_of("data_subject")
    for status, outcome in product((Status.DECIDED, Status.DELIVERED), UNIDENTIFIED):
        how = {"status": status, "action": Action.START_ERASURE, "rights": {RightCode.ERASURE}}
        with pytest.raises(Conflict, match="not_identified"):
            transition(actor=person, outcome=outcome, **how)


def test_erasure_waits_for_the_answer_when_access_was_asked():
    """Law section 11 (3), R1."""
    officer = actor_of("officer")
    only = {RightCode.ERASURE}
    both = {RightCode.ERASURE, RightCode.ACCESS}
    arrow = transition(
        status=Status.DECIDED, action=Action.START_ERASURE, actor=officer, rights=only
    )
    assert arrow.target == Status.ERASING
    with pytest.raises(Conflict, match="answer_first"):
        transition(status=Status.DECIDED, action=Action.START_ERASURE, actor=officer, rights=both)
    assert transition(
        status=Status.DELIVERED, action=Action.START_ERASURE, actor=officer, rights=both
    )


def test_who_entered_a_request_neither_decides_nor_withdraws_it():
    """R20."""
    officer = actor_of("officer")
    for status, action in (
        (Status.RECEIVED, Action.WITHDRAW),
        (Status.SECOND_REVIEW, Action.REVIEW_DONE),
    ):
        with pytest.raises(NotAllowed, match="opener_barred"):
            transition(status=status, action=action, actor=officer, rights=set(), opener=officer.id)
        assert transition(status=status, action=action, actor=officer, rights=set(), opener="S-9")


def test_every_state_can_be_reached_and_only_purged_is_the_end():
    reached = {Status.RECEIVED} | {arrow.target for arrow in TRANSITIONS.values()}
    assert reached == set(Status)
    assert set(Status) - {status for status, _ in TRANSITIONS} == {Status.PURGED}


def test_docs_show_the_table():
    shown = Path(__file__).resolve().parents[2] / "docs" / "states.md"
    assert shown.read_text() == as_markdown(), "run: python manage.py states"


def test_every_state_has_one_of_six_public_words():
    """R3."""
    assert set(public_status.WORD_OF) == set(Status)
    assert set(public_status.WORD_OF.values()) == set(public_status.Word)
    assert [str(word) for word in public_status.WORDS.values()] == [
        "Received",
        "Checking",
        "Needs you",
        "Answer ready",
        "Deleting",
        "Done",
    ]


def test_the_public_status_knows_no_matches():
    """R3: neither the module nor its sentences may learn what was found."""
    source = Path(public_status.__file__).read_text()
    imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert not [line for line in imports if "matching" in line or "recognition" in line]
    told = {*public_status.TOLD, *public_status.TOLD_AFTER_ANSWER}
    assert not [name for name in told if name.startswith(("search.", "review.", "decision."))]
    assert not told & {
        "case.search_started",
        "case.search_finished",
        "case.first_reviewed",
        "case.sent_back",
        "case.decided",
        "case.search_repeated",
    }


@pytest.mark.parametrize(
    ("rights", "level"),
    [
        ([RightCode.ACCESS], 2),
        ([RightCode.ERASURE], 2),
        ([RightCode.RECTIFICATION], 2),
        ([RightCode.RESTRICTION], 1),
        ([RightCode.OBJECTION], 1),
        ([RightCode.OBJECTION, RightCode.ACCESS], 2),
    ],
)
def test_the_level_follows_from_the_right_and_is_the_same_for_every_way(rights, level, monkeypatch):
    """R2: as the policy starts."""
    monkeypatch.setattr(levels.policy, "current", lambda name: DEFINITIONS[name].start())
    for way, channel in product(WayKind, Channel):
        assert required_level(rights=rights, ways=[way], channel=channel) == level
    assert required_level(rights=rights, ways=[], channel=Channel.WEB) == level


def test_timelines_say_dates_in_words():
    """The trail keeps ISO dates; whoever reads the sentence gets 4 January 2027."""
    said = sentences.get("case.opened")(
        {"channel": "web", "rights": ["access"], "due_on": "2027-01-04"}
    )
    assert "Due 4 January 2027." in str(said)
    released = sentences.get("delivery.released")({"kind": "answer", "until": "2027-01-04"})
    assert "open until 4 January 2027." in str(released)


def test_no_two_events_of_a_search_have_the_same_words():
    """The wait for the search and its start are two lines that differ by more than an article."""
    started, queued = (
        str(sentences.get(name)({})) for name in ("case.search_started", "search.queued")
    )
    assert (started, queued) == (
        "The search was started.",
        "The search waits for its turn.",
    )
