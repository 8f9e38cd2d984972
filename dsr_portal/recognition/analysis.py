"""Pictures in, facts out: faces for enrolment, verdicts on probes, covered pictures.

Pictures come as `Picture` from the confined child (R28) or as JPEG bytes that our own code made.
Embedding happens here only for enrolment; `fusing` embeds probes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from dsr_portal.core.errors import BadInput
from dsr_portal.core.transactions import outside
from dsr_portal.recognition import engine as engines
from dsr_portal.vault.confined import Picture
from dsr_portal.vault.pictures import decode_own

if TYPE_CHECKING:
    from biometrics.faces import Face
    from biometrics.pipeline import Pipeline

Box = tuple[int, int, int, int]

CROP_SIDE = 320
_CROP_QUALITY = 90
_PICTURE_QUALITY = 95
_COVER_ROUNDS = 4
_SAME_FACE = 0.35
_INSIDE = 0.6
_COVER_FROM_PX = 20
"""Faces this wide are looked for when others are covered: half of what is enrolled."""


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

    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadInput("not_a_picture", "")
    return bytes(data.tobytes())


# -- enrolment ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face of a gallery picture before it is embedded; `aligned` is uint8 (112, 112, 3)."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    quality: dict[str, float]
    findings: tuple[str, ...]
    crop: bytes
    aligned: Any


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """The faces of a gallery picture, largest first, and how many more were seen in it.

    Those `left_out` are the smallest of a crowd: each is large enough to enrol, but a picture has
    a bound (biometrics' `max_faces`). No search reaches them; coverage counts them (R15).
    """

    faces: tuple[SeenFace, ...]
    left_out: int


@outside("Finding faces")
def find_gallery_faces(picture: Picture, pipeline: "Pipeline | None" = None) -> SeenPicture:
    """Every face of a picture that is large enough to enrol, largest first.

    A face in an animation or a camera's series has the finding "first_of_several": the other
    pictures of the file were not looked at.

    Give a `pipeline` in a thread: making one reads the database. Raises `BadInput` with the code of
    what makes the picture one that can't be searched.
    """
    from biometrics.errors import BadPicture

    rgb = pixels(picture)
    pipeline = pipeline or engines.pipeline()
    further = ("first_of_several",) if picture.frames > 1 else ()
    try:
        look = pipeline.look(rgb)
    except BadPicture as error:
        raise BadInput(error.code, "") from error
    faces = tuple(
        SeenFace(
            box=_box(one.face.box),
            landmarks=tuple((float(x), float(y)) for x, y in one.face.landmarks),
            quality={name: round(float(value), 4) for name, value in one.quality.values.items()},
            findings=tuple(one.quality.findings) + further,
            crop=_shown(rgb, one.face),
            aligned=one.crop,
        )
        for one in look.faces
    )
    return SeenPicture(faces, look.left_out)


@outside("Embedding faces")
def embed_gallery_faces(
    seen: Sequence[SeenFace], pipeline: "Pipeline | None" = None
) -> list[FoundFace]:
    """The same faces, of any number of pictures, with their templates, in their order.

    Give a `pipeline` in a thread: making one reads the database.
    """
    templates = (pipeline or engines.pipeline()).templates([one.aligned for one in seen])
    return [
        FoundFace(
            box=one.box,
            landmarks=one.landmarks,
            quality=one.quality,
            findings=one.findings,
            crop=one.crop,
            template=template.astype("<f4").tobytes(),
        )
        for one, template in zip(seen, templates, strict=True)
    ]


def analyse_gallery_picture(picture: Picture) -> list[FoundFace]:
    """Every face of one picture with its template, largest first."""
    return embed_gallery_faces(find_gallery_faces(picture).faces)


def _shown(rgb: Any, face: "Face") -> bytes:
    """The face for people to look at, at most CROP_SIDE pixels."""
    from biometrics.crops import crop_face

    return jpeg(at_most(crop_face(rgb, face), CROP_SIDE), _CROP_QUALITY)


def at_most(rgb: Any, side: int) -> Any:
    """The same pixels with a longer side of at most `side`."""
    import cv2

    longest = max(rgb.shape[:2])
    if longest <= side:
        return rgb
    size = tuple(max(1, round(one * side / longest)) for one in rgb.shape[1::-1])
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


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
        with engines.answering():
            verdict = judge(rgb, engines.config())
    except BadPicture:
        return ProbeVerdict("no_face", (), None)
    findings = tuple(verdict.findings)
    if verdict.face is None:
        return ProbeVerdict(verdict.code, findings, None)
    return ProbeVerdict(verdict.code, findings, _box(verdict.face.box), _shown(rgb, verdict.face))


# -- covering -----------------------------------------------------------------------------------


@outside("Covering faces")
def cover_faces(
    picture: Picture | bytes, boxes: Iterable[Box], *, only: Iterable[Box] = ()
) -> Covered:
    """The picture with these boxes covered, as a new JPEG.

    With `only` everything is covered but what lies in those boxes and in none of `boxes`.
    """
    from biometrics.redaction import cover

    rgb = pixels(picture)
    kept = [_box(box) for box in only]
    if kept:
        rgb = cover(rgb, [(0, 0, rgb.shape[1], rgb.shape[0])], enlarge=0.0, keep=kept)
    wanted = tuple(_box(box) for box in boxes)
    rgb = cover(rgb, wanted)
    return Covered(jpeg(rgb), rgb.shape[1], rgb.shape[0], wanted)


@outside("Cutting out faces")
def cut_again(covered: Covered, faces: Mapping[UUID, Box], *, every: bool) -> dict[UUID, bytes]:
    """New cut-outs, from a covered picture, of faces whose old one shows what was covered.

    `faces` are boxes in that picture's pixels; with `every` each is cut anew. A cut-out reaches
    beyond its face, and so does what is covered: a neighbour's may show a part of the other.
    """
    import numpy as np

    from biometrics.crops import crop_area
    from biometrics.faces import Face
    from biometrics.redaction import covered_area

    rgb = pixels(covered.jpeg)
    areas = [covered_area(box, rgb.shape) for box in covered.covered]
    nowhere = np.zeros((5, 2), dtype=np.float32)
    return {
        name: _shown(rgb, Face(box=box, landmarks=nowhere, score=1.0))
        for name, box in faces.items()
        if every or any(_meet(crop_area(box, rgb.shape), area) for area in areas)
    }


def area_of_cut_out(box: Box, width: int, height: int) -> Box:
    """What part (left, top, right, bottom) of a picture the cut-out of a face shows."""
    from biometrics.crops import crop_area

    return crop_area(_box(box), (height, width))


def _meet(one: Box, two: Box) -> bool:
    """Whether two areas (left, top, right, bottom) share a pixel."""
    return max(one[0], two[0]) < min(one[2], two[2]) and max(one[1], two[1]) < min(one[3], two[3])


@outside("Covering faces")
def cover_others(
    picture: Picture | bytes, keep: Iterable[Box], known: Iterable[Box] = ()
) -> Covered:
    """The picture with every face covered but those in `keep` (law A-15).

    `known` are boxes of other enrolled faces, covered even where the detector misses them now.
    A kept face stays visible as a whole: beside it others are covered right up to its box.
    What is handed out, the new JPEG, is searched again in several sizes, tiles and turns until
    only kept faces are left (X-14); `BadInput` when that does not end.
    """
    from biometrics.errors import BadPicture
    from biometrics.faces import find_faces
    from biometrics.redaction import cover

    rgb, config = pixels(picture), engines.config()
    kept = [_box(box) for box in keep]
    covered = [box for box in map(_box, known) if not _is_kept(box, kept)]
    for _round in range(_COVER_ROUNDS):
        result = jpeg(cover(rgb, covered, keep=kept))
        try:
            found = find_faces(pixels(result), config, turns="always", smallest=_COVER_FROM_PX)
        except BadPicture as error:
            raise BadInput("faces_left", "") from error
        boxes = (_box(face.box) for face in found)
        more = [box for box in boxes if not _is_kept(box, kept) and not _lies_in(box, kept)]
        if not more:
            return Covered(result, rgb.shape[1], rgb.shape[0], tuple(covered))
        covered += more
    raise BadInput("faces_left", "", faces=len(more))


def _is_kept(box: Box, kept: Sequence[Box]) -> bool:
    """The same face: the shared area is over a third of the two boxes together."""
    from biometrics.faces import union_share

    return any(union_share(box, other) > _SAME_FACE for other in kept)


def _lies_in(box: Box, kept: Sequence[Box]) -> bool:
    """A part of a kept face that the detector takes for a face of its own."""
    from biometrics.faces import shared_area

    return any(shared_area(box, other) > _INSIDE * box[2] * box[3] for other in kept)
