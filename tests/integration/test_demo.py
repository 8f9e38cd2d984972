"""The demo's own pages: they render, do what they say, and exist nowhere else (R35)."""

import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from dsr_portal.accounts.services import actor_for, create_staff
from dsr_portal.cases import selectors as case_selectors
from dsr_portal.cases import services as cases
from dsr_portal.cases.models import Case, Draft
from dsr_portal.compliance import services as compliance
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.demo import cast, processes, state, tour, views
from dsr_portal.disclosure import services as disclosure
from dsr_portal.jobs.models import Effect
from dsr_portal.matching.models import Probe
from dsr_portal.recognition import holder as holders
from dsr_portal.vault import places
from dsr_portal.vault import services as vault
from tests.e2e.support import free_ports
from tests.support import answers
from tests.support import cases as support
from tests.support import erasure as lab
from tests.support import matching as desk

pytestmark = [pytest.mark.django_db]

PAGES = ("tour", "people", "mail", "clock", "camera", "ui")


@pytest.fixture(autouse=True)
def public_site(site, settings, tmp_path):
    site("public")
    settings.DSR_VAR = tmp_path


@pytest.fixture
def staff():
    for member in cast.STAFF:
        create_staff(
            actor=Actor.operator(),
            staff_no=member.staff_no,
            display_name=member.name,
            email=member.email,
            role=member.role,
            authority_code=member.authority,
        )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_renders_and_says_that_it_is_the_demo(client, name):
    page = client.get(reverse(f"demo:{name}"))
    assert page.status_code == 200
    assert "DEMO" in page.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_exists_outside_the_demo(client, settings, name):
    settings.DSR_DEMO = False
    assert client.get(reverse(f"demo:{name}")).status_code == 404


@pytest.mark.parametrize("name", ["sign_in", "act"])
def test_no_button_works_outside_the_demo(client, settings, staff, name):
    settings.DSR_DEMO = False
    data = {"who": cast.OFFICER.staff_no, "act": "batch"}
    assert client.post(reverse(f"demo:{name}"), data).status_code == 404


def test_the_check_refuses_the_demo_under_production_settings(settings):
    """R35: neither the switch nor the app passes `manage.py check`."""
    assert not {"dsr.E002", "dsr.E040"} & {one.id for one in run_checks()}
    settings.DSR_PRODUCTION = True
    assert {"dsr.E002", "dsr.E040"} <= {one.id for one in run_checks()}


def test_the_command_refuses_other_settings(settings):
    settings.DSR_PRODUCTION = True
    with pytest.raises(CommandError, match="R35"):
        call_command("demo")


def test_one_click_fills_in_the_five_questions_and_send_opens_the_case(client):
    response = client.post(reverse("demo:ask", kwargs={"key": "mina"}))
    assert response.url == reverse("public:check")
    assert Draft.objects.count() == 1
    page = client.get(response.url).content.decode()
    assert "mina@post.example" in page
    assert client.post(response.url).url == reverse("public:receipt")
    case = Case.objects.get()
    assert Probe.objects.get().case == case
    assert tour.newest_visit() == case


def test_the_tour_ticks_what_really_happened(client):
    """A ready case ticks nothing; a visitor's request ticks one step after the other."""
    support.opened()
    assert [step.state for step in tour.steps(tour.newest_visit())] == ["now"] + ["next"] * 6
    client.post(reverse("demo:ask", kwargs={"key": "mina"}))
    client.post(reverse("public:check"))
    case = tour.newest_visit()
    assert [step.state for step in tour.steps(case)] == ["done", "now"] + ["next"] * 5
    support.identified(case)
    case.refresh_from_db()
    assert [step.state for step in tour.steps(case)][:3] == ["done", "done", "now"]


WHOLE = "Asked, checked, compared by two, answered, deleted, audited."


@pytest.mark.django_db(transaction=True)
def test_each_of_the_seven_ticks_comes_from_what_was_done(
    client, site, settings, tmp_path, monkeypatch
):
    """R35: one request through the services of its rooms; no step is ticked before it was done."""
    lab.own_places(settings, tmp_path / "lab")
    settings.DSR_HOLD_MINUTES = 60
    holders.holder().drop()
    answers.without_detector(monkeypatch)
    people = {
        member.staff_no: actor_for(
            create_staff(
                actor=Actor.operator(),
                staff_no=member.staff_no,
                display_name=member.name,
                email=member.email,
                role=member.role,
                authority_code=member.authority,
                trained_until=clock.today() + timedelta(days=365),
            )
        )
        for member in cast.STAFF
    }
    officer, supervisor = people[cast.OFFICER.staff_no], people[cast.SUPERVISOR.staff_no]
    regulator = people[cast.REGULATOR.staff_no]
    recognised = desk.told(monkeypatch)
    recognised.hits = desk.hits([lab.picture(1).records[0].id])

    def ticked() -> int:
        """How many steps are done, in a row from the first; the page says it too."""
        states = [step.state for step in tour.steps(tour.newest_visit())]
        done = states.count("done")
        now = [] if done == len(states) else ["now"]
        assert states == ["done"] * done + now + ["next"] * (len(states) - done - len(now))
        page = client.get(reverse("demo:tour")).content.decode()
        assert page.count('<li class="is-done"') == done
        assert (WHOLE in page) == (done == len(tour.PLANS) == 7)
        return done

    assert ticked() == 0
    client.post(reverse("demo:ask", kwargs={"key": "mina"}))
    assert ticked() == 0, "filled in and not sent"
    client.post(reverse("public:check"))
    case = tour.newest_visit()
    lab.run_all()
    assert ticked() == 1

    desk.identify(case, officer)
    assert ticked() == 2
    lab.run_all()
    assert ticked() == 2, "searched; nobody has looked"

    desk.take(case, officer)
    desk.say_all(case, officer, "same", "The same person.")
    lab.run_all()
    assert ticked() == 3
    desk.say_all(case, desk.drawn(case, people.values()), "same", "The same person.")
    assert ticked() == 4

    answer = disclosure.prepare_answer(case_id=case.id, actor=officer)
    lab.run_all()
    disclosure.approve_answer(answer_id=answer.id, actor=supervisor)
    assert client.post(reverse("demo:act"), {"act": "batch"}).status_code == 302
    assert ticked() == 4, "it left; nobody opened it"
    (delivery,) = case_selectors.open_deliveries(case)
    link = reverse("public:answer", kwargs={"token": cases.link_token(delivery)})
    client.get(link)
    assert ticked() == 4, "a look at the link opens nothing (R13)"
    code = cases.receipt_code(case)
    client.post(link, {"code": code})
    assert ticked() == 5

    assert client.post(reverse("public:delete_now"), {"code": code}).status_code == 302
    lab.run_all()
    assert ticked() == 5, "the hold window runs (R4)"
    assert client.post(reverse("demo:act"), {"act": "hold"}).status_code == 302
    assert ticked() == 5, "the window is over, nothing is erased yet"
    lab.run_all()
    assert ticked() == 6

    dpo = people[cast.DPO.staff_no]
    compliance.request_report(case_id=case.id, authority_code="", actor=dpo)
    lab.run_all()
    assert client.post(reverse("demo:act"), {"act": "grant"}).status_code == 302
    assert ticked() == 6, "the DPO's report is not the authority's look"
    code_of_authority = cast.REGULATOR.authority
    compliance.request_report(case_id=case.id, authority_code=code_of_authority, actor=regulator)
    assert ticked() == 6, "asked for, not made"
    lab.run_all()
    assert ticked() == 7
    holders.holder().drop()


@pytest.mark.parametrize("member", cast.STAFF, ids=lambda member: member.staff_no)
def test_one_click_signs_in_on_the_right_site(client, site, settings, staff, member):
    response = client.post(reverse("demo:sign_in"), {"who": member.staff_no})
    address = urlsplit(response.url)
    assert response.url.startswith(settings.DSR_URLS[member.site])
    site(member.site)
    entered = client.get(f"{address.path}?{address.query}")
    assert entered.status_code == 302
    assert client.get(entered.url).status_code == 200
    again = client.get(f"{address.path}?{address.query}")
    assert again.status_code == 403, "a ticket works once"


def test_a_ticket_leads_to_the_case_and_never_off_the_site(client, site, staff):
    response = client.post(reverse("demo:sign_in"), {"who": cast.OFFICER.staff_no})
    address = urlsplit(response.url)
    site("desk")
    away = client.get(f"{address.path}?{address.query}&next=https://evil.example/")
    assert away.url == "/"


def test_mails_are_opened_from_the_vault_and_end_with_their_key(client):
    case = support.opened(email="mina@post.example")
    effect = Effect.objects.get(subject_id=case.id)
    assert "mina@post.example" in client.get(reverse("demo:mail")).content.decode()
    address = reverse("demo:letter", kwargs={"effect_id": effect.id})
    letter = client.get(address).content.decode()
    assert case.reference in letter
    vault.shred_now([case.contact_unit], reason="purged")
    assert "read any more" in client.get(address).content.decode()
    assert "key was destroyed" in client.get(reverse("demo:mail")).content.decode()


def test_the_clock_goes_forward_only_and_wakes_what_is_due(client, monkeypatch):
    woken = []
    monkeypatch.setattr(views, "_CLOCK_HEARD", 0)
    monkeypatch.setattr(
        "dsr_portal.jobs.tasks.beat.apply_async", lambda args, queue: woken.append(args[0])
    )
    before = clock.now()
    client.post(reverse("demo:clock"), {"by": "day"})
    assert clock.now() - before > timedelta(hours=23)
    assert "cases.release" in woken
    assert client.post(reverse("demo:clock"), {"by": "-1"}).status_code == 404


def test_the_clock_begins_back_and_catches_up_once(settings):
    """Ready cases have a past, and the visitor's day is today's."""
    clock.forget_cached_offset()
    settings.DSR_DEMO_BACK = timedelta(days=8)
    assert timedelta(days=7) < clock.real_now() - clock.now() < timedelta(days=9)
    clock.catch_up()
    assert abs(clock.real_now() - clock.now()) < timedelta(seconds=3)
    clock.forward(timedelta(days=3))
    clock.catch_up()
    assert clock.now() - clock.real_now() > timedelta(days=2), "it never goes back"
    clock.forget_cached_offset()


def test_the_batch_button_sends_what_waits(client, staff):
    response = client.post(reverse("demo:act"), {"act": "batch"}, follow=True)
    assert "0 answers left" in response.content.decode()


def test_only_photos_of_cards_are_handed_out(client):
    assert client.get(reverse("demo:photo", kwargs={"key": "mina"})).status_code == 200
    saved = client.get(reverse("demo:photo", kwargs={"key": "mina"}) + "?save=1")
    assert saved["Content-Disposition"].startswith("attachment")
    assert client.get(reverse("demo:photo", kwargs={"key": "emil"})).status_code == 404


# -- what a start may touch ---------------------------------------------------------------------


def test_a_database_that_no_demo_made_is_left_alone(settings):
    assert not state.State().exists
    with pytest.raises(state.NotADemo):
        state.refuse_foreign()
    with pytest.raises(state.NotADemo):
        state.remove_all()
    state.State().save()
    state.refuse_foreign()


def test_a_demo_made_on_another_clock_is_not_started_and_says_what_to_do(settings):
    """The clock now begins nine days earlier than when this database was made."""
    support.opened()
    # The clock of this process may stand where another test moved it.
    newest = clock.now()
    state.refuse_future()
    for name in ("ring", "cast", "finished"):
        state.State().set(name)
    first = free_ports()
    settings.DSR_URLS = {
        **settings.DSR_URLS,
        **{
            name: f"http://127.0.0.1:{first + place}"
            for place, name in enumerate(("public", "desk", "oversight"))
        },
    }
    settings.DSR_DEMO_BACK = timedelta(days=9)
    with pytest.raises(CommandError, match="another clock") as refused:
        call_command("demo", "--prepare-only", stdout=StringIO())
    said = str(refused.value)
    assert f"{clock.now():%-d %B %Y}" in said
    assert f"{newest:%-d %B %Y}" in said
    assert said.endswith("make demo FRESH=1")
    clock.catch_up()
    state.refuse_future()


def test_a_port_in_use_is_named(settings):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings.DSR_URLS = {**settings.DSR_URLS, "desk": f"http://127.0.0.1:{port}"}
        assert port in processes.taken_ports()
        with pytest.raises(CommandError, match=f"{port} is in use"):
            call_command("demo")


def test_a_start_stopped_in_the_middle_of_a_case_is_made_anew(settings, monkeypatch):
    """Half a case can hold records of the next one's person: going on with it would never end."""
    made = state.State()
    with made.making("delivered"):
        made.note("delivered", uuid4())
    assert not state.State().broken_off
    with pytest.raises(KeyboardInterrupt), state.State().making("nothing found"):
        raise KeyboardInterrupt
    assert state.State().broken_off
    steps = []
    monkeypatch.setattr(state, "remove_all", lambda: steps.append("removed"))

    def begun_anew(*_arguments):
        steps.append("begun")
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "execv", begun_anew)
    monkeypatch.setattr(processes, "taken_ports", list)
    out = StringIO()
    with pytest.raises(CommandError, match="Stopped before it was ready") as stopped:
        call_command("demo", "--prepare-only", stdout=out)
    assert stopped.value.returncode == 130
    assert steps == ["removed", "begun"]
    assert "stopped in the middle of a case" in out.getvalue()


def test_a_second_demo_in_the_same_folder_touches_nothing(settings):
    """On other ports it would share the first one's database, and FRESH=1 would remove it."""
    state.State().save()
    kept = settings.DSR_VAR / "vault" / "kept"
    kept.parent.mkdir()
    kept.write_text("of the demo that runs")
    settings.DSR_FRESH = True
    with places.alone(settings.DSR_VAR / "demo.lock") as ours:
        assert ours
        with pytest.raises(CommandError, match="A demo runs in") as refused:
            call_command("demo", "--prepare-only", stdout=StringIO())
    assert refused.value.returncode == 2
    assert "Ctrl-C" in str(refused.value)
    assert state.State().exists
    assert kept.exists()


def test_the_demos_processes_never_load_the_recognition_libraries():
    """Web, beat and workers' parents load none of them (design, section 2)."""
    heavy = ("deepface", "tensorflow", "cv2", "onnxruntime", "hnswlib")
    code = (
        "import sys, django; django.setup()\n"
        "import dsr_portal.demo.views, dsr_portal.demo.ready, dsr_portal.urls.public\n"
        f"sys.exit(any(name in sys.modules for name in {heavy!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False)
    assert done.returncode == 0


def test_no_process_starts_as_a_demo_under_production_settings(tmp_path, settings):
    """R35: a server or a worker runs no system checks, so the settings themselves refuse."""
    (tmp_path / "django.key").write_text("6b" * 48)
    named = ("NAME", "ADDRESS", "EMAIL", "DPO", "COUNTRY")
    given = {f"DSR_CONTROLLER_{name}": "x" for name in named}
    places = {"DSR_RING": f"{tmp_path},{tmp_path}", "DSR_VAR": str(tmp_path)}

    def start(**more: str) -> str:
        argv = [
            sys.executable,
            "-c",
            "import dsr_portal.settings.production as p; print(p.DSR_DEMO)",
        ]
        env = {"PATH": "/usr/bin", **given, **places, **more}
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, cwd=settings.ROOT, check=False
        )
        return done.stdout + done.stderr

    assert start().strip() == "False"
    assert "ValueError: DSR_DEMO is on" in start(DSR_DEMO="1")
