"""Requests by any channel, read wide, entered at the desk (law T-08, T-09, C-10; R12, R20)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dsr_portal.accounts.models import Role
from dsr_portal.audit.selectors import events_for_case
from dsr_portal.cases import receipts, selectors, services
from dsr_portal.cases.models import Case, Channel, Status
from dsr_portal.core import clock
from dsr_portal.law import deadlines, reading
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.answers import text_of
from tests.support.gallery import own_places
from tests.support.matching import JPEG, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

WORDS = "Take my face down and tell me what you have."
CHANNELS = [channel for channel in Channel.values if channel != Channel.WEB]


@pytest.fixture(autouse=True)
def places(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("desk")


@pytest.fixture
def officer(client):
    return sign_in(client, staff("S-1001"))


def entered(browser: Any, **more: Any) -> Any:
    data = {
        "channel": "email",
        "received": (clock.today() - timedelta(days=9)).isoformat(),
        "words": WORDS,
        "rights": ["access", "erasure", "objection"],
        "narrower": "",
        "name": "M. Doe",
        "email": "",
        "postal": "Dam 1\n1012 JS Amsterdam",
        "phone": "",
        "pages": "",
        "country": "NL",
        "language": "en",
        **more,
    }
    return browser.post(reverse("desk:enter"), data)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_counts_from_the_day_it_reached_us(officer, channel):
    """T-08: entered nine days later; the due date counts from then; the trail says who and how."""
    response = entered(officer, channel=channel)
    assert response.status_code == 302, response.content.decode()
    case = Case.objects.get()
    arrived = clock.today() - timedelta(days=9)
    assert case.received_on == arrived
    assert case.due_on == deadlines.due_dates(arrived, calendar=case.calendar).legal
    opened = events_for_case(case.id)[0].data
    assert (opened["channel"], opened["entered_by"]) == (channel, "S-1001")
    assert case.status == Status.RECEIVED


def test_a_call_is_a_request_with_the_same_date_and_a_confirmation_to_post(officer):
    """C-10, R12: phone intake, printed confirmation with reference, due date and receipt code."""
    entered(officer, channel="phone")
    case = Case.objects.get()
    page = reverse("desk:confirmation", kwargs={"reference": case.reference})
    pdf = officer.post(page)
    assert pdf["Content-Type"] == "application/pdf"
    text = text_of(b"".join(pdf) if pdf.streaming else pdf.content)
    for words in (
        case.reference,
        services.receipt_code(case),
        "M. Doe",
        "Dam 1",
        receipts.receipt_text(case)["lead"],
    ):
        assert words in text, words
    assert "receipt.printed" in [one.type for one in events_for_case(case.id)]


def test_whoever_sent_the_form_has_the_code_and_nobody_prints_it(officer):
    """R12: only for a request that staff entered."""
    case = support.opened()
    page = reverse("desk:confirmation", kwargs={"reference": case.reference})
    assert officer.post(page).status_code == 409


def test_the_original_is_kept_encrypted_and_opened_in_the_confined_child_only(
    officer, monkeypatch, settings
):
    """T-08, R28: as it came, sealed in the case file; a picture is shown as our own encoding."""
    letter = b"%PDF-1.7 a letter nobody opens here " + b"canary-7f3a" * 20
    entered(officer, original=SimpleUploadedFile("letter.pdf", letter))
    case = Case.objects.get()
    assert vault.read(case.file_unit, "original.1") == letter
    kept = b"".join(p.read_bytes() for p in settings.DSR_VAR.rglob("*") if p.is_file())
    assert b"canary-7f3a" not in kept
    page = reverse("desk:original", kwargs={"reference": case.reference})
    given = officer.get(page)
    assert given["Content-Type"] == "application/octet-stream"
    assert "attachment" in given["Content-Disposition"]
    assert given.content == letter
    entered(officer, original=SimpleUploadedFile("scan.jpg", JPEG))
    other = Case.objects.exclude(id=case.id).get()
    shown = officer.get(reverse("desk:original", kwargs={"reference": other.reference}))
    assert shown["Content-Type"] == "image/jpeg"
    assert shown.content[:2] == b"\xff\xd8"
    assert "original.seen" in [one.type for one in events_for_case(other.id)]


def test_free_words_are_read_wide(officer):
    """T-09: access, erasure and objection; taking less needs a reason, and nothing is lost."""
    assert reading.rights_in(WORDS) == ["access", "erasure", "objection"]
    assert reading.rights_in("Verwijder mijn foto, ik maak bezwaar.") == ["erasure", "objection"]
    assert reading.rights_in("Löschen Sie mein Bild.") == ["erasure"]
    assert reading.rights_in("Good morning.") == []
    refused = entered(officer, rights=["erasure"])
    text = refused.content.decode()
    assert refused.status_code == 422
    assert "can be read wider (Access, Objection)" in text
    assert "Dam 1" in text, "nothing typed is lost"
    assert not Case.objects.exists()
    assert (
        entered(officer, rights=["erasure"], narrower="They said so by phone.").status_code == 302
    )
    case = Case.objects.get()
    assert selectors.rights_of(case) == ["erasure"]
    assert selectors.note_of(case) == WORDS
    assert vault.read_json(case.file_unit, "intake")["narrower"] == "They said so by phone."


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"received": "2999-01-01"}, "arrive in the future"),
        ({"received": "last week"}, "valid date"),
        ({"rights": []}, "required"),
        ({"words": ""}, "required"),
        ({"channel": "web"}, "valid choice"),
    ],
)
def test_wrong_input_opens_nothing_and_says_why(officer, wrong, words):
    """T-08: receipt dates in the future, no right, the website's own channel."""
    response = entered(officer, **wrong)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Case.objects.exists()


def test_a_large_original_is_refused_before_anything_is_kept(officer, settings):
    """T-08: a mail of more than the limit; the case is opened without it or not at all."""
    settings.DSR_MAX_UPLOAD = 1000
    response = entered(officer, original=SimpleUploadedFile("big.eml", b"x" * 1001))
    assert response.status_code in {413, 422}
    assert not Case.objects.exists()


def test_who_entered_it_does_not_confirm_it_and_the_dpo_may_enter(officer, client):
    """R20, T-08: through the data protection officer too; another person sees the original."""
    browser = sign_in(client, staff("D-1", Role.DPO))
    assert entered(browser, channel="dpo").status_code == 302
    case = Case.objects.get()
    assert case.opener == "D-1"
    assert not services.origin_confirmed(case=case)
