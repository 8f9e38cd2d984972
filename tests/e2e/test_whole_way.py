"""The whole way once, in a browser: from a selfie to a signed answer, an erasure and an audit.

Everything is real: the demo's processes, DeepFace, hnswlib, two officers, PDFs parsed back. With
`--pictures FOLDER` the walk leaves the pictures of README and docs behind.
"""

import json
import re
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dsr_portal.demo import cast
from tests.e2e.papers import faces_in, pictures_in, signature_of, text_of
from tests.e2e.support import ROOT, Cast, DemoStack, Holding, manifest
from tests.e2e.walk import Person, Staff, as_staff, mail_links

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

MINA = "mina"
MAIL = "mina@example.org"
# Letters from which on a fact of the fixtures stands nowhere by chance.
TELLING = 12


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStack]:
    with DemoStack.running(tmp_path_factory.mktemp("demo"), cases=False) as running:
        yield running


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path | None:
    folder = request.config.getoption("--pictures")
    return None if folder is None else ROOT / folder


def test_from_a_selfie_to_a_signed_answer_an_erasure_and_an_audit(
    stack: DemoStack, browser: Browser, shots: Path | None, tmp_path: Path
) -> None:
    mina = stack.cast(MINA)

    # 1 The person asks, with a photo and without an account (T-05, R14).
    person = Person(browser.new_context(viewport={"width": 390, "height": 844}), stack)
    request = person.ask(photo=mina.photo, rights=("access", "erasure"), email=MAIL)
    assert re.fullmatch(r"[0-9A-Z]{3}-[0-9A-Z]{4}", request.reference)
    assert len(request.code.replace("-", "").replace(" ", "")) == 16
    shot(person.page, shots, "receipt.png")

    # 2 An officer records who is asking; the search starts by itself (R2, R6, R7).
    staff = Staff(browser, stack)
    first = staff.desk(cast.OFFICER.staff_no)
    first.open(request.reference)
    assert "No search was made" in first.page.inner_text("main")
    first.record_identity()
    first.wait_for("Take this case")
    graph, added, compared, enrolled = first.searched()
    assert enrolled == compared == stack.enrolled_faces()
    assert graph + added >= len(mina.pages)

    # 3 The first person decides every candidate; the band shows only afterwards (R19, R21).
    first.take()
    shot(first.page, shots, "compare.png")
    first.decide_all(same_pages=mina.pages)

    # 4 The second, drawn among the others, decides blind.
    second_name, second = staff.second_person(request.reference)
    assert second_name != cast.OFFICER.staff_no
    second.start_comparing()
    second.decide_all(same_pages=mina.pages)

    # 5 Answer: made, read, approved by a person, released in the batch (R3).
    first.open(request.reference)
    first.make_and_approve_answer()
    assert not mail_links(browser, stack, request.reference), "no link leaves before the batch"
    first.release_batch()
    link = mail_links(browser, stack, request.reference)[-1]

    # A wrong code opens nothing; the right one opens link, PDF and ZIP (R12, R13).
    person.page.goto(link)
    person.enter_code("AAAA-AAAA-AAAA-AAAA")
    expect(person.page.locator("body")).to_contain_text("not the code of this request")
    person.enter_code(request.code)
    expect(person.page.locator("h1")).to_contain_text("Your answer")
    shot(person.page, shots, "answer-page.png")
    pdf = person.download(r"\.pdf$", tmp_path / "answer.pdf")
    package = person.download(r"\.zip$", tmp_path / "answer.zip")
    _check_answer(pdf, package, mina)
    picture_of(pdf, shots, "answer.png")

    before = stack.holdings()
    facts = facts_of_own_pictures()
    _scan_sees(stack, facts)

    # 6 Delete now, with the second factor again; after the hold window it is carried out (R4).
    person.delete_now(request.code)
    with browser.new_context() as context:
        stack.forward(context.new_page(), "hour")
        stack.forward(context.new_page(), "hour")
    first.open(request.reference)
    first.wait_for("Nothing is left to do", seconds=180)
    first.release_batch()
    person.page.goto(mail_links(browser, stack, request.reference)[-1])
    person.enter_code(request.code)
    certificate = person.download(r"\.pdf$", tmp_path / "certificate.pdf")
    _check_certificate(certificate)
    picture_of(certificate, shots, "certificate.png")
    _exactly_hers_are_gone(before, stack.holdings())
    assert found_in_clear(stack.folder, facts) == []

    # The same selfie again: the search compares fewer faces and finds none of hers.
    again = Person(browser.new_context(viewport={"width": 390, "height": 844}), stack)
    repeated = again.ask(photo=mina.photo, rights=("access",), email="mina2@example.org")
    first.open(repeated.reference)
    first.record_identity()
    first.wait_for("Take this case")
    _graph, _added, compared, left = first.searched()
    assert compared == left == enrolled - len(mina.pages)
    first.take()
    assert not mina.pages & first.pages_of_all_candidates()
    first.press_next("Finish my part")
    _name, second = staff.second_person(repeated.reference)
    second.start_comparing()
    second.decide_all(same_pages=set())
    first.open(repeated.reference)
    first.make_and_approve_answer()
    first.release_batch()
    again.page.goto(mail_links(browser, stack, repeated.reference)[-1])
    again.enter_code(repeated.code)
    expect(again.page.locator("main")).to_contain_text("We did not find pictures of you")

    # 7 The authority: one case, one report, a trail that verifies, one changed byte named.
    supervisor = staff.desk(cast.SUPERVISOR.staff_no)
    supervisor.open(request.reference)
    supervisor.open_to_authority()
    regulator = as_staff(browser, stack, cast.REGULATOR.staff_no)
    report = _audit_report(regulator, stack, request.reference, tmp_path, shots)
    picture_of(report, shots, "audit.png")
    _check_report(report, request.reference)
    _check_trail(stack, tmp_path)


# -- what the files say ----------------------------------------------------------------------


def _check_answer(pdf: Path, package: Path, mina: Cast) -> None:
    text = text_of(pdf)
    verdict = signature_of(pdf)
    assert verdict["intact"], verdict
    assert verdict["covers_whole_file"], verdict
    changed = pdf.with_suffix(".changed.pdf")
    data = bytearray(pdf.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    assert not signature_of(changed).get("intact")
    for page in mina.pages:
        assert page.removeprefix("https://") in text.replace(" ", ""), page
    for company in mina.recipients:
        assert company in text
    assert "Index check" in text
    assert "Coverage" in text
    assert "not tested here" in text
    with zipfile.ZipFile(package) as opened:
        names = set(opened.namelist())
        data_json = json.loads(opened.read("data.json"))
        pictures = [opened.read(record["picture"]) for record in data_json["records"]]
    assert {"answer.pdf", "data.json", "schema.md", "SHA256SUMS"} <= names
    assert len(pictures) == len(data_json["records"]) == len(mina.pages)
    assert all(len(record["template"]) == 128 for record in data_json["records"])
    for picture in pictures:
        assert faces_in(picture) == 1, "a second face is uncovered"
    for picture in pictures_in(pdf):
        assert faces_in(picture) <= 1, "a second face is uncovered in the PDF"


def _check_certificate(pdf: Path) -> None:
    text = text_of(pdf)
    assert signature_of(pdf)["intact"]
    for place in (
        "Files of the database",
        "Folder of encrypted files",
        "Working files and logs on our machine",
        "Temporary files",
        "Memory of the face search",
        "Files of the search index",
        "Pictures, addresses, captions",
    ):
        assert f"{place} VERIFIED" in text, place
    assert "read byte by byte during the erasure" in text
    assert "Memory of other programs UNVERIFIED" in text, "what was not checked is said"


def _exactly_hers_are_gone(before: dict[str, Holding], after: dict[str, Holding]) -> None:
    """E-04, R17: her faces went, with pictures that showed her alone; every other one opens."""
    hers = {one for one, holding in before.items() if holding.disclosed}
    assert sorted(before[one].path for one in hers) == sorted(cast.MINA.own)
    assert set(after) == set(before), "rows stay, for the trail and the certificate"
    assert {one for one, holding in after.items() if holding.state == "erased"} == hers
    files = {one: {*holding.files} for one, holding in before.items()}
    others = set(before) - hers
    assert cast.TOMAS.own, "somebody else is in two of the pictures"
    shared = {before[one].path for one in others} & {before[one].path for one in hers}
    assert shared == set(cast.MINA.own) & set(cast.TOMAS.own)
    for one in hers:
        assert (after[one].opens, after[one].template) == (False, False), before[one].path
        assert files[one], "what was sealed of her lay in files"
        assert not [name for name in files[one] if Path(name).exists()], before[one].path
    for one in others:
        was, now = before[one], after[one]
        assert (now.state, now.opens, now.template) == (was.state, True, True), was.path
        assert (now.path, was.opens, was.template) == (was.path, True, True)
        assert now.files, was.path
        assert all(Path(name).exists() for name in now.files), was.path


def facts_of_own_pictures() -> dict[str, bytes]:
    """What was collected of her, in clear, read from the fixtures and not from the product.

    None of it may ever lie in a file in clear: pages, addresses, captions and pictures are sealed.
    """
    facts = {}
    for name, row in manifest().items():
        if name in cast.MINA.own:
            # Not every picture was collected with a caption, and one word may stand anywhere.
            said = {one: row[one] for one in ("page_url", "image_url", "caption")}
            facts |= {f"{k} of {name}": v.encode() for k, v in said.items() if len(v) >= TELLING}
            data = (cast.GALLERY / name).read_bytes()
            facts[f"bytes of {name}"] = data[len(data) // 2 :][:48]
    assert len(facts) >= 3 * len(cast.MINA.own), "two addresses and the picture's bytes each"
    assert any(name.startswith("caption") for name in facts)
    return facts


def found_in_clear(folder: Path, facts: dict[str, bytes]) -> list[str]:
    """Which facts lie in which file of an installation: database, log of writes, vault, output."""
    found = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue  # a message that was taken, a file that was replaced
        found += [f"{name} in {path.name}" for name, fact in facts.items() if fact in data]
    return found


def _scan_sees(stack: DemoStack, facts: dict[str, bytes]) -> None:
    """The scan finds what lies there: every fact in a file of its own, and a name in a database."""
    canary = stack.folder / "var" / "scan-canary"
    canary.write_bytes(b"\0".join([b"", *facts.values(), b""]))
    seen = found_in_clear(stack.folder, facts)
    canary.unlink()
    assert {f"{name} in scan-canary" for name in facts} == set(seen)
    named = found_in_clear(stack.folder, {"staff": cast.OFFICER.name.encode()})
    assert f"staff in {stack.database.name}" in named


def _audit_report(
    regulator: BrowserContext, stack: DemoStack, reference: str, folder: Path, shots: Path | None
) -> Path:
    page = regulator.new_page()
    page.goto(f"{stack.oversight}/")
    page.get_by_role("link", name=reference).click()
    page.get_by_role("button", name="Make an audit report").click()
    link = page.get_by_role("link", name="Audit report (PDF)")
    end = time.monotonic() + 90
    while not link.count():
        assert time.monotonic() < end, page.inner_text("main")
        time.sleep(1)
        page.get_by_role("link", name="Look again").click()
    shot(page, shots, "oversight.png")
    with page.expect_download() as download:
        link.first.click()
    target = folder / "audit.pdf"
    download.value.save_as(target)
    return target


def _check_report(pdf: Path, reference: str) -> None:
    from dsr_portal.audit.export import verify_export

    text = text_of(pdf)
    assert reference in text
    assert "The trail was verified from its first event" in text
    with pikepdf.open(pdf) as document:
        trail = json.loads(document.attachments["trail.json"].get_file().read_bytes())
    verdict = verify_export(trail)
    assert verdict.ok, verdict
    assert trail["events"]
    trail["events"][1]["header"]["type"] = "case.closed"
    assert not verify_export(trail).ok


def _check_trail(stack: DemoStack, folder: Path) -> None:
    """The chain verifies; one changed byte in a copy of the database is named."""
    verdict = stack.manage("verify_audit", "--json")
    assert verdict["ok"], verdict
    copy = folder / "copy.sqlite3"
    with sqlite3.connect(stack.database) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    changed = sqlite3.connect(copy)
    names = changed.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall()
    for (name,) in names:
        changed.execute(f'DROP TRIGGER "{name}"')
    changed.execute("UPDATE audit_event SET actor_role='officeR' WHERE number=5")
    changed.commit()
    changed.close()
    broken = stack.manage("verify_audit", "--json", database=copy)
    assert (broken["ok"], broken["first_broken"]) == (False, 5)


# -- pictures for the documentation ----------------------------------------------------------


# Pictures in sight are there; those further down are asked for when somebody scrolls to them.
LOADED = """() => [...document.images].every(
  (one) => !one.checkVisibility() || one.getBoundingClientRect().top > innerHeight
    || (one.complete && one.naturalWidth))"""


def shot(page: Page, folder: Path | None, name: str) -> None:
    if folder is not None:
        page.wait_for_function(LOADED)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / name, full_page=False)


def picture_of(pdf: Path, folder: Path | None, name: str) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        pypdfium2.PdfDocument(pdf)[0].render(scale=1.3).to_pil().save(folder / name)
