"""Originals in quarantine; and addresses of files in folders, which no longer hold a path of the machine."""

import os
from collections import defaultdict
from typing import Any
from urllib.parse import unquote_to_bytes

import sqlalchemy as sa
from alembic import op

from dataset.catalog.folder_addresses import folder_address
from dataset.catalog.migration_steps import create_table
from dataset.catalog.tables import Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PREFIX = "file://"
TABLES = {  # table → its columns with addresses; those of them that are in its key; the other columns of its key
    "sightings": (("image_url", "page_url"), ("image_url", "page_url"), ("sha256", "source")),
    "outcomes": (("image_url", "page_url", "fetched_url"), ("image_url",), ("run_id",)),
    "fetches": (("image_url", "fetched_url"), ("image_url",), ("source",)),
}


def upgrade() -> None:
    create_table(
        "quarantined",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_quarantined")),
    )
    connection = op.get_bind()
    roots = _roots(connection)
    for name in TABLES:
        _rename(connection, name, roots)


def _roots(connection: Any) -> dict[str, list[bytes]]:
    """Paths that each source had as its folder, longest first. The site of a sighting says how deep the file lies."""
    table = _table("sightings", ("source", "site", "page_url"))
    found: dict[str, set[bytes]] = defaultdict(set)
    for row in connection.execute(sa.select(table).where(table.c.page_url.startswith(PREFIX)).distinct()):
        folder = _path(row.page_url)
        below = os.fsencode(row.site.removeprefix(row.source).lstrip("/"))
        if folder.endswith(below):
            found[row.source].add(folder[: len(folder) - len(below)].rstrip(b"/"))
    return {source: sorted(roots, key=len, reverse=True) for source, roots in found.items()}


def _rename(connection: Any, name: str, roots: dict[str, list[bytes]]) -> None:
    """Give the rows of files their new addresses. A row that then equals another one is removed."""
    columns, identity, key = TABLES[name]
    table = _table(name, tuple(dict.fromkeys((*columns, *key, "source"))))
    old = connection.execute(sa.select(table).where(table.c.image_url.startswith(PREFIX))).all()
    unknown: dict[str, list[bytes]] = defaultdict(list)
    for row in old:
        unknown[row.source].append(os.path.dirname(_path(row.image_url)))  # noqa: PTH120  bytes
    fallback = {source: os.path.commonpath(folders) for source, folders in unknown.items()}
    for row in old:
        known = [*roots.get(row.source, []), fallback[row.source]]
        new = {column: _address(getattr(row, column), row.source, known) for column in columns}
        there = sa.and_(*(table.c[column] == getattr(row, column) for column in key))
        same = sa.and_(there, *(table.c[column] == new[column] for column in identity))
        this = sa.and_(there, *(table.c[column] == getattr(row, column) for column in identity))
        if connection.execute(sa.select(table.c.image_url).where(same)).first():
            connection.execute(sa.delete(table).where(this))
        else:
            connection.execute(sa.update(table).where(this).values(new))


def _address(url: str | None, source: str, roots: list[bytes]) -> str | None:
    if url is None or not url.startswith(PREFIX):
        return url
    path = _path(url)
    root = next((root for root in roots if path == root or path.startswith(root + b"/")), os.path.dirname(path))  # noqa: PTH120
    return folder_address(source, path[len(root) :].strip(b"/"))


def _path(url: str) -> bytes:
    return unquote_to_bytes(url.removeprefix(PREFIX))


def _table(name: str, columns: tuple[str, ...]) -> Any:
    return sa.table(name, *(sa.column(column) for column in columns))
