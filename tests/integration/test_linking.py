"""Requests linked by an officer: duplicates are linked, never refused (R-05, N-02, N-03, X-17)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event
from dsr_portal.cases import selectors, services
from dsr_portal.cases.link_models import CaseLink
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed, NotFound
from dsr_portal.matching import linking
from dsr_portal.matching.models import Review, ReviewState
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

WORDS = "Their second letter says: as I wrote in March."


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


@pytest.fixture
def officer() -> Staff:
    return staff("S-1")


def linked(one: Case, other: Case, by: Staff, words: str = WORDS, kind: str = "one_says_so") -> Any:
    return linking.link(
        case_id=one.id, to=other.reference, kind=kind, words=words, actor=actor(by), staff=by
    )


def two() -> tuple[Case, Case]:
    return support.opened(email="mina@example.org"), support.opened(email="ada@example.org")


def test_both_show_the_link_and_stay_requests_of_their_own(
    client: Any, site: Any, officer: Staff
) -> None:
    """R-05, N-02, R3: clock, level and state of each stay; nothing of it shows outside."""
    site("desk")
    march, april = two()
    before = [(one.due_on, one.level, one.required_level, one.status) for one in (march, april)]
    linked(march, april, officer)
    for one, other in ((march, april), (april, march)):
        (found,) = linking.links_of(officer, one)
        assert (found.other, found.words, found.made_by) == (other, WORDS, "S-1")
        path = reverse("desk:case", kwargs={"reference": one.reference})
        page = sign_in(client, officer).get(path).content.decode()
        assert other.reference in page
        assert WORDS in page
        one.refresh_from_db()
        assert other.reference not in str(selectors.public_view(one))
        types = Event.objects.filter(case_id=one.id).values_list("type", flat=True)
        assert "case.linked" in types
    after = [(one.due_on, one.level, one.required_level, one.status) for one in (march, april)]
    assert after == before
    assert audit.verify().ok


def test_a_link_can_be_taken_back_and_made_anew(officer: Staff) -> None:
    march, april = two()
    row = linked(march, april, officer)
    with pytest.raises(Conflict, match="already"):
        linked(april, march, officer)
    linking.unlink(case_id=april.id, link_id=row.id, actor=actor(officer))
    assert linking.links_of(officer, march) == []
    with pytest.raises(NotFound):
        linking.unlink(case_id=april.id, link_id=row.id, actor=actor(officer))
    linked(april, march, officer)
    stranger = support.opened(email="eve@example.org")
    with pytest.raises(NotFound):
        linking.unlink(
            case_id=stranger.id, link_id=CaseLink.objects.latest("made_at").id, actor=actor(officer)
        )


def test_a_link_has_a_reason_and_another_request(officer: Staff) -> None:
    march, april = two()
    for wrong in ({"words": "  "}, {"kind": "because"}):
        with pytest.raises(BadInput):
            linked(march, april, officer, **wrong)
    with pytest.raises(BadInput):
        linked(march, march, officer)
    april.reference = "K7M-2QX4"
    with pytest.raises(NotFound):
        linked(march, april, officer)
    for by in (staff("D-1", Role.DPO), staff("R-1", Role.REGULATOR, authority_code="NL")):
        with pytest.raises(NotAllowed):
            linked(march, march, by)
    with pytest.raises(IntegrityError), transaction.atomic():
        CaseLink.objects.create(
            first=march, second=march, kind="other", made_by="S-1", made_at=clock.now()
        )


@pytest.mark.parametrize("state", [ReviewState.FIRST, ReviewState.SECOND, ReviewState.SUPERVISOR])
def test_nothing_is_linked_while_two_persons_decide(officer: Staff, state: str) -> None:
    """R19: a link made then could tell the second person what the first one saw."""
    march, april = two()
    row = linked(march, support.opened(email="eve@example.org"), officer)
    Review.objects.create(
        case=march, state=state, opened_at=clock.now(), first_officer="S-8", search=_search(march)
    )
    for one, other in ((march, april), (april, march)):
        with pytest.raises(Conflict) as refused:
            linked(one, other, officer)
        assert refused.value.code == "review_open"
    with pytest.raises(Conflict) as refused:
        linking.unlink(case_id=march.id, link_id=row.id, actor=actor(officer))
    assert refused.value.code == "review_open"
    assert len(linking.links_of(officer, march)) == 1, "what stood before stays readable"
    Review.objects.update(state=ReviewState.STOPPED)
    linked(march, april, officer)


def _search(case: Case) -> Any:
    from dsr_portal.matching.models import Search

    return Search.objects.create(case=case, kind="look_up", started_at=clock.now())


def test_links_end_with_the_data_of_a_request(officer: Staff) -> None:
    """L-23, P-06: the words of a purged request are destroyed, and nothing finds the other."""
    march, april = two()
    row = linked(march, april, officer)
    assert vault.read(march.file_unit, row.field).decode() == WORDS
    services.withdraw(case_id=march.id, actor=Actor.person(march.id))
    services.purge(case_id=march.id, actor=support.SUPERVISOR)
    assert linking.links_of(officer, april) == []
    row.refresh_from_db()
    assert (row.ended_at is not None, row.ended_by) == (True, "")
    with pytest.raises(Conflict) as refused:
        linked(april, march, officer)
    assert refused.value.code == "case_over"


def test_the_pages(client: Any, site: Any, officer: Staff) -> None:
    site("desk")
    march, april = two()
    browser = sign_in(client, officer)
    path = reverse("desk:link", kwargs={"reference": march.reference})
    assert "keeps its own clock" in browser.get(path).content.decode()
    form = {"to": april.reference.lower(), "kind": "sent_twice", "words": WORDS}
    assert browser.post(path, {**form, "words": ""}).status_code == 422
    assert browser.post(path, form).status_code == 302
    row = CaseLink.objects.get()
    names = {"reference": april.reference, "link_id": row.id}
    assert browser.post(reverse("desk:unlink", kwargs=names)).status_code == 302
    row.refresh_from_db()
    assert row.ended_by == "S-1"
