"""A process that holds an index, for the bench: loads shard files, searches, tells its memory."""

import json
import os
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from biometrics.index import FaceIndex, OpenedShard
from biometrics.memory import give_large_blocks_back


def main(folder: Path) -> None:
    give_large_blocks_back()
    index = FaceIndex(b"b" * 32)
    before = _resident()
    threads = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(threads) as pool:  # as the portal's holder does
        waiting: deque[Future[OpenedShard]] = deque()
        for path in sorted(folder.glob("*.rows")):
            waiting.append(pool.submit(index.open_shard, path.read_bytes()))
            if len(waiting) > threads:
                index.take_shard(waiting.popleft().result())
        while waiting:
            index.take_shard(waiting.popleft().result())
    index.search(np.load(folder / "probe.npy"), 0.4)
    searched_at = time.time()
    graphs = sorted(folder.glob("*.graph"))
    for number, path in enumerate(graphs):
        index.load_graph(number, path.read_bytes())
    said = {
        "faces": len(index),
        "graphs": len(graphs),
        "bytes": _resident() - before,
        "searched_at": searched_at,
    }
    sys.stdout.write(json.dumps(said) + "\n")


def _resident() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell the memory of a process")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
