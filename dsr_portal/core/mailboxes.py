"""When two e-mail addresses are one mailbox."""

import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def compared(email: str) -> str:
    """An address as it is compared: only A to Z lose their case.

    Folding any other letter would make one of two mailboxes: straße.example and strasse.example
    belong to different people.
    """
    return email.strip().translate(_LOWER)
