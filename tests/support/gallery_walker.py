"""A process that adds, erases, seals and searches in a gallery that others change meanwhile.

Every search has to be right about the faces of this walker, which nobody else touches, and to have
compared N of N of whatever the gallery held at that moment. Prints as JSON what it holds at the end
(template by record), what it erased, and how many searches were whole.
"""

import json
import random
import sys
from uuid import UUID

import django
import numpy as np
import pytest

THRESHOLD = 0.15
STEPS = ("add", "add", "erase", "erase", "seal", "rewrite", "restrict")


class Walker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = 1000 * seed
        self.held: dict[UUID, np.ndarray] = {}
        self.gone: dict[UUID, np.ndarray] = {}
        self.whole = 0

    def some(self, most: int) -> list[UUID]:
        known = sorted(self.held)
        return self.random.sample(known, min(len(known), self.random.randint(1, most)))

    def add(self) -> None:
        from tests.support.gallery import enrol, random_templates

        self.seed += 1
        rows = random_templates(self.random.randint(2, 6), seed=self.seed)
        self.held.update(zip(enrol(rows), rows, strict=True))

    def erase(self) -> None:
        from dsr_portal.audit.services import unit_of_work
        from dsr_portal.recognition import services

        going = self.some(3)
        with unit_of_work():
            services.erase_records(record_ids=going)
        for one in going:
            self.gone[one] = self.held.pop(one)

    def restrict(self) -> None:
        from dsr_portal.audit.services import unit_of_work
        from dsr_portal.recognition import services

        with unit_of_work():
            services.record_changes(kind="RESTRICT", record_ids=self.some(2))

    def seal(self) -> None:
        from dsr_portal.recognition import services

        services.seal_shards()

    def rewrite(self) -> None:
        from dsr_portal.recognition import services

        services.apply_erasure()

    def search(self) -> None:
        from dsr_portal.recognition import services
        from tests.support.gallery import near

        row = self.random.choice([*self.held.values(), *self.gone.values()])
        probe = near(row, seed=self.seed, by=0.08)
        outcome = services.search_probe(picture=probe.tobytes(), threshold=THRESHOLD)
        found = {hit.record_id: hit.score for hit in outcome.hits}
        scores = {
            one: float(np.sum(row.astype("f8") * probe.astype("f8")))
            for one, row in self.held.items()
        }
        mine = {one: score for one, score in scores.items() if score >= THRESHOLD}
        if {one: found[one] for one in found.keys() & self.held.keys()} != pytest.approx(
            mine, abs=1e-9
        ):
            raise AssertionError("a search was wrong about faces that only this process touches")
        if found.keys() & self.gone.keys():
            raise AssertionError("an erased face was found")
        if (
            not outcome.whole
            or outcome.compared != outcome.enrolled
            or outcome.enrolled < len(self.held)
        ):
            raise AssertionError(f"compared {outcome.compared} of {outcome.enrolled}")
        self.whole += 1


def main(seed: int, steps: int) -> None:
    django.setup()
    from dsr_portal.core.errors import Unavailable
    from tests.support.gallery import without_engine

    walker = Walker(seed)
    with pytest.MonkeyPatch.context() as patched:
        without_engine(patched)
        walker.add()
        for _step in range(steps):
            for work in (getattr(walker, walker.random.choice(STEPS)), walker.search):
                try:
                    work()
                except Unavailable as error:
                    # What can't be proven just now is refused; a wrong answer is not allowed.
                    sys.stderr.write(f"{work.__name__}: {error.code}\n")
    sys.stdout.write(
        json.dumps(
            {
                "held": {
                    str(one): row.astype("<f4").tobytes().hex() for one, row in walker.held.items()
                },
                "gone": {
                    str(one): row.astype("<f4").tobytes().hex() for one, row in walker.gone.items()
                },
                "whole": walker.whole,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
