"""The child that looks at foreign PDFs (R28): verdict codes, and no Django."""

import json
import subprocess
import sys

import pytest

from dsr_portal.documents import render
from dsr_portal.documents.inspect import inspect


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", "not_a_pdf"),
        (b"GIF89a", "not_a_pdf"),
        (b"%PDF-1.7\nnothing follows", "damaged"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 40, "damaged"),
        (b"%PDF-1.4\nxref\n0 1\ntrailer<</Root 1 0 R/Size 9>>\nstartxref\n9\n%%EOF", "damaged"),
    ],
)
def test_what_is_no_pdf_gets_a_code(data: bytes, verdict: str) -> None:
    assert inspect(data)["verdict"] == verdict


def test_an_unsigned_file_is_not_signed() -> None:
    made = render.to_pdf('<html lang="en"><title>T</title><body><p>x</p></body></html>')
    found = inspect(made)
    assert found["verdict"] == "not_signed"
    assert found["pages"] == 1
    assert not found["signed"]
    for cut in (len(made) // 2, len(made) - 40):
        assert inspect(made[:cut])["verdict"] in {"damaged", "not_signed"}


def test_the_child_answers_with_one_line_of_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dsr_portal.documents.inspect", "00" * 32],
        input=b"no pdf",
        capture_output=True,
        check=True,
        env={},
        timeout=60,
    )
    assert json.loads(done.stdout)["verdict"] == "not_a_pdf"
    assert done.stdout.count(b"\n") == 1


def test_the_child_never_imports_django() -> None:
    program = (
        "import sys; import dsr_portal.documents.inspect;"
        "sys.exit(any(name.split('.')[0] in {'django', 'celery'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
