"""How pictures look from afar, in memory only: see `biometrics.likeness`. It proposes copies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsr_portal.core.transactions import outside
from dsr_portal.recognition.analysis import pixels
from dsr_portal.vault.confined import Picture

if TYPE_CHECKING:
    from biometrics.likeness import Looks

Look = Any
"""A `biometrics.likeness.Look`; named here so that nobody else imports the library."""


@outside("Looking at a picture")
def look_of(picture: Picture) -> Look:
    from biometrics import likeness

    return likeness.look_of(pixels(picture))


def of_many(looks: Sequence[Look]) -> "Looks":
    """Looks that others are compared with, one after the other."""
    from biometrics import likeness

    return likeness.Looks(looks)
