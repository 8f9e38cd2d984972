"""From a template to a tagged PDF, with nothing but a dictionary to read from.

The file claims PDF/A-3a and PDF/UA-1 (ISO 19005-3, ISO 14289-1): embedded fonts, a structure tree,
language and title. No validator runs here; tests check the structure.
"""

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.template import Engine
from weasyprint import CSS, HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from dsr_portal.core.errors import BadInput
from dsr_portal.documents import artifacts, fonts

SCHEME = "doc:"
STYLESHEET = "documents/documents.css"
_VARIANT = "pdf/a-3a"
_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
# Pango's font maps are not made for several threads.
_one_at_a_time = threading.Lock()

# PDF/UA-1's identifier, with the description PDF/A-3 asks of every schema that is not its own
# (ISO 19005-3, 6.6.2.3.2).
_PDF_UA = b"""\
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfuaid:part>1</pdfuaid:part></rdf:Description>
<rdf:Description rdf:about=""
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
"""


class Refused(BadInput):
    """A document asked for something that was not handed to it."""


class DictFetcher(URLFetcher):
    """Answers `doc:NAME` from a dictionary and refuses every other address (X-12, X-13)."""

    def __init__(self, entries: Mapping[str, tuple[str, bytes]]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)
        self._entries = entries
        self.refused = False

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        entry = self._entries.get(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
        if entry is None:
            # Remembered, for pictures inside an SVG swallow what is raised here.
            self.refused = True
            raise Refused("document_address", "A document may only show what was handed to it.")
        kind, data = entry
        return URLFetcherResponse(url, data, {"Content-Type": kind})


def to_pdf(
    html: str,
    *,
    page_css: str = "",
    images: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
) -> bytes:
    """Set the page. `images` are PNG or JPEG made by our own code (R28), shown as `doc:NAME`.

    Raises `Refused` for any other address and for bytes that are neither PNG nor JPEG.
    """
    entries = {name: (_kind(data), data) for name, data in (images or {}).items()}
    fetcher = DictFetcher(entries)
    # ProcessPool-safe by the lock; the font map is shared, for reading two faces takes longest.
    with _one_at_a_time:
        fonts_map, base = _base_style()
        styles = [base, CSS(string=page_css, font_config=fonts_map, url_fetcher=fetcher)]
        try:
            document = HTML(string=fonts.printable(html), url_fetcher=fetcher).render(
                font_config=fonts_map, stylesheets=styles, pdf_variant=_VARIANT
            )
            document.metadata.attachments = [
                Attachment(string=data, name=name, relationship="Supplement", url_fetcher=fetcher)
                for name, data in (attachments or {}).items()
            ]
            _claim_pdf_ua(document.metadata)
            made: bytes = document.write_pdf(pdf_variant=_VARIANT)
        except FatalURLFetchingError as error:
            raise Refused("document_address", str(error.__cause__ or error)) from None
    if fetcher.refused:
        raise Refused("document_address", "A document may only show what was handed to it.")
    return artifacts.mark_page_furniture(made)


def page_style(*, head: str, foot: str, language: str, mark: str) -> str:
    """The running head and foot, as CSS. `foot` holds %(page)s and %(pages)s; `mark` is DEMO."""
    before, _, rest = foot.partition("%(page)s")
    between, _, after = rest.partition("%(pages)s")
    counted = f"{_css(before)} counter(page) {_css(between)} counter(pages) {_css(after)}"
    return (
        f"@page {{ @top-left {{ content: {_css(head)}; }}"
        f" @top-right {{ content: {_css(mark)}; }}"
        f" @bottom-left {{ content: {counted}; }}"
        f" @bottom-right {{ content: {_css(language)}; }} }}"
    )


def _css(text: str) -> str:
    """A CSS string: everything but plain letters, digits and spaces is escaped by number."""
    safe = fonts.printable(text)
    return '"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):x} " for c in safe) + '"'


def _kind(data: bytes) -> str:
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return kind
    raise Refused("document_picture", "A picture in a document is PNG or JPEG.")


@cache
def _base_style() -> tuple[Any, Any]:
    faces = {name: ("font/ttf", fonts.face(name)) for name in fonts.FACES}
    config = FontConfiguration()
    text = Engine.get_default().get_template(STYLESHEET).source
    return config, CSS(string=text, font_config=config, url_fetcher=DictFetcher(faces))


def _claim_pdf_ua(metadata: Any) -> None:
    """Put PDF/UA's identifier into WeasyPrint's own RDF: an XMP packet has one rdf:RDF only."""
    original = metadata.generate_rdf_metadata

    def with_identifier(*args: Any) -> bytes:
        rdf: bytes = original(*args)
        head, end, tail = rdf.rpartition(b"</rdf:RDF>")
        return head + _PDF_UA + end + tail

    metadata.generate_rdf_metadata = with_identifier
