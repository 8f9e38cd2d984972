"""Nothing is said to a person that is not so, and nothing they wrote is lost."""

import logging
import logging.config
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.audit.services import unit_of_work
from dsr_portal.cases import services
from dsr_portal.cases.models import Case, ConsentScope, Message, Outcome
from dsr_portal.core import clock
from dsr_portal.core.registries import senders
from dsr_portal.disclosure import services as disclosure
from dsr_portal.disclosure.models import Answer, AnswerKind, AnswerState
from dsr_portal.documents.models import Document
from dsr_portal.documents.services import make_document
from dsr_portal.erasure import services as erasure
from dsr_portal.jobs.models import Effect
from dsr_portal.matching import services as matching
from dsr_portal.matching.models import Probe, ProbeState
from dsr_portal.policy.models import Setting
from dsr_portal.vault import services as vault
from tests.integration.test_public_site import at, sent, text_of, wish
from tests.support import bad_input
from tests.support import cases as support

pytestmark = [pytest.mark.django_db]

GREEK = "Παρακαλώ"
TIME = re.compile(r"\d\d?:\d\d")


@pytest.fixture(autouse=True)
def public_site(site):
    site("public")


@pytest.fixture
def browser():
    return Client()


def page_of(browser, case: Case) -> str:
    """The request's page, opened with reference and code."""
    browser.post(at("status"), {"reference": case.reference, "code": services.receipt_code(case)})
    return text_of(browser.get(at("case")))


# -- words that were not so ------------------------------------------------------------------------


def taken_back(browser, case: Case, *, what: str) -> str:
    """What the pages say when consent or the whole request is withdrawn."""
    keys = {"reference": case.reference, "code": services.receipt_code(case)}
    browser.post(at("status"), keys)
    before = text_of(browser.get(at("withdraw"))) if what == "withdraw" else ""
    after = text_of(browser.post(at(what), follow=True))
    return TIME.sub("TIME", before + after.replace(case.reference, "REF"))


@pytest.mark.parametrize("what", ["withdraw", "withdraw_consent"])
def test_the_words_of_a_withdrawal_are_true_and_the_same_whatever_is_left_of_the_photo(what):
    """P-03, R3, R15: an erasure nobody saw yet has taken the photo; where nothing was found it is
    still there until now, and who never sent one is not told that one was deleted."""
    said = []
    for left in ("photo", "erased", "never"):
        case = support.decided(support.opened(rights=["erasure"]))
        services.record_consent(
            case_id=case.id,
            scope=ConsentScope.COMPARISON,
            actor=support.person(case),
            language="en",
        )
        if left != "never":
            staged = vault.stage_unit(kind=vault.UnitKind.PROBE, owner=case.id)
            staged.add("picture", bad_input.jpeg())
            with unit_of_work():
                Probe.objects.create(
                    case=case,
                    unit=staged.save(),
                    state=ProbeState.USABLE,
                    channel="web",
                    received_at=clock.now(),
                )
        if left == "erased":
            with unit_of_work():
                matching.delete_probes(case_id=case.id, actor=support.OFFICER, reason="erased")
        said.append(taken_back(Client(), case, what=what))
        assert not Probe.objects.filter(case=case).exclude(state=ProbeState.DELETED).exists()
    assert said[0] == said[1] == said[2]
    assert "We keep no photo you sent" in said[0]
    assert "deleted your photo" not in said[0]


def test_forms_promise_only_what_is_done(browser):
    """No letters are posted, no order is drawn, and officers see the age a person gave (C-02)."""
    wish(browser)
    browser.post(at("way"), {"pages": "", "account": "", "other": ""})
    shown = text_of(browser.get(at("contact")))
    for untrue in ("We send letters.", "We write more simply."):
        assert untrue not in shown
    assert (
        "The answer waits on this site, for your reference and receipt code, or comes on" in shown
    )
    assert "in the order an officer tells you" in page_of(Client(), support.opened())


def test_a_message_that_needs_no_answer_has_another_mail():
    """T-11: "we need something from you" is written when we do."""
    case = support.opened()
    services.send_message(case_id=case.id, actor=support.OFFICER, text="We are at it.")
    (effect,) = Effect.objects.filter(subject_id=case.id).exclude(kind="mail.receipt")
    mail = senders.get(effect.kind).render(case.id)
    assert "need something from you" not in f"{mail.subject} {mail.text}"
    assert "You need do nothing" in mail.text
    services.ask_to_identify(
        case_id=case.id,
        actor=support.OFFICER,
        missing=["nothing_to_look_up"],
        means=["named", "call"],
        text="Which page?",
    )
    assert Effect.objects.filter(subject_id=case.id, kind="mail.needs_you").count() == 1


def test_a_closed_link_names_its_own_day(browser, monkeypatch, settings):
    """R13: days of links are a policy; the page tells the day this link had."""
    settings.DSR_LINK_DAYS = 9
    Setting.objects.all().delete()
    delivery = support.delivered(support.opened())
    link = at("answer", token=services.link_token(delivery))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=10))
    shown = text_of(browser.get(link))
    assert "14 days" not in shown
    until = clock.local_date(delivery.expires_at)
    assert f"open until {until.day} " in shown


# -- dead ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letters", "fits"), [(2_040, True), (2_100, False)])
def test_a_long_message_in_any_script_keeps_its_words(browser, letters, fits):
    """T-11: the limit is what the vault takes; the form says by how much and keeps the text."""
    case = sent(browser)
    words = (GREEK * 300)[:letters].strip()
    answer = browser.post(at("message"), {"message-text": words})
    assert answer.status_code == (302 if fits else 422)
    assert Message.objects.filter(case=case).count() == int(fits)
    if not fits:
        shown = answer.content.decode()
        assert words in shown
        over = len(words) - len(words.encode()[: vault.INLINE_BYTES].decode(errors="ignore"))
        assert f"too long by {over} characters" in shown


def answer_of(case: Case) -> Answer:
    """A released answer: a letter and a package with an end of their own."""
    document = make_document(
        actor=support.SECOND,
        kind="letter",
        case_id=case.id,
        reference=case.reference,
        template="documents/letter.html",
        context={"text": "Planted."},
        language="en",
        title="Answer",
    )
    made = services.make_delivery(
        case=case,
        kind="answer",
        actor=support.SECOND,
        parts=[services.Part("answer.pdf", "application/pdf", document_id=document.id)],
    )
    services.release_batch(actor=support.SECOND)
    staged = vault.stage_unit(kind=vault_kind(), owner=case.id)
    staged.add("package", b"zip")
    from dsr_portal.audit.services import unit_of_work

    with unit_of_work():
        return Answer.objects.create(
            case=case,
            kind=AnswerKind.NOT_IDENTIFIED,
            state=AnswerState.APPROVED,
            prepared_by=support.OFFICER.id,
            frozen_at=clock.now(),
            document_id=document.id,
            package_unit=staged.save(),
            delivery_id=made.id,
        )


def vault_kind():
    from dsr_portal.vault.kinds import UnitKind

    return UnitKind.DOCUMENT


def test_an_answer_that_is_deleted_is_said_to_be_and_offers_no_link(browser, monkeypatch):
    """R4, R13: after its days a new link would open nothing; the page says when it went."""
    case = support.decided(support.opened())
    answer = answer_of(case)
    case.refresh_from_db()
    delivery = case.deliveries.get()
    link = at("answer", token=services.link_token(delivery))
    assert browser.get(link).status_code == 200
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=15))
    assert "Get a new link" in page_of(browser, case)
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=31))
    assert disclosure.end_packages() == 1
    assert Document.objects.get(id=answer.document_id)
    shown = page_of(Client(), case)
    assert "Get a new link" not in shown
    assert "Start a new request" in shown
    assert f"on {clock.today().day} " in shown.split("We deleted our copy of your answer")[1]
    with pytest.raises(Exception, match="nothing_released"):
        services.renew_deliveries(case=case, actor=support.person(case))


def test_a_link_to_a_deleted_answer_says_so(browser, monkeypatch):
    """R13: the link of an answer whose files are gone before it ends leads to words, not to 404."""
    case = support.decided(support.opened())
    answer_of(case)
    delivery = case.deliveries.get()
    link = at("answer", token=services.link_token(delivery))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=31))
    delivery.expires_at = clock.now() + timedelta(days=3)
    delivery.save(update_fields=["expires_at"])
    disclosure.end_packages()
    assert "This answer is deleted" in text_of(browser.get(link))


def test_a_request_that_may_open_again_says_until_when(browser, monkeypatch):
    """Art. 11(2), 12(2): after the purge nothing opens again, and the page said so."""
    case = support.opened()
    support.delivered(case)
    Case.objects.filter(id=case.id).update(outcome=Outcome.NOT_IDENTIFIED)
    case.refresh_from_db()
    last = services.open_again_until(case)
    assert last == clock.local_date(case.delivered_at + timedelta(days=60))
    shown = page_of(browser, case)
    assert "no end date" not in shown
    assert f"That works until {last.day} " in shown
    real = clock.now
    for days in (30, 60):
        monkeypatch.setattr(clock, "now", lambda days=days: real() + timedelta(days=days, hours=1))
        services.close_due()
        erasure.close_without_records()
        case.refresh_from_db()
    assert clock.local_date(clock.now()) >= last
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=59))
    assert services.open_again_until(case) >= last


# -- logs ------------------------------------------------------------------------------------------


def test_no_log_line_has_a_reference(site, settings, monkeypatch):
    """P-10, R13: pages that fail and jobs that cannot go on are logged without whom they concern.

    The canary: the same lines through a plain formatter do show the reference.
    """
    logging.config.dictConfig(settings.LOGGING)
    handler = next(h for h in logging.getLogger().handlers if h.name == "stderr")
    plain = logging.StreamHandler(StringIO())
    logging.getLogger().addHandler(plain)
    masked, kept = StringIO(), handler.stream
    handler.setStream(masked)
    case = support.opened()
    try:
        site("desk")
        page = reverse("desk:case", kwargs={"reference": case.reference})
        assert Client().post(page).status_code in {403, 405, 302}
        assert Client().get(page + "nothing-here/").status_code == 404
        logging.getLogger("dsr_portal.planted").warning("about %s", case)
        erasure._quietly(refuse, case)
    finally:
        handler.setStream(kept)
        logging.getLogger().removeHandler(plain)
    assert case.reference in plain.stream.getvalue()
    assert "Not Found: /cases/(reference)/nothing-here/" in masked.getvalue()
    assert case.reference not in masked.getvalue()
    assert "does not start" in masked.getvalue()
    at_work = [line for line in plain.stream.getvalue().splitlines() if "does not start" in line]
    assert at_work
    assert all(case.reference not in line for line in at_work)


def refuse(case: Case) -> None:
    from dsr_portal.core.errors import Conflict

    raise Conflict("planted")
