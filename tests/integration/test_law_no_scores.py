"""No score and no vector leaves its store: every page of every site, every file (X-04, B-03)."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.disclosure.models import Answer
from dsr_portal.jobs import services as jobs
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Candidate, Decision, Review
from tests.support import answers
from tests.support.crawl import Shown, crawled, of_faces, scores_in, vector_in
from tests.support.gallery import own_places, random_templates
from tests.support.matching import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

SCORES = [0.83716, 0.79253]


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    answers.without_detector(monkeypatch)


@pytest.fixture
def searched() -> Case:
    """Two faces were found, with scores nobody could take for anything else."""
    answers.staff()
    records = [answers.a_face(seed=number) for number in (1, 2)]
    case = answers.searched(answers.requested(), records)
    for row, score in zip(Candidate.objects.order_by("rank"), SCORES, strict=True):
        Candidate.objects.filter(id=row.id).update(score=score)
    return case


def at(name: str, case: Case) -> str:
    return reverse(f"desk:{name}", kwargs={"reference": case.reference})


def the_desk(case: Case, *numbers: str) -> dict[str, Shown]:
    """All that these people can open from the queue and the case."""
    seen: dict[str, Shown] = {}
    for number in numbers:
        browser = sign_in(Client(), Staff.objects.get(staff_no=number))
        pages = crawled(browser, reverse("desk:queue"), at("case", case), at("compare", case))
        seen |= {f"{number} {address}": one for address, one in pages.items()}
    return seen


def decide(case: Case, number: str, *, look: bool = False) -> dict[str, Shown]:
    """One person's part, by the page; with every page as it stands after the first view."""
    browser = sign_in(Client(), Staff.objects.get(staff_no=number))
    seen: dict[str, Shown] = {}
    for row in Decision.objects.filter(review__case=case, officer=number, verdict=""):
        form = {"picture": row.id, "decision": "same"}
        view = browser.post(at("compare", case), form | {"stage": "view"}, follow=True)
        if look:
            assert "Strong" in view.content.decode(), "the band is shown after the own view"
            seen |= crawled(browser, at("compare", case), under=at("case", case))
        browser.post(at("compare", case), form | {"stage": "confirm"}, follow=True)
    browser.post(at("finish", case))
    return seen


def test_no_page_no_file_and_no_log_has_a_score_or_a_vector(
    searched: Case, site: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """X-04, B-03, P-10: desk, oversight, API and public site, their PDFs, the trail, the package,
    and every line that was logged meanwhile."""
    caplog.set_level(logging.INFO)
    case, seen = searched, {}
    site("desk")
    seen["waiting"] = the_desk(case, "A-1001", "S-2001", "D-3001")
    matching.take_review(review_id=Review.objects.get(case=case).id, actor=answers.OFFICER)
    seen["comparing"] = decide(case, "A-1001", look=True)
    second = Review.objects.get(case=case).second_officer or ""
    seen["second"] = decide(case, second, look=True)
    case.refresh_from_db()
    answer = answers.answered(case)
    seen["answer"] = the_desk(case, "A-1002", "S-2001")
    answers.released(answer)
    case.refresh_from_db()
    seen["oversight"] = the_authority(case, site)
    seen["api"] = the_api(site)
    seen["person"] = the_person(case, answer, site)
    assert {name: len(pages) > 1 for name, pages in seen.items()} == dict.fromkeys(seen, True)
    assert caplog.text, "something was logged"
    files = [address for pages in seen.values() for address, one in pages.items()
             if one.raw.startswith((b"%PDF", b"PK"))]  # fmt: skip
    assert len(files) >= 4, files
    stored = [row for seed in (1, 2) for row in random_templates(1, seed=seed)]
    seen["log"] = {"all": Shown(caplog.text.encode(), caplog.text)}
    for name, pages in seen.items():
        assert of_faces(pages, scores=SCORES, vectors=stored) == {}, name
    assert picture_in(caplog.text) is None


def picture_in(log: str) -> re.Match[str] | None:
    """Bytes of a picture or anything long in base64 or hex."""
    return re.search(r"[A-Za-z0-9+/=]{160,}|\\xff\\xd8|JFIF|base64,", log)


def the_authority(case: Case, site: Callable[[str], None]) -> dict[str, Shown]:
    site("oversight")
    until = clock.now() + timedelta(days=30)
    compliance.grant_case(
        case_id=case.id, authority_code="NL", until=until, actor=answers.SUPERVISOR
    )
    regulator = Staff.objects.get(staff_no="R-4001")
    assert regulator.role == Role.REGULATOR
    browser = sign_in(Client(), regulator)
    browser.post(f"/cases/{case.reference}/report/")
    jobs.run_due(queues=["light"])
    return crawled(browser, "/", f"/cases/{case.reference}/")


def the_api(site: Callable[[str], None]) -> dict[str, Shown]:
    site("api")
    return crawled(Client(), "/v1/", "/v1/notice-key")


def the_person(case: Case, answer: Answer, site: Callable[[str], None]) -> dict[str, Shown]:
    """Their pages, the letter and the package: their own face code is theirs, in no stored form."""
    site("public")
    browser = Client()
    code = cases.receipt_code(case)
    browser.post(reverse("public:status"), {"reference": case.reference, "code": code})
    delivery = case.deliveries.get()
    opens = reverse("public:answer", kwargs={"token": cases.link_token(delivery)})
    browser.post(opens, {"code": code})
    pages = crawled(browser, reverse("public:case"), opens)
    assert any(one.raw.startswith(b"PK") for one in pages.values())
    assert any("template" in one.words for one in pages.values())
    return pages


@pytest.mark.parametrize(
    "planted",
    ["0.83716", "0.837", "0,84", "likeness: 83.7", "84 %", "84%", "distance 0.163", "0.16284"],
)
def test_a_planted_score_is_seen(planted: str) -> None:
    assert scores_in(f"<p>Match {planted}</p>", SCORES[0])


@pytest.mark.parametrize("plain", ["1840", "18:37", "2026-08-37", "83.7 KB", "v1.0.837", "0.5"])
def test_other_numbers_are_no_score(plain: str) -> None:
    assert scores_in(f"<p>{plain}</p>", SCORES[0]) == []


def test_a_moment_is_no_score_and_hides_none() -> None:
    """Its seconds may be the digits of a distance."""
    moment = "2026-11-23T17:10:20.747952+01:00"
    assert scores_in(f'<time datetime="{moment}">', SCORES[1]) == []
    assert scores_in(f'<time datetime="{moment}">20.7</time>', SCORES[1]) == ["20.7"]


def test_a_planted_picture_in_a_log_is_seen() -> None:
    """P-10: the canary of what is asked of the log."""
    picture = answers.plain_picture()
    assert picture_in(f"could not read {picture[:40]!r}")
    assert picture_in("body: " + base64.b64encode(picture).decode())
    assert picture_in("a job failed: no_such_record, again in 2 s") is None


def test_a_planted_vector_is_seen_in_every_form() -> None:
    """B-03: the canary of the scan above, from any place of the vector on."""
    vector = random_templates(1, seed=3)[0]
    part = vector[40:60]
    forms = {
        "float32": part.tobytes(),
        "float64": part.astype("<f8").tobytes(),
        "hex": vector.tobytes().hex().encode(),
        "base64": base64.b64encode(vector.tobytes()),
        "decimals": ", ".join(f"{value:.5f}" for value in part).encode(),
    }
    for name, body in forms.items():
        seen = Shown(b"<p>" + body, (b"<p>" + body).decode("latin-1"))
        assert name in vector_in(seen, vector), name
        assert vector_in(seen, random_templates(1, seed=4)[0]) == [], name
