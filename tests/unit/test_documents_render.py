"""Setting a page: tagged, embedded, and fed from a dictionary only (law T-04, X-12, X-13)."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from weasyprint import HTML

from dsr_portal.documents import fonts, render

PAGE = '<html lang="en"><head><title>T</title></head><body>{}</body></html>'


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def picture(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (128, 128, 128)).save(out, kind)
    return out.getvalue()


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A local server that notes every address somebody asked it for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(picture())

        def log_message(self, *args: Any) -> None:
            """Tests stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/canary.png", asked
    server.shutdown()
    server.server_close()


WAYS = [
    '<img alt="x" src="{}">',
    '<link rel="stylesheet" href="{}">',
    '<style>@import url("{}");</style>',
    '<p style="background-image: url({})">x</p>',
    '<style>@font-face {{ font-family: X; src: url("{}"); }} p {{ font-family: X }}</style><p>x',
    '<object data="{}" type="image/png"></object>',
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{}" width="9"'
    ' height="9"/></svg>',
    '<ul style="list-style-image: url({})"><li>x</ul>',
    '<p><a rel="attachment" href="{}">x</a></p>',
]


@pytest.mark.parametrize("way", WAYS)
def test_no_address_on_the_network_is_asked(way: str, canary: tuple[str, list[str]]) -> None:
    """X-12: whatever markup comes in, the document asks nobody."""
    address, asked = canary
    with pytest.raises(render.Refused):
        render.to_pdf(PAGE.format(way.format(address)))
    assert asked == []


def test_the_canary_would_sing(canary: tuple[str, list[str]]) -> None:
    address, asked = canary
    HTML(string=PAGE.format(f'<img alt="x" src="{address}">')).write_pdf()
    assert asked == ["/canary.png"]


@pytest.mark.parametrize("way", WAYS)
def test_no_file_of_the_machine_is_read(way: str, tmp_path: Path) -> None:
    secret = tmp_path / "canary.png"
    secret.write_bytes(picture())
    with pytest.raises(render.Refused):
        render.to_pdf(PAGE.format(way.format(secret.as_uri())))


def test_the_file_would_have_been_read(tmp_path: Path) -> None:
    secret = tmp_path / "canary.png"
    secret.write_bytes(picture())
    made = HTML(string=PAGE.format(f'<img alt="x" src="{secret.as_uri()}">')).write_pdf()
    assert pictures_in(made) == 1


@pytest.mark.parametrize(
    "address",
    ["data:image/png;base64,AAAA", "doc:other", "doc:../x", "ftp://127.0.0.1/x", "DOC:face"],
)
def test_only_names_of_the_dictionary_are_answered(address: str) -> None:
    with pytest.raises(render.Refused):
        render.to_pdf(
            PAGE.format(f'<img alt="x" src="{address}">'), images={"face": picture("JPEG")}
        )


def test_a_handed_picture_is_shown_with_its_description() -> None:
    made = render.to_pdf(
        PAGE.format('<img alt="A grey field" src="doc:face">'), images={"face": picture()}
    )
    assert pictures_in(made) == 1
    assert "A grey field" in [alt for _, alt in elements(made)]


@pytest.mark.parametrize("data", [b"<svg/>", b"GIF89a", b"%PDF-1.7", b""])
def test_other_kinds_of_pictures_are_refused(data: bytes) -> None:
    with pytest.raises(render.Refused):
        render.to_pdf(PAGE.format('<img alt="x" src="doc:a">'), images={"a": data})


def test_the_page_is_tagged_has_language_title_and_both_identifiers() -> None:
    """T-04: PDF/A-3a and PDF/UA-1 in one XMP packet with one rdf:RDF."""
    made = render.to_pdf(PAGE.format("<h1>One</h1><p>Text</p><ul><li>a</ul>"))
    with pikepdf.open(io.BytesIO(made)) as document:
        assert str(document.Root.Lang) == "en"
        assert bool(document.Root.MarkInfo.Marked)
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        assert str(document.docinfo["/Title"]) == "T"
        packet = document.Root.Metadata.read_bytes()
        assert document.Root.OutputIntents[0].S == "/GTS_PDFA1"
    assert packet.count(b"<rdf:RDF") == 1
    assert b"<pdfuaid:part>1</pdfuaid:part>" in packet
    assert b'pdfaid:part="3"' in packet
    assert b'pdfaid:conformance="A"' in packet
    assert {"/H1", "/P", "/L", "/LI"} <= {kind for kind, _ in elements(made)}


def test_every_font_is_embedded_and_ours() -> None:
    made = render.to_pdf(PAGE.format("<h1>One</h1><p>Text Ελλάδα <b>semibold</b> é œ ß 0,9</p>"))
    names = set()
    with pikepdf.open(io.BytesIO(made)) as document:
        for page in document.pages:
            for font in page.Resources.Font.values():
                (below,) = font.DescendantFonts
                assert "/FontFile2" in below.FontDescriptor
                names.add(str(font.BaseFont).split("+")[-1])
    assert len(names) == 2
    assert all("Document" in name or "Source" in name for name in names), names


def test_running_heads_are_artifacts_and_everything_else_is_in_the_tree() -> None:
    """ISO 14289-1, 7.1: each marked content is told once or not at all."""
    style = render.page_style(
        head="Halden · K7M-2QX4", foot="Page %(page)s of %(pages)s", language="English", mark="DEMO"
    )
    body = "<h1>One</h1>" + "<p>Text</p>" * 60
    made = render.to_pdf(PAGE.format(body), page_css=style)
    with pikepdf.open(io.BytesIO(made)) as document:
        assert len(document.pages) > 1
        for page in document.pages:
            tags = [one for one in pikepdf.parse_content_stream(page) if str(one.operator) == "BDC"]
            running = [one for one in tags if str(one.operands[0]) == "/Artifact"]
            assert len(running) >= 4
            assert all("/MCID" in one.operands[1] for one in tags if one not in running)
    text = text_of(made)
    assert "Page 1 of" in text
    assert text.count("DEMO") == text.count("Halden · K7M-2QX4") == text.count("Page ")


def test_what_a_table_is_called_stays_with_its_first_row() -> None:
    """T-04: at each height at which it nears the end of a page."""
    table = (
        "<table><caption>Where from</caption><thead><tr><th>Address</th></tr></thead>"
        "<tbody><tr><td>first row</td></tr></tbody></table>"
    )
    parted = 0
    for lines in range(15, 40):
        made = render.to_pdf(PAGE.format("<p>line</p>" * lines + table))
        with pypdfium2.PdfDocument(made) as document:
            pages = [page.get_textpage().get_text_bounded() for page in document]
        named, rows = ([word in page for page in pages] for word in ("Where from", "first row"))
        assert named == rows
        parted += named[0]
    assert 0 < parted < 25, "some of the tables begin on the second page, some on the first"


def test_a_running_head_cannot_leave_its_string() -> None:
    style = render.page_style(
        head='"; } body { display: none } /*\n\\', foot="%(page)s/%(pages)s", language="x", mark=""
    )
    made = render.to_pdf(PAGE.format("<p>Still here</p>"), page_css=style)
    assert "Still here" in text_of(made)
    assert "display" in text_of(made)


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        ("😀", "[U+1F600]"),
        ("漢", "[U+6F22]"),
        ("a\u202egnp", "a[U+202E]gnp"),
        ("\x00", "[U+0000]"),
        ("é – Ω ž ß €", "é – Ω ž ß €"),
    ],
)
def test_letters_the_font_lacks_are_written_out(raw: str, printed: str) -> None:
    assert fonts.printable(raw) == printed


def test_both_faces_have_the_letters_of_our_languages() -> None:
    needed = "äöüßÄÖÜ àâçéèêëîïôûùüÿœæ ĳáéíóú àèéìòù αβγάέήίόύώΐΰς ñ ¿¡ „“”‘’«»–—…€§·•"
    assert fonts.printable(needed) == needed


def test_nothing_but_two_fonts_is_written_while_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design, section 5: nothing about a person lies in clear on the disk."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    render._base_style.cache_clear()
    render.to_pdf(PAGE.format('<p>Canary <img alt="x" src="doc:a"></p>'), images={"a": picture()})
    written = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    render._base_style.cache_clear()
    assert sorted(written) == sorted(fonts.face(name) for name in fonts.FACES)


def test_attachments_travel_inside_with_their_relation() -> None:
    made = render.to_pdf(PAGE.format("<p>x</p>"), attachments={"data.json": b'{"a": 1}'})
    with pikepdf.open(io.BytesIO(made)) as document:
        assert document.attachments["data.json"].get_file().read_bytes() == b'{"a": 1}'
        assert str(document.Root.AF[0].AFRelationship) == "/Supplement"


def elements(pdf: bytes) -> list[tuple[str, str]]:
    """Kind and description of every structure element."""
    found = []
    with pikepdf.open(io.BytesIO(pdf)) as document:
        waiting: list[Any] = [document.Root.StructTreeRoot]
        while waiting:
            one = waiting.pop()
            if "/S" in one:
                found.append((str(one.S), str(one.get("/Alt", ""))))
            kids = one.get("/K", [])
            for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
                if isinstance(kid, pikepdf.Dictionary):
                    waiting.append(kid)
    return found


def pictures_in(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return sum(len(page.get_images()) for page in document.pages)
