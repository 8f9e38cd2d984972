"""What settings promise, asked of the running thing: connections, headers, links across sites."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadhandler import load_handler
from django.db import connection, transaction
from django.test import Client
from django.utils.module_loading import import_string

from dsr_portal.core import clock, links
from dsr_portal.core.errors import InsideTransaction
from dsr_portal.core.models import DemoClock
from dsr_portal.core.transactions import outside, outside_transaction, require_outside_transaction

FIRST_PAGES = {
    "public": "/",
    "desk": "/account/sign-in/",
    "oversight": "/account/sign-in/",
    "api": "/v1/",
}


@pytest.fixture
def sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")


@pytest.mark.django_db
@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: what was acknowledged is on the disk
        ("secure_delete", 1),
        ("temp_store", 2),  # MEMORY: nothing in clear beside the database
        ("recursive_triggers", 1),  # without it REPLACE passes the triggers of the trail
        ("foreign_keys", 1),
    ],
)
def test_sqlite_is_opened_as_the_design_says(name: str, value: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        assert cursor.fetchone()[0] == value


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("sqlite")
def test_transactions_that_read_first_and_then_write_lose_nothing() -> None:
    """`transaction_mode=IMMEDIATE`: with Django's default most of these would fail."""
    DemoClock.objects.create(id=1, offset_seconds=0)

    def add(_number: int) -> None:
        try:
            with transaction.atomic():
                row = DemoClock.objects.get(id=1)
                row.offset_seconds += 1
                row.save()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert DemoClock.objects.get(id=1).offset_seconds == 40
    DemoClock.objects.all().delete()
    clock.forget_cached_offset()


@pytest.mark.django_db(transaction=True)
def test_slow_work_inside_a_transaction_is_refused() -> None:
    """Design, section 2: no picture, model, PDF, network, vault stream or index call."""

    @outside("Painting")
    def paint() -> str:
        return "done"

    assert paint() == "done"
    with transaction.atomic():
        with pytest.raises(InsideTransaction, match="Painting"):
            paint()
        with pytest.raises(InsideTransaction), outside_transaction("Painting"):
            raise AssertionError("it ran")
        with pytest.raises(InsideTransaction):
            require_outside_transaction("Painting")


@pytest.mark.django_db
@pytest.mark.parametrize("name", FIRST_PAGES)
def test_every_site_sends_its_strict_headers(name: str, site: Callable[[str], None]) -> None:
    """Design, section 7: no third party, no frame, no plug-in; scripts and styles of our own."""
    site(name)
    answer = Client().get(FIRST_PAGES[name])
    assert answer.status_code == 200
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";") if part
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "geolocation=()" in answer["Permissions-Policy"]


def test_links_across_sites_come_from_settings(settings: Any) -> None:
    settings.DSR_URLS = {**settings.DSR_URLS, "public": "https://requests.example/"}
    assert links.url_for("public", "public:home") == "https://requests.example/"
    assert links.url_for("desk", "desk:queue").startswith(settings.DSR_URLS["desk"])


def test_uploads_never_reach_a_handler_that_writes_files(settings: Any) -> None:
    """Section 5: nothing in clear on the disk; the only handler is our own, in memory."""
    (only,) = settings.FILE_UPLOAD_HANDLERS
    assert only.startswith("dsr_portal.vault.")
    assert import_string(only).__module__ == "dsr_portal.vault.uploads"
    assert load_handler(only, None) is not None
