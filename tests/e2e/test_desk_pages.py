"""The desk's real pages in a browser: axe finds nothing, they fit, the step comes first."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from django.shortcuts import render
from django.test import Client
from django.urls import reverse, set_urlconf

from dsr_portal.accounts.models import Role
from dsr_portal.cases import acting_invites, other_systems, phone
from dsr_portal.cases.acting_models import AccountState
from dsr_portal.compliance import breaches, collection, director, orders, retention
from dsr_portal.compliance.models import BreachKind, DirectorPage
from dsr_portal.core import clock
from dsr_portal.gallery import putting_aside
from dsr_portal.matching import representing
from dsr_portal.policy import assessment
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault import services as vault
from tests.e2e.pages import Patched, face, found_by_axe
from tests.support.gallery import PEOPLE, a_record, an_image, own_places
from tests.support.matching import (
    actor,
    hits,
    laid,
    opened,
    searched,
    sign_in,
    staff,
    take,
    told,
    work,
)
from tests.support.represented import LENA, sent_for_somebody
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
# Playwright keeps an event loop in this thread, beside which Django refuses its database; the
# pages are made before the browser starts, only pytest-django's own clean-up runs beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = (
    *("queue", "identity", "consent", "review", "compare", "band", "finish", "erasure", "people"),
    *("mails", "recipients", "collection", "orders", "enter_order", "order", "breaches"),
    *("open_breach", "breach", "director", "director_page", "batch", "kept"),
    *("put_aside_list", "put_aside", "phone"),
    *("assessment", "figures", "ai_act", "processors", "own_locks"),
    *("other_systems", "searched"),
    *("mandate_write", "mandate_open", "mandate_accepted", "child", "child_decided"),
)
GALLERY = ("team-atelier-noor.jpg", "canal-walk.jpg", "stage-side.jpg")


def a_held_picture(name, number):
    image = an_image(
        page_url=f"https://fotoloft.example/u/minnow/8812{number}/a-rather-long-address-of-a-page",
        image_url=f"https://cdn.fotoloft.example/8812{number}_l.jpg",
        caption="Sunday by the canal",
        collected_at="2022-09-02T22:41:55Z",
        collector="crawler hx-2",
    )
    record = a_record(image)
    for unit, field, data in (
        (record.unit, "crop", face(f"gallery/{name}")),
        (image.unit, "picture", (PEOPLE / "gallery" / name).read_bytes()),
    ):
        staged = vault.stage_into(unit)
        staged.add(field, data)
        staged.save()
    return record


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    """Every page of the desk as a signed-in officer gets it, with its pictures, by address."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        settings = Patched(patch)
        own_places(settings, tmp_path_factory.mktemp("desk"))
        settings.DSR_SITE, settings.ROOT_URLCONF = "desk", settings.DSR_SITES["desk"]
        set_urlconf(None)
        with undone():
            found = made(patch)
    return found


def made(patch):
    answers = told(patch)
    chief, officer = staff("V-1", Role.SUPERVISOR), staff("S-1")
    staff("NL-31", Role.REGULATOR, authority_code="NL")
    photo = face("photos/mina.jpg", 900)
    answers.verdict = ProbeVerdict("ok", ("blurred",), (1, 1, 4, 4), face("photos/mina.jpg"))
    asks = opened(picture=photo)
    waits = opened(picture=photo, consent=False, opener=actor(chief))
    work()
    answers.hits = hits([a_held_picture(name, n).id for n, name in enumerate(GALLERY)])
    case = searched(actor(officer), picture=photo)
    desk = sign_in(Client(), officer)

    def page(name, of=None):
        return reverse(f"desk:{name}", kwargs={"reference": of.reference} if of else None)

    kept = {"queue": desk.get(page("queue")), "identity": desk.get(page("case", asks))}
    desk.post(page("origin", waits))
    vault_words = {"way": "call", "element": "mailbox_in_record", "compared": "Face on the call."}
    desk.post(page("identity", waits), vault_words)
    kept["consent"] = desk.get(page("case", waits))
    kept["review"] = desk.get(page("case", case))
    take(case, actor(officer))
    first = laid(case, actor(officer))[0]
    kept["compare"] = desk.get(page("compare", case))
    form = {"picture": first.id, "stage": "view", "decision": "same"}
    kept["band"] = desk.post(page("compare", case), form, follow=True)
    for row in laid(case, actor(officer)):
        for stage in ("view", "confirm"):
            desk.post(page("compare", case), form | {"picture": row.id, "stage": stage})
    kept["finish"] = desk.get(page("compare", case))
    kept["erasure"] = render(
        kept["finish"].wsgi_request, "desk/erasure.html", {"case": case, "records": 3}
    )
    settled = sign_in(Client(), chief)
    facts = {
        "staff_no": "A-7",
        "display_name": "Ada Vos",
        "email": "a@b.example",
        "role": "officer",
    }
    settled.post(page("people_new"), {f"new-{key}": value for key, value in facts.items()})
    kept["people"] = settled.post(page("people_new"), {"new-staff_no": ""})
    kept |= put_aside(settled, case, by=officer)
    phone.ask(case_id=asks.id, number="020 555 01 77", actor=actor(officer))
    kept["phone"] = desk.get(page("phone", asks))
    kept |= of_authorities(settled)
    other_systems.enter(name="Old archive", kind="archive", actor=actor(chief))
    kept["other_systems"] = settled.get(page("other_systems"))
    kept["searched"] = desk.post(page("searched", asks), {"outcome": "found", "words": ""})
    kept |= of_who_acts(settled, chief=chief, writer=officer)
    probe = case.probes.get()
    seen = {name: (answer.content, "text/html") for name, answer in kept.items()}
    of = {"reference": case.reference}
    pictures = [reverse("desk:probe_picture", kwargs=of | {"probe_id": probe.id})]
    pictures += [
        reverse("desk:face_picture", kwargs=of | {"decision_id": row.id})
        for row in laid(case, actor(officer))
    ]
    for address in pictures:
        for more in ("", "?show=face", "?show=whole"):
            seen[address + more] = (desk.get(address + more).content, "image/jpeg")
    return seen


def put_aside(chief, case, *, by):
    """A picture of its own that an officer put aside, as a supervisor reads about it."""
    row = putting_aside.put_aside(
        image_id=a_record(an_image()).image_id, case_id=case.id, kind="ABUSE", actor=actor(by)
    )
    one = reverse("desk:aside", kwargs={"put_aside_id": row.id})
    chief.post(one, {"do": "confirm", "confirm-kind": "ABUSE"})
    chief.post(
        one,
        {
            "do": "report",
            "report-told_to": "POLICE",
            "report-told_on": "2026-01-02",
            "report-reference": "H 1",
        },
    )
    return {"put_aside_list": chief.get(reverse("desk:asides")), "put_aside": chief.get(one)}


def of_authorities(chief):
    """Lists, forms with what is wrong in them, and one of each thing."""
    boss = staff("L-9001", Role.DIRECTOR)
    served = orders.Served(
        authority_code="FR",
        reference="MED-2026-7",
        basis="conform",
        served_on=clock.today(),
        due_on=clock.today() + timedelta(days=9),
        owner=boss.staff_no,
        document=b"%PDF-1.7 ordonnance",
    )
    order = orders.enter(served=served, actor=actor(boss))
    orders.add_measure(order_id=order.id, kind="stop", words="Stop.", actor=actor(boss))
    collection.stop(actor=actor(boss), reason="order", country="FR")
    breach = breaches.open_breach(
        kind=BreachKind.WRONG_PERSON, aware_at=clock.now(), actor=actor(boss)
    )
    director.serve_due()
    at_top = sign_in(Client(), boss)

    def at(name, **named):
        return reverse(f"desk:{name}", kwargs=named)

    found = {name: chief.get(at(name)) for name in ("mails", "recipients", "batch", "own_locks")}
    found |= {
        name: at_top.get(at(name)) for name in ("collection", "orders", "breaches", "director")
    }
    assessment.begin(actor=actor(boss))
    found |= {
        name: at_top.get(at(name)) for name in ("assessment", "figures", "ai_act", "processors")
    }
    row = breaches.propose_spare(
        breach_id=breach.id, what="authority", reason="No risk.", actor=actor(boss)
    )
    retention.hold(authority_code="FR", reference="C-1", actor=actor(boss))
    found["kept"] = at_top.post(at("hold_kept"), {"reference": ""})
    found["enter_order"] = at_top.post(at("enter_order"), {"reference": "MED"})
    found["open_breach"] = at_top.post(at("open_breach"), {"reference": "no such case"})
    found["order"] = at_top.get(at("order", order_id=order.id))
    found["breach"] = chief.post(at("breach_turn_down", decision_id=row.id), {"reason": ""})
    served_page = DirectorPage.objects.first()
    found["director_page"] = at_top.get(at("director_page", page_id=served_page.id))
    assert {answer.status_code for answer in found.values()} == {200, 422}
    return found


def of_who_acts(desk, *, chief, writer):
    """A mandate not written down, one to decide, one with an account; a child's request."""

    def at(name, case):
        return reverse(f"desk:{name}", kwargs={"reference": case.reference})

    def sent(**more):
        return sent_for_somebody(actor(writer), **more)

    other = {"who": replace(LENA, email="other@voss.example")}
    (undecided, _), (case, mandate), (child, _) = sent(**other), sent(), sent(age_band="under_16")
    nobody = opened()
    wrong = {"write-name": "", "name": ""}
    found = {"mandate_write": desk.post(at("mandate_write", nobody), wrong)}
    found["mandate_open"] = desk.post(at("mandate_ask", undecided), {"ask-words": ""})
    representing.accept(mandate_id=mandate.id, actor=actor(chief), words="Signed.")
    account = acting_invites.invite(mandate_id=mandate.id, actor=actor(chief))
    type(account).objects.update(state=AccountState.ACTIVE, factor=account.id)
    acting_invites.propose_recovery(
        account_id=account.id, compared="Called the bar.", actor=actor(writer)
    )
    found["mandate_accepted"] = desk.get(at("mandate", case))
    found["child"] = desk.post(at("child", child), {"interest": ""})
    decided = {"acts": "alone", "interest": "She wants it gone before school starts."}
    desk.post(at("child", child), decided)
    found["child_decided"] = desk.get(at("child", child))
    assert {name: answer.status_code for name, answer in found.items()} == {
        "mandate_write": 422,
        "mandate_open": 422,
        "mandate_accepted": 200,
        "child": 422,
        "child_decided": 200,
    }
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    """WCAG 2.2 AA on every page of the desk."""
    assert found_by_axe(open_page, NAMES, scheme) == {name: [] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_page_fits_a_phone(open_page, name):
    """WCAG 2.2 SC 1.4.10: no sideways scrolling at 320 px."""
    page = open_page(name, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_next_step_comes_first_and_facts_stay(open_page):
    page = open_page("identity", width=1280)
    step = page.locator(".next").bounding_box()
    matches = page.locator("#matches").bounding_box()
    assert step is not None
    assert matches is not None
    assert step["y"] < matches["y"]
    page.evaluate("window.scrollTo(0, 600)")
    facts = page.locator(".facts.stick").bounding_box()
    assert facts is not None
    assert facts["y"] == 0


def test_compared_faces_have_one_size_and_one_line(open_page):
    page = open_page("compare")
    left, right = (
        page.locator(f".stage figure:nth-child({number}) img.aligned").bounding_box()
        for number in (1, 2)
    )
    assert (left["y"], left["width"], left["height"]) == (
        right["y"], right["width"], right["height"],
    )  # fmt: skip
    assert page.locator(".stage img.original").first.is_hidden()
    page.locator("input[value=original]").check(force=True)
    assert page.locator(".stage img.original").first.is_visible()
    assert page.locator(".decide").bounding_box()["y"] < 900
    assert "Strong" not in page.inner_text("main")


def test_faces_are_not_covered_by_the_decision(open_page):
    """Both faces and the decision fit a screen of 1280 x 900, also when the band is shown."""
    for name in ("compare", "band"):
        page = open_page(name)
        faces = page.locator(".stage").bounding_box()
        decision = page.locator(".decide").bounding_box()
        assert faces is not None
        assert decision is not None
        assert faces["y"] + faces["height"] <= decision["y"] + 1, name
        assert decision["y"] + decision["height"] <= 901, name


def test_another_decision_than_the_view_opens_the_reason(open_page):
    page = open_page("band")
    assert not page.locator("textarea[name=reason]").is_visible()
    page.locator("input[name=decision][value=inconclusive]").check(force=True)
    assert page.locator("textarea[name=reason]").is_visible()


def test_a_key_says_the_first_view_and_enter_confirms(open_page):
    """R21."""
    page = open_page("compare")
    sent = []
    page.evaluate("document.querySelector('form[data-decide]').method = 'get'")
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    page.wait_for_timeout(300)
    assert any("decision=not_same" in url and "stage=view" in url for url in sent)
    page = open_page("band")
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate("document.querySelector('form[data-decide]').method = 'get'")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    page.wait_for_timeout(300)
    assert not any("stage=confirm" in url for url in sent)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert any("decision=same" in url and "stage=confirm" in url for url in sent)
