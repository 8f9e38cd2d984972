"""The whole evaluation: from labelled pictures to figures, curves and pairs to judge."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from biometrics import fusion
from biometrics.config import BiometricsConfig
from biometrics.engine import Engine
from biometrics.evaluation import (
    conditional,
    dataset,
    features,
    identification,
    operating,
    population,
    scale,
    suspects,
    svg,
    verification,
)
from biometrics.evaluation.identification import Identification, Row, System
from biometrics.evaluation.operating import OperatingPoint
from biometrics.evaluation.population import Counts, Population

FORMAT: Final = 1
NAMED: Final = 200
"""Of files that were left out, at most so many are named in the JSON; all are counted."""

Say = Callable[[str], None]

DEFINITIONS: Final = {
    "labelled_face": (
        "where a picture shows several faces the labelled one is the largest, weighted by its "
        "closeness to the centre of the picture"
    ),
    "n": (
        "labelled faces enrolled; photos searched with are never in the gallery. Below the full "
        "set a random part: each stranger is there with the same chance, the person's own "
        "pictures always"
    ),
    "other_faces": (
        "faces without a label in the same pictures are not enrolled in the main rows, for "
        "nobody knows whether a hit on one is right; `with_other_faces` enrols them, as the "
        "portal does, and counts each as a stranger"
    ),
    "found": (
        "share of a person's other pictures that is shown, mean over people; pictures in which "
        "no face is found, on either side, count as missed"
    ),
    "complete": "share of searches that show all other pictures of the person, mean over people",
    "nothing_found": "share of searches that show none of them, mean over people",
    "found_when_incomplete": "mean share found over searches that do not show all",
    "strangers_per_search": (
        "what the threshold is chosen for: the mean number of faces of other people that a "
        "search shows, over people and their searches; mated and non-mated searches count alike"
    ),
    "strangers_observed": "the same, as it came out in the mated searches of the reporting half",
    "fpir": (
        "share of searches for people of whom nothing is held that show at least one stranger; "
        "strangers_in_faces and strangers_in_people are their mean numbers"
    ),
    "loop": (
        "none: one search. perfect, human: confirmed faces widen the search (the mean of probe "
        f"and confirmed faces, at most {fusion.MOST_HOPS} widened searches); strangers of all "
        "searches together are counted, over mated searches; share of the first search and "
        "threshold of the widened ones are chosen with the perfect officer on the choosing half. "
        "The human officer overlooks 5 % of the person's faces and wrongly confirms 1 % or 5 % "
        "of strangers (`wrongly_confirms`); found is what was shown, confirmed what the officer "
        "kept. A confirmed face far from the photo widens nothing, as in the portal; what that "
        "costs stands in the perfect officer's line (`found_without_drift_guard`)"
    ),
    "thresholds": (
        "chosen on one half of the people among the faces of that half alone, at the rate of "
        "strangers per comparison that gives the wanted number at n; all figures are of the "
        "other half, searched in the faces of both. No pair of faces has a part in both"
    ),
    "intervals": (
        "95 %, people drawn anew 1,000 times, thresholds held; where all people are alike at 0 "
        "or 1 the exact interval of a share"
    ),
    "plain": (
        "the same network and detector, aligned by one look's landmarks instead of the mean of "
        "three: unit embedding, no mean face taken off, several photos averaged alike"
    ),
    "fewer_misses": "1 - (1 - found) / (1 - plain found), one plain search, paired by person",
    "operating_point": operating.DEFINITION,
    "fewer_misses_matched": "the same with a plain search at as many strangers as were observed",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked for."""

    folder: Path
    out: Path
    home: Path
    manifest: Path | None = None
    judged: Path | None = None
    seed: int = 1
    engine: Literal["onnx", "tensorflow"] = "onnx"
    threads: int | None = None
    thresholds: Path | None = None


def evaluate(options: Options, say: Say) -> dict[str, Any]:
    """Measure, write curves, pairs and results.json into ``options.out``, return the results.

    Raises dataset.BadDataSet and suspects.BadVerdicts in plain words, and what the engine raises.
    """
    started = time.monotonic()
    data = dataset.read(options.folder, options.manifest)
    verdicts = None if options.judged is None else suspects.read_verdicts(options.judged)
    point = None if options.thresholds is None else operating.read(options.thresholds)
    options.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = Engine(BiometricsConfig(home=options.home), backend=options.engine)
    say(f"{len(data.pictures):,} pictures of {len(dataset.people(data.pictures)):,} people")
    cache = features.Cache(options.out / "cache" / features.fingerprint(engine))
    made = features.extract(
        options.folder, data.pictures,
        engine=engine, cache=cache, say=say, threads=options.threads,
    )  # fmt: skip
    everybody, counts = population.build(data, made)
    split = options.out / "split.json"
    raw, suspicious = measure(everybody, options, split, say, point=point)
    results: dict[str, Any] = _head(options, engine, data, everybody, counts) | raw
    if point is not None:
        results["operating_point"] |= operating.summary(point, _calibrated_as(engine))
    if verdicts is not None:
        cleaned, cleaned_counts = population.build(
            data, made, leave_out=verdicts.leave_out, merged=verdicts.merged
        )
        say("again without the wrong labels")
        figures, _ = measure(cleaned, options, split, say, name="cleaned-", point=point)
        results["cleaned"] = {
            "pairs_judged": verdicts.judged,
            "pictures_left_out": len(verdicts.leave_out),
            "names_merged": len(verdicts.merged),
            "data": _data(data, cleaned, cleaned_counts),
        } | figures
    pairs = options.out / "suspects.csv"
    suspects.write_csv(pairs, suspicious, suspects.verdicts_in(options.judged or pairs))
    by_path = {one.seen.path: one for one in made}
    suspects.write_html(options.out / "suspects.html", suspicious, options.folder, by_path, say)
    results["suspects"] = suspects.summary(suspicious)
    results["files"] = [*results["curves"], "suspects.html", "suspects.csv", "split.json"]
    results["seconds"] = round(time.monotonic() - started, 1)
    results = dict(_plain(results))
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (options.out / "results.json").write_text(text, encoding="utf-8")
    return results


def _plain(value: Any) -> Any:
    """What JSON can write: numpy's numbers as Python's, a figure that is not finite as none."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def measure(
    everybody: Population,
    options: Options,
    split: Path,
    say: Say,
    name: str = "",
    *,
    point: OperatingPoint | None = None,
) -> tuple[dict[str, Any], list[suspects.Suspect]]:
    """All figures of one labelling of the set, its curves as files, and pairs to judge."""
    if everybody.labelled < 2 or len(np.unique(everybody.owner[: everybody.labelled])) < 2:
        raise dataset.BadDataSet(
            "Faces of at least two people are needed; "
            f"faces were found in {everybody.labelled} of {len(everybody.labels)} pictures."
        )
    seed = options.seed
    choosing = population.halves(everybody, seed, split if not name else None)
    pipeline = System("pipeline", everybody.templates, weighted=True)
    plain = System("plain", everybody.plain, weighted=False)
    ours = identification.identify(everybody, choosing, pipeline, seed=seed, say=say)
    theirs = identification.identify(
        everybody, choosing, plain, seed=seed, say=say, loops_below=False
    )
    say("verification and the tail of strangers' scores")
    checked = verification.verify(everybody, pipeline.templates, seed)
    checked_plain = verification.verify(everybody, plain.templates, seed)
    tail, described, tested = scale.fit(everybody, pipeline.templates, choosing, seed)
    larger, conditions = _from_first(everybody, ours, pipeline, tail, seed)
    curves = {
        f"{name}det.svg": _det_chart(checked, checked_plain),
        f"{name}found.svg": _found_chart(ours.rows, theirs.rows),
        f"{name}tail.svg": _tail_chart(tail, tested),
    }
    for file, text in curves.items():
        (options.out / file).write_text(text, encoding="utf-8")
    same = identification.same_people(everybody, choosing, pipeline, ours, seed=seed)
    same_plain = identification.same_people(everybody, choosing, plain, theirs, seed=seed)
    figures = {
        "split": {
            "file": "split.json",
            "seed": seed,
            "digest": population.split_digest(everybody, choosing),
            "choosing_people": int(choosing.sum()),
            "reporting_people": int((~choosing).sum()),
        },
        "identification": _values(ours.rows),
        "plain": _values(theirs.rows),
        "fewer_misses": identification.against(ours.rows, theirs.rows, seed),
        "fewer_misses_matched": operating.matched(ours.rows, everybody, choosing, plain, seed),
        "same_people": {"pipeline": _values(same), "plain": _values(same_plain)},
        "with_other_faces": _with_others(everybody, choosing, (pipeline, plain), seed, say),
        "not_measured": ours.not_measured,
        "verification": checked | {"plain": checked_plain},
        "tail": described,
        "scale": larger,
        "conditional": conditions,
        "curves": sorted(curves),
    }
    if point is not None:
        rows = operating.rows_at(point, everybody, choosing, pipeline, seed)
        figures["operating_point"] = {
            "rows": _values(rows),
            "plain_matched": operating.matched(rows, everybody, choosing, plain, seed),
        }
    return figures, suspects.find(everybody, pipeline.templates)


def _calibrated_as(engine: Engine) -> str:
    """The model as a calibration names it."""
    made = engine.model_id
    parts = (made.name, made.weights_sha256, made.alignment_version, made.mean_face_sha256)
    return "/".join(parts)


def _from_first(
    everybody: Population, ours: Identification, system: System, tail: Any, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What rests on the one-photo searches: larger galleries and conditions."""
    if ours.first is None:
        return [], {}
    threshold = ours.thresholds[everybody.labelled, 1.0]
    larger = scale.expected(everybody, ours.first, system.templates, tail, seed)
    conditions: dict[str, Any] = {"threshold": threshold, "photos": 1, "strangers_per_search": 1.0}
    tables = conditional.tables(everybody, ours.first, system.templates, threshold, seed)
    return larger, conditions | tables


def _with_others(
    everybody: Population,
    choosing: NDArray[np.bool_],
    systems: Sequence[System],
    seed: int,
    say: Say,
) -> dict[str, Any]:
    """One photo with every other face of the pictures enrolled too, as the portal does."""
    other = len(everybody.owner) - everybody.labelled
    found: dict[str, Any] = {"other_faces": other}
    if not other:
        return found
    for system in systems:
        rows = identification.identify(
            everybody, choosing, system, seed=seed, say=say, photos=(1,), others=True
        )
        found[system.name] = _values(rows.rows)
    return found


def _values(rows: Sequence[Row]) -> list[dict[str, Any]]:
    order = {"none": 0, "perfect": 1, "human": 2}
    return [
        row.values
        for row in sorted(
            rows,
            key=lambda row: (
                row.values["n"],
                row.values["photos"],
                order[row.values["loop"]],
                row.values.get("wrongly_confirms", 0.0),
                row.values["strangers_per_search"] or 0.0,
            ),
        )
    ]


def _head(
    options: Options, engine: Engine, data: dataset.DataSet, everybody: Population, counts: Counts
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "set": options.folder.resolve().name,
        "date": datetime.now(UTC).date().isoformat(),
        "model": str(engine.model_id),
        "model_short": engine.model_id.short,
        "engine": options.engine,
        "seed": options.seed,
        "definitions": DEFINITIONS,
        "data": _data(data, everybody, counts),
    }


def _data(data: dataset.DataSet, everybody: Population, counts: Counts) -> dict[str, Any]:
    left_out = {**data.left_out, **counts.unreadable}
    return {
        "labels_from": data.source,
        "pictures_labelled": counts.labelled,
        "pictures": len(everybody.labels),
        "people": everybody.people,
        "people_by_pictures": _grouped(population.picture_counts(everybody)),
        "faces": everybody.labelled,
        "other_faces": counts.other_faces,
        "no_face": len(counts.no_face),
        "no_face_named": list(counts.no_face[:NAMED]),
        "duplicates": len(counts.duplicates),
        "duplicates_named": list(counts.duplicates[:NAMED]),
        "duplicate_means": (
            f"of one person: the same file, at most {population.SAME_BITS} of 256 bits of light "
            f"apart, or a plain cosine over {population.SAME_COSINE}; the first is kept"
        ),
        "left_out": {reason: len(names) for reason, names in left_out.items()},
        "left_out_named": {reason: list(names[:NAMED]) for reason, names in left_out.items()},
        "same_under_two_names": [
            {"picture_a": one.one, "picture_b": one.two, "why": one.why}
            for one in counts.twins[:NAMED]
        ],
        "same_under_two_names_count": len(counts.twins),
    }


def _grouped(counts: dict[int, int]) -> dict[str, int]:
    """People with 1, 2, 3, 4 to 9, 10 and more pictures."""
    found = {"1": 0, "2": 0, "3": 0, "4 to 9": 0, "10 and more": 0}
    for pictures, people in counts.items():
        name = str(pictures) if pictures < 4 else "4 to 9" if pictures < 10 else "10 and more"
        found[name] += people
    return found


# -- curves -------------------------------------------------------------------------------------


def _det_chart(ours: dict[str, Any], plain: dict[str, Any]) -> str:
    lines = [
        svg.Line(name, [(point["fmr"], point["fnmr"]) for point in figures["det"]])
        for name, figures in (("pipeline", ours), ("plain", plain))
    ]
    return svg.chart(
        "Detection error trade-off",
        "False non-match rate against false match rate, both logarithmic; lower is better. "
        "One picture per person for false matches, means over people for false non-matches.",
        svg.Axis("false match rate", log=True),
        svg.Axis("false non-match rate", log=True),
        lines,
    )


def _found_chart(ours: Sequence[Row], plain: Sequence[Row]) -> str:
    lines = []
    for name, rows, photos, loop in (
        ("one photo", ours, 1, "none"),
        ("with the loop", ours, 1, "perfect"),
        ("three photos", ours, 3, "none"),
        ("plain, one photo", plain, 1, "none"),
    ):
        wanted = [
            row.values
            for row in rows
            if row.values["photos"] == photos and row.values["loop"] == loop
        ]
        largest = max((row["n"] for row in wanted), default=0)
        points = [
            (row["strangers_per_search"], row["found"]) for row in wanted if row["n"] == largest
        ]
        lines.append(svg.Line(name, sorted(points)))
    return svg.chart(
        "Share found against strangers per search",
        "Mean share of a person's other pictures that a search shows, against the mean number of "
        "strangers it shows, at the full size of the set; higher is better.",
        svg.Axis("strangers per search", log=True),
        svg.Axis("share found", percent=True),
        lines,
    )


def _tail_chart(tail: Any, tested: NDArray[np.float32]) -> str:
    fitted, measured = ([], []) if tail is None else scale.curve(tail, tested)
    lines = [svg.Line("fitted", fitted), svg.Line("other people", measured)]
    return svg.chart(
        "Tail of the scores of different people",
        "False match rate against threshold: the generalised Pareto fit of one half of the "
        "people, and what the pairs of the other half show.",
        svg.Axis("threshold"),
        svg.Axis("false match rate", log=True),
        lines,
    )
