"""A registered letter that comes back: noted, told, posted again or kept; no clock moves (L-09)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.cases import paper_packs, paper_returns, services
from dsr_portal.cases.models import Case, Delivery, DeliveryState
from dsr_portal.cases.paper_models import PaperPack, PaperReturn
from dsr_portal.compliance import evidence
from dsr_portal.core import clock
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.registries import senders
from dsr_portal.jobs.models import Effect
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = pytest.mark.django_db(transaction=True)
HOME = {"name": "Mina Aalto", "postal": "Kade 7\n1011 AB Amsterdam"}
FIRST, SECOND = "RR 123 456 789 NL", "RR 987 654 321 NL"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any, site: Any) -> Iterator[None]:
    own_places(settings, tmp_path)
    site("public")
    with translation.override("en"):
        yield


def posted(*, email: str = "mina@example.org") -> tuple[Case, Delivery]:
    """An answer on paper that was given to the post."""
    case = services.open_case(
        channel="web",
        rights=["access"],
        contact=services.Contact(email=email, **HOME),
        on_paper=True,
    ).case
    delivery = support.delivered(case)
    into_the_post(delivery, FIRST)
    case.refresh_from_db()
    return case, delivery


def into_the_post(delivery: Delivery, number: str) -> None:
    """Packed by one person and posted by another; the printing itself is test_answer_on_paper's."""
    PaperPack.objects.create(
        delivery=delivery, packed_by=support.OFFICER.id, packed_at=clock.now(), pages=3
    )
    paper_packs.record_posted(delivery_id=delivery.id, actor=support.SECOND, number=number)
    delivery.refresh_from_db()


def came_back(delivery: Delivery, **more: Any) -> PaperReturn:
    return paper_returns.record_returned(
        delivery_id=delivery.id,
        actor=more.pop("actor", support.OFFICER),
        on=more.pop("on", clock.today()),
        reason=more.pop("reason", "moved"),
    )


def clocks(case: Case) -> tuple[Any, ...]:
    case.refresh_from_db()
    return case.status, case.due_on, case.due_unrolled, case.delivered_at, case.received_at


def events(case: Case, kind: str) -> int:
    return Event.objects.filter(case_id=case.id, type=kind).count()


def page(case: Case) -> str:
    browser = Client()
    keys = {"reference": case.reference, "code": services.receipt_code(case)}
    browser.post(reverse("public:status"), keys)
    return " ".join(browser.get(reverse("public:case")).content.decode().split())


def test_it_is_noted_told_and_flagged_and_no_clock_moves() -> None:
    """L-09: the day, the post's reason, a mail that says little, the page of the request."""
    case, delivery = posted()
    before = clocks(case)
    came_back(delivery)
    assert clocks(case) == before
    (effect,) = Effect.objects.filter(kind="mail.letter_back")
    mail = senders.get("mail.letter_back").render(effect.subject_id)
    assert mail.to == "mina@example.org"
    assert "The post brought back a letter" in mail.text
    assert "Kade" not in mail.text
    seen = page(case)
    assert "A letter came back" in seen
    assert "The post brought a letter of ours back." in seen
    assert list(case.flags.values_list("code", flat=True)) == [paper_returns.CAME_BACK]
    (event,) = Event.objects.filter(case_id=case.id, type="delivery.returned")
    assert event.data == {
        "kind": "answer",
        "reason": "moved",
        "on": clock.today().isoformat(),
    }
    needs = [one for one in evidence.NEEDS if "delivery.returned" in one.types]
    assert [one.count(case) for one in needs] == [1]


def test_who_gave_no_mailbox_finds_it_on_the_page() -> None:
    case, delivery = posted(email="")
    came_back(delivery)
    assert not Effect.objects.filter(kind="mail.letter_back").exists()
    assert "A letter came back" in page(case)


@pytest.mark.parametrize(
    ("more", "error", "code"),
    [
        ({"on": date(2020, 1, 1)}, BadInput, "day_unfit"),
        ({"on": date(2099, 1, 1)}, BadInput, "day_unfit"),
        ({"reason": "eaten"}, BadInput, "no_such_reason"),
        ({"actor": support.Actor("D-1", "dpo", "staff")}, NotAllowed, "officer"),
    ],
)
def test_what_does_not_fit_is_refused(more: dict[str, Any], error: Any, code: str) -> None:
    _case, delivery = posted()
    with pytest.raises(error, match=code):
        came_back(delivery, **more)
    assert not PaperReturn.objects.exists()


def test_only_what_is_under_way_comes_back_and_once() -> None:
    case, delivery = posted()
    came_back(delivery)
    with pytest.raises(Conflict, match="not_under_way"):
        came_back(delivery)
    with pytest.raises(Conflict, match="not_under_way"):
        paper_packs.record_arrived(delivery_id=delivery.id, actor=support.OFFICER, on=clock.today())
    other_case, other = posted()
    paper_packs.record_arrived(delivery_id=other.id, actor=support.OFFICER, on=clock.today())
    with pytest.raises(Conflict, match="not_under_way"):
        came_back(other)
    assert events(case, "delivery.returned") == 1
    assert events(other_case, "delivery.returned") == 0


def test_posted_again_it_takes_two_persons_and_a_number_of_its_own() -> None:
    """T-13, L-09: the first way stays on record; the case stays delivered since the first day."""
    case, delivery = posted()
    before = clocks(case)
    came_back(delivery)
    paper_returns.post_again(delivery_id=delivery.id, actor=support.OFFICER)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.TO_POST
    with pytest.raises(Conflict, match="not_packed"):
        paper_packs.record_posted(delivery_id=delivery.id, actor=support.SECOND, number=SECOND)
    into_the_post(delivery, SECOND)
    assert clocks(case) == before
    assert events(case, "delivery.posted") == 2
    (row,) = paper_returns.returns_of(case)
    assert paper_returns.number_of(row) == FIRST
    assert [paper_packs.number_of(one) for one in paper_packs.posted(case)] == [SECOND]
    assert paper_returns.undecided(case) is None
    assert "A letter came back" not in page(case)
    with pytest.raises(Conflict, match="not_returned"):
        paper_returns.post_again(delivery_id=delivery.id, actor=support.OFFICER)
    came_back(delivery, reason="not_fetched")
    assert paper_returns.returns_of(case).count() == 2


def test_kept_here_it_can_still_go_again_or_be_opened_by_link() -> None:
    case, delivery = posted()
    came_back(delivery)
    paper_returns.keep_here(delivery_id=delivery.id, actor=support.OFFICER)
    assert paper_returns.undecided(case) is None
    with pytest.raises(Conflict, match="not_returned"):
        paper_returns.keep_here(delivery_id=delivery.id, actor=support.OFFICER)
    paper_packs.back_to_link(case_id=case.id, actor=support.person(case))
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.RELEASED
    with pytest.raises(Conflict, match="not_returned"):
        paper_returns.post_again(delivery_id=delivery.id, actor=support.OFFICER)


def test_at_the_desk_it_is_the_next_step(site: Any) -> None:
    case, delivery = posted()
    site("desk")
    officer = sign_in(Client(), staff("A-1001"))
    named = {"reference": case.reference}
    at = reverse("desk:paper_returned", kwargs=named | {"delivery_id": delivery.id})
    assert officer.post(at, {}).status_code == 422
    prefix = f"back.{delivery.id}"
    given = {f"{prefix}-on": clock.today().isoformat(), f"{prefix}-reason": "moved"}
    shown = officer.post(at, given, follow=True).content.decode()
    assert "Came back on" in shown
    assert "Post it again" in shown
    assert "A letter came back" in officer.get(reverse("desk:case", kwargs=named)).content.decode()
    kept = officer.post(at, {"do": "hold"}, follow=True).content.decode()
    assert "It stays here until the person says where to." in kept
    again = officer.post(at, {"do": "again"}, follow=True).content.decode()
    assert "came back on" in again
    assert "Print the pack" in again
    dpo = sign_in(Client(), staff("D-1", Role.DPO))
    assert dpo.post(at, given).status_code == 403


def test_the_database_knows_who_settled_it() -> None:
    _case, delivery = posted()
    came_back(delivery)
    for wrong in ({"step": "again"}, {"on": date(2020, 1, 1)}, {"settled_by": "A-1"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PaperReturn.objects.update(**wrong)
