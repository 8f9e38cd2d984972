"""Making, signing, keeping and opening documents: letters, answers, certificates, audit reports.

Setting and signing take time and happen outside transactions; only the row, the vault unit and the
audit event are written inside one. Every document prints the newest head of the audit trail that
was committed before its own event (R29), how to check it, and the ways to complain (law O-09).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template import Engine
from django.template.loader import get_template
from django.utils import translation
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from dsr_portal.audit import services as audit
from dsr_portal.core import clock, links
from dsr_portal.core.actor import Actor
from dsr_portal.core.errors import IntegrityFailure, NotAllowed, NotFound
from dsr_portal.core.ids import new_id
from dsr_portal.core.registries import hand_outs
from dsr_portal.core.transactions import outside
from dsr_portal.documents import identity, statements
from dsr_portal.documents.models import Document, Kind
from dsr_portal.law import authorities, remedies
from dsr_portal.vault import services as vault
from dsr_portal.vault.kinds import UnitKind

if TYPE_CHECKING:
    from dsr_portal.documents.signing import SignatureVerdict

FIELD = "pdf"
BASE = "documents/base.html"


@dataclass(frozen=True, slots=True)
class Facts:
    """What every template finds as `doc`."""

    kind: Kind
    title: str
    reference: str
    language: str
    made_at: datetime
    demo: bool
    controller: Mapping[str, str]
    remedies: remedies.Remedies
    notice: str
    """Address of what we hold about people, which every letter names (P-18)."""
    head: audit.Head
    fingerprint: str

    @property
    def kind_label(self) -> str:
        return str(self.kind.label)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed document that waits for its place in a transaction; see `save`."""

    row: Document
    pdf: bytes
    staged: vault.Staged

    def save(self, *, actor: Actor) -> Document:
        """Write unit, row and the event `document.made`; only inside a unit of work."""
        with audit.unit_of_work():
            self.staged.save()
            self.row.save(force_insert=True)
            audit.record(
                "document.made",
                actor=actor,
                case_id=self.row.case_id,
                document_id=self.row.id,
                kind=self.row.kind,
                sha256=self.row.sha256,
                size=self.row.size,
                pages=self.row.pages,
                language=self.row.language,
                template=self.row.template_version,
                printed_head=self.row.head_number,
                printed_head_hash=self.row.head_hash,
            )
        return self.row


@outside("Setting a document")
def render(
    *,
    template: str,
    context: Mapping[str, Any],
    language: str,
    title: str,
    kind: Kind | str,
    reference: str,
    country: str | None = None,
    images: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    demo: bool | None = None,
    head: audit.Head | None = None,
    sheet: statements.Sheet = statements.ANY,
    also: Sequence[str] = (),
) -> bytes:
    """The PDF of a template under templates/documents/, not yet signed.

    `country` is the person's, for the complaint block; None prints the list of authorities.
    `images` are PNG or JPEG of our own making, shown as `doc:NAME`; `attachments` go into the file
    as PDF/A-3 has it. Without `head` the newest of the audit trail is printed. `sheet` and `also`
    are what it must say; raises `DocumentIncomplete` where the set page does not.
    """
    from dsr_portal.documents import render as typesetting

    with translation.override(language):
        doc = Facts(
            kind=Kind(kind),
            title=title,
            reference=reference,
            language=language,
            made_at=clock.now().astimezone(ZoneInfo(settings.TIME_ZONE)),
            demo=settings.DSR_DEMO if demo is None else demo,
            controller=settings.DSR_CONTROLLER,
            remedies=_remedies(country),
            notice=links.url_for("public", "public:notice"),
            head=head or audit.head(),
            fingerprint=identity.fingerprint(),
        )
        html = get_template(template).render({**context, "doc": doc})
        statements.refuse(html, sheet, also)
        running = [doc.controller["name"], doc.kind_label, reference]
        page_css = typesetting.page_style(
            head="  ·  ".join(part for part in running if part),
            foot=_("Page %(page)s of %(pages)s"),
            language=str(get_language_info(language)["name_local"]),
            mark=_("DEMO") if doc.demo else "",
        )
    return typesetting.to_pdf(html, page_css=page_css, images=images, attachments=attachments)


def sign(pdf: bytes, *, reason: str) -> bytes:
    """The PDF with this installation's signature over the whole file."""
    from dsr_portal.documents import signing

    return signing.sign(pdf, reason=reason)


def verify(pdf: bytes) -> "SignatureVerdict":
    """Check one of our own PDFs against this installation's key.

    A file from outside goes to the confined child instead (R28).
    """
    from dsr_portal.documents import signing

    return signing.verify(pdf)


def ensure_signing_identity() -> str:
    """Make the signing key where none is (set-up); the certificate's fingerprint comes back."""
    return identity.ensure_signing_identity()


def render_signed(
    *,
    template: str,
    context: Mapping[str, Any],
    language: str,
    title: str,
    kind: Kind | str,
    reference: str,
    country: str | None = None,
    images: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    head: audit.Head | None = None,
    sheet: statements.Sheet = statements.ANY,
    also: Sequence[str] = (),
) -> bytes:
    """A signed PDF that is handed out and not kept: a receipt with its code (R12, R14)."""
    pdf = render(
        template=template,
        context=context,
        language=language,
        title=title,
        kind=kind,
        reference=reference,
        country=country,
        images=images,
        attachments=attachments,
        head=head,
        sheet=sheet,
        also=also,
    )
    return sign(pdf, reason=f"{title} {reference}".strip())


@outside("Making a document")
def prepare_document(
    *,
    kind: Kind | str,
    case_id: UUID | None,
    reference: str,
    template: str,
    context: Mapping[str, Any],
    language: str,
    title: str,
    country: str | None = None,
    images: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    head: audit.Head | None = None,
    sheet: statements.Sheet = statements.ANY,
    also: Sequence[str] = (),
) -> Prepared:
    """Set, sign and seal a document outside a transaction; `Prepared.save` writes it inside one."""
    head = head or audit.head()
    pdf = render_signed(
        template=template,
        context=context,
        language=language,
        title=title,
        kind=kind,
        reference=reference,
        country=country,
        images=images,
        attachments=attachments,
        head=head,
        sheet=sheet,
        also=also,
    )
    document_id = new_id()
    staged = vault.stage_unit(kind=UnitKind.DOCUMENT, owner=document_id)
    staged.add(FIELD, pdf)
    row = Document(
        id=document_id,
        kind=Kind(kind),
        case_id=case_id,
        reference=reference,
        unit=staged.unit_id,
        sha256=hashlib.sha256(pdf).hexdigest(),
        size=len(pdf),
        pages=_pages(pdf),
        language=language,
        template=template,
        template_version=template_version(),
        signer=identity.fingerprint(),
        head_number=head.number,
        head_hash=head.hash,
        created_at=clock.now(),
    )
    return Prepared(row=row, pdf=pdf, staged=staged)


def make_document(
    *,
    actor: Actor,
    kind: Kind | str,
    case_id: UUID | None,
    reference: str,
    template: str,
    context: Mapping[str, Any],
    language: str,
    title: str,
    country: str | None = None,
    images: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    sheet: statements.Sheet = statements.ANY,
    also: Sequence[str] = (),
) -> Document:
    """`prepare_document` and its `save` in a unit of work of its own."""
    prepared = prepare_document(
        kind=kind,
        case_id=case_id,
        reference=reference,
        template=template,
        context=context,
        language=language,
        title=title,
        country=country,
        images=images,
        attachments=attachments,
        sheet=sheet,
        also=also,
    )
    return prepared.save(actor=actor)


def open_document(document_id: UUID) -> bytes:
    """The PDF as it was made.

    Raises `NotFound`, `NotAllowed`, `vault.Shredded`, and `IntegrityFailure` when the bytes are not
    those the row has the hash of.
    """
    row = Document.objects.filter(id=document_id).first()
    if row is None:
        raise NotFound("no_document", _("There is no such document."))
    refuse_hand_out([row.unit])
    pdf = vault.read(row.unit, FIELD)
    if hashlib.sha256(pdf).hexdigest() != row.sha256:
        raise IntegrityFailure("document_changed", _("The stored document is not what was made."))
    return pdf


def refuse_hand_out(units: Sequence[UUID]) -> None:
    """Raises `NotAllowed("not_handed_out")` while another app says that nobody gets these."""
    if any(forbids(units) for _name, forbids in hand_outs.items()):
        raise NotAllowed("not_handed_out", _("Nobody opens this for now: a picture is put aside."))


def is_kept(document_id: UUID) -> bool:
    """Whether a document can still be opened; False once its destruction was ordered."""
    row = Document.objects.filter(id=document_id).first()
    return row is not None and vault.unit_state(row.unit) == vault.UnitState.LIVE


@cache
def template_version() -> str:
    """One hash over everything documents are set from, so that a text can be found again later."""
    folder = Path(Engine.get_default().get_template(BASE).origin.name).parent
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def _remedies(country: str | None) -> remedies.Remedies:
    return remedies.for_country(
        country,
        establishment_in_eu=authorities.in_eu(settings.DSR_CONTROLLER.get("country")),
        overrides=getattr(settings, "DSR_AUTHORITIES", None),
    )


def _pages(pdf: bytes) -> int:
    from dsr_portal.documents.inspect import inspect

    return int(inspect(pdf)["pages"])
