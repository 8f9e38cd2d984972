"""Accounts of who acts for others: invited, two factors, their own requests only (R11; C-04)."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dsr_portal.accounts.access import SECOND_FACTOR
from dsr_portal.accounts.models import Role, Staff
from dsr_portal.audit.models import Event
from dsr_portal.cases import acting, acting_invites, intake, mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.acting_models import (
    AccountState,
    ActingAccount,
    ActingLink,
    ActingMandate,
    ActingRecovery,
    LinkPurpose,
)
from dsr_portal.cases.codes import acting_token
from dsr_portal.cases.mandate_models import Mandate
from dsr_portal.cases.models import Case, Status
from dsr_portal.core import clock, totp
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import Conflict, NotAllowed, NotFound
from dsr_portal.core.registries import GoneUnit, senders
from dsr_portal.jobs import services as jobs
from dsr_portal.jobs.models import Job, JobState
from dsr_portal.matching import representing
from dsr_portal.vault import services as vault
from tests.support import cases as support
from tests.support.gallery import own_places
from tests.support.matching import actor, sign_in, staff
from tests.support.represented import LENA, mails, sent_for_somebody
from tests.support.travel import Travel
from tests.support.unguarded import unguarded

pytestmark = [pytest.mark.django_db, pytest.mark.db]
MASKED = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Z]{3}-[0-9A-Z]{4}|value=\"[^\"]+\""
)
CODE = re.compile(r"[A-Z2-7]{32}")
OTHER = mandates.Representative(name="Otto Fall", email="otto@fall.example")


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Any) -> None:
    own_places(settings, tmp_path)
    settings.DSR_LEASE_SECONDS = 120
    cache.clear()


@pytest.fixture
def writer() -> Actor:
    return actor(staff("A-1001"))


@pytest.fixture
def officer() -> Actor:
    return actor(staff("A-1002"))


class Phone:
    """An authenticator app: a later code each time it is asked, as time would bring it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, secret: bytes = b"") -> None:
        self.secret, self.steps = secret, 0
        real = clock.real_now()
        monkeypatch.setattr(clock, "real_now", lambda: real + self.steps * acting.LINK_FOR / 30)

    def code(self) -> str:
        self.steps += 1
        return totp.code_at(self.secret, totp.step_of(clock.real_now().timestamp()))

    def wrong(self) -> str:
        return f"{(int(self.code()) + 1) % 10**6:06d}"


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Phone:
    return Phone(monkeypatch)


def accepted(writer: Actor, officer: Actor, **more: Any) -> tuple[Case, Mandate]:
    case, mandate = sent_for_somebody(writer, **more)
    representing.accept(mandate_id=mandate.id, actor=officer, words="Signed, names her.")
    mandate.refresh_from_db()
    return case, mandate


def token(account: ActingAccount, purpose: str) -> str:
    row = account.links.filter(purpose=purpose).latest("made_at")
    return acting_token(unit=account.unit, link_id=row.id)


def set_up(account: ActingAccount, phone: Phone) -> Client:
    """The link of the invitation followed in a browser, to the overview."""
    browser = Client()
    address = reverse("public:acting_set_up", kwargs={"token": token(account, "set_up")})
    assert not CODE.search(browser.get(address).content.decode())
    shown = browser.post(address).content.decode()
    link = account.links.filter(purpose=LinkPurpose.SET_UP).latest("made_at")
    link.account = account
    phone.secret = acting.secret_of(link)
    assert totp.key_words(phone.secret) in shown.replace(" ", "")
    done = browser.post(address, {"code": phone.code()})
    assert done.url == reverse("public:acting")
    return browser


def invited(mandate: Mandate, officer: Actor, phone: Phone) -> tuple[ActingAccount, Client]:
    account = acting_invites.invite(mandate_id=mandate.id, actor=officer)
    browser = set_up(account, phone)
    account.refresh_from_db()
    return account, browser


def ask(email: str) -> Any:
    """The form that sends a link, and what a worker then does."""
    answer = Client().post(reverse("public:acting"), {"email": email})
    for job in Job.objects.filter(kind=acting.ASKED, state=JobState.READY):
        jobs.run(job.id)
    return answer


def signed_in(account: ActingAccount, phone: Phone, travel: Travel) -> Client:
    """Later, in another browser: a link by e-mail and the code."""
    travel.now += acting.BETWEEN_LINKS
    browser = Client()
    ask("Lena@Voss.example ")
    address = reverse("public:acting_link", kwargs={"token": token(account, "sign_in")})
    assert browser.post(address, {"code": phone.code()}).url == reverse("public:acting")
    return browser


def overview(browser: Client) -> str:
    return browser.get(reverse("public:acting")).content.decode()


def opened(browser: Client, mandate: Mandate) -> Any:
    address = reverse("public:acting_open", kwargs={"mandate_id": mandate.id})
    return browser.post(address, follow=True)


# -- invitation and set-up ------------------------------------------------------------------------


def test_who_has_an_accepted_mandate_is_invited_and_sets_up_a_second_factor(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11, C-04: nothing before the mandate was accepted; the mail names no request and no code."""
    site("public")
    case, mandate = sent_for_somebody(writer)
    with pytest.raises(Conflict, match="mandate_not_accepted"):
        acting_invites.invite(mandate_id=mandate.id, actor=officer)
    representing.accept(mandate_id=mandate.id, actor=officer, words="Signed.")
    with pytest.raises(NotAllowed):
        acting_invites.invite(mandate_id=mandate.id, actor=actor(staff("D-3001", Role.DPO)))
    account, browser = invited(mandate, officer, phone)
    mail = senders.get("mail.account_invited").render(ActingLink.objects.get().id)
    assert mail.to == "lena@voss.example"
    assert case.reference not in mail.text + mail.subject
    assert totp.key_words(phone.secret) not in mail.text
    assert account.state == AccountState.ACTIVE
    page = overview(browser)
    assert "Lena Voss, Voss Law" in page
    assert case.reference in page
    with pytest.raises(acting.AccountLinkClosed):
        acting.set_up(token=token(account, "set_up"), code=phone.code())
    with pytest.raises(Conflict, match="account_there"):
        acting_invites.invite(mandate_id=mandate.id, actor=officer)
    types = Event.objects.filter(type__startswith="account.").order_by("number")
    assert list(types.values_list("type", flat=True)) == [
        "account.invited",
        "account.linked",
        "account.link_sent",
        "account.set_up",
    ]


def test_an_invitation_ends_after_a_week_and_a_new_one_ends_the_old(
    travel: Travel, writer: Actor, officer: Actor, site: Any
) -> None:
    """R11: a link that lies in a mailbox opens nothing for long."""
    site("public")
    _case, mandate = accepted(writer, officer)
    account = acting_invites.invite(mandate_id=mandate.id, actor=officer)
    old = token(account, "set_up")
    acting_invites.invite(mandate_id=mandate.id, actor=officer)
    new = token(account, "set_up")
    for gone in (old, "x" * 32):
        page = Client().get(reverse("public:acting_set_up", kwargs={"token": gone}))
        assert page.status_code == 404
    travel.to("2026-09-18")
    with pytest.raises(acting.AccountLinkClosed):
        acting.find_link(new, LinkPurpose.SET_UP)


# -- signing in -----------------------------------------------------------------------------------


def test_signing_in_takes_the_mailbox_and_the_phone_and_each_works_once(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: neither alone opens anything; used links and codes are over."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, _first = invited(mandate, officer, phone)
    travel.now += acting.BETWEEN_LINKS
    browser = Client()
    ask(LENA.email)
    address = reverse("public:acting_link", kwargs={"token": token(account, "sign_in")})
    assert case.reference not in browser.get(address).content.decode()
    assert case.reference not in overview(browser)
    used = totp.code_at(phone.secret, ActingAccount.objects.get().last_step)
    again = browser.post(address, {"code": used})
    assert again.status_code == 422
    code = phone.code()
    browser.post(address, {"code": code})
    assert case.reference in overview(browser)
    assert Client().post(address, {"code": phone.code()}).status_code == 404
    browser.post(reverse("public:acting_leave"))
    assert case.reference not in overview(browser)


def test_who_has_no_account_gets_the_same_page_and_no_mail(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """X-06: nobody finds out by this form which law firm acts here; a mailbox is not flooded."""
    site("public")
    _case, mandate = accepted(writer, officer)
    invited(mandate, officer, phone)
    travel.now += acting.BETWEEN_LINKS

    def page(email: str) -> str:
        answer = ask(email)
        assert answer.status_code == 200
        return re.sub(r'value="[^"]+"', "", answer.content.decode())

    assert page("nobody@voss.example") == page(LENA.email)
    assert mails("mail.account_link") == 1
    page(LENA.email)
    assert mails("mail.account_link") == 1


def test_any_address_is_one_look_and_one_job_so_that_time_tells_nothing(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """X-06: with an account or without, the form does the same; the job names no address."""
    site("public")
    _case, mandate = accepted(writer, officer)
    invited(mandate, officer, phone)
    travel.now += acting.BETWEEN_LINKS

    def done(email: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            acting.ask_link(email=email)
        return [re.sub(r"'[^']*'|\d+", "", one["sql"]) for one in queries.captured_queries]

    assert any("jobs_job" in sql for sql in done("nobody@voss.example"))
    assert done("nobody@voss.example") == done(LENA.email)
    assert mails("mail.account_link") == 0
    asked = Job.objects.filter(kind=acting.ASKED)
    assert asked.count() == 3
    for job in asked:
        assert jobs.run(job.id)
        assert uuid.UUID(job.subject)
    assert mails("mail.account_link") == 1
    assert set(asked.values_list("state", flat=True)) == {JobState.DONE}


def test_who_only_knows_the_address_neither_ends_a_link_nor_floods_the_mailbox(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: a link that still opens stays; ten leave in a day, and the next day there are more."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, _browser = invited(mandate, officer, phone)
    travel.now += acting.BETWEEN_LINKS
    ask(LENA.email)
    address = reverse("public:acting_link", kwargs={"token": token(account, "sign_in")})
    for _minute in range(5):
        travel.now += acting.BETWEEN_LINKS
        ask(LENA.email)
    assert mails("mail.account_link") == 1
    browser = Client()
    assert browser.post(address, {"code": phone.code()}).status_code == 302
    assert case.reference in overview(browser)
    for _quarter in range(15):
        travel.now += acting.LINK_FOR
        ask(LENA.email)
    assert mails("mail.account_link") == acting.MOST_LINKS
    travel.now += acting.WITHIN
    ask(LENA.email)
    assert mails("mail.account_link") == acting.MOST_LINKS + 1


def test_five_wrong_codes_wait_and_ten_lock_until_two_persons_renew(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: a mailbox that was taken over does not guess its way in; sessions end with the lock."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, browser = invited(mandate, officer, phone)

    def tried(times: int) -> Any:
        travel.now += acting.WAIT
        ask(LENA.email)
        address = reverse("public:acting_link", kwargs={"token": token(account, "sign_in")})
        return [Client().post(address, {"code": phone.wrong()}) for _one in range(times)][-1]

    assert "This is not the code" in tried(4).content.decode()
    assert "quarter of an hour" in tried(1).content.decode()
    address = reverse("public:acting_link", kwargs={"token": token(account, "sign_in")})
    assert Client().post(address, {"code": phone.code()}).status_code == 422
    assert ActingAccount.objects.get().wrong == 5
    assert opened(browser, mandate).status_code == 200
    tried(5)
    account.refresh_from_db()
    assert account.state == AccountState.LOCKED
    assert case.reference not in overview(browser)
    assert browser.get(reverse("public:representing")).status_code == 403
    before = mails("mail.account_link")
    travel.now += acting.WAIT
    ask(LENA.email)
    assert mails("mail.account_link") == before
    assert Event.objects.filter(type="account.refused").count() == 10


def test_a_lost_phone_is_renewed_by_two_persons_and_ends_every_session(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11, R19: one writes down how they know who it is, another agrees; the old key is nothing."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, browser = invited(mandate, officer, phone)
    old = phone.secret
    row = acting_invites.propose_recovery(
        account_id=account.id, compared="Called the bar's number.", actor=officer
    )
    with pytest.raises(NotAllowed, match="second_person"):
        acting_invites.decide_recovery(recovery_id=row.id, agree=True, actor=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActingRecovery.objects.update(
            agreed=True, decided_by=row.proposed_by, decided_at=clock.now()
        )
    acting_invites.decide_recovery(recovery_id=row.id, agree=False, actor=writer)
    assert case.reference in overview(browser)
    row = acting_invites.propose_recovery(
        account_id=account.id, compared="Was here.", actor=officer
    )
    with pytest.raises(Conflict, match="proposed_already"):
        acting_invites.propose_recovery(account_id=account.id, compared="Was here.", actor=officer)
    acting_invites.decide_recovery(recovery_id=row.id, agree=True, actor=writer)
    assert case.reference not in overview(browser)
    account.refresh_from_db()
    assert (account.state, account.factor) == (AccountState.INVITED, None)
    again = set_up(account, phone)
    assert phone.secret != old
    assert case.reference in overview(again)


# -- what it sees ---------------------------------------------------------------------------------


def test_the_overview_shows_own_requests_only_and_opens_each_without_its_code(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11, R3: state word, next step, due date; nothing of another's request."""
    site("public")
    case, mandate = accepted(writer, officer)
    strange, others = accepted(writer, officer, who=OTHER)
    waiting, unchecked = sent_for_somebody(writer)
    before, _earlier = accepted(writer, officer)
    _account, browser = invited(mandate, officer, phone)
    later, second = accepted(writer, officer)
    assert before.reference in overview(browser)
    page = overview(browser)
    for said in (case.reference, later.reference, "Received", "We look at it.", "We answer by"):
        assert said in page, said
    for hidden in (strange.reference, waiting.reference, "mina@example.org", "Otto"):
        assert hidden not in page, hidden
    shown = opened(browser, second).content.decode()
    assert later.reference in shown
    assert "All requests in your account" in shown
    assert case.reference not in shown
    for wrong in (others, unchecked):
        assert opened(browser, wrong).status_code == 404
    assert later.reference in browser.get(reverse("public:representing")).content.decode()
    assert opened(Client(), mandate).redirect_chain[0][0] == reverse("public:acting")
    seen = Event.objects.filter(type="account.case_opened").values_list("case_id", "actor_id")
    assert list(seen) == [(later.id, str(second.id))]


def test_the_overview_is_the_same_with_and_without_pictures(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R3: of two requests in one state, with different outcomes, only the reference differs."""
    site("public")
    case, mandate = accepted(writer, officer)
    other, _second = accepted(writer, officer)
    _account, browser = invited(mandate, officer, phone)
    for status in Status.values:
        if status in {Status.PURGED, Status.DELIVERED, Status.CLOSED}:
            continue
        moment = clock.now()
        rows = Case.objects.filter(id__in=[case.id, other.id])
        with unguarded():
            rows.update(status=status, decided_at=moment)
        Case.objects.filter(id=case.id).update(outcome="disclosed")
        Case.objects.filter(id=other.id).update(outcome="nothing_found")
        cards = re.findall(r"<section class=\"card.*?</section>", overview(browser), re.DOTALL)
        assert len(cards) == 2, status
        masked = {
            re.sub(
                r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Z]{3}-[0-9A-Z]{4}|value=\"[^\"]+\"",
                "",
                one,
            )
            for one in cards
        }
        assert len(masked) == 1, status


def test_an_end_by_the_person_or_the_mandates_last_day_closes_at_once(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: one click of the person; the account keeps its others, and without any it is shut."""
    site("public")
    case, mandate = accepted(writer, officer)
    later, second = accepted(writer, officer, until=clock.local_date(travel.now))
    account, browser = invited(mandate, officer, phone)
    opened(browser, mandate)
    theirs = Client()
    theirs.post(
        reverse("public:status"), {"reference": case.reference, "code": cases.receipt_code(case)}
    )
    assert "an account of their own" in theirs.get(reverse("public:case")).content.decode()
    theirs.post(reverse("public:end_mandate"))
    assert "an account of their own" not in theirs.get(reverse("public:case")).content.decode()
    assert browser.get(reverse("public:representing")).status_code == 403
    page = overview(browser)
    assert case.reference not in page
    assert later.reference in page
    assert opened(browser, mandate).status_code == 404
    travel.to("2026-09-11")
    ask(LENA.email)
    assert mails("mail.account_link") == 0
    assert not acting.may_enter(ActingAccount.objects.get())
    assert later.reference not in overview(browser)
    with pytest.raises(NotFound):
        acting.mandate_for(account, second.id)


def test_an_answer_opens_without_the_code_only_where_the_mandate_gives_it(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11, C-04: asked again at the click; the grant ends with the account's sessions."""
    site("public")
    rights = ("access",)
    for to, opens in (("both", True), ("person", False)):
        ActingMandate.objects.all().delete()
        ActingLink.objects.all().delete()
        ActingAccount.objects.all().delete()
        case, mandate = accepted(writer, officer, rights=rights, answer_to=to)
        delivery = support.delivered(case)
        account, browser = invited(mandate, officer, phone)
        page = opened(browser, mandate).content.decode()
        address = reverse(
            "public:acting_answer",
            kwargs={"mandate_id": mandate.id, "delivery_id": delivery.id},
        )
        assert (address in page) == opens
        answer = reverse("public:answer", kwargs={"token": cases.link_token(delivery)})
        response = browser.post(address)
        if not opens:
            assert response.status_code == 404
            continue
        assert response.url == answer
        assert "Your answer" in browser.get(answer).content.decode()
        assert "Delete now" not in browser.get(answer).content.decode()
        ActingAccount.objects.update(epoch=99)
        assert "Your answer" not in browser.get(answer).content.decode()


# -- never anything else --------------------------------------------------------------------------


def test_an_account_opens_neither_desk_nor_oversight_nor_the_api(
    writer: Actor, officer: Actor, phone: Phone, site: Any, settings: Any
) -> None:
    """R11, R19: no row, password, session or forged session of an account is one of staff."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, browser = invited(mandate, officer, phone)
    assert case.reference in overview(browser)
    assert not Staff.objects.filter(email__iexact=LENA.email).exists()
    public = browser.cookies[settings.SESSION_COOKIE_NAME].value
    forged = Client()
    session = forged.session
    session[SESSION_KEY] = str(account.id)
    session[SECOND_FACTOR] = clock.real_now().isoformat()
    session["account"] = {"id": str(account.id), "epoch": account.epoch}
    session.save()
    pages = {
        "desk": ("desk:queue", "desk:case", "desk:mandate"),
        "oversight": ("oversight:register", "oversight:orders", "oversight:case"),
    }
    for where, names in pages.items():
        site(where)
        carried = Client()
        carried.cookies[settings.SESSION_COOKIE_NAME] = public
        for name in names:
            takes = name.endswith((":case", ":mandate"))
            address = reverse(name, kwargs={"reference": case.reference} if takes else {})
            for client in (browser, forged, carried):
                response = client.get(address)
                assert response.status_code == 302, (name, response.status_code)
                assert "/account/" in response.url, name
        login = Client().post(
            reverse("account_login"),
            {"login": LENA.email, "password": totp.key_words(phone.secret)},
        )
        assert login.status_code == 200
        assert SESSION_KEY not in Client().session
    site("api")
    for name in ("api:restricted", "api:blocked", "api:look_ups"):
        assert browser.get(reverse(name)).status_code == 401


def test_one_account_never_gets_into_anothers_request_or_session(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: links and codes of two accounts fit only their own; a mandate belongs to one account."""
    site("public")
    case, mandate = accepted(writer, officer)
    strange, others = accepted(writer, officer, who=OTHER)
    lena, browser = invited(mandate, officer, phone)
    mine = phone.secret
    otto, other_browser = invited(others, officer, phone)
    assert mine != phone.secret
    travel.now += acting.BETWEEN_LINKS
    ask(OTHER.email)
    address = reverse("public:acting_link", kwargs={"token": token(otto, "sign_in")})
    phone.secret = mine
    assert browser.post(address, {"code": phone.code()}).status_code == 422
    assert strange.reference not in overview(browser)
    assert case.reference not in overview(other_browser)
    for client, wrong in ((browser, others), (other_browser, mandate)):
        assert opened(client, wrong).status_code == 404
    with pytest.raises(IntegrityError), transaction.atomic():
        ActingMandate.objects.create(account=lena, mandate=others, linked_at=clock.now())
    kept = browser.session
    kept["account"] = {**kept["account"], "id": str(otto.id), "epoch": otto.epoch + 1}
    kept.save()
    assert strange.reference not in overview(browser)


@pytest.mark.parametrize(
    "two",
    [
        ("anwalt@strasse.example", "anwalt@stra\u00dfe.example"),
        ("kai@kanzlei.example", "\u212aai@kanzlei.example"),
        ("sara@kanzlei.example", "\u017fara@kanzlei.example"),
    ],
)
def test_addresses_that_only_look_folded_are_two_mailboxes(
    writer: Actor, officer: Actor, phone: Phone, site: Any, two: tuple[str, str]
) -> None:
    """R11: only A to Z lose their case, so no other mailbox finds or is shown these requests."""
    one, other = two
    site("public")
    theirs, first = accepted(writer, officer, who=mandates.Representative(name="V", email=one))
    own, second = accepted(writer, officer, who=mandates.Representative(name="E", email=other))
    _account, browser = invited(second, officer, phone)
    assert own.reference in overview(browser)
    assert theirs.reference not in overview(browser)
    assert acting.account_of(first) is None
    assert intake.contact_hash(one) != intake.contact_hash(other)
    for same in (one.upper(), f" {one.title()} "):
        assert mandates.mailbox_hash(same) == mandates.mailbox_hash(one)
        assert intake.contact_hash(same) == intake.contact_hash(one)


def test_a_hash_alone_shows_nobody_a_request(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: what the hash found is compared with the address itself, when invited and later."""
    site("public")
    strange, others = accepted(writer, officer, who=OTHER)
    case, mandate = accepted(writer, officer)
    Mandate.objects.filter(id=others.id).update(email_hash=mandates.mailbox_hash(LENA.email))
    _account, browser = invited(mandate, officer, phone)
    ActingAccount.objects.update(email_hash=mandates.mailbox_hash(OTHER.email))
    later, _theirs = accepted(writer, officer, who=OTHER)
    page = overview(browser)
    assert case.reference in page
    for hidden in (strange, later):
        assert hidden.reference not in page


# -- the end --------------------------------------------------------------------------------------


def test_an_account_without_mandates_closes_after_thirty_days_and_its_name_is_destroyed(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """L-23, R11: kept for a new mandate for a while; a later invitation is a new account."""
    site("public")
    case, mandate = accepted(writer, officer)
    account, _browser = invited(mandate, officer, phone)
    assert acting.holder(account)["email"] == LENA.email
    mandates.end(case_id=case.id, actor=Actor.person(case.id))
    assert acting.close_idle() == 0
    travel.to("2026-10-09")
    assert acting.close_idle() == 0
    travel.to("2026-10-11")
    assert acting.close_idle() == 1
    account.refresh_from_db()
    assert (account.state, account.email_hash) == (AccountState.CLOSED, None)
    assert vault.unit_state(account.unit) != vault.UnitState.LIVE
    _later, second = accepted(writer, officer)
    assert acting_invites.invite(mandate_id=second.id, actor=officer).id != account.id


def test_after_a_restore_a_destroyed_account_is_closed_again(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R31: rows a backup brought back without their key open nothing."""
    site("public")
    _case, mandate = accepted(writer, officer)
    account, browser = invited(mandate, officer, phone)
    gone = GoneUnit(account.unit, account.id, "account_closed")
    assert acting.accounts_gone(units=[gone], actor=Actor.operator()) == 1
    assert acting.accounts_gone(units=[gone], actor=Actor.operator()) == 0
    assert "Send me a link" in overview(browser)


# -- at the desk ----------------------------------------------------------------------------------


def test_inviting_and_renewing_at_the_desk(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11: from the button to the link; the second person sees what the first wrote down."""
    case, mandate = accepted(writer, officer)
    site("desk")
    first, second = (sign_in(Client(), staff(number)) for number in ("A-1003", "A-1004"))
    page = reverse("desk:mandate", kwargs={"reference": case.reference})
    act = reverse("desk:mandate_account", kwargs={"reference": case.reference})
    recover = reverse("desk:mandate_recover", kwargs={"reference": case.reference})
    assert "Invite to an account" in first.get(page).content.decode()
    first.post(act, {"do": "invite"})
    assert "Send the invitation again" in first.get(page).content.decode()
    site("public")
    account = ActingAccount.objects.get()
    set_up(account, phone)
    site("desk")
    assert "They lost their phone" in first.get(page).content.decode()
    assert first.post(recover, {"recover-compared": ""}).status_code == 422
    first.post(recover, {"recover-compared": "Called <them> back."})
    own = first.get(page).content.decode()
    assert "Take it back" in own
    assert "End the old factor" not in own
    assert "Called &lt;them&gt; back." in second.get(page).content.decode()
    second.post(act, {"do": "agree"})
    account.refresh_from_db()
    assert account.state == AccountState.INVITED


# -- what stays of an ask -------------------------------------------------------------------------


def test_rows_of_asks_for_a_link_go_after_a_week_and_others_stay(
    travel: Travel, writer: Actor, officer: Actor, phone: Phone, site: Any
) -> None:
    """R11, L-23: of an address with an account and of one without; what still waits stays."""
    site("public")
    _case, mandate = accepted(writer, officer)
    invited(mandate, officer, phone)
    travel.now += acting.BETWEEN_LINKS
    ask("lena@voss.example")
    ask("nobody@nowhere.example")
    asked = Job.objects.filter(kind=acting.ASKED)
    assert set(asked.values_list("state", flat=True)) == {JobState.DONE}
    others = Job.objects.exclude(kind=acting.ASKED).count()
    assert acting.sweep_asked() == 0
    travel.now += acting.KEEP_ASKED - acting.BETWEEN_LINKS
    Client().post(reverse("public:acting"), {"email": "late@nowhere.example"})
    assert acting.sweep_asked() == 0
    travel.now += 2 * acting.BETWEEN_LINKS
    assert acting.sweep_asked() == 2
    assert list(asked.values_list("state", flat=True)) == [JobState.READY]
    assert Job.objects.exclude(kind=acting.ASKED).count() >= others
