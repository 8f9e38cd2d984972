"""Signing and checking PDFs (PAdES baseline, ETSI EN 319 142-1), with the installation's key."""

import io
from dataclasses import dataclass

from django.conf import settings
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from dsr_portal.core.transactions import outside
from dsr_portal.documents import identity
from dsr_portal.documents.inspect import inspect

FIELD = "Signature"


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """What a look at a signed PDF gave; `code` is one of those of `documents.inspect`."""

    code: str
    intact: bool
    valid: bool
    covers_whole_file: bool
    trusted: bool
    signer: str

    @property
    def good(self) -> bool:
        return self.code == "good"


@outside("Signing a document")
def sign(pdf: bytes, *, reason: str) -> bytes:
    """The PDF with an invisible signature over the whole file; `reason` shows in PDF readers."""
    certificate = next(iter(load_certs_from_pemder_data(identity.certificate_pem())))
    signer = SimpleSigner(
        signing_cert=certificate,
        signing_key=load_private_key_from_pemder_data(identity.key_pem(), passphrase=None),
        cert_registry=SimpleCertificateStore(),
    )
    meta = PdfSignatureMetadata(
        field_name=FIELD,
        reason=reason,
        name=settings.DSR_CONTROLLER["name"],
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
    )
    # Outside the page: PDF/A wants the widget printable, PDF/UA wants it out of sight.
    field = SigFieldSpec(
        FIELD, invis_sig_settings=InvisSigSettings(set_print_flag=True, box_out_of_bounds=True)
    )
    out = io.BytesIO()
    PdfSigner(meta, signer, new_field_spec=field).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf)),
        output=out,
        bytes_reserved=_room_for(certificate.dump()),
    )
    return out.getvalue()


def _room_for(certificate: bytes) -> int:
    """Hexadecimal digits kept free for a signature; without it a first one is made to be measured.

    It holds the certificate, names its issuer twice more, and 1024 bytes are more than the rest.
    """
    return 2 * (2 * len(certificate) + 1024)


@outside("Verifying a document")
def verify(pdf: bytes) -> SignatureVerdict:
    """Check one of our own documents against this installation's key.

    For a file from outside use the confined child (`python -m dsr_portal.documents.inspect`).
    """
    found = inspect(pdf, {identity.fingerprint()})
    return SignatureVerdict(
        code=found["verdict"],
        intact=found["intact"],
        valid=found["valid"],
        covers_whole_file=found["covers_whole_file"],
        trusted=found["trusted"],
        signer=found["signer"],
    )
