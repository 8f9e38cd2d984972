"""How pictures look from afar, in memory only: see `biometrics.likeness`. It proposes copies."""

from typing import Any

from dsr_portal.core.transactions import outside
from dsr_portal.recognition.analysis import pixels
from dsr_portal.vault.confined import Picture

Look = Any
"""A `biometrics.likeness.Look`; named here so that nobody else imports the library."""


@outside("Looking at a picture")
def look_of(picture: Picture) -> Look:
    from biometrics import likeness

    return likeness.look_of(pixels(picture))


def compared(one: Look, other: Look) -> bool | None:
    """None for different pictures, True for the same pixels, False for a changed copy."""
    from biometrics import likeness

    found = likeness.likeness(one, other)
    return None if found is None else found.exact
