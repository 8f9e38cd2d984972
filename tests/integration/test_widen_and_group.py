"""The officer loop without pictures (R22; design, section 4).

Templates are modelled: a person is a direction, pictures scatter around it. Real faces go through
the same calls in tests/engine/test_fusion.py.
"""

import numpy as np
import pytest

from dsr_portal.core.errors import BadInput
from dsr_portal.core.ids import new_id
from dsr_portal.recognition import fusing, services
from tests.support.gallery import enrol, forget_index, own_places, random_templates, without_engine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

REVIEW, LOOP = 0.5, 0.5


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    without_engine(monkeypatch)
    yield
    forget_index()


def between(one, other, cosine):
    """A unit vector in the plane of two, at this cosine to the first."""
    side = other - (one @ other) * one
    side /= np.linalg.norm(side)
    return (cosine * one + np.sqrt(1 - cosine**2) * side).astype("<f4")


def a_chain():
    """A probe, a picture near it, one that only the mean of both reaches, and a stranger."""
    probe, away, other = random_templates(3)
    near = between(probe, away, 0.6)
    far = between(probe, away, 0.35)
    return probe, near, far, other


def widen(probe, confirmed, **more):
    values = {"threshold": LOOP, "hop": 1, **more}
    return services.widen_search(picture=probe.tobytes(), confirmed=confirmed, **values)


def test_a_confirmed_face_finds_what_the_photo_did_not_and_only_that_is_shown():
    probe, near, far, other = a_chain()
    near_id, far_id, _other = enrol([near, far, other])
    first = services.search_probe(picture=probe.tobytes(), threshold=REVIEW)
    assert [hit.record_id for hit in first.hits] == [near_id]
    widened = widen(probe, [near_id], known=[near_id])
    assert [hit.record_id for hit in widened.hits] == [far_id]
    assert (widened.used, widened.drifted) == ((near_id,), ())
    assert widened.outcome.whole
    assert {hit.record_id for hit in widened.outcome.hits} == {near_id, far_id}
    assert widen(probe, [near_id], known=[near_id, far_id]).hits == ()


def test_a_confirmed_face_far_from_the_probe_waits_for_the_second_officer():
    probe, near, _far, other = a_chain()
    beyond = between(other, probe, 0.95)
    near_id, other_id, beyond_id = enrol([near, other, beyond])
    widened = widen(probe, [near_id, other_id])
    assert (widened.used, widened.drifted) == ((near_id,), (other_id,))
    assert beyond_id not in {hit.record_id for hit in widened.hits}
    approved = widen(probe, [near_id, other_id], approved=[other_id])
    assert set(approved.used) == {near_id, other_id}
    assert approved.drifted == ()
    assert beyond_id in {hit.record_id for hit in approved.hits}


def test_without_a_face_to_widen_with_nothing_is_searched():
    probe, _near, _far, other = a_chain()
    (other_id,) = enrol([other])
    for confirmed in ([other_id], [], [new_id()]):
        widened = widen(probe, confirmed)
        assert (widened.hits, widened.used, widened.outcome) == ((), (), None)


@pytest.mark.parametrize("hop", [0, 4])
def test_a_search_is_widened_at_most_three_times(hop):
    probe = random_templates(1)[0]
    with pytest.raises(BadInput, match="too_many_hops"):
        widen(probe, [], hop=hop)


def test_every_buffer_of_a_search_is_overwritten_at_its_end(monkeypatch):
    """Also where it breaks off."""
    probe, near, _far, _other = a_chain()
    (near_id,) = enrol([near])
    seen = []
    real = fusing.padded
    monkeypatch.setattr(fusing, "padded", lambda *size: seen.append(real(*size)) or seen[-1])
    template = fusing.ProbeTemplate([probe.tobytes()], (near_id,))
    with template as fused:
        assert np.linalg.norm(fused) == pytest.approx(1.0, abs=1e-6)
    broken = fusing.ProbeTemplate([probe.tobytes()], (near_id,))
    with pytest.raises(RuntimeError), broken as fused:
        raise RuntimeError
    assert len(seen) == 4
    assert all(buffer.shape[0] >= 256 and not buffer.any() for buffer in seen)
    assert not fused.any()
