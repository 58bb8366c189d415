"""Receipts of a whole version: a row for each picture, equal to what `isitcake consent` says about it."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commands import here
from small_projects import SmallProject
from sqlalchemy import delete, insert, select, update

from crawlers.ledger import receipts
from crawlers.ledger.receipt import receipt
from crawlers.ledger.receipts import COLUMNS, Written, write_receipts
from dataset.catalog.tables import sightings, signals
from dataset.opening import open_project
from dataset.project import Project
from dataset.versions.published import Version
from foundation.errors import UsageError


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_has_a_row_and_the_receipt_says_the_same(
    published_project: Project, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the pictures are read in several parts."""
    monkeypatch.setattr(receipts, "PICTURES_TOGETHER", 7)
    written = write_receipts(published_project, tmp_path / "new" / "receipts.csv")
    rows = rows_of(written.path)
    assert tuple(rows[0]) == COLUMNS
    assert {row["sha256"]: row["image_url"] for row in rows} == {r.sha256: r.image_url for r in version.rows()}
    asked = [row for row in rows if row["last_asked"]]
    assert written.pictures == len(rows)
    assert len(asked) == len(rows)
    assert written.unasked == sum(row["sources"] == "objects" for row in rows) > 0
    assert f"for {written.unasked} of them no host was asked" in written.line()
    assert "about" not in written.line()
    for row in asked[:: max(1, len(asked) // 8)]:
        alone = receipt(published_project, row["sha256"])
        times = [one.asked_at.isoformat(timespec="seconds") for one in alone.asked]
        assert (row["first_asked"], row["last_asked"]) == (times[0], times[-1])
        for one in alone.asked:
            assert f"{one.verdict} {one.address}" in row[one.kind], one


def test_a_cell_from_outside_is_no_formula(published_project: Project, version: Version, tmp_path: Path) -> None:
    """What a host says stands in a spreadsheet."""
    sha256 = version.rows()[0].sha256
    with published_project.catalog.write() as connection:
        here_ = {"about": "x", "address": "http://x/", "kind": "bytes", "verdict": "allows", "sha256": sha256}
        connection.execute(insert(signals).values(**here_, asked_at=datetime.now(UTC), said='=HYPERLINK("http://x")'))
        connection.execute(update(sightings).where(sightings.c.sha256 == sha256).values(creator="@Ann"))
        pages = connection.execute(select(sightings.c.page_url).where(sightings.c.sha256 == sha256)).scalars().all()
    assert pages
    path = write_receipts(published_project, tmp_path / "receipts.csv").path
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert any("HYPERLINK" in cell for cell in cells)


def test_a_host_that_has_no_robots_txt_in_the_catalog_was_asked_all_the_same(
    published_project: Project, version: Version, tmp_path: Path
) -> None:
    """The catalog may have another answer of it: of an older program, or of a recheck."""
    with published_project.catalog.write() as connection:
        connection.execute(delete(signals).where(signals.c.kind == "robots.txt"))
    written = write_receipts(published_project, tmp_path / "receipts.csv")
    rows = rows_of(written.path)
    assert not any(row["robots.txt"] for row in rows)
    assert written.unasked == sum(row.sources == ["objects"] for row in version.rows())


def test_nothing_published_and_wrong_arguments_are_one_sentence(tmp_path: Path) -> None:
    small = SmallProject(tmp_path)
    small.configure("cups n not_cake own")
    project = open_project(tmp_path)
    with pytest.raises(UsageError, match="nothing is published yet"):
        write_receipts(project, tmp_path / "receipts.csv")
    project.close()
    assert not (tmp_path / "receipts.csv").exists()
    assert here(tmp_path, "consent").returncode == 2
    assert here(tmp_path, "consent", "abcd", "--csv", "x.csv").returncode == 2
    assert here(tmp_path, "consent", "abcd", "--version", "latest").returncode == 2


def test_the_line_says_where_pictures_come_from_whose_hosts_were_not_asked(tmp_path: Path) -> None:
    """Folders have no host; the number is exact."""
    small = SmallProject(tmp_path, 2)
    small.configure("c c cake CC0", "n n not_cake CC0")
    small.run("collect", "curate", "publish")
    (line,) = small.run(f"consent --csv {tmp_path / 'out.csv'}")
    assert "for 4 of them no host was asked: they come from folders" in " ".join(line.split())
    some = Written(Path("x.csv"), "2026.11.0", 9, 5, 2).line()
    assert some.endswith("of 2026.11.0 to x.csv; for 5 of them no host was asked; 2 of these come from folders")
    assert Written(Path("x.csv"), "2026.11.0", 9, 5).line().endswith("for 5 of them no host was asked")
    assert Written(Path("x.csv"), "2026.11.0", 9, 0).line().endswith("to x.csv")
