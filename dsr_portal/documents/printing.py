"""Several documents of ours as one file to print; signatures stay with the single files."""

import io
from collections.abc import Sequence

import pikepdf


def page_count(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return len(document.pages)


def joined(papers: Sequence[bytes]) -> bytes:
    """The pages of all of them, in this order."""
    out = io.BytesIO()
    with pikepdf.new() as pack:
        for paper in papers:
            with pikepdf.open(io.BytesIO(paper)) as document:
                pack.pages.extend(document.pages)
        pack.save(out)
    return out.getvalue()
