"""The modelled templates of the bench are as alike and as different as real ones were measured."""

from __future__ import annotations

import numpy as np

from tests.bench import modelled


def test_modelled_templates_have_the_densities_they_promise() -> None:
    made = modelled.gallery(20_000, seed=3)
    assert made.rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(made.rows, axis=1), 1.0, atol=1e-5)
    found = modelled.densities(made, seed=4)
    # Real SFace templates without the mean face: .73 and .08, 0 and .095, 7.6e-5 at .36, 98.6.
    assert abs(found.genuine_mean - 0.73) < 0.02
    assert abs(found.genuine_deviation - 0.08) < 0.01
    assert abs(found.impostor_mean) < 0.005
    assert abs(found.impostor_deviation - 0.0954) < 0.005
    # Families of look-alikes are a larger share of a small gallery.
    assert 4e-5 < found.fmr_at_36 < 5e-4
    assert 85 < found.participation < 115


def test_few_modelled_people_have_many_pictures_and_most_have_one() -> None:
    made = modelled.gallery(50_000, seed=3)
    sizes = np.sort(np.bincount(made.people))[::-1]
    assert (sizes == 1).sum() > len(sizes) / 2
    assert sizes[:10].sum() > 1000
    assert not np.array_equal(made.people, np.sort(made.people))
    again = modelled.gallery(50_000, seed=3)
    assert np.array_equal(again.rows, made.rows)
