"""Revision 0009: addresses of files in folders lose the path of the machine, and nothing is collected twice."""

import random
import sqlite3
from pathlib import Path

from crawlers.collect import collect
from crawlers.ledger.listing import list_outcomes
from dataset.opening import open_project
from simulator import drawings

NAMES = ("cake.jpg", "in ner/b c.jpg", "in ner/ü%.jpg", "notes.txt")


def facts(catalog: Path) -> dict[str, list[tuple[object, ...]]]:
    statements = {
        "sightings": "SELECT source, sha256, site, image_url, page_url FROM sightings ORDER BY id",
        "fetches": "SELECT source, sha256, image_url, fetched_url FROM fetches ORDER BY image_url",
        "outcomes": "SELECT source, image_url, page_url, fetched_url FROM outcomes ORDER BY id",
    }
    with sqlite3.connect(catalog) as connection:
        return {table: connection.execute(statement).fetchall() for table, statement in statements.items()}


def test_an_older_catalog_is_carried_through(tmp_path: Path) -> None:
    """Data F13: the rows become those of today's program, and collecting again finds everything unchanged."""
    for number, name in enumerate(NAMES):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawings.cake(random.Random(number)) if path.suffix == ".jpg" else b"hello")
    (tmp_path / "isitcake.toml").write_text(
        '[[sources]]\nname = "mine"\nkind = "folder"\nlabel = "cake"\npath = "photos"\n'
    )
    project = open_project(tmp_path)
    collect(project)
    project.close()
    catalog = tmp_path / "library" / "catalog.db"
    today = facts(catalog)
    make_old(catalog, tmp_path / "photos")
    assert "file://" in str(facts(catalog))
    project = open_project(tmp_path)
    assert facts(catalog) == today
    report = collect(project)
    assert report.sources[0].outcomes == {"unchanged": 3, "rejected": 1}
    assert len(facts(catalog)["sightings"]) == 3
    assert {one.address for one in list_outcomes(project, "mine")} == {
        "folder:mine/cake.jpg", "folder:mine/in ner/b c.jpg", "folder:mine/in ner/ü%25.jpg", "folder:mine/notes.txt",
    }  # fmt: skip
    project.close()


def make_old(catalog: Path, root: Path) -> None:
    """Make of today's catalog the one that the program before revision 0009 would have written."""

    def as_uri(address: str | None) -> str | None:
        if address is None:
            return None
        below = address.removeprefix("folder:mine").lstrip("/").replace("%25", "%")
        return (root / below).resolve().as_uri()

    with sqlite3.connect(catalog) as connection:
        connection.create_function("as_uri", 1, as_uri)
        for table, columns in {
            "sightings": ("image_url", "page_url"),
            "outcomes": ("image_url", "page_url", "fetched_url"),
            "fetches": ("image_url", "fetched_url"),
        }.items():
            for column in columns:
                connection.execute(f"UPDATE {table} SET {column} = as_uri({column})")
        connection.execute("DROP TABLE quarantined")
        connection.execute("UPDATE alembic_version SET version_num = '0008'")
