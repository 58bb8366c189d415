"""The catalog on SQLite and on a real PostgreSQL."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgresql import USER, running_postgresql
from sqlalchemy import select

from dataset.catalog import engine as module
from dataset.catalog.engine import Catalog
from dataset.catalog.tables import cursors, metadata
from dataset.catalog.writes import insert_new, upsert
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from foundation.errors import CatalogError
from foundation.ports import free_ports


def test_locked_catalog_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds it: said, and nothing is lost."""
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.2)
    catalog = Catalog("sqlite", tmp_path)
    holder = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogError, match="locked by another program"), catalog.write() as connection:
        upsert(connection, cursors, [{"name": "a", "value": "1"}])
    holder.rollback()
    holder.close()
    with catalog.write() as connection:
        assert insert_new(connection, cursors, [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]) == 1
    catalog.close()


def test_not_a_catalog(tmp_path: Path) -> None:
    """A file of something else is named."""
    (tmp_path / "catalog.db").write_text("this is no database, and long enough to be sure of it" * 20)
    with pytest.raises(CatalogError, match="is damaged"):
        Catalog("sqlite", tmp_path)


@pytest.fixture
def postgresql() -> Iterator[str]:
    with running_postgresql() as port:
        yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"


def test_the_whole_catalog_on_postgresql(postgresql: str, collected: Project) -> None:
    """The same rows curate and publish to the same version as on SQLite."""
    here = publish(collected)
    settings = collected.settings.model_copy(
        update={"catalog": collected.settings.catalog.model_copy(update={"url": postgresql})}
    )
    other = open_project(settings)
    with collected.catalog.read() as source, other.catalog.write() as target:
        for table in metadata.sorted_tables:
            if table.name in ("images", "sightings", "runs", "outcomes"):
                rows = [dict(row) for row in source.execute(select(table)).mappings()]
                insert_new(target, table, rows)
    assert curate(other).images == curate(collected).images
    identity = (collected.home / "versions" / str(here.version) / "version.json").read_bytes()
    shutil.rmtree(collected.home / "versions")
    there = publish(other)
    assert there.counts == here.counts
    import json

    again = json.loads((collected.home / "versions" / str(there.version) / "version.json").read_text())
    assert again["id"] == json.loads(identity)["id"]
    other.close()


def test_postgresql_out_of_reach(tmp_path: Path) -> None:
    """One sentence, without the password."""
    with pytest.raises(CatalogError) as caught:
        Catalog(f"postgresql+psycopg://cake:secret@127.0.0.1:{free_ports(1)[0]}/none", tmp_path)
    assert "secret" not in str(caught.value)
