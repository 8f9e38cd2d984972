"""The results as a table for people; every figure is in results.json too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def text(results: Mapping[str, Any]) -> str:
    """All tables of one evaluation, plain text."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    data = results["data"]
    yield f"Set {results['set']}, {results['date']}, model {results['model_short']}"
    yield (
        f"{data['pictures']:,} pictures of {data['people']:,} people, {data['faces']:,} faces; "
        f"no face found in {data['no_face']:,}; near-duplicates left out {data['duplicates']:,}; "
        f"other faces {data['other_faces']:,}"
    )
    for reason, count in data["left_out"].items():
        yield f"left out, {reason}: {count:,}"
    if data["same_under_two_names_count"]:
        yield f"the same picture under two names: {data['same_under_two_names_count']:,} pairs"
    yield from _figures(results)
    cleaned = results.get("cleaned")
    if cleaned:
        yield ""
        yield (
            f"CLEANED: {cleaned['pairs_judged']} pairs judged, {cleaned['pictures_left_out']} "
            f"pictures left out, {cleaned['names_merged']} names merged"
        )
        yield from _figures(cleaned)


def _figures(results: Mapping[str, Any]) -> Iterator[str]:
    split = results["split"]
    yield (
        f"Thresholds from {split['choosing_people']:,} people, figures of the other "
        f"{split['reporting_people']:,}; seed {split['seed']}, split {split['digest']}"
    )
    yield ""
    yield "Identification: share of a person's other pictures found"
    yield from _identification(results["identification"])
    yield ""
    yield "The same, plain"
    yield from _identification(results["plain"])
    for reason in results["not_measured"]:
        yield f"not measured: {reason}"
    yield ""
    yield "Fewer misses than one plain search, paired by person"
    yield from _table(
        ("n", "photos", "loop", "strangers", "plain", "found", "fewer misses", "95 %"),
        [
            (
                f"{row['n']:,}", str(row["photos"]), _loop(row),
                f"{row['strangers_per_search']:g}", _percent(row["plain_found"]),
                _percent(row["found"]), _percent(row["fewer_misses"], 1),
                _interval(row["fewer_misses_interval"], 1),
            )
            for row in _largest(results["fewer_misses"])
        ],
    )  # fmt: skip
    yield from _guard(results["identification"])
    yield from _operating(results.get("operating_point"))
    yield ""
    yield "Fewer misses than one plain search that shows no more strangers than were observed"
    yield from _matched(_largest(results["fewer_misses_matched"]))
    for name in ("pipeline", "plain"):
        if results["same_people"][name]:
            yield ""
            yield f"One, two and three photos of the same people, {name}"
            yield from _identification(results["same_people"][name])
    yield from _verification(results["verification"])
    yield from _tail(results["tail"], results["scale"])
    yield from _conditional(results["conditional"])
    yield from _others(results["with_other_faces"])


def _identification(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    header = (
        "n", "photos", "loop", "strangers", "found", "95 %", "complete", "nothing",
        "observed", "FPIR", "people",
    )  # fmt: skip
    yield from _table(
        header,
        [
            (
                f"{row['n']:,}", str(row["photos"]), _loop(row),
                _wanted(row), _percent(row["found"]),
                _interval(row["found_interval"]), _percent(row["complete"], 1),
                _percent(row["nothing_found"], 1), _number(row["strangers_observed"]),
                _percent(row.get("fpir"), 1), f"{row['people']:,}",
            )
            for row in rows
        ],
    )  # fmt: skip


def _guard(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    told = [row for row in rows if "found_without_drift_guard" in row]
    if not told:
        return
    yield ""
    yield "The loop if confirmed faces far from the photo widened it too (no drift guard)"
    yield from _table(
        ("n", "photos", "strangers", "found", "without guard", "observed", "without guard"),
        [
            (
                f"{row['n']:,}", str(row["photos"]), _wanted(row), _percent(row["found"]),
                _percent(row["found_without_drift_guard"]), _number(row["strangers_observed"]),
                _number(row["strangers_without_drift_guard"]),
            )
            for row in told
        ],
    )  # fmt: skip


def _operating(point: Mapping[str, Any] | None) -> Iterator[str]:
    if point is None:
        return
    yield ""
    yield "At the thresholds in force"
    if "review" in point:
        other = "" if point["same_model"] else "; they are NOT of the model measured here"
        made_for = f" for {point['made_for']:,} faces" if point["made_for"] else ""
        yield f"review {point['review']:.4f}, widened {point['widened']:.4f}{made_for}{other}"
    yield from _identification(point["rows"])
    yield "and one plain search that shows no more strangers than were observed"
    yield from _matched(point["plain_matched"])


def _matched(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _table(
        ("n", "photos", "loop", "observed", "found", "plain observed", "plain", "fewer misses",
         "95 %"),
        [
            (
                f"{row['n']:,}", str(row["photos"]), _loop(row),
                _number(row["strangers_observed"]), _percent(row["found"]),
                _number(row["plain_strangers_observed"]), _percent(row["plain_found"]),
                _percent(row["fewer_misses"], 1), _interval(row["fewer_misses_interval"], 1),
            )
            for row in rows
        ],
    )  # fmt: skip


def _verification(results: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield (
        f"Verification: {results['draws']} draws of {results['impostor_pairs_per_draw']:,} "
        f"impostor pairs, {results['people_with_two_faces']:,} people with two faces"
    )
    for name, figures in (("pipeline", results), ("plain", results["plain"])):
        if figures["eer"] is None:
            yield f"{name}: too few people"
            continue
        yield f"{name}: EER {_percent(figures['eer'])} {_interval(figures['eer_interval'])}"
        yield from _table(
            ("FMR", "threshold", "FNMR", "95 %"),
            [
                (
                    f"{row['fmr']:g}",
                    f"{row['threshold']:.3f}",
                    _percent(row["fnmr"]),
                    _interval(row["fnmr_interval"]),
                )
                for row in figures["fnmr_at_fmr"]
            ],
        )


def _tail(tail: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield ""
    state = "usable" if tail["usable"] else tail["note"]
    yield f"Tail of strangers' scores: {state}; {tail['pairs']:,} pairs"
    if tail.get("why"):
        yield tail["why"]
    test = tail.get("self_test")
    if test:
        yield (
            f"self-test at FMR {test['fmr']:g}: expected {test['expected']:.1f}, "
            f"observed {test['observed']}"
        )
    yield from _table(
        ("n", "strangers", "found", "95 %", ""),
        [
            (
                f"{row['n']:,}", f"{row['strangers_per_search']:g}", _percent(row["found"]),
                _interval(row.get("found_interval")), row["note"],
            )
            for row in rows
        ],
    )  # fmt: skip


def _conditional(conditions: Mapping[str, Any]) -> Iterator[str]:
    for name, rows in conditions.items():
        if not isinstance(rows, list):
            continue
        yield ""
        yield f"Found by {name.replace('_', ' ')} (one photo, 1 stranger per search)"
        yield from _table(
            ("", "people", "found", "95 %", "FMR within"),
            [
                (
                    str(row["cell"]), f"{row['people']:,}",
                    row.get("note") or _percent(row["found"]),
                    _interval(row.get("found_interval")), _rate(row.get("fmr_within")),
                )
                for row in rows
            ],
        )  # fmt: skip


def _others(results: Mapping[str, Any]) -> Iterator[str]:
    for name in ("pipeline", "plain"):
        if results.get(name):
            yield ""
            yield f"With {results['other_faces']:,} other faces enrolled, {name}"
            yield from _identification(results[name])


def _largest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    largest = max((row["n"] for row in rows), default=0)
    return [row for row in rows if row["n"] == largest]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join(cells).rstrip()


def _loop(row: Mapping[str, Any]) -> str:
    wrong = row.get("wrongly_confirms")
    return str(row["loop"]) if wrong is None else f"{row['loop']} {100 * wrong:g} %"


def _wanted(row: Mapping[str, Any]) -> str:
    """Strangers the threshold was chosen for; none were where it was given."""
    wanted = row["strangers_per_search"]
    return "-" if wanted is None else f"{wanted:g}"


def _percent(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def _interval(value: Sequence[float] | None, digits: int = 2) -> str:
    if value is None:
        return "-"
    return f"[{100 * value[0]:.{digits}f}, {100 * value[1]:.{digits}f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
