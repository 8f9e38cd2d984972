"""Reads of documents. Callers narrow to the cases a person may see before they ask here."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from dsr_portal.documents.models import Document


def of_case(case_id: UUID, *, kinds: Iterable[str] | None = None) -> "QuerySet[Document]":
    """A case's documents, oldest first."""
    found = Document.objects.filter(case_id=case_id)
    return found if kinds is None else found.filter(kind__in=list(kinds))


def units_of_case(case_id: UUID, *, kinds: Iterable[str] | None = None) -> list[UUID]:
    """The vault units of a case's documents, for those who shred them."""
    return list(of_case(case_id, kinds=kinds).values_list("unit", flat=True))


def units_of(ids: Iterable[UUID]) -> list[UUID]:
    """The vault units of these documents, for those who shred them."""
    return list(Document.objects.filter(id__in=list(ids)).values_list("unit", flat=True))


def by_sha256(sha256: str) -> Document | None:
    """The document with these bytes, if this installation made one (a page to check a file)."""
    return Document.objects.filter(sha256=sha256).order_by("id").first()
