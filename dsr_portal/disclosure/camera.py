"""What a camera wrote into the file of a picture, as an answer tells it (law A-02, A-15).

The place, the time and how a picture was taken are about the person in it, so they are told with
the picture. Names have no end of places to stand in, so kinds of entry are given by a list of what
can't name anybody; titles, captions and keywords only where no other face is in the picture. All
else is held back and counted (Art. 15(4)); so is a preview, which would show the faces that are
covered. Nothing here stops an answer: a block nobody can read is named as such.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dsr_portal.vault.confined import Metadata

Row = tuple[str, str]
Entry = tuple[str, str, str]

# How a picture was taken, as EXIF calls it; under these names in XMP, too.
_TAKEN_NAMES = """
    Make Model LensMake LensModel LensInfo LensSpecification Software ProcessingSoftware
    DateTime DateTimeOriginal DateTimeDigitized OffsetTime OffsetTimeOriginal OffsetTimeDigitized
    SubsecTime SubsecTimeOriginal SubsecTimeDigitized SubSecTime SubSecTimeOriginal
    SubSecTimeDigitized TimeZoneOffset ExposureTime FNumber ExposureProgram ExposureMode
    ExposureIndex ExposureBiasValue ISOSpeedRatings PhotographicSensitivity SensitivityType
    RecommendedExposureIndex StandardOutputSensitivity ISOSpeed ShutterSpeedValue ApertureValue
    MaxApertureValue BrightnessValue SubjectDistance SubjectDistanceRange MeteringMode LightSource
    Flash FlashEnergy FocalLength FocalLengthIn35mmFilm
    FocalPlaneXResolution FocalPlaneYResolution FocalPlaneResolutionUnit DigitalZoomRatio
    SceneCaptureType SceneType SensingMethod FileSource GainControl Contrast Saturation Sharpness
    WhiteBalance CustomRendered CompositeImage Orientation ImageWidth ImageLength ExifImageWidth
    ExifImageHeight PixelXDimension PixelYDimension BitsPerSample SamplesPerPixel Compression
    PhotometricInterpretation PlanarConfiguration XResolution YResolution ResolutionUnit
    YCbCrPositioning YCbCrSubSampling YCbCrCoefficients ReferenceBlackWhite WhitePoint
    PrimaryChromaticities ColorSpace Gamma ComponentsConfiguration CompressedBitsPerPixel
    ExifVersion FlashPixVersion FlashpixVersion InteropIndex
    AmbientTemperature Humidity Pressure WaterDepth Acceleration CameraElevationAngle
    GPSVersionID GPSLatitudeRef GPSLatitude GPSLongitudeRef GPSLongitude GPSAltitudeRef GPSAltitude
    GPSTimeStamp GPSDateStamp GPSSatellites GPSStatus GPSMeasureMode GPSDOP GPSSpeedRef GPSSpeed
    GPSTrackRef GPSTrack GPSImgDirectionRef GPSImgDirection GPSMapDatum GPSDestLatitudeRef
    GPSDestLatitude GPSDestLongitudeRef GPSDestLongitude GPSDestBearingRef GPSDestBearing
    GPSDestDistanceRef GPSDestDistance GPSDifferential GPSHPositioningError GPSProcessingMethod
"""
_TAKEN = frozenset(_TAKEN_NAMES.split())


def _under(prefix: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{prefix}:{name}" for name in names)


# What an entry may be called, by block; a name as in XMP holds the way to it and fits as a whole.
_GIVEN = {
    "exif": _TAKEN,
    "gps": _TAKEN | {"Position"},
    "iptc": frozenset({"DateCreated", "TimeCreated", "City", "Province-State", "Country"}),
    "xmp": frozenset().union(
        *(_under(prefix, _TAKEN) for prefix in ("exif", "exifEX", "tiff")),
        _under("exif:Flash/exif", ("Fired", "Return", "Mode", "Function", "RedEyeMode")),
        _under("xmp", ("CreateDate", "ModifyDate", "MetadataDate", "CreatorTool")),
        _under("photoshop", ("DateCreated", "City", "State", "Country", "ColorMode")),
        _under("aux", ("Lens", "LensInfo")),
        {"Iptc4xmpCore:CountryCode"},
    ),
    "text": frozenset({"Software", "Creation Time", "date:create", "date:modify"}),
}
# Words somebody wrote freely: they may name whoever else is in the picture.
_WORDS = {
    "exif": frozenset(
        {"ImageDescription", "UserComment", "XPTitle", "XPSubject", "XPComment", "XPKeywords"}
    ),
    "gps": frozenset({"GPSAreaInformation"}),
    "iptc": frozenset({"ObjectName", "Headline", "Caption-Abstract", "Keywords", "Sub-location"}),
    "xmp": frozenset().union(
        _under("dc", ("title", "description", "subject")),
        _under("exif", ("UserComment", "GPSAreaInformation")),
        {"tiff:ImageDescription", "photoshop:Headline", "Iptc4xmpCore:Location"},
    ),
    "text": frozenset({"Title", "Description", "Comment"}),
    "comment": frozenset({"Comment"}),
}
# Whatever an entry is called: an address to write to, or the folder of somebody's account.
_HOME = re.compile(r"[/\\](?:users|home|documents and settings)[/\\]", re.IGNORECASE)
_MAILBOX = re.compile(r"[^\s@]@[^\s@]")
_AN_ADDRESS_IN_WORDS = 200


@dataclass(frozen=True, slots=True)
class Camera:
    """The entries an answer gives, and how much it does not give for which reason.

    `words_held_back` counts titles, captions and keywords, `held_back` all other entries.
    """

    entries: tuple[Entry, ...]
    held_back: int
    words_held_back: int
    previews: int
    cut: int
    unreadable: tuple[str, ...]

    @classmethod
    def of(cls, found: Metadata, *, alone: bool) -> "Camera":
        """Of one file; `alone` where the picture shows this person's face and no other."""
        kinds = [_kind(one) for one in found.entries]
        given = {"given", "words"} if alone else {"given"}
        own = zip(found.entries, kinds, strict=True)
        return cls(
            entries=tuple(entry for entry, kind in own if kind in given),
            held_back=kinds.count("other"),
            words_held_back=0 if alone else kinds.count("words"),
            previews=found.previews,
            cut=found.cut,
            unreadable=found.unreadable,
        )

    @property
    def empty(self) -> bool:
        return not (self.entries or self.not_given or self.previews or self.unreadable)

    @property
    def not_given(self) -> int:
        return self.held_back + self.words_held_back

    @property
    def has_place(self) -> bool:
        return any(block == "gps" for block, _name, _value in self.entries)

    def as_data(self) -> dict[str, Any]:
        return {
            "entries": [
                {"block": block, "name": name, "value": value}
                for block, name, value in self.entries
            ],
            "held_back": self.held_back,
            "words_held_back": self.words_held_back,
            "previews": self.previews,
            "cut": self.cut,
            "unreadable": list(self.unreadable),
        }


def _kind(entry: Entry) -> str:
    """Whether an entry is "given", "words" somebody wrote freely, or "other", which nobody gets."""
    block, name, value = entry
    if _HOME.search(value) or _MAILBOX.search(value):
        return "other"
    if name in _GIVEN.get(block, ()):
        return "given"
    return "words" if name in _WORDS.get(block, ()) else "other"


def rows(camera: Camera, *, on_paper: bool = False) -> list[Row]:
    """What a person reads beside the picture: where, when and with what, and how much there is."""
    if camera.empty:
        return [(_("Camera data"), _("none in this file"))]
    told = [(label, value[:_AN_ADDRESS_IN_WORDS]) for label, value in _known(camera)]
    if camera.entries:
        told.append((_("Camera data"), _how_many(len(camera.entries), on_paper=on_paper)))
    if camera.not_given:
        told.append((_("Camera data held back"), str(camera.not_given)))
    if camera.unreadable or camera.cut:
        told.append(
            (_("Camera data not read"), _("a part is damaged or too large; ask us for the file"))
        )
    return told or [(_("Camera data"), _("a preview only, which is not given"))]


def _how_many(number: int, *, on_paper: bool) -> str:
    """Paper brings no file, so each entry stands in the letter there (`printed`)."""
    if on_paper:
        words = ngettext(
            "%(number)s entry; it stands near the end of this letter",
            "%(number)s entries; they stand near the end of this letter",
            number,
        )
    else:
        words = ngettext(
            "%(number)s entry; you find it in data.json",
            "%(number)s entries; you find them in data.json",
            number,
        )
    return words % {"number": number}


def printed(camera: Camera) -> list[Row]:
    """Each entry of one file for a letter on paper (Art. 15(3))."""
    return [(f"{block} {name}", value) for block, name, value in camera.entries]


def _known(camera: Camera) -> list[Row]:
    """The entries most people look for, under names they know; the first of each."""
    first: dict[str, str] = {}
    for _block, name, value in camera.entries:
        first.setdefault(name.rpartition(":")[2].casefold(), value)
    wanted = (
        (_("Place (GPS)"), ("position",)),
        (_("Taken on, says the camera"), ("datetimeoriginal", "datecreated", "datetime")),
        (_("Camera"), ("model", "make")),
        (_("Words in the file"), ("caption-abstract", "imagedescription", "description")),
    )
    return [
        (label, first[name])
        for label, names in wanted
        for name in [next((one for one in names if one in first), "")]
        if name
    ]


def left_out(cameras: Iterable[Camera]) -> list[str]:
    """What is held back of camera data, counted over the whole answer."""
    seen = list(cameras)
    points = []
    number = sum(one.held_back for one in seen)
    if number:
        points.append(
            ngettext(
                "%(number)s entry of camera data is not given. It is of a kind that can name or "
                "point to somebody else, such as who took the picture, and we hold all of those "
                "back to protect them (Art. 15(4) GDPR). You can ask us about it.",
                "%(number)s entries of camera data are not given. They are of kinds that can name "
                "or point to somebody else, such as who took the picture, and we hold all of those "
                "back to protect them (Art. 15(4) GDPR). You can ask us about them.",
                number,
            )
            % {"number": number}
        )
    words = sum(one.words_held_back for one in seen)
    if words:
        points.append(
            ngettext(
                "%(number)s title, caption or keyword in a file is not given. We give those only "
                "where we saw no face but yours in the picture, because they can name others "
                "(Art. 15(4) GDPR). You can ask us about it.",
                "%(number)s titles, captions or keywords in files are not given. We give those "
                "only where we saw no face but yours in the picture, because they can name others "
                "(Art. 15(4) GDPR). You can ask us about them.",
                words,
            )
            % {"number": words}
        )
    previews = sum(one.previews for one in seen)
    if previews:
        points.append(
            ngettext(
                "%(number)s small preview inside a file is not given: it shows what is covered.",
                "%(number)s small previews inside files are not given: they show what is covered.",
                previews,
            )
            % {"number": previews}
        )
    return points
