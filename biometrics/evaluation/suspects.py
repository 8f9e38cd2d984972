"""Pairs that a person should look at: wrong labels look like errors of the recognition.

``suspects.html`` shows the highest-scoring pairs of two people and the lowest-scoring pairs of
one; ``suspects.csv`` has a column for what was seen. Fed back, the results are printed raw and
cleaned side by side.
"""

from __future__ import annotations

import base64
import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from biometrics.crops import crop_face
from biometrics.decode import Refused
from biometrics.errors import BadPicture, BiometricsError
from biometrics.evaluation.features import Features, Templates, read_picture
from biometrics.evaluation.population import Population
from biometrics.faces import Face

SHOWN: Final = 50
VERDICTS: Final = ("", "right", "wrong a", "wrong b", "wrong both", "one person")
COLUMNS: Final = (
    "number", "kind", "score", "person_a", "picture_a", "person_b", "picture_b", "verdict",
)  # fmt: skip

_PER_PERSON = 3
_SIDE = 144
_BLOCK = 1024
_MOST = 4000


class BadVerdicts(BiometricsError):
    """A file of verdicts that can't be read; the text says which line."""

    code = "bad_verdicts"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pair of pictures by path, who they are said to show, and their score."""

    kind: str
    score: float
    person_a: str
    picture_a: str
    person_b: str
    picture_b: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a person decided: pictures to leave out, and identities that are one person."""

    leave_out: frozenset[str]
    merged: dict[str, str]
    judged: int


def find(population: Population, templates: Templates) -> list[Suspect]:
    """The SHOWN highest pairs of different people, then the SHOWN lowest of one person.

    Of two people only the highest pair, of one person at most three, so that one wrong label does
    not fill the list.
    """
    return [*_impostors(population, templates), *_genuine(population, templates)]


def _impostors(population: Population, templates: Templates) -> Iterator[Suspect]:
    rows, owner = templates[: population.labelled], population.owner[: population.labelled]
    best: list[tuple[float, int, int]] = []
    floor = -1.0
    for first in range(0, len(rows), _BLOCK):
        scores = rows[first : first + _BLOCK] @ rows[first:].T
        scores[owner[first : first + _BLOCK, None] == owner[None, first:]] = -2.0
        at, column = np.nonzero(scores > floor)
        some = at < column
        at, column = at[some], column[some]
        values = scores[at, column]
        order = np.argsort(-values)[:_MOST]
        best += zip(
            values[order].tolist(),
            (at[order] + first).tolist(),
            (column[order] + first).tolist(),
            strict=True,
        )
        best = sorted(best, key=lambda one: -one[0])[:_MOST]
        if len(best) == _MOST:
            floor = best[-1][0]
    seen: set[frozenset[int]] = set()
    for score, one, two in best:
        people = frozenset((int(owner[one]), int(owner[two])))
        if len(seen) == SHOWN:
            return
        if people not in seen:
            seen.add(people)
            yield _suspect(population, "two people", score, one, two)


def _genuine(population: Population, templates: Templates) -> Iterator[Suspect]:
    lowest: list[tuple[float, int, int]] = []
    for pictures in population.pictures_of():
        faces = population.face[pictures]
        faces = faces[faces >= 0]
        if len(faces) < 2:
            continue
        scores = templates[faces] @ templates[faces].T
        first, second = np.triu_indices(len(faces), 1)
        order = np.argsort(scores[first, second])[:_PER_PERSON]
        for i, j in zip(first[order].tolist(), second[order].tolist(), strict=True):
            lowest.append((float(scores[i, j]), int(faces[i]), int(faces[j])))
    for score, one, two in sorted(lowest)[:SHOWN]:
        yield _suspect(population, "one person", score, one, two)


def _suspect(population: Population, kind: str, score: float, one: int, two: int) -> Suspect:
    pictures = [population.source[face] for face in (one, two)]
    names = [population.names[population.owner[face]] for face in (one, two)]
    paths = [population.labels[picture].path for picture in pictures]
    return Suspect(kind, round(score, 4), names[0], paths[0], names[1], paths[1])


# -- files --------------------------------------------------------------------------------------


def verdicts_in(file: Path) -> dict[tuple[str, str], str]:
    """Verdicts that a file of an earlier run holds, by its two pictures; empty without a file."""
    if not file.is_file():
        return {}
    with file.open(newline="", encoding="utf-8-sig") as stream:
        return {
            (row.get("picture_a") or "", row.get("picture_b") or ""): row.get("verdict") or ""
            for row in csv.DictReader(stream)
        }


def write_csv(file: Path, suspects: list[Suspect], verdicts: Mapping[tuple[str, str], str]) -> None:
    """The pairs with a column for the verdict; verdicts already given are kept."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number, one in enumerate(suspects, 1):
            verdict = verdicts.get((one.picture_a, one.picture_b), "")
            row = (one.person_a, one.picture_a, one.person_b, one.picture_b, verdict)
            writer.writerow((number, one.kind, one.score, *row))


def read_verdicts(file: Path) -> Verdicts:
    """What was decided; an empty verdict changes nothing. Raises BadVerdicts."""
    leave_out: set[str] = set()
    same: list[tuple[str, str]] = []
    judged = 0
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = set(COLUMNS[3:]) - set(reader.fieldnames or [])
            if missing:
                raise BadVerdicts(f"{file.name} has no column {sorted(missing)[0]!r}.")
            for row in reader:
                verdict = (row["verdict"] or "").strip().lower()
                if verdict not in VERDICTS:
                    words = ", ".join(VERDICTS[1:])
                    raise BadVerdicts(
                        f"{file.name}, line {reader.line_num}: the verdict is one of {words}, "
                        "or nothing."
                    )
                judged += bool(verdict)
                if verdict in {"wrong a", "wrong both"}:
                    leave_out.add(row["picture_a"])
                if verdict in {"wrong b", "wrong both"}:
                    leave_out.add(row["picture_b"])
                if verdict == "one person":
                    same.append((row["person_a"], row["person_b"]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadVerdicts(f"{file.name} can't be read: {error}.") from None
    return Verdicts(frozenset(leave_out), _merged(same), judged)


def _merged(same: list[tuple[str, str]]) -> dict[str, str]:
    """Identity -> the name that stands for all that are one person with it."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.get(name, name) != name:
            name = above[name]
        return name

    for one, two in same:
        low, high = sorted((top(one), top(two)))
        above[high] = low
        above.setdefault(low, low)
    return {name: top(name) for name in above if top(name) != name}


def write_html(
    file: Path,
    suspects: list[Suspect],
    folder: Path,
    features: Mapping[str, Features],
    say: Callable[[str], None],
) -> None:
    """A stand-alone page with the pairs as small pictures; it holds faces: treat it as such."""
    say(f"cutting out {2 * len(suspects)} faces for suspects.html")
    rows = []
    for number, one in enumerate(suspects, 1):
        cells = "".join(
            f"<td>{_image(folder, path, features, f'{side} of pair {number}')}"
            f"<br>{escape(person)}<br><small>{escape(path)}</small></td>"
            for side, person, path in (
                ("a", one.person_a, one.picture_a),
                ("b", one.person_b, one.picture_b),
            )
        )
        rows.append(f"<tr><th>{number}</th><td>{one.kind}</td><td>{one.score:.3f}</td>{cells}</tr>")
    words = ", ".join(f"<code>{word}</code>" for word in VERDICTS[1:])
    file.write_text(_PAGE.format(rows="\n".join(rows), words=words, shown=SHOWN), encoding="utf-8")


def _image(folder: Path, path: str, features: Mapping[str, Features], name: str) -> str:
    seen = features[path].seen
    try:
        _, rgb = read_picture(folder / path)
        points = np.zeros((5, 2), dtype=np.float32)
        crop = crop_face(rgb, Face(seen.faces[seen.labelled].box, points, 0.0))
    except (OSError, Refused, BadPicture):
        return "can't be read now"
    factor = _SIDE / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * factor)), max(1, round(crop.shape[0] * factor)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        return "can't be shown"
    text = base64.b64encode(data.tobytes()).decode()
    return (
        f'<img alt="{escape(name)}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/jpeg;base64,{text}">'
    )


def summary(suspects: list[Suspect]) -> dict[str, int]:
    """How many pairs of each kind were written."""
    return dict(Counter(one.kind for one in suspects))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pairs to look at</title>
<style>
body {{ font: 16px/1.5 sans-serif; margin: 2rem; color: #1f2933; background: #fff; }}
table {{ border-collapse: collapse; }}
td, th {{ border-bottom: 1px solid #d5dbe1; padding: .5rem; text-align: left;
vertical-align: top; }}
small {{ color: #52606d; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>Pairs to look at</h1>
<p>First the {shown} pairs of two people that look most alike, then the {shown} pairs of one
person that look least alike. A wrong label counts as an error of the recognition until somebody
sees it. Write what you see into the column <code>verdict</code> of <code>suspects.csv</code>
({words}; empty: not judged) and evaluate again with <code>--judged suspects.csv</code>.</p>
<p>This page holds pictures of people. Delete it when it is no longer needed.</p>
<table>
<thead><tr><th>Pair</th><th>Labelled as</th><th>Score</th><th>A</th><th>B</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
