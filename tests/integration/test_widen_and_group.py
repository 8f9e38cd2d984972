"""The officer loop and the groups of a case's candidates, without pictures (R9, R22; design, 4).

Templates are modelled: a person is a direction, pictures scatter around it. Real faces go through
the same calls in tests/engine/test_fusion.py.
"""

import numpy as np
import pytest

from dsr_portal.core.errors import BadInput
from dsr_portal.core.ids import new_id
from dsr_portal.recognition import fusing, services
from dsr_portal.recognition.models import Holder
from tests.support.gallery import enrol, forget_index, own_places, random_templates, without_engine
from tests.support.matching import everything_kept, pictures_of

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


# -- groups ---------------------------------------------------------------------------------------


def test_candidates_are_grouped_by_person_with_the_faces_around_them():
    anna, bruno, other = random_templates(3)
    rows = [*pictures_of(anna, 4, 1), *pictures_of(bruno, 3, 2), *pictures_of(other, 3, 3)]
    ids = enrol(rows)
    services.seal_shards()
    hits = [ids[0], ids[4], ids[1], new_id()]
    groups = services.group_candidates(hits)
    assert [group.hits for group in groups] == [(ids[0], ids[1]), (ids[4],)]
    assert [set(group.around) for group in groups] == [{ids[2], ids[3]}, {ids[5], ids[6]}]
    assert services.group_candidates(hits) == groups
    assert services.group_candidates([]) == ()


def test_a_group_is_kept_nowhere(tmp_path):
    """R9: for this case only, in memory. Every table, vault unit and file is as it was before."""
    ids = enrol(pictures_of(random_templates(1)[0], 6, 1))
    services.seal_shards()
    services.group_candidates(ids[:1])
    rows, files = everything_kept(tmp_path)
    assert len(rows) > 20
    assert any(path.suffix != ".lock" for path in files)
    (group,) = services.group_candidates(ids[:2])
    assert len(group.hits) + len(group.around) == 6
    after, files_after = everything_kept(tmp_path)
    # The holder's own row says that it is alive; of the group it knows nothing.
    changed = {model.__name__ for model in rows if rows[model] != after[model]}
    assert changed <= {"Holder"}
    assert files_after == files
    assert "lease_until" in {one.name for one in Holder._meta.fields}
    told = " ".join(str(row) for row in Holder.objects.values_list())
    assert not any(str(record_id) in told for record_id in ids)
