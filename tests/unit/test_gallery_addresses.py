"""One form per address, so that what was erased is blocked however it comes back (E-12)."""

import pytest

from dsr_portal.core.errors import BadInput
from dsr_portal.gallery.addresses import canonical


@pytest.mark.parametrize(
    "typed",
    [
        "https://example.org/People/a.html",
        "http://example.org/People/a.html",
        "HTTPS://WWW.Example.ORG:443/People/a.html#top",
        "example.org/People/../People/./a.html",
        "  https://user:secret@example.org./People/a.html?utm_source=x&fbclid=y ",
        "https://example.org//People/%61.html",
    ],
)
def test_one_page_has_one_form(typed):
    assert canonical(typed) == "example.org/People/a.html"


def test_what_tells_pages_apart_stays():
    assert canonical("https://a.example/x?id=2&p=1") == "a.example/x?id=2&p=1"
    assert canonical("https://a.example/x?p=1&id=2") == canonical("https://a.example/x?id=2&p=1")
    assert canonical("https://a.example/x") != canonical("https://a.example/X")
    assert canonical("https://a.example:8443/x") != canonical("https://a.example/x")
    assert canonical("https://a.example/?id=") == "a.example?id="


def test_names_in_other_scripts_are_one_with_their_ascii_form():
    assert canonical("https://bücher.example/ä") == canonical(
        "https://xn--bcher-kva.example/%C3%A4"
    )


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "not an address", "javascript:alert(1)", "file:///etc/passwd", "ftp://a.example/x",
     "https://", "http://[::1", "https://a.example:99999/", "a\nb.example", "localhost"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(typed):
    with pytest.raises(BadInput) as refusal:
        canonical(typed)
    assert refusal.value.code == "bad_address"
    assert "address" in str(refusal.value.message)
