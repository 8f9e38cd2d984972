"""Evaluation against truth known beforehand: a few people on a circle, and figures by hand."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biometrics import fusion
from biometrics.evaluation import (
    bootstrap,
    identification,
    operating,
    scale,
    suspects,
    svg,
    verification,
)
from biometrics.evaluation.conditional import FEWEST_PEOPLE, tables
from biometrics.evaluation.dataset import Labelled
from biometrics.evaluation.identification import System
from biometrics.evaluation.loop import (
    HUMANS,
    PERFECT,
    Loop,
    Officer,
    calibrate,
    mixed,
    widened,
)
from biometrics.evaluation.population import Population, halves
from biometrics.evaluation.searches import compare, draw, per_person, probes


def population(people):
    """People as {name: [vector or None where no face was found]}."""
    labels, person, face, rows = [], [], [], []
    for number, (name, vectors) in enumerate(people.items()):
        for picture, vector in enumerate(vectors):
            labels.append(Labelled(f"{name}/{picture}.jpg", name))
            person.append(number)
            face.append(-1 if vector is None else len(rows))
            if vector is not None:
                rows.append(vector)
    templates = np.array(rows, dtype=np.float32)
    source = np.flatnonzero(np.array(face) >= 0)
    return Population(
        names=tuple(people),
        labels=tuple(labels),
        person=np.array(person),
        face=np.array(face),
        labelled=len(rows),
        templates=templates,
        plain=templates,
        owner=np.array(person)[source],
        source=source,
        weights=np.ones(len(rows)),
        facts=np.tile([100.0, 0.02, 5.0], (len(rows), 1)),
    )


def at(*degrees):
    """Unit vectors at these angles: their cosine is that of the difference."""
    return [None if d is None else (math.cos(math.radians(d)), math.sin(math.radians(d)))
            for d in degrees]  # fmt: skip


def within(degrees):
    return math.cos(math.radians(degrees))


def half_of(everybody, photos=1, floor=-1.0):
    """All people as one half, compared with all faces."""
    searches = draw(everybody, np.ones(everybody.people, dtype=bool), photos, seed=1)
    rows = probes(everybody, searches, everybody.templates, weighted=True)
    gallery = np.arange(everybody.labelled)
    found = compare(
        everybody, searches, rows, templates=everybody.templates, gallery=gallery, floor=floor
    )
    return identification.Half(searches, rows, gallery, found, floor, everybody.owner)


def figures(everybody, threshold, present=1.0):
    half = half_of(everybody)
    mated = half.searches.mates > 0
    shown = identification.shown_at(half.searches, half.candidates, threshold, present)
    question = {"n": 1, "photos": 1, "loop": "none", "strangers_per_search": 1.0}
    part = identification.only(shown, mated)
    row = identification.row_of(question, {}, half.searches.only(mated), part, 1)
    return row.values | identification.non_mated(half, threshold, present)


THREE = population({"a": at(0, 10, 50), "b": at(90, 95), "c": at(60)})


def test_the_figures_of_three_people_by_hand():
    # a: 0 sees 10 and misses 50; 10 sees 0; 50 sees neither, but the stranger at 60.
    found = figures(THREE, within(25))
    assert found["found"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["complete"] == pytest.approx(1 / 2)
    assert found["nothing_found"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["found_when_incomplete"] == pytest.approx(1 / 3)
    assert found["strangers_observed"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["people"] == 2
    assert found["searches"] == 5


def test_searches_for_people_of_whom_nothing_is_held():
    found = figures(THREE, within(25))
    # a sees c in one of three searches, b nobody, c the picture of a at 50.
    assert found["fpir"] == pytest.approx((1 / 3 + 0 + 1) / 3)
    assert found["strangers_in_faces"] == pytest.approx((1 / 3 + 0 + 1) / 3)
    wide = figures(THREE, within(62))
    # c now sees 0, 10, 50 of a and both of b: five faces of two people.
    assert wide["strangers_in_people"] == pytest.approx(((1 + 1 + 2) / 3 + (2 + 2) / 2 + 2) / 3)


def test_a_smaller_gallery_holds_each_stranger_by_chance_and_all_of_the_person():
    whole, part = figures(THREE, within(62)), figures(THREE, within(62), present=0.25)
    assert part["found"] == whole["found"]
    assert part["strangers_in_faces"] == pytest.approx(whole["strangers_in_faces"] / 4)
    assert part["fpir"] < whole["fpir"]


def test_a_picture_without_a_face_is_missed_on_either_side():
    found = figures(population({"a": at(0, 5, None), "b": at(90, 92)}), within(20))
    # Of a, 0 and 5 each find one of two; the third can't search at all.
    assert found["found"] == pytest.approx(((1 / 2 + 1 / 2 + 0) / 3 + 1) / 2)
    assert found["nothing_found"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["non_mated_searches"] == 4


def test_photos_searched_with_are_never_in_the_gallery():
    everybody = population({"a": at(0, 1, 2, 3)})
    searches = draw(everybody, np.array([True]), 3, seed=1)
    assert (searches.mates == 1).all()
    for part in (searches, searches.with_first(1, everybody)):
        rows = probes(everybody, part, everybody.templates, weighted=False)
        found = compare(
            everybody, part, rows,
            templates=everybody.templates, gallery=np.arange(4), floor=-1.0,
        )  # fmt: skip
        assert len(found) == len(part)
        assert all(
            everybody.source[face] not in part.out[number]
            for number, face in zip(found.search, found.face, strict=True)
        )


def test_several_photos_are_fused_as_the_portal_does():
    everybody = population({"a": at(0, 30, 80, 90)})
    searches = draw(everybody, np.array([True]), 2, seed=3)
    rows = probes(everybody, searches, everybody.templates, weighted=True)
    for number, photos in enumerate(searches.photos):
        assert rows[number] == pytest.approx(fusion.fuse(everybody.templates[photos]), abs=1e-6)


# -- thresholds ---------------------------------------------------------------------------------


def test_a_threshold_lets_through_at_most_its_rate():
    # One picture each at 0, 10, 30, 60: pairs 10, 20, 30, 30, 50, 60 degrees apart.
    half = half_of(population({n: at(d) for n, d in zip("abcd", (0, 10, 30, 60), strict=True)}))
    thresholds = identification.Thresholds(
        population({n: at(d) for n, d in zip("abcd", (0, 10, 30, 60), strict=True)}), half
    )
    pairs = 6
    between = [(10, 20, 1), (20, 30, 2), (30, 50, 4), (50, 60, 5)]
    for low, high, count in between:
        threshold = thresholds.at(count / pairs)
        assert within(high) < threshold < within(low)
    # Two pairs at 30: both or none.
    assert within(30) < thresholds.at(3 / pairs) < within(20)
    assert thresholds.at(0.5 / pairs) > within(10)
    assert thresholds.at(1.0) == half.floor


def test_people_count_alike_however_many_pictures_they_have():
    everybody = population({"a": at(0, 1, 2, 3), "b": at(20), "c": at(100)})
    half = half_of(everybody)
    thresholds = identification.Thresholds(everybody, half)
    # Searches of a see b in one of two strangers each: a third of all searches' comparisons of
    # people, b sees four of five.
    reached = (1 / 2 + 4 / 5) / 3
    assert within(80) < thresholds.at(reached) < within(20)
    assert thresholds.at(reached - 0.01) > within(20)


# -- the loop -----------------------------------------------------------------------------------

CHAIN = population({"a": at(0, 20, 45), "b": at(80, 84), "c": at(200, 203)})


def loop_of(everybody):
    half = half_of(everybody)
    return Loop(
        everybody, half.searches, half.rows,
        first=half.candidates, templates=everybody.templates, gallery=half.gallery,
        floor=half.floor, seed=1,
    )  # fmt: skip


def search_of(loop, everybody, path):
    number = [label.path for label in everybody.labels].index(path)
    return int(np.flatnonzero(loop.searches.photos[:, 0] == number)[0])


def test_a_confirmed_face_leads_on_to_one_that_the_photo_misses():
    loop = loop_of(CHAIN)
    one = search_of(loop, CHAIN, "a/0.jpg")
    alone = loop.run(within(25), 2.0, PERFECT)
    assert alone.mates[one] == 1
    # The mean of 0 and 20 lies at 10, from where 45 is 35 degrees away.
    assert loop.run(within(25), within(34), PERFECT).mates[one] == 1
    assert loop.run(within(25), within(36), PERFECT).mates[one] == 2


def test_what_was_shown_is_not_shown_again_and_hops_end():
    everybody = population({"a": at(0, 10, 24, 40, 58, 78, 100), "b": at(200, 201)})
    loop = loop_of(everybody)
    one = search_of(loop, everybody, "a/0.jpg")
    shown = loop.run(within(11), within(25), PERFECT)
    # 10; mean 5: 24; mean 11.3: none within 25 but 24 (shown before).
    assert shown.mates[one] == 2
    far = loop.run(within(11), within(60), PERFECT)
    assert far.mates[one] <= 6
    assert (far.mates <= loop.searches.mates).all()


def test_a_confirmed_face_far_from_the_photo_widens_nothing():
    """The drift guard, and its cost: 80 degrees from the photo leads on only without it."""
    everybody = population({"a": at(0, 80, 150), "b": at(-100), "c": at(-120)})
    half = half_of(everybody)
    system = System("x", everybody.templates, True)
    loop = identification.loop_of(everybody, system, half, 1)
    number = search_of(loop, everybody, "a/0.jpg")
    start, later = within(85), within(112)
    guarded = loop.run(start, later, PERFECT)
    free = loop.without_guard().run(start, later, PERFECT)
    assert (guarded.mates[number], free.mates[number]) == (1, 2)
    assert guarded.mates_confirmed[number] == 1
    cost = identification.unguarded(loop, start, later)
    _, found = per_person(loop.searches, guarded.mates / loop.searches.mates)
    assert cost["found_without_drift_guard"] > found.mean()


def test_an_officer_who_overlooks_everything_widens_nothing():
    loop = loop_of(CHAIN)
    blind = loop.run(within(25), within(36), Officer("blind", overlooks=1.0))
    alone = loop.run(within(25), 2.0, PERFECT)
    assert (blind.mates == alone.mates).all()
    assert not blind.mates_confirmed.any()


def test_a_stranger_taken_for_the_person_pulls_others_in():
    everybody = population({"a": at(0, 5), "b": at(20, 38), "c": at(200, 201)})
    loop = loop_of(everybody)
    one = search_of(loop, everybody, "a/0.jpg")
    right = loop.run(within(21), within(31), PERFECT)
    wrong = loop.run(within(21), within(31), Officer("gullible", confirms_wrongly=1.0))
    assert right.strangers[one] == 1
    assert wrong.strangers[one] == 2
    assert wrong.strangers_confirmed[one] == 2


def test_humans_err_as_often_as_they_are_said_to():
    chance = mixed(np.arange(200_000), seed=5)
    assert chance.min() >= 0.0
    assert chance.max() < 1.0
    assert (chance < 0.05).mean() == pytest.approx(0.05, abs=0.003)
    assert (mixed(np.arange(1000), 5) == chance[:1000]).all()
    assert {human.confirms_wrongly for human in HUMANS} == {0.01, 0.05}
    assert {human.overlooks for human in HUMANS} == {0.05}


def test_many_searches_are_widened_as_one_is_by_the_portal():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(9, 128)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    many = widened(rows[:3], rows[3:], np.array([1, 3, 2]))
    for number, part in enumerate((rows[3:4], rows[4:7], rows[7:9])):
        assert many[number] == pytest.approx(fusion.widen(rows[number], part), abs=1e-6)


def crowd(seed, people=40, dimension=12, spread=0.6):
    """Random people with one to five pictures each."""
    rng = np.random.default_rng(seed)
    named = {}
    for number in range(people):
        centre = rng.normal(size=dimension)
        rows = centre + spread * rng.normal(size=(int(rng.integers(1, 6)), dimension))
        named[f"p{number:02d}"] = list(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return population(named)


def test_thresholds_of_the_loop_keep_to_the_strangers():
    everybody = crowd(4)
    half = half_of(everybody)
    thresholds = identification.Thresholds(everybody, half)
    loop = identification.loop_of(everybody, System("x", everybody.templates, True), half, 1)
    starts = {share: thresholds.at(3 * share / everybody.labelled) for share in (0.4, 0.8)}
    found = calibrate(loop, 3.0, starts)
    shown = loop.run(found.start, found.later, PERFECT)
    people = np.unique(loop.searches.person)
    mean = np.mean([shown.strangers[loop.searches.person == one].mean() for one in people])
    assert mean <= 3.0
    assert found.share_for_the_first in starts


# -- whole tables -------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_more_strangers_allowed_never_find_less(seed):
    everybody = crowd(seed)
    choosing = halves(everybody, seed)
    system = System("pipeline", everybody.templates, True)
    result = identification.identify(
        everybody, choosing, system, seed=seed, say=lambda _: None, photos=(1,)
    )
    rows = [row.values for row in result.rows if row.values["loop"] == "none"]
    found = [row["found"] for row in sorted(rows, key=lambda row: row["strangers_per_search"])]
    assert len(found) == 4
    assert found == sorted(found)
    for row in rows:
        assert row["complete"] <= row["found"] <= 1.0 - row["nothing_found"] + 1e-12
        low, high = row["found_interval"]
        assert low <= row["found"] <= high


def test_the_table_has_every_question_once():
    everybody = crowd(1, people=80)
    system = System("pipeline", everybody.templates, True)
    result = identification.identify(
        everybody, halves(everybody, 1), system, seed=1, say=lambda _: None
    )
    keys = [row.key for row in result.rows]
    assert len(keys) == len(set(keys))
    wanted = {(p, loop) for p in (1, 2, 3) for loop in ("none", "perfect", "human")}
    assert {(row.values["photos"], row.values["loop"]) for row in result.rows} == wanted
    same = identification.same_people(everybody, halves(everybody, 1), system, result, seed=1)
    assert {row.values["photos"] for row in same} == {1, 2, 3}
    assert len({row.values["people"] for row in same}) == 1


# -- the thresholds in force --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        {"review": 0.5, "widened": 0.4, "model": "m", "enrolled": 7},
        {"thresholds": {"review": 0.5, "widened": 0.4, "model": "m", "enrolled": 7}},
        {"review": {"value": 0.5}, "loop": {"value": 0.4}, "model": "m", "enrolled": 7},
        {"calibration": {"review": {"value": 0.5}, "loop": {"value": 0.4}, "model": "m",
                         "enrolled": 7}},
    ],
)  # fmt: skip
def test_thresholds_in_force_are_read_from_what_the_portal_prints(tmp_path, content):
    file = tmp_path / "thresholds.json"
    file.write_text(json.dumps(content))
    point = operating.read(file)
    assert (point.review, point.widened, point.enrolled) == (0.5, 0.4, 7)
    assert operating.summary(point, "m")["same_model"]
    assert not operating.summary(point, "another")["same_model"]


def test_without_a_threshold_of_its_own_a_widened_search_runs_at_the_first(tmp_path):
    file = tmp_path / "thresholds.json"
    file.write_text(json.dumps({"review": {"value": 0.36}, "loop": None}))
    assert operating.read(file).widened == 0.36


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"review": 36}', '{"review": "x"}'])
def test_a_file_without_thresholds_is_refused_in_words(tmp_path, text):
    file = tmp_path / "thresholds.json"
    file.write_text(text)
    with pytest.raises(operating.BadThresholds, match="holds no thresholds"):
        operating.read(file)
    with pytest.raises(operating.BadThresholds, match="is not there"):
        operating.read(tmp_path / "none.json")


def test_the_thresholds_in_force_are_a_line_of_their_own():
    """The same people and searches as the tables, at the given score and no other."""
    everybody = crowd(1, people=80)
    choosing = halves(everybody, 1)
    system = System("pipeline", everybody.templates, True)
    table = identification.identify(everybody, choosing, system, seed=1, say=lambda _: None)
    chosen = next(row for row in table.rows if row.key[:4] == (everybody.labelled, 1, "none", 3.0))
    point = operating.OperatingPoint(chosen.values["threshold"], 0.4, "m", None)
    rows = operating.rows_at(point, everybody, choosing, system, seed=1)
    (same,) = [row for row in rows if row.key[1:3] == (1, "none")]
    assert same.values["strangers_per_search"] is None
    assert same.values["threshold"] == chosen.values["threshold"]
    for name in ("found", "complete", "strangers_observed", "fpir", "people", "searches"):
        assert same.values[name] == chosen.values[name], name
    loops = [row.values for row in rows if row.values["loop"] != "none"]
    assert {(row["photos"], row["loop"]) for row in loops} == {
        (photos, loop) for photos in (1, 2, 3) for loop in ("perfect", "human")
    }
    assert {row["threshold_widened"] for row in loops} == {0.4}
    perfect = next(row for row in loops if row["photos"] == 1 and row["loop"] == "perfect")
    assert perfect["found"] >= same.values["found"]


def test_a_widened_threshold_far_under_the_first_is_not_cut_off():
    """Canary: 0.1 under the first search was as far as the loop had looked."""
    everybody = crowd(4)
    half = half_of(everybody)
    system = System("x", everybody.templates, True)
    low = identification.loop_of(everybody, system, half, 1)
    low.run(0.6, 0.55, PERFECT)
    again = identification.loop_of(everybody, system, half, 1)
    assert low.run(0.6, 0.2, PERFECT).mates.sum() == again.run(0.6, 0.2, PERFECT).mates.sum()
    assert low.run(0.6, 0.2, PERFECT).mates.sum() > low.run(0.6, 0.5, PERFECT).mates.sum()


def test_plain_beside_a_line_shows_no_more_strangers_than_were_seen_there():
    everybody = crowd(1, people=80)
    choosing = halves(everybody, 1)
    system = System("pipeline", everybody.templates, True)
    worse = System("plain", crowd(1, people=80, spread=0.9).templates, False)
    table = identification.identify(everybody, choosing, system, seed=1, say=lambda _: None)
    for plain, better in ((system, False), (worse, True)):
        rows = operating.matched(table.rows, everybody, choosing, plain, 1)
        assert len(rows) == len({(row["photos"], row["loop"], row["strangers_per_search"],
                                  row.get("wrongly_confirms")) for row in rows})  # fmt: skip
        for row in rows:
            assert row["plain_strangers_observed"] <= row["strangers_observed"] + 1e-9
        alone = [row for row in rows if row["loop"] == "none" and row["photos"] == 1]
        assert len(alone) == 4
        if better:
            assert any(row["fewer_misses"] > 0 for row in alone)
        else:
            assert all(row["plain_found"] >= row["found"] for row in alone)


def test_questions_that_too_few_people_answer_are_left_out_and_named():
    everybody = population({"a": at(0, 5, 9), "b": at(50, 53), "c": at(90), "d": at(130, 131)})
    system = System("pipeline", everybody.templates, True)
    result = identification.identify(
        everybody, halves(everybody, 1), system, seed=1, say=lambda _: None
    )
    assert not result.rows
    assert result.first is None
    assert [reason.split(":")[0] for reason in result.not_measured] == [
        "1 photo", "2 photos", "3 photos"
    ]  # fmt: skip


def test_sizes_go_from_a_thousand_to_all():
    assert identification.sizes(700) == [700]
    assert identification.sizes(1050) == [1050]
    assert identification.sizes(13_228) == [1000, 3000, 10_000, 13_228]


def test_a_system_against_itself_misses_as_much():
    everybody = crowd(3)
    system = System("plain", everybody.templates, False)
    rows = identification.identify(
        everybody, halves(everybody, 1), system, seed=1, say=lambda _: None, photos=(1,)
    ).rows
    compared = identification.against(rows, rows, 1)
    alone = [row for row in compared if row["loop"] == "none" and row["plain_found"] < 1]
    assert alone
    assert all(row["fewer_misses"] == 0.0 for row in alone)


def test_conditions_under_thirty_people_say_too_few():
    everybody = crowd(3)
    half = half_of(everybody)
    found = tables(everybody, half, everybody.templates, 0.5, 1)
    (width,) = found["face_width_px"]
    people = len(np.unique(half.searches.person[half.searches.mates > 0]))
    assert width["people"] == people
    assert (width["found"] is None) == (people < FEWEST_PEOPLE)
    larger = crowd(3, people=90)
    (width,) = tables(larger, half_of(larger), larger.templates, 0.5, 1)["face_width_px"]
    row = figures(larger, 0.5)
    assert width["found"] == pytest.approx(weighted_by_pairs(larger, 0.5), abs=1e-9)
    assert abs(width["found"] - row["found"]) < 0.05


def weighted_by_pairs(everybody, threshold):
    """Mean over people of the share of their (photo, other picture) pairs that match."""
    shares = []
    for pictures in everybody.pictures_of():
        rows = everybody.templates[pictures]
        if len(rows) > 1:
            scores = (rows @ rows.T)[~np.eye(len(rows), dtype=bool)]
            shares.append((scores >= threshold).mean())
    return float(np.mean(shares))


def test_too_few_people_for_a_tail_is_said():
    everybody = crowd(3)
    tail, said, _ = scale.fit(everybody, everybody.templates, halves(everybody, 1), 1)
    assert tail is None
    assert (said["usable"], said["note"]) == (False, "not usable")
    rows = scale.expected(everybody, half_of(everybody), everybody.templates, tail, 1)
    assert {row["n"] for row in rows} == {10_000, 100_000, 1_000_000, 10_000_000}
    assert all(row["found"] is None and row["note"] == "not usable" for row in rows)


# -- halves and intervals -----------------------------------------------------------------------


def test_halves_are_kept_and_new_people_are_dealt(tmp_path):
    file = tmp_path / "split.json"
    small, large = crowd(1, people=20), crowd(1, people=30)
    first = halves(small, 1, file)
    again = halves(large, 1, file)
    assert (again[:20] == first).all()
    assert abs(int(first.sum()) * 2 - 20) <= 1
    file.write_text("{")
    assert (halves(small, 1, file) == first).all()


def test_an_interval_of_people_who_are_all_found_is_not_a_point():
    assert bootstrap.mean_interval(np.ones(60), 1) == (pytest.approx(0.025 ** (1 / 60)), 1.0)
    assert bootstrap.mean_interval(np.empty(0), 1) is None
    low, high = bootstrap.mean_interval((np.arange(400) < 300).astype(float), 1)
    # Normal approximation: 0.75 +- 1.96 sqrt(0.75 * 0.25 / 400).
    assert low == pytest.approx(0.7076, abs=0.01)
    assert high == pytest.approx(0.7924, abs=0.01)


def test_fewer_misses_are_paired_by_person():
    theirs = np.array([0.5, 1.0, 0.8, 1.0] * 25)
    fewer, interval = bootstrap.fewer_misses((1 + theirs) / 2, theirs, 1)
    assert fewer == pytest.approx(0.5)
    assert interval == (pytest.approx(0.5), pytest.approx(0.5))
    assert bootstrap.fewer_misses(theirs, np.ones(100), 1) == (None, None)


# -- verification -------------------------------------------------------------------------------


def test_verification_equals_counting_pair_by_pair():
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(60, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    everybody = population({f"p{i}": list(rows[2 * i : 2 * i + 2]) for i in range(30)})
    found = verification.verify(everybody, everybody.templates, 1)
    assert found["impostor_pairs_per_draw"] == 30 * 29 // 2
    assert found["people_with_two_faces"] == 30
    own = np.sum(rows[0::2] * rows[1::2], axis=1)
    for point in found["det"]:
        # Scores within one bin of the threshold may fall either way.
        lower = (own < point["threshold"] - 3e-4).mean()
        upper = (own < point["threshold"] + 3e-4).mean()
        assert lower <= point["fnmr"] + 1e-6
        assert point["fnmr"] <= upper + 1e-6
    other = np.array([
        one @ two for i, one in enumerate(rows[0::2]) for two in rows[0::2][:i]
    ])  # fmt: skip
    by_hand = min(max((own < t).mean(), (other >= t).mean()) for t in np.linspace(-1, 1, 400))
    assert found["eer"] == pytest.approx(by_hand, abs=0.06)
    low, high = found["eer_interval"]
    assert 0.0 < low <= found["eer"] <= high


def test_people_who_are_far_apart_are_never_confused():
    everybody = population({f"p{i}": at(20 * i, 20 * i + 1) for i in range(10)})
    found = verification.verify(everybody, everybody.templates, 1)
    assert found["eer"] == 0.0
    assert found["eer_interval"] is None
    assert {point["fnmr"] for point in found["det"]} == {0.0}


# -- pairs to judge, curves ---------------------------------------------------------------------


def test_the_most_alike_strangers_and_the_least_alike_pictures_come_first():
    everybody = population({"a": at(0, 10, 70), "b": at(72, 74), "c": at(180, 181)})
    found = suspects.find(everybody, everybody.templates)
    first = next(one for one in found if one.kind == "two people")
    assert {first.picture_a, first.picture_b} == {"a/2.jpg", "b/0.jpg"}
    lowest = next(one for one in found if one.kind == "one person")
    assert {lowest.picture_a, lowest.picture_b} == {"a/0.jpg", "a/2.jpg"}
    two = [frozenset((s.person_a, s.person_b)) for s in found if s.kind == "two people"]
    assert len(two) == len(set(two)) == 3


def test_verdicts_are_read_back_and_kept(tmp_path):
    everybody = population({"a": at(0, 10, 70), "b": at(72, 74), "c": at(180, 181)})
    found = suspects.find(everybody, everybody.templates)
    file = tmp_path / "suspects.csv"
    suspects.write_csv(file, found, {(found[0].picture_a, found[0].picture_b): "wrong a"})
    verdicts = suspects.read_verdicts(file)
    assert verdicts.leave_out == {found[0].picture_a}
    assert (verdicts.merged, verdicts.judged) == ({}, 1)
    assert suspects.verdicts_in(file)[found[0].picture_a, found[0].picture_b] == "wrong a"


def test_names_of_one_person_are_merged_over_several_pairs(tmp_path):
    file = tmp_path / "suspects.csv"
    lines = ["number,kind,score,person_a,picture_a,person_b,picture_b,verdict"]
    lines += [
        f"1,two people,0.9,{a},{a}/0.jpg,{b},{b}/0.jpg,one person" for a, b in ("dc", "bc", "ab")
    ]
    file.write_text("\n".join(lines))
    assert suspects.read_verdicts(file).merged == {"b": "a", "c": "a", "d": "a"}


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", "person_a,picture_a,person_b,picture_b,verdict\na,a,b,b,perhaps\n", "\xff"],
)
def test_verdicts_nobody_can_read_are_refused(tmp_path, text):
    file = tmp_path / "suspects.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(suspects.BadVerdicts, match=r"suspects\.csv"):
        suspects.read_verdicts(file)


def test_curves_have_a_title_and_a_description_and_load_nothing():
    text = svg.chart(
        "Found & lost", "How much < all is found.",
        svg.Axis("strangers", log=True), svg.Axis("found", percent=True),
        [svg.Line("one", [(0.3, 0.9), (1, 0.95), (10, 0.99), (0, 1.0)]), svg.Line("none", [])],
    )  # fmt: skip
    root = ET.fromstring(text)  # noqa: S314 - our own file
    names = [child.tag.rsplit("}", 1)[1] for child in root]
    assert names[:2] == ["title", "desc"]
    assert root[0].text == "Found & lost"
    assert root.get("role") == "img"
    assert "href" not in text
    assert "script" not in text
    assert names.count("polyline") == 1


def test_a_curve_without_points_says_so():
    text = svg.chart("T", "D", svg.Axis("x", log=True), svg.Axis("y"), [svg.Line("n", [])])
    assert "Too few people" in text
