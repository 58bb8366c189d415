"""make bench-rows: what curate does with a large catalog: how long, in how much memory, and how both grow.

Pictures are rows with made-up hashes and features of the default network; one in twenty is a near-copy of another, and
one label in twenty is wrong. Their files are a few drawn pictures under many names, read only where two hashes are
alike by chance. `ISITCAKE_BENCH_ROWS` says how many rows the largest catalog has (1,000,000; on two cores that takes
hours, 100,000 take minutes).
"""

import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from runs import peak_mb, work_folder
from table import figures, out, table

from dataset.catalog.tables import features, fingerprints, images, seen, sightings
from dataset.catalog.writes import append
from dataset.curate import curate
from dataset.duplicates.fingerprints import RECIPE
from dataset.duplicates.pairs import VIEWS
from dataset.opening import open_project
from dataset.pictures.seen import recipe as recipe_of
from dataset.project import Project
from dataset.suspicion.meanings import texts_of_answers
from networks.backbone import backbone

MOST = int(os.environ.get("ISITCAKE_BENCH_ROWS", "1000000"))
FEWEST = min(max(2_000, MOST // 10), MOST // 2)
ADDED = 1_000
LABELS = ("round", "square")
SITES, WRONG, NEAR_COPIES = 40, 0.05, 0.05
FILES = 200  # drawn pictures; each has many names
TOGETHER = 10_000  # rows that are made at a time
WORDS, ONES, FINE_WORDS = VIEWS, 32, 4
SHAPES = np.log([1.5, 4 / 3, 1, 3 / 4, 2 / 3, 16 / 9]).round(4)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    if len(sys.argv) > 1:
        _curate(Path(sys.argv[1]))
        return
    with work_folder("rows") as folder:
        figures(_measured(folder))


def _measured(folder: Path) -> dict[str, float]:
    """Curate two catalogs, and the larger one again after some rows were added."""
    costs: dict[int, dict[str, list[float]]] = {}
    for count in (FEWEST, MOST):
        out.print(f"making {count:,} rows …")
        _add(folder / str(count), range(count))
        costs[count] = _apart(folder / str(count))
    _add(folder / str(MOST), range(MOST, MOST + ADDED))
    again = _apart(folder / str(MOST))
    rows = [(f"{n:,}", step, *cost) for n, steps in costs.items() for step, cost in steps.items()]
    rows += [(f"{ADDED:,} more", step, *cost) for step, cost in again.items()]
    table("curate, without measuring pictures", ["rows", "", "seconds", "processor seconds", "peak MB"], rows)
    first, last = costs[FEWEST], costs[MOST]
    growth = {step: float(np.log10(last[step][1] / first[step][1])) / np.log10(MOST / FEWEST) for step in last}
    out.print("growth exponents: " + ", ".join(f"{step} {exponent:.2f}" for step, exponent in growth.items()) + "\n")
    return {
        "rows": MOST,
        "curate_s": last["whole"][0],
        "curate_peak_mb": last["whole"][2],
        "kb_per_row": (last["whole"][2] - first["whole"][2]) * 1000 / (MOST - FEWEST),
        "curate_add_1000_s": again["whole"][0],
        "curate_add_share": again["whole"][0] / last["whole"][0],
        "growth": growth["whole"],
    }


def _apart(home: Path) -> dict[str, list[float]]:
    """Curate in a process of its own: wall seconds, processor seconds and peak memory so far, by step."""
    command = [sys.executable, "-P", __file__, str(home)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(printed.splitlines()[-1]))


def _curate(home: Path) -> None:
    """Print the costs of a curate by step, as JSON."""
    marks = [_mark("opening")]

    def tell(step: str, _done: int, _total: int) -> None:
        if step != marks[-1][0]:
            marks.append(_mark(step))

    curate(open_project(home), tell)
    marks.append(_mark("end"))
    steps = [(*pair, pair[0][0]) for pair in itertools.pairwise(marks)]
    costs = {name: _between(begun, ended) for begun, ended, name in [*steps, (marks[0], marks[-1], "whole")]}
    sys.stdout.write(json.dumps(costs) + "\n")


def _mark(step: str) -> tuple[str, float, float, float]:
    """Where a step begins: wall and processor seconds, and the largest memory until then."""
    return step, time.monotonic(), time.process_time(), peak_mb()


def _between(begun: tuple[str, float, float, float], ended: tuple[str, float, float, float]) -> list[float]:
    return [ended[1] - begun[1], ended[2] - begun[2], ended[3]]


def _add(home: Path, numbers: range) -> None:
    """Add rows as if pictures were collected and measured."""
    if not home.exists():
        _begin(home)
    project = open_project(home)
    network = backbone(project.settings.network, texts_of_answers(project.settings)).name
    for start in range(numbers.start, numbers.stop, TOGETHER):
        part = range(start, min(start + TOGETHER, numbers.stop))
        filled: dict[Any, list[dict[str, Any]]] = {
            kind: [] for kind in (images, fingerprints, features, seen, sightings)
        }
        for rows in _made_up(project, part, network):
            for kind, row in rows.items():
                filled[kind].append(row)
        with project.catalog.write() as connection:
            for kind, of_kind in filled.items():
                append(connection, kind, of_kind)
    project.close()


def _begin(home: Path) -> None:
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nkind = "folder"\nlabel = "{name}"\npath = "."\n' for name in LABELS
    )
    home.mkdir()
    (home / "isitcake.toml").write_text(f'[project]\nname = "rows"\nlabels = {json.dumps(LABELS)}\n{sources}')
    files = open_project(home).home / "shared"
    files.mkdir(parents=True)
    for number in range(FILES):
        blobs = Image.fromarray(np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8))
        blobs.resize((320, 240), Image.Resampling.BICUBIC).save(files / f"{number}.jpg", quality=80)


def _made_up(project: Project, numbers: range, network: str) -> Iterator[dict[Any, dict[str, Any]]]:
    """The rows of each picture, by table."""
    rng = np.random.default_rng(numbers.start)
    words, vectors, labels, sites = _hashes(rng, len(numbers)), *_vectors(rng, len(numbers))
    files = [(path, path.stat().st_size) for path in sorted((project.home / "shared").iterdir())]
    for place, number in enumerate(numbers):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        file, size_bytes = files[number % FILES]
        original = project.blobs.path(name, "JPEG")  # type: ignore[attr-defined]  # on a local disk
        original.parent.mkdir(parents=True, exist_ok=True)
        original.hardlink_to(file)
        label, site = LABELS[labels[place]], f"{LABELS[labels[place]]}-{sites[place]}.example"
        digits = [f"{int(word):016x}" for word in words[place]]
        measures = {
            "alpha": 0.0,
            "top_colours": 0.1,
            "white": 0.05,
            "edges": float(rng.random()),
            "light": 0.5,
            "shape": float(SHAPES[number % len(SHAPES)]),
        }
        yield {
            images: {"sha256": name, "format": "JPEG", "width": 320, "height": 240, "has_alpha": 0,
                     "size_bytes": size_bytes, "first_seen": NOW},
            fingerprints: {"sha256": name, "recipe": RECIPE, "phash": digits[0], "dhash": digits[0],
                           "phash16": "".join(digits[WORDS:]), "mirrored": digits[1],
                           "views": words[place, :WORDS].astype("<u8").tobytes(), "detail": 50.0, "measures": measures},
            features: {"sha256": name, "backbone": network, "vector": vectors[place].tobytes()},
            seen: {"sha256": name, "recipe": recipe_of(None, None), "objects": None, "text_lines": 0,
                   "text_share": 0.0, "explicit": None},
            sightings: {"sha256": name, "source": label, "site": site, "source_label": label,
                        "page_url": f"https://{site}/", "image_url": f"https://{site}/{number}.jpg", "seen_at": NOW},
        }  # fmt: skip


def _hashes(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    """(count, WORDS + FINE_WORDS) hashes; the first ones are near-copies of the next."""
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    each = WORDS + FINE_WORDS
    ranked = rng.random((count * each, 64), dtype=np.float32).argpartition(ONES, axis=1)[:, :ONES]
    words: NDArray[np.uint64] = weights[ranked].sum(axis=1, dtype=np.uint64).reshape(count, each)
    copies = int(count * NEAR_COPIES)
    words[:copies] = words[copies : 2 * copies] ^ weights[rng.integers(0, 64, (copies, each))]
    return words


def _vectors(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float16], list[int], list[int]]:
    """(count, 1280) features of labels and sites, and which label and site each row claims."""
    fixed = np.random.default_rng(0)
    of_label, of_site = fixed.normal(0, 0.15, (len(LABELS), 1280)), fixed.normal(0, 0.1, (SITES, 1280))
    labels, sites = rng.integers(0, len(LABELS), count), rng.integers(0, SITES, count)
    true = np.where(rng.random(count) < WRONG, 1 - labels, labels)
    vectors = (of_label[true] + of_site[sites] + rng.normal(0, 0.5, (count, 1280))).astype(np.float16)
    copies = int(count * NEAR_COPIES)
    vectors[:copies] = vectors[copies : 2 * copies]
    return vectors, labels.tolist(), sites.tolist()


if __name__ == "__main__":
    main()
