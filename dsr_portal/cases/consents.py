"""The words people agree to, each with a version. A record keeps version and hash (R8, law P-02).

Change a text only together with its version; a test compares.
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dsr_portal.cases.models import ConsentScope


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One text as it is shown in one language."""

    scope: str
    version: str
    language: str
    text: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


VERSIONS: dict[str, str] = {
    ConsentScope.COMPARISON: "comparison-2",
    ConsentScope.CHECK_FRAMES: "check_frames-1",
    ConsentScope.SEARCH_FRAMES: "search_frames-1",
    ConsentScope.BLOCK_LIST: "block_list-1",
}

BEFORE_ERASURE = frozenset({"comparison-2"})
"""Words that also agree to one more comparison before an erasure (R5)."""


def consent_text(scope: str, *, language: str | None = None) -> ConsentText:
    """The text in force for a scope, in `language` (the active one when omitted)."""
    code = language or translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(code):
        words = _words(ConsentScope(scope)) % {"controller": settings.DSR_CONTROLLER["name"]}
    return ConsentText(str(scope), VERSIONS[scope], code, words)


def _words(scope: ConsentScope) -> str:
    if scope is ConsentScope.COMPARISON:
        return _(
            "I agree that %(controller)s makes a face code from my photo and compares it with the"
            " pictures in its database, only to answer this request. It may compare again from"
            " pictures I am found in, and once more before the answer and before it deletes"
            " anything. I can withdraw this at any time on the page of my request; then the photo"
            " and the face code are deleted at once. I can also make my request without a photo."
        )
    if scope is ConsentScope.CHECK_FRAMES:
        return _(
            "I agree that %(controller)s compares the camera pictures of the pose check with my"
            " photo, only to see that both show the same person. I can withdraw this at any time."
        )
    if scope is ConsentScope.SEARCH_FRAMES:
        return _(
            "I agree that %(controller)s also searches with the camera pictures of the pose check,"
            " only to answer this request. I can withdraw this at any time."
        )
    return _(
        "After my data are deleted, %(controller)s may keep a protected face code, only to stop my"
        " face from being collected again. I can end this at any time."
    )
