"""Collect, curate and publish thousands of damaged pictures: each is stored and published, or refused with a reason.

Seeds are fixed: file 17 is the same file in every run, as long as Pillow's encoders stay as they are.
"""

import functools
import io
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import func, select

from dataset.catalog.tables import clusters, images, outcomes, quarantined, runs
from dataset.duplicates.intake import take_in
from dataset.opening import open_project
from dataset.pictures.decoding import Undecodable
from dataset.project import Project
from simulator import drawings

FILES = 5000
FILES_PER_DRAWING = 6  # more would be near-duplicates of each other by the hundred
SIZE_PX = (280, 220)
COMMANDS = (("collect",), ("curate",), ("publish", "--force"))
COMMAND_S = 3600  # a command that takes longer hangs
EXIF = Image.Exif()
EXIF[0x0112] = 6


@dataclass(frozen=True)
class Fuzzed:
    """fuzzed: files. stored, refused: what became of them. accepted_undecodable: stored, but a later stage cannot use
    them. without_outcome: files that no outcome lists, or that one lists without a reason. stopped: commands that did
    not end well. peak_mb: most memory of any command.
    """

    fuzzed: int
    stored: int
    refused: int
    accepted_undecodable: int
    without_outcome: int
    stopped: int
    peak_mb: int


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _deep(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _alpha(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    rgba.putalpha(image.convert("L"))
    return rgba


def _frames(image: Image.Image) -> dict[str, Any]:
    return {"save_all": True, "append_images": [image.rotate(180)]}


ENCODERS: tuple[Callable[[Image.Image], bytes], ...] = (
    lambda image: _saved(image, "JPEG"),
    lambda image: _saved(image, "PNG"),
    lambda image: _saved(image, "WEBP"),
    lambda image: _saved(image.quantize(64), "GIF"),
    lambda image: _saved(image, "TIFF"),
    lambda image: _saved(image, "AVIF", speed=10),
    lambda image: _saved(image, "JPEG", progressive=True, exif=EXIF),
    lambda image: _saved(image, "PNG", exif=EXIF),
    lambda image: _saved(image, "WEBP", lossless=True, **_frames(image)),
    lambda image: _saved(image.quantize(64), "GIF", **_frames(image.quantize(64))),
    lambda image: _saved(image, "TIFF", compression="tiff_lzw", exif=EXIF),
    lambda image: _saved(image, "AVIF", speed=10, exif=EXIF),
    lambda image: _saved(image.convert("CMYK"), "JPEG"),
    lambda image: _saved(image.quantize(64), "PNG", transparency=3),
    lambda image: _saved(_alpha(image), "WEBP"),
    lambda image: _saved(_deep(image), "TIFF"),
    lambda image: _saved(_deep(image), "PNG"),
    lambda image: _saved(image.convert("L").convert("F"), "TIFF", compression="tiff_adobe_deflate"),
    lambda image: _saved(_alpha(image), "AVIF", speed=10),
    lambda image: _saved(_alpha(image), "PNG", **_frames(_alpha(image))),
)


def mutated(number: int) -> bytes:
    """File `number` of the fuzz: a drawn picture in one of the formats, with something wrong in its bytes."""
    rng = random.Random(f"mutated {number}")
    image = _drawing(number // FILES_PER_DRAWING)
    return _mutate(bytearray(ENCODERS[number % len(ENCODERS)](image)), rng)


@functools.lru_cache(maxsize=2)
def _drawing(number: int) -> Image.Image:
    drawn = drawings.cake(random.Random(f"drawing {number}"))
    return Image.open(io.BytesIO(drawn)).convert("RGB").resize(SIZE_PX)


def _mutate(content: bytearray, rng: random.Random) -> bytes:
    end = len(content)
    match rng.randrange(8):
        case 0 | 1:
            content[rng.randrange(end)] ^= 1 << rng.randrange(8)
        case 2:
            for _ in range(rng.randrange(2, 30)):
                content[rng.randrange(end)] = rng.randrange(256)
        case 3:
            for _ in range(rng.randrange(1, 4)):  # the header
                content[rng.randrange(min(end, 200))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        case 4:
            del content[rng.randrange(end) :]
        case 5:
            start = rng.randrange(end)
            del content[start : start + rng.randrange(1, 64)]
        case 6:
            start = rng.randrange(end)
            content[start:start] = rng.randbytes(rng.randrange(1, 64))
        case _:
            start, source = rng.randrange(end), rng.randrange(end)
            part = content[source : source + rng.randrange(1, 300)]
            content[start : start + len(part)] = part
    return bytes(content)


def fuzz(files: int = FILES, folder: Path | None = None) -> Fuzzed:
    """Make `files` mutated pictures in a new project, and collect, curate and publish them with the command.

    folder: for the project, empty; a temporary one if None.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="isitcake-mutated-") as temporary:
            return fuzz(files, Path(temporary))
    _make_project(folder, files)
    stopped, peak_mb = 0, 0
    for command in COMMANDS:
        ended, most_mb = _run(folder, *command)
        stopped += ended != 0
        peak_mb = max(peak_mb, most_mb)
    project = open_project(folder)
    try:
        return _counted(project, files, stopped, peak_mb)
    finally:
        project.close()


def _make_project(folder: Path, files: int) -> None:
    (folder / "mutated").mkdir()
    for number in range(files):
        (folder / "mutated" / f"{number:05}.bin").write_bytes(mutated(number))
    (folder / "isitcake.toml").write_text(
        '[project]\nlabels = ["cake", "not_cake"]\n'
        '[[sources]]\nname = "mutated"\nkind = "folder"\nlabel = "cake"\npath = "mutated"\n'
    )


def _run(folder: Path, *command: str) -> tuple[int, int]:
    """Run a command of ours apart. Returns its exit code and its peak memory in MB."""
    code = (
        "import resource, sys\nfrom isitcake.cli import main\ntry:\n    main()\nfinally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=open('peak', 'w'))\n"
    )
    line = [sys.executable, "-c", code, "--config", str(folder / "isitcake.toml"), *command]
    ended = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    if ended.returncode:
        print(" ".join(command), ended.returncode, ended.stderr[-2000:], file=sys.stderr)
    peak = folder / "peak"
    most_mb = int(peak.read_text()) if peak.exists() else 0
    peak.unlink(missing_ok=True)
    return ended.returncode, most_mb


def _counted(project: Project, files: int, stopped: int, peak_mb: int) -> Fuzzed:
    with project.catalog.read() as connection:
        run = select(func.max(runs.c.id)).scalar_subquery()
        rows = connection.execute(select(outcomes).where(outcomes.c.run_id == run)).all()
        stored = connection.execute(select(images)).all()
        curated = set(connection.execute(select(clusters.c.sha256)).scalars())
        broken = set(connection.execute(select(quarantined.c.sha256)).scalars())
    unusable = {image.sha256 for image in stored if image.sha256 not in curated} | broken
    for image in stored:
        try:
            taken = take_in(project.blobs.read(image.sha256, image.format))
        except Undecodable:
            unusable.add(image.sha256)
            continue
        if (taken.header.width, taken.header.height) != (image.width, image.height):
            unusable.add(image.sha256)
    refused = [row for row in rows if row.sha256 is None]
    return Fuzzed(
        fuzzed=files,
        stored=len(stored),
        refused=len(refused),
        accepted_undecodable=len(unusable),
        without_outcome=files - len(rows) + sum(not row.reason for row in refused),
        stopped=stopped,
        peak_mb=peak_mb,
    )


def main() -> None:
    """Print what became of the files; the last line is JSON."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    print(json.dumps(asdict(fuzz(files))))


if __name__ == "__main__":
    main()
