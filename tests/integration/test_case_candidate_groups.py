"""Candidates that look like one person stand together at the desk, and nothing of that is kept.

Rules R9, R19, R21; design, section 6 ("grouping of a case's candidates ... nothing stored").
"""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.services import unit_of_work
from dsr_portal.core.ids import new_id
from dsr_portal.matching import selectors, services
from dsr_portal.matching.models import Verdict
from dsr_portal.recognition import candidates, holder
from dsr_portal.recognition import engine as engines
from dsr_portal.recognition import services as recognition
from tests.support.gallery import (
    ROOT,
    a_record,
    forget_index,
    own_places,
    random_templates,
    without_engine,
)
from tests.support.matching import (
    actor,
    drawn,
    everything_kept,
    hits,
    laid,
    pictures_of,
    review_of,
    say,
    searched,
    sign_in,
    staff,
    take,
    told,
)
from tests.support.workers import environment

pytestmark = [pytest.mark.django_db, pytest.mark.db]
ANNA, BRUNO, OTHER = random_templates(3)


@pytest.fixture(autouse=True)
def places(settings, tmp_path, monkeypatch):
    own_places(settings, tmp_path)
    settings.DSR_WIDEN = False
    without_engine(monkeypatch)
    yield
    forget_index()


@pytest.fixture
def people():
    return [actor(staff("S-1")), actor(staff("S-2")), actor(staff("V-1", Role.SUPERVISOR))]


def enrolled(templates):
    rows = [a_record(template=one.tobytes()) for one in templates]
    with unit_of_work():
        recognition.add_templates(
            model=engines.facts_of(engines.model_row()),
            templates=[recognition.NewTemplate(record_id=row.id, unit=row.unit) for row in rows],
        )
    return [row.id for row in rows]


@pytest.fixture
def mixed():
    """Record ids as a search ranks them: Anna, Bruno, Anna, somebody, Bruno, Anna."""
    anna, bruno = pictures_of(ANNA, 3, 1), pictures_of(BRUNO, 2, 2)
    order = [anna[0], bruno[0], anna[1], OTHER, bruno[1], anna[2]]
    return enrolled(order)


@pytest.fixture
def case(monkeypatch, people, mixed):
    answers = told(monkeypatch)
    answers.hits = hits(mixed)
    found = searched(people[0])
    take(found, people[1])
    return found


def at_desk(site, person_no):
    site("desk")
    return sign_in(Client(), Staff.objects.get(staff_no=person_no))


def together(mixed):
    a, b, c, d, e, f = mixed
    return [(a, c, f), (b, e), (d,)]


# -- grouping -----------------------------------------------------------------------------------


def test_hits_are_grouped_by_person_the_best_group_first(mixed):
    assert list(recognition.group_hits(mixed)) == together(mixed)
    assert list(recognition.group_hits(mixed)) == together(mixed), "the same every time"
    unknown = new_id()
    assert recognition.group_hits([unknown, *mixed])[0] == (unknown,)
    assert recognition.group_hits([]) == ()


def test_no_index_is_loaded_and_no_library_for_it(mixed):
    """Web processes load nothing of recognition: a child groups, and ends."""
    forget_index()
    recognition.group_hits(mixed)
    assert not holder.holder().is_loaded()


def test_a_process_that_groups_has_loaded_nothing_of_the_library(tmp_path):
    """As tests/integration/test_process_imports.py asks of every page."""
    rows = np.concatenate([pictures_of(ANNA, 2, 1), OTHER[None, :]])
    (tmp_path / "rows").write_bytes(rows.tobytes())
    script = (
        "import sys, django; django.setup()\n"
        "from dsr_portal.recognition import candidates\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "print(candidates._numbers([data[at:at + 512] for at in range(0, len(data), 512)]))\n"
        "heavy = {'biometrics', 'cv2', 'onnxruntime', 'hnswlib', 'deepface'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "rows")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[0, 0, 1]", "[]"]


def test_a_child_that_dies_leaves_every_picture_where_it_is(mixed, monkeypatch):
    """Nothing is lost: the same pictures, each by itself."""
    monkeypatch.setattr(candidates, "GROUPER", "biometrics.no_such_module")
    assert list(recognition.group_hits(mixed)) == [(one,) for one in mixed]


def test_of_very_many_hits_the_best_are_grouped_and_all_are_shown(mixed, monkeypatch):
    monkeypatch.setattr(candidates, "MOST_ON_A_PAGE", 3)
    a, b, c, *rest = mixed
    assert list(recognition.group_hits(mixed)) == [(a, c), (b,), *[(one,) for one in rest]]


@pytest.mark.parametrize(
    ("argument", "data"),
    [("128", b"\0" * 5), ("0", b""), ("x", b""), ("4", np.full(8, np.nan, "<f4").tobytes())],
)
def test_the_child_refuses_what_are_no_templates(argument, data):
    done = subprocess.run(
        [sys.executable, "-m", "biometrics.grouping", argument],
        input=data, cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")


def test_the_child_answers_numbers_only():
    rows = np.concatenate([pictures_of(ANNA, 2, 1), OTHER[None, :]])
    done = subprocess.run(
        [sys.executable, "-m", "biometrics.grouping", "128"],
        input=rows.tobytes(), cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [0, 0, 1]


# -- the desk -----------------------------------------------------------------------------------


def test_like_stands_beside_like_and_each_is_decided_by_itself(case, people, mixed, site):
    """R19, R21: group order, no score, no band before one's own view; one decision per picture."""
    browser = at_desk(site, "S-2")
    by_record = {one.candidate.record_id: one for one in laid(case, people[1])}
    wanted = [by_record[record_id] for group in together(mixed) for record_id in group]
    page = browser.get(reverse("desk:groups", args=[case.reference])).content.decode()
    assert re.findall(r"\?picture=([0-9a-f-]+)", page) == [str(one.id) for one in wanted]
    assert "Group 1: these 3 look like one person" in page
    assert "Group 2: these 2 look like one person" in page
    assert "Group 3: one picture" in page
    for word in ("strong", "1 in ", "0.7", "0.8"):
        assert word not in page
    address = reverse("desk:compare", args=[case.reference])
    for number, decision in enumerate(wanted, start=1):
        page = browser.get(address).content.decode()
        assert f"Picture {number} of 6" in page
        assert f'value="{decision.id}"' in page
        assert ("look like one person" in page) is (number < 6)
        assert "alike" not in page
        for stage in ("view", "confirm"):
            browser.post(
                address, {"picture": str(decision.id), "stage": stage, "decision": Verdict.SAME}
            )
        decision.refresh_from_db()
        assert decision.verdict == Verdict.SAME
        undecided = [one for one in laid(case, people[1]) if not one.verdict]
        assert len(undecided) == 6 - number, "one decision is about one picture"


def test_the_groups_of_the_second_person_tell_nothing_of_the_first(case, people, mixed, site):
    """R19: made of the pictures laid before them, the same for whatever was decided."""
    decided = laid(case, people[1])
    for one in decided:
        say(one, people[1], Verdict.SAME)
    services.finish(review_id=review_of(case).id, actor=people[1])
    case.refresh_from_db()
    second = drawn(case, people)
    browser = at_desk(site, second.id)
    page = browser.get(reverse("desk:groups", args=[case.reference])).content.decode()
    assert page.count("not decided") == 6
    assert "same person" not in page.lower().replace("look like one person", "")
    first = at_desk(site, "S-2")
    gone = first.get(reverse("desk:groups", args=[case.reference]))
    assert gone.status_code == 302


def test_the_page_of_groups_leaves_nothing_anywhere(case, site, tmp_path):
    """R9: every table, vault unit and file is as it was before the page."""
    browser = at_desk(site, "S-2")
    address = reverse("desk:groups", args=[case.reference])
    browser.get(address)
    rows, files = everything_kept(tmp_path)
    assert len(rows) > 20
    assert files
    assert b"look like one person" in browser.get(address).content
    after, files_after = everything_kept(tmp_path)
    assert {model.__name__ for model in rows if rows[model] != after[model]} <= {"Session"}
    assert files_after == files
    with unit_of_work():
        planted = review_of(case)
        planted.round += 7
        planted.save()
    canary, _files = everything_kept(tmp_path)
    assert {model.__name__ for model in rows if rows[model] != canary[model]} >= {"Review"}


def test_the_desk_groups_without_loading_recognition(case, people):
    """The selector alone: in what order, and only of what is laid before this person."""
    order = selectors.grouped(selectors.own_decisions(review_of(case), people[1]))
    assert [len(group) for group in order] == [3, 2, 1]
    assert selectors.grouped(selectors.own_decisions(review_of(case), people[2])) == []
