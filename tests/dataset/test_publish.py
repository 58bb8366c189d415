"""Versions: exactly as designed, atomic, immutable, loadable by others, provable."""

import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataset import publish as stage
from dataset.catalog import cluster_ranges
from dataset.erasure.erase import erase
from dataset.project import Project
from dataset.publish import publish
from dataset.versions import manifest, published, verify
from foundation.errors import StageError, UnknownVersion
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


def test_version_directory(collected: Project) -> None:
    """Layout, names, links, columns: the contract on disk. Nothing changed, nothing published."""
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
    """Relabelled and removed images stand in the diff with reasons; no image changes its split."""
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
    assert publish(collected, datetime(2026, 12, 1, tzinfo=UTC)).version is None


def test_clusters_appear_once(collected: Project) -> None:
    """One picture of every cluster, and no cluster in two splits."""
    publish(collected, NOVEMBER)
    rows = published.newest(collected.home).rows()  # type: ignore[union-attr]
    assert len({row.cluster for row in rows}) == len(rows)
    assert verify.verify(collected.home, "2026.11.0").problems == []


@pytest.mark.parametrize("damage", ["byte", "missing", "moved", "extra"])
def test_verify_finds_tampering(collected: Project, damage: str) -> None:
    """And names the file."""
    publish(collected, NOVEMBER)
    version = published.load(collected.home, "2026.11.0")
    path = version.path / version.rows()[0].file
    content = path.read_bytes()
    if damage == "byte":
        path.unlink()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "missing":
        path.unlink()
    elif damage == "moved":
        path.rename(path.with_name("0000000000000000.jpg"))
    else:
        path.with_name("0000000000000000.jpg").write_bytes(content)
    problems = verify.verify(collected.home, "2026.11.0").problems
    assert problems
    assert any(".jpg" in problem for problem in problems)
    with pytest.raises(StageError, match=r"2026\.11\.0 is not what was published"):
        verify.require_verified(verify.verify(collected.home, "2026.11.0"))


def test_a_changed_row_is_named(collected: Project) -> None:
    """A label that was changed in the manifest, a row that was taken out, and leaves that were changed too."""
    publish(collected, NOVEMBER)
    version = published.load(collected.home, "2026.11.0")
    rows = version.rows()
    manifest.write(version.path / "manifest.parquet", [replace(rows[0], licence="cc0"), *rows[1:]])
    problems = verify.verify(collected.home, "2026.11.0").problems
    assert f"{rows[0].file} or its row was changed" in problems
    assert not any(rows[1].file in problem for problem in problems)
    manifest.write(version.path / "manifest.parquet", rows[1:])
    problems = verify.verify(collected.home, "2026.11.0").problems
    assert "1 rows are missing" in problems
    assert f"{rows[0].file} is not in the manifest" in problems
    manifest.write(version.path / "manifest.parquet", rows)
    assert verify.verify(collected.home, "2026.11.0").problems == []
    leaves = version.path / published.LEAVES
    leaves.write_bytes(leaves.read_bytes()[32:])
    manifest.write(version.path / "manifest.parquet", rows[1:])
    assert any("cannot be named" in problem for problem in verify.verify(collected.home, "2026.11.0").problems)


@pytest.mark.filterwarnings("ignore")
def test_others_can_load_it(collected: Project, tmp_path: Path) -> None:
    """Hugging Face gives every split with ClassLabel; Croissant's images decode; folders and DuckDB count alike."""
    import datasets
    import duckdb
    import mlcroissant

    publish(collected, NOVEMBER)
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
    walked = Counter((path.parts[-3], path.parts[-2]) for path in (version.path / "data").rglob("*.jpg"))
    assert walked == Counter((row.split, row.label) for row in rows.values())
    told = duckdb.sql(
        f"SELECT split, label, count(*) FROM read_parquet('{version.path}/manifest.parquet') GROUP BY ALL"
    ).fetchall()  # type: ignore[union-attr]
    assert {(split, label): n for split, label, n in told} == walked
    croissant = mlcroissant.Dataset(str(version.path / "croissant.json"))
    assert not croissant.metadata.ctx.issues.errors
    records = list(croissant.records("examples"))
    assert len(records) == len(rows)
    for record in records:
        assert record["examples/image"].size[0] > 0
        assert rows[record["examples/sha256"].decode()].label == record["examples/label"].decode()


def test_two_at_once(collected: Project) -> None:
    """One publishes, the other sees that there is nothing to do."""
    code = "from dataset.opening import open_project; from dataset.publish import publish; import sys; from pathlib import Path; print(publish(open_project(Path(sys.argv[1]))).version)"  # noqa: E501
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(collected.settings.config_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = sorted(process.communicate(timeout=120)[0].strip() for process in running)
    (name,) = published.names(collected.home)
    assert told == sorted([name, "None"])
    assert verify.verify(collected.home, name).problems == []


def test_blocks_make_no_difference(collected: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three clusters at a time give the version that all at once give."""
    publish(collected, NOVEMBER)
    before = published.load(collected.home, "2026.11.0")
    rows = before.rows()
    shutil.rmtree(before.path)
    monkeypatch.setattr(cluster_ranges.blocks, "__defaults__", (3,))
    monkeypatch.setattr(stage, "ROWS_AT_ONCE", 7)
    publish(collected, NOVEMBER)
    after = published.load(collected.home, "2026.11.0")
    assert after.rows() == rows
    assert after.id == before.id


def test_makers_are_named_and_forgotten(collected: Project) -> None:
    """The card credits them; once their pictures are erased, nothing names them."""
    report = publish(collected, NOVEMBER)
    card = collected.home / "versions" / str(report.version) / "README.md"
    told = card.read_text(encoding="utf-8")
    makers = {row.creator for row in published.load(collected.home, str(report.version)).rows()} - {""}
    assert makers
    assert all(f"| {maker} |" in told for maker in makers)
    assert "Of the images from sites that are trained on: train " in told
    gone = sorted(makers)[0]
    erase(collected, "asked", creator=gone)
    left = card.read_text(encoding="utf-8")
    assert gone not in left
    assert all(f"| {maker} |" in left for maker in makers - {gone})
    assert "## How to load" in left


def test_unknown_version(collected: Project) -> None:
    """Says which there are."""
    with pytest.raises(UnknownVersion, match="none is published yet"):
        published.load(collected.home, "2020.1.0")


def test_crash_between_directory_and_ledger(collected: Project) -> None:
    """A directory that stands is adopted; the next publish changes nothing."""
    from dataset.catalog.tables import versions as table

    publish(collected, NOVEMBER)
    with collected.catalog.write() as connection:
        connection.execute(table.delete())
    assert publish(collected, NOVEMBER).version is None
    with collected.catalog.read() as connection:
        assert [row.name for row in connection.execute(table.select())] == ["2026.11.0"]
