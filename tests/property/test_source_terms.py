"""Pictures, terms, requests and days at random: nothing leaves too early, and nothing stays on.

What may leave is told here a second time, in a few lines that ask no table of the portal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dsr_portal.audit import services as audit
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Status
from dsr_portal.core import clock
from dsr_portal.core.ids import new_id
from dsr_portal.erasure import retiring
from dsr_portal.gallery import services as gallery
from dsr_portal.gallery.models import PutAside, Restriction, Source, SourceImage
from dsr_portal.recognition import holder as holders
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support.terms import kept_for
from tests.support.travel import Travel

pytestmark = pytest.mark.django_db(transaction=True)

START = date(2026, 3, 2)
LAST = 40
OFFICER = support.OFFICER
DAYS = st.integers(0, LAST - 1)
KINDS = ("hold", "lock", "aside", "inspection", "request", "lock of a purged request")
NEVER = LAST + 1
_SEEDS = count(1)
"""No picture has the bytes of another one, in no example."""


@dataclass
class Need:
    """What keeps one picture, or all of them, from the morning of a day to that of another."""

    kind: str
    picture: int
    begins: int
    lasts: int
    undo: Callable[[], object] | None = None

    @property
    def ends(self) -> int:
        return NEVER if self.kind.endswith("purged request") else self.begins + self.lasts


@dataclass
class Picture:
    arrives: int
    older: int
    """Days between its collection and its import; 0 where nothing is recorded."""
    faces: int
    shown: lab.Shown | None = None
    gone: bool = False


@dataclass
class World:
    """One source, a day at a time: the portal does, and what is expected is reckoned beside it."""

    travel: Travel
    term: int
    in_force: int
    pictures: list[Picture]
    needs: list[Need]
    source: Source = field(init=False)

    def play(self, looks: set[int]) -> None:
        moment = clock.now()
        name = f"Source {new_id()}"
        self.source = Source.objects.create(name=name, legal_basis="none", created_at=moment)
        for day in range(LAST + 1):
            self.travel.to((START + timedelta(days=day)).isoformat())
            self._happens(day)
            if day in looks:
                self._swept(day)

    def _happens(self, day: int) -> None:
        for one in self.pictures:
            if one.arrives == day:
                self._arrive(one)
        if day == self.in_force:
            kept_for(self.source, self.term)
        for need in self.needs:
            if need.ends == day and need.undo is not None:
                need.undo()
                need.undo = None
            if need.begins == day:
                need.undo = self._begun(need)

    def _arrive(self, one: Picture) -> None:
        one.shown = lab.picture(next(_SEEDS), faces=one.faces, source=self.source)
        if one.older:
            day = clock.today() - timedelta(days=one.older)
            SourceImage.objects.filter(id=one.shown.image.id).update(counted_from=day)

    def _begun(self, need: Need) -> Callable[[], object] | None:
        """Begin it; None where there is nothing any more, or not yet, that it could keep."""
        if need.kind == "inspection":
            held = gallery.keep_for_inspection(source_id=self.source.id)
            return lambda: gallery.let_go_after_inspection(hold_id=held.id)
        if need.kind == "request":
            case = support.opened(email=f"{new_id()}@example.org")
            return lambda: support.decided(case)
        one = self.pictures[need.picture]
        if one.shown is None or one.gone:
            return None
        if need.kind == "aside":
            row = PutAside.objects.create(
                image=one.shown.image, kind="INTIMATE", found_by="S-1", found_at=clock.now()
            )
            return row.delete
        if not one.faces:
            return None
        return self._kept_by_a_case(need.kind, one.shown)

    def _kept_by_a_case(self, kind: str, shown: lab.Shown) -> Callable[[], object]:
        # The last face only: one that is needed keeps its picture.
        said: Any = {"record_ids": [shown.records[-1].id], "case_id": new_id(), "actor": OFFICER}
        if kind == "hold":
            gallery.hold(**said)
            return lambda: gallery.release_holds(**said)
        if kind == "lock of a purged request":
            case = support.delivered(support.opened(email=f"{new_id()}@example.org")).case
            said["case_id"] = case.id
        gallery.restrict(**said, reason="same_person")
        if kind == "lock of a purged request":
            cases.close(case_id=case.id, actor=support.MACHINE)
            purged = cases.purge(case_id=case.id, actor=support.MACHINE)
            assert purged.status == Status.PURGED
            standing = Restriction.objects.filter(case_id=case.id, lifted_at=None)
            assert standing.exists(), "the lock has no term and outlives its request"
        return lambda: gallery.lift_restriction(**said, reason="case_over")

    # -- what is expected ---------------------------------------------------------------------

    def _swept(self, day: int) -> None:
        retiring.start_due()
        lab.run_all()
        for number, one in enumerate(self.pictures):
            if one.shown is None:
                continue
            one.gone = one.gone or self._may_leave(number, one, day)
            state = SourceImage.objects.get(id=one.shown.image.id).state
            assert (state == SourceImage.State.ERASED) == one.gone, (day, number, one, self.needs)

    def _may_leave(self, number: int, one: Picture, day: int) -> bool:
        over = one.arrives - one.older + self.term
        if day < self.in_force or day < over:
            return False
        ended = max(over, one.arrives, self.in_force)
        return not any(self._keeps(need, number, ended, day) for need in self.needs)

    @staticmethod
    def _keeps(need: Need, number: int, ended: int, day: int) -> bool:
        if not need.begins <= day < need.ends:
            return False
        if need.kind == "request":
            return need.begins <= ended
        return need.undo is not None and (need.kind == "inspection" or need.picture == number)


NEEDS = st.builds(Need, st.sampled_from(KINDS), st.integers(0, 2), DAYS, st.integers(1, LAST))
PICTURES = st.builds(Picture, st.integers(0, 20), st.sampled_from([0, 0, 3, 60]), st.integers(0, 2))


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> Any:
    lab.own_places(settings, tmp_path)
    holders.holder().drop()
    yield
    holders.holder().drop()


def over_and_done(needs: list[Need]) -> None:
    """Nothing of one example may keep, or take, what the next one brings."""
    for one in needs:
        if one.undo is not None:
            one.undo()


@given(
    term=st.integers(1, 30),
    in_force=st.integers(0, 20),
    pictures=st.lists(PICTURES, min_size=3, max_size=3),
    needs=st.lists(NEEDS, max_size=4),
    looks=st.sets(DAYS, max_size=3),
)
@example(
    term=5,
    in_force=0,
    pictures=[Picture(0, 0, 2), Picture(0, 0, 2), Picture(0, 0, 1)],
    needs=[
        Need("lock of a purged request", 0, 1, 1),
        Need("lock", 1, 1, 20),
        Need("request", 0, 6, 30),
    ],
    looks={4, 5, 7, 20, 21},
)
@example(
    term=5,
    in_force=0,
    pictures=[Picture(0, 0, 1), Picture(0, 3, 1), Picture(1, 0, 0)],
    needs=[Need("request", 0, 5, 8)],
    looks={2, 5, 6, 12, 13},
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_picture_leaves_at_the_first_sweep_that_finds_its_term_over_and_nothing_needs_it(
    term: int,
    in_force: int,
    pictures: list[Picture],
    needs: list[Need],
    looks: set[int],
) -> None:
    """N-08, A-16, R1, R34: neither before, nor while a request, a lock or an authority needs it."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(
            travel=Travel(patch, START.isoformat()),
            term=term,
            in_force=in_force,
            # Rows of an example that is played again begin anew.
            pictures=[Picture(one.arrives, one.older, one.faces) for one in pictures],
            needs=[Need(one.kind, one.picture, one.begins, one.lasts) for one in needs],
        )
        try:
            world.play(looks | {LAST})
            assert audit.verify().ok
        finally:
            over_and_done(world.needs)
