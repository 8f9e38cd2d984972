"""Plain words for what the checks of a photo said (ui.md, Voice)."""

from typing import Any

from django.utils.translation import gettext_lazy as _

VERDICT_WORDS: dict[str, Any] = {
    "ok": _("The photo can be used."),
    "no_face": _(
        "We can't see a face in this photo. Take it again with your whole face in the picture, "
        "facing a window or a lamp."
    ),
    "several_faces": _(
        "There is more than one face in this photo. Send one with only you in it. "
        "We do not examine the others."
    ),
    "no_face_chosen": _(
        "There was more than one face in your photo, and none of them was chosen. We deleted it. "
        "Send one with only you in it."
    ),
    "face_too_small": _(
        "Your face is very small in this photo. Take it again from closer, or send the picture in "
        "its full size."
    ),
    "unreadable": _("We can't open this file as a photo. Send a JPEG, PNG, WEBP or HEIC picture."),
}
FINDING_WORDS: dict[str, Any] = {
    "too_dark": _(
        "Your face is dark in this photo, so we might miss pictures of you. Turn towards the light "
        "and try again, or go on with this one."
    ),
    "too_bright": _("Parts of your face are too bright in this photo. Less direct light helps."),
    "low_contrast": _("There is little contrast in this photo. Even light helps."),
    "uneven_light": _("One side of your face is in shadow. Turn towards the light."),
    "blurred": _("Your face is not sharp in this photo. Hold still and try again, or go on."),
    "turned_away": _(
        "Your face is turned to the side. Look straight at the camera: a photo from the front "
        "finds more pictures."
    ),
    "head_up_or_down": _(
        "You look up or down in this photo. Hold the camera at the height of your eyes."
    ),
    "tilted": _("Your head is tilted. A photo with the head upright finds more pictures."),
    "on_its_side": _(
        "This photo lies on its side or upside down. We can use it; an upright one is better."
    ),
    "cut_off": _("Part of your face is outside the photo. Show your whole face."),
    "partly_covered": _(
        "Your eyes or your mouth seem to be covered. If you can, take off dark glasses, a mask or "
        "a scarf for this photo, or go on with this one."
    ),
    "others_in_background": _("There are other people behind you. We do not examine them."),
}
DESK_WORDS: dict[str, Any] = {
    "too_dark": _("dark"),
    "too_bright": _("too bright"),
    "low_contrast": _("little contrast"),
    "blurred": _("not sharp"),
    "uneven_light": _("one side in shadow"),
    "turned_away": _("turned away"),
    "head_up_or_down": _("looking up or down"),
    "tilted": _("tilted"),
    "on_its_side": _("on its side"),
    "cut_off": _("cut off"),
    "partly_covered": _("eyes or mouth covered"),
    "first_of_several": _("first of several pictures in the file"),
    "face_too_small": _("small face"),
    "no_face": _("no face seen"),
    "several_faces": _("more than one face"),
    "no_face_chosen": _("more than one face, none chosen, deleted"),
    "unreadable": _("could not be opened"),
    "others_in_background": _("others in the background"),
}


def verdict_words(code: str) -> str:
    """What to tell the person about a photo that cannot be used, or can."""
    return str(VERDICT_WORDS.get(code, VERDICT_WORDS["unreadable"]))


def finding_words(code: str) -> str:
    """A hint with which the person may go on."""
    return str(FINDING_WORDS.get(code, VERDICT_WORDS.get(code, code)))


def desk_words(code: str) -> str:
    """The same for an officer, in a word or two."""
    return str(DESK_WORDS.get(code, code.replace("_", " ")))
