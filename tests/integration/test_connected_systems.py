"""The controller's product asks and reports; a stand-in proves it by reading back (R20, E-08)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.core.ids import new_id
from dsr_portal.gallery import connector, selectors, services, systems
from dsr_portal.gallery.models import ConnectedSystem, LookUp
from tests.support.gallery import a_record, an_image, own_places

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

OFFICER = Actor("S-1001", "officer", "staff")
SUPERVISOR = Actor("S-2001", "supervisor", "staff")
BOSS = Actor("S-3001", "director", "staff")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, site: Any) -> None:
    own_places(settings, tmp_path)
    site("api")


@pytest.fixture
def token() -> str:
    made = systems.propose(name="Search product", actor=SUPERVISOR)
    return systems.approve(system_id=made.id, actor=BOSS)


def ask(token: str, name: str, body: Any, status: int = 200) -> Any:
    answer = Client().post(
        f"/v1/{name}",
        json.dumps(body),
        "application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == status, answer.content
    return answer.json()


@dataclass
class Product:
    """A stand-in for the controller's face search: it shows a record only after asking."""

    token: str
    index: list[UUID] = field(default_factory=list)

    def search(self) -> list[UUID]:
        said = ask(self.token, "restricted", {"ids": [str(one) for one in self.index]})
        return [one for one in self.index if str(one) not in said["restricted"]]

    def crawl(self, page: str, image: str, data: bytes) -> bool:
        """Whether the product took the picture."""
        item = {"page": page, "image": image, "sha256": hashlib.sha256(data).hexdigest()}
        return not ask(self.token, "blocked", {"items": [item]})["blocked"][0]


def test_a_restricted_record_is_shown_by_the_product_no_more(token: str) -> None:
    """E-08, read back from the product: shown, restricted, lifted, erasing, unknown."""
    case, mine, other = new_id(), a_record(), a_record()
    stranger = new_id()
    product = Product(token, [mine.id, other.id, stranger])
    assert product.search() == [mine.id, other.id]
    act = {"record_ids": [mine.id], "case_id": case, "actor": OFFICER}
    services.restrict(reason="same_person", **act)
    assert product.search() == [other.id]
    services.lift_restriction(reason="second_disagrees", **act)
    assert product.search() == [mine.id, other.id]
    services.mark_erasing(**act)
    assert product.search() == [other.id]


def test_what_is_blocked_is_not_collected_by_the_product_again(token: str) -> None:
    """E-12: page, picture address or exact file, by its SHA-256 alone; ended on wish (E-13)."""
    case = new_id()
    image = an_image(page_url="https://a.example/Mina", image_url="https://a.example/m.jpg")
    data = connector.current().picture(image.id)
    product = Product(token)
    assert product.crawl("https://a.example/Mina", "https://b.example/x.jpg", b"other")
    assert product.crawl("https://c.example/", "https://c.example/y.jpg", data)
    services.block_addresses(case_id=case, actor=OFFICER, image_ids=[image.id])
    assert not product.crawl("http://www.a.example/Mina?utm_source=z", "", b"other")
    assert not product.crawl("https://c.example/", "a.example/m.jpg", b"other")
    assert not product.crawl("https://c.example/", "https://c.example/y.jpg", data)
    assert product.crawl("https://c.example/", "https://c.example/y.jpg", data + b".")
    services.unblock(case_id=case, actor=OFFICER)
    assert product.crawl("https://a.example/Mina", "", data)


def test_look_ups_are_reported_as_a_file_of_them_is_recorded(token: str) -> None:
    """R16, A-07: the same columns, the period, the recipient's reference; twice is a conflict."""
    record = a_record()
    row = {
        "recipient": "Lumen Analytics", "country": "nl", "date": "2024-05-31T14:00:00Z",
        "purpose": "Check of a contractor", "record": str(record.id),
        "reference": "Q-4711", "way": "exported",
    }  # fmt: skip
    gone = row | {"record": str(new_id()), "reference": ""}
    body = {"from": "2024-05-01", "to": "2024-05-31", "rows": [row, gone]}
    said = ask(token, "look-ups", body, 201)
    assert (said["rows"], said["recorded"], said["unmatched"]) == (2, 1, [2])
    (fact,) = selectors.recipients_of([record.id])
    assert (fact.recipient, fact.country, fact.purpose) == (
        "Lumen Analytics", "NL", "Check of a contractor",
    )  # fmt: skip
    assert (fact.reference, fact.way) == ("Q-4711", "EXPORTED")
    (covers,) = selectors.lookup_coverage()
    assert (covers.system, covers.unmatched) == ("Search product", 1)
    assert ask(token, "look-ups", body, 409)["code"] == "log_known"
    for key, value in (("date", "yesterday"), ("way", "sold"), ("reference", "x" * 101)):
        bad = body | {"rows": [row | {key: value}]}
        assert ask(token, "look-ups", bad, 400)["code"] == "bad_log"
    assert LookUp.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("restricted", {}), ("restricted", []), ("restricted", {"ids": []}),
        ("restricted", {"ids": ["x"]}), ("restricted", {"ids": [None]}),
        ("restricted", {"ids": ["0" * 32] * 1001}), ("restricted", {"ids": "abc"}),
        ("blocked", {"items": [{}]}), ("blocked", {"items": [{"picture": "abc"}]}),
        ("blocked", {"items": [{"sha256": "abc"}]}), ("blocked", {"items": [{"page": 1}]}),
        ("blocked", {"items": [{"page": "no address"}]}), ("blocked", {"items": ["x"]}),
        ("look-ups", {"rows": []}), ("look-ups", {"rows": [1]}),
        ("look-ups", {"rows": [{}], "from": "2024-01-01", "to": "x"}),
        ("look-ups", {"rows": [{}], "from": "2024-02-01", "to": "2024-01-01"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(token: str, name: str, body: Any) -> None:
    said = ask(token, name, body, 400)
    assert said["code"]
    assert len(said["message"]) > 10


def test_a_token_takes_two_persons_is_kept_as_a_hash_and_can_be_ended() -> None:
    with pytest.raises(NotAllowed, match="system_role"):
        systems.propose(name="Search product", actor=OFFICER)
    with pytest.raises(BadInput):
        systems.propose(name=" ", actor=SUPERVISOR)
    made = systems.propose(name="Search product", actor=SUPERVISOR)
    with pytest.raises(Conflict, match="system_known"):
        systems.propose(name="Search product", actor=BOSS)
    with pytest.raises(NotAllowed, match="system_two_persons"):
        systems.approve(system_id=made.id, actor=SUPERVISOR)
    token = systems.approve(system_id=made.id, actor=BOSS)
    with pytest.raises(Conflict, match="system_settled"):
        systems.approve(system_id=made.id, actor=BOSS)
    row = str(ConnectedSystem.objects.filter(id=made.id).values().get())
    assert token not in row
    assert hashlib.sha256(token.encode()).hexdigest() in row
    body = {"ids": [str(new_id())]}
    assert ask(token, "restricted", body)["restricted"] == body["ids"]
    for wrong in (token[:-1], token.upper(), "", "dsr_", "x y"):
        ask(wrong, "restricted", body, 401)
    systems.end(system_id=made.id, actor=SUPERVISOR)
    ask(token, "restricted", body, 401)


def test_a_picture_sent_to_any_route_is_refused(token: str) -> None:
    """R20: no route takes an image or a vector."""
    for name in ("restricted", "blocked", "look-ups"):
        answer = Client().post(
            f"/v1/{name}",
            b"\xff\xd8\xff",
            content_type="image/jpeg",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 415
