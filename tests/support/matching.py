"""Cases in review for tests: real services, vault, trail and jobs; recognition answers as told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import pytest
from django.apps import apps

from dsr_portal.accounts import services as accounts
from dsr_portal.accounts.access import SECOND_FACTOR
from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Channel, ConsentScope, RightCode, WayKind
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.clock import real_now
from dsr_portal.core.ids import new_id
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Decision, Review
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.engine import ModelFacts
from dsr_portal.recognition.services import (
    FacesFound,
    ProbeVerdict,
    RecordHit,
    SearchOutcome,
    WidenedSearch,
)
from dsr_portal.vault import services as vault
from dsr_portal.vault.pictures import encode_jpeg
from tests.support.assessed import assessed

PASSWORD = "plain harbour lantern 7"
MODEL = ModelFacts("Test", "ab" * 32, "five-point-112-v1", "cd" * 32, 128)
JPEG = encode_jpeg(bytes(3 * 8 * 8), 8, 8)


def staff(number: str, role: str = Role.OFFICER, *, trained: bool = True, **more: Any) -> Staff:
    """A person of staff, trained for another year unless said otherwise."""
    return accounts.create_staff(
        actor=Actor.operator(),
        staff_no=number,
        display_name=f"Person {number}",
        email=f"{number.lower()}@halden.example",
        role=role,
        password=PASSWORD,
        trained_until=clock.today() + timedelta(days=365 if trained else -1),
        **more,
    )


def actor(person: Staff) -> Actor:
    return accounts.actor_for(person)


def saying_why(client: Any) -> Any:
    """A client of the desk that gives a reason where one is asked, as a person would, and goes on.

    Its page is tested in test_browsing.py; elsewhere it is one more form on the way (X-09).
    """
    plain = type(client).generic.__get__(client)

    def generic(method: str, path: str, *args: Any, **more: Any) -> Any:
        answer = plain(method, path, *args, **more)
        if answer.status_code == 302 and answer.url.endswith("/why/"):
            words = {"why": "help", "words": "They asked me to look."}
            plain("POST", answer.url, urlencode(words), "application/x-www-form-urlencoded")
            answer = plain(method, path, *args, **more)
        return answer

    client.generic = generic
    return client


def sign_in(client: Any, person: Staff, *, says_why: bool = True) -> Any:
    """A client of the site signed in with both factors."""
    if says_why:
        saying_why(client)
    client.force_login(person)
    session = client.session
    session[SECOND_FACTOR] = real_now().isoformat()
    session.save()
    return client


@dataclass
class Told:
    """What recognition answers in a test, and how often it was asked for an embedding."""

    hits: Sequence[RecordHit] = ()
    nearest: Sequence[RecordHit] = ()
    verdict: ProbeVerdict = field(
        default_factory=lambda: ProbeVerdict("ok", ("blurred",), (1, 1, 4, 4), JPEG)
    )
    faces: FacesFound = field(default_factory=lambda: FacesFound((), 0))
    """The faces a person may choose from where a photo shows several people."""
    widened: list[WidenedSearch] = field(default_factory=list)
    """What each hop finds, in order; nothing once it is used up."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    searches: int = 0
    pictures: list[list[bytes]] = field(default_factory=list)
    """The photos of each search, in the order they came."""
    apart: bool = False
    """Whether several photos are too unlike one another."""
    judged: int = 0
    between: Any = None
    """Called between the first hits and the sweep."""

    def outcome(self, hits: Sequence[RecordHit], *, compared: int) -> SearchOutcome:
        return SearchOutcome(tuple(hits), compared, 40, len(hits), 0, 0, 40, MODEL, 5)

    def judge_probe(self, picture: bytes) -> ProbeVerdict:
        self.judged += 1
        return self.verdict

    def faces_to_choose(self, picture: bytes) -> FacesFound:
        return self.faces

    def search_probe(
        self,
        *,
        picture: bytes,
        threshold: float,
        more: Sequence[bytes] = (),
        vouched: bool = False,
        preliminary: Any = None,
        nearest: int = 0,
    ) -> SearchOutcome:
        self.searches += 1
        self.pictures.append([*more, picture])
        if self.apart and more and not vouched:
            raise recognition.PhotosApart("photos_apart", "unlike")
        if preliminary is not None:
            preliminary(self.outcome(self.hits[:1], compared=0))
        if self.between is not None:
            self.between()
        found = self.outcome(self.hits, compared=40)
        return replace(found, nearest=tuple(self.nearest)[:nearest])

    def widen_search(self, **asked: Any) -> WidenedSearch:
        self.asked.append(asked)
        return self.widened.pop(0) if self.widened else self.hop([], asked["confirmed"])

    def hop(
        self, found: Sequence[RecordHit], used: Sequence[UUID], drifted: Sequence[UUID] = ()
    ) -> WidenedSearch:
        outcome = self.outcome(found, compared=40)
        return WidenedSearch(tuple(found), tuple(used), tuple(drifted), outcome)


def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Put `Told` where the engine and the index would be."""
    assessed()
    answers = Told()
    for name in ("judge_probe", "faces_to_choose", "search_probe", "widen_search"):
        monkeypatch.setattr(recognition, name, getattr(answers, name))
    return answers


def hits(record_ids: Iterable[UUID], *, top: float = 0.8, step: float = 0.01) -> list[RecordHit]:
    return [
        RecordHit(record_id, top - step * number, "hnswlib")
        for number, record_id in enumerate(record_ids)
    ]


def opened(
    rights: Sequence[str] = (RightCode.ACCESS, RightCode.ERASURE),
    *,
    consent: bool = True,
    opener: Actor | None = None,
    picture: bytes = JPEG,
    ways: Sequence[cases.WaySent] = (),
    email: str = "mina@example.org",
) -> Case:
    """A request with a photo, from the website or entered by a person of staff."""
    case_id = new_id()
    staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case_id)
    staged.add("picture", picture)
    channel = Channel.POST if opener else Channel.WEB

    def also(case: Case) -> None:
        staged.save()
        services.add_probe(
            case=case,
            actor=opener or Actor.person(case.id),
            unit=staged.unit_id,
            channel=str(channel),
            entered_by=opener.id if opener else "",
        )

    return cases.open_case(
        actor=opener,
        channel=channel,
        rights=rights,
        ways=[cases.WaySent(WayKind.SELFIE), *ways],
        consents=[ConsentScope.COMPARISON] if consent else [],
        contact=cases.Contact(email=email),
        case_id=case_id,
        also=also,
    ).case


def identify(case: Case, by: Actor) -> None:
    assessed()
    services.record_identity(
        case_id=case.id,
        actor=by,
        way="call",
        element="mailbox_in_record",
        compared="The face on the call and the face in the photo.",
    )


def work() -> int:
    return jobs.run_due(queues=["probe", "search"])


def searched(by: Actor, **more: Any) -> Case:
    """A case whose search is done: it waits for its first person."""
    case = opened(**more)
    work()
    identify(case, by)
    work()
    case.refresh_from_db()
    return case


def review_of(case: Case) -> Review:
    review = selectors.current_review(case.id)
    assert review is not None
    return review


def laid(case: Case, person: Actor) -> list[Decision]:
    return list(selectors.own_decisions(review_of(case), person))


def say(decision: Decision, person: Actor, verdict: str, *, reason: str = "") -> None:
    """View and decision alike."""
    services.say_preliminary(decision_id=decision.id, actor=person, verdict=verdict)
    services.decide(decision_id=decision.id, actor=person, verdict=verdict, reason=reason)


def say_all(case: Case, person: Actor, verdicts: Sequence[str] | str, reason: str = "") -> None:
    """Decide what is laid before a person, best first, and finish the part."""
    rows = laid(case, person)
    words = [verdicts] * len(rows) if isinstance(verdicts, str) else verdicts
    for row, verdict in zip(rows, words, strict=True):
        say(row, person, verdict, reason=reason)
    services.finish(review_id=review_of(case).id, actor=person)
    case.refresh_from_db()


def take(case: Case, person: Actor) -> None:
    services.take_review(review_id=review_of(case).id, actor=person)


def drawn(case: Case, people: Iterable[Actor]) -> Actor:
    """The person drawn as second."""
    number = review_of(case).second_officer
    return next(person for person in people if person.id == number)


def event_types_of(case: Case) -> list[str]:
    from dsr_portal.audit.selectors import events_for_case

    return list(events_for_case(case.id).values_list("type", flat=True))


def pictures_of(centre: Any, count: int, seed: int, spread: float = 0.6) -> Any:
    """Templates around a person's direction, float32 (count, 128)."""
    rng = np.random.default_rng(seed)
    rows = centre + spread * rng.normal(size=(count, 128)) / np.sqrt(128)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")


def everything_kept(root: Path) -> tuple[dict[Any, list[str]], dict[Path, bytes]]:
    """Rows of every table and the bytes of every file under the portal's folders."""
    rows = {model: sorted(map(str, model.objects.values_list())) for model in apps.get_models()}
    files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return rows, files
