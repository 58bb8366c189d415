"""make bench-versions: time, memory and disk of publishing, compared with copying and with datasets.save_to_disk.

It also publishes twelve versions of a growing set with erasures, and counts moved images, leaks and erased traces.
Pictures are made up, 20 KB each, and already normalised, as they are after the first version that has them.
"""

import functools
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from runs import work_folder
from sqlalchemy import select
from table import figures, out, table

from dataset.catalog.tables import clusters, consents, decisions, digests, fingerprints, images, judgements, sightings
from dataset.catalog.writes import append
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.export import export
from dataset.opening import open_project
from dataset.pictures.decoding import DERIVED_RECIPE, encode_jpeg
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.stored.pictures import Layout
from dataset.versions.verify import verify
from foundation.settings_file import load

IMAGES, MORE = 20_000, 100
MILLION = 1_000_000
ROUNDS, BATCH = 12, 120
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    with work_folder("versions") as folder:
        _million(folder)
        figures(_speed(folder) | _layouts(folder) | _life(folder))


def _speed(folder: Path) -> dict[str, float]:
    from datasets import load_dataset

    project = _project(folder / "large")
    seconds: dict[str, float] = {}
    _add(project, range(IMAGES), NOW)
    publish(project, NOW)  # normalised pictures are hashed once, with the first version
    first = published.newest(project.home)
    assert first is not None
    disk = {"a second version": 0.0}
    _add(project, range(IMAGES, IMAGES + MORE), NOW)
    before = _used(project.home / "versions")
    started = _on_disk()
    publish(project, NOW)
    _on_disk()
    seconds["publish, 100 images more"] = time.monotonic() - started
    disk["a second version"] = _used(project.home / "versions") - before
    second = published.newest(project.home)
    assert second is not None
    started = _on_disk()
    shutil.copytree(second.path / "data", folder / "copy")
    _on_disk()
    seconds["copy the pictures"] = time.monotonic() - started
    disk["a copy"] = _used(folder / "copy")
    loaded = load_dataset(str(second.path), cache_dir=str(folder / "cache"))
    started = _on_disk()
    loaded.save_to_disk(str(folder / "saved"))
    _on_disk()
    seconds["datasets.save_to_disk"] = time.monotonic() - started
    disk["save_to_disk"] = _used(folder / "saved")
    started = time.monotonic()
    proof = verify(project.home, second.name)
    seconds["verify"] = time.monotonic() - started
    assert proof.problems == []
    for kind in ("imagefolder", "webdataset", "parquet"):
        started = _on_disk()
        export(second, kind, folder / kind)
        _on_disk()
        seconds[f"export, {kind}"] = time.monotonic() - started
    table(f"{IMAGES + MORE:,} images", ["", "seconds"], [(name, f"{s:.1f}") for name, s in seconds.items()])
    table("disk beyond the library's own pictures", ["", "MB"], [(name, f"{b / 1e6:.0f}") for name, b in disk.items()])
    project.close()
    publishing = seconds["publish, 100 images more"]
    for name in ("copy", "cache", "saved", "imagefolder", "webdataset", "parquet", "large"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return {
        "publish_vs_copy": seconds["copy the pictures"] / publishing,
        "publish_vs_save_to_disk": seconds["datasets.save_to_disk"] / publishing,
        "extra_disk": disk["a second version"] / disk["a copy"],
    }


def _layouts(folder: Path) -> dict[str, float]:
    """The same pictures in folders and in shards: publish, publish 100 more, read, and load."""
    from datasets import load_dataset

    table_: dict[str, list[str]] = {}
    new: list[float] = []
    for layout in Layout:
        project = _project(folder / layout, layout)

        def timed(name: str, run: Callable[[], object]) -> None:
            started = _on_disk()
            run()
            table_.setdefault(name, []).append(f"{_on_disk() - started:.1f}")

        _add(project, range(IMAGES), NOW)
        timed("publish", functools.partial(publish, project, NOW))
        _add(project, range(IMAGES, IMAGES + MORE), NOW)
        before = _sizes(project.home)
        timed("publish, 100 images more", functools.partial(publish, project, NOW))
        new.append(sum(size for inode, size in _sizes(project.home).items() if inode not in before))
        version = published.listing(project.home)[-1]
        rows = version.rows()
        for name, part in (("read all, in order", rows), ("read 1,000 at random", random.Random(1).sample(rows, 1000))):
            timed(name, functools.partial(list, map(version.pictures.content, part)))
        timed("load_dataset", functools.partial(load_dataset, str(version.path), cache_dir=str(folder / f"c {layout}")))
        project.close()
        shutil.rmtree(folder / layout)
    table(f"{IMAGES + MORE:,} images, seconds", ["", *Layout], [(name, *both) for name, both in table_.items()])
    return {f"new_mb_{layout}": bytes_ / 1e6 for layout, bytes_ in zip(Layout, new, strict=True)}


def _on_disk() -> float:
    """Wait until all files are on the disk, so that every measurement includes it. Returns the time after it."""
    os.sync()
    return time.monotonic()


def _million(folder: Path) -> None:
    """Publish, publish 100 more, diff and verify 1,000,000 rows, each in its own process, to measure its memory."""
    home = folder / "million"
    project = _project(home)  # in shards, as so many images are where nothing else is configured
    out.print(f"making a catalog of {MILLION:,} images …")
    for start in range(0, MILLION, 50_000):
        _add(project, range(start, min(start + 50_000, MILLION)), NOW, is_small=True)
    steps = [("publish", _STEP["publish"])]
    rows = [(name, *_measured(code, home)) for name, code in steps]
    _add(project, range(MILLION, MILLION + MORE), NOW, is_small=True)
    project.close()
    names = {"publish, 100 images more": "publish", "diff": "diff", "verify --quick": "verify"}
    rows += [(name, *_measured(_STEP[step], home)) for name, step in names.items()]
    table(
        f"{MILLION:,} images, each step in its own process",
        ["", "seconds", "peak MB"],
        [(name, f"{seconds:.0f}", f"{peak:.0f}") for name, seconds, peak in rows],
    )
    shutil.rmtree(home)


_STEP = {
    "publish": "from dataset.publish import publish; assert publish(project).version",
    "diff": "assert len(published.diff(project.home, *published.names(project.home)).added) == 100",
    "verify": "proof = verify(project.home, published.names(project.home)[-1], quick=True); "
    "assert not proof.problems, proof.problems[:3]",
}
_FRAME = """
import sys, time
from pathlib import Path
from dataset.versions import published
from dataset.versions.verify import verify
from dataset.project import Project
from dataset.opening import open_project
from runs import peak_mb
project = open_project(Path(sys.argv[1]))
started = time.monotonic()
{}
print(time.monotonic() - started, peak_mb())
"""


def _measured(code: str, home: Path) -> tuple[float, float]:
    """Seconds and peak MB of a step in a process of its own."""
    command = [sys.executable, "-c", _FRAME.format(code), str(home / "isitcake.toml")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(printed[-2]), float(printed[-1])


def _life(folder: Path) -> dict[str, float]:
    """Twelve versions of a set that grows, with changed labels, duplicates that are found late, and erasures."""
    project = _project(folder / "life")
    rng = random.Random(3)
    split_of: dict[str, str] = {}
    moved = leaks = residue = 0
    names: list[str] = []
    for round_ in range(ROUNDS):
        now = NOW + timedelta(days=7 * round_)
        names += _add(project, range(round_ * BATCH, (round_ + 1) * BATCH), now)
        with project.catalog.write() as connection:
            for name in rng.sample(names, 5):  # people change their answers
                append(connection, judgements, [
                    {"sha256": name, "reviewer": "ann", "answer": rng.choice(["cake", "not_cake"]), "answered_at": now,
                     "origin": "import", "external_id": f"{name}{round_}", "recorded_at": now}])  # fmt: skip
            for one, other in (rng.sample(names, 2) for _ in range(3)):  # duplicates that are found late
                kept = connection.execute(select(clusters.c.cluster).where(clusters.c.sha256 == one)).scalar()
                if kept:
                    connection.execute(
                        clusters.update().where(clusters.c.sha256 == other).values(cluster=kept, representative=one)
                    )
        if round_ % 3 == 2:
            gone = rng.choice(names)
            erase(project, Selection(Kind.SHA256, gone), "the creator asked")
            residue += _traces(project.home, gone)
            names = [name for name in names if _is_known(project, name)]
        publish(project, now)
        newest = published.newest(project.home)
        assert newest is not None
        by_cluster: dict[str, set[str]] = {}
        for row in newest.rows():
            moved += split_of.setdefault(row.sha256, row.split) != row.split
            by_cluster.setdefault(row.cluster, set()).add(row.split)
        leaks += sum(len(cluster_splits) > 1 for cluster_splits in by_cluster.values())
    rows = []
    for version in published.listing(project.home):
        proof = verify(project.home, version.name)
        rows.append((version.name, proof.images, "; ".join(proof.problems[:1]) or "verifies"))
        leaks += len(proof.problems)
    table("twelve versions", ["", "images", ""], rows)
    out.print(f"{moved} images changed split, {leaks} leaks or problems, {residue} traces of erased pictures\n")
    project.close()
    return {"moved": moved, "leaks": leaks, "erase_residue": residue}


def _traces(home: Path, sha256: str) -> int:
    """How many files name or hold an erased picture, besides the catalog, whose tombstone has its hash."""
    needle = sha256[:16].encode()
    return sum(
        needle in path.read_bytes() or sha256[:16] in path.name
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("catalog.db")
    )


def _is_known(project: Project, name: str) -> bool:
    with project.catalog.read() as connection:
        return connection.execute(select(images.c.sha256).where(images.c.sha256 == name)).first() is not None


def _project(folder: Path, layout: str = "") -> Project:
    folder.mkdir(parents=True)
    config = folder / "isitcake.toml"
    publishing = f'[publish]\nlayout = "{layout}"\n'
    config.write_text(f'[project]\nname = "bench"\ncontact = "https://example.org"\n{publishing}')
    return open_project(load(config, {}))


def _add(project: Project, numbers: range, now: datetime, *, is_small: bool = False) -> list[str]:
    """Add images as if they were collected, fingerprinted and normalised. Returns their SHA-256s.

    The original is the normalised picture. is_small: files of 1 KB, so that a million fit on the disk.
    """
    filled = (images, digests, fingerprints, clusters, sightings, decisions, consents)
    tables: dict[Any, list[dict[str, Any]]] = {t: [] for t in filled}
    names = []
    for n in numbers:
        content = _picture(n, is_small=is_small)
        name = hashlib.sha256(content).hexdigest()
        names.append(name)
        path = project.normalised.path(name)
        blob = project.blobs.path(name, "JPEG")
        for file in (path, blob):
            file.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        blob.hardlink_to(path)
        label = ("cake", "not_cake")[n % 2]
        noise = np.random.default_rng(n).integers(0, 2**63, 5, dtype=np.uint64)
        tables[images].append({"sha256": name, "format": "JPEG", "width": 320, "height": 240, "has_alpha": 0,
                               "size_bytes": len(content), "first_seen": now})  # fmt: skip
        tables[digests].append({"sha256": name, "recipe": DERIVED_RECIPE, "size_bytes": path.stat().st_size,
                                "digest": published.file_digest(path)})  # fmt: skip
        tables[fingerprints].append(
            {"sha256": name, "recipe": "bench", "phash": f"{noise[0]:016x}", "dhash": f"{noise[0]:016x}",
             "phash16": "".join(f"{w:016x}" for w in noise[1:]), "mirrored": f"{noise[0]:016x}", "views": b"",
             "detail": 50.0, "measures": {"edges": 1.0}})  # fmt: skip
        tables[clusters].append({"sha256": name, "cluster": name, "representative": name})
        tables[sightings].append(
            {"sha256": name, "source": f"s{n % 14}", "site": f"site{n % 14}.example", "source_label": label,
             "page_url": "https://x.example/", "image_url": f"https://x.example/{n}.jpg", "seen_at": now})  # fmt: skip
        tables[consents].append({"sha256": name, "image_url": f"https://x.example/{n}.jpg", "checked_at": now,
                                 "objection": "", "usage_preference": ""})  # fmt: skip
        tables[decisions].append({"sha256": name, "label": label, "origin": "source",
                                  "reason": "every source says so", "decided_at": now})  # fmt: skip
    with project.catalog.write() as connection:
        for which, rows in tables.items():
            append(connection, which, rows)
    return names


_GRAIN = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8) // 6


@functools.lru_cache(1)
def _encoded(seed: int, width: int, height: int) -> bytes:
    """A JPEG with soft blobs of its own, so that no two are copies of each other; 20 KB where it has 320 × 240."""
    blobs = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8))
    soft = np.asarray(blobs.resize((width, height), Image.Resampling.BICUBIC))
    return encode_jpeg(Image.fromarray((soft // 2 + _GRAIN[:height, :width]).astype(np.uint8)), quality=80)


def _picture(n: int, *, is_small: bool) -> bytes:
    """Picture n. is_small: those of a thousand differ by their comment only: a million are too many to draw."""
    encoded = _encoded(n // 1000, 16, 12) if is_small else _encoded(n, 320, 240)
    note = f"{n:012d}".encode()
    return encoded[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + encoded[2:]


def _used(folder: Path) -> float:
    """Bytes of files that have no other hard link."""
    total = 0
    for path in folder.rglob("*"):
        if path.is_file():
            status = path.stat()
            total += status.st_size if status.st_nlink == 1 else 0
    return float(total)


def _sizes(folder: Path) -> dict[int, int]:
    """Bytes of each file, by its inode."""
    states = (path.stat() for path in folder.rglob("*") if path.is_file())
    return {state.st_ino: state.st_size for state in states}


if __name__ == "__main__":
    main()
