"""Query pictures of the product: stated with name and date by two persons, printed (R16, A-17)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from dsr_portal.accounts.models import Role
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.disclosure import contents
from dsr_portal.erasure import certificate, verification, words
from dsr_portal.erasure.models import VerificationState
from dsr_portal.gallery import statements
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)

OFFICER = Actor("S-1001", "officer", "staff")
SUPERVISOR = Actor("S-2001", "supervisor", "staff")
BOSS = Actor("S-3001", "director", "staff")
SAID = {"words": "Deleted after 24 hours.", "name": "J. Halden", "stated_on": date(2024, 5, 31)}


def test_an_answer_prints_the_statement_in_force_or_that_there_is_none() -> None:
    assert "The controller made no statement to us" in contents._query_pictures()
    made = statements.propose(**SAID, actor=SUPERVISOR)
    assert "The controller made no statement to us" in contents._query_pictures()
    with pytest.raises(NotAllowed, match="statement_two_persons"):
        statements.approve(statement_id=made.id, actor=SUPERVISOR)
    statements.approve(statement_id=made.id, actor=BOSS)
    text = contents._query_pictures()
    assert "J. Halden stated on 31 May 2024: “Deleted after 24 hours.” We did not check" in text
    with pytest.raises(Conflict, match="statement_settled"):
        statements.approve(statement_id=made.id, actor=BOSS)
    newer = statements.propose(**{**SAID, "words": "Kept for a week."}, actor=BOSS)
    statements.approve(statement_id=newer.id, actor=SUPERVISOR)
    assert "Kept for a week." in contents._query_pictures()


def test_an_erasure_names_the_store_and_its_certificate_prints_the_statement() -> None:
    """R16, E-04: outside this system, so a person has to see to it; nothing says it is erased."""
    (found,) = [one for one in verification._not_checked() if one.store == "query_pictures"]
    assert (found.state, found.method) == (VerificationState.NEEDS_PERSON, "nothing_stated")
    assert "made no statement to us" in printed()
    made = statements.propose(**SAID, actor=SUPERVISOR)
    assert "Deleted after 24 hours" not in printed()
    statements.approve(statement_id=made.id, actor=BOSS)
    (found,) = [one for one in verification._not_checked() if one.store == "query_pictures"]
    assert (found.state, found.method) == (VerificationState.NEEDS_PERSON, "stated_by_controller")
    assert "J. Halden stated on 31 May 2024: “Deleted after 24 hours.” We did not" in printed()
    for method in ("nothing_stated", "stated_by_controller"):
        assert words.method(method, 0).startswith("outside this system")
    assert words.store("query_pictures") != "query_pictures"


def printed() -> str:
    return "\n".join(str(one) for one in certificate._not_covered([])["points"])


@pytest.mark.parametrize(
    "change",
    [
        {"words": " "}, {"name": ""}, {"words": "x" * 501},
        {"stated_on": clock.real_now().date() + timedelta(days=3)},
        {"words": "We searched and found all of them."},
    ],
)  # fmt: skip
def test_a_statement_without_words_name_or_day_is_refused(change: dict[str, Any]) -> None:
    """R15: it may not promise more than a search shows."""
    with pytest.raises(BadInput):
        statements.propose(**(SAID | change), actor=SUPERVISOR)
    with pytest.raises(NotAllowed):
        statements.propose(**SAID, actor=OFFICER)


def test_the_desk_writes_it_down_and_another_person_agrees(site: Any) -> None:
    site("desk")
    boss = sign_in(Client(), staff("B-1", Role.SUPERVISOR))
    other = sign_in(Client(), staff("B-2", Role.DIRECTOR))
    data = {"words": "Kept for a day.", "name": "J. Halden", "stated_on": "2024-05-31"}
    bad = boss.post("/recipients/statement/", {**data, "name": ""})
    assert bad.status_code == 422
    boss.post("/recipients/statement/", data)
    (row,) = statements.waiting()
    assert boss.post(f"/recipients/statement/{row.id}/").status_code == 403
    page = other.post(f"/recipients/statement/{row.id}/", follow=True).content.decode()
    assert "Kept for a day." in page
    assert statements.current() == statements.QueryPictureStatement.objects.get()
