"""What a person is told and given before anything is sent: the notice and two cookies (Art. 13)."""

import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def public_site(site: Any) -> None:
    site("public")


def shown(client: Client, name: str) -> str:
    page = client.get(reverse(f"public:{name}")).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


ITEMS = {
    "controller": "Who we are",
    "representative": "Representative in the European Union:",
    "data": "What we take, and what not",
    "purposes and grounds": "Why, and on what ground",
    "recipients": "Who sees it",
    "transfers": "Other countries",
    "retention": "How long",
    "rights": "Your rights here",
    "withdrawal": "To compare your face: only with your explicit consent (Art. 9(2)(a))."
    " You can withdraw it at any time on the page of your request.",
    "complaint": "If you do not agree",
    "compulsory or not": "You do not have to send a photo. If you do, we use it to answer you and"
    " for nothing else.",
    "automated decisions": "Does a computer decide?",
}


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_the_notice_has_every_item_in_each_language(language: str, settings: Any) -> None:
    """P-01, N-08: Art. 13(1)-(2), item by item; the representative and the transfer as set."""
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "representative": "Example Rep BV"}
    settings.DSR_REQUEST_TRANSFERS = ["United States (standard clauses)"]
    said = shown(Client(HTTP_ACCEPT_LANGUAGE=language), "privacy")
    with translation.override(language):
        words = {item: gettext(text) for item, text in ITEMS.items()}
    if language != "en":
        assert not [item for item, text in words.items() if text == ITEMS[item]]
    assert [item for item, text in words.items() if text not in said] == []
    controller = settings.DSR_CONTROLLER
    for fact in (controller["name"], controller["dpo"].split(", ")[-1], "Example Rep BV"):
        assert fact in said
    assert "United States (standard clauses)" in said


@pytest.mark.parametrize(
    "item",
    [
        "Who we are",
        "data protection officer",
        "Art. 6(1)(c)",
        "Art. 9(2)(a)",
        "Why, and on what ground",
        "Who sees it",
        "How long",
        "You do not have to send a photo",
        "withdraw it at any time",
        "Does a computer decide?",
        "withdraw consent",
        "complain",
        "Version 1 of this text",
    ],
)
def test_the_notice_of_a_request_has_the_item(item: str) -> None:
    """P-01: Art. 13(1)-(2); read before the first question."""
    assert item.lower() in shown(Client(), "privacy").lower()


def test_a_whole_request_sets_the_cookie_of_its_session_and_the_one_of_forms() -> None:
    """P-16: their names, and that scripts do not read the session."""
    client = Client()
    for name in ("home", "help", "notice", "privacy", "status", "wish"):
        client.get(reverse(f"public:{name}"))
    client.post(reverse("public:wish"), {"rights": ["access"]})
    client.post(reverse("public:way"), {"pages": "", "account": "", "other": ""})
    client.post(
        reverse("public:contact"), {"how": "email", "email": "m@example.org", "language": "en"}
    )
    assert client.post(reverse("public:check")).status_code == 302
    client.get(reverse("public:receipt"))
    allowed = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    assert settings.SESSION_COOKIE_NAME in set(client.cookies) <= allowed
    assert client.cookies[settings.SESSION_COOKIE_NAME]["httponly"]
    assert all(cookie["domain"] == "" for cookie in client.cookies.values())
