"""Processors stand in a register or are not used; the record of processing (P-08, P-15)."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pypdfium2
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.models import Event
from dsr_portal.compliance import processing, processors
from dsr_portal.compliance.checks import processors_have_entries
from dsr_portal.compliance.processor_models import Processor
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, NotAllowed
from dsr_portal.jobs import outbox
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]
CHIEF = Actor("V-1", "supervisor", "staff")
RELAY = "smtps://portal:secret@relay.post.example:465"


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)


def entered(**more: Any) -> Processor:
    said: dict[str, Any] = {
        "name": "Post Example",
        "role": "mail",
        "hosts": "relay.post.example",
        "country": "NL",
        "contract_on": date(2026, 1, 7),
        "terms": "DPA 7, Art. 28(3)(a) to (h)",
    }
    return processors.enter(entry=processors.Entry(**{**said, **more}), actor=CHIEF)


# -- nothing without an entry (P-15) ------------------------------------------------------------


def test_in_production_no_mail_leaves_over_a_relay_without_an_entry(settings: Any) -> None:
    """P-15: mails wait in their rows until the register has the relay, and again once it ended."""
    settings.DSR_MAIL_URL = RELAY
    assert outbox.transport() == "relay", "elsewhere it is warned of and goes on"
    settings.DSR_PRODUCTION = True
    assert outbox.transport() == ""
    row = entered()
    assert outbox.transport() == "relay"
    processors.end(processor_id=row.id, actor=CHIEF)
    assert outbox.transport() == ""


def test_the_check_names_each_server_without_an_entry(settings: Any) -> None:
    """P-15: config validation: an error in production, a warning elsewhere."""
    settings.DSR_MAIL_URL = RELAY
    settings.CELERY_BROKER_URL = "redis://queue.host.example:6379/0"
    settings.DATABASES["default"] = {**settings.DATABASES["default"], "HOST": "127.0.0.1"}
    found = processors_have_entries(databases=["default"])
    assert [one.msg.split(",")[0] for one in found] == [
        "DSR_MAIL_URL names relay.post.example",
        "CELERY_BROKER_URL names queue.host.example",
    ]
    assert not any(one.is_serious() for one in found)
    settings.DSR_PRODUCTION = True
    assert all(one.is_serious() for one in processors_have_entries(databases=["default"]))
    assert "secret" not in str(found), "no password of an address is printed"
    entered(hosts="Relay.Post.Example. queue.host.example")
    assert processors_have_entries(databases=["default"]) == []


@pytest.mark.parametrize("missing", [{"contract_on": None}, {"terms": " "}])
def test_an_entry_has_its_contract_or_is_the_controllers_own(missing: dict[str, Any]) -> None:
    """P-15, Art. 28(3): in the service and in the database."""
    with pytest.raises(BadInput, match="contract_missing"):
        entered(**missing)
    row = entered(role="own", **missing)
    assert row.contract_on is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Processor.objects.update(role="mail")


def test_who_enters_and_what_is_refused() -> None:
    for nobody in (Actor("S-1", "officer", "staff"), Actor("D-1", "dpo", "staff")):
        with pytest.raises(NotAllowed, match="processor_role"):
            processors.enter(entry=processors.Entry("A", "mail", ""), actor=nobody)
    for wrong, code in (
        ({"name": " "}, "processor_name"),
        ({"role": "friend"}, "processor_role"),
        ({"hosts": "https://relay.post.example/"}, "no_host"),
        ({"contract_on": clock.today() + timedelta(days=1)}, "contract_missing"),
    ):
        with pytest.raises(BadInput, match=code):
            entered(**wrong)
    row = entered()
    processors.end(processor_id=row.id, actor=CHIEF)
    with pytest.raises(Conflict, match="over_already"):
        processors.end(processor_id=row.id, actor=CHIEF)
    told = Event.objects.filter(type__startswith="processor.").order_by("number")
    assert [one.type for one in told] == ["processor.entered", "processor.ended"]


# -- the record of processing (P-08) ------------------------------------------------------------


def test_the_record_has_every_letter_of_the_article_in_both_files(settings: Any) -> None:
    """P-08: Art. 30(1)(a) to (g), each with something in it, the same rows as CSV and PDF."""
    entered(country="US", safeguard="Standard clauses")
    rows = list(csv.DictReader(io.StringIO(processing.as_csv())))
    assert {one["article"] for one in rows} == {f"30(1)({letter})" for letter in "abcdefg"}
    assert all(one["what"] and one["text"] for one in rows)
    text = processing.as_csv()
    for words in (
        settings.DSR_CONTROLLER["name"],
        settings.DSR_CONTROLLER["dpo"],
        "Post Example (US), contract of 7 January 2026",
        "US: Standard clauses",
        "Days for which a backup is kept",
        "special category",
    ):
        assert words in text, words
    document = pypdfium2.PdfDocument(processing.as_pdf())
    printed = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
    for letter in "abcdefg":
        assert f"Art. 30(1)({letter})" in printed
    assert "Standard clauses" in printed


def test_an_entry_that_begins_like_a_formula_is_text_in_the_file() -> None:
    """X-13: a spreadsheet runs nothing that somebody wrote."""
    entered(name="=HYPERLINK(1)", country="US")
    cells = [cell for row in csv.reader(io.StringIO(processing.as_csv())) for cell in row]
    assert "'=HYPERLINK(1)" in cells
    assert not [cell for cell in cells if cell.startswith("=")]


# -- the desk -----------------------------------------------------------------------------------


def test_at_the_desk_a_processor_is_entered_ended_and_the_record_taken(
    site: Any, settings: Any
) -> None:
    site("desk")
    settings.DSR_MAIL_URL = RELAY
    chief = sign_in(Client(), staff("V-2", Role.SUPERVISOR))
    page, enter = reverse("desk:processors"), reverse("desk:enter_processor")
    assert "relay.post.example" in chief.get(page).content.decode()
    said = {"name": "Post Example", "role": "mail", "hosts": "relay.post.example"}
    assert chief.post(enter, said).status_code == 422
    more = {"contract_on": "2026-01-07", "terms": "DPA 7"}
    assert chief.post(enter, {**said, **more}).url == page
    row = Processor.objects.get()
    assert "A server is set that no entry stands for" not in chief.get(page).content.decode()
    for kind, begins in (("csv", b"article,"), ("pdf", b"%PDF")):
        got = chief.get(reverse("desk:processing_record", kwargs={"kind": kind}))
        assert got.content.startswith(begins)
    chief.post(reverse("desk:end_processor", kwargs={"processor_id": row.id}))
    assert "A server is set that no entry stands for" in chief.get(page).content.decode()
