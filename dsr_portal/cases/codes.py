"""Receipt code, mail code and link tokens: derived from the contact unit's key, never stored (R12).

They die with that key. The database keeps a keyed hash of a token, so that its row gives no link.
"""

import base64
import hmac
from uuid import UUID

from dsr_portal.cases.models import Case, MailCode
from dsr_portal.vault import services as vault

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_CODE_BYTES = 10
_CODE_LETTERS = 16
_MAIL_DIGITS = 6
_TOKEN_BYTES = 24


def receipt_code(case: Case) -> str:
    """16 letters and digits in groups of four: 80 bits, Crockford base32 (R12).

    Raises `vault.Shredded` once the contact data of the case are gone.
    """
    info = b"receipt-code|" + case.code_counter.to_bytes(4, "big")
    return _in_groups(vault.derive(case.contact_unit, info, _CODE_BYTES))


def representative_code(case: Case, mandate_id: UUID) -> str:
    """The code of who acts for the person: of the same form, and never the person's own (R11)."""
    info = b"representative-code|" + mandate_id.bytes
    return _in_groups(vault.derive(case.contact_unit, info, _CODE_BYTES))


def _in_groups(drawn: bytes) -> str:
    number = int.from_bytes(drawn, "big")
    letters = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_CODE_LETTERS))
    return "-".join(letters[at : at + 4] for at in range(0, _CODE_LETTERS, 4))


def normalise_code(text: str) -> str:
    """What a person typed without spaces, hyphens, case and look-alikes (O, I, L)."""
    kept = "".join(letter for letter in text.upper() if letter.isalnum())
    return kept.translate(_LOOKALIKES)


def check_code(*, case: Case, code: str) -> bool:
    """True when this is the case's receipt code; compared in constant time."""
    try:
        right = receipt_code(case)
    except vault.Shredded:
        return False
    return same_code(right, code)


def same_code(right: str, typed: str) -> bool:
    """Whether somebody typed this code; compared in constant time."""
    return hmac.compare_digest(normalise_code(right).encode(), normalise_code(typed).encode())


def mail_code(mail: MailCode) -> str:
    """Six digits that prove the mailbox at filing, and nothing else (R12)."""
    drawn = vault.derive(mail.case.contact_unit, b"mail-code|" + mail.id.bytes, 8)
    return f"{int.from_bytes(drawn, 'big') % 10**_MAIL_DIGITS:0{_MAIL_DIGITS}d}"


def delivery_token(*, contact_unit: UUID, delivery_id: UUID) -> str:
    """The secret part of a delivery's link: 192 bits, URL-safe."""
    drawn = vault.derive(contact_unit, b"delivery|" + delivery_id.bytes, _TOKEN_BYTES)
    return base64.urlsafe_b64encode(drawn).decode()


def invitation_token(*, contact_unit: UUID, invitation_id: UUID) -> str:
    """The secret part of a link that shows somebody their own code once (R11)."""
    drawn = vault.derive(contact_unit, b"invitation|" + invitation_id.bytes, _TOKEN_BYTES)
    return base64.urlsafe_b64encode(drawn).decode()


def address_token(*, contact_unit: UUID, change_id: UUID) -> str:
    """The secret part of a link that stops a change of address, for the old mailbox (R13)."""
    drawn = vault.derive(contact_unit, b"address-change|" + change_id.bytes, _TOKEN_BYTES)
    return base64.urlsafe_b64encode(drawn).decode()


def acting_token(*, unit: UUID, link_id: UUID) -> str:
    """The secret part of a link to set up or enter an account of who acts for others (R11)."""
    drawn = vault.derive(unit, b"acting-link|" + link_id.bytes, _TOKEN_BYTES)
    return base64.urlsafe_b64encode(drawn).decode()


def token_hash(token: str) -> str:
    return vault.keyed_hash("delivery-token", token.encode())
