"""Read the catalog in blocks of clusters, so that memory is needed for one block only. See docs/decisions/0017."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, select, true
from sqlalchemy.sql.elements import True_

from dataset.catalog.tables import clusters

CLUSTERS_PER_BLOCK = 5000
AFTER_ALL_NAMES = "g"  # names of clusters are hexadecimal


def blocks(connection: Connection, size: int = CLUSTERS_PER_BLOCK, at_once: int = 0) -> Iterator[ColumnElement[bool]]:
    """Conditions on the table `clusters`. Each is true for at most `size` clusters; every cluster is in one block.

    at_once: a catalog of so many clusters or fewer is one block.
    """
    name, low = clusters.c.cluster, ""
    if at_once > size:
        more = select(name).distinct().offset(at_once).limit(1)
        size = size if connection.execute(more).first() else at_once
    while True:
        next_low = select(name).where(name >= low).distinct().order_by(name).offset(size).limit(1)
        high = connection.execute(next_low).scalar()
        is_whole = not low and high is None  # without a range, tables are read in half the time
        yield true() if is_whole else and_(name >= low, name < (high or AFTER_ALL_NAMES))
        if high is None:
            return
        low = high


def within(statement: Select[Any], table: FromClause, block: ColumnElement[bool]) -> Select[Any]:
    """The statement, restricted to the images of one block. table: its table with the column sha256 of the images.

    Where one block is the whole catalog it is not restricted, which takes half the time. It then also has images that
    are in no cluster yet.
    """
    if isinstance(block, True_):
        return statement
    return statement.join(clusters, clusters.c.sha256 == table.c.sha256).where(block)
