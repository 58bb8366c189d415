"""Published versions: complete or absent, unchanged afterwards, readable by other tools.

Names dataset/publishing/write_version.py.
"""

import hashlib
import shutil
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from projects import LAYOUTS, SMALL_SHARDS

from dataset.catalog.tables import versions as versions_table
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.project import Project
from dataset.publish import BlockSizes, publish
from dataset.versions import published
from dataset.versions.verify import verify
from foundation.errors import StageError
from labeling.answer_files import import_answers
from labeling.queue import next_items

NOVEMBER = datetime(2026, 11, 24, 12, tzinfo=UTC)


def answer(project: Project, label: str, count: int = 1, reviewer: str = "ann") -> list[str]:
    """Judge the next images in the queue. Returns their SHA-256."""
    chosen = [item["sha256"] for item in next_items(project, count)]
    path = project.home / "answers.csv"
    path.write_text("sha256,label,reviewer\n" + "".join(f"{sha},{label},{reviewer}\n" for sha in chosen))
    import_answers(project, path)
    return chosen


each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def test_version_directory(collected: Project) -> None:
    """Files, names and links are as documented. A second publish changes nothing and makes no version."""
    report = publish(collected, NOVEMBER)
    assert report.version == "2026.11.0"
    root = collected.home / "versions" / "2026.11.0"
    assert {path.name for path in root.iterdir()} == {
        "README.md", "version.json", "croissant.json", "manifest.parquet", "diff.parquet", "leaves.bin", "data",
    }  # fmt: skip
    rows = published.load(collected.home, "2026.11.0").rows()
    assert len(rows) == report.images == report.added
    for row in rows:
        path = root / row.file
        assert row.file == f"data/{row.split}/{row.label}/{row.sha256[:16]}.jpg"
        derived = collected.home / "derived" / "jpeg1024-white-2" / row.sha256[:2] / f"{row.sha256}.jpg"
        assert path.samefile(derived)
        blob = collected.blobs.path(row.sha256, row.format)
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == row.sha256
    assert publish(collected, NOVEMBER).version is None
    assert not list((collected.home / "versions").glob(".building*"))


def test_answers_make_the_next_version(collected: Project) -> None:
    """The diff has the relabelled and removed images; no image changes its split."""
    publish(collected, NOVEMBER)
    gone = answer(collected, "unusable", 3)
    (turned,) = answer(collected, "not_cake")
    report = publish(collected, NOVEMBER)
    assert report.version == "2026.11.1"
    old, new = (published.load(collected.home, name) for name in ("2026.11.0", "2026.11.1"))
    assert new.parent == old.name
    before, after = ({row.sha256: row for row in version.rows()} for version in (old, new))
    assert not set(gone) & set(after)
    assert after[turned].label == "not_cake"
    assert after[turned].label_origin == "human"
    assert all(before[sha].split == after[sha].split for sha in before.keys() & after.keys())
    diff = published.diff(collected.home, "2026.11.0", "2026.11.1")
    assert {change["sha256"] for change in diff.removed} == set(gone) & set(before)
    assert all(change["reason"].startswith("now unusable, by human: ") for change in diff.removed)
    assert publish(collected, datetime(2026, 12, 1, tzinfo=UTC)).version is None


def test_clusters_appear_once(collected: Project) -> None:
    """There is one picture of each cluster, and no cluster is in two splits."""
    publish(collected, NOVEMBER)
    rows = published.newest(collected.home).rows()  # type: ignore[union-attr]
    assert len({row.cluster for row in rows}) == len(rows)
    assert verify(collected.home, "2026.11.0").problems == []


@each_layout
@pytest.mark.filterwarnings("ignore")
def test_other_tools_read_a_version(collected: Project, tmp_path: Path) -> None:
    """Hugging Face, mlcroissant and DuckDB all give the same images and labels."""
    import datasets
    import duckdb
    import mlcroissant

    publish(collected, NOVEMBER, blocks=SMALL_SHARDS)
    version = published.load(collected.home, "2026.11.0")
    loaded = datasets.load_dataset(str(version.path), cache_dir=str(tmp_path / "cache"))
    rows = {row.sha256: row for row in version.rows()}
    assert set(loaded) == {row.split for row in rows.values()}
    seen = 0
    for split, part in loaded.items():
        for record in part:
            row = rows[record["sha256"]]
            assert part.features["label"].int2str(record["label"]) == row.label
            assert row.split == split
            record["image"].load()
            seen += 1
    assert seen == len(rows)
    counted = duckdb.sql(
        f"SELECT split, label, count(*) FROM read_parquet('{version.path}/manifest.parquet') GROUP BY ALL"
    ).fetchall()  # type: ignore[union-attr]
    assert {(s, label): n for s, label, n in counted} == Counter((row.split, row.label) for row in rows.values())
    croissant = mlcroissant.Dataset(str(version.path / "croissant.json"))
    assert not croissant.metadata.ctx.issues.errors
    records = list(croissant.records("examples"))
    assert len(records) == len(rows)
    for record in records:
        assert record["examples/image"].size[0] > 0
        assert rows[record["examples/sha256"].decode()].label == record["examples/label"].decode()


def test_of_two_publishes_at_once_one_makes_a_version(collected: Project) -> None:
    """One publishes; the other waits, and then finds nothing to do."""
    code = "from dataset.opening import open_project; from dataset.publish import publish; import sys; from pathlib import Path; print(publish(open_project(Path(sys.argv[1]))).version)"  # noqa: E501
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(collected.settings.config_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    printed = sorted(process.communicate(timeout=120)[0].strip() for process in running)
    (name,) = published.names(collected.home)
    assert printed == sorted([name, "None"])
    assert verify(collected.home, name).problems == []


@each_layout
def test_the_size_of_blocks_makes_no_difference(collected: Project) -> None:
    """Reading three clusters and writing seven rows at a time gives the version that one block gives."""
    publish(collected, NOVEMBER)
    before = published.load(collected.home, "2026.11.0")
    rows = before.rows()
    shutil.rmtree(before.path)
    publish(collected, NOVEMBER, blocks=BlockSizes(clusters=3, rows=7))
    after = published.load(collected.home, "2026.11.0")
    assert after.rows() == rows
    assert after.id == before.id


def test_creators_are_credited_until_they_are_erased(collected: Project) -> None:
    """The card credits every creator; once the pictures of one are erased, the card does not name that one."""
    report = publish(collected, NOVEMBER)
    card = collected.home / "versions" / str(report.version) / "README.md"
    text = card.read_text(encoding="utf-8")
    creators = {row.creator for row in published.load(collected.home, str(report.version)).rows()} - {""}
    assert creators
    assert all(f"| {creator} |" in text for creator in creators)
    assert "Of the images from sites that are trained on: train " in text
    gone = sorted(creators)[0]
    erase(collected, Selection(Kind.CREATOR, gone), "asked")
    left = card.read_text(encoding="utf-8")
    assert gone not in left
    assert all(f"| {creator} |" in left for creator in creators - {gone})
    assert "## How to load" in left


def test_a_version_that_the_ledger_misses_is_added(collected: Project) -> None:
    """After a crash between directory and ledger, the next publish adds the version and makes no other."""
    publish(collected, NOVEMBER)
    with collected.catalog.write() as connection:
        connection.execute(versions_table.delete())
    assert publish(collected, NOVEMBER).version is None
    with collected.catalog.read() as connection:
        assert [row.name for row in connection.execute(versions_table.select())] == ["2026.11.0"]


def test_nothing_to_publish_is_an_error(project: Project) -> None:
    """And leaves nothing behind."""
    with pytest.raises(StageError, match="run `isitcake collect` first"):
        publish(project, NOVEMBER)
    publish_folder = project.home / "versions"
    assert published.names(project.home) == []
    assert [path.name for path in publish_folder.rglob("manifest.parquet")] == []


@pytest.mark.parametrize(("layout", "files"), [("folder", "*/*.jpg"), ("shards", "*.parquet")])
def test_a_killed_publish_is_replaced_by_the_same_version(collected: Project, files: str) -> None:
    """kill -9 once the first picture or shard is there; the next publish makes what an undisturbed one makes."""
    code = """
import os, signal, sys, time
from datetime import datetime
from pathlib import Path
from dataset.opening import open_project
from dataset.publish import BlockSizes, publish

project = open_project(Path(sys.argv[1]))
layout = project.settings.publish.layout

def kill(what, done, total):
    end = time.monotonic() + 60
    while layout != "shards" and not any(project.home.glob("versions/.building-*/data/*/*/*.jpg")):
        assert time.monotonic() < end  # a program beside links them
        time.sleep(0.01)
    if layout != "shards" or what == "pictures in shards":
        os.kill(os.getpid(), signal.SIGKILL)

publish(project, datetime.fromisoformat(sys.argv[2]), kill, blocks=BlockSizes(rows=5, shard=8))
"""
    arguments = [str(collected.settings.config_path), NOVEMBER.isoformat()]
    killed = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert published.names(collected.home) == []
    assert list((collected.home / "versions").glob(f".building-*/data/*/{files}"))
    assert publish(collected, NOVEMBER).version == "2026.11.0"
    assert verify(collected.home, "2026.11.0").problems == []
    assert not list((collected.home / "versions").glob(".building-*"))


def test_names_are_calendar_names(collected: Project) -> None:
    """The month, then a number; a clock that goes back gives no earlier name."""
    publish(collected, NOVEMBER)
    answer(collected, "unusable", 5)
    assert publish(collected, datetime(2026, 12, 1, tzinfo=UTC)).version == "2026.12.0"
    answer(collected, "unusable", 20)
    assert publish(collected, NOVEMBER).version == "2026.12.1"
