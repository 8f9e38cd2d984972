"""Who may open which address of desk, oversight and API: every one is listed, or the test fails."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dsr_portal.accounts.models import Role
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from tests.support.gallery import own_places
from tests.support.matching import actor, opened, sign_in, staff

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NOBODY = "anonymous"
HALF = "without second factor"
EVERYBODY = {NOBODY, HALF, *Role.values}

NONE: set[str] = set()
REVIEW = {Role.OFFICER, Role.SUPERVISOR}
LISTERS = {Role.SUPERVISOR, Role.DIRECTOR}
DESK = REVIEW | {Role.DPO, Role.DIRECTOR}
ORDER_TAKERS = DESK - {Role.OFFICER}
READERS = {Role.REGULATOR, Role.DPO}
SIGNED_IN = set(Role.values) - {Role.REGULATOR}

ID = UUID("018f0000-0000-7000-8000-000000000000")
IDENTITY = {"way": "call", "element": "", "compared": "Face on the call."}
CONSENT = {"channel": "post", "reference": "letter 1"}

# address -> method, data, who gets past the door. The rest of a page's rules is tested elsewhere.
DESK_PAGES = {
    "desk:queue": ("get", {}, DESK),
    "desk:release": ("post", {}, REVIEW),
    "desk:recipients": ("get", {}, DESK),
    "desk:propose_channel": ("post", {"kind": "MAIL", "address": "a@b.example"}, LISTERS),
    "desk:channel": ("post", {"do": "reject"}, LISTERS),
    "desk:notice": ("post", {"do": "posted"}, {*REVIEW}),
    "desk:propose_statement": (
        "post",
        {"words": "None.", "name": "A", "stated_on": "2024-01-02"},
        LISTERS,
    ),
    "desk:statement": ("post", {}, LISTERS),
    "desk:propose_system": ("post", {"name": "Product"}, LISTERS),
    "desk:system": ("post", {"do": "end"}, LISTERS),
    "desk:collection": ("get", {}, DESK),
    "desk:stop_collection": ("post", {"reason": "own"}, LISTERS),
    "desk:propose_lift": ("post", {"reason": "Over."}, LISTERS),
    "desk:decide_lift": ("post", {"do": "no"}, LISTERS),
    "desk:own_locks": ("get", {}, REVIEW),
    "desk:propose_unlock": ("post", {"reason": "Over."}, REVIEW),
    "desk:decide_unlock": ("post", {"do": "no"}, REVIEW),
    "desk:breaches": ("get", {}, DESK),
    "desk:open_breach": ("get", {}, DESK),
    "desk:breach": ("get", {}, DESK),
    "desk:breach_facts": ("post", {}, DESK),
    "desk:breach_pdf": ("get", {}, DESK),
    "desk:breach_notice": ("post", {}, ORDER_TAKERS),
    "desk:breach_notified": ("post", {}, ORDER_TAKERS),
    "desk:breach_tell": ("post", {}, ORDER_TAKERS),
    "desk:breach_spare": ("post", {}, LISTERS),
    "desk:breach_agree": ("post", {}, LISTERS),
    "desk:breach_turn_down": ("post", {}, LISTERS),
    "desk:breach_again": ("post", {}, LISTERS),
    "desk:breach_close": ("post", {}, LISTERS),
    "desk:gallery_terms": ("get", {}, ORDER_TAKERS),
    "desk:propose_term": ("post", {}, LISTERS),
    "desk:advise_term": ("post", {"advice": "Fits."}, {Role.DPO}),
    "desk:decide_term": ("post", {"do": "agree"}, LISTERS),
    "desk:kept": ("get", {}, ORDER_TAKERS),
    "desk:hold_kept": ("post", {}, ORDER_TAKERS),
    "desk:settle_hold": ("post", {"do": "agree"}, LISTERS),
    "desk:assessment": ("get", {}, ORDER_TAKERS),
    "desk:assessment_act": ("post", {"do": "send_back"}, ORDER_TAKERS),
    "desk:assessment_file": ("get", {}, ORDER_TAKERS),
    "desk:figures": ("get", {}, ORDER_TAKERS),
    "desk:board_report": ("get", {}, ORDER_TAKERS),
    "desk:ai_act": ("get", {}, DESK),
    "desk:ai_statement": ("post", {}, ORDER_TAKERS),
    "desk:ai_sign": ("post", {}, {Role.DIRECTOR}),
    "desk:other_systems": ("get", {}, ORDER_TAKERS),
    "desk:other_systems_act": ("post", {"name": "Archive", "kind": "archive"}, ORDER_TAKERS),
    "desk:searched": ("get", {}, REVIEW),
    "desk:processors": ("get", {}, ORDER_TAKERS),
    "desk:enter_processor": ("post", {}, ORDER_TAKERS),
    "desk:end_processor": ("post", {}, LISTERS),
    "desk:processing_record": ("get", {}, ORDER_TAKERS),
    "desk:director": ("get", {}, {Role.DIRECTOR, Role.DPO}),
    "desk:director_page": ("get", {}, {Role.DIRECTOR, Role.DPO}),
    "desk:director_answer": ("post", {}, {Role.DIRECTOR, Role.DPO}),
    "desk:orders": ("get", {}, ORDER_TAKERS),
    "desk:enter_order": ("get", {}, ORDER_TAKERS),
    "desk:order": ("get", {}, ORDER_TAKERS),
    "desk:add_measure": ("post", {}, ORDER_TAKERS),
    "desk:order_act": ("post", {"do": "check"}, ORDER_TAKERS),
    "desk:comply": ("post", {}, ORDER_TAKERS),
    "desk:challenge": ("post", {}, ORDER_TAKERS),
    "desk:end_order": ("post", {}, ORDER_TAKERS),
    "desk:acknowledge": ("post", {}, ORDER_TAKERS),
    "desk:order_file": ("get", {}, ORDER_TAKERS),
    "desk:asides": ("get", {}, {Role.SUPERVISOR}),
    "desk:aside": ("get", {}, {Role.SUPERVISOR}),
    "desk:aside_picture": ("get", {}, {Role.SUPERVISOR}),
    "desk:put_aside": ("post", {"kind": "ABUSE"}, REVIEW),
    "desk:openings": ("get", {}, {Role.SUPERVISOR, Role.DPO}),
    "desk:people": ("get", {}, LISTERS),
    "desk:people_new": ("post", {}, LISTERS),
    "desk:people_change": ("post", {}, LISTERS),
    "desk:people_training": ("post", {}, LISTERS),
    "desk:people_decide": ("post", {"do": "refuse"}, LISTERS),
    "desk:copies": ("get", {}, REVIEW),
    "desk:settle_copy": ("post", {"result": "DONE"}, REVIEW),
    "desk:copy_step": ("post", {"way": "MAIL", "words": "Asked."}, REVIEW),
    "desk:enter": ("post", {}, REVIEW | {Role.DPO}),
    "desk:original": ("get", {}, DESK),
    "desk:mails": ("get", {}, REVIEW | {Role.DPO}),
    "desk:next_mail": ("get", {}, REVIEW | {Role.DPO}),
    "desk:came": ("post", {}, REVIEW | {Role.DPO}),
    "desk:came_original": ("get", {}, DESK),
    "desk:came_seen": ("post", {}, REVIEW),
    "desk:sort_answer": ("get", {}, REVIEW),
    "desk:mail": ("get", {}, REVIEW | {Role.DPO}),
    "desk:mail_original": ("get", {}, REVIEW | {Role.DPO}),
    "desk:no_request": ("post", {}, REVIEW),
    "desk:confirmation": ("post", {}, REVIEW | {Role.DPO}),
    "desk:case": ("get", {}, DESK),
    "desk:why": ("get", {}, DESK),
    "desk:recusals": ("get", {}, {Role.SUPERVISOR}),
    "desk:progress": ("get", {}, DESK),
    "desk:identity": ("post", IDENTITY, REVIEW),
    "desk:consent": ("post", CONSENT, REVIEW | {Role.DPO}),
    "desk:message": ("post", {"text": "We have a question."}, REVIEW),
    "desk:origin": ("post", {}, REVIEW),
    "desk:receipt": ("post", {"do": "postal"}, REVIEW | {Role.DPO}),
    "desk:complaint_pack": ("post", {}, REVIEW | {Role.DPO}),
    "desk:proof": ("post", {"do": "take"}, REVIEW),
    "desk:proof_picture": ("get", {}, REVIEW),
    "desk:phone": ("post", {"do": "end"}, REVIEW | {Role.DPO}),
    "desk:paper": ("post", {"do": "choose"}, REVIEW | {Role.DPO}),
    "desk:paper_print": ("post", {}, REVIEW),
    "desk:paper_posted": ("post", {}, REVIEW),
    "desk:paper_arrived": ("post", {}, REVIEW),
    "desk:paper_returned": ("post", {}, REVIEW),
    "desk:batch": ("get", {}, REVIEW | {Role.DPO}),
    "desk:batch_made": ("get", {}, REVIEW | {Role.DPO}),
    "desk:child": ("get", {}, DESK),
    "desk:mandate": ("get", {}, DESK),
    "desk:mandate_write": ("post", {}, REVIEW | {Role.DPO}),
    "desk:mandate_accept": ("post", {}, REVIEW),
    "desk:mandate_ask": ("post", {}, REVIEW),
    "desk:mandate_refuse": ("post", {}, REVIEW),
    "desk:mandate_end": ("post", {}, REVIEW),
    "desk:mandate_link": ("post", {}, REVIEW),
    "desk:mandate_account": ("post", {}, REVIEW),
    "desk:mandate_recover": ("post", {}, REVIEW),
    "desk:mandate_document": ("get", {}, DESK),
    "desk:look_up": ("post", {}, REVIEW),
    "desk:ask": ("post", {}, REVIEW),
    "desk:photos": ("post", {}, REVIEW),
    "desk:own_face": ("post", {}, REVIEW),
    "desk:face_alone": ("get", {}, REVIEW),
    "desk:unidentified": ("post", {}, REVIEW),
    "desk:one_page": ("post", {}, REVIEW),
    "desk:accountable": ("get", {}, DESK),
    "desk:accountable_name": ("post", {}, DESK),
    "desk:accountable_settle": ("post", {"do": "end"}, DESK),
    "desk:link": ("post", {}, REVIEW),
    "desk:unlink": ("post", {}, REVIEW),
    "desk:set_aside": ("post", {}, REVIEW),
    "desk:extension": ("post", {}, REVIEW),
    "desk:wish": ("post", {}, REVIEW),
    "desk:arrival": ("post", {}, REVIEW),
    "desk:late": ("post", {}, REVIEW),
    "desk:refuse": ("post", {}, REVIEW),
    "desk:hold_back": ("post", {}, REVIEW),
    "desk:hold_back_code": ("post", {}, REVIEW),
    "desk:exempt": ("post", {}, REVIEW),
    "desk:lengthen": ("post", {}, REVIEW),
    "desk:corrections": ("post", {}, REVIEW),
    "desk:correction": ("get", {}, REVIEW),
    "desk:evidence_lock": ("post", {"do": "lift"}, REVIEW),
    "desk:settle": ("post", {}, REVIEW),
    "desk:posted": ("post", {}, REVIEW),
    "desk:question_returned": ("get", {}, REVIEW),
    "desk:letter_again": ("post", {}, REVIEW),
    "desk:again": ("post", {}, REVIEW),
    "desk:take": ("post", {}, REVIEW),
    "desk:compare": ("get", {}, REVIEW),
    "desk:groups": ("get", {}, REVIEW),
    "desk:finish": ("post", {}, REVIEW),
    "desk:answer": ("post", {}, REVIEW),
    "desk:erasure": ("post", {}, REVIEW),
    "desk:grounds": ("post", {}, REVIEW),
    "desk:hold": ("post", {"do": "stop"}, REVIEW),
    "desk:shared_picture": ("post", {"picture": "faces"}, REVIEW),
    "desk:duplicates": ("get", {}, REVIEW),
    "desk:duplicate_picture": ("get", {}, REVIEW),
    "desk:duplicate_face": ("get", {}, REVIEW),
    "desk:authority": ("post", {"authority": "NL"}, DESK - {Role.OFFICER}),
    "desk:probe_picture": ("get", {}, REVIEW),
    "desk:face_picture": ("get", {}, REVIEW),
    "desk:document": ("get", {}, DESK),
    # Last, for from here on they see nothing of this case.
    "desk:recuse": ("post", {}, DESK),
}
OVERSIGHT_PAGES = {
    "oversight:register": ("get", {}, READERS),
    "oversight:head": ("get", {}, READERS),
    "oversight:orders": ("get", {}, READERS),
    "oversight:order": ("get", {}, READERS),
    "oversight:case": ("get", {}, READERS),
    "oversight:request_report": ("post", {}, READERS),
    "oversight:download": ("get", {}, READERS),
}
PAGES = {"desk": DESK_PAGES, "oversight": OVERSIGHT_PAGES}
# Pages of sign-in: open, for who opens them is not known yet (tests/integration/test_accounts.py).
SIGN_IN = {
    "account_login", "account_logout", "account_inactive", "mfa_authenticate",
    "mfa_activate_totp", "staff_start", "staff_ticket",
}  # fmt: skip
OPEN = {"brand_css"}
LISTED = {
    "desk": set(DESK_PAGES) | SIGN_IN | OPEN,
    "oversight": set(OVERSIGHT_PAGES) | SIGN_IN | OPEN,
    "api": {"api:about", "api:notice_key", "api:restricted", "api:blocked", "api:look_ups"},
}
VALUES = {
    "recipient_id": ID, "channel_id": ID, "notice_id": ID, "system_id": ID, "copy_id": ID,
    "statement_id": ID,
    "reference": None, "probe_id": ID, "decision_id": ID, "document_id": ID, "report_id": ID,
    "link_id": ID, "verdict_id": ID, "unlock_id": ID, "row_id": ID,
    "batch_id": ID, "proposal_id": ID, "letter_id": ID, "stop_id": ID, "lift_id": ID,
    "delivery_id": ID, "proof_id": ID, "source_id": ID, "setting_id": ID,
    "order_id": ID, "field": "order", "breach_id": ID, "page_id": ID,
    "hold_id": ID, "correction_id": ID, "put_aside_id": ID,
    "mail_id": ID, "came_id": ID, "message_id": ID,
    "assessment_id": ID, "kind": "pdf", "processor_id": ID,
    "duplicate_id": ID, "which": "of", "record_id": ID, "right": "erasure",
    "photo_id": ID, "number": 1,
}  # fmt: skip


def addresses(resolver: URLResolver, space: str = "") -> dict[str, URLPattern]:
    found = {}
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            found |= addresses(entry, inner)
        else:
            found[f"{space}{entry.name}"] = entry
    return found


def address(name: str, site: str, reference: str) -> str:
    pattern = addresses(get_resolver(django_settings.DSR_SITES[site]))[name]
    values = VALUES | {"reference": reference}
    return reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})


def passed(response) -> bool:
    """Past the door: a page, a conflict, a missing thing; not a refusal or the sign-in page."""
    if response.status_code in {401, 403}:
        return False
    return not (response.status_code == 302 and "/account/" in response.url)


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    own_places(settings, tmp_path)


@pytest.fixture
def case():
    case = opened(consent=False)
    compliance.grant_case(
        case_id=case.id,
        authority_code="NL",
        until=clock.now() + timedelta(days=1),
        actor=actor(staff("V-9", Role.SUPERVISOR)),
    )
    return case


@pytest.mark.parametrize("site_name", sorted(LISTED))
def test_every_address_is_listed(site_name):
    found = addresses(get_resolver(django_settings.DSR_SITES[site_name]))
    assert set(found) == LISTED[site_name]


def browser_of(client, who):
    client.logout()
    if who == NOBODY:
        return client
    code = "NL" if who in (Role.REGULATOR,) else ""
    role = Role.OFFICER if who == HALF else who
    number = f"X-{sorted(EVERYBODY).index(who)}"
    person = staff(number, role, authority_code=code)
    if who == HALF:
        client.force_login(person)
        return client
    return sign_in(client, person)


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("site_name", sorted(PAGES))
def test_who_gets_past_the_door(site, client, case, site_name, who):
    site(site_name)
    pages = PAGES[site_name]
    for name, (method, data, allowed) in pages.items():
        browser = browser_of(client, NOBODY) if who == NOBODY else client
        if name == next(iter(pages)):
            browser = browser_of(client, who)
        response = getattr(browser, method)(address(name, site_name, case.reference), data)
        assert response.status_code < 500, name
        assert passed(response) == (who in allowed), (name, who, response.status_code)


@pytest.mark.parametrize("site_name", sorted(PAGES))
def test_acts_take_no_get_and_pages_no_post(site, client, case, site_name):
    """A link can't do anything: what changes something is a POST with its token."""
    site(site_name)
    pages = PAGES[site_name]
    role = Role.SUPERVISOR if site_name == "desk" else Role.DPO
    browser = sign_in(client, staff("X-1", role))
    both = {
        *("desk:compare", "desk:erasure", "desk:look_up", "desk:ask", "desk:unidentified"),
        *(
            "desk:extension",
            "desk:wish",
            "desk:arrival",
            "desk:late",
            "desk:refuse",
            "desk:hold_back",
            "desk:exempt",
        ),
    }
    both |= {"desk:own_face", "desk:came", "desk:sort_answer"}
    both |= {"desk:photos", "desk:copies", "desk:duplicates", "desk:enter", "desk:receipt"}
    both |= {"desk:paper", "desk:proof", "desk:aside", "desk:phone", "desk:question_returned"}
    both |= {"desk:enter_order", "desk:open_breach", "desk:wish"}
    both |= {
        "desk:hold_back_code",
        "desk:grounds",
        "desk:lengthen",
        "desk:corrections",
        "desk:correction",
    }
    both |= {"desk:recusals", "desk:searched", "desk:why"}
    both |= {"desk:evidence_lock", "desk:one_page", "desk:link"}
    both |= {"desk:mail", "desk:no_request", "desk:batch", "desk:child"}
    for name, (method, _data, _allowed) in pages.items():
        if name not in both:
            other = {"get": "post", "post": "get"}[method]
            response = getattr(browser, other)(address(name, site_name, case.reference))
            assert response.status_code in {403, 405}, (name, response.status_code)


def test_acts_need_the_token_of_the_form(site, case):
    from django.test import Client

    site("desk")
    browser = sign_in(Client(enforce_csrf_checks=True), staff("X-1", Role.SUPERVISOR))
    for name, (method, data, _allowed) in DESK_PAGES.items():
        if method == "post":
            response = browser.post(address(name, "desk", case.reference), data)
            assert response.status_code == 403, name


def test_session_of_one_site_is_none_on_another(site, client, case):
    site("desk")
    browser = sign_in(client, staff("D-1", Role.DPO))
    assert passed(browser.get(address("desk:case", "desk", case.reference)))
    site("oversight")
    assert not passed(browser.get(address("oversight:case", "oversight", case.reference)))


def test_api_tells_anybody_two_things_and_the_rest_to_systems_only(site, client):
    """A session of staff opens nothing there either (R20)."""
    site("api")
    sign_in(client, staff("X-1", Role.SUPERVISOR))
    for name in ("api:about", "api:notice_key"):
        assert client.get(reverse(name)).status_code == 200
    for name in ("api:restricted", "api:blocked", "api:look_ups"):
        assert client.get(reverse(name)).status_code == 401
        assert client.post(reverse(name), {"ids": []}, "application/json").status_code == 401
