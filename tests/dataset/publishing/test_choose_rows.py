"""The rows of a version: one picture of each cluster, with the label and split that the ledgers say."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from sqlalchemy import func, select, update

from dataset.catalog.tables import clusters, decisions, pairs, sightings, site_splits, splits
from dataset.catalog.writes import append
from dataset.project import Project
from dataset.publishing.choose_rows import HELD_OUT_TOO, IN_TWO_SPLITS, choose_rows
from dataset.publishing.rows_on_disk import RowsOnDisk
from dataset.splits.assignment import UNSEEN
from dataset.splits.split_leaks import split_leaks
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


def sight(project: Project, sha256: str, site: str) -> None:
    """One more sighting of an image, on another site of the same source."""
    with project.catalog.write() as connection:
        row = connection.execute(select(sightings).where(sightings.c.sha256 == sha256).limit(1)).one()
        values = {name: value for name, value in row._asdict().items() if name != "id"}
        append(connection, sightings, [{**values, "site": site, "page_url": f"https://{site}/also"}])


def pair(project: Project, a: str, b: str) -> None:
    low, high = sorted((a, b))
    with project.catalog.write() as connection:
        append(connection, pairs, [{"a": low, "b": high, "by": "registration", "distance": 4, "agreement": 0.9}])


def leaks(project: Project, path: Path) -> int:
    """What the gate counts of the next version."""
    rows = RowsOnDisk(path)
    with project.catalog.write() as connection:
        choose_rows(connection, project.settings.project.labels, NOVEMBER, rows)
        count = split_leaks(connection, rows.splits())
    rows.close()
    return count


def test_clusters_that_a_pair_connects_are_in_one_split(collected: Project, tmp_path: Path) -> None:
    """Data F10: a chain of pairs connects clusters; they get one split, which neither the order nor a block changes."""
    with collected.catalog.read() as connection:
        names = sorted(set(connection.execute(select(clusters.c.representative)).scalars()))
    for a, b in pairwise(names[:12]):
        pair(collected, a, b)
    rows, _ = chosen(collected, tmp_path / "rows.db", 3)
    joined = {row.split for row in rows if row.sha256 in names[:12]}
    assert len(joined) == 1
    assert len({row.split for row in rows}) > 1
    assert leaks(collected, tmp_path / "rows.db") == 0


def test_a_pair_between_splits_is_left_out_of_training(collected: Project, tmp_path: Path) -> None:
    """Data F10: the ledger of an older program has the two in two splits; neither moves, and one is left out."""
    before, _ = chosen(collected, tmp_path / "rows.db")
    train = next(row for row in before if row.split == "train" and row.label == "cake")
    test = next(row for row in before if row.split == "test" and row.label == "cake")
    pair(collected, train.sha256, test.sha256)
    with collected.catalog.read() as connection:
        assert split_leaks(connection, [(row.cluster, row.split) for row in before]) == 1  # what was published so far
    after, left_out = chosen(collected, tmp_path / "rows.db")
    assert {row.sha256 for row in before} - {row.sha256 for row in after} == {train.sha256}
    assert left_out[IN_TWO_SPLITS] == 1
    assert leaks(collected, tmp_path / "rows.db") == 0


def test_an_image_on_a_held_out_site_is_named_with_it(collected: Project, tmp_path: Path) -> None:
    """Data F10: seen on a trained site first, and on a held-out one: no row of the unseen sites names a trained one."""
    with collected.catalog.read() as connection:
        of_cakes = select(sightings.c.site).where(sightings.c.source_label == "cake").group_by(sightings.c.site)
        largest = connection.execute(of_cakes.order_by(func.count().desc()).limit(1)).scalar_one()  # never held out
        published = (
            select(sightings.c.sha256)
            .join(clusters, clusters.c.representative == sightings.c.sha256)
            .join(decisions, decisions.c.sha256 == sightings.c.sha256)
            .where(sightings.c.site == largest, decisions.c.label == "cake")
        )
        first = connection.execute(published.limit(1)).scalar_one()
    held = "held.example"
    sight(collected, first, held)
    with collected.catalog.write() as connection:
        append(connection, site_splits, [{"site": held, "held_out": 1, "assigned_at": NOVEMBER}])
    rows, _ = chosen(collected, tmp_path / "rows.db")
    (row,) = (row for row in rows if row.site == held)
    assert row.split == UNSEEN
    assert not {row.site for row in rows if row.split == UNSEEN} & {row.site for row in rows if row.split != UNSEEN}
    assert leaks(collected, tmp_path / "rows.db") == 0


def test_a_trained_image_that_appears_on_a_held_out_site_is_left_out(collected: Project, tmp_path: Path) -> None:
    """Data F10: it does not move, and it is not trained on either."""
    before, _ = chosen(collected, tmp_path / "rows.db")
    train = next(row for row in before if row.split == "train")
    with collected.catalog.write() as connection:
        append(connection, site_splits, [{"site": "held.example", "held_out": 1, "assigned_at": NOVEMBER}])
    sight(collected, train.sha256, "held.example")
    with collected.catalog.read() as connection:
        assert split_leaks(connection, [(row.cluster, row.split) for row in before]) == 1
    after, left_out = chosen(collected, tmp_path / "rows.db")
    assert train.cluster not in {row.cluster for row in after}
    assert left_out[HELD_OUT_TOO] == 1
    assert leaks(collected, tmp_path / "rows.db") == 0
