"""After any sequence of add, erase, restrict, seal, crash, damage and load a search is brute force.

Services, rows, vault and files are the real ones; only the network is replaced, by templates drawn
at random. What a search can't prove it refuses: `Unavailable`, never fewer faces than there are.
"""

import errno
import random
from contextlib import contextmanager, suppress

import pytest

from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.errors import Unavailable
from dsr_portal.jobs import services as jobs
from dsr_portal.recognition import services
from dsr_portal.recognition.models import ChangeHead, Holder, Shard, Template
from dsr_portal.vault import files
from dsr_portal.vault.models import Blob
from tests.support.gallery import (
    enrol,
    forget_index,
    near,
    own_places,
    random_templates,
    without_engine,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]
THRESHOLD = 0.15


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_SHARD_ROWS = 5
    without_engine(monkeypatch)
    yield
    forget_index()


class Walk:
    """`held` is the truth: what was enrolled and not erased."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.held = {}
        self.gone = {}
        self.seed = 1000 * seed

    def drawn(self, count):
        self.seed += 1
        return random_templates(count, seed=self.seed)

    def some(self, most):
        known = sorted(self.held)
        return self.random.sample(known, min(len(known), self.random.randint(1, most)))

    def step(self):
        """One thing that happens; what leaves files behind the rows happens more often."""
        getattr(self, self.random.choices(list(STEPS), weights=list(STEPS.values()))[0])()
        self.a_search_is_brute_force_or_refused()
        self.every_living_row_lies_in_one_place()

    def add(self):
        rows = self.drawn(self.random.randint(1, 7))
        self.held.update(zip(enrol(rows), rows, strict=True))

    def erase(self):
        going = self.some(4)
        with unit_of_work():
            services.erase_records(record_ids=going)
        for one in going:
            self.gone[one] = self.held.pop(one)

    def erase_and_crash(self):
        self.erase()
        self.begin_anew()

    def restrict(self):
        if self.held:
            kind = self.random.choice(["RESTRICT", "LIFT"])
            with unit_of_work():
                services.record_changes(kind=kind, record_ids=self.some(2))

    def seal(self):
        with unless_refused():
            services.seal_shards()

    def write_without_erased(self):
        with unless_refused():
            services.apply_erasure()

    def write_on_a_full_disk(self):
        work = self.random.choice(WRITES)
        with pytest.MonkeyPatch.context() as broken, unless_refused("disk_full"):
            broken.setattr(files, "write", full_disk)
            work()

    def die_at_the_commit(self):
        """Everything was done and nothing is committed: the process is gone."""
        work = self.random.choice(WRITES)

        def dies():
            raise KeyboardInterrupt

        with suppress(KeyboardInterrupt, Unavailable):
            work(commit=dies)
        self.begin_anew()

    def begin_anew(self):
        forget_index()
        Holder.objects.all().delete()

    def damage(self):
        shards = list(Shard.objects.order_by("number"))
        if not shards:
            return
        shard, field = self.random.choice(shards), self.random.choice(["rows", "graph"])
        blob = Blob.objects.filter(unit_id=shard.unit, field=field).order_by("-seq").first()
        if blob is None:
            return
        if blob.file:
            path = files.path_of(blob.file)
            path.write_bytes(path.read_bytes()[:-1])
        else:
            Blob.objects.filter(id=blob.id).update(inline=bytes(blob.inline)[:-1])
        self.begin_anew()

    def work(self):
        jobs.run_due(queues=["search", "light"])

    def a_search_is_brute_force_or_refused(self):
        probe = near(next(iter(self.held.values()), self.drawn(1)[0]), seed=self.seed, by=0.08)
        outcome = None
        with unless_refused():
            outcome = search(probe)
        if outcome is None:
            jobs.run_due(queues=["search"])
            outcome = search(probe)
        scores = {
            one: float(row.astype("f8") @ probe.astype("f8")) for one, row in self.held.items()
        }
        expected = {one for one, score in scores.items() if score >= THRESHOLD}
        assert {hit.record_id for hit in outcome.hits} == expected
        assert [hit.score for hit in outcome.hits] == pytest.approx(
            sorted((scores[one] for one in expected), reverse=True), abs=1e-6
        )
        assert (outcome.compared, outcome.enrolled) == (len(self.held),) * 2

    def every_living_row_lies_in_one_place(self):
        full = Shard.objects.order_by("number")
        assert [shard.number for shard in full] == list(range(len(full)))
        living = Template.objects.filter(erased_change=None)
        assert set(living.values_list("record_id", flat=True)) == set(self.held)

    def end(self):
        """At the end everything owed is written, and nothing of the erased is in any file."""
        self.work()
        if self.gone and Template.objects.exists():
            number = ChangeHead.objects.get().number
            services.apply_erasure()
            assert services.erasure_settled(number)
            left = services.absent(
                record_ids=list(self.gone), templates=[row.tobytes() for row in self.gone.values()]
            )
            assert left.gone


def search(probe):
    return services.search_probe(picture=probe.tobytes(), threshold=THRESHOLD)


@contextmanager
def unless_refused(*codes):
    """A damaged file makes the index refuse until it is rebuilt; nothing else may."""
    try:
        yield
    except Unavailable as error:
        if error.code not in {"index_rebuilding", *codes}:
            raise


def full_disk(_parts):
    raise OSError(errno.ENOSPC, "no room")


WRITES = (services.seal_shards, services.apply_erasure)
STEPS = {
    "add": 4, "erase": 2, "erase_and_crash": 2, "restrict": 1, "seal": 3,
    "write_without_erased": 1, "write_on_a_full_disk": 1, "die_at_the_commit": 1,
    "begin_anew": 1, "damage": 2, "work": 1,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_equals_the_truth(seed):
    walk = Walk(seed)
    for _step in range(30):
        walk.step()
    walk.end()
