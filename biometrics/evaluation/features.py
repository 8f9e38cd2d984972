"""From pictures to templates, once: kept in a cache, so that a broken-off run goes on.

Every picture takes the portal's own way: ``biometrics.decode`` reads it, ``pipeline.Pipeline``
finds, aligns and embeds. The plain template beside it is the unit embedding of the same face,
aligned by the detector's own landmarks, without any lever: the difference tells what they bring.

Where a picture shows several faces the labelled one is the largest, weighted by its closeness to
the centre (press pictures hold bystanders at the edge).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import os
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from biometrics.config import BiometricsConfig
from biometrics.decode import MAX_BYTES, Refused, decode
from biometrics.engine import Engine
from biometrics.errors import BadPicture, DetectorFailed, EngineFailed
from biometrics.evaluation.dataset import Labelled
from biometrics.faces import Face, align
from biometrics.fusion import weight_of
from biometrics.pictures import Rgb
from biometrics.pipeline import Pipeline, SeenFace

MAX_SIDE: Final = 4096
"""As the portal decodes a picture."""

Templates = NDArray[np.float32]
Say = Callable[[str], None]

_CHUNK = 32
_PART = 256
_SAY_EVERY = 2.0
_HASH_SIDE = 16
_MODULES = (
    "config", "decode", "engine", "faces", "fusion", "pipeline", "quality", "templates", "views",
)  # fmt: skip
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class FaceFacts:
    """One face of a picture: box in pixels, quality values, its weight among photos of a probe."""

    box: tuple[int, int, int, int]
    sharpness: float
    yaw: float
    weight: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one picture.

    ``code``: "ok", "no_face", or why it can't be read. ``stamp``: size and time of the file;
    ``sha256`` of its bytes; ``dhash``: 256 bits of the picture's light, as hex; ``labelled``: the
    number of the labelled face, -1 without a face.
    """

    path: str
    stamp: str
    code: str
    sha256: str = ""
    dhash: str = ""
    labelled: int = -1
    faces: tuple[FaceFacts, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """One picture with templates of its faces: float32 (faces, dimension) each, unit rows."""

    seen: Seen
    templates: Templates
    plain: Templates


# -- one picture --------------------------------------------------------------------------------


class _NoEngine:
    """What finding faces needs of an engine: its settings."""

    def __init__(self, config: BiometricsConfig) -> None:
        self.config = config

    def embed(self, crops: Sequence[Rgb]) -> Templates:
        raise TypeError("faces are only found here")


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    seen: Seen
    crops: list[Rgb]
    plain: list[Rgb]


@functools.cache
def _know_all_formats() -> None:
    """Pillow reads HEIC only after this; the decoder's own process does the same."""
    from pillow_heif import options, register_heif_opener

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    register_heif_opener()


def read_picture(path: Path) -> tuple[bytes, Rgb]:
    """Bytes and pixels of a file; Refused with a code or OSError where it can't be read."""
    _know_all_formats()
    if path.stat().st_size > MAX_BYTES:
        raise Refused("too_many_bytes")
    data = path.read_bytes()
    header, rgb = decode(data, max_side=MAX_SIDE)
    shape = (header["height"], header["width"], 3)
    return data, np.frombuffer(rgb, dtype=np.uint8).reshape(shape)


def labelled_face(faces: Sequence[Face], shape: tuple[int, ...]) -> int:
    """Which face a picture's label means: the largest by area times closeness to the centre."""
    centre = np.array([shape[1], shape[0]]) / 2

    def weight(face: Face) -> float:
        x, y, width, height = face.box
        off = np.array([x + width / 2, y + height / 2]) - centre
        return width * height * max(0.0, 1.0 - float(np.hypot(*off) / np.hypot(*centre)))

    return max(range(len(faces)), key=lambda number: weight(faces[number]))


def difference_hash(rgb: Rgb) -> str:
    """256 bits: where the light grows from left to right in a small grey copy, as hex."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()


def _look(folder: Path, path: str, finder: Pipeline) -> _Looked:
    """Read one picture and find its faces; what goes wrong with a file becomes its code."""
    stamp = ""
    try:
        stamp = stamp_of(folder / path)
        data, rgb = read_picture(folder / path)
        seen = finder.faces(rgb)
        plain = [align(rgb, one.face.landmarks) for one in seen]
    except (Refused, BadPicture) as error:
        return _Looked(Seen(path, stamp, error.code), [], [])
    except OSError:
        return _Looked(Seen(path, stamp, "unreadable"), [], [])
    except DetectorFailed as error:
        if error.code == "weights_missing":
            raise
        return _Looked(Seen(path, stamp, error.code), [], [])
    except (cv2.error, ValueError, ArithmeticError, np.linalg.LinAlgError, MemoryError):
        # One odd file must not end a run of many thousands; it is counted and named.
        return _Looked(Seen(path, stamp, "failed"), [], [])
    facts = Seen(
        path=path,
        stamp=stamp,
        code="ok" if seen else "no_face",
        sha256=hashlib.sha256(data).hexdigest(),
        dhash=difference_hash(rgb),
        labelled=labelled_face([one.face for one in seen], rgb.shape) if seen else -1,
        faces=tuple(_facts(one) for one in seen),
    )
    return _Looked(facts, [one.crop for one in seen], plain)


def _facts(one: SeenFace) -> FaceFacts:
    return FaceFacts(
        box=one.face.box,
        sharpness=round(one.quality.values["sharpness"], 5),
        yaw=round(one.quality.values["head_pose_yaw"], 1),
        weight=round(weight_of(one.quality), 6),
    )


def stamp_of(path: Path) -> str:
    """Size and time of a file: while both stay, its features are taken from the cache."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


class _Remembering:
    """Embeds each crop once, whether the plain template or the pipeline's needs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[bytes, Templates] = {}

    @property
    def config(self) -> BiometricsConfig:
        return self._engine.config

    def forget(self) -> None:
        self._known.clear()

    def embed(self, crops: Sequence[Rgb]) -> Templates:
        keys = [hashlib.sha256(crop.tobytes()).digest() for crop in crops]
        new = {key: crop for key, crop in zip(keys, crops, strict=True) if key not in self._known}
        rows = self._engine.embed(list(new.values()))
        self._known.update(zip(new, rows, strict=True))
        return np.stack([self._known[key] for key in keys])


def unit_rows(rows: NDArray[Any]) -> Templates:
    """Rows of length one, float32."""
    wide = rows.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), dtype=np.float32)


# -- the cache ----------------------------------------------------------------------------------


def fingerprint(engine: Engine) -> str:
    """A name for all that changes a template: model, settings, the code of the way to it."""
    config = dataclasses.asdict(engine.config)
    del config["home"]
    digest = hashlib.sha256(f"{_FORMAT}|{engine.model_id}|{sorted(config.items())}".encode())
    for name in _MODULES:
        digest.update(resources.files("biometrics").joinpath(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


class Cache:
    """Features in numbered files of a folder; each is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._next = 1 + max((int(part.stem[5:]) for part in self._parts()), default=0)

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-[0-9][0-9][0-9][0-9][0-9].npz"))

    def load(self, say: Say) -> dict[str, Features]:
        """Path -> features of all whole parts; a damaged part is named and made again."""
        known: dict[str, Features] = {}
        for part in self._parts():
            try:
                for one in _unpack(part.read_bytes()):
                    known[one.seen.path] = one
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
                say(f"{part.name} of the cache is damaged and is made again")
                part.unlink(missing_ok=True)
        return known

    def save(self, features: Sequence[Features]) -> None:
        """Write one part: whole under its name or not at all."""
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_pack(features))
            Path(name).replace(self.folder / f"part-{self._next:05d}.npz")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._next += 1


def _pack(features: Sequence[Features]) -> bytes:
    facts = json.dumps([dataclasses.asdict(one.seen) for one in features]).encode()
    buffer = io.BytesIO()
    np.savez(
        buffer,
        facts=np.frombuffer(facts, dtype=np.uint8),
        templates=_stacked([one.templates for one in features]),
        plain=_stacked([one.plain for one in features]),
    )
    return buffer.getvalue()


def _stacked(parts: Sequence[Templates]) -> Templates:
    some = [part for part in parts if len(part)]
    return np.concatenate(some) if some else np.empty((0, 0), dtype=np.float32)


def _unpack(data: bytes) -> Iterator[Features]:
    with np.load(io.BytesIO(data), allow_pickle=False) as part:
        facts = json.loads(part["facts"].tobytes())
        templates, plain = part["templates"], part["plain"]
    at = 0
    for raw in facts:
        faces = tuple(FaceFacts(**{**one, "box": tuple(one["box"])}) for one in raw["faces"])
        end = at + len(faces)
        yield Features(Seen(**{**raw, "faces": faces}), templates[at:end], plain[at:end])
        at = end
    if at != len(templates) or at != len(plain):
        raise ValueError("rows and facts differ")


# -- all pictures -------------------------------------------------------------------------------


def extract(
    folder: Path,
    pictures: Sequence[Labelled],
    *,
    engine: Engine,
    cache: Cache,
    say: Say,
    threads: int | None = None,
) -> list[Features]:
    """Features of every picture in order; what the cache has is not made again.

    ``threads``: how many read pictures and find faces (one detector each) while this one embeds;
    None for one per core. Progress goes to ``say``. Raises EngineFailed and WeightsError.
    """
    known = cache.load(say)
    missing = []
    for picture in pictures:
        there = known.get(picture.path)
        if there is None or not there.seen.stamp or there.seen.stamp != _stamp(folder, picture):
            missing.append(picture.path)
    if len(missing) < len(pictures):
        say(f"{len(pictures) - len(missing):,} of {len(pictures):,} pictures are in the cache")
    fresh: list[Features] = []
    try:
        for one in _progress(_made(folder, missing, engine, threads), len(missing), say):
            known[one.seen.path] = one
            fresh.append(one)
            if len(fresh) == _PART:
                cache.save(fresh)
                fresh = []
    finally:
        # Also when it is broken off: the next run goes on from here.
        if fresh:
            cache.save(fresh)
    return [known[picture.path] for picture in pictures]


def _stamp(folder: Path, picture: Labelled) -> str:
    try:
        return stamp_of(folder / picture.path)
    except OSError:
        return ""


def _made(
    folder: Path, paths: Sequence[str], engine: Engine, threads: int | None
) -> Iterator[Features]:
    """Features of pictures in order: threads find faces ahead of the one that embeds."""
    if not paths:
        return
    engine.start()
    _know_all_formats()
    remembering = _Remembering(engine)
    pipeline = Pipeline(remembering)
    finder = Pipeline(_NoEngine(engine.config))
    chunks = [paths[first : first + _CHUNK] for first in range(0, len(paths), _CHUNK)]
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(threads or len(os.sched_getaffinity(0)))
    waiting: deque[list[Future[_Looked]]] = deque()
    try:
        for number in range(len(chunks)):
            while len(waiting) < 3 and number + len(waiting) < len(chunks):
                ahead = chunks[number + len(waiting)]
                waiting.append([pool.submit(_look, folder, path, finder) for path in ahead])
            looked = [future.result() for future in waiting.popleft()]
            yield from _embedded_or_named(looked, pipeline, remembering)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(before)


def _embedded_or_named(
    looked: Sequence[_Looked], pipeline: Pipeline, remembering: _Remembering
) -> Iterator[Features]:
    """Features of some pictures; where the engine refuses one it is counted, not all of them."""
    try:
        yield from list(_embedded(looked, pipeline, remembering))
        return
    except (EngineFailed, BadPicture):
        if not any(one.crops for one in looked[1:]):
            raise
    failures = 0
    for one in looked:
        try:
            yield from list(_embedded([one], pipeline, remembering))
        except (EngineFailed, BadPicture) as error:
            failures += 1
            if failures == len(looked):
                raise
            seen = Seen(one.seen.path, one.seen.stamp, error.code)
            yield from _embedded([_Looked(seen, [], [])], pipeline, remembering)


def _embedded(
    looked: Sequence[_Looked], pipeline: Pipeline, remembering: _Remembering
) -> Iterator[Features]:
    crops = [crop for one in looked for crop in one.crops]
    dimension = 0
    if crops:
        plain = unit_rows(remembering.embed([crop for one in looked for crop in one.plain]))
        templates = pipeline.templates(crops)
        remembering.forget()
        dimension = templates.shape[1]
    at = 0
    for one in looked:
        end = at + len(one.crops)
        if one.crops:
            yield Features(one.seen, templates[at:end], plain[at:end])
        else:
            yield Features(one.seen, _none(dimension), _none(dimension))
        at = end


def _none(dimension: int) -> Templates:
    return np.empty((0, dimension), dtype=np.float32)


def _progress(made: Iterator[Features], total: int, say: Say) -> Iterator[Features]:
    """Pass on what comes, and say every other second how far it is and how long it takes."""
    started = told = time.monotonic()
    for number, one in enumerate(made, 1):
        yield one
        now = time.monotonic()
        if now - told >= _SAY_EVERY or number == total:
            told = now
            rate = number / max(now - started, 1e-6)
            left = (total - number) / rate
            ends = f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"
            say(f"{number:,} of {total:,} pictures, {rate:.1f} a second, {ends}")
