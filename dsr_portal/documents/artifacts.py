"""Marks running heads and feet as artifacts, so that a screen reader does not read them per page.

WeasyPrint tags the text of margin boxes but leaves it out of the structure tree; PDF/UA-1 asks
that content is either in the tree or an artifact (ISO 14289-1, 7.1).
"""

import io
from typing import Any

import pikepdf

_PAGINATION = pikepdf.Dictionary({"/Type": pikepdf.Name.Pagination})


def mark_page_furniture(pdf: bytes) -> bytes:
    """The same PDF with every marked content outside the structure tree turned into an artifact."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        tree = document.Root.StructTreeRoot
        told = _told(tree)
        parents = _parents(tree)
        for page in document.pages:
            _rewrite(document, page, told, parents.get(int(page.obj.get("/StructParents", -1))))
        out = io.BytesIO()
        document.save(out, preserve_pdfa=True, deterministic_id=False)
    return out.getvalue()


def _told(tree: Any) -> set[tuple[tuple[int, int], int]]:
    """Every (page, MCID) a reader of the structure tree meets."""
    found: set[tuple[tuple[int, int], int]] = set()
    waiting = [(tree, (0, 0))]
    while waiting:
        element, page = waiting.pop()
        if "/Pg" in element:
            page = element.Pg.objgen
        kids = element.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            if isinstance(kid, int):
                found.add((page, kid))
            elif isinstance(kid, pikepdf.Dictionary) and kid.get("/Type") != "/OBJR":
                waiting.append((kid, page))
    return found


def _parents(tree: Any) -> dict[int, Any]:
    numbers = list(tree.ParentTree.Nums)
    return {int(number): entry for number, entry in zip(numbers[::2], numbers[1::2], strict=True)}


def _rewrite(document: Any, page: Any, told: set[Any], parents: Any) -> None:
    changed = False
    operations = []
    for instruction in pikepdf.parse_content_stream(page):
        number = _marked(instruction)
        if number is None or (page.obj.objgen, number) in told:
            operations.append(instruction)
            continue
        changed = True
        operations.append(
            pikepdf.ContentStreamInstruction(
                [pikepdf.Name.Artifact, _PAGINATION], pikepdf.Operator("BDC")
            )
        )
        if isinstance(parents, pikepdf.Array) and number < len(parents):
            parents[number] = pikepdf.Object.parse(b"null")
    if changed:
        page.obj.Contents = document.make_stream(pikepdf.unparse_content_stream(operations))


def _marked(instruction: Any) -> int | None:
    """The MCID an instruction opens, if it opens one."""
    if str(instruction.operator) != "BDC" or len(instruction.operands) != 2:
        return None
    properties = instruction.operands[1]
    if not isinstance(properties, pikepdf.Dictionary) or "/MCID" not in properties:
        return None
    return int(properties.MCID)
