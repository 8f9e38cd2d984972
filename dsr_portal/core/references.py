"""Case references people can read out: K7M-2QX4, with a check character (R12).

Crockford base32 without I, L, O, U and, so that the check character catches every single wrong
character and every swap of neighbours, without Z (31 letters, a prime). Six random characters give
31^6 (about 890 million) references. A reference opens nothing alone.
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXY"
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BODY = 6


def new_reference() -> str:
    return format_reference("".join(secrets.choice(ALPHABET) for _ in range(_BODY)))


def format_reference(body: str) -> str:
    whole = body + check_character(body)
    return f"{whole[:3]}-{whole[3:]}"


def check_character(body: str) -> str:
    """A weighted sum modulo a prime: every changed or swapped neighbour character shows."""
    total = sum((place + 2) * ALPHABET.index(letter) for place, letter in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def normalise(text: str) -> str | None:
    """The reference in its one written form, or None when it is not one.

    Lower case, spaces, missing hyphens and the look-alikes O, I, L are accepted.
    """
    letters = "".join(text.upper().split()).replace("-", "").translate(_LOOKALIKES)
    if len(letters) != _BODY + 1 or any(letter not in ALPHABET for letter in letters):
        return None
    body, check = letters[:_BODY], letters[_BODY]
    return format_reference(body) if check_character(body) == check else None
