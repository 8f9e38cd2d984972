"""Staff accounts: two persons (R19), second factor for everyone, sealed secrets, demo tickets."""

import re
import time
from datetime import timedelta
from io import StringIO
from types import ModuleType

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.urls import include, path, reverse

from dsr_portal.accounts import access, services, tickets
from dsr_portal.accounts.adapters import MfaAdapter
from dsr_portal.accounts.models import ProposalKind, ProposalState, Role, Staff, StaffProposal
from dsr_portal.audit.models import Event, Payload
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput, Conflict, IntegrityFailure, NotAllowed, NotFound
from dsr_portal.core.registries import schedule

pytestmark = pytest.mark.django_db

PASSWORD = "plain harbour lantern 7"


@pytest.fixture(autouse=True)
def _fresh_counters():
    cache.clear()


@pytest.fixture(autouse=True)
def _one_page_behind_the_gate(settings):
    """Only the pages of sign-in and one more, so that no other room's pages decide a test."""
    urls = ModuleType("urls_of_these_tests")
    urls.urlpatterns = [
        path("account/", include("dsr_portal.accounts.urls")),
        path("", lambda request: HttpResponse("behind the gate")),
    ]
    settings.DSR_SITES = dict.fromkeys(settings.DSR_SITES, urls)
    settings.ROOT_URLCONF = urls


@pytest.fixture
def no_demo(settings):
    settings.DSR_DEMO = False


def make(number, role=Role.SUPERVISOR, **more):
    return services.create_staff(
        actor=Actor.operator(),
        staff_no=number,
        display_name=f"Person {number}",
        email=f"{number.lower()}@halden.example",
        role=role,
        password=PASSWORD,
        **more,
    )


def code_for(secret):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


SECRET = "JBSWY3DPEHPK3PXP"


def enrol(staff, secret=SECRET):
    Authenticator.objects.create(
        user=staff, type=Authenticator.Type.TOTP, data={"secret": MfaAdapter().encrypt(secret)}
    )
    return secret


def events(name):
    return list(Event.objects.filter(type=name))


def body(event):
    return Payload.objects.get(event=event).body


def sign_in(client, staff, password=PASSWORD):
    return client.post(
        reverse("account_login"), {"login": staff.staff_no.lower(), "password": password}
    )


# Two persons ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_demo")
def test_first_two_accounts_come_from_the_machine_and_stand_in_the_trail():
    make("S-1")
    make("S-2", Role.DIRECTOR)
    with pytest.raises(NotAllowed) as refused:
        make("S-3")
    assert refused.value.code == "two_persons"
    created = events("staff.created")
    assert [event.actor_kind for event in created] == ["operator", "operator"]
    assert '"how":"command"' in body(created[0])
    assert "Person" not in body(created[0])


@pytest.mark.usefixtures("no_demo")
def test_first_accounts_must_be_able_to_approve_others():
    with pytest.raises(NotAllowed) as refused:
        make("S-1", Role.OFFICER)
    assert refused.value.code == "first_accounts_approve"


@pytest.mark.usefixtures("no_demo")
def test_nobody_but_the_operator_makes_an_account_alone():
    first = make("S-1")
    with pytest.raises(NotAllowed):
        services.create_staff(
            actor=services.actor_for(first),
            staff_no="S-2",
            display_name="B",
            email="b@halden.example",
            role=Role.SUPERVISOR,
            password=PASSWORD,
        )


def test_new_account_takes_a_second_person_and_tells_the_dpo():
    from dsr_portal.jobs.models import Effect

    first, second = make("S-1"), make("S-2", Role.DIRECTOR)
    make("D-1", Role.DPO)
    proposal = services.propose_staff(
        by=first,
        staff_no="a-17",
        display_name="Nadia Roth",
        email="Nadia@halden.example",
        role=Role.OFFICER,
    )
    with pytest.raises(NotAllowed):
        services.approve_staff(by=first, proposal=proposal)
    staff = services.approve_staff(by=second, proposal=proposal)
    assert (staff.staff_no, staff.role, staff.email) == ("A-17", "officer", "nadia@halden.example")
    assert not staff.has_usable_password()
    decided = events("staff.proposal_decided")[0]
    assert (decided.actor_id, '"proposed_by":"S-1"' in body(decided)) == ("S-2", True)
    effect = Effect.objects.get(kind=services.NOTICE)
    from dsr_portal.core.registries import senders

    mail = senders.get(services.NOTICE).render(effect.subject_id)
    assert mail.to == "d-1@halden.example"
    assert "A-17" in mail.subject
    with pytest.raises(Conflict):
        services.approve_staff(by=second, proposal=proposal)


def test_dpo_and_officer_approve_nothing():
    """Law G-02: the data protection officer advises and decides nothing."""
    first = make("S-1")
    proposal = services.propose_staff(
        by=first, staff_no="A-1", display_name="A", email="a@halden.example", role=Role.OFFICER
    )
    for number, role in (("D-1", Role.DPO), ("O-1", Role.OFFICER), ("P-1", Role.OPERATOR)):
        with pytest.raises(NotAllowed):
            services.approve_staff(by=make(number, role), proposal=proposal)


def test_database_refuses_one_person_as_both():
    first = make("S-1")
    proposal = services.propose_staff(
        by=first, staff_no="A-1", display_name="A", email="a@halden.example", role=Role.OFFICER
    )
    row = StaffProposal.objects.filter(pk=proposal.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(state=ProposalState.APPROVED, decided_by=first, decided_at=proposal.proposed_at)


def test_nobody_decides_about_themselves():
    first, second = make("S-1"), make("S-2")
    proposal = services.propose_change(by=first, staff=second, kind=ProposalKind.DEACTIVATE)
    with pytest.raises(NotAllowed):
        services.approve_staff(by=second, proposal=proposal)
    with pytest.raises(NotAllowed):
        services.propose_change(by=first, staff=first, kind=ProposalKind.RESET_FACTOR)


def test_reset_factor_and_closing_end_every_session(client, site):
    site("desk")
    first, second, third = make("S-1"), make("S-2"), make("A-1", Role.OFFICER)
    enrol(third)
    client.force_login(third)
    assert Session.objects.count() == 1
    proposal = services.propose_change(by=first, staff=third, kind=ProposalKind.RESET_FACTOR)
    services.approve_staff(by=second, proposal=proposal)
    assert not services.has_second_factor(third)
    assert Session.objects.count() == 0
    proposal = services.propose_change(by=first, staff=third, kind=ProposalKind.DEACTIVATE)
    services.approve_staff(by=second, proposal=proposal)
    with pytest.raises(NotFound):
        services.staff_by_number("A-1")


def test_role_change_is_recorded_and_never_makes_a_regulator():
    first, second, third = make("S-1"), make("S-2"), make("A-1", Role.OFFICER)
    proposal = services.propose_change(
        by=first, staff=third, kind=ProposalKind.ROLE, role=Role.SUPERVISOR
    )
    assert services.approve_staff(by=second, proposal=proposal).role == Role.SUPERVISOR
    assert '"new":"supervisor"' in body(events("staff.role_changed")[0])
    with pytest.raises(BadInput):
        services.propose_change(by=first, staff=third, kind=ProposalKind.ROLE, role=Role.REGULATOR)


# One person, one account ---------------------------------------------------------------------


def test_number_and_address_are_each_used_once():
    make("S-1")
    with pytest.raises(BadInput):
        make("s-1")
    with pytest.raises(BadInput):
        services.create_staff(
            actor=Actor.operator(),
            staff_no="S-9",
            display_name="Other",
            email="S-1@halden.example",
            role=Role.OFFICER,
            password=PASSWORD,
        )


def test_authority_code_belongs_to_regulators_only():
    with pytest.raises(BadInput):
        make("R-1", Role.REGULATOR)
    regulator = make("R-1", Role.REGULATOR, authority_code="NL-AP")
    assert services.actor_for(regulator).kind == "regulator"
    with pytest.raises(IntegrityError), transaction.atomic():
        Staff.objects.filter(pk=regulator.pk).update(authority_code="")


@pytest.mark.parametrize("password", ["short", "password1234", "person s-1"])
def test_weak_passwords_are_refused(password):
    with pytest.raises(BadInput):
        services.create_staff(
            actor=Actor.operator(),
            staff_no="S-1",
            display_name="Person S-1",
            email="x@halden.example",
            role=Role.OFFICER,
            password=password,
        )


def test_command_makes_an_account_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(PASSWORD + "\n"))
    out = StringIO()
    call_command(
        "create_staff",
        "--staff-no=S-1",
        "--name=Ada Berg",
        "--email=ada@halden.example",
        "--role=supervisor",
        "--password-stdin",
        stdout=out,
    )
    assert Staff.objects.get(staff_no="S-1").check_password(PASSWORD)
    assert "S-1 made" in out.getvalue()
    assert PASSWORD not in out.getvalue()
    monkeypatch.setattr("sys.stdin", StringIO("short\n"))
    with pytest.raises(CommandError):
        call_command(
            "create_staff",
            "--staff-no=S-2",
            "--name=B",
            "--email=b@halden.example",
            "--role=supervisor",
            "--password-stdin",
            stdout=out,
        )


def test_training_is_noted_by_another_person():
    """Law P-17: reviewing takes a training that has not run out."""
    first, officer = make("S-1"), make("A-1", Role.OFFICER)
    with pytest.raises(NotAllowed):
        services.require_trained(officer)
    from dsr_portal.core.clock import today

    services.set_training(by=first, staff=officer, until=today())
    services.require_trained(officer)
    services.set_training(by=first, staff=officer, until=today() - timedelta(days=1))
    assert not services.is_trained(officer)


# Signing in ----------------------------------------------------------------------------------


def test_sign_in_without_second_factor_reaches_only_its_set_up(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    assert client.get("/").url.startswith(reverse("account_login"))
    sign_in(client, staff)
    answer = client.get("/")
    assert answer.status_code == 302
    assert answer.url == reverse("mfa_activate_totp")
    page = client.get(answer.url).content.decode()
    assert "<svg" in page
    assert "data:" not in page
    secret = re.search(r'class="code long">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    stored = Session.objects.get().get_decoded()
    assert secret not in str(stored)
    refused = client.post(answer.url, {"code": "000000"})
    assert "wrong or over" in refused.content.decode()
    done = client.post(answer.url, {"code": code_for(secret)})
    assert (done.status_code, done.url) == (302, "/")
    assert client.get("/").status_code == 200
    assert len(events("mfa.enrolled")) == 1
    assert client.get(reverse("mfa_activate_totp")).status_code == 302


def test_second_factor_is_asked_every_time(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    secret = enrol(staff)
    answer = sign_in(client, staff)
    assert answer.url == reverse("mfa_authenticate")
    assert client.get("/").url.startswith(reverse("account_login"))
    wrong = client.post(answer.url, {"code": "000000"})
    assert "wrong or over" in wrong.content.decode()
    assert "<title>Error:" in " ".join(wrong.content.decode().split())
    done = client.post(answer.url, {"code": f" {code_for(secret)} "})
    assert done.status_code == 302
    assert client.get("/").status_code == 200
    assert '"how":"password_code"' in body(events("staff.signed_in")[0])
    client.post(reverse("account_logout"))
    assert len(events("staff.signed_out")) == 1
    assert client.get("/").status_code == 302


def test_session_from_before_the_second_factor_is_ended(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    client.force_login(staff)
    enrol(staff)
    assert client.get("/").url.startswith(reverse("account_login"))
    assert "_auth_user_id" not in client.session


def test_wrong_password_and_unknown_number_look_the_same(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    known = sign_in(client, staff, "wrong").content.decode()
    unknown = client.post(
        reverse("account_login"), {"login": "Z-9", "password": "wrong"}
    ).content.decode()

    def cleaned(page):
        page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
        return page.replace("Z-9", "A-1").replace("a-1", "A-1")

    assert cleaned(known) == cleaned(unknown)
    refused = [body(event) for event in events("staff.sign_in_refused")]
    assert '"staff":"A-1"' in refused[0]
    assert "Z-9" not in refused[1]


def test_guessing_is_slowed_down(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    for _ in range(5):
        sign_in(client, staff, "wrong")
    assert "Too many tries" in sign_in(client, staff).content.decode()


def test_closed_account_cannot_sign_in(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    Staff.objects.filter(pk=staff.pk).update(is_active=False)
    assert sign_in(client, staff).url == reverse("account_inactive")
    assert client.get(reverse("account_inactive")).status_code == 200
    assert "_auth_user_id" not in client.session
    assert '"reason":"closed"' in body(events("staff.sign_in_refused")[0])


@pytest.mark.parametrize(
    ("name", "role", "status"),
    [
        ("desk", Role.OFFICER, 200),
        ("desk", Role.REGULATOR, 403),
        ("oversight", Role.REGULATOR, 200),
        ("oversight", Role.DPO, 200),
        ("oversight", Role.OFFICER, 403),
    ],
)
def test_sites_are_open_to_their_roles(client, site, name, role, status):
    """Law X-15, O-06: a regulator reads on oversight only, staff work on the desk only."""
    site(name)
    code = "NL-AP" if role == Role.REGULATOR else ""
    staff = make("A-1", role, authority_code=code)
    client.force_login(staff)
    session = client.session
    session[access.SECOND_FACTOR] = "now"
    session.save()
    assert client.get("/").status_code == status


@pytest.mark.parametrize("page", ["signup/", "password/reset/", "email/", "login/code/"])
def test_there_is_no_sign_up_and_no_reset_by_mail(client, site, page):
    site("desk")
    assert client.get(f"/account/{page}").status_code == 404


def test_first_password_is_chosen_once_through_a_link(client, site):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    staff.set_unusable_password()
    staff.save()
    link = "/" + services.start_link(staff).split("/", 3)[3]
    assert "12 characters" in client.get(link).content.decode()
    weak = client.post(link, {"password": "short"})
    assert "There is a problem" in weak.content.decode()
    assert client.post(link, {"password": PASSWORD}).url == reverse("account_login")
    assert client.get(link).status_code == 404
    assert client.get(link.replace(link.split("/")[3], "AAAA")).status_code == 404


# Sealed secrets ------------------------------------------------------------------------------


def test_second_factor_secret_is_sealed_in_the_database():
    """Design, section 5: second-factor secrets go through the encrypt hook."""
    secret = enrol(make("A-1", Role.OFFICER))
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = str(cursor.fetchone()[0])
    assert secret not in stored
    adapter = MfaAdapter()
    sealed = adapter.encrypt(secret)
    assert sealed != adapter.encrypt(secret)
    assert adapter.decrypt(sealed) == secret
    for broken in (secret, sealed[:-8], sealed.replace("v1.", "v2."), sealed[:10] + "AAAA"):
        with pytest.raises(IntegrityFailure):
            adapter.decrypt(broken)


# Demo tickets --------------------------------------------------------------------------------


def test_ticket_signs_in_once_on_its_site(client, site):
    """R35: one-click sign-in; the trail says how."""
    site("desk")
    staff = make("A-1", Role.OFFICER)
    ticket = tickets.issue(staff, "desk")
    assert client.get(reverse("staff_ticket"), {"ticket": ticket}).status_code == 302
    assert client.get("/").status_code == 200
    assert '"how":"demo_ticket"' in body(events("staff.signed_in")[0])
    again = client.get(reverse("staff_ticket"), {"ticket": ticket})
    assert again.status_code == 403
    with pytest.raises(NotAllowed):
        tickets.redeem(tickets.issue(staff, "oversight"), site="desk")
    with pytest.raises(NotAllowed):
        tickets.redeem(ticket[:-2] + "xx", site="desk")


def test_ticket_ends_after_a_minute(time_machine_at):
    staff = make("A-1", Role.OFFICER)
    ticket = tickets.issue(staff, "desk")
    with time_machine_at(timedelta(seconds=62)), pytest.raises(NotAllowed):
        tickets.redeem(ticket, site="desk")


@pytest.fixture
def time_machine_at():
    import time_machine

    from dsr_portal.core.clock import real_now

    return lambda delta: time_machine.travel(real_now() + delta)


def test_ticket_is_refused_outside_the_demo(client, site, settings):
    site("desk")
    staff = make("A-1", Role.OFFICER)
    ticket = tickets.issue(staff, "desk")
    settings.DSR_DEMO = False
    assert client.get(reverse("staff_ticket"), {"ticket": ticket}).status_code == 403
    with pytest.raises(NotAllowed):
        tickets.issue(staff, "desk")
    settings.DSR_DEMO, settings.DSR_PRODUCTION = True, True
    with pytest.raises(NotAllowed):
        tickets.redeem(ticket, site="desk")


def test_sessions_that_are_over_are_deleted_by_schedule():
    """Design, section 5: the inventory names this as the shredder of sessions."""
    kept, over = SessionStore(), SessionStore()
    over.set_expiry(-1)
    for one in (kept, over):
        one["case"] = "an id"
        one.save()
    schedule.get("accounts.sessions").run()
    keys = set(Session.objects.values_list("session_key", flat=True))
    assert kept.session_key in keys
    assert over.session_key not in keys
