"""The whole way once, in a browser: from a selfie to a signed answer, an erasure and an audit.

Everything is real: the demo's processes, DeepFace, hnswlib, two officers, PDFs parsed back. With
`--pictures FOLDER` the walk leaves the pictures of README and docs behind.
"""

import json
import re
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dsr_portal.demo import cast
from tests.e2e.support import ROOT, Cast, DemoStack
from tests.e2e.walk import Desk, Person, as_staff, mail_links

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

MINA = "mina"
MAIL = "mina@example.org"


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
    first = Desk(as_staff(browser, stack, cast.OFFICER.staff_no), stack)
    first.open(request.reference)
    assert "No search was made" in first.page.inner_text("main")
    first.record_identity()
    first.wait_for("Take this case")
    found = re.search(
        r"hnswlib found (\d+), the sweep added (\d+)\. Compared: (\d+) of (\d+) faces",
        first.page.inner_text("main"),
    )
    assert found is not None
    graph, added, compared, enrolled = map(int, found.groups())
    assert enrolled == compared == stack.enrolled_faces()
    assert graph + added >= len(mina.pages)

    # 3 The first person decides every candidate; the band shows only afterwards (R19, R21).
    first.take()
    shot(first.page, shots, "compare.png")
    first.decide_all(same_pages=mina.pages)

    # 4 The second, drawn among the others, decides blind.
    second_name, second = _drawn(browser, stack, request.reference)
    assert second_name != cast.OFFICER.staff_no
    second.open(request.reference)
    second.start_comparing()
    second.decide_all(same_pages=mina.pages)

    # 5 Answer: made, read, approved by a person, released in the batch (R3).
    first.open(request.reference)
    first.press_next("Make the answer")
    first.wait_for("Approve the answer")
    first.press_next("Approve the answer")
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
    _others_survive(stack)

    # The same selfie again: the search compares fewer faces and finds none of hers.
    again = Person(browser.new_context(viewport={"width": 390, "height": 844}), stack)
    repeated = again.ask(photo=mina.photo, rights=("access",), email="mina2@example.org")
    first.open(repeated.reference)
    first.record_identity()
    first.wait_for("Take this case")
    words = first.page.inner_text("main")
    left = re.search(r"Compared: (\d+) of (\d+)", words)
    assert left is not None
    assert int(left[1]) == int(left[2]) == enrolled - len(mina.pages)
    first.take()
    assert not mina.pages & first.pages_of_all_candidates()

    # 7 The authority: one case, one report, a trail that verifies, one changed byte named.
    supervisor = Desk(as_staff(browser, stack, cast.SUPERVISOR.staff_no), stack)
    supervisor.open(request.reference)
    supervisor.open_to_authority()
    regulator = as_staff(browser, stack, cast.REGULATOR.staff_no)
    report = _audit_report(regulator, stack, request.reference, tmp_path, shots)
    picture_of(report, shots, "audit.png")
    _check_report(report, request.reference)
    _check_trail(stack, tmp_path)


# -- the second person -----------------------------------------------------------------------


def _drawn(browser: Browser, stack: DemoStack, reference: str) -> tuple[str, Desk]:
    for name in (cast.COLLEAGUE.staff_no, cast.SUPERVISOR.staff_no):
        desk = Desk(as_staff(browser, stack, name), stack)
        if desk.waits_for_me(reference):
            return name, desk
        desk.context.close()
    raise AssertionError("nobody was drawn as the second person")


# -- what the files say ----------------------------------------------------------------------


def _text(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def _signature(pdf: Path) -> dict[str, object]:
    """The verdict of the confined child that any PDF from outside goes to (R28)."""
    child = subprocess.run(
        [str(ROOT / ".venv/bin/python"), "-m", "dsr_portal.documents.inspect"],
        input=pdf.read_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    verdict: dict[str, object] = json.loads(child.stdout)
    return verdict


def _check_answer(pdf: Path, package: Path, mina: Cast) -> None:
    text = " ".join(_text(pdf).split())
    verdict = _signature(pdf)
    assert verdict["intact"], verdict
    assert verdict["covers_whole_file"], verdict
    changed = pdf.with_suffix(".changed.pdf")
    data = bytearray(pdf.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    assert not _signature(changed).get("intact")
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
        assert _faces_in(picture) == 1, "a second face is uncovered"
    for picture in _pictures_in(pdf):
        assert _faces_in(picture) <= 1, "a second face is uncovered in the PDF"


def _pictures_in(pdf: Path) -> list[bytes]:
    with pikepdf.open(pdf) as document:
        return [
            bytes(pikepdf.PdfImage(image).obj.read_raw_bytes())
            for page in document.pages
            for image in page.get_images().values()
            if image.get("/Filter") == "/DCTDecode"
        ]


def _faces_in(picture: bytes) -> int:
    import io

    import numpy as np
    from PIL import Image

    from biometrics.config import BiometricsConfig
    from biometrics.faces import find_faces

    rgb = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return len(find_faces(rgb, BiometricsConfig(home=ROOT / "var" / "weights")))


def _check_certificate(pdf: Path) -> None:
    text = " ".join(_text(pdf).split())
    assert _signature(pdf)["intact"]
    assert "VERIFIED" in text
    assert "UNVERIFIED" in text or "PENDING" in text, "what was not checked is said"


def _others_survive(stack: DemoStack) -> None:
    """Tomas stays in the gallery: his record in Mina's group picture still exists."""
    assert stack.enrolled_faces() > 0
    assert stack.records_on_pages(stack.cast("tomas").pages) > 0


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

    text = " ".join(_text(pdf).split())
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


def shot(page: Page, folder: Path | None, name: str) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / name, full_page=False)


def picture_of(pdf: Path, folder: Path | None, name: str) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        pypdfium2.PdfDocument(pdf)[0].render(scale=1.3).to_pil().save(folder / name)
