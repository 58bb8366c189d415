"""make bench-large: all models of a large version, and how time and memory grow, beside scikit-learn on all vectors.

The pictures are made up, 2 KB each, and so are their vectors, which say something of the label and something of the
site; they are kept before the training begins, because a network takes some 10 ms a picture whatever is done with it.
`ISITCAKE_BENCH_ROWS` says how many images the larger version has (100,000).
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from made_up import NOW, add, project_in, small
from numpy.typing import NDArray
from runs import peak_mb, work_folder
from table import figures, out, table

from dataset.publish import publish
from dataset.reader import Row, newest
from foundation.settings_file import load as settings_in
from networks.backbone import backbone
from networks.graph import widened
from networks.kept_vectors import KeptVectors
from networks.session import session
from training.attempts.linear import STRENGTHS, fit_head
from training.examples import frozen_folder, mirrored_folder
from training.train import examples_of, train

MOST = int(os.environ.get("ISITCAKE_BENCH_ROWS", "100000"))
FEWEST = MOST // 10
TOGETHER = 10_000  # images that are made at a time
PEER = "scikit-learn, one head"


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(_peer(Path(sys.argv[2])) if sys.argv[1] == "peer" else _trained(Path(sys.argv[2]))))
        return
    with work_folder("large") as folder:
        figures(_measured(folder))


def _measured(folder: Path) -> dict[str, float]:
    costs: dict[int, dict[str, list[float]]] = {}
    for count in (FEWEST, MOST):
        out.print(f"making {count:,} images …")
        _make(folder / str(count), count)
        costs[count] = {**_apart("train", folder / str(count)), PEER: _apart("peer", folder / str(count))[PEER]}
    rows = [(f"{n:,}", step, *cost) for n, steps in costs.items() for step, cost in steps.items()]
    table("train, vectors kept", ["images", "", "seconds", "processor seconds", "peak MB"], rows)
    first, last = costs[FEWEST]["all"], costs[MOST]["all"]
    return {
        "images": MOST,
        "train_s": last[0],
        "train_peak_mb": last[2],
        "kb_per_image": (last[2] - first[2]) * 1000 / (MOST - FEWEST),
        "growth": float(np.log(last[1] / first[1]) / np.log(MOST / FEWEST)),
        "peak_vs_one_head": last[2] / costs[MOST][PEER][2],
    }


def _apart(what: str, home: Path) -> dict[str, list[float]]:
    """Wall seconds, processor seconds and peak memory, by step, of a process of its own."""
    printed = subprocess.run(
        [sys.executable, "-P", __file__, what, str(home)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return dict(json.loads(printed.splitlines()[-1]))


def _trained(home: Path) -> dict[str, list[float]]:
    """Costs of a training by attempt; the memory is the largest until then."""
    costs: dict[str, list[float]] = {}
    began = since = _now()
    step = "reading and verifying"

    def ended() -> list[float]:
        at = _now()
        return [at[0] - since[0], at[1] - since[1], peak_mb()]

    def tell(what: str, _done: int, _total: int) -> None:
        nonlocal step, since
        attempt = what.removeprefix("fits of ")
        if attempt != what and attempt != step:
            costs[step] = ended()
            step, since = attempt, _now()

    train(settings_in(home / "isitcake.toml", {}), progress=tell)
    costs[step] = ended()
    since = began
    return {**costs, "all": ended()}


def _peer(home: Path) -> dict[str, list[float]]:
    """Costs of one head by scikit-learn on the vectors of all training images, which are in memory."""
    settings = settings_in(home / "isitcake.toml", {})
    version = newest(settings.home)
    assert version is not None
    examples = examples_of(settings, version)
    began = _now()
    learn = examples.mask("train")
    fit_head(examples.features[learn], examples.labels[learn], examples.names, STRENGTHS[1])
    ended = _now()
    return {PEER: [ended[0] - began[0], ended[1] - began[1], peak_mb()]}


def _now() -> tuple[float, float]:
    """Wall and processor seconds."""
    return time.monotonic(), time.process_time()


def _make(home: Path, count: int) -> None:
    """A version of made-up images, with their vectors."""
    project = project_in(home)
    for start in range(0, count, TOGETHER):
        add(project, range(start, min(start + TOGETHER, count)), NOW, small)
    publish(project, NOW)
    project.close()
    version = newest(project.home)
    assert version is not None
    net, rows = backbone(), version.rows()
    pixels = {"pixels": np.zeros((1, 32, 32, 3), dtype=np.uint8)}
    features, wide = (part.shape[1] for part in session(widened(net.graph)).run(["features", "wide"], pixels))
    for folder, sizes in (
        (frozen_folder(net), {"features": features, "wide": wide}),
        (mirrored_folder(net), {"mirrored": features}),
    ):
        kept = KeptVectors(project.home / "cache" / "features" / folder, list(sizes))
        for start in range(0, len(rows), TOGETHER // 5):
            part = rows[start : start + TOGETHER // 5]
            kept.add([row.sha256 for row in part], {kind: _vectors(part, size) for kind, size in sizes.items()})


def _vectors(rows: Sequence[Row], size: int) -> NDArray[np.float32]:
    """(n, size) like a network's: positive, most of it noise."""
    directions = {name: _noise(name, size) for row in rows for name in (row.label, row.site)}
    rng = np.random.default_rng(int(rows[0].sha256[:8], 16))
    vectors = rng.standard_normal((len(rows), size), dtype=np.float32)
    for vector, row in zip(vectors, rows, strict=True):
        vector += 0.1 * directions[row.label] + 0.2 * directions[row.site]
    return np.abs(vectors)


def _noise(name: str, size: int) -> NDArray[np.float32]:
    return np.random.default_rng(list(name.encode())).standard_normal(size, dtype=np.float32)


if __name__ == "__main__":
    main()
