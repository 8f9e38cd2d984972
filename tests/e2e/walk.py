"""What people do in the browser, in their own words: ask, decide, open, delete."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from dsr_portal.demo import cast
from tests.e2e.support import DemoStack

LONGEST = 90


@dataclass(frozen=True, slots=True)
class Sent:
    reference: str
    code: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One picture as a person at the desk saw it: its source page, and the band shown after."""

    page: str
    band: str
    same: bool


class Person:
    """A data subject with a phone in hand."""

    def __init__(self, context: BrowserContext, stack: DemoStack) -> None:
        self.context, self.stack = context, stack
        self.page = context.new_page()

    def ask(self, *, photo: Path, rights: tuple[str, ...], email: str) -> Sent:
        page = self.page
        page.goto(self.stack.public + "/")
        page.get_by_role("link", name="Start a request").click()
        for right in rights:
            page.locator(f"input[name=rights][value={right}]").check(force=True)
        self._continue()
        page.locator("input[name=photo]").set_input_files(photo)
        self._continue()
        page.locator("input[name=comparison]").check(force=True)
        self._continue()
        page.locator("input[name=how][value=email]").check(force=True)
        page.locator("input[name=email]").fill(email)
        self._continue()
        page.get_by_role("button", name="Send my request").click()
        expect(page.locator(".big-code")).to_be_visible()
        code = page.locator(".big-code").inner_text().strip()
        found = re.search(r"\b[0-9A-Z]{3}-[0-9A-Z]{4}\b", page.inner_text("main"))
        assert found is not None, "the receipt shows no reference"
        return Sent(found[0], code)

    def _continue(self) -> None:
        self.page.get_by_role("button", name="Continue", exact=True).click()
        expect(self.page.locator(".error-summary")).to_have_count(0)

    def open_own_page(self) -> None:
        """From the receipt to the page of the request, which looks again by itself."""
        self.page.get_by_role("link", name="Page of my request").click()
        expect(self.page.locator("h1")).to_be_visible()

    def enter_code(self, code: str) -> None:
        self.page.locator("input[name=code]").fill(code)
        self.page.get_by_role("button", name="Open", exact=True).click()

    def download(self, name: str, target: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name=re.compile(name)).first.click()
        download.value.save_as(target)
        return target

    def delete_now(self, code: str) -> None:
        self.page.get_by_role("link", name="Have it deleted now").click()
        self.page.locator("input[name=code]").fill(code)
        self.page.get_by_role("button", name="Delete now").click()
        expect(self.page.locator("main")).not_to_contain_text("This is not the code")


class Desk:
    """One person of staff at the desk."""

    def __init__(self, context: BrowserContext, stack: DemoStack) -> None:
        self.context, self.stack = context, stack
        self.page = context.new_page()

    def open(self, reference: str) -> None:
        self.page.goto(f"{self.stack.desk}/cases/{reference}/")
        if self.page.url.endswith("/why/"):
            self._say_why()
        expect(self.page.locator("h1")).to_contain_text(reference)

    def _say_why(self) -> None:
        """A case that is not one's own work opens with a reason (law X-09)."""
        self.page.locator("input[name=why][value=help]").check(force=True)
        self.page.locator("textarea[name=words]").fill("An authority asked for its report.")
        self.press_next("Open the case")

    def waits_for_me(self, reference: str) -> bool:
        self.page.goto(f"{self.stack.desk}/?mine=on")
        return self.page.get_by_role("link", name=reference).count() > 0

    def record_identity(self) -> None:
        self.page.locator("input[name=way][value=call]").check(force=True)
        self.page.locator("input[name=element][value=mailbox_in_record]").check(force=True)
        self.page.locator("textarea[name=compared]").fill("The caller's face and the photo.")
        self.press_next("Record the check")

    def press_next(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def wait_for(self, words: str, *, seconds: int = LONGEST) -> None:
        """Wait for words on the case's page."""
        wait_for(self.page, words, seconds=seconds)

    def searched(self) -> tuple[int, int, int, int]:
        """What the case's page says: found by hnswlib, added by the sweep, compared, enrolled."""
        words = self.page.inner_text("main")
        found = re.search(
            r"hnswlib found (\d+), the sweep added (\d+)\. Compared: (\d+) of (\d+) faces", words
        )
        assert found is not None, words
        graph, added, compared, enrolled = map(int, found.groups())
        return graph, added, compared, enrolled

    def take(self) -> None:
        self.press_next("Take this case")
        expect(self.page.locator("h1")).to_contain_text("Picture 1 of")

    def start_comparing(self) -> None:
        self.page.get_by_role("link", name="Compare", exact=True).click()

    def decide_all(self, *, same_pages: set[str]) -> list[Looked]:
        """Decide each picture by what its source says, first the view, then the decision.

        What a first person confirmed widens the search: new pictures are decided too.
        """
        looked = self._decide_shown(same_pages)
        while self._more_came():
            self.start_comparing()
            looked += self._decide_shown(same_pages)
        return looked

    def _more_came(self) -> bool:
        """Wait for a widened search; whether it brought pictures for this person."""
        end = time.monotonic() + LONGEST
        while "The search is widened" in self.page.inner_text("main"):
            assert time.monotonic() < end, "the widened search did not end"
            time.sleep(0.5)
            self.page.reload()
        return self.page.get_by_role("link", name="Compare", exact=True).count() > 0

    def _decide_shown(self, same_pages: set[str]) -> list[Looked]:
        page = self.page
        looked = []
        while "Picture" in page.locator("h1").inner_text():
            seen = self._page_shown()
            verdict = "same" if seen in same_pages else "not_same"
            assert page.get_by_text("Strong:").count() == 0, "the band shows before the view"
            page.locator(f"input[name=decision][value={verdict}]").check(force=True)
            page.get_by_role("button", name="This is what I see").click()
            band = page.locator(".decide [role=status] b").inner_text().rstrip(":")
            looked.append(Looked(seen, band, verdict == "same"))
            page.locator(f"input[name=decision][value={verdict}]").check(force=True)
            page.get_by_role("button", name="Confirm", exact=True).click()
            page.wait_for_load_state()
        self.press_next("Finish my part")
        expect(page.locator("h1")).to_be_visible()
        return looked

    def _page_shown(self) -> str:
        found = re.search(r"https?://\S+", self.page.inner_text("main"))
        return found[0] if found else ""

    def pages_of_all_candidates(self) -> set[str]:
        """The source pages of every candidate laid before this person."""
        pages: set[str] = set()
        while "Picture" in self.page.locator("h1").inner_text():
            pages.add(self._page_shown())
            self.page.locator("input[name=decision][value=not_same]").check(force=True)
            self.page.get_by_role("button", name="This is what I see").click()
            self.page.locator("input[name=decision][value=not_same]").check(force=True)
            self.page.get_by_role("button", name="Confirm", exact=True).click()
            self.page.wait_for_load_state()
        return pages

    def make_and_approve_answer(self) -> None:
        self.press_next("Make the answer")
        self.wait_for("Approve the answer")
        self.press_next("Approve the answer")

    def release_batch(self) -> None:
        self.page.goto(f"{self.stack.desk}/")
        self.press_next("Send the batch now")

    def open_to_authority(self) -> None:
        self.press_next("Open the case to this authority")


def as_staff(browser: Browser, stack: DemoStack, who: str) -> BrowserContext:
    """A browser signed in as one of the demo's people through the one-click ticket."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    stack.sign_in(page, who)
    page.close()
    return context


def mail_links(browser: Browser, stack: DemoStack, reference: str) -> list[str]:
    """The answer links in the mails about one request, oldest first, from the demo's viewer."""
    context = browser.new_context()
    page = context.new_page()
    links = stack.answer_links(page, reference)
    context.close()
    return links


def wait_for(page: Page, words: str, *, seconds: int = LONGEST) -> None:
    """Look again until words stand on a page that a worker's result changes."""
    end = time.monotonic() + seconds
    while words not in page.inner_text("main"):
        if time.monotonic() > end:
            raise AssertionError(f"{words!r} did not appear:\n{page.inner_text('main')}")
        time.sleep(0.5)
        page.reload()


class Staff:
    """The people of the desk, each signed in once and kept signed in."""

    def __init__(self, browser: Browser, stack: DemoStack) -> None:
        self.browser, self.stack = browser, stack
        self._desks: dict[str, Desk] = {}

    def desk(self, staff_no: str) -> Desk:
        if staff_no not in self._desks:
            context = as_staff(self.browser, self.stack, staff_no)
            self._desks[staff_no] = Desk(context, self.stack)
        return self._desks[staff_no]

    def second_person(self, reference: str) -> tuple[str, Desk]:
        """Whoever was drawn to decide blind, with the case open (R19)."""
        for member in (cast.COLLEAGUE, cast.SUPERVISOR, cast.OFFICER):
            desk = self.desk(member.staff_no)
            if desk.waits_for_me(reference):
                desk.open(reference)
                return member.staff_no, desk
        raise AssertionError("nobody was drawn as the second person")
