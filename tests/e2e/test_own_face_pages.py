"""Which face is yours: the page on a phone and the desk's, with cut-outs the real engine made.

A photo of five people (fixtures/people), law P-05, T-04.
"""

import os

import pytest
from django.test import Client
from django.urls import reverse

from dsr_portal.cases import invitations, mandates
from dsr_portal.cases import services as cases
from dsr_portal.cases.mandate_models import Mandate, MandateState
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.matching import own_face
from dsr_portal.matching import selectors as matching
from dsr_portal.recognition import services as recognition
from dsr_portal.recognition.services import ProbeVerdict
from dsr_portal.vault.confined import decode_picture
from dsr_portal.vault.pictures import jpeg_of
from tests.e2e.pages import Patched, found_by_axe
from tests.e2e.test_no_photo_pages import choose
from tests.support.gallery import PEOPLE, own_places
from tests.support.matching import opened, sign_in, staff, told, work
from tests.support.represented import LENA, PAPER, invitation
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = ("asked", "question", "unanswered", "acts", "acts_question", "desk")
PHONE = 360


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory, weights_home):
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        settings = Patched(patch)
        own_places(settings, tmp_path_factory.mktemp("pages"))
        with undone():
            return a_group_photo(settings, patch)


def a_group_photo(settings, patch):
    sent = jpeg_of(decode_picture((PEOPLE / "gallery" / "office-five.jpg").read_bytes()))
    faces = recognition.faces_to_choose(sent)
    answers = told(patch)
    answers.verdict, answers.faces = ProbeVerdict("several_faces", (), None), faces
    case = opened(picture=sent)
    work()
    photo = matching.photos(case.id)[0]
    choose(settings, "public")
    browser = Client()
    keys = {"reference": case.reference, "code": cases.receipt_code(case)}
    browser.post(reverse("public:status"), keys)
    question = reverse("public:own_face", args=[photo.id])
    shown = {
        "asked": browser.get(reverse("public:case")),
        "question": browser.get(question),
        "unanswered": browser.post(question, {"face": ""}),
    }
    numbers = range(1, photo.faces + 1)
    alone = [reverse("public:face", args=[photo.id, one]) for one in numbers]
    shown |= {address: browser.get(address) for address in alone}
    acts = acting_for(case)
    shown |= {
        "acts": acts.get(reverse("public:representing")),
        "acts_question": acts.get(reverse("public:own_face_for", args=[photo.id])),
    }
    alone = [reverse("public:face_for", args=[photo.id, one]) for one in numbers]
    shown |= {address: acts.get(address) for address in alone}
    choose(settings, "desk")
    desk = sign_in(Client(), staff("S-1"))
    shown["desk"] = desk.get(reverse("desk:own_face", args=[case.reference, photo.id]))
    alone = [reverse("desk:face_alone", args=[case.reference, photo.id, one]) for one in numbers]
    shown |= {address: desk.get(address) for address in alone}
    assert own_face.waiting(case.id, photo.id).faces == 5
    return {name: (page.content, page["Content-Type"]) for name, page in shown.items()}


def acting_for(case):
    """A lawyer with an accepted mandate, on the page that their link opens."""
    mandates.write_down(
        case_id=case.id, actor=Actor("S-7001", "officer", "staff"), who=LENA, kind="lawyer",
        rights=[*case.rights.values_list("right", flat=True)], document=PAPER,
        answer_to="person",
    )  # fmt: skip
    Mandate.objects.filter(case=case).update(
        state=MandateState.ACCEPTED, decided_by="S-7002", decided_at=clock.now()
    )
    browser = Client()
    token = invitations.token_of(invitation(case, "representative"))
    browser.post(reverse("public:invitation", kwargs={"token": token}))
    return browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    """T-04: WCAG 2.2 AA."""
    assert found_by_axe(open_page, NAMES, scheme) == {name: [] for name in NAMES}


def test_on_a_phone_without_a_script_each_face_is_one_large_choice(open_page):
    """P-05, SC 1.4.10, 2.5.8: no sideways scrolling, a tap on the picture chooses it."""
    page = open_page("question", width=PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    choices = page.locator(".choice")
    assert choices.count() == 6
    assert all(choices.nth(one).bounding_box()["height"] >= 48 for one in range(6))
    widths = page.locator(".choice img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(widths) == 5
    assert min(widths) > 80
    page.locator(".choice img").nth(2).tap(force=True)  # the whole card is its label
    assert page.locator("input[type=radio]").nth(2).is_checked()
    page.keyboard.press("ArrowDown")
    assert page.locator("input[type=radio]").nth(3).is_checked()


@pytest.mark.parametrize("name", NAMES)
def test_page_fits_a_phone(open_page, name):
    """SC 1.4.10: no sideways scrolling at 320 px."""
    page = open_page(name, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
