"""The component page in a real browser: axe finds nothing, pages fit a phone, keys work."""

import mimetypes
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import sync_playwright

from dsr_portal.core.component_page import sample_context

STATIC = Path(django_settings.STATICFILES_DIRS[0])
BASES = {"public": "base_public.html", "desk": "base_desk.html", "oversight": "base_oversight.html"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, settings):
    settings.DSR_DEMO = False
    contexts = []

    def open_one(site, *, width=1280, **options):
        request = RequestFactory().get("/demo/ui/")
        html = render_to_string(
            "ui/all.html", {**sample_context(), "base_template": BASES[site]}, request=request
        )
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:"

        def answer(route):
            name = route.request.url.split("ui.test/", 1)[1].split("?")[0]
            if not name.startswith("static/"):
                headers = {"Content-Security-Policy": policy}
                return route.fulfill(body=html, content_type="text/html", headers=headers)
            file = STATIC / name.removeprefix("static/")
            return route.fulfill(
                body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0]
            )

        page = context.new_page()
        page.complaints = []
        page.on("console", lambda line: page.complaints.append(line.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.route("**/*", answer)
        page.goto("http://ui.test/")
        return page

    yield open_one
    for context in contexts:
        context.close()


def violations(page):
    return [
        (found["id"], found["nodes"][0]["target"])
        for found in Axe().run(page, options=RULES).response["violations"]
    ]


@pytest.mark.parametrize("site", sorted(BASES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, site, scheme):
    page = open_page(site, color_scheme=scheme)
    assert violations(page) == []
    # The same tool must be able to find something.
    page.evaluate("document.querySelector('.stage img').removeAttribute('alt')")
    page.evaluate("document.querySelector('.lead').style.setProperty('color', 'var(--line)')")
    assert {name for name, _where in violations(page)} == {"image-alt", "color-contrast"}


@pytest.mark.parametrize("site", sorted(BASES))
@pytest.mark.parametrize("width", [320, 390])
def test_page_fits_a_phone(open_page, site, width):
    """WCAG 2.2 SC 1.4.10: no sideways scrolling of the page at 320 px."""
    page = open_page(site, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints == []


def test_targets_are_large_enough(open_page):
    """48 px on public pages, 32 px at the desk (SC 2.5.8 asks for 24)."""
    for site, least in (("public", 48), ("desk", 32)):
        heights = open_page(site, width=390).eval_on_selector_all(
            ".btn, .choice, select, textarea",
            "all => all.map(one => one.offsetHeight).filter(height => height)",
        )
        assert heights
        assert min(heights) >= least


def test_focus_goes_to_the_error_summary_and_on_to_the_field(open_page):
    page = open_page("public")
    assert page.evaluate("document.activeElement.className") == "errors"
    page.click(".errors a >> nth=0")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('form') !== null")


def test_everything_is_there_without_scripts(open_page):
    page = open_page("public", java_script_enabled=False)
    picture = page.locator(".picture").first
    assert not picture.locator("img").is_visible()
    picture.locator("summary").click()
    assert picture.locator("img").is_visible()
    assert page.locator("input[type=file]").first.is_visible()
    page.click("text=Show the keys")
    assert page.locator("dialog").is_visible()


def test_number_keys_choose_and_can_be_switched_off(open_page):
    """R21, WCAG 2.2 SC 2.1.4."""
    page = open_page("desk")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    chosen = page.locator(".decide input:checked[type=radio]")
    assert chosen.get_attribute("value") == "not_same"
    page.locator("[data-keys]").uncheck()
    page.keyboard.press("1")
    assert chosen.get_attribute("value") == "not_same"
    page.locator("[data-keys]").check()
    page.locator("input[name=plain-address]").focus()
    page.keyboard.press("1")
    assert chosen.get_attribute("value") == "not_same"
    assert page.locator("input[name=plain-address]").input_value() == "1"


def test_photo_box_shows_a_preview_under_the_policy(open_page, tmp_path):
    from PIL import Image

    photo = tmp_path / "me.png"
    Image.new("RGB", (900, 600), "#6a8").save(photo)
    page = open_page("public")
    page.set_input_files("input[name=plain-photo]", photo)
    canvas = page.wait_for_selector(".photo canvas")
    assert page.get_by_text("me.png (").inner_text().endswith(" KB)"), "0.0 MB tells nothing"
    assert canvas.evaluate("one => [one.width, one.height]") == [640, 427]
    assert "me.png" in page.locator("[data-said]").first.inner_text()
    assert page.complaints == []


def test_choice_is_seen_in_forced_colours_and_motion_can_be_off(open_page):
    page = open_page("public", forced_colors="active", reduced_motion="reduce")
    page.check("input[name=plain-way] >> nth=0")
    outline = "one => getComputedStyle(one.closest('.choice')).outlineStyle"
    assert page.eval_on_selector("input[name=plain-way]", outline) == "solid"
    moving = "one => getComputedStyle(one).transitionDuration"
    assert page.eval_on_selector(".btn", moving) == "0s"
