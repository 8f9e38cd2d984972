"""A list with mandates: checked whole, made line by line, one receipt for all (R11; law C-04)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dsr_portal.cases import intake, mandates
from dsr_portal.cases.mandate_models import Batch, Mandate
from dsr_portal.cases.models import Case
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import BadInput
from dsr_portal.core.registries import senders
from dsr_portal.law import deadlines
from dsr_portal.matching import batches
from tests.support import matching as review
from tests.support.gallery import own_places
from tests.support.matching import sign_in, staff
from tests.support.represented import LENA, mails

pytestmark = [pytest.mark.django_db, pytest.mark.db]

HEADER = "name,email,rights,pages,until,mandate"
GOOD = "Mina,mina@example.org,access erasure,site.example/mina,,mina.pdf"
OTHER = "Omar,omar@example.org,access,,,omar.pdf"
PAPERS = {
    "mina.pdf": b"%PDF-1.7 I, Mina. canary-batch-5d02",
    "omar.pdf": b"%PDF-1.7 I, Omar.",
}


@pytest.fixture(autouse=True)
def places(settings, tmp_path, site):
    own_places(settings, tmp_path)
    site("desk")


@pytest.fixture
def writer() -> Actor:
    return review.actor(staff("S-1001"))


def listed(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines]).encode()


def checked(*lines: str, papers: dict[str, bytes] | None = None) -> batches.Checked:
    return batches.check(listed=listed(*lines), papers=PAPERS if papers is None else papers)


def sent(writer: Actor, good: batches.Checked, **more: Any) -> Batch:
    return batches.open_batch(
        actor=writer,
        who=LENA,
        kind="lawyer",
        received_at=intake.arrival_of(clock.today() - timedelta(days=9)),
        checked=good,
        **more,
    )


def test_each_line_is_a_case_with_its_own_clock_from_the_day_it_arrived(writer, settings):
    """R11: two people, two cases, two mandates sealed, each person a link of their own."""
    batch = sent(writer, checked(GOOD, OTHER))
    rows = list(Mandate.objects.filter(batch=batch).order_by("line"))
    assert [row.line for row in rows] == [2, 3]
    day = clock.today() - timedelta(days=9)
    for row in rows:
        assert row.case.received_on == day
        assert row.case.due_on == deadlines.due_dates(day, calendar=row.case.calendar).legal
        assert mandates.in_the_way(row.case) == "mandate_open"
        assert sorted(row.invitations.values_list("addressee", flat=True)) == [
            "person",
            "representative",
        ]
    assert mandates.document(rows[0]) == PAPERS["mina.pdf"]
    assert rows[0].rights == ["access", "erasure"]
    kept = b"".join(p.read_bytes() for p in settings.DSR_VAR.rglob("*") if p.is_file())
    assert b"canary-batch-5d02" not in kept


def test_one_receipt_names_every_reference_and_nobody(writer):
    """R11: to who acts, once; no name, address or code of a person is in it."""
    batch = sent(writer, checked(GOOD, OTHER))
    mail = senders.get("mail.batch").render(batch.id)
    assert mail.to == LENA.email
    for case in Case.objects.all():
        assert case.reference in mail.text
    for never in ("Mina", "Omar", "example.org/", "mina@"):
        assert never not in mail.text
    assert mails("mail.batch") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Mina,mina,access,,,mina.pdf", "e-mail address is none"),
        ("Mina,,access,,,mina.pdf", "e-mail or postal address"),
        ("Mina,mina@example.org,everything,,,mina.pdf", "Name one or more rights"),
        ("Mina,mina@example.org,access,,,none.pdf", "not among the files"),
        ("Mina,mina@example.org,access,,31-01-2027,mina.pdf", "year-month-day"),
        ("Mina,mina@example.org,access,http://,,mina.pdf", "page address is none"),
        ("Mina,mina@example.org,access,,,omar.pdf", "Another line names the same file"),
    ],
)
def test_a_wrong_line_is_told_by_its_number_and_nothing_is_made(writer, line, words):
    """R11: checked whole before anything is made."""
    found = checked(OTHER, line)
    assert [one.line for one in found.problems if words in one.words] == [3]
    with pytest.raises(BadInput) as refused:
        sent(writer, found)
    assert refused.value.code == "batch_problems"
    assert not Case.objects.exists()
    assert not Batch.objects.exists()


def test_a_paper_that_is_no_pdf_and_one_no_line_names(writer):
    """R11: bad mandates, too few and too many."""
    papers = {"mina.pdf": b"PK a zip", "omar.pdf": PAPERS["omar.pdf"], "third.pdf": b"%PDF-1.7"}
    found = checked(GOOD, OTHER, papers=papers)
    assert [(one.line, one.words) for one in found.problems] == [
        (2, "The mandate is no PDF."),
        (1, "The file third.pdf is named in no line."),
    ]


def test_only_the_good_lines_where_the_sender_wants_that(writer):
    """R11: the others are counted, and said in the receipt."""
    batch = sent(writer, checked("Mina,mina,access,,,mina.pdf", OTHER), only_good=True)
    assert (batch.lines, batch.left_out) == (1, 1)
    assert Case.objects.count() == 1
    assert "1 line was not good" in senders.get("mail.batch").render(batch.id).text


def test_the_same_list_again_makes_nothing_twice_and_goes_on_where_it_stopped(writer, monkeypatch):
    """R11: a second press, and a machine that stopped after the first line."""
    good = checked(GOOD, OTHER)
    whole = batches._open
    calls = []

    def once(**line: Any) -> None:
        if calls:
            raise RuntimeError("the machine stopped")
        calls.append(line)
        whole(**line)

    monkeypatch.setattr(batches, "_open", once)
    with pytest.raises(RuntimeError):
        sent(writer, good)
    assert Case.objects.count() == 1
    monkeypatch.setattr(batches, "_open", whole)
    first = sent(writer, good)
    assert sent(writer, good).id == first.id
    assert Case.objects.count() == first.mandates.count() == 2
    assert mails("mail.batch") == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe\x00n", "list_encoding"),
        (b"who,when\na,b", "list_columns"),
        (HEADER.encode(), "list_empty"),
        (b"", "list_columns"),
    ],
)
def test_what_is_no_list_is_told_in_plain_words(data, code):
    """R11: bad input."""
    with pytest.raises(BadInput) as refused:
        batches.check(listed=data, papers=PAPERS)
    assert refused.value.code == code


def test_a_list_of_spreadsheets_with_semicolons_and_a_mark_is_read():
    """R11: as office programs in Europe save it."""
    data = "\ufeffRights;Email;Mandate\naccess;mina@example.org;mina.pdf\n".encode()
    found = batches.check(listed=data, papers={"mina.pdf": PAPERS["mina.pdf"]})
    assert not found.problems
    assert found.lines[0].rights == ("access",)


def test_fifty_people_of_one_representative_are_fifty_cases(writer):
    """R11, T-05: no limit, no delay, no refusal follows from the number."""
    papers = {f"{number}.pdf": f"%PDF-1.7 {number}".encode() for number in range(50)}
    lines = [f"P{number},p{number}@example.org,access,,,{number}.pdf" for number in range(50)]
    sent(writer, checked(*lines, papers=papers))
    assert Case.objects.count() == 50
    assert len(set(Case.objects.values_list("due_on", flat=True))) == 1


def test_the_page_tells_lines_and_then_shows_the_receipt(client):
    """R11: the desk, with the files as a browser sends them."""
    sign_in(client, staff("S-1001"))
    page = reverse("desk:batch")
    assert client.get(page).status_code == 200

    def given(*lines: str) -> dict[str, Any]:
        return {
            "kind": "body",
            "name": "Lena Voss",
            "email": "lena@voss.example",
            "received": clock.today().isoformat(),
            "listed": SimpleUploadedFile("list.csv", listed(*lines)),
            "papers": [SimpleUploadedFile(name, data) for name, data in PAPERS.items()],
        }

    wrong = client.post(page, given("Mina,mina,access,,,mina.pdf", OTHER))
    assert wrong.status_code == 422
    assert "Line 2: The e-mail address is none." in wrong.content.decode()
    assert not Case.objects.exists()
    made = client.post(page, given(GOOD, OTHER))
    assert made.status_code == 302, made.content.decode()
    shown = client.get(made.url).content.decode()
    for case in Case.objects.all():
        assert case.reference in shown
    assert "Received" in shown
    assert "Mina" not in shown
