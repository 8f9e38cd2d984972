"""One Chromium for a file of browser tests, and pages that were made before it started."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, sync_playwright

STATIC = Path(django_settings.STATICFILES_DIRS[0])
# Its fonts are there, and two frames were drawn: by then pictures in sight are asked for, too.
DRAWN = """async () => {
  await document.fonts.ready;
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(pages, browser):
    """Open one of the file's `pages` (address -> body and type) as its site would answer."""
    contexts = []
    own = ("script-src", "style-src", "img-src", "connect-src")
    policy = "; ".join(["default-src 'none'", *(f"{kind} 'self'" for kind in own)])

    def open_one(name, *, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)

        def answer(route):
            path = route.request.url.split("desk.test", 1)[1]
            if path.startswith("/static/"):
                file = STATIC / path.removeprefix("/static/").split("?")[0]
                kind = mimetypes.guess_type(file.name)[0]
                return route.fulfill(body=file.read_bytes(), content_type=kind)
            body, kind = pages.get(path if path in pages else path.strip("/"), (b"", ""))
            if not kind:
                return route.fulfill(status=404)
            return route.fulfill(
                body=body, content_type=kind, headers={"Content-Security-Policy": policy}
            )

        page = context.new_page()
        page.complaints, asked = [], set()
        page.on("request", lambda one: asked.update({one}))
        page.on("requestfinished", lambda one: asked.difference_update({one}))
        page.on("requestfailed", lambda one: asked.difference_update({one}))
        page.on("console", lambda line: page.complaints.append(line.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.route("**/*", answer)

        def show(name):
            page.goto(f"http://desk.test/{name}")
            # What Playwright calls an idle network is half a second of waiting for nothing.
            page.evaluate(DRAWN)
            while asked:
                page.evaluate(DRAWN)
            return page

        page.show = show
        return show(name)

    yield open_one
    for context in contexts:
        context.close()
