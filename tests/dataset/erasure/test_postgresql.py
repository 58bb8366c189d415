"""Erasing on a real PostgreSQL: nothing is left in the files of its tables, and no writer oversteps a tombstone."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servers.postgresql import USER, running_postgresql
from sqlalchemy import select

from crawlers.collect import collect
from dataset.catalog.tables import erasures, images, plays
from dataset.catalog.writes import insert_new
from dataset.curate import curate
from dataset.erasure.erase import erase
from dataset.erasure.selection import Kind, Selection
from dataset.opening import open_project
from dataset.project import Project
from dataset.publish import publish
from foundation.errors import CatalogError
from simulator import drawings

NAMES = ("left-alone", "to-be-erased")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with two sources of pictures, whose catalog is on PostgreSQL."""
    folder = tmp_path_factory.mktemp("postgresql-project")
    with running_postgresql() as port:
        lines = ["[project]", "[catalog]", f'url = "postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"']
        for seed, name in enumerate(NAMES):
            photos = folder / f"photos-{name}"
            photos.mkdir()
            for number in range(4):
                picture = photos / f"{name}-{number}.jpg"
                picture.write_bytes(drawings.cake(random.Random(10 * seed + number)))
            lines += ["[[sources]]", f'name = "{name}"', 'kind = "folder"', 'label = "cake"', f'path = "{photos}"']
        (folder / "isitcake.toml").write_text("\n".join(lines) + "\n")
        opened = open_project(folder / "isitcake.toml")
        collect(opened).raise_for_failures()
        curate(opened)
        publish(opened, force=True)
        yield opened
        opened.close()


def files_with(project: Project, needle: bytes) -> list[str]:
    """Files of tables and indexes, on the server's disk, that hold some bytes."""
    with project.catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        folder = Path(str(connection.exec_driver_sql("SHOW data_directory").scalar()))
    return [str(path) for path in (folder / "base").rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_nothing_is_left_in_the_files_of_tables(project: Project) -> None:
    """Security 30: tables are rewritten, and the statistics that the planner keeps of their values."""
    needle = b"folder:to-be-erased/to-be-erased-"
    with project.catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # once: each time would clear what the time before left
    assert files_with(project, needle)
    assert erase(project, Selection(Kind.SOURCE, "to-be-erased"), "asked").images == 4
    assert files_with(project, needle) == []
    assert files_with(project, b"folder:left-alone/left-alone-")


def test_a_transaction_that_began_before_the_tombstone_ends_before_it(project: Project) -> None:
    """Security 18: PostgreSQL lets writers run side by side; one that has not seen a tombstone is waited for."""
    with project.catalog.read() as connection:
        sha256 = connection.execute(select(images.c.sha256).limit(1)).scalar_one()
    play = {
        "round": "r", "slot": 0, "player": "p", "sha256": sha256, "version": "2026.11.0", "answer": "cake",
        "label": "cake", "model_answer": "", "played_at": datetime(2026, 11, 24, tzinfo=UTC),
    }  # fmt: skip
    other = open_project(project.settings)
    with project.catalog.write() as connection:
        assert insert_new(connection, plays, [play]) == 1
        eraser = threading.Thread(target=lambda: erase(other, Selection(Kind.SHA256, sha256), "asked"), daemon=True)
        eraser.start()
        eraser.join(1.0)  # it waits for this transaction
        with project.catalog.read() as elsewhere:
            assert elsewhere.execute(select(erasures).where(erasures.c.sha256 == sha256)).first() is None
    eraser.join(60)
    with project.catalog.read() as connection:
        assert connection.execute(select(plays)).all() == []
    other.close()


def test_a_newer_catalog_is_refused(project: Project) -> None:
    """Security 21: on PostgreSQL too."""
    with project.catalog.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(CatalogError, match="update the program"):
        open_project(project.settings)
    with project.catalog.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008'")
