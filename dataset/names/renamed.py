"""New names of labels and sources that were renamed."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from dataset.catalog.tables import names

LABEL, SOURCE = "label", "source"  # kinds of names
USED, RENAMED, RETIRED = "used", "renamed", "retired"  # states of names


def renamed(connection: Connection, kind: str) -> dict[str, str]:
    """The newest name of each renamed one, by its old name. kind: LABEL or SOURCE."""
    became = {
        row.name: row.became
        for row in connection.execute(select(names).where(names.c.kind == kind, names.c.state == RENAMED))
    }
    return {name: newest for name in became if (newest := _newest(name, became)) != name}


def first_names(connection: Connection, kind: str) -> dict[str, str]:
    """The first name of each name that others became, by the newest name."""
    new_names = renamed(connection, kind)
    became = set(
        connection.execute(select(names.c.became).where(names.c.kind == kind, names.c.state == RENAMED)).scalars()
    )
    return {new: old for old, new in sorted(new_names.items()) if old not in became}


def _newest(name: str, became: Mapping[str, str]) -> str:
    passed = set()
    while name in became and name not in passed:
        passed.add(name)
        name = became[name]
    return name
