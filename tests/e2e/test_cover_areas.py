"""Covering a document by drawing: mouse, finger, keys; and numbers without a script (R-08)."""

import io
import os
import re

import pytest
from django.test import Client
from django.urls import reverse, set_urlconf
from PIL import Image

from dsr_portal.cases import proofs
from dsr_portal.core.actor import Actor
from dsr_portal.vault.confined import Picture
from tests.e2e.pages import Patched, violations
from tests.support.gallery import own_places
from tests.support.matching import opened, sign_in, staff
from tests.support.trail import undone

pytestmark = pytest.mark.django_db
# Playwright keeps an event loop in this thread, beside which Django refuses its database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

FIELD = "#id_cover-areas"


def a_card():
    """Wider than high, so that it does not fill its box; a red number at its foot."""
    card = Image.new("RGB", (800, 400), "white")
    card.paste("red", (80, 320, 720, 380))
    out = io.BytesIO()
    card.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        settings = Patched(patch)
        own_places(settings, tmp_path_factory.mktemp("proof"))
        settings.DSR_SITE, settings.ROOT_URLCONF = "desk", settings.DSR_SITES["desk"]
        set_urlconf(None)
        with undone():
            case, officer = opened(), staff("S-1")
            actor = Actor("S-1", "officer", "staff")
            proof = proofs.give(
                case_id=case.id, actor=Actor.person(case.id), data=a_card(), kind="passport"
            )
            proofs.take(proof_id=proof.id, actor=actor)
            desk = sign_in(Client(), officer)
            of = {"reference": case.reference}
            picture = reverse("desk:proof_picture", kwargs=of | {"proof_id": proof.id})
            page = desk.get(reverse("desk:proof", kwargs=of))
            assert page.status_code == 200
            found = {"proof": (page.content, "text/html")}
            found[picture] = (desk.get(picture).content, "image/jpeg")
    return found


@pytest.fixture
def shown(open_page):
    def show(**options):
        page = open_page("proof", **options)
        page.locator("[data-areas] summary").click()
        page.wait_for_function("() => document.querySelector('[data-areas] img').naturalWidth > 0")
        return page

    return show


def place(page, across, down):
    """A point of the picture on the screen, as its own shape lies in its box."""
    return page.evaluate(
        """([x, y]) => {
          const svg = document.querySelector('[data-areas] svg');
          const box = svg.viewBox.baseVal;
          const point = new DOMPoint(x * box.width, y * box.height);
          const at = point.matrixTransform(svg.getScreenCTM());
          return [at.x, at.y];
        }""",
        [across, down],
    )


def areas(page):
    return proofs.areas_of(page.input_value(FIELD))


def covers_the_number(found):
    """Whether no red is left once these areas are covered by the service itself."""
    with Image.open(io.BytesIO(a_card())) as card:
        rgb = card.convert("RGB").tobytes()
    left = proofs.covered(Picture(rgb, 800, 400, "PNG", 800, 400), found).rgb
    return bytes((255, 0, 0)) not in {left[at : at + 3] for at in range(0, len(left), 3)}


def drag(page, start, end):
    page.mouse.move(*place(page, *start))
    page.mouse.down()
    page.mouse.move(*place(page, 0.5, 0.5))
    page.mouse.move(*place(page, *end))
    page.mouse.up()


def test_a_rectangle_drawn_with_the_mouse_covers_what_lies_under_it(shown):
    """R-08: the numbers that are posted are those of the picture, not of its box."""
    page = shown()
    page.locator("[data-areas] svg").scroll_into_view_if_needed()
    drag(page, (0.95, 0.99), (0.05, 0.75))
    (one,) = areas(page)
    assert abs(one.left - 5) <= 1
    assert abs(one.top - 75) <= 1
    assert covers_the_number(areas(page))
    page.mouse.click(*place(page, 0.2, 0.2))
    assert len(areas(page)) == 1, "a click is no rectangle"
    assert page.locator("[data-areas] rect").count() == 1
    assert "1" in page.locator("[data-areas] [aria-live]").inner_text()
    assert page.complaints == []


def test_a_finger_draws_too(shown):
    """R-08: touch, on a narrow screen."""
    page = shown(width=390, has_touch=True)
    page.locator("[data-areas] svg").scroll_into_view_if_needed()
    start, end = place(page, 0.05, 0.75), place(page, 0.95, 0.99)
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [start]),
        ("touchMove", [end]),
        ("touchEnd", []),
    ):
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )
    page.wait_for_function("() => document.querySelector('#id_cover-areas').value !== ''")
    assert covers_the_number(areas(page))


def test_keys_make_move_size_and_take_away(shown):
    """R-08, WCAG 2.1.1: everything without a pointer; the field and the drawing are one."""
    page = shown()
    page.locator("[data-areas] svg").focus()
    page.keyboard.press("Enter")
    assert page.input_value(FIELD) == "40, 45, 20, 10"
    for key in ("ArrowLeft", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert page.input_value(FIELD) == "39, 46, 21, 9"
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    assert page.input_value(FIELD) == "39, 46, 21, 9"
    for _far in range(60):
        page.keyboard.press("ArrowRight")
    assert page.input_value(FIELD) == "79, 46, 21, 9", "never over the edge"
    page.fill(FIELD, "8, 78, 84, 20\n1, 1, 5, 5")
    assert page.locator("[data-areas] rect").count() == 2
    assert covers_the_number(areas(page))


def test_without_scripts_the_numbers_do_it(pages):
    """R-08: as it comes from the server the field is there and says how; no word of drawing."""
    html = pages["proof"][0].decode()
    field = re.search(r"<textarea[^>]*id=\"id_cover-areas\"[^>]*>", html)
    assert field
    assert "hidden" not in field.group(0)
    assert "left, top, width, height" in html
    assert re.search(r"<p[^>]*data-areas-help hidden>", html)
    assert "<svg" not in html
    assert re.search(r'<script src="[^"]*areas[^"]*\.js" defer></script>', html)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_nothing_axe_finds(shown, scheme):
    page = shown(color_scheme=scheme)
    page.locator("[data-areas] svg").focus()
    page.keyboard.press("Enter")
    assert violations(page) == []
    assert page.complaints == []
