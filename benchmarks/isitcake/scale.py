"""make bench-scale: what one machine does with files, beside the least work that the same pictures need.

Files: two folders of drawn JPEGs of half a megapixel, collected, curated, published and trained on with the default
network, each stage in a process of its own. A second table says what a million of them would cost at these rates. The
floor is one run that decodes, hashes, runs the network, resizes and encodes each file once, on all cores, and writes
nothing; it is compared with the first three. `ISITCAKE_BENCH_PICTURES` says how many pictures (20,000); curate's memory
is compared with that of a smaller library.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from runs import work_folder
from table import figures, out, table

from foundation.threads import ahead, cores

PICTURES = int(os.environ.get("ISITCAKE_BENCH_PICTURES", "20000"))
SMALLER = 10  # the library that curate's memory is compared with has that part of the pictures
SIZE_PX = (832, 624)
LABELS = ("round", "square")
DRAWN_AT_ONCE = 50
FILE_STAGES = ("collect", "curate", "publish")  # that the floor is compared with
STAGES = (*FILE_STAGES, "train")
MILLION = 1_000_000

# Runs one command, then prints the peak memory of its process, in MB, on a line of its own.
_STAGE = """
import sys
from isitcake.cli import main
from runs import peak_mb
code = 0
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
print()
print(peak_mb())
sys.exit(code)
"""
_FLOOR = """
from runs import peak_mb
from scale import floor
floor()
print(peak_mb())
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: wall time, time of the processors, the largest memory, and disk that it filled."""

    seconds: float
    cpu_s: float
    peak_mb: float
    disk_mb: float = 0.0


def main() -> None:
    with work_folder("scale") as folder:
        figures(_files(folder))


def _files(folder: Path) -> dict[str, float]:
    """Stages beside the floor, and how curate's memory grows."""
    small, large = folder / "small", folder / "large"
    fewer = max(200, PICTURES // SMALLER)
    out.print(f"drawing {PICTURES:,} and {fewer:,} pictures …")
    _draw_project(large, PICTURES)
    _draw_project(small, fewer)
    before = _stages(small)
    shutil.rmtree(small)
    least = _cost(_FLOOR, large)
    costs = _stages(large)
    whole = _sum({stage: costs[stage] for stage in FILE_STAGES})
    head = ["", "seconds", "processor seconds", "pictures a second", "peak MB"]
    rows = [_row(name, cost, PICTURES) for name, cost in [*costs.items(), ("the three", whole), ("the floor", least)]]
    table(f"{PICTURES:,} drawn JPEGs of {SIZE_PX[0]} × {SIZE_PX[1]}, {cores()} cores", head, rows)
    table(f"{fewer:,} pictures", head, [_row(name, cost, fewer) for name, cost in before.items()])
    table(
        f"a million pictures, at the rates of {PICTURES:,}",
        ["", "hours", "processor hours", "GB on disk"],
        [_for_a_million(name, cost) for name, cost in costs.items()],
    )
    grown_kb = (costs["curate"].peak_mb - before["curate"].peak_mb) * 1000 / (PICTURES - fewer)
    out.print(f"from {fewer:,} to {PICTURES:,} pictures, curate's peak grows by {grown_kb:.1f} KB a picture\n")
    return {
        "files_vs_floor": whole.seconds / least.seconds,
        "files_vs_floor_cpu": whole.cpu_s / least.cpu_s,
        "kb_per_picture": grown_kb,
        **{f"{name}_per_s": PICTURES / cost.seconds for name, cost in costs.items()},
        **{f"{name}_peak_mb": cost.peak_mb for name, cost in costs.items()},
        "floor_per_s": PICTURES / least.seconds,
    }


def _sum(costs: Mapping[str, Cost]) -> Cost:
    """One after the other: times add up, the largest memory counts."""
    return Cost(
        sum(cost.seconds for cost in costs.values()),
        sum(cost.cpu_s for cost in costs.values()),
        max(cost.peak_mb for cost in costs.values()),
    )


def _row(name: str, cost: Cost, pictures: int) -> tuple[str, float, float, float, float]:
    return name, cost.seconds, cost.cpu_s, pictures / cost.seconds, cost.peak_mb


def _for_a_million(name: str, cost: Cost) -> tuple[str, float, float, float]:
    by = MILLION / PICTURES
    return name, cost.seconds * by / 3600, cost.cpu_s * by / 3600, cost.disk_mb * by / 1000


def _draw_project(folder: Path, count: int) -> None:
    """A project whose two sources are folders of drawn pictures."""
    folder.mkdir()
    sources = "".join(
        f'[[sources]]\nname = "{label}s"\nkind = "folder"\nlabel = "{label}"\npath = "{label}"\n\n' for label in LABELS
    )
    (folder / "isitcake.toml").write_text(f'[project]\nname = "scale"\nlabels = {json.dumps(LABELS)}\n\n{sources}')
    draw_folders(folder, count)


def draw_folders(folder: Path, count: int) -> None:
    """Draw pictures into a folder for each label."""
    for label in LABELS:
        (folder / label).mkdir(parents=True)
    parts = [(str(folder), range(n, min(n + DRAWN_AT_ONCE, count))) for n in range(0, count, DRAWN_AT_ONCE)]
    with ProcessPoolExecutor(cores()) as processes:
        list(processes.map(_draw, parts))
    os.sync()


def _draw(part: tuple[str, Sequence[int]]) -> None:
    folder, numbers = part
    for number in numbers:
        label = LABELS[number % len(LABELS)]
        (Path(folder) / label / f"{number:06d}.jpg").write_bytes(drawn(number, label))


def drawn(number: int, label: str) -> bytes:
    """A JPEG with shapes of one kind on a soft ground of its own, with the grain of a photo."""
    rng = random.Random(number)
    noise = np.random.default_rng(number)
    soft = Image.fromarray(noise.integers(0, 255, (6, 8, 3), dtype=np.uint8))
    ground = soft.resize(SIZE_PX, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(ground)
    for _ in range(rng.randint(3, 9)):
        x, y, side = rng.randrange(SIZE_PX[0]), rng.randrange(SIZE_PX[1]), rng.randrange(40, 260)
        shape = pen.ellipse if label == LABELS[0] else pen.rectangle
        shape((x, y, x + side, y + side), fill=tuple(rng.randrange(256) for _ in range(3)))
    grain = noise.normal(0, 6, (SIZE_PX[1], SIZE_PX[0], 1))
    pixels = np.clip(np.asarray(ground) + grain, 0, 255).astype(np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=88)
    return content.getvalue()


def _stages(folder: Path) -> dict[str, Cost]:
    """Each stage in a process of its own, one after the other."""
    costs, used = {}, 0.0
    for stage in STAGES:
        cost = _cost(_STAGE, folder, stage, "--json")
        before, used = used, _used_mb(folder / "library")
        costs[stage] = replace(cost, disk_mb=used - before)
    return costs


def _used_mb(folder: Path) -> float:
    """Size of all files; one with several links counts once."""
    states = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum({state.st_ino: state.st_blocks * 512 for state in states}.values()) / 1e6


def _cost(code: str, folder: Path, *arguments: str) -> Cost:
    """Run Python in a process of its own, with its imports. The last line that it prints is its peak memory in MB."""
    os.sync()
    began, cpu_s = time.monotonic(), _cpu_s()
    command = [sys.executable, "-c", code, *arguments]
    ours = [str(Path(path).resolve()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(ours)}
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{arguments or 'the floor'} failed: {ended.stderr[-2000:]}")
    return Cost(time.monotonic() - began, _cpu_s() - cpu_s, float(ended.stdout.split()[-1]))


def _cpu_s() -> float:
    """Time that the processors spent on ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def floor() -> None:
    """Decode, hash, run the network, resize and encode each picture below this folder once, on all cores."""
    from concurrent.futures import ThreadPoolExecutor

    from dataset.duplicates.fingerprints import fingerprint_of
    from dataset.pictures.decoding import DERIVED_SIDE_PX, accept, normalised
    from networks.backbone import backbone
    from networks.session import session

    run = session(backbone().graph, threads=1).run

    def once(path: Path) -> int:
        picture = accept(path.read_bytes(), DERIVED_SIDE_PX * 2)
        fingerprint_of(picture)
        pixels = np.asarray(picture.upright(DERIVED_SIDE_PX * 2), dtype=np.uint8)[None]
        run(["features"], {"pixels": pixels})
        return len(normalised(picture))

    with ThreadPoolExecutor(cores()) as threads:
        paths = sorted(path for label in LABELS for path in Path(label).iterdir())
        assert all(size for _, size in ahead(threads, once, paths, 4 * cores()))


if __name__ == "__main__":
    main()
