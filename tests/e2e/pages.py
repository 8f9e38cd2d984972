"""Real pages of a site, made before the browser starts, and what is asked of each."""

from io import BytesIO

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from PIL import Image

from tests.support.gallery import PEOPLE

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def face(name, side=320):
    with Image.open(PEOPLE / name) as picture:
        picture.thumbnail((side, side))
        data = BytesIO()
        picture.convert("RGB").save(data, "JPEG")
        return data.getvalue()


class Patched:
    """Django's settings, each change taken back with the patch."""

    def __init__(self, patch):
        object.__setattr__(self, "patch", patch)

    def __getattr__(self, name):
        return getattr(django_settings, name)

    def __setattr__(self, name, value):
        self.patch.setattr(django_settings, name, value)


def found_by_axe(open_page, names, scheme):
    """What axe finds on each page, which must load without a complaint of the browser."""
    page, found = None, {}
    for name in names:
        # A window of its own for each takes longer than the page.
        page = page.show(name) if page else open_page(name, color_scheme=scheme)
        found[name] = violations(page)
        assert page.complaints == []
    return found


def violations(page):
    return [
        (found["id"], found["nodes"][0]["target"], found["nodes"][0]["html"][:120])
        for found in Axe().run(page, options=RULES).response["violations"]
    ]
