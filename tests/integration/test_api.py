"""The API's site: who runs it, the newest head, and no route for a face (R20, R29)."""

import pytest
from django.conf import settings as django_settings
from django.urls import get_resolver

from dsr_portal.audit import services as audit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_api(site):
    site("api")


def test_about_names_the_controller_and_the_head(client):
    answer = client.get("/v1/")
    assert answer.status_code == 200
    head = audit.head()
    assert answer.json() == {
        "controller": django_settings.DSR_CONTROLLER["name"],
        "audit_head": {"number": head.number, "hash": head.hash},
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent(client, method):
    assert getattr(client, method)("/v1/", {"image": "x"}).status_code == 405


def test_no_route_beside_the_ones_listed():
    """R20: a new route of the API must be looked at here first."""
    resolver = get_resolver(django_settings.DSR_SITES["api"])
    routes = [str(route.pattern) for part in resolver.url_patterns for route in part.url_patterns]
    assert routes == ["v1/", "v1/notice-key", "v1/restricted", "v1/blocked", "v1/look-ups"]
