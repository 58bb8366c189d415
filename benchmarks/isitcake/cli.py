"""make bench-cli: the CPU time and memory of reading commands, each as a process of its own.

The project is finished: more than 100 drawn pictures, answers, one version, one model; no server. It is kept in a cache
folder and reused; delete that folder to make it again.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from table import figures, out, table

from simulator.world import Picture, World, drawn_world

ROOT = Path(__file__).parents[2]
CACHE = Path("~/.cache/isitcake/bench-cli").expanduser()
RUNS = 5
COMMANDS = {  # key of the figure: arguments
    "help_s": ("--help",),
    "status_s": ("status",),
    "review_status_s": ("review", "status"),
    "review_next_s": ("review", "next"),
    "models_list_s": ("models", "list"),
    "versions_list_s": ("versions", "list"),
}
# The process prints its own peak: ru_maxrss of a child includes the memory of the process that started it.
PROGRAM = """
import sys
from isitcake.cli import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        sys.stderr.write(status.read())
"""
SHELVES = 5  # folders that share the photos of everyday things
ANSWERED_SHARE = 0.5  # of the pictures; the others stay in the queue, so `review next` has something to list
ATTEMPT = "linear"


@dataclass(frozen=True)
class Usage:
    """What one process used. cpu_s: user and system. peak_mb: largest resident memory."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def isitcake(folder: Path, *arguments: str) -> Usage:
    """Run a command in a project. Raises RuntimeError if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, *arguments],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        printed = errors.read().decode()
    peak_kib = re.search(r"^VmHWM:\s+(\d+) kB$", printed, re.MULTILINE)
    if process.returncode or peak_kib is None:
        raise RuntimeError(f"`isitcake {' '.join(arguments)}` failed: {printed}")
    return Usage(usage.ru_utime + usage.ru_stime, wall_s, int(peak_kib[1]) * 1024 / 1e6)


def shelves(world: World) -> dict[str, list[Picture]]:
    """Pictures of each folder: one for each baker, and a few for everyday things."""
    folders = defaultdict(list, {baker.name: list(baker.gallery) for baker in world.bakers})
    for number, pictures in enumerate(world.photos.values()):
        folders[f"shelf-{number % SHELVES}"] += pictures
    return dict(folders)


def write_sources(folder: Path) -> int:
    """Draw the pictures; write isitcake.toml and answers.csv. Returns the number of pictures."""
    sources, answers = [], ["sha256,label,reviewer"]
    count = 0
    for name, pictures in shelves(drawn_world(("folder",), cakes=14, per_query=3)).items():
        photos = folder / "photos" / name
        photos.mkdir(parents=True)
        for number, picture in enumerate(pictures):
            (photos / f"{picture.slug}{picture.suffix}").write_bytes(picture.content)
            if number < ANSWERED_SHARE * len(pictures):
                answers.append(f"{picture.sha256},{picture.label},ann")
        label = "not_cake" if name.startswith("shelf-") else "cake"
        sources.append({"name": name, "kind": "folder", "label": label, "path": f"photos/{name}"})
        count += len(pictures)
    config = {"project": {"name": "bench-cli", "contact": "https://example.org"}, "sources": sources}
    (folder / "isitcake.toml").write_text(tomli_w.dumps(config))
    (folder / "answers.csv").write_text("\n".join(answers) + "\n")
    return count


def finished_project() -> Path:
    """The folder of the project, made if it is not there."""
    if (CACHE / "finished").is_file():
        return CACHE
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    out.print(f"making a project in {CACHE} …")
    count = write_sources(CACHE)
    for arguments in (
        ("collect",), ("curate",), ("review", "import", "answers.csv"), ("curate",), ("publish",),
        ("train", "--model", ATTEMPT),
    ):  # fmt: skip
        isitcake(CACHE, *arguments)
    (CACHE / "finished").write_text(f"{count} pictures\n")
    return CACHE


def main() -> None:
    folder = finished_project()
    rows, cpu_s = [], {}
    for key, arguments in COMMANDS.items():
        runs = [isitcake(folder, *arguments) for _ in range(RUNS)]
        cpu_s[key] = statistics.median(run.cpu_s for run in runs)
        wall_s = statistics.median(run.wall_s for run in runs)
        rows.append((f"isitcake {' '.join(arguments)}", cpu_s[key], wall_s, max(run.peak_mb for run in runs)))
    pictures = (folder / "finished").read_text().strip()
    title = f"Reading commands, {RUNS} processes each, on a project of {pictures}"
    table(title, ["command", "CPU s (median)", "wall s (median)", "peak MB"], rows)
    figures(cpu_s)


if __name__ == "__main__":
    main()
