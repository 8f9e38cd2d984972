"""Every card of the demo, walked to the outcome it tells (issue 3: the end-to-end test asserts it).

The sentence is read where a visitor reads it and taken apart clause by clause; each clause is held
against what the request's page, the desk and the answer showed. The walk is real: processes of
`make demo`, DeepFace, two persons at the desk. A card whose sentence has a clause that nothing here
asserts fails, and so does a card without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from dsr_portal.demo import cast
from dsr_portal.settings import demo as demo_settings
from tests.e2e.papers import Given, Likeness, records_of, signature_of, text_of
from tests.e2e.support import DemoStack, manifest
from tests.e2e.walk import Looked, Person, Sent, Staff, mail_links, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NUMBERS = {"One": 1, "Two": 2, "Three": 3, "Four": 4, "Five": 5, "Six": 6, "ten": 10, "two": 2}
NEEDS_PHOTO = "We need another photo"


@dataclass(frozen=True, slots=True)
class Walked:
    """What the pages showed on the way of one card; what a way did not reach is empty.

    `proposed` is the number of possible matches the case's page counts, `first` and `second` what
    the two persons saw and said, `answered` the words of the answer's page, `letter` and `records`
    what could be saved there, `own_page` the words of the request's own page. `shown_alone` are the
    faces somebody in a photo of several could choose from, `kept` the photo after they chose the
    first, as the desk shows it.
    """

    card: cast.Person
    likeness: Likeness
    proposed: int | None = None
    first: tuple[Looked, ...] = ()
    second: tuple[Looked, ...] = ()
    answered: str = ""
    letter: str = ""
    records: tuple[Given, ...] = ()
    own_page: str = ""
    shown_alone: tuple[bytes, ...] = ()
    kept: bytes = b""


# -- what the clauses of a card say ------------------------------------------------------------


def all_of_them(walked: Walked, number: str) -> None:
    """So many are proposed, each is the person's, both persons say so and the answer has them."""
    own = pages_of(walked.card.own)
    assert walked.proposed == NUMBERS[number] == len(own)
    for seen in (walked.first, walked.second):
        assert {one.page for one in seen} == own
        assert len(seen) == len(own)
        assert all(one.same for one in seen)
    noun = "picture" if len(own) == 1 else "pictures"
    assert f"{len(own)} {noun} with your face" in walked.letter
    assert sorted(page for one in walked.records for page in one.pages) == sorted(own)


def is_covered(walked: Walked, number: str, name: str) -> None:
    """The other's face is in the gallery's picture and not in the one given; nobody else's goes."""
    other = next(one for one in cast.PEOPLE if str(one.name).partition(" ")[0] == name)
    photo, shows = other.photo.read_bytes(), walked.likeness.shows
    files = {row["page_url"]: cast.GALLERY / file for file, row in manifest().items()}
    covered = []
    for record in walked.records:
        assert shows(record.picture, walked.card.photo.read_bytes()), "the person's own face stays"
        assert not shows(record.picture, photo), f"{name} is to be seen"
        if any(shows(files[page].read_bytes(), photo) for page in record.pages):
            covered.append(record)
    assert len(covered) == NUMBERS[number]
    assert [record.covered for record in covered] == [1] * len(covered)
    assert sum(record.covered for record in walked.records) == len(covered)
    assert walked.letter.count("1 other face is covered.") == len(covered)


def no_match(walked: Walked) -> None:
    assert walked.proposed == 0


def nearest_are_looked_at(walked: Walked, number: str) -> None:
    """Both look at the nearest, which lie below the threshold, and the answer says that two did."""
    for seen in (walked.first, walked.second):
        assert len({one.page for one in seen}) <= len(seen) == NUMBERS[number]
        assert {one.band for one in seen} == {"Below the threshold"}
    for words in (walked.answered, walked.letter):
        assert "We did not find pictures of you" in words
        assert "and two people checked" in words


def all_of_a_sister(walked: Walked, number: str) -> None:
    sister = pages_of(walked.card.others)
    assert walked.proposed == NUMBERS[number] == len(sister)
    for seen in (walked.first, walked.second):
        assert {one.page for one in seen} == sister


def officers_say_no(walked: Walked) -> None:
    """The program proposed them above the threshold; two persons reject, and nothing is given."""
    for seen in (walked.first, walked.second):
        assert seen
        assert {one.band for one in seen} <= {"Review", "Strong"}
        assert not any(one.same for one in seen)
    assert "We did not find pictures of you" in walked.answered
    assert "We did not find pictures of you" in walked.letter
    assert walked.records == ()


def one_and_not_strong(walked: Walked, number: str) -> None:
    all_of_them(walked, number)
    assert [one.band for one in walked.first] == ["Review"]


def needs_a_close_look(walked: Walked) -> None:
    """No band says "strong" to lean on, and it is the person: rejecting unseen would lose it."""
    for seen in (walked.first, walked.second):
        assert seen
        assert all(one.band == "Review" and one.same for one in seen)


def another_photo(words: str) -> Callable[[Walked], None]:
    def asked(walked: Walked) -> None:
        assert NEEDS_PHOTO in walked.own_page
        assert words in walked.own_page
        assert "Send another photo" in walked.own_page
        assert walked.proposed is None

    return asked


def own_face_alone(walked: Walked) -> None:
    """P-05: asked with each face by itself; what is kept shows the chosen one and nobody else."""
    assert "There is more than one face in your photo. Choose yours." in walked.own_page
    assert walked.proposed is None
    own, *others = walked.shown_alone
    assert others
    assert walked.likeness.shows(walked.kept, own)
    assert not any(walked.likeness.shows(walked.kept, other) for other in others)


CLAUSES: tuple[tuple[str, Callable[..., None]], ...] = (
    (r"(\w+) possible match(?:es)?, all of (?:her|him)\.", all_of_them),
    (r"In (\w+) pictures (\w+) is covered\.", is_covered),
    (r"No possible match\.", no_match),
    (
        r"Two people look at the (\w+) nearest faces, and the answer says so\.",
        nearest_are_looked_at,
    ),
    (r"(\w+) possible matches, all of her sister\.", all_of_a_sister),
    (r"The officers must say no; then nothing is found\.", officers_say_no),
    (r"(\w+) possible match, not a strong one\.", one_and_not_strong),
    (r"The officers need to look closely\.", needs_a_close_look),
    (
        r"No face is found; we ask for another photo\.",
        another_photo("We can't see a face in this photo."),
    ),
    (
        r"More than one face; we ask which is theirs, and keep that one alone\.",
        own_face_alone,
    ),
    (
        r"The face is too small; we ask for another photo\.",
        another_photo("Your face is very small in this photo."),
    ),
)


def clauses_of(sentence: str) -> list[tuple[Callable[..., None], tuple[str, ...]]]:
    """The assertions of a card's sentence in order; `LookupError` for words that none covers."""
    found: list[tuple[Callable[..., None], tuple[str, ...]]] = []
    rest = sentence.strip()
    while rest or not found:
        for pattern, check in CLAUSES:
            match = re.match(pattern, rest)
            if match:
                found.append((check, match.groups()))
                rest = rest[match.end() :].strip()
                break
        else:
            raise LookupError(f"no walk asserts {rest!r}")
    return found


def pictured(page: Page, picture: Locator) -> bytes:
    """The bytes of a picture on a page, asked for as its reader."""
    answer = page.request.get(picture.evaluate("one => one.src"))
    assert answer.ok, answer.status
    return answer.body()


def pages_of(files: tuple[str, ...]) -> set[str]:
    rows = manifest()
    return {rows[name]["page_url"] for name in files}


# -- the walk ----------------------------------------------------------------------------------


class House:
    """One running demo in which the cards are walked one after the other."""

    def __init__(self, stack: DemoStack, browser: Browser) -> None:
        self.stack, self.browser = stack, browser
        self.staff = Staff(browser, stack)
        self.likeness = Likeness(demo_settings.DSR_REVIEW_THRESHOLD)

    def sentences(self) -> dict[str, str]:
        """What the people page promises, by the name on the card."""
        with self.browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{self.stack.public}/demo/people/")
            told = {}
            for card in page.locator("li.picture").all():
                promise = card.locator("p", has_text="What will happen:").inner_text()
                told[card.locator("h2").inner_text()] = promise.partition(":")[2].strip()
        return told

    def walk(self, card: cast.Person, folder: Path) -> Walked:
        """From the public start page to the outcome: an opened answer, or a photo to send again."""
        with self.browser.new_context(viewport={"width": 390, "height": 844}) as context:
            person = Person(context, self.stack)
            sent = person.ask(photo=card.photo, rights=("access",), email=card.email)
            if card.verdict == "several_faces":
                return self._own_face(card, person, sent)
            if not card.usable:
                return self._refused_photo(card, person, sent)
            return self._answered(card, person, sent, folder)

    def _own_face(self, card: cast.Person, person: Person, sent: Sent) -> Walked:
        """The first face is chosen; the desk then has a usable photo with that face in it."""
        person.open_own_page()
        page = person.page
        wait_for(page, "Choose yours")
        words = page.inner_text("main")
        page.get_by_role("link", name="Choose your face").click()
        faces = [pictured(page, one) for one in page.locator(".choice img").all()]
        page.locator("input[name=face]").first.check(force=True)
        page.get_by_role("button", name="Send", exact=True).click()
        wait_for(page, "We kept your face and deleted the rest of the photo.")
        desk = self.staff.desk(cast.OFFICER.staff_no)
        desk.open(sent.reference)
        desk.wait_for("Photo: usable")
        kept = pictured(desk.page, desk.page.locator("img[src*='/probe/']").first)
        return Walked(card, self.likeness, own_page=words, shown_alone=tuple(faces), kept=kept)

    def _refused_photo(self, card: cast.Person, person: Person, sent: Sent) -> Walked:
        person.open_own_page()
        wait_for(person.page, NEEDS_PHOTO)
        desk = self.staff.desk(cast.OFFICER.staff_no)
        desk.open(sent.reference)
        words = desk.page.inner_text("main")
        assert "Waits for the person" in words
        assert "No search was made" in words
        return Walked(card, self.likeness, own_page=person.page.inner_text("main"))

    def _answered(self, card: cast.Person, person: Person, sent: Sent, folder: Path) -> Walked:
        own = pages_of(card.own)
        officer = self.staff.desk(cast.OFFICER.staff_no)
        officer.open(sent.reference)
        officer.wait_for("Photo: usable")
        officer.record_identity()
        officer.wait_for("Take this case")
        graph, added, compared, enrolled = officer.searched()
        assert compared == enrolled == self.stack.enrolled_faces()
        officer.take()
        first = officer.decide_all(same_pages=own)
        name, colleague = self.staff.second_person(sent.reference)
        assert name != cast.OFFICER.staff_no
        colleague.start_comparing()
        second = colleague.decide_all(same_pages=own)

        officer.open(sent.reference)
        officer.make_and_approve_answer()
        officer.release_batch()
        person.page.goto(mail_links(self.browser, self.stack, sent.reference)[-1])
        person.enter_code(sent.code)
        letter = person.download(r"\.pdf$", folder / "answer.pdf")
        assert signature_of(letter)["intact"]
        has_package = person.page.get_by_role("link", name=re.compile(r"\.zip$")).count() > 0
        package = person.download(r"\.zip$", folder / "answer.zip") if has_package else None
        return Walked(
            card,
            self.likeness,
            proposed=graph + added,
            first=tuple(first),
            second=tuple(second),
            answered=person.page.inner_text("main"),
            letter=text_of(letter),
            records=tuple(records_of(package)) if package else (),
        )


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, weights_home: Path
) -> Iterator[House]:
    with DemoStack.running(tmp_path_factory.mktemp("demo"), cases=False) as stack:
        yield House(stack, browser)


@pytest.mark.parametrize("card", cast.CARDS, ids=lambda card: card.key)
def test_what_the_card_tells_comes_true(card: cast.Person, house: House, tmp_path: Path) -> None:
    sentence = house.sentences()[str(card.name)]
    checks = clauses_of(sentence)
    walked = house.walk(card, tmp_path)
    for check, words in checks:
        check(walked, *words)


def test_every_card_on_the_page_is_walked(house: House) -> None:
    assert house.sentences() == {str(one.name): str(one.outcome) for one in cast.CARDS}


@pytest.mark.parametrize("sentence", ["", "She wins a prize.", "No possible match. Then tea."])
def test_a_card_that_nothing_asserts_is_refused(sentence: str) -> None:
    with pytest.raises(LookupError):
        clauses_of(sentence)


def test_a_sentence_that_did_not_come_true_is_seen() -> None:
    """The assertions fail on an empty walk: none is content with nothing."""
    empty = Walked(cast.MINA, Likeness(1.0))
    for card in cast.CARDS:
        for check, words in clauses_of(str(card.outcome)):
            with pytest.raises(AssertionError):
                check(empty, *words)
