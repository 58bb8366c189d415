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


def _newest(name: str, became: Mapping[str, str]) -> str:
    passed = set()
    while name in became and name not in passed:
        passed.add(name)
        name = became[name]
    return name
