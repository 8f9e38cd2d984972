"""One look compared with many says what comparing it with each of them says."""

from __future__ import annotations

import numpy as np

from biometrics.likeness import Look, Looks, likeness, look_of
from dsr_portal.erasure import duplicates


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((10, 10, 1), dtype=np.uint8))


def each_by_each(looks: list[Look], other: Look) -> list[tuple[int, bool]]:
    said = ((at, likeness(one, other)) for at, one in enumerate(looks))
    return [(at, found.exact) for at, found in said if found is not None]


def test_copies_are_met_among_many_and_nothing_else() -> None:
    pictures = [picture(seed) for seed in range(40)]
    looks = [look_of(one) for one in pictures]
    many = Looks(looks)
    brighter = np.clip(pictures[3].astype(np.int16) + 9, 0, 255).astype(np.uint8)
    mirrored = np.ascontiguousarray(pictures[5][:, ::-1])
    for shown, wanted in ((pictures[7], 7), (brighter, 3), (mirrored, 5), (picture(99), None)):
        look = look_of(shown)
        found = [(at, how.exact) for at, how in many.alike(look)]
        assert found == each_by_each(looks, look)
        assert [at for at, _exact in found] == ([] if wanted is None else [wanted])
    assert Looks([]).alike(looks[0]) == []


def test_ratios_are_near_where_comparing_all_of_them_says_so() -> None:
    drawn = np.random.default_rng(4)
    shapes = sorted(set(drawn.uniform(0.3, 3, 25).tolist()))
    asked = [*drawn.uniform(0.2, 4, 500).tolist(), *shapes]
    near = [any(abs(one / other - 1) <= duplicates._SHAPE for other in shapes) for one in asked]
    assert 50 < sum(near) < 500
    assert [duplicates._is_near(one, shapes) for one in asked] == near
    assert not duplicates._is_near(1.0, [])
