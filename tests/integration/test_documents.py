"""Documents made, signed, kept and opened (R12, R29; law T-04, O-09, L-08, X-13)."""

import hashlib
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pikepdf
import pypdfium2
import pytest
from django.db import transaction
from PIL import Image

from dsr_portal.audit import services as audit
from dsr_portal.audit.models import Event, Payload
from dsr_portal.core import clock
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import InsideTransaction, NotFound
from dsr_portal.documents import identity, selectors, services, signing
from dsr_portal.documents import render as typesetting
from dsr_portal.documents.models import Document
from dsr_portal.vault import services as vault

pytestmark = pytest.mark.django_db(transaction=True)

OFFICER = Actor(id="S-101", role="officer", kind="staff")
LETTER: dict[str, Any] = {
    "template": "documents/letter.html",
    "language": "en",
    "title": "We need more time",
    "kind": "letter",
    "reference": "K7M-2QX4",
    "context": {
        "short_answer": "We need until 12 May.",
        "text": "Dear Mina,\n\nWe are sorry.",
        "sender": {"name": "Nadia Roth", "role": "Privacy officer"},
    },
}


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return " ".join("\n".join(pages).replace("\ufffe", "").split())


def make(case_id: UUID | None = None, **changes: Any) -> Document:
    return services.make_document(actor=OFFICER, case_id=case_id, **{**LETTER, **changes})


def test_a_document_is_kept_sealed_and_opens_as_it_was_made() -> None:
    case = uuid4()
    row = make(case)
    pdf = services.open_document(row.id)
    assert hashlib.sha256(pdf).hexdigest() == row.sha256
    assert row.size == len(pdf)
    assert row.pages == len(pypdfium2.PdfDocument(pdf))
    assert list(selectors.of_case(case)) == [row]
    assert selectors.units_of_case(case, kinds=["letter"]) == [row.unit]
    assert selectors.units_of_case(case, kinds=["answer"]) == []
    assert selectors.by_sha256(row.sha256) == row


def test_the_trail_tells_of_the_document_without_a_word_of_it() -> None:
    """L-08, R29: hash, size, pages, template and the printed head; no text."""
    case = uuid4()
    before = audit.head()
    row = make(case)
    event = Event.objects.get(type="document.made")
    assert event.number == before.number + 1
    body = json.loads(Payload.objects.get(event_id=event.id).body)
    assert body["sha256"] == row.sha256
    assert body["pages"] == row.pages
    assert body["printed_head"] == before.number
    assert body["printed_head_hash"] == before.hash
    assert "Mina" not in json.dumps(body)
    assert audit.verify().ok


def test_the_newest_head_before_its_own_event_is_printed() -> None:
    make()
    head = audit.head()
    text = text_of(services.open_document(make().id))
    grouped = " ".join(head.hash[at : at + 4] for at in range(0, 64, 4))
    assert f"number {head.number}, with this hash: {grouped}" in text


def test_a_print_carries_reference_signature_statement_and_the_way_to_complain() -> None:
    """O-09, R29."""
    text = text_of(services.open_document(make(country="IT").id))
    for part in (
        "K7M-2QX4",
        "This file is signed by",
        "Garante per la protezione dei dati personali",
        "go to court",
        "compensation",
        "How to reach us",
        "Page 1 of",
        "English",
    ):
        assert part in text
    fingerprint = identity.fingerprint()
    assert " ".join(fingerprint[at : at + 4] for at in range(0, 64, 4)) in text


REPRESENTATIVE = "Example Representation BV, Damrak 1, Amsterdam"
TEMPLATES = Path(__file__).parents[2] / "templates" / "documents"


@pytest.mark.parametrize(
    "template", sorted(path.name for path in TEMPLATES.glob("*.html") if path.name != "base.html")
)
def test_every_kind_of_document_names_the_representative(
    settings: Any, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    """O-08: Art. 27, 13(1)(a); whatever else a letter is about, and whatever it lacks."""
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "representative": REPRESENTATIVE}
    monkeypatch.setattr(typesetting, "to_pdf", lambda html, **_rest: html)
    html = services.render(**{**LETTER, "template": f"documents/{template}", "context": {}})
    assert f"<dd>{REPRESENTATIVE}</dd>" in html


def test_the_representative_stands_on_the_printed_page(settings: Any) -> None:
    """O-08"""
    settings.DSR_CONTROLLER = {**settings.DSR_CONTROLLER, "representative": REPRESENTATIVE}
    text = text_of(services.render(**LETTER))
    assert "Representative in the EU" in text
    assert REPRESENTATIVE in text


def test_demo_stands_on_every_page_of_the_demo_only() -> None:
    """R35."""
    long = {**LETTER["context"], "text": "\n\n".join(["Many words stand here."] * 80)}
    arguments = {**LETTER, "context": long}
    for demo in (True, False):
        pdf = services.render(**arguments, demo=demo)
        with pypdfium2.PdfDocument(pdf) as document:
            assert len(document) >= 3
            marks = ["DEMO" in page.get_textpage().get_text_bounded() for page in document]
        assert all(marks) is demo
        assert any(marks) is demo


def test_the_signature_is_whole_valid_and_ours() -> None:
    pdf = services.open_document(make().id)
    verdict = services.verify(pdf)
    assert verdict.good
    assert verdict.intact
    assert verdict.valid
    assert verdict.covers_whole_file
    assert verdict.trusted
    assert verdict.signer == identity.fingerprint()


def test_a_document_is_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is made only to see how long it is: that was a third of the work."""
    signed: list[bool] = []
    sign = signing.SimpleSigner.async_sign_raw

    async def counted(self: Any, data: bytes, algorithm: str, dry_run: bool = False) -> bytes:
        signed.append(dry_run)
        return await sign(self, data, algorithm, dry_run)

    monkeypatch.setattr(signing.SimpleSigner, "async_sign_raw", counted)
    pdf = services.open_document(make().id)
    assert signed == [False]
    assert services.verify(pdf).good


def test_one_changed_byte_is_detected_wherever_it_is() -> None:
    pdf = services.open_document(make().id)
    assert services.verify(pdf).good
    gap = range(pdf.rindex(b"/Contents <") + 10, pdf.index(b">", pdf.rindex(b"/Contents <")))
    codes = set()
    for place in range(20, len(pdf) - 20, len(pdf) // 16):
        if place in gap:
            continue
        changed = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
        verdict = services.verify(changed)
        assert not verdict.good, place
        codes.add(verdict.code)
    assert "changed" in codes


def test_the_part_no_signature_covers_holds_nothing_else() -> None:
    """The padding of the signature, and the case of its digits, would pass unseen otherwise."""
    pdf = services.open_document(make().id)
    padding = pdf.rindex(b"000000>")
    assert services.verify(pdf[:padding] + b"1" + pdf[padding + 1 :]).code == "changed"
    start = pdf.rindex(b"/Contents <") + 11
    letter = next(at for at in range(start, padding) if pdf[at : at + 1].isalpha())
    shouted = pdf[:letter] + pdf[letter : letter + 1].swapcase() + pdf[letter + 1 :]
    assert services.verify(shouted).code == "changed"


def test_what_is_added_after_the_signature_is_noticed() -> None:
    pdf = services.open_document(make().id)
    verdict = services.verify(pdf + b"\n% more\n")
    assert verdict.code == "changed_after"
    assert not verdict.covers_whole_file


def test_a_key_of_somebody_else_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """R29: whom to trust never comes from the file."""
    pdf = services.open_document(make().id)
    monkeypatch.setattr(identity, "fingerprint", lambda: "0" * 64)
    verdict = services.verify(pdf)
    assert verdict.valid
    assert verdict.code == "unknown_signer"


def test_the_child_gives_the_same_verdict() -> None:
    """R28."""
    pdf = services.open_document(make().id)
    verdicts = []
    for trusted in ([identity.fingerprint()], []):
        done = subprocess.run(
            [sys.executable, "-m", "dsr_portal.documents.inspect", *trusted],
            input=pdf,
            capture_output=True,
            check=True,
            env={},
            timeout=120,
        )
        verdicts.append(json.loads(done.stdout)["verdict"])
    assert verdicts == ["good", "unknown_signer"]


def test_the_signing_key_is_a_lasting_secret_in_the_ring_only(settings: Any) -> None:
    """R26."""
    first = services.ensure_signing_identity()
    assert services.ensure_signing_identity() == first
    for place in settings.DSR_RING:
        assert (place / f"{identity.PURPOSE}.key").stat().st_mode & 0o077 == 0
    assert b"PRIVATE KEY" not in identity.certificate_pem()
    assert b"PRIVATE KEY" in identity.key_pem()


def test_the_signature_is_out_of_sight_and_the_file_keeps_its_claims() -> None:
    """T-04: the widget lies outside the page and is printable, as PDF/A and PDF/UA ask."""
    with pikepdf.open(io.BytesIO(services.open_document(make().id))) as document:
        (field,) = document.Root.AcroForm.Fields
        assert all(float(side) < 0 for side in field.Rect)
        assert int(field.F) & 4
        assert str(field.V.SubFilter) == "/ETSI.CAdES.detached"
        assert str(document.Root.Lang) == "en"
        assert "/StructTreeRoot" in document.Root
        assert b"pdfuaid" in document.Root.Metadata.read_bytes()
        assert "K7M-2QX4" in str(document.docinfo["/Title"])


HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "%PDF-1.7 endobj",
    "{{ doc.controller }} {% now 'Y' %}",
    "<img src=http://127.0.0.1:9/x>",
    "</p></section><style>body{display:none}</style>",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("caption", HOSTILE)
def test_captions_from_outside_stay_text(caption: str) -> None:
    """X-13: in text, in lists, in rows and in the title."""
    context = {
        "short_answer": caption,
        "text": caption,
        "facts": [("Caption", caption)],
        "rows": [(caption, caption)],
        "sections": [{"heading": caption, "points": [caption], "rows": [("x", caption)]}],
        "to": caption,
    }
    pdf = services.render(**{**LETTER, "context": context, "title": caption})
    plain = " ".join(caption.split())
    assert text_of(pdf).replace(" ", "").count(plain.replace(" ", "")) >= 8
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert "/JavaScript" not in document.Root.get("/Names", {})
        assert "/OpenAction" not in document.Root
        for page in document.pages:
            assert all("/A" not in one for one in page.get("/Annots", []))


def test_the_receipt_prints_its_code_and_nothing_is_kept() -> None:
    """R12, R14: the code is filled in when the receipt is made."""
    pdf = services.render_signed(
        template="documents/receipt.html",
        context={"code": "7KQ2 M4XR 9D3V HB8T", "short_answer": "We received your request."},
        language="en",
        title="We have your request",
        kind="receipt",
        reference="K7M-2QX4",
    )
    assert "7KQ2 M4XR 9D3V HB8T" in text_of(pdf)
    assert services.verify(pdf).good
    assert not Document.objects.exists()


def test_dates_and_running_words_follow_the_language() -> None:
    """T-02."""
    german = text_of(services.render(**{**LETTER, "language": "de"}))
    english = text_of(services.render(**LETTER))
    assert "Deutsch" in german
    head = german.split("Vorgangsnummer")[0]
    assert head != german
    assert f"{clock.now().year}, " not in head
    assert "English" in english


def test_setting_and_signing_refuse_to_run_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        services.render(**LETTER)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        services.sign(b"%PDF-1.7", reason="x")


def test_a_prepared_document_counts_only_when_its_unit_of_work_commits() -> None:
    prepared = services.prepare_document(case_id=None, **LETTER)
    assert not Document.objects.exists()

    def save_and_fail() -> None:
        with audit.unit_of_work():
            prepared.save(actor=OFFICER)
            raise LookupError

    with pytest.raises(LookupError):
        save_and_fail()
    assert not Document.objects.exists()
    assert not Event.objects.filter(type="document.made").exists()
    with audit.unit_of_work():
        row = prepared.save(actor=OFFICER)
    assert services.open_document(row.id) == prepared.pdf


def test_a_document_is_written_once() -> None:
    row = make()
    with pytest.raises(TypeError):
        row.save()


def test_an_unknown_and_a_shredded_document_do_not_open() -> None:
    with pytest.raises(NotFound):
        services.open_document(uuid4())
    row = make()
    with audit.unit_of_work():
        vault.request_shred([row.unit], reason="test")
    with pytest.raises(vault.Shredded):
        services.open_document(row.id)


def test_the_certificate_lives_longer_than_any_letter_is_kept() -> None:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(identity.certificate_pem())
    assert found.not_valid_after_utc - clock.real_now() > timedelta(days=3600)


def test_each_template_change_has_its_own_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(services.template_version()) == 64
    assert make().template_version == services.template_version()


def test_three_records_fit_a_page_and_none_is_torn() -> None:
    """A-03: one record is one unbroken block; a short one must not take half a page."""
    rows = [("Address", "https://site.example/a/rather/long/address/of/a/picture.jpg")] * 2
    rows += [(f"Row {row}", "words") for row in range(10)]
    records = [
        {"image": "r.jpg", "alt": "x", "covered": 1, "heading": f"Picture {n}", "rows": rows}
        for n in range(1, 7)
    ]
    portrait = io.BytesIO()
    Image.new("RGB", (480, 600), (128, 128, 128)).save(portrait, "JPEG")
    made = services.render(
        template="documents/answer.html",
        context={"short_answer": "Yes.", "found": True, "records": records},
        language="en",
        title="Our answer",
        kind="answer",
        reference="K7M-2QX4",
        images={"r.jpg": portrait.getvalue()},
    )
    with pypdfium2.PdfDocument(made) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    held = [sum(f"Picture {n}" in page for n in range(1, 7)) for page in pages]
    assert sum(held) == 6
    assert 3 in held, held
    assert all(page.count("Picture ") * 10 == page.count("words") for page in pages)
