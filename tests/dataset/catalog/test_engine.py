"""dataset.catalog.engine and tables: the catalog on SQLite and on a real PostgreSQL."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from servers.postgresql import USER, running_postgresql
from sqlalchemy import inspect, select

from dataset.catalog.engine import Catalog
from dataset.catalog.tables import cursors, metadata, splits
from dataset.catalog.writes import append, insert_new, upsert
from dataset.curate import curate
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from foundation.environment import child_environment
from foundation.errors import CatalogError
from foundation.network.ports import free_ports


def test_a_locked_catalog_is_one_sentence(tmp_path: Path) -> None:
    """After the other program ends, writing works."""
    catalog = Catalog("sqlite", tmp_path, busy_timeout_s=0.2)
    holder = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogError, match="locked by another program"), catalog.write() as connection:
        upsert(connection, cursors, [{"name": "a", "value": "1"}])
    holder.rollback()
    holder.close()
    with catalog.write() as connection:
        assert insert_new(connection, cursors, [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]) == 1
    catalog.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_text("this is no database, and long enough to be sure of it" * 20)
    with pytest.raises(CatalogError, match="is damaged"):
        Catalog("sqlite", tmp_path)


@pytest.fixture
def postgresql() -> Iterator[str]:
    with running_postgresql() as port:
        yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"


def test_the_whole_catalog_on_postgresql(postgresql: str, collected: Project) -> None:
    """The same images and sightings give the same version as on SQLite."""
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
    again = json.loads((collected.home / "versions" / str(there.version) / "version.json").read_text())
    assert again["id"] == json.loads(identity)["id"]
    other.close()


def test_an_error_of_postgresql_does_not_show_the_password(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        Catalog(f"postgresql+psycopg://cake:secret@127.0.0.1:{free_ports(1)[0]}/none", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """The transaction is rolled back as a whole."""
    catalog = Catalog("sqlite", tmp_path)

    def fail() -> None:
        with catalog.write() as connection:
            upsert(connection, cursors, [{"name": "a", "value": "1"}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with catalog.read() as connection:
        assert connection.execute(select(cursors)).all() == []
    catalog.close()


def test_times_are_stored_in_utc(tmp_path: Path) -> None:
    catalog = Catalog("sqlite", tmp_path)
    berlin = datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=1)))
    with catalog.write() as connection:
        append(connection, splits, [{"sha256": "ab" * 32, "split": "train", "assigned_at": berlin}])
        assert connection.execute(select(splits.c.assigned_at)).scalar() == datetime(2026, 11, 24, 0, tzinfo=UTC)
    with pytest.raises(CatalogError, match="has no time zone"), catalog.write() as connection:
        append(
            connection, splits, [{"sha256": "cd" * 32, "split": "train", "assigned_at": berlin.replace(tzinfo=None)}]
        )
    catalog.close()


def test_migrations_make_the_tables_that_the_code_describes(tmp_path: Path) -> None:
    """Same tables, same columns."""
    catalog = Catalog("sqlite", tmp_path)
    inspector = inspect(catalog.engine)
    for table in metadata.sorted_tables:
        assert {c["name"] for c in inspector.get_columns(table.name)} == {c.name for c in table.columns}
    assert set(inspector.get_table_names()) == {*metadata.tables, "alembic_version"}
    catalog.close()


def test_a_project_of_the_newest_revision_opens_without_slow_modules(tmp_path: Path) -> None:
    """Commands that only read a table start faster."""
    (tmp_path / "isitcake.toml").write_text("[project]\n")
    open_project(tmp_path / "isitcake.toml").close()
    code = (
        "import sys; from pathlib import Path\n"
        "from dataset.labels import label_ledger; from dataset.opening import open_project\n"
        f"project = open_project(Path({str(tmp_path / 'isitcake.toml')!r}))\n"
        "with project.catalog.read() as connection: label_ledger.latest(connection)\n"
        "print([name for name in ('alembic', 'numpy', 'PIL', 'scipy', 'onnx') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    root = Path(__file__).parents[3]
    output = subprocess.run(command, cwd=root, env=child_environment(), capture_output=True, text=True, check=True)
    assert output.stdout == "[]\n"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_one_reading_sees_one_state(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What others write in the meantime is not seen before the next reading."""
    url = request.getfixturevalue("postgresql") if kind == "postgresql" else kind
    catalog = Catalog(url, tmp_path)
    with catalog.read() as connection:
        assert connection.execute(select(cursors.c.name)).all() == []
        with catalog.write() as other:
            upsert(other, cursors, [{"name": "a", "value": "1"}])
        assert connection.execute(select(cursors.c.name)).all() == []
    with catalog.read() as connection:
        assert connection.execute(select(cursors.c.name)).scalars().all() == ["a"]
    catalog.close()
