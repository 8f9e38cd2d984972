"""Faces that are small, turned, tilted or spoiled: what is found, at what cost and how alike.

`python -m tests.bench.faces` prints the tables of docs/faces.md; `make bench ONLY=recognition`
takes some of their figures as rows. Real portraits where they lie, else the rendered people.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.faces import align, find_faces, union_share
from biometrics.pipeline import Pipeline
from biometrics.quality import assess
from biometrics.weights import weights_home
from tests.bench.rows import Book

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ROOT / "fixtures" / "people"
REAL = ROOT.parent / "shared" / "data" / "faces"
WIDTHS = (12, 16, 20, 24, 30, 36, 42, 50, 60)
SIZES = ((2400, 1800), (3000, 2250), (4096, 3072), (6000, 4500))
ANGLES = (0, 20, 30, 45, 60, 75, 90, 135, 180, 270)
NO_TILES = 10_000
"""A smallest face so wide that no picture needs tiles for it."""
_CELL = (260, 300)

Rgb = Any
Spoil = Callable[[Rgb, int], Rgb]


def read(path: Path) -> Rgb:
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise FileNotFoundError(path.name)
    return np.ascontiguousarray(bgr[:, :, ::-1])


def pairs(most: int) -> list[tuple[Rgb, Rgb]]:
    """Two pictures each of people no curve of the quality score was drawn from."""
    folders = [f for f in sorted((REAL / "london").glob("*")) if (f / "smiling.jpg").is_file()]
    folders = [f for f in folders if (f / "neutral.jpg").is_file()][1::2][:most]
    if folders:
        return [(read(f / "neutral.jpg"), read(f / "smiling.jpg")) for f in folders]
    photo = PEOPLE / "photos"
    return [(read(photo / f"{name}.jpg"),) * 2 for name in ("mina", "tomas", "kofi", "priya")]


def portraits(config: BiometricsConfig) -> list[tuple[Rgb, tuple[int, ...]]]:
    """Pictures with one face each, and its box."""
    files = sorted(REAL.rglob("*.jpg")) or sorted((PEOPLE / "photos").glob("*.jpg"))
    order = np.random.default_rng(4).permutation(len(files))[:60]
    found = []
    for number in order:
        rgb = read(files[number])
        faces = find_faces(rgb, config)
        if len(faces) == 1:
            found.append((rgb, faces[0].box))
    return found


def scene(size: tuple[int, int], people: list[Any], widths: tuple[int, ...], seed: int) -> Any:
    """A large picture with faces of these widths in turn, and their boxes with the width."""
    rng = np.random.default_rng(seed)
    wide, high = size
    coarse = rng.integers(60, 200, (high // 60, wide // 60, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    picture += rng.integers(-8, 9, picture.shape, dtype=np.int16)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    cells = [
        (x, y)
        for x in range(0, wide - _CELL[0], _CELL[0])
        for y in range(0, high - _CELL[1], _CELL[1])
    ]
    rng.shuffle(cells)
    truth = []
    for number, (across, down) in enumerate(cells):
        rgb, (x, y, w, h) = people[rng.integers(len(people))]
        width = widths[number % len(widths)]
        factor, margin = width / w, int(max(w, h) * 0.6)
        x0, y0 = max(0, x - margin), max(0, y - margin)
        part = rgb[y0 : y + h + margin, x0 : x + w + margin]
        part = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        part = part[: _CELL[1], : _CELL[0]]
        left = across + int(rng.integers(0, _CELL[0] + 1 - part.shape[1]))
        top = down + int(rng.integers(0, _CELL[1] + 1 - part.shape[0]))
        picture[top : top + part.shape[0], left : left + part.shape[1]] = part
        box = (left + (x - x0) * factor, top + (y - y0) * factor, w * factor, h * factor)
        truth.append((width, tuple(round(value) for value in box)))
    return picture, truth


def found_by_width(
    size: tuple[int, int],
    people: list[Any],
    config: BiometricsConfig,
    smallest: int,
    widths: tuple[int, ...] = WIDTHS,
) -> tuple[dict[int, float], int, float]:
    """Share of the planted faces found by width, detections that are none, CPU seconds."""
    picture, truth = scene(size, people, widths, seed=7)
    began = time.process_time()
    faces = find_faces(picture, config, smallest=smallest, turns="never")
    seconds = time.process_time() - began
    hits: dict[int, list[bool]] = {width: [] for width in widths}
    for width, box in truth:
        hits[width].append(any(union_share(face.box, box) > 0.3 for face in faces))
    others = sum(all(union_share(face.box, box) <= 0.3 for _, box in truth) for face in faces)
    return {width: float(np.mean(hit)) for width, hit in hits.items()}, others, seconds


def rotated(rgb: Rgb, degrees: int) -> Rgb:
    """The picture turned clockwise, grey where it ends."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(rgb, -degrees // 90))
    side = int(1.45 * max(rgb.shape[:2]))
    matrix = cv2.getRotationMatrix2D((rgb.shape[1] / 2, rgb.shape[0] / 2), -degrees, 1.0)
    matrix[:, 2] += [(side - rgb.shape[1]) / 2, (side - rgb.shape[0]) / 2]
    return cv2.warpAffine(rgb, matrix, (side, side), borderValue=(200, 200, 200))


def likeness(
    people: list[Any], change: Spoil, pipeline: Pipeline, config: BiometricsConfig, turns: Any
) -> tuple[list[float], list[float]]:
    """Likeness of each changed picture to the person's other one, and the changed one's score."""
    crops, scores = [], []
    for reference, photo in people:
        width = find_faces(photo, config)[0].width
        changed = np.ascontiguousarray(change(photo, width), dtype=np.uint8)
        faces = find_faces(changed, config, turns=turns)
        if faces:
            crops += [align(reference, find_faces(reference, config)[0].landmarks)]
            crops += [align(changed, faces[0].landmarks)]
            scores.append(assess(changed, faces[0], config).score)
    rows = pipeline.templates(crops)
    return [float(value) for value in (rows[::2] * rows[1::2]).sum(axis=1)], scores


def spoilers() -> Iterator[tuple[str, Spoil]]:
    """One quality spoiled at a time, from untouched to hardly a face."""
    yield "untouched", lambda rgb, _face: rgb
    for width in (80, 40, 28, 20):
        yield (
            f"{width} px wide",
            lambda rgb, face, width=width: cv2.resize(
                rgb, None, fx=width / face, fy=width / face, interpolation=cv2.INTER_AREA
            ),
        )
    for share in (0.01, 0.02, 0.03, 0.045):
        yield (
            f"blurred, {share:.1%} of the face",
            lambda rgb, face, share=share: cv2.GaussianBlur(rgb, (0, 0), share * face),
        )
    for gain in (0.4, 0.15, 0.08):
        yield f"light x {gain}", lambda rgb, _face, gain=gain: rgb * gain
    for gain in (1.6, 2.5):
        yield f"burnt x {gain}", lambda rgb, _face, gain=gain: np.clip(rgb * float(gain), 0, 255)
    for dark in (0.4, 0.1):
        yield f"one half x {dark}", lambda rgb, face, dark=dark: _half(rgb, face, dark)
    for noise in (10, 20):
        yield f"noise {noise}", lambda rgb, _face, noise=noise: _noisy(rgb, noise)


def _half(rgb: Rgb, face: int, dark: float) -> Rgb:
    """The right half in shadow, with a soft edge."""
    across = np.arange(rgb.shape[1]) - rgb.shape[1] / 2
    light = 1 - (1 - dark) / (1 + np.exp(-across / (0.1 * face)))
    return rgb * light[None, :, None]


def _noisy(rgb: Rgb, noise: int) -> Rgb:
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.clip(small + np.random.default_rng(1).normal(0, noise, small.shape), 0, 255)


def rank_correlation(one: list[float], two: list[float]) -> float:
    """Spearman's, for values without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, two)]
    return float(np.corrcoef(*ranks)[0, 1])


def run(book: Book) -> None:
    config = BiometricsConfig(home=weights_home())
    pipeline = Pipeline(Engine(config))
    people = portraits(config)
    share, _, with_tiles = found_by_width((4096, 3072), people, config, 40, (40,))
    plain, _, without = found_by_width((4096, 3072), people, config, NO_TILES, (40,))
    name = "faces 40 px wide found in 12.6 megapixels"
    book.note(f"{name}, tiles", share[40], "share", better="higher", target=0.95)
    book.note(f"{name}, no tiles", plain[40], "share", better="higher")
    book.note("finding faces in 12.6 megapixels, tiles", with_tiles, "CPU s")
    book.note("finding faces in 12.6 megapixels, no tiles", without, "CPU s")
    small, _, _ = found_by_width((4096, 3072), people, config, 20, (20,))
    book.note("faces 20 px wide found when covering", small[20], "share", better="higher")
    for degrees in (90, 45):
        alike, _ = likeness(
            pairs(8), lambda rgb, _face, by=degrees: rotated(rgb, by), pipeline, config, "if_needed"
        )
        book.note(
            f"likeness to an upright picture, turned by {degrees} degrees",
            float(np.mean(alike)), "cosine", better="higher", target=0.8,
        )  # fmt: skip


def main() -> int:
    """Print the tables of docs/faces.md."""
    cv2.setNumThreads(1)
    config = BiometricsConfig(home=weights_home())
    pipeline = Pipeline(Engine(config))
    out = sys.stdout
    people = portraits(config)
    out.write("| picture | tiles for | " + " | ".join(f"{w} px" for w in WIDTHS))
    out.write(" | not planted | CPU s |\n")
    for size in SIZES:
        for smallest in (NO_TILES, 40, 20):
            share, others, seconds = found_by_width(size, people, config, smallest)
            wanted = "none" if smallest == NO_TILES else f"{smallest} px"
            cells = " | ".join(f"{value:.0%}" for value in share.values())
            out.write(
                f"| {size[0]} x {size[1]} | {wanted} | {cells} | {others} | {seconds:.1f} |\n"
            )
            out.flush()
    couples = pairs(8)
    out.write("\n| turned by | found | mean | least | mean, no turns |\n")
    for degrees in ANGLES:
        turned = {}
        for turns in ("if_needed", "never"):
            turned[turns], _ = likeness(
                couples, lambda rgb, _face, by=degrees: rotated(rgb, by), pipeline, config, turns
            )
        values = turned["if_needed"]
        out.write(
            f"| {degrees} | {len(values)} of {len(couples)} | {np.mean(values):.3f} | "
            f"{min(values):.3f} | {np.mean(turned['never'] or [0]):.3f} |\n"
        )
        out.flush()
    out.write("\n| picture | found | mean likeness | mean score |\n")
    rows = []
    for name, spoil in spoilers():
        alike, scores = likeness(couples, spoil, pipeline, config, "never")
        if alike:
            rows.append((float(np.mean(alike)), float(np.mean(scores))))
            out.write(f"| {name} | {len(alike)} of {len(couples)} | {rows[-1][0]:.3f} | ")
            out.write(f"{rows[-1][1]:.3f} |\n")
            out.flush()
    both = [list(column) for column in zip(*rows, strict=True)]
    out.write(f"\nrank correlation of likeness and score: {rank_correlation(*both):.3f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
