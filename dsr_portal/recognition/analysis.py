"""Pictures in, facts out: faces for enrolment, verdicts on probes, covered pictures.

Pictures come as `Picture` from the confined child (R28) or as JPEG bytes that our own code made.
Embedding happens here only for enrolment and, in `embed_probes`, for a search (R8 is the
caller's: no consent record, no call).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.vault.confined import Picture
from dsr_portal.vault.pictures import decode_own

if TYPE_CHECKING:
    from biometrics.faces import Face

Box = tuple[int, int, int, int]

CROP_SIDE = 320
_CROP_MARGIN = 0.4
_CROP_QUALITY = 90
_STAGE = (42, 47, 49)
"""The colour behind faces on the pages (ui.md: stage)."""
_PICTURE_QUALITY = 95
_COVER_ROUNDS = 4
_SAME_FACE = 0.35


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face of a gallery picture, ready to be enrolled.

    `box` (x, y, width, height) and `landmarks` (five points) are pixels of the decoded picture;
    `crop` is a JPEG for people to look at; `template` is 128 float32, little-endian.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    quality: dict[str, float]
    findings: tuple[str, ...]
    crop: bytes
    template: bytes


@dataclass(frozen=True, slots=True)
class ProbeVerdict:
    """What the checks before any face code say of a probe: "ok" or the finding that refuses it.

    `crop` is a JPEG of its one face, cut like those of the gallery, for people to compare.
    """

    code: str
    findings: tuple[str, ...]
    face_box: Box | None
    crop: bytes = b""

    @property
    def usable(self) -> bool:
        return self.code == "ok"


@dataclass(frozen=True, slots=True)
class Covered:
    """A picture with faces covered by solid grey, burned in and encoded anew."""

    jpeg: bytes
    width: int
    height: int
    covered: tuple[Box, ...]


@outside("Reading pixels")
def pixels(picture: Picture | bytes) -> Any:
    """uint8 RGB (height, width, 3); bytes must be a JPEG or PNG of our own making."""
    import numpy as np

    if isinstance(picture, Picture):
        flat = np.frombuffer(picture.rgb, dtype=np.uint8)
        return flat.reshape(picture.height, picture.width, 3)
    rgb, width, height = decode_own(picture)
    return np.frombuffer(rgb, dtype=np.uint8).reshape(height, width, 3)


def jpeg(rgb: Any, quality: int = _PICTURE_QUALITY) -> bytes:
    """Encode pixels as a JPEG without any metadata."""
    import cv2

    done, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadInput("not_a_picture", "")
    return bytes(data.tobytes())


# -- enrolment ----------------------------------------------------------------------------------


@outside("Embedding faces")
def analyse_gallery_picture(picture: Picture) -> list[FoundFace]:
    """Every face of a picture that is large enough to enrol, largest first."""
    from biometrics.errors import BadPicture
    from biometrics.faces import align, find_faces
    from biometrics.quality import assess
    from biometrics.templates import to_template

    rgb = pixels(picture)
    config = engines.config()
    kept: list[tuple[Face, Any, Any]] = []
    for face in find_faces(rgb, config):
        if face.width < config.min_face_px:
            continue
        try:
            kept.append((face, align(rgb, face.landmarks), assess(rgb, face, config)))
        except BadPicture:
            continue
    kept = [one for one in kept if int(one[1].max()) > 1]
    if not kept:
        return []
    embeddings = engines.engine().embed([crop for _face, crop, _quality in kept])
    templates = to_template(embeddings, engines.turn())
    return [
        FoundFace(
            box=_box(face.box),
            landmarks=tuple((float(x), float(y)) for x, y in face.landmarks),
            quality={name: round(float(value), 4) for name, value in quality.values.items()},
            findings=tuple(quality.findings),
            crop=_shown(rgb, face),
            template=template.astype("<f4").tobytes(),
        )
        for (face, _crop, quality), template in zip(kept, templates, strict=True)
    ]


def _shown(rgb: Any, face: "Face") -> bytes:
    """The face for people to look at, at most CROP_SIDE pixels."""
    import cv2

    from biometrics.crops import crop_face

    crop: Any = crop_face(rgb, face)
    longest = max(crop.shape[:2])
    if longest > CROP_SIDE:
        size = tuple(max(1, round(side * CROP_SIDE / longest)) for side in crop.shape[1::-1])
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    return jpeg(crop, _CROP_QUALITY)


def _squared(crop: Any, rgb: Any, face: "Face") -> Any:
    """Fill up what `crop_face` could not take because the picture ends there."""
    import cv2

    x, y, width, height = face.box
    half = max(width, height) * (0.5 + _CROP_MARGIN)
    left, top = x + width / 2 - half, y + height / 2 - half
    high, wide = rgb.shape[:2]
    beyond = (-top, top + 2 * half - high, -left, left + 2 * half - wide)
    above, below, before, after = (max(0, round(one)) for one in beyond)
    if not (above or below or before or after):
        return crop
    return cv2.copyMakeBorder(crop, above, below, before, after, cv2.BORDER_CONSTANT, value=_STAGE)


def _box(box: Sequence[int]) -> Box:
    x, y, width, height = (int(value) for value in box)
    return (x, y, width, height)


# -- probes -------------------------------------------------------------------------------------


@outside("Judging a probe")
def judge_probe(picture: Picture | bytes) -> ProbeVerdict:
    """One face, its size and plain quality words; no face code is computed (R8)."""
    from biometrics.errors import BadPicture
    from biometrics.quality import judge_probe as judge

    try:
        rgb = pixels(picture)
        verdict = judge(rgb, engines.config())
    except BadPicture:
        return ProbeVerdict("no_face", (), None)
    findings = tuple(verdict.findings)
    if verdict.face is None:
        return ProbeVerdict(verdict.code, findings, None)
    return ProbeVerdict(verdict.code, findings, _box(verdict.face.box), _shown(rgb, verdict.face))


@outside("Embedding a probe")
def embed_probes(pictures: Sequence[Picture | bytes]) -> Any:
    """Templates float32 (n, 128) of the one face of each picture; `BadInput` where it has none."""
    from biometrics.faces import align
    from biometrics.quality import judge_probe as judge
    from biometrics.templates import to_template

    crops = []
    for picture in pictures:
        rgb = pixels(picture)
        verdict = judge(rgb, engines.config())
        if verdict.face is None:
            raise BadInput(verdict.code, "")
        crops.append(align(rgb, verdict.face.landmarks))
    return to_template(engines.engine().embed(crops), engines.turn())


# -- covering -----------------------------------------------------------------------------------


@outside("Covering faces")
def cover_faces(picture: Picture | bytes, boxes: Iterable[Box]) -> Covered:
    """The picture with these boxes covered, as a new JPEG."""
    from biometrics.redaction import cover

    wanted = tuple(_box(box) for box in boxes)
    rgb = cover(pixels(picture), wanted)
    return Covered(jpeg(rgb), rgb.shape[1], rgb.shape[0], wanted)


@outside("Covering faces")
def cover_others(
    picture: Picture | bytes, keep: Iterable[Box], known: Iterable[Box] = ()
) -> Covered:
    """The picture with every face covered but those in `keep` (law A-15).

    `known` are boxes of other enrolled faces, covered even where the detector misses them now.
    The covered picture is searched for faces again until none but the kept ones is left (X-14);
    `BadInput` when that does not end.
    """
    from biometrics.faces import find_faces
    from biometrics.redaction import cover

    rgb = pixels(picture)
    kept = [_box(box) for box in keep]
    covered = [box for box in map(_box, known) if not _is_kept(box, kept)]
    for _round in range(_COVER_ROUNDS):
        result = cover(rgb, covered)
        more = [_box(face.box) for face in find_faces(result, engines.config())]
        more = [box for box in more if not _is_kept(box, kept)]
        if not more:
            return Covered(jpeg(result), result.shape[1], result.shape[0], tuple(covered))
        covered += more
    raise BadInput("faces_left", "", faces=len(more))


def _is_kept(box: Box, kept: Sequence[Box]) -> bool:
    """The same face: the shared area is over a third of the two boxes together."""
    return any(_union_share(box, other) > _SAME_FACE for other in kept)


def _union_share(one: Box, two: Box) -> float:
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (one[2] * one[3] + two[2] * two[3] - shared)
