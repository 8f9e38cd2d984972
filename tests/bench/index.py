"""The face index beside its peers: one sweep, many probes, graphs, start and memory.

Modelled templates (tests/bench/modelled.py), for a gallery of this size of real people does not
exist here; the share that hnswlib finds is measured on real faces too where they lie. All times
are medians and all ratios come from rounds in which both sides ran in turn, in one process.

Sweeps are measured twice, each in a process of its own: on one processor, and on all this run may
use. DSR_BENCH_ROWS is their size (200,000; with FULL=1 a million), DSR_BENCH_GRAPH_ROWS that for
graphs beside their peers, which take minutes to build (65,536; 100,000); with FULL=1 the share that
graphs find is measured once more among a million (DSR_BENCH_RECALL_ROWS), where M and the width of
the search, chosen on other seeds, could not have learned it. faiss-cpu and usearch are measured
where they are installed and have a row that says so where not; nothing is downloaded.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biometrics.index import FaceIndex, SearchResult
from biometrics.index.graphs import EF_CONSTRUCTION, SEARCH_WIDTH, M
from tests.bench import modelled, real_faces
from tests.bench.rows import Book, table
from tests.bench.sizes import size

ROWS = size("DSR_BENCH_ROWS", usual=200_000, full=1_000_000)
GRAPH_ROWS = size("DSR_BENCH_GRAPH_ROWS", usual=65_536, full=100_000)
RECALL_ROWS = size("DSR_BENCH_RECALL_ROWS", usual=0, full=1_000_000)
# M and the width of the search were chosen on galleries of other seeds.
SWEEP_SEED, GRAPH_SEEDS = 11, (2311, 2317)
THRESHOLD = 0.40
PROBES = 64
ROUNDS = 15
LOOP_ROWS = 2000
MODEL = b"b" * 32
ROOT = Path(__file__).resolve().parents[2]
MISSING = "not installed: pip install --target FOLDER {}, then PYTHONPATH=FOLDER"

Floats = NDArray[np.float32]
Found = list[set[int]]


def run(book: Book) -> None:
    _on_processors(book)
    _graphs(book)
    if RECALL_ROWS:
        _recall_of_many(book)
    _real_faces(book)


# -- the sweep -----------------------------------------------------------------------------------


def _on_processors(book: Book) -> None:
    """The sweeps on one processor and on all: a library makes its threads once per process."""
    allowed = sorted(os.sched_getaffinity(0))
    for told, processors in {"one core": allowed[:1], f"{len(allowed)} cores": allowed}.items():
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.index", "--sweeps", told],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda processors=processors: os.sched_setaffinity(0, processors),
        )
        for row in json.loads(done.stdout):
            book.take(row)


def _sweeps(book: Book, cores: str) -> None:
    gallery, probes = _modelled(ROWS, SWEEP_SEED)
    one, told = probes[0], f"{len(gallery.rows)} x 128, {cores}"
    whole = index_of(gallery.rows, "int8")
    single = index_of(gallery.rows, "float32")
    truth = _brute_force(gallery.rows, probes)
    for name, index in (("int8", whole), ("float32", single)):
        same = _exact(index, probes) == truth
        book.note(
            f"{name} sweep, {told}: hits are those of float64 ({sum(map(len, truth))} of "
            f"{PROBES} probes)",
            float(same),
            "1 = all",
            better="higher",
            target=1.0,
        )
    product = np.empty(len(gallery.rows), dtype=np.float32)
    times = in_turn(
        {
            "bare": lambda: np.dot(gallery.rows, one, out=product),
            "int8": lambda: whole.search(one, THRESHOLD),
            "float32": lambda: single.search(one, THRESHOLD),
            **_flat_peers(gallery.rows, one),
        }
    )
    bare = times.pop("bare")
    book.note(f"one bare numpy matrix-vector product, {told}", 1e3 * bare, "ms")
    _tell_missing(book, {"faiss": "faiss-cpu flat", "usearch.index": "usearch exact"}, cores)
    targets = {"int8": 0.77, "float32": 1.2}
    for name, seconds in times.items():
        sweep = f"{name} sweep with re-check" if name in targets else name
        target = targets.get(name)
        book.note(
            f"{sweep} against the bare product, {cores}", seconds / bare, "ratio", target=target
        )
    for name, index in (("int8", whole), ("float32", single)):
        together = in_turn(
            {
                "one": lambda index=index: index.search(one, THRESHOLD),
                "all": lambda index=index: index.search_many(probes, THRESHOLD),
            },
            rounds=5,
        )
        book.note(
            f"{PROBES} probes together, {name}: each cheaper than alone, {cores}",
            PROBES * together["one"] / together["all"],
            "times",
            better="higher",
            target=4.0,
        )
    loop = _row_loop(gallery.rows[:LOOP_ROWS], one) * len(gallery.rows) / LOOP_ROWS
    book.note(
        f"loop over rows as DeepFace.find has it, from {LOOP_ROWS} rows: slower than int8, {cores}",
        loop / times["int8"],
        "times",
        better="higher",
        target=100.0,
    )
    _start_and_memory(book, whole, f"sweep only, {cores}", one)


def _brute_force(rows: Floats, probes: Floats) -> list[dict[int, float]]:
    """Row numbers and scores at or over the threshold, all in float64."""
    wide = probes.astype(np.float64)
    found: list[dict[int, float]] = [{} for _ in probes]
    for first in range(0, len(rows), 8192):
        part = rows[first : first + 8192].astype(np.float64)
        # Rows a little under are looked at too, in the order of summation that decides.
        for row, probe in zip(*np.nonzero(part @ wide.T >= THRESHOLD - 1e-9), strict=True):
            score = float(np.sum(part[row] * wide[probe]))
            if score >= THRESHOLD:
                found[probe][first + int(row)] = score
    return found


def _exact(index: FaceIndex, probes: Floats) -> list[dict[int, float]]:
    one_by_one = [index.search(probe, THRESHOLD) for probe in probes]
    if index.search_many(probes, THRESHOLD) != one_by_one:
        raise RuntimeError("probes together gave other hits than one by one")
    return [{hit.id.int - 1: hit.score for hit in one.hits} for one in one_by_one]


def _flat_peers(rows: Floats, one: Floats) -> dict[str, Callable[[], object]]:
    """Exact searches of others over the same rows."""
    peers: dict[str, Callable[[], object]] = {}
    faiss, usearch = optional("faiss"), optional("usearch.index")
    if faiss is not None:
        flat = faiss.IndexFlatIP(rows.shape[1])
        flat.add(rows)
        peers["faiss-cpu flat"] = lambda: flat.range_search(one[None, :], THRESHOLD)
    if usearch is not None:
        peers["usearch exact, 100 nearest"] = lambda: usearch.search(
            rows, one, 100, usearch.MetricKind.IP, exact=True
        )
    return peers


def _row_loop(rows: Floats, one: Floats) -> float:
    """Seconds of the loop of DeepFace.find (0.0.103, modules/recognition.py)."""
    import pandas as pd
    from deepface.modules import verification

    frame = pd.DataFrame({"identity": [str(n) for n in range(len(rows))]})
    frame["embedding"] = [row.tolist() for row in rows]
    target = one.tolist()
    began = time.perf_counter()
    result = frame.copy()
    distances, confidences = [], []
    for _number, instance in frame.iterrows():
        source = instance["embedding"]
        if len(list(target)) != len(list(source)):
            raise RuntimeError("the dimensions differ")
        distance = float(verification.find_distance(source, target, "cosine"))
        confidences.append(
            verification.find_confidence(
                distance=distance,
                model_name="SFace",
                distance_metric="cosine",
                verified=bool(distance <= 1 - THRESHOLD),
            )
        )
        distances.append(distance)
    result["distance"], result["confidence"] = distances, confidences
    result = result.drop(columns=["embedding"])
    result[result["distance"] <= 1 - THRESHOLD].sort_values(by=["distance"])
    return time.perf_counter() - began


# -- graphs --------------------------------------------------------------------------------------


def _graphs(book: Book) -> None:
    gallery, probes = _modelled(GRAPH_ROWS, GRAPH_SEEDS[0])
    told = f"{len(gallery.rows)} modelled"
    index, results = _with_graphs(book, gallery.rows, probes, told)
    wanted: Found = [{hit.id.int - 1 for hit in one.hits} for one in results]
    swept = index_of(gallery.rows, "int8")
    peers = _graph_peers(gallery.rows)
    _tell_missing(book, {"faiss": "faiss HNSW", "usearch.index": "usearch"}, told)
    times = in_turn(
        {
            "graphs": lambda: [index.search_graph(probe, THRESHOLD) for probe in probes],
            "sweep": lambda: [swept.search(probe, THRESHOLD) for probe in probes],
            **{name: lambda ask=ask: _all(ask, probes) for name, ask in peers.items()},
        },
        rounds=5,
    )
    graphs, sweep = 1e3 * times["graphs"] / PROBES, 1e3 * times["sweep"] / PROBES
    book.note(f"first candidates from the graphs, {told}", graphs, "ms", target=50.0)
    book.note(f"the sweep alone, {told}", sweep, "ms")
    for name, ask in peers.items():
        book.note(f"{name}, {told}: time against the sweep", times[name] / times["sweep"], "ratio")
        book.note(
            f"{name}, {told}: share of the sweep's hits",
            _recall(_all(ask, probes), wanted),
            "share",
            better="higher",
        )
    _start_and_memory(book, index, "with graphs", probes[0])


def _recall_of_many(book: Book) -> None:
    """The share alone: others' graphs of a million rows would take hours."""
    gallery, probes = _modelled(RECALL_ROWS, GRAPH_SEEDS[1])
    told = f"{len(gallery.rows)} modelled, one gallery never tuned on"
    _with_graphs(book, gallery.rows, probes, told)


def _with_graphs(
    book: Book, rows: Floats, probes: Floats, told: str
) -> tuple[FaceIndex, list[SearchResult]]:
    """The rows with graphs built, and what each probe finds in them."""
    index = index_of(rows, "int8")
    began = time.perf_counter()
    index.build_graphs(threads=_threads())
    book.note(f"graphs built, {told}", time.perf_counter() - began, "s")
    lost = sum(index.unreached(number) for number in range(index.shards))
    book.note(f"rows no search of a graph can reach, {told}", lost, "rows")
    results = [index.search(probe, THRESHOLD) for probe in probes]
    _share(book, f"share of the sweep's hits hnswlib found, {told}", results)
    return index, results


def _share(book: Book, name: str, results: list[Any]) -> None:
    found = sum(one.found_by_graph for one in results)
    hits = sum(len(one.hits) for one in results)
    book.note(f"{name} ({hits} hits)", found / hits, "share", better="higher", target=0.99)


def _graph_peers(rows: Floats) -> dict[str, Callable[[Floats], tuple[Any, Any]]]:
    """Graphs of others over all rows, with our M, width and rule of a growing k."""
    import hnswlib

    alone = hnswlib.Index("ip", rows.shape[1])
    alone.init_index(len(rows), M=M, ef_construction=EF_CONSTRUCTION, random_seed=100)
    alone.add_items(rows, np.arange(len(rows)), _threads())

    def ask_alone(probe: Floats, k: int) -> tuple[Any, Any]:
        alone.set_ef(max(SEARCH_WIDTH, 2 * k))
        labels, distances = alone.knn_query(probe, k, 1)
        return labels[0], 1.0 - distances[0]

    peers = {"hnswlib alone, one graph": _growing(ask_alone, len(rows))}
    faiss, usearch = optional("faiss"), optional("usearch.index")
    if faiss is not None:
        graph = faiss.IndexHNSWFlat(rows.shape[1], M, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = EF_CONSTRUCTION
        graph.add(rows)

        def ask_faiss(probe: Floats, k: int) -> tuple[Any, Any]:
            graph.hnsw.efSearch = max(SEARCH_WIDTH, 2 * k)
            scores, labels = graph.search(probe, k)
            return labels[0], scores[0]

        peers["faiss HNSW"] = _growing(ask_faiss, len(rows))
    if usearch is not None:
        other = usearch.Index(
            ndim=rows.shape[1],
            metric="ip",
            dtype="f32",
            connectivity=M,
            expansion_add=EF_CONSTRUCTION,
        )
        other.add(np.arange(len(rows)), rows, threads=_threads())

        def ask_usearch(probe: Floats, k: int) -> tuple[Any, Any]:
            other.expansion_search = max(SEARCH_WIDTH, 2 * k)
            found = other.search(probe[0], k)
            return found.keys, 1.0 - found.distances

        peers["usearch"] = _growing(ask_usearch, len(rows))
    return peers


def _growing(ask: Callable[[Floats, int], tuple[Any, Any]], rows: int) -> Any:
    """Ask for more until the last answer lies under the threshold."""

    def asked(probe: Floats) -> set[int]:
        k = min(32, rows)
        while True:
            labels, scores = ask(probe[None, :], k)
            over = labels[scores >= THRESHOLD]
            if len(over) < k or k == rows:
                return {int(one) for one in over}
            k = min(4 * k, rows)

    return asked


def _all(ask: Any, probes: Floats) -> Found:
    return [ask(probe) for probe in probes]


def _recall(found: Found, wanted: Found) -> float:
    hits = sum(len(one) for one in wanted)
    return sum(len(a & b) for a, b in zip(found, wanted, strict=True)) / hits


def _real_faces(book: Book) -> None:
    rows, told = real_faces.templates()
    index = index_of(rows, "int8")
    index.build_graphs()
    for threshold in (0.36, 0.30):
        results = [index.search(row, threshold) for row in rows]
        _share(
            book,
            f"share of the sweep's hits hnswlib found over {threshold:.2f}, "
            f"{len(rows)} faces of {told}, each against all",
            results,
        )


# -- start and memory ----------------------------------------------------------------------------


def _start_and_memory(book: Book, index: FaceIndex, told: str, probe: Floats) -> None:
    """A process of its own loads the shards from files, searches once, and says what it took."""
    with tempfile.TemporaryDirectory(prefix="dsr-bench-shards-") as name:
        folder = Path(name)
        for number in range(index.shards):
            (folder / f"{number:05}.rows").write_bytes(index.shard_bytes(number))
            if index.has_graph(number):
                (folder / f"{number:05}.graph").write_bytes(index.graph_bytes(number))
        np.save(folder / "probe.npy", probe)
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.holder", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    said = json.loads(done.stdout)
    graphs = bool(said["graphs"])
    book.note(
        f"memory per enrolled face, {told}, {said['faces']} faces",
        said["bytes"] / said["faces"],
        "B",
        target=1400.0 if graphs else 700.0,
    )
    book.note(
        f"{said['faces']} faces searched after the start of a process, {told}",
        said["searched_at"] - began,
        "s",
        target=None if graphs else 30.0,
    )


# -- inside --------------------------------------------------------------------------------------


def _modelled(rows: int, seed: int) -> tuple[modelled.Gallery, Floats]:
    """A gallery, and new pictures of people of it, every person as likely as the other."""
    gallery = modelled.gallery(rows, seed=seed)
    rng = np.random.default_rng(seed + 1)
    people = rng.integers(0, len(gallery.centres), PROBES)
    return gallery, modelled.pictures(rng, gallery.centres[people])


def index_of(rows: Floats, sweep: Any) -> FaceIndex:
    """A sealed index; a row's id is its number and one."""
    index = FaceIndex(MODEL, sweep=sweep, rng=np.random.default_rng(13))
    for first in range(0, len(rows), 16_384):
        part = rows[first : first + 16_384]
        index.add([uuid.UUID(int=first + n + 1) for n in range(len(part))], part, 1)
    index.seal()
    return index


def in_turn(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each, taken in turn so that other work on the machine hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def optional(name: str) -> Any:
    """A peer that is measured only where it is installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _tell_missing(book: Book, peers: dict[str, str], told: str) -> None:
    """A row for each peer that is not installed, with what would install it."""
    packages = {"faiss": "faiss-cpu", "usearch.index": "usearch"}
    for module, name in peers.items():
        if optional(module) is None:
            book.absent(f"{name}, {told}", MISSING.format(packages[module]))


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def main() -> None:
    """This part of the area alone: python -m tests.bench.index [--sweeps TOLD, as JSON]."""
    book = Book("recognition")
    if sys.argv[1:2] == ["--sweeps"]:
        _sweeps(book, sys.argv[2])
        sys.stdout.write(json.dumps([asdict(figure) for figure in book.figures]))
        return
    run(book)
    sys.stdout.write(table(book.figures) + "\n")


if __name__ == "__main__":
    main()
