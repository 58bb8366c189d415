"""The rows of a version: one picture of each cluster, with the label and split that the ledgers say."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, update

from dataset.catalog.tables import clusters, decisions, splits
from dataset.catalog.writes import append
from dataset.project import Project
from dataset.publishing.choose_rows import choose_rows
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.versions.manifest import Row

NOVEMBER = datetime(2026, 11, 24, tzinfo=UTC)


def chosen(project: Project, path: Path, clusters_per_block: int = 5000) -> tuple[list[Row], dict[str, int]]:
    rows = RowsOnDisk(path)
    with project.catalog.write() as connection:
        labels = project.settings.project.labels
        left_out = choose_rows(connection, labels, NOVEMBER, rows, clusters_per_block)
    result = list(rows)
    rows.close()
    return result, left_out


def decide(project: Project, sha256: str, label: str) -> None:
    with project.catalog.write() as connection:
        row = {"sha256": sha256, "label": label, "origin": "human", "reason": "asked", "decided_at": NOVEMBER}
        append(connection, decisions, [row])


def test_one_row_for_each_published_cluster(collected: Project, tmp_path: Path) -> None:
    """Images without one of the project's labels stay out, counted by reason."""
    before, _ = chosen(collected, tmp_path / "rows.db")
    assert len({row.cluster for row in before}) == len(before)
    decide(collected, before[0].sha256, "unusable")
    decide(collected, before[1].sha256, "set_aside")
    decide(collected, before[2].sha256, "not_cake")
    after, left_out = chosen(collected, tmp_path / "rows.db")
    assert {row.sha256 for row in before} - {row.sha256 for row in after} == {before[0].sha256, before[1].sha256}
    assert next(row for row in after if row.sha256 == before[2].sha256).label == "not_cake"
    assert left_out["unusable"] >= 1
    assert left_out["excluded automatically"] >= 1
    assert left_out["near-duplicates"] > 0


def test_splits_stay_and_blocks_do_not_matter(collected: Project, tmp_path: Path) -> None:
    """The ledger of splits decides the second time; small blocks give the rows that one block gives."""
    first, _ = chosen(collected, tmp_path / "rows.db", 3)
    with collected.catalog.read() as connection:
        ledger = {row.sha256: row.split for row in connection.execute(select(splits))}
    assert all(ledger[row.sha256] == row.split for row in first)
    again, _ = chosen(collected, tmp_path / "rows.db")
    assert again == first


def test_duplicates_found_late_are_published_where_testing_is(collected: Project, tmp_path: Path) -> None:
    """The copy in training is withdrawn, and no image changes its split."""
    before, _ = chosen(collected, tmp_path / "rows.db")
    train = next(row for row in before if row.split == "train" and row.label == "cake")
    test = next(row for row in before if row.split == "test" and row.label == "cake")
    with collected.catalog.write() as connection:
        connection.execute(
            update(clusters)
            .where(clusters.c.cluster == test.cluster)
            .values(cluster=train.cluster, representative=train.sha256)
        )
    after, _ = chosen(collected, tmp_path / "rows.db")
    (row,) = (row for row in after if row.cluster == train.cluster)
    assert (row.sha256, row.split) == (test.sha256, "test")
    assert train.sha256 not in {row.sha256 for row in after}
