"""A catalog of any older program opens, with its rows, also after a migration was killed. Names migration_steps.py."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from old_catalogs import (
    OLD_REVISIONS,
    SHA256,
    catalog_of,
    kept_rows,
    killed_at_statement,
    set_revision,
    statements_of_migration,
)
from sqlalchemy import inspect

from dataset.catalog.engine import Catalog
from dataset.catalog.migrate import revisions
from dataset.catalog.tables import metadata
from foundation.errors import CatalogError

DERIVED_ANEW = {"compared", "fingerprints", "pairs"}  # revision 0003 drops what it cannot convert
FACTS = ("decisions", "images", "judgements", "sightings", "site_splits", "splits", "versions")


@pytest.mark.parametrize("revision", OLD_REVISIONS)
def test_a_catalog_of_an_older_program_keeps_its_rows(revision: str, tmp_path: Path) -> None:
    """Every table and column of the newest revision is there, and no fact is lost."""
    catalog_of(revision, tmp_path / "library")
    rows = kept_rows(tmp_path / "library")
    assert all(rows[table] for table in FACTS)
    assert rows["asked"] == [SHA256]
    catalog = Catalog("sqlite", tmp_path / "library")
    for table in metadata.sorted_tables:
        assert {c["name"] for c in inspect(catalog.engine).get_columns(table.name)} == set(table.columns.keys())
    catalog.close()


EVERY = 3  # statements, after one of which the program is killed


@pytest.mark.long
@pytest.mark.parametrize("revision", ["", "0001"])
def test_a_migration_killed_at_any_statement_is_finished(revision: str, tmp_path: Path) -> None:
    """Security 20: one whole revision is left; the next command opens it, and it then equals one never killed."""
    old, calm = tmp_path / "old", tmp_path / "calm"
    whole = {name: tables_of(name, tmp_path / f"whole-{name}") for name in revisions()}
    catalog_of(revision, old) if revision else old.mkdir()
    shutil.copytree(old, calm)
    statements = statements_of_migration(calm)
    expected = kept_rows(calm)
    for number in [*range(1, statements, EVERY), statements]:
        home = tmp_path / f"killed-{number}"
        shutil.copytree(old, home)
        assert killed_at_statement(home, number)
        said, tables = revision_and_tables(home, tmp_path / "look")
        assert tables == whole.get(said, {}), f"half of a revision after {said} at statement {number}"
        assert kept_rows(home) == expected, f"killed after statement {number}"
        shutil.rmtree(home)


def tables_of(revision: str, home: Path) -> dict[str, set[str]]:
    """Tables and their columns in a catalog of this revision."""
    catalog_of(revision, home)
    return revision_and_tables(home, home / "look")[1]


def revision_and_tables(home: Path, look: Path) -> tuple[str, dict[str, set[str]]]:
    """What revision a catalog says it has, and its tables with their columns. Looks at a copy, in the folder `look`."""
    look.mkdir()
    for path in home.glob("catalog.db*"):
        shutil.copy(path, look)
    connection = sqlite3.connect(look / "catalog.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}
    has_revision = columns.pop("alembic_version", None)
    said = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_revision else None
    connection.close()
    shutil.rmtree(look)
    return said[0] if said else "", columns


@pytest.mark.parametrize("revision", OLD_REVISIONS)
@pytest.mark.parametrize("statements", [1, 2, 3, 4])
def test_what_an_older_program_left_half_done_is_finished(revision: str, statements: int, tmp_path: Path) -> None:
    """Security 20: programs before this one committed each statement by itself; their catalogs open too."""
    home, later = tmp_path / "library", tmp_path / "later"
    catalog_of(revision, home)
    catalog_of(revisions()[revisions().index(revision) + 1], later)
    half_done(home / "catalog.db", later / "catalog.db", statements)
    rows = kept_rows(home)
    assert all(rows[table] for table in FACTS)
    assert rows["asked"] == [SHA256]


def half_done(path: Path, later: Path, statements: int) -> None:
    """Run the first statements of the next revision: new tables, then new columns."""
    old, new = sqlite3.connect(path), sqlite3.connect(later)

    def tables(connection: sqlite3.Connection) -> dict[str, str]:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))

    def columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
        rows = connection.execute(f"PRAGMA table_info({table})")
        return {row[1]: f"{row[1]} {row[2]} DEFAULT {row[4] or 'NULL'}" for row in rows}

    known = tables(old)
    steps = [sql for name, sql in sorted(tables(new).items()) if name not in known]
    for name in sorted(known.keys() & tables(new).keys() - DERIVED_ANEW):
        steps += [
            f"ALTER TABLE {name} ADD COLUMN {sql}"
            for column, sql in columns(new, name).items()
            if column not in columns(old, name)
        ]
    for step in steps[:statements]:
        old.execute(step)
    old.commit()
    old.close()
    new.close()


MISSING = (
    ["DROP TABLE consents", "DROP TABLE walls", "ALTER TABLE queue DROP COLUMN calibrated_by"],
    ["ALTER TABLE certificate_pictures DROP COLUMN look", "ALTER TABLE plays DROP COLUMN model_answer"],
    ["DROP TABLE claims", "DROP TABLE digests", "DROP TABLE positions", "ALTER TABLE images DROP COLUMN lists"],
)


@pytest.mark.parametrize("missing", MISSING)
def test_what_a_revision_of_another_number_lacks_is_added(missing: list[str], tmp_path: Path) -> None:
    """Programs between releases numbered revisions otherwise: a catalog then lacks tables that its number promises."""
    home = tmp_path / "home"
    catalog_of("0018", home)
    connection = sqlite3.connect(home / "catalog.db")
    for step in missing:
        connection.execute(step)
    connection.commit()
    connection.close()
    assert all(kept_rows(home)[table] for table in FACTS)
    catalog = Catalog("sqlite", home)
    for table in metadata.sorted_tables:
        assert {c["name"] for c in inspect(catalog.engine).get_columns(table.name)} == set(table.columns.keys())
    catalog.close()


def test_a_newer_catalog_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    """Security 21: one sentence with the catalog's revision, the newest known one and the fix."""
    Catalog("sqlite", tmp_path).close()
    set_revision(tmp_path, "0099")
    with pytest.raises(CatalogError, match=rf"has revision 0099, .* up to {revisions()[-1]}; update the program"):
        Catalog("sqlite", tmp_path)
    connection = sqlite3.connect(tmp_path / "catalog.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0099",)]
    connection.close()
