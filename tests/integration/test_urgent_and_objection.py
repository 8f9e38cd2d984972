"""Urgent requests and safe contact (rule R10, law X-16); objections (law E-09)."""

from typing import Any

import pytest
from django.urls import reverse

from dsr_portal.cases import letters, objections, services
from dsr_portal.core.registries import senders
from dsr_portal.jobs import services as jobs
from tests.support import answers
from tests.support import cases as support
from tests.support.answers import found
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)
GIVES_AWAY = ("picture", "photo", "request", "delete", "Halden", "answer", "data", "hurt")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120
    answers.without_detector(monkeypatch)


def test_no_mail_of_an_urgent_request_says_what_it_is_about() -> None:
    """R10, X-16: who reads somebody else's mailbox learns that there is a page, nothing more."""
    urgent, other = support.opened(urgent=True), support.opened()
    deliveries = {case.id: support.delivered(case) for case in (urgent, other)}
    codes = {
        case.id: services.send_mail_code(case_id=case.id, actor=support.person(case))
        for case in (urgent, other)
    }
    subjects = {
        "mail.receipt": lambda case: case.id,
        "mail.needs_you": lambda case: case.id,
        "mail.reminder": lambda case: case.id,
        "mail.update": lambda case: case.id,
        "mail.answer_ready": lambda case: deliveries[case.id].id,
        "mail.code": lambda case: codes[case.id].id,
    }
    for kind, subject in subjects.items():
        loud = senders.get(kind).render(subject(other))
        assert any(word in loud.text + loud.subject for word in GIVES_AWAY), kind
        quiet = senders.get(kind).render(subject(urgent))
        said = "".join(part for part in quiet.text.split() if "://" not in part)
        assert quiet.subject == urgent.reference
        assert [word for word in GIVES_AWAY if word in said] == [], kind
        assert "://" in quiet.text


def test_the_question_is_followed_by_advice_on_a_safe_address(site: Any, client: Any) -> None:
    """R10, X-16: asked for nobody else; no proof is asked for."""
    site("public")
    for urgent in ("", "on"):
        client.cookies.clear()
        client.post(reverse("public:wish"), {"rights": ["access"], "urgent": urgent})
        page = client.get(reverse("public:contact")).content.decode()
        assert ("An address only you can read" in page) is bool(urgent)


def test_the_desk_says_what_urgent_means(site: Any, client: Any) -> None:
    """R10: first, today, the lock first; identity and two persons stay."""
    site("desk")
    case = support.opened(urgent=True)
    browser = sign_in(client, staff("S-1001"))
    page = browser.get(reverse("desk:case", kwargs={"reference": case.reference})).content.decode()
    assert "Urgent: look at it today" in page
    assert "locks a picture at once" in page


def objected(*records: Any) -> Any:
    case = found(*records)
    services.add_right(case_id=case.id, right="objection", actor=support.person(case))
    return answers.released(answers.answered(case))


def work() -> None:
    while jobs.run_due(queues=["light"]):
        pass


def test_the_letter_of_an_objection_is_the_same_whatever_was_found() -> None:
    """R3, E-09: it has no fact of the case but the dates every letter has."""
    spec = letters.kinds.get("objection")
    assert spec.neutral
    with_find, without = support.opened(["objection"]), support.opened(["objection"])
    assert spec.compose(with_find, {"outcome": "stop"}) == spec.compose(
        without, {"outcome": "stop"}
    )
    assert objections.tell_due() == 0, "nothing left yet"
