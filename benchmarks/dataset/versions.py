"""make bench-versions: time, memory and disk of publishing, compared with copying and with datasets.save_to_disk.

It also publishes twelve versions of a growing set with erasures, and counts moved images, leaks and erased traces.
Pictures are made up, 20 KB each, and already normalised, as they are after the first version that has them.
"""

import functools
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from made_up import NOW, add, one_of_a_thousand, project_in
from runs import work_folder
from sqlalchemy import select
from table import figures, out, table

from dataset.catalog.tables import clusters, images, judgements
from dataset.catalog.writes import append
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.exports.export import export
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import published
from dataset.versions.stored.pictures import Layout
from dataset.versions.verify import verify

IMAGES, MORE = 20_000, 100
MILLION = 1_000_000
ROUNDS, BATCH = 12, 120


def main() -> None:
    with work_folder("versions") as folder:
        _million(folder)
        figures(_speed(folder) | _layouts(folder) | _life(folder))


def _speed(folder: Path) -> dict[str, float]:
    from datasets import load_dataset

    project = project_in(folder / "large")
    seconds: dict[str, float] = {}
    add(project, range(IMAGES), NOW)
    publish(project, NOW)  # normalised pictures are hashed once, with the first version
    first = published.newest(project.home)
    assert first is not None
    disk = {"a second version": 0.0}
    add(project, range(IMAGES, IMAGES + MORE), NOW)
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
        project = project_in(folder / layout, layout)

        def timed(name: str, run: Callable[[], object]) -> None:
            started = _on_disk()
            run()
            table_.setdefault(name, []).append(f"{_on_disk() - started:.1f}")

        add(project, range(IMAGES), NOW)
        timed("publish", functools.partial(publish, project, NOW))
        add(project, range(IMAGES, IMAGES + MORE), NOW)
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
    project = project_in(home)  # in shards, as so many images are where nothing else is configured
    out.print(f"making a catalog of {MILLION:,} images …")
    for start in range(0, MILLION, 50_000):
        add(project, range(start, min(start + 50_000, MILLION)), NOW, one_of_a_thousand)
    steps = [("publish", _STEP["publish"])]
    rows = [(name, *_measured(code, home)) for name, code in steps]
    add(project, range(MILLION, MILLION + MORE), NOW, one_of_a_thousand)
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
    project = project_in(folder / "life")
    rng = random.Random(3)
    split_of: dict[str, str] = {}
    moved = leaks = residue = 0
    names: list[str] = []
    for round_ in range(ROUNDS):
        now = NOW + timedelta(days=7 * round_)
        names += add(project, range(round_ * BATCH, (round_ + 1) * BATCH), now)
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
