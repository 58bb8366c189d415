"""The manifest has the columns of the contract and gives back the rows that were written."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rows import made_row
from sqlalchemy import update

from dataset.catalog.tables import images
from dataset.exports.export import export
from dataset.project import Project
from dataset.publish import publish
from dataset.publishing import choose_rows
from dataset.versions import identity, manifest, published
from dataset.versions.manifest import COLUMNS, Row
from dataset.versions.published import Version
from dataset.versions.verify import verify

# What consumers read. A change of names, types or order breaks them.
CONTRACT = {
    "sha256": "string", "file": "string", "label": "string", "split": "string", "source_label": "string",
    "label_origin": "string", "sources": "list<item: string>", "site": "string", "page_url": "string",
    "image_url": "string", "licence": "string", "creator": "string", "first_seen": "timestamp[us, tz=UTC]",
    "width": "int32", "height": "int32", "format": "string", "phash": "string", "cluster": "string",
    "judgements": "int32", "error_probability": "float", "usage_preference": "string", "copyright_notice": "string",
    "checked_at": "timestamp[us, tz=UTC]", "published_width": "int32", "published_height": "int32",
}  # fmt: skip


def test_columns() -> None:
    assert {field.name: str(field.type) for field in manifest.schema()} == CONTRACT
    assert list(COLUMNS) == list(CONTRACT)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [made_row(n, sources=["a", "b"], creator="Ännchen") for n in range(7)]
    manifest.write(tmp_path / "m.parquet", rows)
    assert manifest.read(tmp_path / "m.parquet") == rows
    assert [row.canonical() for row in manifest.each(tmp_path / "m.parquet")] == [row.canonical() for row in rows]


def test_many_rows_become_several_groups(tmp_path: Path) -> None:
    rows = [made_row(1)] * (manifest.ROWS_PER_GROUP + 1)
    manifest.write(tmp_path / "m.parquet", rows)
    assert pq.ParquetFile(tmp_path / "m.parquet").num_row_groups == 2


def test_rows_are_dropped_and_the_others_stay_in_order(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    rows = [made_row(n) for n in range(5)]
    manifest.write(path, rows)
    before = path.stat().st_mtime_ns
    manifest.drop_rows(path, "sha256", {"not in it"})
    assert path.stat().st_mtime_ns == before
    manifest.drop_rows(path, "sha256", {rows[1].sha256, rows[3].sha256})
    assert manifest.read(path) == [rows[0], rows[2], rows[4]]
    assert pq.read_schema(path).equals(manifest.schema())


def test_the_id_does_not_depend_on_the_precision_of_parquet(tmp_path: Path) -> None:
    """Error probabilities are 32-bit floats in the file: they are rounded before they are hashed."""
    row: Row = made_row(1, error_probability=0.1)
    manifest.write(tmp_path / "m.parquet", [row])
    (read,) = manifest.read(tmp_path / "m.parquet")
    assert read.error_probability != row.error_probability
    assert read.canonical() == row.canonical()


def test_a_version_without_the_columns_about_owners(published_project: Project, version: Version) -> None:
    """Earlier releases wrote none of them: such a version is read, verified and compared as before."""
    path = version.path / manifest.FILE_NAME
    older = pq.read_table(path).drop_columns(["usage_preference", "copyright_notice", "checked_at"])
    out = io.BytesIO()
    pq.write_table(older, out)
    before = identity.file_digest(path)
    identity.replace_listed(version.path, manifest.FILE_NAME, out.getvalue())
    croissant = (version.path / "croissant.json").read_text().replace(before, identity.file_digest(path))
    identity.replace_listed(version.path, "croissant.json", croissant.encode())
    rows = published.load(published_project.home, version.name).rows()
    assert {(row.usage_preference, row.copyright_notice, row.checked_at) for row in rows} == {("", "", None)}
    assert verify(published_project.home, version.name).problems == []
    assert publish(published_project).version is None  # nothing changed
    with published_project.catalog.write() as connection:
        connection.execute(update(images).where(images.c.sha256 == rows[0].sha256).values(copyright_notice="© A Baker"))
    newer = publish(published_project).version
    assert newer is not None
    assert published.diff(published_project.home, version.name, newer).added == []
    assert verify(published_project.home, newer).problems == []


def test_a_version_without_the_sizes_of_published_pictures(
    collected: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Earlier releases wrote none, and no id covers them there: such a version verifies, and is the newest still."""
    with monkeypatch.context() as patch:
        patch.setattr(choose_rows, "normalised_size", lambda *_: (0, 0))  # what a row without sizes has
        name = publish(collected).version
    assert name is not None
    version = published.load(collected.home, name)
    before = identity.file_digest(version.path / manifest.FILE_NAME)
    for path in (version.path / manifest.FILE_NAME, *version.path.glob("data/*/metadata.parquet")):
        table = pq.read_table(path).drop_columns(list(manifest.SIZES))
        if path.name != manifest.FILE_NAME:
            table = table.cast(manifest.metadata_schema(version.labels, sized=False))
        out = io.BytesIO()
        pq.write_table(table, out)
        identity.replace_listed(version.path, path.relative_to(version.path).as_posix(), out.getvalue())
    after = identity.file_digest(version.path / manifest.FILE_NAME)
    croissant = (version.path / "croissant.json").read_text().replace(before, after)
    identity.replace_listed(version.path, "croissant.json", croissant.encode())
    assert {(row.published_width, row.published_height) for row in version.rows()} == {(0, 0)}
    assert verify(collected.home, name).problems == []
    assert export(version, "imagefolder", tmp_path / "x") == version.images
    assert publish(collected).version is None  # nothing changed
    with collected.catalog.write() as connection:
        connection.execute(update(images).values(copyright_notice="© A Baker"))
    newer = publish(collected).version
    assert newer is not None
    assert all(
        max(row.published_width, row.published_height) == 1024 for row in published.load(collected.home, newer).rows()
    )
    assert published.diff(collected.home, name, newer).added == []
    assert [verify(collected.home, one).problems for one in (name, newer)] == [[], []]


def test_the_id_covers_the_size_of_published_pictures() -> None:
    sized = made_row(1, published_width=1024, published_height=768)
    assert sized.timeless() != made_row(1).timeless()
    assert not set(manifest.SIZES) & set(made_row(1).timeless())


def test_the_id_covers_what_owners_say_and_not_when_they_were_asked() -> None:
    plain, asked = made_row(1), made_row(1, checked_at=datetime(2026, 11, 29, tzinfo=UTC))
    assert plain.timeless() == asked.timeless()
    assert plain.canonical() == asked.canonical()
    assert "checked_at" not in asked.timeless()
    assert made_row(1, usage_preference="train-ai=y").timeless() != plain.timeless()
    assert made_row(1, copyright_notice="© A Baker").timeless() != plain.timeless()
