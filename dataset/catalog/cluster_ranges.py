"""The catalog a block of clusters at a time, so that memory is needed for one block, however many there are."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select

from dataset.catalog.tables import clusters

CLUSTERS = 5000  # in a block
AFTER_ALL = "g"  # names are hexadecimal


def blocks(connection: Connection, size: int = CLUSTERS) -> Iterator[ColumnElement[bool]]:
    """Conditions on the table of clusters, each true for about `size` of them; every cluster is in one block."""
    name, low = clusters.c.cluster, ""
    while True:
        following = select(name).where(name >= low).distinct().order_by(name).offset(size).limit(1)
        high = connection.execute(following).scalar()
        yield and_(name >= low, name < (high or AFTER_ALL))
        if high is None:
            return
        low = high


def within(statement: Select[Any], table: Table, where: ColumnElement[bool]) -> Select[Any]:
    """The statement for images of a block only. table: the one of its tables whose sha256 names them."""
    return statement.join(clusters, clusters.c.sha256 == table.c.sha256).where(where)
